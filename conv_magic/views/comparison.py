"""Two shapes compared axis by axis, as pieces of lines that a view colours."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.shapes import Shape
from conv_magic.views.wording import one_line, shape_text

Role = Literal["plain", "error", "warning", "note", "good", "differs", "dim", "goes", "comes"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of one line and what it is."""

    text: str
    role: Role = "plain"


Line = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Shapes:
    """Two shapes, axis under axis, and the marks under the axes that differ."""

    actual: Line
    expected: Line
    marks: Line

    @property
    def width(self) -> int:
        """Columns of the longer one."""
        return max(sum(len(piece.text) for piece in line) for line in (self.actual, self.expected))

    @classmethod
    def of(cls, diagnosis: Diagnosis) -> Shapes:
        """Lay out the shapes of `diagnosis`; a line is empty where there is nothing to show."""
        if diagnosis.expected is None or diagnosis.actual is None:
            return cls(_alone(diagnosis.actual), _alone(diagnosis.expected), ())
        axes = diagnosis.axes
        given, needed = _aligned(diagnosis.actual, diagnosis.expected, axes)
        widths = [max(len(a or ""), len(e or "")) for a, e in zip_longest(given, needed)]
        return cls(_row(given, widths, axes), _row(needed, widths, axes), _marks(widths, axes, diagnosis.axis_names))


def _alone(shape: Shape | None) -> Line:
    return () if shape is None else (Piece(shape_text(shape)),)


def _aligned(actual: Shape, expected: Shape, axes: tuple[int, ...]) -> tuple[list[str | None], list[str | None]]:
    """Return the axes as texts, None where `actual` lacks an axis that is named in `axes`."""
    given: list[str | None] = [str(size) for size in actual]
    if len(expected) - len(actual) == len(axes):
        for axis in sorted(axes):
            given.insert(axis, None)
    return given, [str(size) for size in expected]


def _row(texts: list[str | None], widths: list[int], axes: tuple[int, ...]) -> Line:
    """Write a shape as a tuple, each axis right-aligned in its column; a missing axis leaves its column empty."""
    present = [axis for axis, text in enumerate(texts) if text is not None]
    if not present:
        return (Piece("()"),)
    pieces: list[Piece] = []
    for axis, (text, width) in enumerate(zip(texts, widths, strict=False)):
        opening = "(" if axis == present[0] else " "
        closing = " " if text is None else "," if axis != present[-1] else ",)" if len(present) == 1 else ")"
        role: Role = "differs" if axis in axes and text is not None else "plain"
        pieces += [Piece(opening), Piece((text or "").rjust(width), role), Piece(closing)]
        if axis == present[-1]:
            break
    return tuple(pieces)


def _marks(widths: list[int], axes: tuple[int, ...], names: tuple[str, ...]) -> Line:
    """`^` under each axis of `axes`, then what these axes mean."""
    marked = [axis for axis in sorted(axes) if axis < len(widths)]
    if not marked:
        return ()
    pieces: list[Piece] = []
    column = 0
    for axis in marked:
        start = 1 + sum(widths[:axis]) + 2 * axis
        pieces += [Piece(" " * (start - column)), Piece("^" * widths[axis], "differs")]
        column = start + widths[axis]
    meaning = " and ".join(names[axis] for axis in marked if axis < len(names))
    return (*pieces, Piece(f" {one_line(meaning)}" if meaning else ""))
