"""Work out the output shapes of poolings."""

from __future__ import annotations

from conv_magic.arithmetic.axes import Ints, channel_axis, check_rank, dimensions_of, replaced, spatial_axes
from conv_magic.arithmetic.convolutions import windowed
from conv_magic.arithmetic.problems import Reason, ShapeProblem
from conv_magic.arithmetic.windows import PaddingOption, windows
from conv_magic.model.shapes import DataFormat, Shape


def pool_output_shape(
    input_shape: Shape,
    pool_size: Ints,
    strides: Ints | None = None,
    padding: PaddingOption = "valid",
    data_format: DataFormat = "channels_last",
    dilation_rate: Ints = 1,
    over_channels: tuple[int, ...] = (),
) -> Shape:
    """Return the output shape of a windowed pooling; `strides` None means `pool_size`, as in Keras.

    `over_channels` is the window's size and stride over the channels.  TensorFlow wants them equal, and the channels
    a multiple of them (https://github.com/tensorflow/tensorflow/blob/v2.21.0/tensorflow/core/kernels/pooling_ops_common.cc).
    Raises `ShapeProblem`: RANK, WINDOW, STRIDES, OPTION.
    """
    dimensions = dimensions_of(input_shape, pool_size)
    strides = pool_size if strides is None else strides
    axis_windows = windows(dimensions, pool_size, strides, padding, dilation_rate, name="pool_size")
    check_rank(input_shape, dimensions, data_format, f"a {dimensions}-D pooling")
    pooled = windowed(input_shape, axis_windows, data_format)
    if not over_channels:
        return pooled
    axis = channel_axis(len(input_shape), dimensions, data_format)
    return replaced(pooled, [axis], [_channels_pooled(input_shape[axis], *over_channels)])


def _channels_pooled(channels: int | None, size: int, stride: int) -> int | None:
    """Return the channels after a window over them; raise `ShapeProblem` (OPTION) if they are not shared out evenly."""
    if size != stride or (channels is not None and (channels < 1 or channels % size)):
        raise ShapeProblem(
            f"a window over {size} channels with a stride of {stride} does not share out {channels or 'the'} channels",
            Reason.OPTION,
        )
    return None if channels is None else channels // size


def global_pool_output_shape(
    input_shape: Shape, keepdims: bool = False, data_format: DataFormat = "channels_last"
) -> Shape:
    """Return the output shape of a pooling over all spatial axes: (batch, channels), or 1 at each with `keepdims`.

    Raises `ShapeProblem` (RANK) if there is no spatial axis.
    """
    dimensions = dimensions_of(input_shape, None)
    if len(input_shape) < 3:
        check_rank(input_shape, dimensions, data_format, "a global pooling")
    if keepdims:
        return replaced(input_shape, spatial_axes(len(input_shape), dimensions, data_format), [1] * dimensions)
    return input_shape[0], input_shape[channel_axis(len(input_shape), dimensions, data_format)]
