"""The output shape of any recorded call: from its options to its formula."""

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
    """The shape that a call with these options must give, or None where there is no formula or no input.

    `kernel` is the shape of the kernel, where it exists; for a separable convolution that of its depthwise half.
    Raises `ShapeProblem` if the call is impossible.
    """
    return _remembered(options, inputs, kernel) if inputs else None


def shapes_agree(expected: Shape | None, output: Shape | None) -> bool:
    """Whether two shapes can be the same: an unknown shape or size agrees with any."""
    if expected is None or output is None:
        return True
    pairs = zip(expected, output, strict=False)
    return len(expected) == len(output) and all(None in pair or pair[0] == pair[1] for pair in pairs)


def kernel_axis(kernel: Shape | None, dimensions: int, place: int) -> int | None:
    """The size of a convolution kernel at `place`, or None where the kernel is unknown or of another rank."""
    return kernel[place] if kernel is not None and len(kernel) == dimensions + 2 else None


@singledispatch
def _formula(options: object, inputs: tuple[Shape, ...], kernel: Shape | None) -> Shape | None:
    return None


@_formula.register
def _conv(options: ConvOptions, inputs: tuple[Shape, ...], kernel: Shape | None) -> Shape:
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


@_formula.register
def _depthwise(options: DepthwiseConvOptions, inputs: tuple[Shape, ...], kernel: Shape | None) -> Shape:
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


@_formula.register
def _conv_transpose(options: ConvTransposeOptions, inputs: tuple[Shape, ...], kernel: Shape | None) -> Shape:
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


@_formula.register
def _pool(options: PoolOptions, inputs: tuple[Shape, ...], kernel: Shape | None) -> Shape:
    return pool_output_shape(
        inputs[0],
        options.pool_size,
        options.strides,
        options.padding,
        options.data_format,
        options.dilation_rate or 1,
        options.over_channels,
    )


@_formula.register
def _global_pool(options: GlobalPoolOptions, inputs: tuple[Shape, ...], kernel: Shape | None) -> Shape:
    return global_pool_output_shape(inputs[0], options.keepdims, options.data_format)


@_formula.register
def _zero_padding(options: ZeroPaddingOptions, inputs: tuple[Shape, ...], kernel: Shape | None) -> Shape:
    return zero_padding_output_shape(inputs[0], options.padding, options.data_format)


@_formula.register
def _cropping(options: CroppingOptions, inputs: tuple[Shape, ...], kernel: Shape | None) -> Shape:
    return cropping_output_shape(inputs[0], options.cropping, options.data_format)


@_formula.register
def _up_sampling(options: UpSamplingOptions, inputs: tuple[Shape, ...], kernel: Shape | None) -> Shape:
    return up_sampling_output_shape(inputs[0], options.size, options.data_format)


@_formula.register
def _dense(options: DenseOptions, inputs: tuple[Shape, ...], kernel: Shape | None) -> Shape:
    return dense_output_shape(inputs[0], options.units, kernel_axis(kernel, 0, 0))


@_formula.register
def _flatten(options: FlattenOptions, inputs: tuple[Shape, ...], kernel: Shape | None) -> Shape:
    return flatten_output_shape(inputs[0])


@_formula.register
def _reshape(options: ReshapeOptions, inputs: tuple[Shape, ...], kernel: Shape | None) -> Shape:
    return reshape_output_shape(inputs[0], options.target_shape)


@_formula.register
def _merge(options: MergeOptions, inputs: tuple[Shape, ...], kernel: Shape | None) -> Shape:
    if options.axis is None:
        return broadcast_output_shape(inputs)
    return concatenate_output_shape(inputs, options.axis)


@_formula.register
def _same_shape(options: SameShapeOptions, inputs: tuple[Shape, ...], kernel: Shape | None) -> Shape:
    return inputs[0]


_remembered = lru_cache(maxsize=1024)(_formula)  # asked before every eager call, mostly the same question
