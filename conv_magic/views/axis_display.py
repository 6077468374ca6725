"""Which places of an axis are drawn, and where: all, both ends with a break between, or the whole to scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from conv_magic.arithmetic.geometry import AxisGeometry

CELLS = 34
"""More elements than these are not drawn each for itself."""
LEAST_END = 5
BREAK = 20.0
"""Pixels of a break."""
LARGEST_CELL, SMALLEST_CELL = 22.0, 5.0

LEAST_LENGTH = 40.0
"""Pixels of the result of a stretch to scale; below them it is drawn larger, and says so."""

Runs = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class AxisDisplay:
    """The places of an axis on the screen.

    runs    the stretches of places that are drawn, in order; between two of them is a break
    unit    pixels an element
    cells   whether each element is drawn for itself
    """

    runs: Runs
    unit: float
    cells: bool

    @property
    def length(self) -> float:
        """Pixels from the first drawn place to the end of the last."""
        return self.at(self.runs[-1][1]) if self.runs else 0.0

    def at(self, place: int) -> float:
        """Where the near edge of a place is; of one inside a break, the middle of the break."""
        x = 0.0
        for number, (start, end) in enumerate(self.runs):
            if place < start and number:
                return x - BREAK / 2
            if place <= end:
                return x + (place - start) * self.unit
            x += (end - start) * self.unit + BREAK
        return x - BREAK

    def breaks(self) -> list[float]:
        """Return the middle of each break."""
        return [self.at(start) - BREAK / 2 for start, _ in self.runs[1:]]

    def shows(self, start: int, end: int) -> bool:
        """Whether a stretch of places lies wholly in one run."""
        return any(first <= start and end <= last for first, last in self.runs)

    def drawn(self) -> list[int]:
        """Every place that is drawn for itself."""
        return [place for start, end in self.runs for place in range(start, end)] if self.cells else []


def extent(axis: AxisGeometry) -> tuple[int, int]:
    """Return the first index to draw and the end: padding, elements, and a window that reaches beyond both."""
    return min(-axis.before, 0), max(axis.size, axis.size + axis.after, axis.last + axis.span)


def runs_of(axis: AxisGeometry) -> tuple[Runs, bool]:
    """Return the stretches to draw, and whether element by element."""
    low, high = extent(axis)
    if high - low <= CELLS:
        return ((low, high),), True
    head = max(axis.span + axis.stride, LEAST_END)
    tail = max(high - axis.last + axis.stride, LEAST_END)
    if axis.windows > 1 and head + tail < CELLS:
        return ((low, low + head), (high - tail, high)), True
    return ((low, high),), False


def displays(axes: Sequence[AxisGeometry], room: float) -> list[AxisDisplay]:
    """Return the displays of axes that are drawn together, at one scale, none longer than about `room` pixels."""
    found = [(runs, cells, sum(end - start for start, end in runs)) for runs, cells in map(runs_of, axes)]
    counted = [(room - BREAK * (len(runs) - 1)) / places for runs, cells, places in found if cells]
    cell = max(min([*counted, LARGEST_CELL]), SMALLEST_CELL)
    stretched = min((room / places for _, cells, places in found if not cells), default=cell)
    return [AxisDisplay(runs, cell if cells else min(stretched, cell), cells) for runs, cells, _ in found]


def of_windows(axis: AxisGeometry, shown: AxisDisplay) -> AxisDisplay:
    """Return the display of what the windows stand for, one element a window, at the same scale."""
    if axis.windows < 1:
        return AxisDisplay((), shown.unit, shown.cells)
    if len(shown.runs) == 1:
        unit = shown.unit if shown.cells else max(shown.unit, LEAST_LENGTH / axis.windows)
        return AxisDisplay(((0, axis.windows),), unit, shown.cells)
    (_, end), (start, _) = shown.runs
    head = sum(axis.start(i) + axis.span <= end for i in range(min(axis.windows, CELLS)))
    tail = sum(axis.start(axis.windows - 1 - i) >= start for i in range(min(axis.windows, CELLS)))
    if head + tail >= axis.windows:
        return AxisDisplay(((0, axis.windows),), shown.unit, shown.cells)
    return AxisDisplay(((0, head), (axis.windows - tail, axis.windows)), shown.unit, shown.cells)
