"""Work out the output shapes of convolutions: plain, grouped, depthwise and separable."""

from __future__ import annotations

from conv_magic.arithmetic.axes import Ints, channel_axis, check_rank, dimensions_of, replaced, spatial_axes
from conv_magic.arithmetic.problems import Reason, ShapeProblem
from conv_magic.arithmetic.windows import PADDING_WORDS, PaddingOption, Window, windows
from conv_magic.model.shapes import DataFormat, Shape


def conv_output_shape(
    input_shape: Shape,
    kernel_size: Ints,
    filters: int | None,
    strides: Ints = 1,
    padding: PaddingOption = "valid",
    dilation_rate: Ints = 1,
    groups: int = 1,
    data_format: DataFormat = "channels_last",
    kernel_channels: int | None = None,
) -> Shape:
    """Return the output shape of a 1-D, 2-D or 3-D convolution (batch, *spatial, filters).

    `kernel_channels` is the kernel's own depth, `kernel.shape[-2]`, where the kernel exists.  One that divides the
    input's channels is a grouped convolution, as in `tf.nn.conv2d`
    (https://www.tensorflow.org/api_docs/python/tf/nn/conv2d).  Further batch axes in front are kept; Keras' layers
    refuse those themselves.
    Raises `ShapeProblem`: RANK, CHANNELS, GROUPS, WINDOW, STRIDES, OPTION.
    """
    dimensions = dimensions_of(input_shape, kernel_size)
    words = PADDING_WORDS if dimensions == 1 else PADDING_WORDS[:2]
    axis_windows = windows(dimensions, kernel_size, strides, padding, dilation_rate, words=words)
    _check_positive(groups=groups, filters=filters)
    if filters is not None and filters % groups:
        raise ShapeProblem(f"the {filters} filters cannot be shared out among {groups} groups", Reason.GROUPS)
    needed = None if kernel_channels is None else kernel_channels * groups
    operation = f"a {dimensions}-D convolution"
    check_rank(input_shape, dimensions, data_format, operation, channels=needed, more=True)
    axis = channel_axis(len(input_shape), dimensions, data_format)
    _check_groups(input_shape, axis, filters, groups, kernel_channels)
    return replaced(windowed(input_shape, axis_windows, data_format), [axis], [filters])


def depthwise_conv_output_shape(
    input_shape: Shape,
    kernel_size: Ints,
    depth_multiplier: int = 1,
    filters: int | None = None,
    strides: Ints = 1,
    padding: PaddingOption = "valid",
    dilation_rate: Ints = 1,
    data_format: DataFormat = "channels_last",
    kernel_channels: int | None = None,
) -> Shape:
    """Return the output shape of a depthwise convolution, or, with `filters`, of a separable one.

    Without `filters` the output has channels * depth_multiplier channels.
    Raises `ShapeProblem`: RANK, CHANNELS, WINDOW, STRIDES, OPTION.
    """
    dimensions = dimensions_of(input_shape, kernel_size)
    axis_windows = windows(dimensions, kernel_size, strides, padding, dilation_rate)
    _check_positive(depth_multiplier=depth_multiplier, filters=filters)
    operation = f"a {dimensions}-D depthwise convolution"
    check_rank(input_shape, dimensions, data_format, operation, channels=kernel_channels)
    axis = channel_axis(len(input_shape), dimensions, data_format)
    check_channels(input_shape, axis, kernel_channels)
    channels = input_shape[axis]
    if filters is None and channels is not None:
        filters = channels * depth_multiplier
    return replaced(windowed(input_shape, axis_windows, data_format), [axis], [filters])


def windowed(input_shape: Shape, axis_windows: tuple[Window, ...], data_format: DataFormat) -> Shape:
    """Return `input_shape` with each spatial axis under its window; the channels stay.

    Raises `ShapeProblem` (WINDOW) where a window is larger than its padded input.
    """
    axes = spatial_axes(len(input_shape), len(axis_windows), data_format)
    sizes = [input_shape[axis] for axis in axes]
    outputs = [None if n is None else w.output_size(n) for n, w in zip(sizes, axis_windows, strict=True)]
    too_short = [
        axis
        for axis, size, window in zip(axes, outputs, axis_windows, strict=True)
        if size is not None and size < 1 and window.added is not None  # SAME of nothing is nothing
    ]
    if too_short:
        raise _window_problem(input_shape, too_short, axis_windows, axes[0])
    return replaced(input_shape, axes, outputs)


def check_channels(input_shape: Shape, axis: int, kernel_channels: int | None) -> None:
    """Raise `ShapeProblem` (CHANNELS) if the input's size at `axis` is known and not `kernel_channels`."""
    channels = input_shape[axis]
    if None in (channels, kernel_channels) or channels == kernel_channels:
        return
    raise ShapeProblem(
        f"the input {input_shape} has {channels} channels, but the kernel is made for {kernel_channels}",
        Reason.CHANNELS,
        axis,
        expected=replaced(input_shape, [axis], [kernel_channels]),
        actual=input_shape,
    )


def implied_groups(channels: int, kernel_channels: int, filters: int | None) -> int | None:
    """Return the groups of a call whose kernel is shallower than its input, None if it is no grouped convolution."""
    if kernel_channels < 1 or channels % kernel_channels:
        return None
    groups = max(channels // kernel_channels, 1)
    return groups if filters is None or filters % groups == 0 else None


def _check_groups(input_shape: Shape, axis: int, filters: int | None, groups: int, kernel_channels: int | None) -> None:
    """Raise `ShapeProblem` (GROUPS, CHANNELS) if the input's channels do not fit the groups or the kernel."""
    channels = input_shape[axis]
    if channels is None:
        return
    if kernel_channels is None and channels % groups:
        raise ShapeProblem(
            f"the {channels} channels of the input {input_shape} cannot be shared out among {groups} groups",
            Reason.GROUPS,
            axis,
            expected=replaced(input_shape, [axis], [(channels // groups + 1) * groups]),
            actual=input_shape,
        )
    if kernel_channels is not None and (groups > 1 or implied_groups(channels, kernel_channels, filters) is None):
        check_channels(input_shape, axis, kernel_channels * groups)


def _check_positive(**numbers: int | None) -> None:
    """Raise `ShapeProblem` (OPTION) if a number is known and below 1."""
    for name, number in numbers.items():
        if number is not None and number < 1:
            raise ShapeProblem(f"{name} is {number}, but must be at least 1", Reason.OPTION)


def _window_problem(
    input_shape: Shape, too_short: list[int], axis_windows: tuple[Window, ...], first: int
) -> ShapeProblem:
    """Return the error for windows that are larger than their padded input; `first` is the first spatial axis."""
    axis = too_short[0]
    window = axis_windows[axis - first]
    kernel = f"a window of {window.span}"
    if window.dilation_rate > 1:
        kernel += f" (kernel {window.kernel_size}, dilation {window.dilation_rate})"
    padding = f" even with {window.added} of padding" if window.added else ""
    return ShapeProblem(
        f"{kernel} does not fit into axis {axis} of {input_shape}, which is {input_shape[axis]} long{padding}",
        Reason.WINDOW,
        axis,
        expected=replaced(input_shape, too_short, [axis_windows[a - first].least_size for a in too_short]),
        actual=input_shape,
    )
