"""Work out the output shapes of transposed convolutions."""

from __future__ import annotations

from conv_magic.arithmetic.axes import Ints, channel_axis, check_rank, dimensions_of, per_axis, replaced, spatial_axes
from conv_magic.arithmetic.convolutions import check_channels, implied_groups
from conv_magic.arithmetic.problems import Reason, ShapeProblem
from conv_magic.arithmetic.windows import PaddingOption, Window, windows
from conv_magic.model.shapes import DataFormat, Shape


def conv_transpose_output_shape(
    input_shape: Shape,
    kernel_size: Ints,
    filters: int | None,
    strides: Ints = 1,
    padding: PaddingOption = "valid",
    output_padding: Ints | None = None,
    dilation_rate: Ints = 1,
    data_format: DataFormat = "channels_last",
    kernel_channels: int | None = None,
    output_shape: Shape | None = None,
) -> Shape:
    """Return the output shape of a transposed convolution by Keras' rule, or the `output_shape` given to `tf.nn`.

    `kernel_channels` is `kernel.shape[-1]`: a transposed kernel is (*kernel_size, filters, channels).  TensorFlow
    computes the gradient of the convolution that leads from the output to the input, so a size is possible only if
    that convolution gives the input's size; Keras' rule with an `output_padding` breaks this for SAME and an even
    kernel (https://www.tensorflow.org/api_docs/python/tf/nn/conv2d_transpose).  In two dimensions `output_shape` may
    be (height, width) alone, which that page does not say.
    Raises `ShapeProblem`: RANK, CHANNELS, SIZES, OUTPUT_SIZE, STRIDES, OPTION.
    """
    dimensions = dimensions_of(input_shape, kernel_size)
    axis_windows = windows(dimensions, kernel_size, strides, padding, dilation_rate)
    operation = f"a {dimensions}-D transposed convolution"
    check_rank(input_shape, dimensions, data_format, operation, channels=kernel_channels)
    channels = channel_axis(len(input_shape), dimensions, data_format)
    check_channels(input_shape, channels, kernel_channels)
    spatial = spatial_axes(len(input_shape), dimensions, data_format)
    if output_shape is None:
        sizes = _transposed_sizes(input_shape, spatial, axis_windows, output_padding)
    else:
        if len(output_shape) == dimensions == 2:
            output_shape = replaced((None,) * len(input_shape), spatial, output_shape)
        filters = _check_stated(input_shape, output_shape, channels, filters)
        sizes = [output_shape[axis] for axis in spatial]
    for axis, window, size in zip(spatial, axis_windows, sizes, strict=True):
        _check_size(input_shape, axis, window, size)
    batch = input_shape[0] if output_shape is None or input_shape[0] is not None else output_shape[0]
    return replaced(input_shape, [0, *spatial, channels], [batch, *sizes, filters])


def _transposed_sizes(
    input_shape: Shape, spatial: range, axis_windows: tuple[Window, ...], output_padding: Ints | None
) -> list[int | None]:
    """Return the spatial sizes by Keras' rule; raise `ShapeProblem` (OPTION) for too large an `output_padding`."""
    extra: tuple[int | None, ...] = (None,) * len(axis_windows)
    if output_padding is not None:
        extra = per_axis(output_padding, len(axis_windows), "output_padding", least=0)
    for added, window in zip(extra, axis_windows, strict=True):
        if added is not None and added >= window.stride:
            raise ShapeProblem(f"output_padding {added} is not below the stride {window.stride}", Reason.OPTION)
    sizes = [input_shape[axis] for axis in spatial]
    return [None if n is None else w.transposed_size(n, e) for n, w, e in zip(sizes, axis_windows, extra, strict=True)]


def _check_stated(input_shape: Shape, output_shape: Shape, channels: int, filters: int | None) -> int | None:
    """Return the channels of the stated output; raise `ShapeProblem` if its rank, batch or channels are impossible."""
    if len(output_shape) != len(input_shape):
        raise ShapeProblem(
            f"output_shape {output_shape} has {len(output_shape)} entries, but the input has {len(input_shape)} axes",
            Reason.RANK,
            actual=input_shape,
        )
    if None not in (input_shape[0], output_shape[0]) and input_shape[0] != output_shape[0]:
        raise ShapeProblem(
            f"output_shape {output_shape} has a batch of {output_shape[0]}, but the input has {input_shape[0]}",
            Reason.SIZES,
            0,
            expected=replaced(input_shape, [0], [output_shape[0]]),
            actual=input_shape,
        )
    stated = output_shape[channels]
    if stated is None or filters is None:
        return filters if stated is None else stated
    if stated < 1 or implied_groups(stated, filters, input_shape[channels]) is None:
        raise ShapeProblem(
            f"output_shape {output_shape} has {stated} channels, but the kernel makes {filters}", Reason.CHANNELS
        )
    return stated


def _check_size(input_shape: Shape, axis: int, window: Window, size: int | None) -> None:
    """Raise `ShapeProblem` (OUTPUT_SIZE) if no transposed convolution makes `size` from the input's size."""
    given = input_shape[axis]
    if size is None or given is None:
        return
    back = window.output_size(size)
    if size < 0 or back != given:
        raise ShapeProblem(
            f"a transposed convolution cannot make {size} of the {given} along axis {axis} of {input_shape}: "
            f"the convolution back would make {max(back, 0)}",
            Reason.OUTPUT_SIZE,
            axis,
            expected=replaced(input_shape, [axis], [back]) if back > 0 else None,
            actual=input_shape,
        )
