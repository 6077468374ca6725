"""What stands at the end of each code line: the shapes made there, the fault, and where it comes from."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from conv_magic.analysis.contract_checks import names_bound
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.model.calls import CallRecord, Mode
from conv_magic.model.diagnoses import Diagnosis, Severity
from conv_magic.model.notes import LineNote
from conv_magic.model.positions import Span
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.model.values import AssignedValue
from conv_magic.text.contract_matching import Bound
from conv_magic.text.source import Code
from conv_magic.views.pins import BATCH, batch_size, outdated_lines, pin_of

Status = Literal["ok", "warning", "failed", "origin"]
Place = tuple[str, int]
"""A cell's key and a line of it."""
_MOST_ON_A_LINE = 6


@dataclass(frozen=True)
class _Made:
    """What was made at one place, by one call site or one assignment.

    columns  for each value made there the shapes that it had, in order; empty for one that was no tensor
    given    what went in, of each different call
    """

    span: Span
    columns: tuple[tuple[Shape, ...], ...]
    times: int
    calls: tuple[CallRecord, ...] = ()

    @property
    def given(self) -> list[tuple[Shape, ...]]:
        return list(dict.fromkeys(call.inputs for call in self.calls))

    @property
    def text(self) -> str:
        return ", ".join(map(range_of, filter(None, self.columns))) + (f" ×{self.times}" if self.times > 1 else "")

    def takes(self, other: _Made) -> bool:
        """Whether it was made from that, in the text or by what is known of the tensors."""
        made = {call.index for call in other.calls}
        return self.span.contains(other.span) or any(made & set(call.producers) for call in self.calls)


def line_notes(trace: Trace, diagnoses: Sequence[Diagnosis]) -> tuple[LineNote, ...]:
    """Return the notes of all cells, by cell and line."""
    codes = {source.cell: Code(source.cell, source.text) for source in trace.sources}
    places: defaultdict[Place, list[_Made]] = defaultdict(list)
    for made in _made_by_calls(trace):
        places[made.span.cell, _line_of(made.span, codes)].append(made)
    for value in filter(lambda value: value.has_shape, trace.assigned):
        places[value.span.cell, value.span.end_line].append(_made_by_assignment(value))
    bound = {cell: names_bound(code, trace) for cell, code in codes.items()}
    batch, outdated = batch_size(trace), outdated_lines(trace)
    notes: dict[Place, LineNote] = {}
    for place, found in places.items():
        own = bound[place[0]].get(BATCH, ()) if place[0] in bound else ()
        notes[place] = _note(place, found, codes, own[0].size if own else batch, place in outdated)
    for cell, names in bound.items():
        for line, text in _told_by_line(names).items():
            if (cell, line) in notes:
                notes[cell, line] = _followed(notes[cell, line], f"  {text}")
    for index, diagnosis in enumerate(diagnoses):
        if diagnosis.span is not None:
            _mark(notes, diagnosis.span, _word(diagnosis), diagnosis.headline, index)
        if diagnosis.origin is not None and diagnosis.origin != diagnosis.span and diagnosis.actual is not None:
            _mark(notes, diagnosis.origin, "origin", str(diagnosis.actual), index)
    return tuple(notes[place] for place in sorted(notes) if notes[place].text)


def _told_by_line(names: Mapping[str, tuple[Bound, ...]]) -> dict[int, str]:
    """By the line whose contract bound them, the names with what they stand for: `B = 32, H = 14..28`."""
    found: dict[int, list[str]] = {}
    for name, bounds in names.items():
        sizes = _span_of_sizes(tuple(bound.size for bound in bounds))
        found.setdefault(bounds[0].span.line, []).append(f"{name} = {sizes}")
    return {line: ", ".join(texts) for line, texts in found.items()}


def _followed(note: LineNote, text: str) -> LineNote:
    return replace(note, text=note.text + text, flow=note.flow + text)


def _made_by_calls(trace: Trace) -> Iterator[_Made]:
    """One for each call site: all its calls together."""
    groups: dict[tuple[str, Span], list[CallRecord]] = {}
    for call, span in _placed(trace):
        groups.setdefault((call.op, span), []).append(call)
    for (_, span), calls in groups.items():
        shapes = tuple(call.output for call in calls if call.output is not None)
        times = sum(call.count for call in calls if call.direct and call.mode is not Mode.GRAPH)
        yield _Made(span, (shapes,) if shapes else (), times, tuple(calls))


def _made_by_assignment(value: AssignedValue) -> _Made:
    columns = (tuple(s for s in shapes if s is not None) for shapes in zip(*value.shapes, strict=True))
    return _Made(value.span, tuple(columns), value.count)


def _is_told(value: _Made, calls: Sequence[_Made], code: Code | None) -> bool:
    """Whether the assigned values are what the calls gave whose notes stand there."""
    statement = code.node_at(value.span, ast.stmt) if code else None
    expression = getattr(statement, "value", None)
    inside = [one for one in calls if one.columns and value.span.contains(one.span)]
    if code and expression is not None and any(one.span == code.span(expression) for one in inside):
        return True
    last = inside[-len(value.columns) :]
    return [set(one.columns[0]) for one in last] == [set(shapes) for shapes in value.columns]


def _placed(trace: Trace) -> Iterator[tuple[CallRecord, Span]]:
    """Each call with the place its note belongs to: a layer that a library ran is noted where it was made."""
    noted_directly = {call.layer for call in trace.calls if call.direct and call.layer is not None}
    for call in trace.calls:
        if call.direct and call.span is not None:
            yield call, call.span
        elif call.created is not None and call.layer not in noted_directly and not _holds_others(call, trace):
            yield call, call.created


def _holds_others(call: CallRecord, trace: Trace) -> bool:
    """Check for a model that `fit` ran: its layers tell more than it does."""
    return graph_of(trace).has_inside(call)


def _line_of(span: Span, codes: Mapping[str, Code]) -> int:
    """Return the line of a call's note: its statement's last, or its own in a list of several lines."""
    code = codes.get(span.cell)
    node = code.call_at(span) if code else None
    if code is None or node is None:
        return span.end_line
    inner: ast.expr = node
    for around in code.around(node):
        if isinstance(around, ast.List | ast.Tuple | ast.Set | ast.Dict) and around.end_lineno != inner.end_lineno:
            break
        if isinstance(around, ast.stmt):
            return span.end_line if hasattr(around, "body") else around.end_lineno or span.end_line
        inner = around if isinstance(around, ast.expr) else inner
    return inner.end_lineno or span.end_line


def _note(place: Place, made: list[_Made], codes: Mapping[str, Code], batch: int | None, outdated: bool) -> LineNote:
    ordered = sorted(made, key=lambda one: (one.span.end_line, one.span.end_column, not one.calls))
    calls = [one for one in ordered if one.calls]
    code = codes.get(place[0])
    shown = [one for one in ordered if one.columns and (one.calls or not _is_told(one, calls, code))]
    last = next((one for one in reversed(ordered) if one.columns), None)
    called = last.span if last and last.calls else None
    return LineNote(
        *place,
        text=_chain(shown),
        status="ok",
        calls=tuple(call.index for one in calls for call in one.calls),
        flow=_chain(shown, with_data_origins=True),
        pin=pin_of(code, place[1], called, last.columns, batch, outdated) if code and last else None,
        later=place[0] != next(iter(codes)),
    )


def _chain(made: Sequence[_Made], *, with_data_origins: bool = False) -> str:
    """Write `a -> b` where `b` was made from `a`, else `a, b`; inputs come before what was made from them."""
    text = ""
    for before, one in zip([None, *made], made[:_MOST_ON_A_LINE], strict=False):
        follows = before is not None and one.takes(before)
        given = f"{_given(one)} -> " if with_data_origins and not follows and any(one.given) else ""
        separator = "" if before is None else " -> " if follows else ", "
        text += f"{separator}{given}{one.text}"
    return text + (" -> ..." if len(made) > _MOST_ON_A_LINE else "")


def _given(made: _Made) -> str:
    """Write each input with its range over all calls; the first calls' where the number of inputs differs."""
    given = made.given
    if len({len(shapes) for shapes in given}) > 1:
        given = given[:1]
    return ", ".join(range_of(shapes) for shapes in zip(*given, strict=True))


def range_of(shapes: Sequence[Shape]) -> str:
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
    notes: dict[Place, LineNote], span: Span, status: Status, text: str, diagnosis: int
) -> None:  # fmt: skip
    """Mark the line on which a fault shows, or from which it comes, beside the shapes that stand there."""
    place = (span.cell, span.end_line)
    note = notes.get(place) or LineNote(*place, text="", status=status, calls=())
    if note.diagnosis is not None and status == "origin":
        return
    if status == "origin":
        text = note.text or text
    elif note.text and note.text not in text:
        text = f"{note.text}  {text}"
    notes[place] = replace(note, text=text, flow=_beside(note, text), status=status, diagnosis=diagnosis)


def _beside(note: LineNote, text: str) -> str:
    """Return what stands beside the shapes, in their longer form too."""
    if not note.flow:
        return ""
    return note.flow + text.removeprefix(note.text) if text.startswith(note.text) else f"{note.flow}  {text}"
