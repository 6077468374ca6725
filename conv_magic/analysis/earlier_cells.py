"""Read a notebook's cells as one text, in the order in which they ran, so that rules see across cells.

Models, losses and data are mostly made in cells of their own, and not each of them was traced. A trace is moved into
the joined text, and its diagnoses are moved back to the cells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from conv_magic.model.calls import CallRecord, Given
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Fix
from conv_magic.model.positions import Edit, Span, digest, lines_of
from conv_magic.model.trace import Source, Trace
from conv_magic.model.values import AssignedValue, NamedValue
from conv_magic.text.source import parse

_LINE = re.compile(r"\bline (\d+)\b")


@dataclass(frozen=True)
class JoinedCells:
    """The cells in their order, the one that ran last; `starts` counts the lines above each."""

    sources: tuple[Source, ...]
    starts: tuple[int, ...]
    text: str

    @classmethod
    def of(cls, own: Source, earlier: Sequence[Source]) -> JoinedCells:
        """Join the earlier cells that are Python and the one that ran."""
        kept = (*(s for s in earlier if parse(s.text) is not None), own)
        starts, text = [], ""
        for source in kept:
            starts.append(len(lines_of(text)))
            text += source.text if source.text.endswith("\n") else source.text + "\n"
        return cls(kept, tuple(starts), text)

    @property
    def source(self) -> Source:
        """Return the joined text, under the key of the cell that ran."""
        return replace(self.sources[-1], text=self.text, digest=digest(self.text))

    def moved(self, trace: Trace, values: tuple[NamedValue, ...]) -> Trace:
        """Return the trace as if the joined text had run; `values` are what its names stand for."""
        calls = tuple(self._moved_call(call) for call in trace.calls)
        assigned = (self._moved_value(value) for value in trace.assigned)
        inside = tuple(value for value in assigned if value is not None)
        return replace(trace, sources=(self.source,), calls=calls, values=values, assigned=inside)

    def _moved_call(self, call: CallRecord) -> CallRecord:
        given = tuple(self._moved_origin(origin) for origin in call.given)
        return replace(call, span=self._joined_span(call.span), created=self._joined_span(call.created), given=given)

    def _moved_origin(self, given: Given | None) -> Given | None:
        span = self._joined_span(given.span) if given is not None else None
        return replace(given, span=span) if given is not None and span is not None else None

    def _moved_value(self, value: AssignedValue) -> AssignedValue | None:
        span = self._joined_span(value.span)
        return replace(value, span=span) if span is not None else None

    def _joined_span(self, span: Span | None) -> Span | None:
        """Return a cell's span in the joined text, None for a cell that is not part of it."""
        if span is None:
            return None
        for source, start in zip(self.sources, self.starts, strict=True):
            if source.cell == span.cell:
                own = self.sources[-1].cell
                return replace(span, cell=own, line=span.line + start, end_line=span.end_line + start)
        return None

    def back(self, diagnosis: Diagnosis) -> Diagnosis:
        """Return a diagnosis of the joined text as one of the cells; fixes that change several cells are left out."""
        fixes = (self._fix_of_cell(fix) for fix in diagnosis.fixes)
        return replace(
            diagnosis,
            span=self._cell_span(diagnosis.span),
            origin=self._cell_span(diagnosis.origin),
            headline=self._with_cell_lines(diagnosis.headline),
            reasons=tuple(map(self._with_cell_lines, diagnosis.reasons)),
            origin_note=self._with_cell_lines(diagnosis.origin_note) if diagnosis.origin_note is not None else None,
            fixes=tuple(fix for fix in fixes if fix is not None),
        )

    def _fix_of_cell(self, fix: Fix) -> Fix | None:
        """Return a fix of the joined text as one of its cell, None if it changes several cells."""
        cells = [self._cell_index(edit.span.line) for edit in fix.edits]
        if len(set(cells)) != 1:
            return None
        source = self.sources[cells[0]]
        edits = tuple(Edit(span, edit.text) for edit in fix.edits if (span := self._cell_span(edit.span)) is not None)
        title = self._with_cell_lines(fix.title)
        return replace(fix, title=title, edits=edits, cell=source.cell, digest=source.digest)

    def _cell_span(self, span: Span | None) -> Span | None:
        """Return a span of the joined text in its own cell."""
        if span is None:
            return None
        index = self._cell_index(span.line)
        start = self.starts[index]
        # the span of a whole line ends at the start of the next one, which may be the next cell's
        return replace(span, cell=self.sources[index].cell, line=span.line - start, end_line=span.end_line - start)

    def _cell_index(self, line: int) -> int:
        """Return the index of the cell that a line of the joined text belongs to."""
        return max(index for index, start in enumerate(self.starts) if start < line)

    def _with_cell_lines(self, text: str) -> str:
        """Return a sentence with line numbers of the joined text replaced by those of the cells."""

        def in_cell(match: re.Match[str]) -> str:
            line = int(match[1])
            if not 0 < line <= len(lines_of(self.text)):
                return match[0]
            index = self._cell_index(line)
            other = f" of {self.sources[index].label}" if index < len(self.sources) - 1 else ""
            return f"line {line - self.starts[index]}{other}"

        return _LINE.sub(in_cell, text)


def diagnosed_cells(diagnoses: Sequence[Diagnosis]) -> Iterator[str]:
    """Yield the keys of the cells that diagnoses point to and that their fixes change."""
    for diagnosis in diagnoses:
        yield from (span.cell for span in (diagnosis.span, diagnosis.origin) if span is not None)
        yield from (fix.cell for fix in diagnosis.fixes)
