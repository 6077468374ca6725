"""Count what a call costs: multiply-accumulates and parameters.

MACs are counted for one example (the first axis left out), so that they compare with published figures and do
not depend on the batch; an addition of a bias is none.
"""

from __future__ import annotations

from math import prod

from conv_magic.arithmetic.axes import channel_axis
from conv_magic.arithmetic.expected import kernel_axis
from conv_magic.arithmetic.layouts import product
from conv_magic.model.options import (
    ConvOptions,
    ConvTransposeOptions,
    CroppingOptions,
    DenseOptions,
    DepthwiseConvOptions,
    FlattenOptions,
    GlobalPoolOptions,
    Options,
    PoolOptions,
    ReshapeOptions,
    ZeroPaddingOptions,
)
from conv_magic.model.shapes import DataFormat, Shape

_NO_MULTIPLICATION = (
    PoolOptions | GlobalPoolOptions | ZeroPaddingOptions | CroppingOptions | FlattenOptions | ReshapeOptions
)


def macs(options: Options | None, inputs: tuple[Shape, ...], kernel: Shape | None, output: Shape | None) -> int | None:
    """Return the multiply-accumulates of one example, None if a needed size is unknown or there is no formula.

    A convolution: output elements x kernel elements x channels of a group.  A transposed one: input elements x
    kernel elements x filters (what it then crops included).  Pooling and layout changes multiply nothing.
    """
    if not inputs or output is None:
        return None
    match options:
        case ConvOptions():
            depth = _channels_of_a_group(options, inputs[0], kernel)
            return product((product(output[1:]), prod(options.kernel_size), depth))
        case DepthwiseConvOptions():
            return _depthwise_macs(options, inputs[0], kernel, output)
        case ConvTransposeOptions():
            filters = _filters(options, kernel)
            return product((product(inputs[0][1:]), prod(options.kernel_size), filters))
        case DenseOptions():
            return product((product(output[1:]), inputs[0][-1]))
        case _:
            return 0 if isinstance(options, _NO_MULTIPLICATION) else None


def params(
    options: Options | None, inputs: tuple[Shape, ...], kernel: Shape | None, use_bias: bool = False
) -> int | None:
    """Return how many numbers the kernel and the bias hold, None if a size is unknown or there is no formula.

    Where the kernel does not exist yet, its shape follows from the options and the input's channels.
    """
    match options:
        case ConvOptions():
            depth = _channels_of_a_group(options, _first_shape(inputs), kernel)
            filters = _filters(options, kernel)
            return _sum(product((prod(options.kernel_size), depth, filters)), filters if use_bias else 0)
        case DepthwiseConvOptions():
            return _depthwise_params(options, _first_shape(inputs), kernel, use_bias)
        case ConvTransposeOptions():
            depth = _input_channels(options, _first_shape(inputs), kernel, -1)
            filters = _filters(options, kernel)
            return _sum(product((prod(options.kernel_size), depth, filters)), filters if use_bias else 0)
        case DenseOptions():
            depth = kernel_axis(kernel, 0, 0) or (inputs[0][-1] if inputs else None)
            return _sum(product((depth, options.units)), options.units if use_bias else 0)
        case _:
            return 0 if isinstance(options, _NO_MULTIPLICATION) else None


def _depthwise_macs(
    options: DepthwiseConvOptions, input_shape: Shape, kernel: Shape | None, output: Shape
) -> int | None:
    positions = product(_without_channels(output, len(options.kernel_size), options.data_format)[1:])
    channels = _depthwise_channels(options, input_shape, kernel)
    pointwise = 0 if options.filters is None else product((positions, channels, options.filters))
    return _sum(product((positions, channels, prod(options.kernel_size))), pointwise)


def _depthwise_params(
    options: DepthwiseConvOptions, input_shape: Shape | None, kernel: Shape | None, use_bias: bool
) -> int | None:
    channels = _depthwise_channels(options, input_shape, kernel)
    pointwise = 0 if options.filters is None else product((channels, options.filters))
    bias = channels if options.filters is None else options.filters
    return _sum(product((channels, prod(options.kernel_size))), pointwise, bias if use_bias else 0)


def _depthwise_channels(options: DepthwiseConvOptions, input_shape: Shape | None, kernel: Shape | None) -> int | None:
    return product((_input_channels(options, input_shape, kernel, -2), options.depth_multiplier))


def _channels_of_a_group(options: ConvOptions, input_shape: Shape | None, kernel: Shape | None) -> int | None:
    depth = kernel_axis(kernel, len(options.kernel_size), -2)
    if depth is not None:
        return depth
    channels = _input_channels(options, input_shape, None, -2)
    return None if channels is None else channels // options.groups


def _input_channels(
    options: ConvOptions | DepthwiseConvOptions | ConvTransposeOptions,
    input_shape: Shape | None,
    kernel: Shape | None,
    axis: int,
) -> int | None:
    """Return the input's channels: the kernel's size at `axis`, else the input's own."""
    dimensions = len(options.kernel_size)
    channels = kernel_axis(kernel, dimensions, axis)
    if channels is not None or input_shape is None or len(input_shape) < dimensions + 2:
        return channels
    return input_shape[channel_axis(len(input_shape), dimensions, options.data_format)]


def _filters(options: ConvOptions | ConvTransposeOptions, kernel: Shape | None) -> int | None:
    if options.filters is not None:
        return options.filters
    return kernel_axis(kernel, len(options.kernel_size), -1 if isinstance(options, ConvOptions) else -2)


def _without_channels(shape: Shape, dimensions: int, data_format: DataFormat) -> Shape:
    axis = channel_axis(len(shape), dimensions, data_format)
    return shape[:axis] + shape[axis + 1 :]


def _first_shape(inputs: tuple[Shape, ...]) -> Shape | None:
    return inputs[0] if inputs else None


def _sum(*numbers: int | None) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None
