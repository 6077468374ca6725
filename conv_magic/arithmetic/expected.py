"""Work out the output shape of any recorded call: from its options to its formula."""

from __future__ import annotations

from functools import lru_cache, singledispatch

from conv_magic.arithmetic.convolutions import conv_output_shape, depthwise_conv_output_shape
from conv_magic.arithmetic.layouts import dense_output_shape, flatten_output_shape, reshape_output_shape
from conv_magic.arithmetic.merges import broadcast_output_shape, concatenate_output_shape
from conv_magic.arithmetic.pools import global_pool_output_shape, pool_output_shape
from conv_magic.arithmetic.resizing import (
    cropping_output_shape,
    up_sampling_output_shape,
    zero_padding_output_shape,
)
from conv_magic.arithmetic.transposed import conv_transpose_output_shape
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
from conv_magic.model.shapes import Shape


def expected_shape(options: Options | None, inputs: tuple[Shape, ...], kernel: Shape | None = None) -> Shape | None:
    """Return the shape that a call with these options must give, None if there is no formula or no input.

    `kernel` is the shape of the kernel, where it exists; for a separable convolution that of its depthwise half.
    Raises `ShapeProblem` if the call is impossible.
    """
    return _remembered(options, inputs, kernel) if inputs else None


def shapes_agree(expected: Shape | None, output: Shape | None) -> bool:
    """Check whether two shapes can be the same: an unknown shape or size agrees with any."""
    if expected is None or output is None:
        return True
    pairs = zip(expected, output, strict=False)
    return len(expected) == len(output) and all(None in pair or pair[0] == pair[1] for pair in pairs)


def kernel_axis(kernel: Shape | None, dimensions: int, axis: int) -> int | None:
    """Return the kernel's size at index `axis`, None if the kernel is unknown or of another rank."""
    return kernel[axis] if kernel is not None and len(kernel) == dimensions + 2 else None


@singledispatch
def _shape_by_family(options: object, inputs: tuple[Shape, ...], kernel: Shape | None) -> Shape | None:
    return None


@_shape_by_family.register
def _conv_shape(options: ConvOptions, inputs: tuple[Shape, ...], kernel: Shape | None) -> Shape:
    dimensions = len(options.kernel_size)
    filters = options.filters if options.filters is not None else kernel_axis(kernel, dimensions, -1)
    return conv_output_shape(
        inputs[0],
        options.kernel_size,
        filters,
        options.strides,
        options.padding,
        options.dilation_rate,
        options.groups,
        options.data_format,
        kernel_axis(kernel, dimensions, -2),
    )


@_shape_by_family.register
def _depthwise_conv_shape(options: DepthwiseConvOptions, inputs: tuple[Shape, ...], kernel: Shape | None) -> Shape:
    return depthwise_conv_output_shape(
        inputs[0],
        options.kernel_size,
        options.depth_multiplier,
        options.filters,
        options.strides,
        options.padding,
        options.dilation_rate,
        options.data_format,
        kernel_axis(kernel, len(options.kernel_size), -2),
    )


@_shape_by_family.register
def _conv_transpose_shape(options: ConvTransposeOptions, inputs: tuple[Shape, ...], kernel: Shape | None) -> Shape:
    dimensions = len(options.kernel_size)
    filters = options.filters if options.filters is not None else kernel_axis(kernel, dimensions, -2)
    return conv_transpose_output_shape(
        inputs[0],
        options.kernel_size,
        filters,
        options.strides,
        options.padding,
        options.output_padding,
        options.dilation_rate,
        options.data_format,
        kernel_axis(kernel, dimensions, -1),
        options.output_shape,
    )


@_shape_by_family.register
def _pool_shape(options: PoolOptions, inputs: tuple[Shape, ...], kernel: Shape | None) -> Shape:
    return pool_output_shape(
        inputs[0],
        options.pool_size,
        options.strides,
        options.padding,
        options.data_format,
        options.dilation_rate or 1,
        options.over_channels,
    )


@_shape_by_family.register
def _global_pool_shape(options: GlobalPoolOptions, inputs: tuple[Shape, ...], kernel: Shape | None) -> Shape:
    return global_pool_output_shape(inputs[0], options.keepdims, options.data_format)


@_shape_by_family.register
def _zero_padding_shape(options: ZeroPaddingOptions, inputs: tuple[Shape, ...], kernel: Shape | None) -> Shape:
    return zero_padding_output_shape(inputs[0], options.padding, options.data_format)


@_shape_by_family.register
def _cropping_shape(options: CroppingOptions, inputs: tuple[Shape, ...], kernel: Shape | None) -> Shape:
    return cropping_output_shape(inputs[0], options.cropping, options.data_format)


@_shape_by_family.register
def _up_sampling_shape(options: UpSamplingOptions, inputs: tuple[Shape, ...], kernel: Shape | None) -> Shape:
    return up_sampling_output_shape(inputs[0], options.size, options.data_format)


@_shape_by_family.register
def _dense_shape(options: DenseOptions, inputs: tuple[Shape, ...], kernel: Shape | None) -> Shape:
    return dense_output_shape(inputs[0], options.units, kernel_axis(kernel, 0, 0))


@_shape_by_family.register
def _flatten_shape(options: FlattenOptions, inputs: tuple[Shape, ...], kernel: Shape | None) -> Shape:
    return flatten_output_shape(inputs[0])


@_shape_by_family.register
def _reshape_shape(options: ReshapeOptions, inputs: tuple[Shape, ...], kernel: Shape | None) -> Shape:
    return reshape_output_shape(inputs[0], options.target_shape)


@_shape_by_family.register
def _merge_shape(options: MergeOptions, inputs: tuple[Shape, ...], kernel: Shape | None) -> Shape:
    if options.axis is None:
        return broadcast_output_shape(inputs)
    return concatenate_output_shape(inputs, options.axis)


@_shape_by_family.register
def _unchanged_shape(options: SameShapeOptions, inputs: tuple[Shape, ...], kernel: Shape | None) -> Shape:
    return inputs[0]


_remembered = lru_cache(maxsize=1024)(_shape_by_family)  # asked before every eager call, mostly the same question
