"""Pictures of calls that cannot be for another reason than a size: channels as slabs, axes as boxes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from conv_magic.views.axis_display import CELLS
from conv_magic.views.ink import CHARACTER, Ink, Path, Rect, Text, hatching, line

SLAB_HEIGHT, DEPTH, SLAB_ROOM = 34.0, 8.0, 300.0
LARGEST_SLAB = 26.0
BOX_WIDTH, BOX_HEIGHT, BOX_GAP = 74.0, 26.0, 6.0

BoxState = Literal["same", "differs", "missing"]


@dataclass(frozen=True, slots=True)
class SlabRow:
    """`count` channels side by side, those from `fitting` on marked as those that do not fit.

    `group` many belong together; 0 where they form no groups.
    """

    label: str
    count: int
    fitting: int
    group: int = 0


@dataclass(frozen=True, slots=True)
class BoxRow:
    """A shape as boxes: for each axis its size as text and whether it is as it should be."""

    label: str
    boxes: tuple[tuple[str, BoxState], ...]


def slabs(rows: Sequence[SlabRow], remark: str) -> tuple[list[Ink], float, float]:
    """Return the inks of channels over channels, at one scale, their width and height."""
    most = max(max(row.count for row in rows), 1)
    unit = min(SLAB_ROOM / most, LARGEST_SLAB)
    inks: list[Ink] = []
    y = 0.0
    for row in rows:
        inks += _slab_row(row, unit, y)
        y += SLAB_HEIGHT + DEPTH + 34
    inks.append(Text("error", 1, y + 4, remark, "start"))
    longest = max(len(remark), *(len(row.label) for row in rows)) * CHARACTER
    return inks, max(most * unit + DEPTH, longest) + 12, y + 12


def _slab_row(row: SlabRow, unit: float, y: float) -> Iterator[Ink]:
    top, fitting, width = y + 18 + DEPTH, row.fitting * unit, row.count * unit
    yield Text("size", 1, y + 12, row.label, "start")
    if fitting:
        yield Rect("input", 1, top, fitting, SLAB_HEIGHT)
    if row.count > row.fitting:
        yield Rect("excess", 1 + fitting, top, width - fitting, SLAB_HEIGHT)
        yield Path("excess-hatch", hatching(1 + fitting, top, width - fitting, SLAB_HEIGHT))
    step = 1 if row.count <= CELLS else 0
    places = [*(range(1, row.count) if step else ()), row.count]
    fronts = "".join(line(1 + i * unit, top, 1 + i * unit, top + SLAB_HEIGHT) for i in places[:-1])
    edges = "".join(line(1 + i * unit, top, 1 + i * unit + DEPTH, top - DEPTH) for i in [0, *places])
    back = line(1 + DEPTH, top - DEPTH, 1 + DEPTH + width, top - DEPTH)
    side = line(1 + DEPTH + width, top - DEPTH, 1 + DEPTH + width, top - DEPTH + SLAB_HEIGHT)
    foot = line(1 + width, top + SLAB_HEIGHT, 1 + DEPTH + width, top - DEPTH + SLAB_HEIGHT)
    yield Path("grid", fronts)
    yield Path("edge", edges + back + side + foot)
    if row.group:
        marks = [1 + i * unit for i in range(row.group, row.count, row.group)[:CELLS]]
        yield Path("group", "".join(line(x, top - DEPTH, x, top + SLAB_HEIGHT + 6) for x in marks))


def boxes(names: Sequence[str], rows: Sequence[BoxRow]) -> tuple[list[Ink], float, float]:
    """Return the inks of shapes one under the other, axis under axis, their width and height."""
    left = max(len(row.label) for row in rows) * CHARACTER + 14
    inks: list[Ink] = []
    columns = max(len(row.boxes) for row in rows)
    for place, name in enumerate(names):
        inks.append(Text("label", left + place * (BOX_WIDTH + BOX_GAP) + BOX_WIDTH / 2, 12, name))
    for number, row in enumerate(rows):
        y = 20 + number * (BOX_HEIGHT + BOX_GAP)
        inks.append(Text("label", left - 10, y + 17, row.label, "end"))
        inks += _boxes(row, left, y)
    width = left + columns * (BOX_WIDTH + BOX_GAP) + 4
    return inks, width, 20 + len(rows) * (BOX_HEIGHT + BOX_GAP) + 2


_ROLES = {"same": "input", "differs": "excess", "missing": "missing"}


def _boxes(row: BoxRow, left: float, y: float) -> Iterator[Ink]:
    for place, (text, state) in enumerate(row.boxes):
        x = left + place * (BOX_WIDTH + BOX_GAP)
        yield Rect(_ROLES[state], x, y, BOX_WIDTH, BOX_HEIGHT)
        yield Text("label" if state == "same" else "error", x + BOX_WIDTH / 2, y + 17, text)
