"""What TensorFlow and Keras themselves answer, asked in a process of its own.

With oneDNN some impossible calls end the process and others return the input's own shape
(https://github.com/tensorflow/tensorflow/issues/111453); without it every call gives the right shape or raises.
That has to be chosen before the import of TensorFlow, hence the process; one answers a whole list of calls.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class FrameworkCall:
    """`tf.nn.conv2d` on zeros of the `inputs`, or a new `keras.layers.Conv2D(**options)` called on them."""

    name: str
    inputs: Sequence[Sequence[int | None]]
    options: dict[str, Any] = field(default_factory=dict)
    flops: bool = False


@dataclass(frozen=True)
class Answer:
    """The output's shape or the error's text; for a layer its parameters; on request TensorFlow's own flops."""

    shape: tuple[int | None, ...] | None
    error: str | None
    params: int | None
    flops: int | None


def ask(calls: Sequence[FrameworkCall]) -> list[Answer]:
    """The framework's answer to each call."""
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "0", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    with tempfile.TemporaryDirectory() as folder:
        answers = Path(folder, "answers.json")
        question = json.dumps([asdict(call) for call in calls])
        command = [sys.executable, __file__, str(answers)]
        done = subprocess.run(command, input=question, text=True, capture_output=True, env=environment, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        raw = json.loads(answers.read_text("utf-8"))
    return [Answer(**{**one, "shape": None if one["shape"] is None else tuple(one["shape"])}) for one in raw]


def _answer(call: FrameworkCall) -> Answer:
    import keras
    import tensorflow as tf

    package, _, name = call.name.rpartition(".")
    layer = getattr(keras.layers, name)(**call.options) if package == "keras.layers" else None

    def run(*inputs: Any) -> Any:
        if layer is None:
            return getattr(tf.nn, name)(*inputs, **call.options)
        return layer(inputs[0] if len(inputs) == 1 else list(inputs))

    unknown = any(None in shape for shape in call.inputs)
    make = (lambda shape: keras.Input(batch_shape=shape)) if unknown else tf.zeros
    output = run(*map(make, call.inputs))
    shape = tuple(None if size is None else int(size) for size in output.shape)
    params = None if layer is None else layer.count_params()
    return Answer(shape, None, params, _flops(run, call) if call.flops else None)


def _flops(run: Any, call: FrameworkCall) -> int:
    import tensorflow as tf

    specs = [tf.TensorSpec(shape) for shape in call.inputs]
    graph = tf.function(run).get_concrete_function(*specs).graph
    profiler = tf.compat.v1.profiler
    options = {**profiler.ProfileOptionBuilder.float_operation(), "output": "none"}
    return int(profiler.profile(graph, options=options).total_float_ops)


def _safe_answer(call: FrameworkCall) -> Answer:
    import tensorflow as tf

    try:
        return _answer(call)
    # the kinds with which TensorFlow and Keras refuse a call; anything else is a mistake of the test
    except (ValueError, TypeError, tf.errors.OpError) as error:
        return Answer(None, f"{type(error).__name__}: {error}", None, None)


if __name__ == "__main__":
    asked = [FrameworkCall(**one) for one in json.load(sys.stdin)]
    Path(sys.argv[1]).write_text(json.dumps([asdict(_safe_answer(call)) for call in asked]), "utf-8")
