"""How much of the input one element of the output can see.

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
    """For each spatial axis: `size` input elements that an element sees, `jump` of them from one to its neighbour."""

    size: tuple[int, ...]
    jump: tuple[int, ...]

    @classmethod
    def of_input(cls, dimensions: int) -> ReceptiveField:
        """The field of the input itself: each element sees itself."""
        return cls((1,) * dimensions, (1,) * dimensions)

    def through(self, options: Options | None) -> ReceptiveField | None:
        """The field after a call, or None where none can be told: all is mixed, or the options do not say enough."""
        match options:
            case ConvOptions() | DepthwiseConvOptions() | PoolOptions():
                each = windows_of(options)
                return self._through_windows(each) if len(each) == len(self.size) else None
            case ConvTransposeOptions():
                return self._through_transposed(options)
            case ZeroPaddingOptions() | CroppingOptions() | MergeOptions() | SameShapeOptions():
                return self
            case _:
                return None

    def joined(self, other: ReceptiveField) -> ReceptiveField | None:
        """The field after both are merged element by element: the wider one; None if their jumps differ."""
        if self.jump != other.jump:
            return None
        return ReceptiveField(tuple(map(max, self.size, other.size)), self.jump)

    def _through_windows(self, each: Iterable[Window]) -> ReceptiveField:
        axes = list(zip(self.size, self.jump, each, strict=True))
        size = tuple(seen + (window.span - 1) * jump for seen, jump, window in axes)
        return ReceptiveField(size, tuple(jump * window.stride for _, jump, window in axes))

    def _through_transposed(self, options: ConvTransposeOptions) -> ReceptiveField | None:
        """An element gathers from ceil(span / stride) neighbours; the jump shrinks, and must stay whole."""
        each = windows_of(options)
        if len(each) != len(self.size):
            return None
        axes = list(zip(self.size, self.jump, each, strict=True))
        if any(jump % window.stride for _, jump, window in axes):
            return None
        size = tuple(seen + (-(-window.span // window.stride) - 1) * jump for seen, jump, window in axes)
        return ReceptiveField(size, tuple(jump // window.stride for _, jump, window in axes))


def receptive_field(layers: Iterable[tuple[Ints, Ints, Ints]], dimensions: int = 2) -> tuple[int, ...]:
    """The receptive field of a chain of windows (kernel_size, strides, dilation_rate), for each spatial axis.

    Each is one number for all `dimensions` axes or a tuple.  Raises `ShapeProblem` if one has another length.
    """
    field = ReceptiveField.of_input(dimensions)
    for kernel_size, strides, dilation_rate in layers:
        each = windows(dimensions, kernel_size, strides, dilation_rate=dilation_rate)
        field = field._through_windows(each)
    return field.size
