"""The exception of the arithmetic: why a call is impossible."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from conv_magic.model.shapes import Shape


class Reason(StrEnum):
    """What makes a call impossible."""

    RANK = "rank"
    """The input has too few or too many axes."""
    AXIS = "axis"
    """An axis is named that the input does not have."""
    CHANNELS = "channels"
    """The channels (or features) differ from those that the kernel is made for."""
    GROUPS = "groups"
    """Channels or filters cannot be shared out evenly among the groups."""
    WINDOW = "window"
    """The window is larger than its input: the output size would be zero or negative."""
    CROPPING = "cropping"
    """Nothing is left after cropping."""
    SIZES = "sizes"
    """Sizes that must be equal differ: merge, concatenate, reshape."""
    OUTPUT_SIZE = "output_size"
    """No transposed convolution of this kind makes an output of that size."""
    STRIDES = "strides"
    """A stride is zero or negative."""
    OPTION = "option"
    """Another option is outside its range."""


class ShapeProblem(ValueError):
    """The call is impossible for any values that the unknown dimensions could take.

    message   one plain sentence
    reason    what kind of problem it is
    axis      index of the (first) axis of the input that does not fit, or None
    expected  the nearest shape that would fit, None for any size; None where no shape of the input would help
    actual    the shape of the input that does not fit, or None
    index     which of several inputs it is, counted from 0
    """

    def __init__(
        self,
        message: str,
        reason: Reason,
        axis: int | None = None,
        expected: Shape | None = None,
        actual: Shape | None = None,
        index: int = 0,
    ) -> None:
        super().__init__(message, reason, axis, expected, actual, index)  # all in args, so that it can be pickled
        self.message: Final = message
        self.reason: Final = reason
        self.axis: Final = axis
        self.expected: Final = expected
        self.actual: Final = actual
        self.index: Final = index

    def __str__(self) -> str:
        return self.message
