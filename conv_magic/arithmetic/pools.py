"""Output shapes of poolings."""

from __future__ import annotations

from conv_magic.arithmetic.axes import Ints, channel_axis, check_rank, dimensions_of, replaced, spatial_axes
from conv_magic.arithmetic.convolutions import windowed
from conv_magic.arithmetic.windows import PaddingOption, windows
from conv_magic.model.shapes import DataFormat, Shape


def pool_output_shape(
    input_shape: Shape,
    pool_size: Ints,
    strides: Ints | None = None,
    padding: PaddingOption = "valid",
    data_format: DataFormat = "channels_last",
    dilation_rate: Ints = 1,
) -> Shape:
    """The output shape of a windowed pooling; `strides` None means `pool_size`, as in Keras.

    Raises `ShapeProblem`: RANK, WINDOW, STRIDES, OPTION.
    """
    dimensions = dimensions_of(input_shape, pool_size)
    strides = pool_size if strides is None else strides
    each = windows(dimensions, pool_size, strides, padding, dilation_rate, name="pool_size")
    check_rank(input_shape, dimensions, data_format, f"a {dimensions}-D pooling")
    return windowed(input_shape, each, data_format)


def global_pool_output_shape(
    input_shape: Shape, keepdims: bool = False, data_format: DataFormat = "channels_last"
) -> Shape:
    """The output shape of a pooling over all spatial axes: (batch, channels), or with `keepdims` 1 at each.

    Raises `ShapeProblem` (RANK) if there is no spatial axis.
    """
    dimensions = dimensions_of(input_shape, None)
    if len(input_shape) < 3:
        check_rank(input_shape, dimensions, data_format, "a global pooling")
    if keepdims:
        return replaced(input_shape, spatial_axes(len(input_shape), dimensions, data_format), [1] * dimensions)
    return input_shape[0], input_shape[channel_axis(len(input_shape), dimensions, data_format)]
