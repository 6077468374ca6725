"""Whether a document from elsewhere is one that a run could have made: numbers in range, references that lead on.

The types have been checked before, by pydantic; here is what the types do not say.  Every view relies on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from functools import cached_property
from typing import TypeVar

from conv_magic.model.calls import CallRecord, Cost
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.document import Document
from conv_magic.model.fixes import Fix
from conv_magic.model.notes import LineNote
from conv_magic.model.positions import Span, lines_of, splice
from conv_magic.model.shapes import Shape
from conv_magic.model.sites import EditSite
from conv_magic.model.trace import Totals
from conv_magic.model.values import AssignedValue, NamedValue

LARGEST = 2**63 - 1
"""No number is larger: what a tensor's size, and a column of the frame, can hold."""

MOST_AXES = 254
"""As many as a shape of TensorFlow has at most."""

MOST_POINTS = 100_000
"""No kernel is longer: the pictures look at each of its points."""

Item = TypeVar("Item")
Fault = tuple[str, str]
"""A path in the document, and what is wrong there."""


def first_fault(document: Document) -> Fault | None:
    """Return the first fault that no document of a run can have, None where there is none."""
    return next(_Reading(document).faults(), None)


@dataclass
class _Reading:
    document: Document

    @cached_property
    def lines(self) -> dict[str, int]:
        """The number of lines of each cell."""
        return {source.cell: len(lines_of(source.text)) for source in self.document.trace.sources}

    @cached_property
    def indices(self) -> set[int]:
        return {call.index for call in self.document.trace.calls}

    def faults(self) -> Iterator[Fault]:
        document, trace = self.document, self.document.trace
        if not trace.sources:
            yield "trace.sources", "there is no cell"
        if len(self.lines) < len(trace.sources):
            yield "trace.sources", "two cells have the same key"
        yield from _counts("trace", (trace.dropped, trace.left_out))
        yield from _totals("trace.totals", trace.totals)
        yield from self._calls(trace.calls)
        yield from _each("trace.values", trace.values, self._value)
        yield from _each("trace.assigned", trace.assigned, self._assigned)
        yield from _each("diagnoses", document.diagnoses, self._diagnosis)
        yield from _each("notes", document.notes, self._note)
        yield from _each("sites", document.sites, self._site)
        if document.failure is not None:
            yield from self._span("failure.span", document.failure.span)
        if document.training is not None:
            at = document.training
            yield from _counts("training", (at.epoch, at.epochs, at.step, at.steps))

    def _calls(self, calls: Sequence[CallRecord]) -> Iterator[Fault]:
        last = -1
        for place, call in enumerate(calls):
            path = f"trace.calls.{place}"
            if not last < call.index <= LARGEST:
                yield f"{path}.index", f"{call.index} does not follow {last}"
            last = call.index
            yield from self._call(path, call)

    def _call(self, path: str, call: CallRecord) -> Iterator[Fault]:
        yield from self._span(f"{path}.span", call.span)
        yield from self._span(f"{path}.created", call.created)
        if call.parent is not None and not (call.parent in self.indices and call.parent < call.index):
            yield f"{path}.parent", f"there is no call {call.parent} before this one"
        for producer in call.producers:
            if producer is not None and producer not in self.indices:
                yield f"{path}.producers", f"there is no call {producer}"
        yield from _shapes(f"{path}.inputs", call.inputs)
        yield from _shapes(path, (call.kernel, call.expected, call.output, call.accepts))
        if call.options is not None:
            yield from _numbers(f"{path}.options", _within(astuple(call.options)), -LARGEST)
            window = getattr(call.options, "kernel_size", ()) or getattr(call.options, "pool_size", ())
            yield from _numbers(f"{path}.options", window, -LARGEST, MOST_POINTS)
        yield from _counts(path, (call.replica,))
        if not 1 <= call.count <= LARGEST:
            yield f"{path}.count", f"{call.count} is no number of calls"
        yield from _cost(f"{path}.cost", call.cost)
        if call.tracing is not None:
            yield from _counts(f"{path}.tracing", (call.tracing.times, call.tracing.functions))
        for given in call.given:
            yield from self._span(f"{path}.given", given.span if given is not None else None)

    def _value(self, path: str, value: NamedValue) -> Iterator[Fault]:
        yield from _shapes(path, (value.shape, *value.parts))
        yield from _numbers(f"{path}.numbers", value.numbers, -LARGEST)

    def _assigned(self, path: str, value: AssignedValue) -> Iterator[Fault]:
        yield from self._span(f"{path}.span", value.span)
        yield from _counts(path, (value.count,))
        for shapes in value.shapes:
            if len(shapes) != len(value.names):
                yield f"{path}.shapes", f"{len(shapes)} shapes for {len(value.names)} names"
            yield from _shapes(f"{path}.shapes", shapes)

    def _diagnosis(self, path: str, diagnosis: Diagnosis) -> Iterator[Fault]:
        yield from self._span(f"{path}.span", diagnosis.span)
        yield from self._span(f"{path}.origin", diagnosis.origin)
        if diagnosis.call is not None and diagnosis.call not in self.indices:
            yield f"{path}.call", f"there is no call {diagnosis.call}"
        yield from _shapes(path, (diagnosis.expected, diagnosis.actual))
        if any(not 0 <= axis < MOST_AXES for axis in diagnosis.axes):
            yield f"{path}.axes", "an axis that no shape has"
        yield from _each(f"{path}.fixes", diagnosis.fixes, self._fix)

    def _fix(self, path: str, fix: Fix) -> Iterator[Fault]:
        yield from self._cell(path, fix.cell)
        for cell in fix.reruns:
            yield from self._cell(f"{path}.reruns", cell)
        for edit in fix.edits:
            yield from self._span(f"{path}.edits", edit.span)
        if any(edit.span.cell != fix.cell for edit in fix.edits):
            yield f"{path}.edits", "an edit of another cell than the fix's"
        text = next((source.text for source in self.document.trace.sources if source.cell == fix.cell), "")
        try:
            splice(text, fix.edits)
        except ValueError as error:
            yield f"{path}.edits", str(error)
        yield from _shapes(path, (fix.predicted,))

    def _note(self, path: str, note: LineNote) -> Iterator[Fault]:
        yield from self._cell(path, note.cell)
        if not 1 <= note.line <= self.lines.get(note.cell, 0) + 1:
            yield f"{path}.line", f"its cell has no line {note.line}"
        if not self.indices.issuperset(note.calls):
            yield f"{path}.calls", "a call that is not there"
        if note.diagnosis is not None and not 0 <= note.diagnosis < len(self.document.diagnoses):
            yield f"{path}.diagnosis", f"there is no diagnosis {note.diagnosis}"

    def _site(self, path: str, site: EditSite) -> Iterator[Fault]:
        yield from self._span(f"{path}.span", site.span)
        for argument in site.arguments:
            yield from self._span(f"{path}.arguments", argument.span)
            yield from _numbers(f"{path}.arguments", (argument.axis,), 0, MOST_AXES)

    def _cell(self, path: str, cell: str) -> Iterator[Fault]:
        if cell not in self.lines:
            yield f"{path}.cell", "there is no such cell"

    def _span(self, path: str, span: Span | None) -> Iterator[Fault]:
        if span is None:
            return
        lines = self.lines.get(span.cell)
        start, end = (span.line, span.column), (span.end_line, span.end_column)
        if lines is None:
            yield f"{path}.cell", "there is no such cell"
        elif span.line < 1 or min(span.column, span.end_column) < 0 or end < start:
            yield path, "it ends before it begins, or is outside of the text"
        elif span.end_line > lines + 1 or max(span.column, span.end_column) > LARGEST:
            yield path, f"it ends on line {span.end_line}, and its cell has {lines}"


def _each(path: str, items: Iterable[Item], check: Callable[[str, Item], Iterator[Fault]]) -> Iterator[Fault]:
    for place, item in enumerate(items):
        yield from check(f"{path}.{place}", item)


def _shapes(path: str, shapes: Iterable[Shape | None]) -> Iterator[Fault]:
    for shape in shapes:
        if shape is None:
            continue
        if len(shape) > MOST_AXES:
            yield path, f"a shape of {len(shape)} axes"
        yield from _numbers(path, shape, -1)


def _counts(path: str, counts: Iterable[int | None]) -> Iterator[Fault]:
    yield from _numbers(path, counts, 0)


def _numbers(path: str, numbers: Iterable[float | None], least: int, most: int = LARGEST) -> Iterator[Fault]:
    for number in numbers:
        if number is not None and not least <= number <= most:
            yield path, f"{_short(number)} is not between {least} and {most}"


def _short(number: float) -> str:
    text = str(number)
    return text if len(text) <= 24 else f"{text[:20]}..."


def _within(values: object) -> Iterator[int]:
    if isinstance(values, tuple):
        for value in values:
            yield from _within(value)
    elif isinstance(values, int):
        yield values


def _cost(path: str, cost: Cost) -> Iterator[Fault]:
    yield from _counts(path, (cost.params, cost.macs, cost.output_bytes))
    yield from _counts(f"{path}.receptive_field", cost.receptive_field or ())
    yield from _numbers(f"{path}.seconds", (cost.seconds,), 0)


def _totals(path: str, totals: Totals | None) -> Iterator[Fault]:
    if totals is not None:
        yield from _numbers(path, astuple(totals), 0)
