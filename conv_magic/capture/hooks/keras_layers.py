"""Hook Keras layers: every layer's call passes `Layer.__call__`, every layer's creation `Layer.__new__`.

A layer's options are read from its public attributes (https://keras.io/api/layers/), by the name of the nearest Keras
class among its bases.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

from conv_magic.capture.hooks import known_layers
from conv_magic.capture.hooks.by_identity import ByIdentity
from conv_magic.capture.hooks.entry import AttributeSlot, Captured, CellSlot, Description, Hook
from conv_magic.capture.hooks.tensors import tensors_given
from conv_magic.model.options import (
    ConvOptions,
    ConvTransposeOptions,
    CroppingOptions,
    DenseOptions,
    DepthwiseConvOptions,
    FlattenOptions,
    GlobalPoolOptions,
    MergeOptions,
    Options,
    PoolOptions,
    ReshapeOptions,
    SameShapeOptions,
    UpSamplingOptions,
    ZeroPaddingOptions,
)
from conv_magic.model.shapes import Pairs, Shape


def _conv_options(layer: Any) -> Options:
    return ConvOptions(
        layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate, layer.groups, layer.filters,
        layer.data_format,
    )  # fmt: skip


def _depthwise_options(layer: Any) -> Options:
    return DepthwiseConvOptions(
        layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate, layer.depth_multiplier,
        getattr(layer, "filters", None), layer.data_format,
    )  # fmt: skip


def _transpose_options(layer: Any) -> Options:
    return ConvTransposeOptions(
        layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate, layer.output_padding, None,
        layer.filters, layer.data_format,
    )  # fmt: skip


def _pool_options(layer: Any) -> Options:
    return PoolOptions(layer.pool_size, layer.strides, layer.padding, layer.data_format)


def _global_pool_options(layer: Any) -> Options:
    return GlobalPoolOptions(layer.keepdims, layer.data_format)


def _padding_pairs(value: Any) -> Pairs:
    """Return (before, after) for each spatial axis; Keras keeps ((top, bottom), ...), but (left, right) in 1-D."""
    pairs = value if isinstance(value[0], tuple | list) else (value,)
    return tuple((int(before), int(after)) for before, after in pairs)


def _zero_padding_options(layer: Any) -> Options:
    return ZeroPaddingOptions(_padding_pairs(layer.padding), getattr(layer, "data_format", "channels_last"))


def _cropping_options(layer: Any) -> Options:
    return CroppingOptions(_padding_pairs(layer.cropping), getattr(layer, "data_format", "channels_last"))


def _up_sampling_options(layer: Any) -> Options:
    size = layer.size if isinstance(layer.size, tuple) else (int(layer.size),)
    return UpSamplingOptions(size, getattr(layer, "data_format", "channels_last"))


def _rescaling_options(layer: Any) -> Options | None:
    """Return that the shape stays, None for a list of scales, which may broadcast the input."""
    plain = isinstance(layer.scale, int | float) and isinstance(layer.offset, int | float)
    return SameShapeOptions() if plain else None


_OPTIONS: dict[str, Callable[[Any], Options | None]] = {
    "BaseConv": _conv_options,
    "BaseDepthwiseConv": _depthwise_options,
    "BaseSeparableConv": _depthwise_options,
    "BaseConvTranspose": _transpose_options,
    "BasePooling": _pool_options,
    "BaseGlobalPooling": _global_pool_options,
    "ZeroPadding1D": _zero_padding_options,
    "ZeroPadding2D": _zero_padding_options,
    "ZeroPadding3D": _zero_padding_options,
    "Cropping1D": _cropping_options,
    "Cropping2D": _cropping_options,
    "Cropping3D": _cropping_options,
    "UpSampling1D": _up_sampling_options,
    "UpSampling2D": _up_sampling_options,
    "UpSampling3D": _up_sampling_options,
    "Dense": lambda layer: DenseOptions(layer.units),
    "Flatten": lambda layer: FlattenOptions(layer.data_format),
    "Reshape": lambda layer: ReshapeOptions(tuple(layer.target_shape)),
    "Rescaling": _rescaling_options,
    "Concatenate": lambda layer: MergeOptions(layer.axis),
    **dict.fromkeys(
        ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"), lambda layer: MergeOptions(None)
    ),
    **dict.fromkeys(
        (
            "Activation", "ReLU", "LeakyReLU", "ELU", "PReLU", "Softmax", "Dropout", "GaussianNoise",
            "GaussianDropout", "AlphaDropout", "BatchNormalization", "LayerNormalization", "GroupNormalization",
            "UnitNormalization", "RMSNormalization", "ActivityRegularization", "Identity", "RandomFlip",
            "RandomRotation", "RandomTranslation", "RandomContrast", "RandomBrightness",
        ),
        lambda layer: SameShapeOptions(),
    ),
}  # fmt: skip

_KERNELS = ("kernel", "depthwise_kernel", "embeddings")
_LAYERS = "keras.src.layers."
_TRANSPARENT = (
    "keras.src.layers.rnn.time_distributed",
    "keras.src.layers.rnn.bidirectional",
    "keras.src.layers.core.wrapper",
    "keras.src.layers.core.lambda_layer",  # the code in it is the user's
)


def _options_of(layer: object) -> Options | None:
    """Return the options of a layer, None for a class that is not known or a subclass with its own `call`."""
    for kind in type(layer).__mro__:
        if kind.__module__.startswith(_LAYERS) and kind.__name__ in _OPTIONS:
            if _overrides_call(type(layer), kind):
                return None
            return _OPTIONS[kind.__name__](layer)
    return None


def _overrides_call(kind: type, known: type) -> bool:
    """Check whether a user's subclass computes something else than the Keras class does."""
    for base in kind.__mro__[: kind.__mro__.index(known)]:
        if not base.__module__.startswith(_LAYERS) and "call" in vars(base):
            return True
    return False


def _kernel_shape(layer: Any) -> Shape | None:
    """Return the shape of a built layer's kernel or embeddings, None if there is none."""
    if not layer.built:
        return None
    for name in _KERNELS:
        variable = getattr(layer, name, None)
        if variable is not None:
            return tuple(variable.shape)
    return None


def _shape_accepted(layer: Any, actual: Shape | None) -> Shape | None:
    """Return the shape that a layer's `input_spec` asks of its first input, in the rank of `actual` if possible."""
    specs = layer.input_spec
    if specs is None:
        return _declared_input(layer)
    while isinstance(specs, list | tuple | dict):
        specs = list(specs.values() if isinstance(specs, dict) else specs)
        if not specs:
            return None
        specs = specs[0]
    if specs is None or actual is None:
        return None
    if specs.shape is not None:
        return tuple(specs.shape)
    rank = specs.ndim if specs.ndim is not None else max(specs.min_ndim or 0, len(actual))
    pattern: list[int | None] = [None] * rank
    for axis, size in (specs.axes or {}).items():
        pattern[axis] = size
    return tuple(pattern)


def _declared_input(layer: Any) -> Shape | None:
    """Return a model's input shape as its author declared it: a Sequential has it, but no `input_spec`."""
    try:
        shape = layer.input_shape
    except AttributeError:  # not built, or not a model
        return None
    return shape if isinstance(shape, tuple) and all(isinstance(size, int | None) for size in shape) else None


def _capture_layer(layer: Any, /, *args: Any, **kwargs: Any) -> Captured:
    return Captured(tensors_given(args, kwargs), (layer.name, id(layer)), layer)


def _describe_layer(captured: Captured, inputs: tuple[Shape, ...]) -> Description:
    layer: Any = captured.subject
    options = _options_of(layer)
    described = Description(
        op=type(layer).__name__,
        layer=layer.name,
        kernel=_kernel_shape(layer),
        options=options,
        accepts=_shape_accepted(layer, inputs[0] if inputs else None),
        params=_params(layer) if layer.built else None,
    )
    if options is not None and type(layer).__module__.startswith(_LAYERS):
        known_layers.note(layer, inputs[:1], described)
    return described


_counted: ByIdentity[tuple[tuple[int, ...], int]] = ByIdentity()


def _params(layer: Any) -> int:
    """Return the layer's own count of parameters, kept as long as its variables are as many.

    Counting walks all variables.
    """
    variables = tuple(_variables_of(layer))
    known = _counted.get(layer)
    if known is None or known[0] != variables:
        known = variables, layer.count_params()
        _counted.note(layer, known)
    return known[1]


def _variables_of(layer: Any) -> Iterator[int]:
    """Yield the identity of the layer and of each layer in it, and how many variables each has of its own."""
    for part in layer._flatten_layers() if vars(layer).get("_layers") else (layer,):
        attributes = vars(part)
        yield id(part)
        yield len(attributes.get("_trainable_variables", ()))
        yield len(attributes.get("_non_trainable_variables", ()))


def _recall(captured: Captured, inputs: tuple[Shape, ...]) -> tuple[Description | None, bool]:
    return known_layers.recall(captured.subject, inputs)


def _let_pass(captured: Captured, inputs: tuple[Shape, ...]) -> None:
    known_layers.let_pass(captured.subject, inputs)


def _contains(captured: Captured) -> bool:
    """Check whether calls inside are rows: of a model, a wrapper or a user's layer; not of a layer of Keras."""
    module = type(captured.subject).__module__
    return not module.startswith(_LAYERS) or module.startswith(_TRANSPARENT)


def _layer_class() -> Any:
    module = sys.modules.get("keras.src.layers.layer")
    return getattr(module, "Layer", None)


def _find_call() -> CellSlot | None:
    layer_class = _layer_class()
    return CellSlot.of(layer_class.__call__, "fn") if layer_class is not None else None


def find_new() -> AttributeSlot | None:
    """Return the slot of `Layer.__new__`: its caller is the line that makes the layer.

    That of `__init__` may be a `super().__init__()`.
    """
    layer_class = _layer_class()
    return AttributeSlot(layer_class, "__new__") if layer_class is not None else None


LAYER_CALL = Hook(
    "keras.layers.Layer.__call__",
    _find_call,
    _capture_layer,
    _describe_layer,
    _contains,
    recall=_recall,
    let_pass=_let_pass,
)
