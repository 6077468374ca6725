"""The capture matrix: every function and layer that is hooked, called in every way there is.

    python tests/capture_matrix.py            print it as a Markdown table
    python tests/capture_matrix.py --page     write it into docs/CAPTURE.md; a few minutes

A cell holds if the traced run shows the call once or more, in the right mode, with the shape that came, at a line.
Where a call cannot be made that way at all, traced or not, the cell says why in TensorFlow's or Keras' words.
"""

from __future__ import annotations

import asyncio as aio
import importlib.util
import inspect
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conv_magic.arithmetic import shapes_agree

WAYS: dict[str, str] = {
    "eager": "on values",
    "aliased": "by a name taken before",
    "tape": "under a `tf.GradientTape`",
    "thread": "in a thread",
    "asyncio": "in two `asyncio` tasks by turns",
    "function": "in a `tf.function`",
    "jit": "in a `tf.function` for XLA",
    "dataset": "in `tf.data`'s `map`",
    "symbolic": "on Keras' symbolic tensors",
    "nested": "in a model inside a model",
    "fit": "in `fit`",
    "predict": "in `predict`",
    "replicas": "on two replicas of a `MirroredStrategy`",
}
"""The columns, and what each stands for."""


@dataclass(frozen=True)
class Case:
    """One row: its name in the table, how it is called, the operation that its record names, its inputs."""

    name: str
    call: Callable[..., Any]
    op: str
    shapes: tuple[tuple[int, ...], ...]
    layer: Any = None
    dtype: str = "float32"

    def tensors(self) -> list[Any]:
        import tensorflow as tf

        if self.dtype == "string":
            return [tf.fill(shape, "a b") for shape in self.shapes]
        return [tf.cast(tf.ones(shape), self.dtype) for shape in self.shapes]


@dataclass(frozen=True)
class Cell:
    """What became of one case called one way; `holds` is None where it cannot be called so, `why` says why."""

    holds: bool | None
    why: str = ""


# --- the rows ----------------------------------------------------------------------------------------------------

_IMAGE, _KERNEL = (2, 8, 8, 3), (3, 3, 3, 4)
_FUNCTIONS: tuple[tuple[str, tuple[tuple[int, ...], ...], dict[str, Any]], ...] = (
    ("tf.nn.conv1d", ((2, 8, 3), (3, 3, 4)), {"stride": 1, "padding": "SAME"}),
    ("tf.nn.conv2d", (_IMAGE, _KERNEL), {"strides": 1, "padding": "SAME"}),
    ("tf.nn.conv3d", ((2, 5, 5, 5, 3), (2, 2, 2, 3, 4)), {"strides": (1,) * 5, "padding": "VALID"}),
    ("tf.nn.convolution", (_IMAGE, _KERNEL), {}),
    ("tf.nn.atrous_conv2d", (_IMAGE, _KERNEL), {"rate": 2, "padding": "VALID"}),
    ("tf.nn.depthwise_conv2d", (_IMAGE, (3, 3, 3, 2)), {"strides": (1,) * 4, "padding": "SAME"}),
    ("tf.nn.separable_conv2d", (_IMAGE, (3, 3, 3, 2), (1, 1, 6, 4)), {"strides": (1,) * 4, "padding": "SAME"}),
    ("tf.nn.conv1d_transpose", ((2, 4, 3), (3, 4, 3)), {"output_shape": (2, 8, 4), "strides": 2}),
    ("tf.nn.conv2d_transpose", ((2, 4, 4, 3), (3, 3, 4, 3)), {"output_shape": (2, 8, 8, 4), "strides": 2}),
    ("tf.nn.conv3d_transpose", ((2, 3, 3, 3, 3), (3, 3, 3, 4, 3)), {"output_shape": (2, 6, 6, 6, 4), "strides": 2}),
    ("tf.nn.conv_transpose", ((2, 4, 4, 3), (3, 3, 4, 3)), {"output_shape": (2, 8, 8, 4), "strides": 2}),
    ("tf.nn.atrous_conv2d_transpose", (_IMAGE, (3, 3, 4, 3)),
     {"output_shape": (2, 10, 10, 4), "rate": 1, "padding": "VALID"}),
    *((f"tf.nn.{kind}_pool{n}d", ((2, *(8,) * n, 3),), {"ksize": 2, "strides": 2, "padding": "VALID"})
      for kind in ("max", "avg") for n in (1, 2, 3)),
    *((f"tf.nn.{kind}_pool", (_IMAGE,), {"ksize": 2, "strides": 2, "padding": "VALID"}) for kind in ("max", "avg")),
    ("tf.nn.pool", (_IMAGE,), {"window_shape": (2, 2), "pooling_type": "MAX"}),
    ("tf.nn.max_pool_with_argmax", (_IMAGE,), {"ksize": 2, "strides": 2, "padding": "VALID"}),
    *((f"tf.nn.fractional_{kind}_pool", (_IMAGE,), {"pooling_ratio": (1.0, 1.5, 1.5, 1.0), "seed": 3})
      for kind in ("max", "avg")),
    *((f"tf.nn.{kind}2d", (_IMAGE, (3, 3, 3)),
       {"strides": (1,) * 4, "padding": "SAME", "data_format": "NHWC", "dilations": (1,) * 4})
      for kind in ("dilation", "erosion")),
    ("tf.nn.bias_add", (_IMAGE, (3,)), {}),
    ("tf.compat.v1.nn.conv1d", ((2, 8, 3), (3, 3, 4)), {"stride": 1, "padding": "SAME"}),
    ("tf.compat.v1.nn.conv2d", (_IMAGE, _KERNEL), {"strides": (1,) * 4, "padding": "SAME"}),
    ("tf.compat.v1.nn.conv3d", ((2, 5, 5, 5, 3), (2, 2, 2, 3, 4)), {"strides": (1,) * 5, "padding": "VALID"}),
    ("tf.compat.v1.nn.convolution", (_IMAGE, _KERNEL), {"padding": "SAME"}),
    ("tf.compat.v1.nn.depthwise_conv2d", (_IMAGE, (3, 3, 3, 2)), {"strides": (1,) * 4, "padding": "SAME"}),
    ("tf.compat.v1.nn.separable_conv2d", (_IMAGE, (3, 3, 3, 2), (1, 1, 6, 4)),
     {"strides": (1,) * 4, "padding": "SAME"}),
    ("tf.compat.v1.nn.conv2d_transpose", ((2, 4, 4, 3), (3, 3, 4, 3)),
     {"output_shape": (2, 8, 8, 4), "strides": (1, 2, 2, 1)}),
    ("tf.compat.v1.nn.conv3d_transpose", ((2, 3, 3, 3, 3), (3, 3, 3, 4, 3)),
     {"output_shape": (2, 6, 6, 6, 4), "strides": (1, 2, 2, 2, 1)}),
    *((f"tf.compat.v1.nn.{kind}", (_IMAGE,), {"ksize": 2, "strides": 2, "padding": "VALID"})
      for kind in ("max_pool", "avg_pool", "avg_pool2d")),
    ("tf.compat.v1.nn.max_pool_with_argmax", (_IMAGE,),
     {"ksize": [1, 2, 2, 1], "strides": [1, 2, 2, 1], "padding": "VALID"}),
    ("tf.compat.v1.nn.pool", (_IMAGE,), {"window_shape": (2, 2), "pooling_type": "MAX", "padding": "SAME"}),
    *((f"tf.compat.v1.nn.fractional_{kind}_pool", (_IMAGE,), {"pooling_ratio": (1.0, 1.5, 1.5, 1.0)})
      for kind in ("max", "avg")),
    *((f"tf.compat.v1.nn.{kind}2d", (_IMAGE, (3, 3, 3)),
       {"strides": (1,) * 4, "padding": "SAME", "rates": (1,) * 4}) for kind in ("dilation", "erosion")),
    ("keras.ops.conv", (_IMAGE, _KERNEL), {}),
    ("keras.ops.depthwise_conv", (_IMAGE, _KERNEL), {}),
    ("keras.ops.separable_conv", (_IMAGE, (3, 3, 3, 2), (1, 1, 6, 4)), {}),
    ("keras.ops.conv_transpose", (_IMAGE, (3, 3, 4, 3)), {"strides": 2}),
    *((f"keras.ops.{kind}_pool", (_IMAGE,), {"pool_size": 2}) for kind in ("max", "average")),
    *((f"keras.ops.adaptive_{kind}_pool", (_IMAGE,), {"output_size": (2, 2)}) for kind in ("max", "average")),
)  # fmt: skip
_RAW: tuple[tuple[str, dict[str, tuple[int, ...]], dict[str, Any]], ...] = (
    ("Conv2D", {"input": _IMAGE, "filter": _KERNEL}, {"strides": [1] * 4, "padding": "SAME"}),
    ("Conv3D", {"input": (2, 5, 5, 5, 3), "filter": (2, 2, 2, 3, 4)}, {"strides": [1] * 5, "padding": "SAME"}),
    ("DepthwiseConv2dNative", {"input": _IMAGE, "filter": (3, 3, 3, 2)}, {"strides": [1] * 4, "padding": "SAME"}),
    *((kind, {first: _IMAGE}, {"ksize": [1, 2, 2, 1], "strides": [1, 2, 2, 1], "padding": "SAME"})
      for kind, first in (("MaxPool", "input"), ("MaxPoolV2", "input"), ("AvgPool", "value"),
                          ("MaxPoolWithArgmax", "input"))),
    *((kind, {"input": (2, 6, 6, 6, 3)}, {"ksize": [1, 2, 2, 2, 1], "strides": [1, 2, 2, 2, 1], "padding": "SAME"})
      for kind in ("MaxPool3D", "AvgPool3D")),
    ("Dilation2D", {"input": _IMAGE, "filter": (3, 3, 3)}, {"strides": [1] * 4, "rates": [1] * 4, "padding": "SAME"}),
    *((f"Fractional{kind}Pool", {"value": _IMAGE}, {"pooling_ratio": [1.0, 1.5, 1.5, 1.0]}) for kind in ("Max", "Avg")),
    ("BiasAdd", {"value": _IMAGE, "bias": (3,)}, {}),
)  # fmt: skip

_OPTIONS: dict[str, Any] = {
    "activation": "relu", "output_size": 2, "rate": 0.25, "pool_size": 2, "filters": 2, "kernel_size": 2, "units": 3,
    "height": 4, "width": 4, "axes": 1, "input_dim": 10, "output_dim": 4, "num_bins": 5, "stddev": 0.1,
    "num_heads": 2, "key_dim": 2, "dims": (2, 1), "max_number": 3, "factor": 0.2, "height_factor": 0.2,
    "width_factor": 0.2, "n": 2, "scale": 0.5, "target_shape": (-1,),
}  # fmt: skip
_LAYER_OPTIONS: dict[str, dict[str, Any]] = {
    "EinsumDense": {"equation": "abc,cd->abd", "output_shape": (None, 5)},
    "CategoryEncoding": {"num_tokens": 4},
    "Discretization": {"bin_boundaries": [0.0, 1.0]},
    "StringLookup": {"vocabulary": ["a", "b"]},
    "IntegerLookup": {"vocabulary": [1, 2]},
    "TextVectorization": {"vocabulary": ["a", "b"]},
    "Normalization": {"mean": 0.0, "variance": 1.0},
    "RandomElasticTransform": {"data_format": "channels_last"},
    "STFTSpectrogram": {"frame_length": 16, "frame_step": 8, "fft_length": 16},
    "MelSpectrogram": {"fft_length": 16, "sequence_stride": 8, "num_mel_bins": 4},
    "GroupNormalization": {"groups": 3},
    "RandomPosterization": {"factor": 4},
}
_THREE = ((2, 4, 3),)
_STATES = ((2, 3), (2, 3))
_SHAPES: dict[str, tuple[tuple[int, ...], ...]] = {
    **dict.fromkeys(("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot", "Attention",
                     "AdditiveAttention", "MultiHeadAttention"), _THREE * 2),
    **dict.fromkeys(("LSTM", "GRU", "SimpleRNN", "RNN", "Bidirectional", "EinsumDense", "Permute", "Masking"), _THREE),
    **dict.fromkeys(("GRUCell", "SimpleRNNCell"), ((2, 4), (2, 3))),
    "LSTMCell": ((2, 4), *_STATES),
    "StackedRNNCells": ((2, 4), *_STATES),
    "Dense": ((2, 5),), "RepeatVector": ((2, 5),), "ActivityRegularization": ((2, 5),), "Wrapper": ((2, 5),),
    "SpectralNormalization": ((2, 5),), "Embedding": ((2, 5),), "ReversibleEmbedding": ((2, 5),),
    "TimeDistributed": _THREE, "CategoryEncoding": ((2, 3),), "Hashing": ((2, 1),), "StringLookup": ((2, 1),),
    "IntegerLookup": ((2, 1),), "TextVectorization": ((2, 1),), "HashedCrossing": ((2,), (2,)),
    "STFTSpectrogram": ((2, 64),), "MelSpectrogram": ((2, 64),),
    "ConvLSTM1D": ((2, 3, 6, 2),), "ConvLSTM2D": ((2, 3, 6, 6, 2),), "ConvLSTM3D": ((2, 3, 5, 5, 5, 2),),
}  # fmt: skip
_DTYPES = {
    **dict.fromkeys(("Embedding", "ReversibleEmbedding", "CategoryEncoding", "Hashing", "IntegerLookup",
                     "HashedCrossing"), "int32"),
    "StringLookup": "string", "TextVectorization": "string",
}  # fmt: skip
_TOGETHER = {"Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot", "Attention",
             "AdditiveAttention", "HashedCrossing"}  # fmt: skip
_NOT_CALLED = {
    "InputLayer": "it makes an input and is not called",
    "Layer": "a base class without a call of its own",
    "FlaxLayer": "it needs Flax",
    "JaxLayer": "it needs JAX",
    "TorchModuleWrapper": "it needs PyTorch",
    "TFSMLayer": "it needs a saved model",
    "MaxNumBoundingBoxes": "it works on bounding boxes",
    "Wrapper": "a base class without a call of its own",
}
_NEEDS_SCIPY = ("MelSpectrogram", "STFTSpectrogram")


def not_called() -> dict[str, str]:
    """The classes of `keras.layers` that have no row, and why."""
    if importlib.util.find_spec("scipy") is not None:
        return _NOT_CALLED
    return {**_NOT_CALLED, **dict.fromkeys(_NEEDS_SCIPY, "it needs SciPy")}


def _resolved(name: str) -> Any:
    import keras
    import tensorflow as tf

    found: Any = {"tf": tf, "keras": keras}[name.split(".")[0]]
    for part in name.split(".")[1:]:
        found = getattr(found, part, None)
    return found


def function_cases() -> Iterator[Case]:
    """Every hooked function of this TensorFlow and Keras."""
    for name, shapes, options in _FUNCTIONS:
        function = _resolved(name)
        if function is not None:
            yield Case(name, _calling(function, options), name.rpartition(".")[2], shapes)
    for name, tensors, options in _RAW:
        function, names = _resolved(f"tf.raw_ops.{name}"), tuple(tensors)
        yield Case(f"tf.raw_ops.{name}", _calling(function, options, names), name, tuple(tensors.values()))


def _calling(function: Any, options: dict[str, Any], names: tuple[str, ...] = ()) -> Callable[..., Any]:
    """A function of tensors alone: no lambda, of which AutoGraph knows those of one line apart by nothing."""

    def call(*tensors: Any) -> Any:
        if names:
            return function(**dict(zip(names, tensors)), **options)  # noqa: B905  AutoGraph knows no `strict`
        return function(*tensors, **options)

    return call


def layer_classes() -> dict[str, Any]:
    """The layers of `keras.layers`, each by its own name."""
    import keras

    found = inspect.getmembers(keras.layers, inspect.isclass)
    return {name: kind for name, kind in found if issubclass(kind, keras.layers.Layer) and kind.__name__ == name}


def layer_cases() -> Iterator[Case]:
    """A case for every layer class that can be called."""
    for name, kind in layer_classes().items():
        if name not in not_called():
            layer = kind(**_layer_options(name, kind))
            yield Case(name, _as_call(name, layer), name, _shapes(name), layer, _DTYPES.get(name, "float32"))


def _as_call(name: str, layer: Any) -> Callable[..., Any]:
    def call(*tensors: Any) -> Any:
        return layer(*tensors)

    def together(*tensors: Any) -> Any:
        return layer(list(tensors))

    def with_states(x: Any, *states: Any) -> Any:
        return layer(x, [[state] for state in states] if name == "StackedRNNCells" else list(states))

    if name in _TOGETHER:
        return together
    return with_states if name in ("LSTMCell", "StackedRNNCells") else call


def _layer_options(name: str, kind: Any) -> dict[str, Any]:
    import keras

    special: dict[str, dict[str, Any]] = {
        "Bidirectional": {"layer": keras.layers.LSTM(3)},
        "TimeDistributed": {"layer": keras.layers.Dense(3)},
        "SpectralNormalization": {"layer": keras.layers.Dense(3)},
        "RNN": {"cell": keras.layers.GRUCell(3)},
        "StackedRNNCells": {"cells": [keras.layers.SimpleRNNCell(3), keras.layers.SimpleRNNCell(3)]},
        "Lambda": {"function": lambda x: x * 2},
        "Pipeline": {"layers": [keras.layers.Rescaling(0.5)]},
        **_LAYER_OPTIONS,
    }
    if name in special:
        return special[name]
    parameters = list(inspect.signature(kind.__init__).parameters.values())[1:]
    required = [p.name for p in parameters if p.default is p.empty and p.kind is not p.VAR_KEYWORD and p.name != "args"]
    return {required_name: _OPTIONS[required_name] for required_name in required}


def _shapes(name: str) -> tuple[tuple[int, ...], ...]:
    if name in _SHAPES:
        return _SHAPES[name]
    n = next((n for n in (1, 2, 3) if name.removesuffix("Transpose").endswith(f"{n}D")), 2)
    return ((2, *(8,) * n, 3),)


# --- the columns -------------------------------------------------------------------------------------------------

Results = dict[str, Any]


def _attempt(call: Callable[[], Any]) -> Any:
    """The result's shape, or why there is none."""
    import tensorflow as tf

    try:
        return shapes_in(call())
    # the kinds with which TensorFlow and Keras refuse a call
    except (ValueError, TypeError, AttributeError, RuntimeError, KeyError, tf.errors.OpError) as error:
        text = " ".join(str(error).split())
        return f"{type(error).__name__}: {text[:120]}"


def shapes_in(value: Any) -> list[Any]:
    """The shapes of the tensors in a result."""
    if isinstance(value, list | tuple):
        return [shape for part in value for shape in shapes_in(part)]
    if isinstance(value, dict):
        return [shape for part in value.values() for shape in shapes_in(part)]
    return [tuple(value.shape)] if hasattr(value, "shape") else []


def eager(cases: list[Case]) -> Results:
    return {case.name: _attempt(lambda case=case: case.call(*case.tensors())) for case in cases}


def function(cases: list[Case]) -> Results:
    import tensorflow as tf

    return {case.name: _attempt(lambda case=case: tf.function(case.call)(*case.tensors())) for case in cases}


def jit(cases: list[Case]) -> Results:
    """Traced for XLA; what it compiles the graph to is no call of the user's any more."""
    import tensorflow as tf

    def traced(case: Case) -> Any:
        compiled = tf.function(case.call, jit_compile=True)
        return compiled.get_concrete_function(*case.tensors()).structured_outputs

    return {case.name: _attempt(lambda case=case: traced(case)) for case in cases}


def symbolic(cases: list[Case]) -> Results:
    """On Keras' symbolic tensors; a function of TensorFlow, which takes none, inside a `Lambda`."""
    import keras

    def symbolically(case: Case) -> Any:
        inputs = [keras.Input(batch_shape=shape, dtype=case.dtype) for shape in case.shapes]
        if case.layer is not None or case.name.startswith("keras.ops."):
            return case.call(*inputs)

        def of_list(tensors: Any) -> Any:
            return case.call(*(tensors if isinstance(tensors, list) else [tensors]))

        return keras.layers.Lambda(of_list)(inputs if len(inputs) > 1 else inputs[0])

    return {case.name: _attempt(lambda case=case: symbolically(case)) for case in cases}


def _holder(cases: list[Case]) -> Any:
    """A model that calls every case on its own constants, and gives back its input."""
    import keras

    class Holder(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.results: Results = {}
            self.own = [case.layer for case in cases if case.layer is not None]
            self.out = keras.layers.Dense(1, name="last")

        def call(self, x: Any) -> Any:
            for case in cases:
                self.results[case.name] = _attempt(lambda case=case: case.call(*case.tensors()))
            return self.out(x)

    holder = Holder()
    holder.compile("sgd", "mse", jit_compile=False)  # what XLA makes of the graph is no call; it takes half a minute
    return holder


def fit(cases: list[Case]) -> Results:
    import numpy as np

    holder = _holder(cases)
    holder.fit(np.ones((2, 3)), np.ones((2, 1)), verbose=0)
    return dict(holder.results)


def predict(cases: list[Case]) -> Results:
    import numpy as np

    holder = _holder(cases)
    holder.predict(np.ones((2, 3)), verbose=0)
    return dict(holder.results)


def nested(cases: list[Case]) -> Results:
    """A model inside a model."""
    import keras
    import numpy as np

    inner = _holder(cases)
    outer = keras.Sequential([inner], name="outer")
    outer(np.ones((2, 3), "float32"))
    return dict(inner.results)


def thread(cases: list[Case]) -> Results:
    results: Results = {}
    worker = threading.Thread(target=lambda: results.update(eager(cases)))
    worker.start()
    worker.join()
    return results


def tape(cases: list[Case]) -> Results:
    """While gradients are recorded."""
    import tensorflow as tf

    with tf.GradientTape():
        return eager(cases)


def asyncio(cases: list[Case]) -> Results:
    """Each call awaited in a task, two tasks at once; the second makes every other call."""

    async def some(chosen: list[Case]) -> Results:
        results: Results = {}
        for case in chosen:
            results[case.name] = _attempt(lambda case=case: case.call(*case.tensors()))
            await aio.sleep(0)  # lets the other task have its turn
        return results

    async def both() -> Results:
        halves = await aio.gather(some(cases[::2]), some(cases[1::2]))
        return {**halves[0], **halves[1]}

    return aio.run(both())


def dataset(cases: list[Case]) -> Results:
    """In the function that `tf.data` traces for its `map`."""
    import tensorflow as tf

    results: Results = {}

    def call_all(_: Any) -> Any:
        for case in cases:
            results[case.name] = _attempt(lambda case=case: case.call(*case.tensors()))
        return 0

    tf.data.Dataset.range(1).map(call_all)
    return results


def replicas(cases: list[Case]) -> Results:
    """On two virtual devices; only in a process that has made them before TensorFlow's first operation."""
    import tensorflow as tf

    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        cases = [_remade(case) for case in cases]
        eager(cases)  # makes the variables, which cannot be made on the replicas

    results: Results = {}

    def call_all() -> Any:
        for case in cases:
            results[case.name] = _attempt(lambda case=case: case.call(*case.tensors()))
        return tf.constant(0)

    @tf.function(autograph=False)
    def step() -> Any:
        return strategy.run(call_all)

    step.get_concrete_function()
    return results


def _remade(case: Case) -> Case:
    """The case with a layer made under the strategy, as its variables must be; the name stays."""
    if case.layer is None:
        return case
    made = type(case.layer).from_config(case.layer.get_config()) if case.name != "Lambda" else case.layer
    return Case(case.name, _as_call(case.name, made), case.op, case.shapes, made, case.dtype)


_MODES = {
    **dict.fromkeys(("eager", "aliased", "tape", "thread", "asyncio", "nested"), "eager"),
    "symbolic": "symbolic",
}


def column(way: str) -> dict[str, Cell]:
    """One column of the matrix."""
    if way == "replicas" and not _has_two_devices():
        return _asked_of_another_process(way)
    import conv_magic

    cases = [*function_cases(), *layer_cases()]
    if way in ("fit", "predict", "nested", "dataset"):
        eager(cases)  # a layer that is built in a graph may keep that graph's tensors
    call_all: Callable[[list[Case]], Results] = globals()["eager" if way == "aliased" else way]
    with conv_magic.trace(max_calls=100_000) as tracing:
        results = call_all(cases)
    report = tracing.report
    assert report is not None
    by_name: dict[str, list[Any]] = {}
    for call in report.trace.calls:
        if _AROUND.get(way, "") in ("", *_around(call, report.trace.calls)):
            by_name.setdefault(call.layer or call.op, []).append(call)
    return {case.name: _cell(case, way, results, by_name) for case in cases}


_AROUND = {"fit": "fit", "predict": "predict", "nested": "outer"}
"""Inside of which call the call must be."""


def _around(call: Any, calls: Any) -> Iterator[str]:
    """The operations and layers that a call is inside of."""
    while call.parent is not None:
        call = calls[call.parent]
        yield from (call.op, call.layer)


def _cell(case: Case, way: str, results: Results, by_name: dict[str, list[Any]]) -> Cell:
    result = results[case.name]
    if isinstance(result, str):
        return Cell(None, result)
    name = case.layer.name if case.layer is not None else case.op
    calls = [call for call in by_name.get(name, []) if call.mode == _MODES.get(way, "graph")]
    if way == "replicas" and {call.replica for call in calls} < {0, 1}:
        return Cell(False, f"replicas {sorted({str(call.replica) for call in calls})}")
    if not calls:
        others = [(call.mode.value, call.outcome.value) for call in by_name.get(name, [])]
        return Cell(False, f"no row; others: {others}")
    if any(call.span is None for call in calls):
        return Cell(False, "a row without a line")
    outputs = [call.output for call in calls]
    holds = not result or any(shapes_agree(output, result[0]) and output is not None for output in outputs)
    return Cell(holds, "" if holds else f"{outputs} for {result}")


def _has_two_devices() -> bool:
    import tensorflow as tf

    return len(tf.config.list_logical_devices("CPU")) > 1


def _asked_of_another_process(way: str) -> dict[str, Cell]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "column.json")
        path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
        environment = {**os.environ, "PYTHONPATH": path.strip(os.pathsep)}
        command = [sys.executable, __file__, "--json", way, str(out)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return {name: Cell(*cell) for name, cell in json.loads(out.read_text("utf-8")).items()}


def markdown(columns: dict[str, dict[str, Cell]]) -> str:
    """The whole table; every reason once, as a footnote."""
    notes: dict[str, int] = {}
    lines = [f"| | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    names = next(iter(columns.values()))
    for name in names:
        marks = [_mark(columns[way][name], notes) for way in columns]
        lines.append(f"| `{name}` | {' | '.join(marks)} |")
    lines += ["", *(f"{number}. {why}" for why, number in notes.items())]
    lines += ["", "No row:", "", *(f"- `{name}`: {why}" for name, why in not_called().items())]
    return "\n".join(lines)


PAGE = Path(__file__).parents[1] / "docs" / "CAPTURE.md"
_HEAD = """# What is seen, however it is called

Every function that is hooked and every layer of Keras that can be called, in every way to call it. A cell says yes if
the run's trace holds the call in the right mode, with the shape that came and at a line; a number names the reason why
it cannot be called that way at all, traced or not. Made with {}.

`make capture-page` makes this page by calling them all: do not edit it here. The tests make the same calls and compare.
"""


def page(columns: dict[str, dict[str, Cell]]) -> str:
    """The whole page."""
    ways = "\n".join(f"- {way}: {WAYS[way]}" for way in columns)
    return "\n".join([_HEAD.format(versions()), ways, "", markdown(columns), ""])


def versions() -> str:
    """What the calls were made with."""
    import keras
    import tensorflow as tf

    return f"TensorFlow {tf.__version__} and Keras {keras.__version__}"


def of_page(way: str) -> dict[str, bool] | None:
    """One column as the page has it, whether each cell says yes; None where the page was made with other versions."""
    text = PAGE.read_text("utf-8")
    if versions() not in text:
        return None
    head, _, *rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    place = head.index(way) + 1  # the head's first cell is empty
    return {row[0].strip("`"): row[place] == "yes" for row in rows}


def _mark(cell: Cell, notes: dict[str, int]) -> str:
    if cell.holds is None:
        return str(notes.setdefault(cell.why, len(notes) + 1))
    return "yes" if cell.holds else f"**no**: {cell.why}"


def _main(arguments: list[str]) -> None:
    if arguments[1:] and arguments[0] == "--json":
        import tensorflow as tf

        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
        found = {name: [cell.holds, cell.why] for name, cell in column(arguments[1]).items()}
        Path(arguments[2]).write_text(json.dumps(found), "utf-8")
    elif arguments == ["--page"]:
        PAGE.write_text(page({way: _timed(way) for way in WAYS}), "utf-8")
    else:
        print(markdown({way: _timed(way) for way in arguments or WAYS}))


def _timed(way: str) -> dict[str, Cell]:
    started = time.perf_counter()
    found = column(way)
    print(f"{way}: {time.perf_counter() - started:.1f} s", file=sys.stderr)
    return found


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CONV_MAGIC_STRICT", "1")
    _main(sys.argv[1:])
