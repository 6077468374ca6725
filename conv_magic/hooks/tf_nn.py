"""The convolutions and poolings of `tf.nn`: for each signature family, what is captured and what it means.

Signatures as in https://www.tensorflow.org/api_docs/python/tf/nn; every capture function takes the very
parameters of its family, so that Python itself binds the user's arguments.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, NamedTuple

from conv_magic.hooks.entry import Captured, CellSlot, Description, Hook
from conv_magic.hooks.tensors import shape_of_argument
from conv_magic.model import (
    ConvOptions,
    ConvTransposeOptions,
    DataFormat,
    DepthwiseConvOptions,
    Pairs,
    PoolOptions,
    Shape,
)


class _Detail(NamedTuple):
    """The arguments that decide a result's shape; `kernels` are shapes."""

    kernels: tuple[Shape | None, ...] = ()
    window: Hashable = None
    strides: Hashable = 1
    padding: Hashable = "VALID"
    data_format: Any = None
    dilations: Hashable = None
    output_shape: Hashable = None


def _frozen(value: Any) -> Hashable:
    """Lists to tuples, all the way down; a tensor to its values only where they are at hand."""
    if isinstance(value, list | tuple):
        return tuple(_frozen(element) for element in value)
    if hasattr(value, "tolist"):
        return _frozen(value.tolist())
    return value if isinstance(value, int | str | None) else None


def _conv(
    input: Any, filters: Any, strides: Any = 1, padding: Any = "VALID", data_format: Any = None,
    dilations: Any = None, name: Any = None,
) -> Captured:  # fmt: skip
    kernels = (shape_of_argument(filters),)
    return Captured(
        (input,), _Detail(kernels, None, _frozen(strides), _frozen(padding), data_format, _frozen(dilations))
    )


def _conv1d(
    input: Any, filters: Any, stride: Any, padding: Any, data_format: Any = "NWC", dilations: Any = None,
    name: Any = None,
) -> Captured:  # fmt: skip
    return _conv(input, filters, stride, padding, data_format, dilations)


def _depthwise(
    input: Any, filter: Any, strides: Any, padding: Any, data_format: Any = None, dilations: Any = None,
    name: Any = None,
) -> Captured:  # fmt: skip
    return _conv(input, filter, strides, padding, data_format, dilations)


def _separable(
    input: Any, depthwise_filter: Any, pointwise_filter: Any, strides: Any, padding: Any, data_format: Any = None,
    dilations: Any = None, name: Any = None,
) -> Captured:  # fmt: skip
    captured = _conv(input, depthwise_filter, strides, padding, data_format, dilations)
    kernels = (shape_of_argument(depthwise_filter), shape_of_argument(pointwise_filter))
    return captured._replace(detail=captured.detail._replace(kernels=kernels))  # type: ignore[attr-defined]  # it is a _Detail


def _atrous(value: Any, filters: Any, rate: Any, padding: Any, name: Any = None) -> Captured:
    return _conv(value, filters, 1, padding, None, rate)


def _transpose(
    input: Any, filters: Any, output_shape: Any, strides: Any, padding: Any = "SAME", data_format: Any = None,
    dilations: Any = None, name: Any = None,
) -> Captured:  # fmt: skip
    kernels = (shape_of_argument(filters),)
    detail = _Detail(
        kernels, None, _frozen(strides), _frozen(padding), data_format, _frozen(dilations), _frozen(output_shape)
    )
    return Captured((input,), detail)


def _pool(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: Any = None, name: Any = None
) -> Captured:
    return Captured((input,), _Detail((), _frozen(ksize), _frozen(strides), _frozen(padding), data_format))


def _format(data_format: Any) -> DataFormat:
    first = isinstance(data_format, str) and data_format.upper().startswith("NC")
    return "channels_first" if first else "channels_last"


def _spatial(value: Any, n: int, data_format: Any) -> tuple[int, ...]:
    """The entries for the spatial axes of an int, or of a list for those axes or for all axes."""
    values: tuple[int, ...] = (1,) if value is None else value if isinstance(value, tuple) else (value,)
    if len(values) == 1:
        return values * n
    if len(values) == n + 2:
        return values[2:] if _format(data_format) == "channels_first" else values[1:-1]
    if len(values) != n:
        raise ValueError(f"{len(values)} numbers for {n} spatial axes")
    return values


def _padding(value: Any, n: int, data_format: Any) -> str | Pairs:
    return value.lower() if isinstance(value, str) else tuple(_spatial(value, n, data_format))  # type: ignore[arg-type]  # pairs, not ints


def _groups(inputs: tuple[Shape, ...], kernel: Shape, data_format: DataFormat) -> int:
    """How many times the kernel's channels go into the input's, where they go evenly."""
    if not inputs or len(inputs[0]) != len(kernel):
        return 1
    channels, own = inputs[0][1 if data_format == "channels_first" else -1], kernel[-2]
    return channels // own if channels and own and not channels % own else 1


def _accepts(n: int, channels: int | None, data_format: DataFormat) -> Shape:
    spatial = (None,) * n
    return (None, channels, *spatial) if data_format == "channels_first" else (None, *spatial, channels)


def _describe_conv(op: str, n: int | None, captured: Captured, inputs: tuple[Shape, ...]) -> Description:
    detail: Any = captured.detail
    kernel: Shape | None = detail.kernels[0]
    if kernel is None or (n is not None and len(kernel) != n + 2) or len(kernel) < 3:
        return Description(op, kernel=kernel)
    n = len(kernel) - 2
    data_format = _format(detail.data_format)
    options = ConvOptions(
        kernel_size=kernel[:n],  # type: ignore[arg-type]  # a kernel's size is known
        strides=_spatial(detail.strides, n, detail.data_format),
        padding=_padding(detail.padding, n, detail.data_format),
        dilation_rate=_spatial(detail.dilations, n, detail.data_format),
        groups=_groups(inputs, kernel, data_format),
        filters=kernel[n + 1],
        data_format=data_format,
    )
    return Description(op, None, kernel, options, _accepts(n, kernel[n], data_format), _product(kernel))


def _describe_depthwise(op: str, captured: Captured, inputs: tuple[Shape, ...]) -> Description:
    detail: Any = captured.detail
    kernel: Shape | None = detail.kernels[0]
    if kernel is None or len(kernel) != 4 or None in kernel:
        return Description(op, kernel=kernel)
    pointwise = detail.kernels[1] if len(detail.kernels) > 1 else None
    data_format = _format(detail.data_format)
    options = DepthwiseConvOptions(
        kernel_size=kernel[:2],  # type: ignore[arg-type]  # None was refused above
        strides=_spatial(detail.strides, 2, detail.data_format),
        padding=_padding(detail.padding, 2, detail.data_format),
        dilation_rate=_spatial(detail.dilations, 2, detail.data_format),
        depth_multiplier=kernel[3],  # type: ignore[arg-type]
        filters=pointwise[-1] if pointwise else None,
        data_format=data_format,
    )
    params = sum(_product(shape) or 0 for shape in detail.kernels)
    return Description(op, None, kernel, options, _accepts(2, kernel[2], data_format), params)


def _describe_transpose(op: str, n: int | None, captured: Captured, inputs: tuple[Shape, ...]) -> Description:
    detail: Any = captured.detail
    kernel: Shape | None = detail.kernels[0]
    if kernel is None or (n is not None and len(kernel) != n + 2) or len(kernel) < 3:
        return Description(op, kernel=kernel)
    n = len(kernel) - 2
    data_format = _format(detail.data_format)
    options = ConvTransposeOptions(
        kernel_size=kernel[:n],  # type: ignore[arg-type]  # a kernel's size is known
        strides=_spatial(detail.strides, n, detail.data_format),
        padding=_padding(detail.padding, n, detail.data_format),
        dilation_rate=_spatial(detail.dilations, n, detail.data_format),
        output_padding=None,
        output_shape=detail.output_shape if isinstance(detail.output_shape, tuple) else None,
        filters=kernel[n],
        data_format=data_format,
    )
    return Description(op, None, kernel, options, _accepts(n, kernel[n + 1], data_format), _product(kernel))


def _describe_pool(op: str, n: int | None, captured: Captured, inputs: tuple[Shape, ...]) -> Description:
    detail: Any = captured.detail
    n = n or (len(inputs[0]) - 2 if inputs else 2)
    data_format = _format(detail.data_format)
    options = PoolOptions(
        pool_size=_spatial(detail.window, n, detail.data_format),
        strides=_spatial(detail.strides, n, detail.data_format),
        padding=str(_padding(detail.padding, n, detail.data_format)),
        data_format=data_format,
    )
    return Description(op, None, None, options, _accepts(n, None, data_format), 0)


def _product(shape: Shape | None) -> int | None:
    size = 1
    for dimension in shape or ():
        if dimension is None:
            return None
        size *= dimension
    return size if shape is not None else None


def _find(name: str) -> CellSlot | None:
    tensorflow: Any = sys.modules.get("tensorflow")
    function = getattr(getattr(tensorflow, "nn", None), name, None)
    return CellSlot.of(function, "fn")


def _hook(name: str, capture: Callable[..., Captured], describe: Callable[..., Description]) -> Hook:
    return Hook(f"tf.nn.{name}", partial(_find, name), capture, describe, contains=lambda _: False, guard=True)


def _conv_hook(name: str, n: int | None, capture: Callable[..., Captured] = _conv) -> Hook:
    return _hook(name, capture, partial(_describe_conv, name, n))


def _depthwise_hook(name: str, capture: Callable[..., Captured]) -> Hook:
    return _hook(name, capture, partial(_describe_depthwise, name))


def _transpose_hook(name: str, n: int | None) -> Hook:
    return _hook(name, _transpose, partial(_describe_transpose, name, n))


def _pool_hook(name: str, n: int | None) -> Hook:
    return _hook(name, _pool, partial(_describe_pool, name, n))


TF_NN: tuple[Hook, ...] = (
    _conv_hook("conv1d", 1, _conv1d),
    _conv_hook("conv2d", 2),
    _conv_hook("conv3d", 3),
    _conv_hook("convolution", None),
    _conv_hook("atrous_conv2d", 2, _atrous),
    _depthwise_hook("depthwise_conv2d", _depthwise),
    _depthwise_hook("separable_conv2d", _separable),
    _transpose_hook("conv1d_transpose", 1),
    _transpose_hook("conv2d_transpose", 2),
    _transpose_hook("conv3d_transpose", 3),
    _transpose_hook("conv_transpose", None),
    _pool_hook("max_pool", None),
    _pool_hook("max_pool1d", 1),
    _pool_hook("max_pool2d", 2),
    _pool_hook("max_pool3d", 3),
    _pool_hook("avg_pool", None),
    _pool_hook("avg_pool1d", 1),
    _pool_hook("avg_pool2d", 2),
    _pool_hook("avg_pool3d", 3),
)
