"""Turn captured arguments into the model's options, for each family of TensorFlow's convolutions and poolings."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from conv_magic.arithmetic.layouts import product
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
    """Arguments that are unknown when the call is made, or malformed, which TensorFlow itself reports."""


def _without_options_if_unclear(describe: Describe) -> Describe:
    """Return a function that describes a call without options where its arguments are unclear."""

    @wraps(describe)
    def described(op: str, *rest: Any) -> Description:
        try:
            return describe(op, *rest)
        except _Unclear:
            *named, captured, _ = rest
            return _description_without_options(op, named[0] if named else None, captured.detail)

    return described


def _description_without_options(op: str, n: int | None, detail: Any) -> Description:
    """Return what is known of a call with unclear arguments: how many axes its input must have."""
    kernel: Shape | None = detail.kernels[0] if detail.kernels else None
    if n is None and kernel is not None and 3 <= len(kernel) <= 5:
        n = len(kernel) - 2
    return Description(op, None, kernel, accepts=None if n is None else (None,) * (n + 2))


def data_format_of(data_format: Any) -> DataFormat:
    """Return the layout that a `data_format` of TensorFlow or Keras names."""
    first = isinstance(data_format, str) and data_format.upper().startswith(("NC", "CHANNELS_FIRST"))
    return "channels_first" if first else "channels_last"


def spatial(value: Any, n: int, data_format: Any) -> tuple[Any, ...]:
    """Return the entries for the spatial axes, from one number or a list for those axes or for all.

    Raise `_Unclear` for a list of another length.
    """
    values = (1,) if value is None else value if isinstance(value, tuple) else (value,)
    if len(values) == 1:
        return values * n
    if len(values) == n + 2:
        return values[2:] if data_format_of(data_format) == "channels_first" else values[1:-1]
    if len(values) != n:
        raise _Unclear
    return values


def _spatial_numbers(value: Any, n: int, data_format: Any) -> tuple[int, ...]:
    """Return one integer for each spatial axis; raise `_Unclear` if one is not an integer."""
    numbers = spatial(value, n, data_format)
    if not all(type(number) is int for number in numbers):
        raise _Unclear
    return numbers


def _spatial_padding(value: Any, n: int, data_format: Any) -> str | Pairs:
    """Return the padding as a lower-case word or as pairs; raise `_Unclear` for anything else."""
    if isinstance(value, str):
        return value.lower()
    pairs = spatial(value, n, data_format)
    if not all(isinstance(pair, tuple) and len(pair) == 2 and all(type(p) is int for p in pair) for pair in pairs):
        raise _Unclear
    return pairs


def _window_options(detail: Any, n: int) -> tuple[tuple[int, ...], str | Pairs, tuple[int, ...]]:
    """Return strides, padding and dilation rate."""
    strides = _spatial_numbers(detail.strides, n, detail.data_format)
    padding = _spatial_padding(detail.padding, n, detail.data_format)
    return strides, padding, _spatial_numbers(detail.dilations, n, detail.data_format)


def _known_kernel(detail: Any, rank: int | None) -> tuple[Any, ...]:
    """Return the kernel's shape; raise `_Unclear` if it is not known or of an impossible rank."""
    kernel: Shape | None = detail.kernels[0]
    if kernel is None or None in kernel or len(kernel) != (rank or len(kernel)) or not 3 <= len(kernel) <= 5:
        raise _Unclear
    return kernel


def _groups_implied(inputs: tuple[Shape, ...], kernel: Shape, data_format: DataFormat) -> int:
    """Return how many times the kernel's channels go into the input's, 1 if they do not go evenly."""
    if not inputs or len(inputs[0]) != len(kernel):
        return 1
    channels, own = inputs[0][1 if data_format == "channels_first" else -1], kernel[-2]
    return channels // own if channels and own and not channels % own else 1


def _input_pattern(n: int, channels: int | None, data_format: DataFormat) -> Shape:
    """Return the shape that an input must have, None for any size."""
    sizes = (None,) * n
    return (None, channels, *sizes) if data_format == "channels_first" else (None, *sizes, channels)


@_without_options_if_unclear
def describe_conv(op: str, n: int | None, captured: Captured, inputs: tuple[Shape, ...]) -> Description:
    """Describe a convolution over `n` spatial axes, or as many as its kernel has."""
    detail: Any = captured.detail
    kernel = _known_kernel(detail, None if n is None else n + 2)
    n = len(kernel) - 2
    data_format = data_format_of(detail.data_format)
    groups = _groups_implied(inputs, kernel, data_format)
    options = ConvOptions(kernel[:n], *_window_options(detail, n), groups, kernel[n + 1], data_format)
    return Description(op, None, kernel, options, _input_pattern(n, kernel[n], data_format), product(kernel))


@_without_options_if_unclear
def describe_depthwise(op: str, n: int | None, captured: Captured, inputs: tuple[Shape, ...]) -> Description:
    """Describe a depthwise or separable convolution over `n` spatial axes, or as many as its kernel has."""
    detail: Any = captured.detail
    kernel = _known_kernel(detail, None if n is None else n + 2)
    n = len(kernel) - 2
    pointwise = detail.kernels[1] if len(detail.kernels) > 1 else None
    data_format = data_format_of(detail.data_format)
    filters = pointwise[-1] if pointwise else None
    strides, padding, dilations = _window_options(detail, n)
    if not detail.by_keras and _is_miscomputed(detail, strides, dilations):
        raise _Unclear
    options = DepthwiseConvOptions(kernel[:n], strides, padding, dilations, kernel[n + 1], filters, data_format)
    params = sum(product(shape) or 0 for shape in detail.kernels if shape is not None)
    return Description(op, None, kernel, options, _input_pattern(n, kernel[n], data_format), params)


def _is_miscomputed(detail: Any, strides: tuple[int, ...], dilations: tuple[int, ...]) -> bool:
    """Check whether TensorFlow breaks its own rule: strides with dilation, or one dilation rate for two axes."""
    short = isinstance(detail.dilations, tuple) and len(detail.dilations) == 1
    return max(dilations) > 1 and (max(strides) > 1 or short)


@_without_options_if_unclear
def describe_transpose(op: str, n: int | None, captured: Captured, inputs: tuple[Shape, ...]) -> Description:
    """Describe a transposed convolution over `n` spatial axes, or as many as its kernel has."""
    detail: Any = captured.detail
    kernel = _known_kernel(detail, None if n is None else n + 2)
    n = len(kernel) - 2
    data_format = data_format_of(detail.data_format)
    window = _window_options(detail, n)
    options = ConvTransposeOptions(kernel[:n], *window, *_output_options(detail, n), kernel[n], data_format)
    return Description(op, None, kernel, options, _input_pattern(n, kernel[n + 1], data_format), product(kernel))


def _output_options(detail: Any, n: int) -> tuple[tuple[int, ...] | None, Shape | None]:
    """Return output padding and output shape, of which one is given; an unknown output shape has unknown sizes."""
    if detail.by_keras:
        extra = detail.output_padding
        return (None if extra is None else _spatial_numbers(extra, n, None)), None
    stated = detail.output_shape
    if not isinstance(stated, tuple):
        return None, (None,) * (n + 2)
    if not all(size is None or type(size) is int for size in stated):
        raise _Unclear
    return None, stated


@_without_options_if_unclear
def describe_pool(op: str, n: int | None, captured: Captured, inputs: tuple[Shape, ...]) -> Description:
    """Describe a pooling over `n` spatial axes, or as many as its arguments say."""
    detail: Any = captured.detail
    n = n or _spatial_rank_of(detail, inputs)
    data_format = data_format_of(detail.data_format)
    strides, padding, dilations = _window_options(detail, n)
    if set(dilations) == {1}:
        dilations = ()
    window = _spatial_numbers(detail.window, n, detail.data_format)
    options = PoolOptions(window, strides, padding, data_format, dilations, _channel_window(detail, n))
    return Description(op, None, None, options, _input_pattern(n, None, data_format), 0)


def _channel_window(detail: Any, n: int) -> tuple[int, ...]:
    """Return the window's size and stride over the channels; without a size TensorFlow ignores the stride."""
    size, stride = (_channel_entry(value, n, detail.data_format) for value in (detail.window, detail.strides))
    return (size, stride) if size != 1 else ()


def _channel_entry(value: Any, n: int, data_format: Any) -> int:
    """Return the entry for the channels, 1 if the value is for the spatial axes only."""
    if not isinstance(value, tuple) or len(value) != n + 2:
        return 1
    entry = value[1] if data_format_of(data_format) == "channels_first" else value[-1]
    if type(entry) is not int:
        raise _Unclear
    return entry


def _spatial_rank_of(detail: Any, inputs: tuple[Shape, ...]) -> int:
    """Return how many spatial axes a pooling without a number in its name has: by format, else by input."""
    if isinstance(detail.data_format, str) and detail.data_format.upper().strip("NC") in ("W", "HW", "DHW"):
        return len(detail.data_format) - 2
    if not inputs or not 3 <= len(inputs[0]) <= 5:
        raise _Unclear
    return len(inputs[0]) - 2


@_without_options_if_unclear
def describe_morphology(op: str, captured: Captured, inputs: tuple[Shape, ...]) -> Description:
    """Describe a grey-scale dilation or erosion: a pooling whose window has weights of its own."""
    detail: Any = captured.detail
    kernel = _known_kernel(detail, 3)
    options = PoolOptions(kernel[:2], *_window_options(detail, 2)[:2], "channels_last", _window_options(detail, 2)[2])
    return Description(op, None, kernel, options, _input_pattern(2, kernel[2], "channels_last"), product(kernel))


def describe_fractional(op: str, captured: Captured, inputs: tuple[Shape, ...]) -> Description:
    """Describe a pooling over windows of random sizes: there is no formula."""
    return Description(op, accepts=_input_pattern(2, None, "channels_last"), params=0)


def describe_bias(op: str, captured: Captured, inputs: tuple[Shape, ...]) -> Description:
    """Describe the addition of a bias: the shape stays."""
    detail: Any = captured.detail
    bias: Shape | None = detail.kernels[0]
    return Description(op, None, bias, SameShapeOptions(), params=None if bias is None else product(bias))
