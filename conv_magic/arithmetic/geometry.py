"""Work out where the windows of a call stand along one axis, what padding adds, and what no window reads.

Positions count elements of the unpadded axis from 0: padding before lies at negative positions, padding after from
`size` on.  A transposed convolution is the same picture read backwards: its windows stand on the *output*
(https://arxiv.org/abs/1603.07285, section 4), and what its padding cuts away lies outside of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from conv_magic.arithmetic.axes import spatial_axes
from conv_magic.arithmetic.windows import Window, same_padding, windows_of
from conv_magic.model.options import (
    ConvOptions,
    ConvTransposeOptions,
    CroppingOptions,
    DepthwiseConvOptions,
    GlobalPoolOptions,
    Options,
    PoolOptions,
    UpSamplingOptions,
    ZeroPaddingOptions,
)
from conv_magic.model.shapes import DataFormat, Shape


class AxisGeometry(NamedTuple):
    """`windows` of `kernel_size` points, `dilation_rate` apart, on `size` elements with padding around them.

    `windows` is the output's size, or the input's where the windows write (`transposed_geometry`); zero or less where
    the window does not fit.
    """

    size: int
    before: int
    after: int
    kernel_size: int
    stride: int
    dilation_rate: int
    windows: int

    @property
    def span(self) -> int:
        """Return how many positions one window reaches over."""
        return (self.kernel_size - 1) * self.dilation_rate + 1

    @property
    def padded(self) -> int:
        """Return the size with its padding."""
        return self.before + self.size + self.after

    @property
    def excess(self) -> int:
        """Return by how many positions the window is larger than the padded axis."""
        return max(self.span - self.padded, 0)

    def start(self, index: int) -> int:
        """Return the first position of a window."""
        return index * self.stride - self.before

    @property
    def last(self) -> int:
        """Return the first position of the last window, or of the only one where none fits."""
        return self.start(max(self.windows - 1, 0))

    @property
    def unread_end(self) -> int:
        """Return how many elements at the end lie behind the last window."""
        return min(max(self.size - (self.last + self.span), 0), self.size) if self.windows > 0 else 0

    def reads(self, position: int) -> bool:
        """Check whether a point of some window stands at a position."""
        for point in range(self.kernel_size):
            steps, remainder = divmod(position - point * self.dilation_rate + self.before, self.stride)
            if remainder == 0 and 0 <= steps < self.windows:
                return True
        return False

    @property
    def unread(self) -> int:
        """Return how many elements no window reads, at the end, between strides or between dilated points."""
        return self.size - _covered(_runs(self), self.stride)


Run = tuple[int, int, int]
"""Positions `residue + stride * q` for q from the second number to the third, exclusive."""


def _runs(axis: AxisGeometry) -> Iterable[Run]:
    """Yield for each point of the window the elements that it reads, padding left out."""
    for point in range(axis.kernel_size):
        offset = point * axis.dilation_rate - axis.before
        residue = offset % axis.stride
        first = (offset - residue) // axis.stride
        inside = -(-(axis.size - residue) // axis.stride)  # how many elements have this residue
        start, end = max(first, 0), min(first + axis.windows, inside)
        if start < end:
            yield residue, start, end


def _covered(runs: Iterable[Run], stride: int) -> int:
    """Return how many positions the runs cover together; each residue is below `stride`."""
    covered, latest = 0, (-1, 0)
    for residue, start, end in sorted(runs):
        begin = max(start, latest[1]) if residue == latest[0] else start
        covered += max(end - begin, 0)
        latest = (residue, max(end, latest[1]) if residue == latest[0] else end)
    return covered


def axis_geometry(size: int, window: Window) -> AxisGeometry:
    """Return the windows that read an axis of `size` elements."""
    before, after = _padding_of(size, window)
    count = window.output_size(size)
    return AxisGeometry(size, before, after, window.kernel_size, window.stride, window.dilation_rate, count)


def transposed_geometry(size: int, window: Window, output_size: int) -> AxisGeometry:
    """Return the windows that `size` elements write into an axis of `output_size`; padding is what is cut away."""
    before, after = _padding_of(output_size, window)
    return AxisGeometry(output_size, before, after, window.kernel_size, window.stride, window.dilation_rate, size)


def _padding_of(size: int, window: Window) -> tuple[int, int]:
    """Return how many elements padding adds before and after an axis."""
    match window.padding:
        case "same":
            return same_padding(size, window.kernel_size, window.stride, window.dilation_rate)
        case "causal":
            return window.span - 1, 0
        case (int(before), int(after)):
            return before, after
    return 0, 0


Resizing = ZeroPaddingOptions | CroppingOptions


def geometry_of(options: Options | None, input_shape: Shape, output_shape: Shape | None) -> tuple[AxisGeometry, ...]:
    """Return the geometry of each spatial axis of a call, empty if it has none or a size is unknown.

    Of a transposed convolution and an up-sampling `output_shape` is needed.  Zero padding is told as windows of one
    element on the padded axis, cropping as padding below zero.
    """
    dimensions = _spatial_rank(options, input_shape)
    if dimensions == 0 or len(input_shape) < dimensions + 2:
        return ()
    data_format: DataFormat = getattr(options, "data_format", "channels_last")
    sizes = [input_shape[axis] for axis in spatial_axes(len(input_shape), dimensions, data_format)]
    known = [size for size in sizes if size is not None]
    if len(known) < dimensions:
        return ()
    match options:
        case ZeroPaddingOptions(padding=pairs):
            return tuple(_resized_geometry(n, pair, 1) for n, pair in zip(known, pairs, strict=True))
        case CroppingOptions(cropping=pairs):
            return tuple(_resized_geometry(n, pair, -1) for n, pair in zip(known, pairs, strict=True))
        case GlobalPoolOptions():
            return tuple(axis_geometry(n, Window(n)) for n in known)
        case ConvOptions() | DepthwiseConvOptions() | PoolOptions():
            return tuple(axis_geometry(n, w) for n, w in zip(known, windows_of(options), strict=True))
    return _output_geometry(options, known, output_shape, data_format)


def _output_geometry(
    options: Options | None, known: list[int], output_shape: Shape | None, data_format: DataFormat
) -> tuple[AxisGeometry, ...]:
    """Return the geometry of a call whose windows stand on its output."""
    if output_shape is None or len(output_shape) != len(known) + 2:
        return ()
    first = 1 if data_format == "channels_last" else 2
    sizes = [size for size in output_shape[first : first + len(known)] if size is not None]
    if len(sizes) < len(known):
        return ()
    match options:
        case ConvTransposeOptions():
            axis_windows = windows_of(options)
        case UpSamplingOptions(size=factors):
            axis_windows = tuple(Window(factor, factor) for factor in factors)
        case _:
            return ()
    return tuple(transposed_geometry(n, w, m) for n, w, m in zip(known, axis_windows, sizes, strict=True))


def _spatial_rank(options: Options | None, input_shape: Shape) -> int:
    """Return how many spatial axes a call works on, 0 for one without."""
    match options:
        case ConvOptions() | DepthwiseConvOptions() | ConvTransposeOptions():
            return len(options.kernel_size)
        case PoolOptions():
            return len(options.pool_size)
        case ZeroPaddingOptions(padding=pairs) | CroppingOptions(cropping=pairs):
            return len(pairs)
        case UpSamplingOptions(size=factors):
            return len(factors)
        case GlobalPoolOptions():
            return len(input_shape) - 2
    return 0


def _resized_geometry(size: int, pair: tuple[int, int], sign: int) -> AxisGeometry:
    """Return the geometry of a padded (`sign` 1) or cropped (`sign` -1) axis."""
    before, after = sign * pair[0], sign * pair[1]
    return AxisGeometry(size, before, after, 1, 1, 1, before + size + after)
