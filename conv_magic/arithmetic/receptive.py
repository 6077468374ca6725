"""Work out how much of the input one element of the output depends on.

Source: https://distill.pub/2019/computing-receptive-fields/ ; a window of span k and stride s makes
size + (k - 1) * jump of size, and jump * s of jump.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from conv_magic.arithmetic.axes import Ints
from conv_magic.arithmetic.windows import Window, windows, windows_of
from conv_magic.model.options import (
    ConvOptions,
    ConvTransposeOptions,
    CroppingOptions,
    DepthwiseConvOptions,
    MergeOptions,
    Options,
    PoolOptions,
    SameShapeOptions,
    ZeroPaddingOptions,
)


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """For each spatial axis: an element depends on `size` input elements, its neighbour on those `jump` further."""

    size: tuple[int, ...]
    jump: tuple[int, ...]

    @classmethod
    def of_input(cls, dimensions: int) -> ReceptiveField:
        """Return the field of the input itself: each element depends on itself."""
        return cls((1,) * dimensions, (1,) * dimensions)

    def through(self, options: Options | None) -> ReceptiveField | None:
        """Return the field after a call, None if it is not known: all is mixed, or the options do not say enough."""
        match options:
            case ConvOptions() | DepthwiseConvOptions() | PoolOptions():
                axis_windows = windows_of(options)
                return self._through_windows(axis_windows) if len(axis_windows) == len(self.size) else None
            case ConvTransposeOptions():
                return self._through_transposed(options)
            case ZeroPaddingOptions() | CroppingOptions() | MergeOptions() | SameShapeOptions():
                return self
            case _:
                return None

    def joined(self, other: ReceptiveField) -> ReceptiveField | None:
        """Return the field after both are merged element by element: the wider one; None if their jumps differ."""
        if self.jump != other.jump:
            return None
        return ReceptiveField(tuple(map(max, self.size, other.size)), self.jump)

    def _through_windows(self, axis_windows: Iterable[Window]) -> ReceptiveField:
        axes = list(zip(self.size, self.jump, axis_windows, strict=True))
        size = tuple(width + (window.span - 1) * jump for width, jump, window in axes)
        return ReceptiveField(size, tuple(jump * window.stride for _, jump, window in axes))

    def _through_transposed(self, options: ConvTransposeOptions) -> ReceptiveField | None:
        """Return the field after a transposed convolution, None if its jump would not stay whole.

        An element gathers from ceil(span / stride) neighbours, and the jump shrinks.
        """
        axis_windows = windows_of(options)
        if len(axis_windows) != len(self.size):
            return None
        axes = list(zip(self.size, self.jump, axis_windows, strict=True))
        if any(jump % window.stride for _, jump, window in axes):
            return None
        size = tuple(width + (-(-window.span // window.stride) - 1) * jump for width, jump, window in axes)
        return ReceptiveField(size, tuple(jump // window.stride for _, jump, window in axes))


def receptive_field(layers: Iterable[tuple[Ints, Ints, Ints]], dimensions: int = 2) -> tuple[int, ...]:
    """Return the receptive field of a chain of windows (kernel_size, strides, dilation_rate), for each spatial axis.

    Each is one number for all `dimensions` axes or a tuple.  Raises `ShapeProblem` if one has another length.
    """
    field = ReceptiveField.of_input(dimensions)
    for kernel_size, strides, dilation_rate in layers:
        axis_windows = windows(dimensions, kernel_size, strides, dilation_rate=dilation_rate)
        field = field._through_windows(axis_windows)
    return field.size
