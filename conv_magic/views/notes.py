"""What stands at the end of each code line: the shapes made there, the fault, and where it comes from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Literal

from conv_magic.model import CallRecord, Diagnosis, LineNote, Mode, Severity, Shape, Trace
from conv_magic.positions import Span

Status = Literal["ok", "warning", "failed", "origin"]
_MOST_ON_A_LINE = 6


def line_notes(trace: Trace, diagnoses: Sequence[Diagnosis]) -> tuple[LineNote, ...]:
    """The notes of all cells, by cell and line."""
    places: defaultdict[tuple[str, int], list[CallRecord]] = defaultdict(list)
    for call, span in _placed(trace):
        places[span.cell, span.end_line].append(call)
    notes = {place: _note(place, calls) for place, calls in places.items()}
    for index, diagnosis in enumerate(diagnoses):
        if diagnosis.span is not None:
            _mark(notes, diagnosis.span, _word(diagnosis), diagnosis.headline, index)
        if diagnosis.origin is not None and diagnosis.origin != diagnosis.span and diagnosis.actual is not None:
            _mark(notes, diagnosis.origin, "origin", str(diagnosis.actual), index)
    return tuple(notes[place] for place in sorted(notes) if notes[place].text)


def _placed(trace: Trace) -> Iterator[tuple[CallRecord, Span]]:
    """Each call with the place its note belongs to: a layer that a library ran is noted where it was made."""
    noted_directly = {call.layer for call in trace.calls if call.direct and call.layer is not None}
    for call in trace.calls:
        if call.direct and call.span is not None:
            yield call, call.span
        elif call.created is not None and call.layer not in noted_directly and not _holds_others(call, trace):
            yield call, call.created


def _holds_others(call: CallRecord, trace: Trace) -> bool:
    """A model that `fit` ran: its layers tell more than it does."""
    return any(other.parent == call.index for other in trace.calls)


def _note(place: tuple[str, int], calls: list[CallRecord]) -> LineNote:
    ordered = sorted(calls, key=lambda call: (call.span.end_column if call.span else 0, call.index))
    texts = list(_texts(ordered))
    text = " -> ".join(texts[:_MOST_ON_A_LINE]) + (" -> ..." if len(texts) > _MOST_ON_A_LINE else "")
    return LineNote(place[0], place[1], text, "ok", tuple(call.index for call in ordered))


def _texts(calls: Sequence[CallRecord]) -> Iterator[str]:
    """The shapes of one line in order; calls of one thing are one shape with its range and number."""
    groups: dict[object, list[CallRecord]] = {}
    for call in calls:
        groups.setdefault((call.op, call.span if call.direct else call.created), []).append(call)
    for group in groups.values():
        shapes = [call.output for call in group if call.output is not None]
        if shapes:
            times = sum(call.count for call in group if call.direct and call.mode is not Mode.GRAPH)
            yield _range(shapes) + (f" x{times}" if times > 1 else "")


def _range(shapes: Sequence[Shape]) -> str:
    """One shape, or of several each axis as its range."""
    if len({len(shape) for shape in shapes}) > 1:
        return " | ".join(dict.fromkeys(map(_spelled, shapes)))
    return "(" + ", ".join(_span_of_sizes(axis) for axis in zip(*shapes, strict=True)) + _tail(shapes[0])


def _tail(shape: Shape) -> str:
    return ",)" if len(shape) == 1 else ")"


def _spelled(shape: Shape) -> str:
    return str(tuple(shape))


def _span_of_sizes(sizes: tuple[int | None, ...]) -> str:
    known = sorted({size for size in sizes if size is not None})
    if None in sizes or not known:
        return "None"
    return str(known[0]) if len(known) == 1 else f"{known[0]}..{known[-1]}"


def _word(diagnosis: Diagnosis) -> Status:
    return "failed" if diagnosis.severity is Severity.ERROR else "warning"


def _mark(
    notes: dict[tuple[str, int], LineNote], span: Span, status: Status, text: str, diagnosis: int
) -> None:  # fmt: skip
    """Mark the line on which a fault shows, or from which it comes, beside the shapes that stand there."""
    place = (span.cell, span.end_line)
    note = notes.get(place) or LineNote(*place, text="", status=status, calls=())
    if note.diagnosis is not None and status == "origin":
        return
    if status == "origin":
        text = note.text or text
    elif note.text:
        text = f"{note.text}  {text}"
    notes[place] = LineNote(*place, text=text, status=status, calls=note.calls, diagnosis=diagnosis)
