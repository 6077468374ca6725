"""The windows of a call drawn on its own input and output, to scale.

Two axes make a plane; one or three are drawn as strips, each by itself.

The large side is what the windows stand on (the input; of a transposed convolution the output), the small one has an
element for each window.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from conv_magic.arithmetic.geometry import AxisGeometry
from conv_magic.views.axis_display import AxisDisplay, displays, of_windows
from conv_magic.views.ink import CHARACTER, Ink, Path, Rect, Text, box, hatching, legend, line

ROOM, STACKED_ROOM, STRIP_ROOM = 190.0, 230.0, 400.0
LEFT, TOP, BETWEEN, BELOW = 34.0, 26.0, 62.0, 26.0
SLACK = 3.0
"""How far a window's outline in a strip stands beyond the elements."""


@dataclass(frozen=True, slots=True)
class Captions:
    """What stands under the input and under the output, and what the first window is called."""

    input: str
    output: str
    window: str


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a plane lies; the first axis goes down, the second to the right."""

    x: float
    y: float
    rows: AxisDisplay
    columns: AxisDisplay

    def rect(self, role: str, rows: tuple[int, int], columns: tuple[int, int]) -> Rect:
        """Return the rectangle of these rows and columns, ends exclusive."""
        top, bottom = self.rows.at(rows[0]), self.rows.at(rows[1])
        left, right = self.columns.at(columns[0]), self.columns.at(columns[1])
        return Rect(role, self.x + left, self.y + top, right - left, bottom - top)


def plane(
    axes: Sequence[AxisGeometry], captions: Captions, *, written: bool = False, stacked: bool = False
) -> tuple[list[Ink], float, float]:
    """Draw a two-dimensional call; return inks, width and height; `stacked` puts the output below the input."""
    rows, columns = axes
    shown = displays(axes, STACKED_ROOM if stacked else ROOM)
    counts = [of_windows(axis, display) for axis, display in zip(axes, shown, strict=True)]
    sizes = [(counts, captions.input), (shown, captions.output)] if written else [
        (shown, captions.input), (counts, captions.output),
    ]  # fmt: skip
    wide = [max(pair[1].length, len(caption) * CHARACTER + 8) for pair, caption in sizes]
    high = max(pair[0].length for pair, _ in sizes)
    if stacked:
        places = [(LEFT, TOP), (LEFT, TOP + sizes[0][0][0].length + BELOW + TOP + 12)]
        width, height = LEFT + max(wide) + LEFT, places[1][1] + sizes[1][0][0].length + BELOW
    else:
        tops = [TOP + (high - pair[0].length) / 2 for pair, _ in sizes]
        places = [(LEFT, tops[0]), (LEFT + wide[0] + BETWEEN, tops[1])]
        width, height = places[1][0] + wide[1] + LEFT, TOP + high + BELOW
    first, second = (Frame(*place, *pair) for place, (pair, _) in zip(places, sizes, strict=True))
    large, small = (second, first) if written else (first, second)
    roles = ("output", "input") if written else ("input", "output")
    fits = rows.windows > 0 and columns.windows > 0
    inks = [
        *_large(large, rows, columns, roles[0], written),
        *_small(small, rows, columns, roles[1]),
        *_window_links(large, small, rows, columns, stacked=stacked, written=written),
        Text("caption", first.x, first.y + first.rows.length + 18, captions.input, "start"),
        *([Text("caption", second.x, second.y + second.rows.length + 18, captions.output, "start")] if fits else []),
    ]
    return _with_legend(inks, axes, captions, written, width, height)


def _large(frame: Frame, rows: AxisGeometry, columns: AxisGeometry, role: str, written: bool) -> Iterator[Ink]:
    """Draw the side that the windows stand on: padding, elements, what is not read, and the first and last window."""
    padded = [(-axis.before, axis.size + axis.after) for axis in (rows, columns)]
    whole = [(0, axis.size) for axis in (rows, columns)]
    outside = "cut" if written else "pad"
    if padded != whole:
        yield frame.rect(outside, padded[0], padded[1])
    if whole[0][1] > 0 and whole[1][1] > 0:
        yield frame.rect(role, whole[0], whole[1])
    if rows.windows > 0 and columns.windows > 0:
        for band in unread_bands(rows, frame.rows):
            yield from _marked(frame.rect("lost", band, whole[1]))
        for band in unread_bands(columns, frame.columns):
            yield from _marked(frame.rect("lost", whole[0], band))
    yield _grid(frame, padded)
    yield from _breaks(frame)
    yield from _sizes(frame, rows, columns)
    if max(rows.windows, columns.windows) > 1 and min(rows.windows, columns.windows) > 0:
        yield frame.rect("last", *_place(rows, columns, last=True))
    yield frame.rect("window", *_place(rows, columns))
    if max(rows.dilation_rate, columns.dilation_rate) > 1:
        yield Path("tap", _taps(frame, rows, columns))
    yield from _excess(frame, rows, columns)


def _place(rows: AxisGeometry, columns: AxisGeometry, *, last: bool = False) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the rows and the columns under the first or the last window."""
    starts = (rows.last, columns.last) if last else (rows.start(0), columns.start(0))
    return (starts[0], starts[0] + rows.span), (starts[1], starts[1] + columns.span)


def _marked(rect: Rect) -> Iterator[Ink]:
    """Draw a rectangle with its hatching."""
    yield rect
    yield Path(f"{rect.role}-hatch", hatching(rect.x, rect.y, rect.width, rect.height))


def unread_bands(axis: AxisGeometry, display: AxisDisplay) -> list[tuple[int, int]]:
    """Return the drawn stretches of elements that no window reads; to scale only the one at the end."""
    if not display.cells:
        return [(axis.size - axis.unread_end, axis.size)] if axis.unread_end else []
    idle = [place for place in display.drawn() if 0 <= place < axis.size and not axis.reads(place)]
    runs = [list(run) for _, run in groupby(enumerate(idle), lambda pair: pair[1] - pair[0])]
    return [(run[0][1], run[-1][1] + 1) for run in runs]


def _grid(frame: Frame, padded: Sequence[tuple[int, int]]) -> Path:
    """Draw the lines between the elements."""
    strokes = []
    (top, bottom), (left, right) = padded
    up, down, start, end = frame.rows.at(top), frame.rows.at(bottom), frame.columns.at(left), frame.columns.at(right)
    for place in frame.columns.drawn():
        if left < place < right:
            x = frame.x + frame.columns.at(place)
            strokes.append(line(x, frame.y + up, x, frame.y + down))
    for place in frame.rows.drawn():
        if top < place < bottom:
            y = frame.y + frame.rows.at(place)
            strokes.append(line(frame.x + start, y, frame.x + end, y))
    return Path("grid", "".join(strokes))


def _breaks(frame: Frame) -> Iterator[Ink]:
    """Draw a blank stripe across where elements are left out."""
    for x in frame.columns.breaks():
        yield Rect("break", frame.x + x - 6, frame.y - 4, 12, frame.rows.length + 8)
        yield Text("label", frame.x + x, frame.y - 8, "⋯")
    for y in frame.rows.breaks():
        yield Rect("break", frame.x - 4, frame.y + y - 6, frame.columns.length + 8, 12)
        yield Text("label", frame.x - 10, frame.y + y + 5, "⋮")


def _sizes(frame: Frame, rows: AxisGeometry, columns: AxisGeometry) -> Iterator[Ink]:
    """Write the sizes along both axes, and what padding adds at each end."""
    middle = (frame.columns.at(0) + frame.columns.at(columns.size)) / 2
    shift = -18 if frame.columns.breaks() else 0
    yield Text("size", frame.x + middle + shift, frame.y - 8, str(columns.size))
    middle = (frame.rows.at(0) + frame.rows.at(rows.size)) / 2
    shift = -16 if frame.rows.breaks() else 4
    yield Text("size", frame.x - 8, frame.y + middle + shift, str(rows.size), "end")
    for amount, start, end in _ends(columns):
        x = (frame.columns.at(start) + frame.columns.at(end)) / 2
        yield Text("label", frame.x + x, frame.y - 8, amount)
    for amount, start, end in _ends(rows):
        y = (frame.rows.at(start) + frame.rows.at(end)) / 2
        yield Text("label", frame.x - 8, frame.y + y + 4, amount, "end")


def _ends(axis: AxisGeometry) -> list[tuple[str, int, int]]:
    """Write what padding adds, and where."""
    ends = [(axis.before, -axis.before, 0), (axis.after, axis.size, axis.size + axis.after)]
    return [(f"+{amount}", start, end) for amount, start, end in ends if amount > 0]


def _taps(frame: Frame, rows: AxisGeometry, columns: AxisGeometry) -> str:
    """Draw the points of the first window that a dilated kernel reads."""
    strokes = []
    for i in range(rows.kernel_size if frame.rows.cells else 0):
        for k in range(columns.kernel_size if frame.columns.cells else 0):
            row, column = rows.start(0) + i * rows.dilation_rate, columns.start(0) + k * columns.dilation_rate
            made = frame.rect("tap", (row, row + 1), (column, column + 1))
            strokes.append(box(made.x, made.y, made.width, made.height))
    return "".join(strokes)


def _excess(frame: Frame, rows: AxisGeometry, columns: AxisGeometry) -> Iterator[Ink]:
    """Draw the part of a window that lies beyond the padded input."""
    down, right = _place(rows, columns)
    if rows.excess:
        yield from _marked(frame.rect("excess", (rows.size + rows.after, down[1]), right))
    if columns.excess:
        rest = (down[0], down[1] - rows.excess)
        yield from _marked(frame.rect("excess", rest, (columns.size + columns.after, right[1])))


def _small(frame: Frame, rows: AxisGeometry, columns: AxisGeometry, role: str) -> Iterator[Ink]:
    """Draw the side with an element for each window."""
    if rows.windows < 1 or columns.windows < 1:
        yield Text("error", frame.x - 20, frame.y + 10, "nothing comes out", "start")
        return
    yield frame.rect(role, (0, rows.windows), (0, columns.windows))
    yield _grid(frame, [(0, rows.windows), (0, columns.windows)])
    yield from _breaks(frame)
    plain = [AxisGeometry(axis.windows, 0, 0, 1, 1, 1, axis.windows) for axis in (rows, columns)]
    yield from _sizes(frame, *plain)
    if rows.windows > 1 or columns.windows > 1:
        yield frame.rect("last", (rows.windows - 1, rows.windows), (columns.windows - 1, columns.windows))
    yield frame.rect("window", (0, 1), (0, 1))


def _window_links(
    large: Frame, small: Frame, rows: AxisGeometry, columns: AxisGeometry, *, stacked: bool, written: bool
) -> Iterator[Ink]:
    """Between the first window and the element that it stands for."""
    if rows.windows > 0 and columns.windows > 0:
        window, cell = large.rect("", *_place(rows, columns)), small.rect("", (0, 1), (0, 1))
        yield _links(cell, window, stacked=stacked) if written else _links(window, cell, stacked=stacked)


def _links(start: Rect, end: Rect, *, stacked: bool) -> Path:
    """From two corners of one rectangle to those of the other, which lies to its right or, `stacked`, below."""
    if stacked:
        y, y2 = start.y + start.height, end.y
        pairs = [(start.x, y, end.x, y2), (start.x + start.width, y, end.x + end.width, y2)]
    else:
        x, x2 = start.x + start.width, end.x
        pairs = [(x, start.y, x2, end.y), (x, start.y + start.height, x2, end.y + end.height)]
    return Path("link", "".join(line(*pair) for pair in pairs))


def strips(
    axes: Sequence[AxisGeometry],
    names: Sequence[str],
    captions: Captions,
    *,
    written: bool = False,
    room: float = STRIP_ROOM,
) -> tuple[list[Ink], float, float]:
    """Draw a call over one or three axes, each axis by itself; return inks, width and height."""
    shown = displays(axes, room)
    inks: list[Ink] = []
    y = 0.0
    for axis, name, display in zip(axes, names, shown, strict=True):
        inks += _strip(axis, name, display, y, written)
        y += 2 * display_height(display) + 98
    inks.append(Text("caption", 0, y + 8, f"{captions.input} → {captions.output}", "start"))
    width = max([display.length for display in shown] + [len(captions.input + captions.output) * CHARACTER + 40]) + 8
    return _with_legend(inks, axes, captions, written, max(width, room * 0.75), y + 22)


def display_height(display: AxisDisplay) -> float:
    """Return the height of a strip's elements: squares, where they are drawn, but never too flat to see."""
    return max(display.unit, 14.0) if display.cells else 18.0


def _strip(axis: AxisGeometry, name: str, display: AxisDisplay, y: float, written: bool) -> Iterator[Ink]:
    height = display_height(display)
    counts = of_windows(axis, display)
    offset = max((display.length - counts.length) / 2, 0)
    tops = (y + 36, y + 36 + height + 40)
    large_top, small_top = tops[::-1] if written else tops
    one = AxisDisplay(((0, 1),), height, True)
    large, small = Frame(SLACK, large_top, one, display), Frame(SLACK + offset, small_top, one, counts)
    flat = AxisGeometry(1, 0, 0, 1, 1, 1, 1)
    sizes = f"{axis.windows} → {axis.size}" if written else f"{axis.size} → {max(axis.windows, 0)}"
    yield Text("size", SLACK, y + 12, f"{name} {sizes}", "start")
    yield from _strip_large(large, flat, axis, written)
    if axis.windows < 1:
        yield Text("error", SLACK, small_top + 14, "nothing comes out", "start")
        return
    yield small.rect("input" if written else "output", (0, 1), (0, axis.windows))
    yield _grid(small, [(0, 1), (0, axis.windows)])
    if counts.unit > display.unit:
        yield Text("label", small.x + counts.length + 8, small.y + 13, "drawn larger", "start")
    yield from (Rect("break", small.x + x - 6, small.y - 4, 12, height + 8) for x in counts.breaks())
    for role, index in (("last", axis.windows - 1), ("window", 0)) if axis.windows > 1 else (("window", 0),):
        place = axis.start(index)
        cell = small.rect(role, (0, 1), (index, index + 1))
        window = large.rect("", (0, 1), (place, place + axis.span))
        yield cell
        yield _links(cell, window, stacked=True) if written else _links(window, cell, stacked=True)


def _strip_large(frame: Frame, flat: AxisGeometry, axis: AxisGeometry, written: bool) -> Iterator[Ink]:
    labelled = {"size"}
    for ink in _large(frame, flat, axis, "output" if written else "input", written):
        if not (isinstance(ink, Text) and ink.role in labelled):
            yield ink


def resized(axes: Sequence[AxisGeometry], captions: Captions) -> tuple[list[Ink], float, float]:
    """Draw a zero padding or cropping over one or two axes: what is added around, or cut from the input."""
    flat = AxisGeometry(1, 0, 0, 1, 1, 1, 1)
    rows, columns = axes if len(axes) == 2 else (flat, axes[0])
    shown = displays(axes, STACKED_ROOM)
    down, right = shown if len(axes) == 2 else (AxisDisplay(((0, 1),), max(shown[0].unit, 14.0), True), shown[0])
    frame = Frame(LEFT, TOP, down, right)
    inks: list[Ink] = []
    outer = [(min(0, -axis.before), max(axis.size, axis.size + axis.after)) for axis in (rows, columns)]
    if min(rows.before, rows.after, columns.before, columns.after) >= 0:
        inks.append(frame.rect("pad", outer[0], outer[1]))
    inks += [frame.rect("input", (0, rows.size), (0, columns.size))]
    for axis, whole in ((rows, (0, columns.size)), (columns, (0, rows.size))):
        for start, end in ((0, -axis.before), (axis.size + axis.after, axis.size)):
            if start < end:
                band = (max(start, 0), min(end, axis.size))
                inks += _marked(frame.rect("cut", *((band, whole) if axis is rows else (whole, band))))
    inks += [_grid(frame, outer), *_breaks(frame), *_sizes(frame, rows, columns)]
    y = TOP + frame.rows.length
    inks.append(Text("caption", LEFT, y + 18, f"{captions.input} → {captions.output}", "start"))
    width = LEFT + max(frame.columns.length, len(captions.input + captions.output) * CHARACTER + 30) + LEFT
    return _with_legend(inks, axes, captions, False, width, y + BELOW)


def _with_legend(
    inks: list[Ink], axes: Sequence[AxisGeometry], captions: Captions, written: bool, width: float, height: float
) -> tuple[list[Ink], float, float]:
    """Add a legend: the meaning of each mark that is among the inks."""
    roles = {ink.role for ink in inks}
    meanings = [
        ("window", captions.window),
        ("last", "last window"),
        ("pad", "padding"),
        ("cut", "cut away"),
        ("lost", "never written" if written else "never read"),
        ("excess", "what does not fit"),
    ]
    entries = [(role, meaning) for role, meaning in meanings if role in roles]
    marks = list(legend(entries, height + 6, width))
    lowest = max((mark.y for mark in marks if isinstance(mark, Text)), default=height)
    return inks + marks, width, lowest + 8
