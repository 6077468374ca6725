"""From captured arguments to the model's options, for each family of TensorFlow's convolutions and poolings."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from conv_magic.capture.hooks.entry import Captured, Description
from conv_magic.model.options import (
    ConvOptions,
    ConvTransposeOptions,
    DepthwiseConvOptions,
    PoolOptions,
    SameShapeOptions,
)
from conv_magic.model.shapes import DataFormat, Pairs, Shape

Describe = Callable[..., Description]


class _Unclear(Exception):
    """Arguments that say nothing: unknown when the call is made, or malformed, which TensorFlow itself will say."""


def _or_plain(describe: Describe) -> Describe:
    """The description without options where the arguments do not make any."""

    @wraps(describe)
    def described(op: str, *rest: Any) -> Description:
        try:
            return describe(op, *rest)
        except _Unclear:
            *named, captured, _ = rest
            return _plain(op, named[0] if named else None, captured.detail)

    return described


def _plain(op: str, n: int | None, detail: Any) -> Description:
    """What is known of a call with arguments that say nothing: how many axes its input must have."""
    kernel: Shape | None = detail.kernels[0] if detail.kernels else None
    if n is None and kernel is not None and 3 <= len(kernel) <= 5:
        n = len(kernel) - 2
    return Description(op, None, kernel, accepts=None if n is None else (None,) * (n + 2))


def data_format_of(data_format: Any) -> DataFormat:
    """The layout that a `data_format` of TensorFlow or Keras names."""
    first = isinstance(data_format, str) and data_format.upper().startswith(("NC", "CHANNELS_FIRST"))
    return "channels_first" if first else "channels_last"


def spatial(value: Any, n: int, data_format: Any) -> tuple[Any, ...]:
    """The entries for the spatial axes of one number, or of a list for those axes or for all axes."""
    values = (1,) if value is None else value if isinstance(value, tuple) else (value,)
    if len(values) == 1:
        return values * n
    if len(values) == n + 2:
        return values[2:] if data_format_of(data_format) == "channels_first" else values[1:-1]
    if len(values) != n:
        raise _Unclear
    return values


def _numbers(value: Any, n: int, data_format: Any) -> tuple[int, ...]:
    numbers = spatial(value, n, data_format)
    if not all(type(number) is int for number in numbers):
        raise _Unclear
    return numbers


def _padding(value: Any, n: int, data_format: Any) -> str | Pairs:
    if isinstance(value, str):
        return value.lower()
    pairs = spatial(value, n, data_format)
    if not all(isinstance(pair, tuple) and len(pair) == 2 and all(type(p) is int for p in pair) for pair in pairs):
        raise _Unclear
    return pairs


def _windows(detail: Any, n: int) -> tuple[tuple[int, ...], str | Pairs, tuple[int, ...]]:
    """Strides, padding and dilation rate."""
    strides = _numbers(detail.strides, n, detail.data_format)
    padding = _padding(detail.padding, n, detail.data_format)
    return strides, padding, _numbers(detail.dilations, n, detail.data_format)


def _kernel(detail: Any, rank: int | None) -> tuple[Any, ...]:
    """The kernel's shape, of a rank that makes sense."""
    kernel: Shape | None = detail.kernels[0]
    if kernel is None or None in kernel or len(kernel) != (rank or len(kernel)) or not 3 <= len(kernel) <= 5:
        raise _Unclear
    return kernel


def _groups(inputs: tuple[Shape, ...], kernel: Shape, data_format: DataFormat) -> int:
    """How many times the kernel's channels go into the input's, where they go evenly."""
    if not inputs or len(inputs[0]) != len(kernel):
        return 1
    channels, own = inputs[0][1 if data_format == "channels_first" else -1], kernel[-2]
    return channels // own if channels and own and not channels % own else 1


def _accepts(n: int, channels: int | None, data_format: DataFormat) -> Shape:
    sizes = (None,) * n
    return (None, channels, *sizes) if data_format == "channels_first" else (None, *sizes, channels)


@_or_plain
def describe_conv(op: str, n: int | None, captured: Captured, inputs: tuple[Shape, ...]) -> Description:
    """A convolution; `n` spatial axes, or as many as its kernel has."""
    detail: Any = captured.detail
    kernel = _kernel(detail, None if n is None else n + 2)
    n = len(kernel) - 2
    data_format = data_format_of(detail.data_format)
    groups = _groups(inputs, kernel, data_format)
    options = ConvOptions(kernel[:n], *_windows(detail, n), groups, kernel[n + 1], data_format)
    return Description(op, None, kernel, options, _accepts(n, kernel[n], data_format), product(kernel))


@_or_plain
def describe_depthwise(op: str, n: int | None, captured: Captured, inputs: tuple[Shape, ...]) -> Description:
    """A depthwise or separable convolution; `n` spatial axes, or as many as its kernel has."""
    detail: Any = captured.detail
    kernel = _kernel(detail, None if n is None else n + 2)
    n = len(kernel) - 2
    pointwise = detail.kernels[1] if len(detail.kernels) > 1 else None
    data_format = data_format_of(detail.data_format)
    filters = pointwise[-1] if pointwise else None
    strides, padding, dilations = _windows(detail, n)
    if not detail.by_keras and _miscounted(detail, strides, dilations):
        raise _Unclear
    options = DepthwiseConvOptions(kernel[:n], strides, padding, dilations, kernel[n + 1], filters, data_format)
    params = sum(product(shape) or 0 for shape in detail.kernels)
    return Description(op, None, kernel, options, _accepts(n, kernel[n], data_format), params)


def _miscounted(detail: Any, strides: tuple[int, ...], dilations: tuple[int, ...]) -> bool:
    """Whether TensorFlow, against its own rule, computes something else: both at once, or one rate for two axes."""
    short = isinstance(detail.dilations, tuple) and len(detail.dilations) == 1
    return max(dilations) > 1 and (max(strides) > 1 or short)


@_or_plain
def describe_transpose(op: str, n: int | None, captured: Captured, inputs: tuple[Shape, ...]) -> Description:
    """A transposed convolution."""
    detail: Any = captured.detail
    kernel = _kernel(detail, None if n is None else n + 2)
    n = len(kernel) - 2
    data_format = data_format_of(detail.data_format)
    window = _windows(detail, n)
    options = ConvTransposeOptions(kernel[:n], *window, *_output(detail, n), kernel[n], data_format)
    return Description(op, None, kernel, options, _accepts(n, kernel[n + 1], data_format), product(kernel))


def _output(detail: Any, n: int) -> tuple[tuple[int, ...] | None, Shape | None]:
    """Output padding and output shape, of which one is given; an unknown output shape has unknown sizes."""
    if detail.by_keras:
        extra = detail.output_padding
        return (None if extra is None else _numbers(extra, n, None)), None
    stated = detail.output_shape
    if not isinstance(stated, tuple):
        return None, (None,) * (n + 2)
    if not all(size is None or type(size) is int for size in stated):
        raise _Unclear
    return None, stated


@_or_plain
def describe_pool(op: str, n: int | None, captured: Captured, inputs: tuple[Shape, ...]) -> Description:
    """A pooling; `n` spatial axes, or as its arguments tell."""
    detail: Any = captured.detail
    n = n or _pooled_axes(detail, inputs)
    data_format = data_format_of(detail.data_format)
    strides, padding, dilations = _windows(detail, n)
    if set(dilations) == {1}:
        dilations = ()
    window = _numbers(detail.window, n, detail.data_format)
    options = PoolOptions(window, strides, padding, data_format, dilations, _over_channels(detail, n))
    return Description(op, None, None, options, _accepts(n, None, data_format), 0)


def _over_channels(detail: Any, n: int) -> tuple[int, ...]:
    """The window's size and stride over the channels; without a size TensorFlow ignores the stride."""
    size, stride = (_of_channels(value, n, detail.data_format) for value in (detail.window, detail.strides))
    return (size, stride) if size != 1 else ()


def _of_channels(value: Any, n: int, data_format: Any) -> int:
    """The entry for the channels, 1 where the value is for the spatial axes alone."""
    if not isinstance(value, tuple) or len(value) != n + 2:
        return 1
    entry = value[1] if data_format_of(data_format) == "channels_first" else value[-1]
    if type(entry) is not int:
        raise _Unclear
    return entry


def _pooled_axes(detail: Any, inputs: tuple[Shape, ...]) -> int:
    """How many axes a pooling without a number in its name is over, as TensorFlow tells: by format, else by input."""
    if isinstance(detail.data_format, str) and detail.data_format.upper().strip("NC") in ("W", "HW", "DHW"):
        return len(detail.data_format) - 2
    if not inputs or not 3 <= len(inputs[0]) <= 5:
        raise _Unclear
    return len(inputs[0]) - 2


@_or_plain
def describe_morphology(op: str, captured: Captured, inputs: tuple[Shape, ...]) -> Description:
    """Grey-scale dilation and erosion: a pooling whose window has weights of its own."""
    detail: Any = captured.detail
    kernel = _kernel(detail, 3)
    options = PoolOptions(kernel[:2], *_windows(detail, 2)[:2], "channels_last", _windows(detail, 2)[2])
    return Description(op, None, kernel, options, _accepts(2, kernel[2], "channels_last"), product(kernel))


def describe_fractional(op: str, captured: Captured, inputs: tuple[Shape, ...]) -> Description:
    """A pooling over windows of random sizes: no formula."""
    return Description(op, accepts=_accepts(2, None, "channels_last"), params=0)


def describe_bias(op: str, captured: Captured, inputs: tuple[Shape, ...]) -> Description:
    """A bias: the shape stays."""
    detail: Any = captured.detail
    bias: Shape | None = detail.kernels[0]
    return Description(op, None, bias, SameShapeOptions(), params=product(bias))


def product(shape: Shape | None) -> int | None:
    """The number of elements, None where that is not known."""
    size = 1
    for dimension in shape or ():
        if dimension is None:
            return None
        size *= dimension
    return size if shape is not None else None
