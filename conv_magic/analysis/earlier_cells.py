"""A notebook's cells read as one text, in the order in which they ran, so that rules see over the cells' borders.

Models, losses and data are mostly made in cells of their own, and not each of them was traced.  A trace is moved into
the one text, and what is said of it there is moved back to the cells.
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
        """The earlier cells that are Python, then the one that ran."""
        kept = (*(s for s in earlier if parse(s.text) is not None), own)
        starts, text = [], ""
        for source in kept:
            starts.append(len(lines_of(text)))
            text += source.text if source.text.endswith("\n") else source.text + "\n"
        return cls(kept, tuple(starts), text)

    @property
    def source(self) -> Source:
        """The one text, under the key of the cell that ran."""
        return replace(self.sources[-1], text=self.text, digest=digest(self.text))

    def moved(self, trace: Trace, values: tuple[NamedValue, ...]) -> Trace:
        """The trace as if the one text had run; `values` are what its names stand for."""
        calls = tuple(self._call(call) for call in trace.calls)
        assigned = (self._assigned(value) for value in trace.assigned)
        inside = tuple(value for value in assigned if value is not None)
        return replace(trace, sources=(self.source,), calls=calls, values=values, assigned=inside)

    def _call(self, call: CallRecord) -> CallRecord:
        given = tuple(self._given(one) for one in call.given)
        return replace(call, span=self._into(call.span), created=self._into(call.created), given=given)

    def _given(self, given: Given | None) -> Given | None:
        span = self._into(given.span) if given is not None else None
        return replace(given, span=span) if given is not None and span is not None else None

    def _assigned(self, value: AssignedValue) -> AssignedValue | None:
        span = self._into(value.span)
        return replace(value, span=span) if span is not None else None

    def _into(self, span: Span | None) -> Span | None:
        """A place of a cell in the one text; None for a cell that is not part of it."""
        if span is None:
            return None
        for source, start in zip(self.sources, self.starts, strict=True):
            if source.cell == span.cell:
                own = self.sources[-1].cell
                return replace(span, cell=own, line=span.line + start, end_line=span.end_line + start)
        return None

    def back(self, diagnosis: Diagnosis) -> Diagnosis:
        """A diagnosis of the one text as one of the cells; fixes that reach over several cells are left out."""
        fixes = (self._fix(fix) for fix in diagnosis.fixes)
        return replace(
            diagnosis,
            span=self._out(diagnosis.span),
            origin=self._out(diagnosis.origin),
            headline=self._words(diagnosis.headline),
            reasons=tuple(map(self._words, diagnosis.reasons)),
            origin_note=self._words(diagnosis.origin_note) if diagnosis.origin_note is not None else None,
            fixes=tuple(fix for fix in fixes if fix is not None),
        )

    def _fix(self, fix: Fix) -> Fix | None:
        places = [self._place(edit.span.line) for edit in fix.edits]
        if len(set(places)) != 1:
            return None
        source = self.sources[places[0]]
        edits = tuple(Edit(span, edit.text) for edit in fix.edits if (span := self._out(edit.span)) is not None)
        title = self._words(fix.title)
        return replace(fix, title=title, edits=edits, cell=source.cell, digest=source.digest)

    def _out(self, span: Span | None) -> Span | None:
        if span is None:
            return None
        place = self._place(span.line)
        start = self.starts[place]
        # a whole line is told by the start of the next one, which may be the next cell's
        return replace(span, cell=self.sources[place].cell, line=span.line - start, end_line=span.end_line - start)

    def _place(self, line: int) -> int:
        """The number of the cell that a line of the one text belongs to."""
        return max(place for place, start in enumerate(self.starts) if start < line)

    def _words(self, text: str) -> str:
        """A sentence with the lines of the one text told as those of the cells."""

        def told(found: re.Match[str]) -> str:
            line = int(found[1])
            if not 0 < line <= len(lines_of(self.text)):
                return found[0]
            place = self._place(line)
            other = f" of {self.sources[place].label}" if place < len(self.sources) - 1 else ""
            return f"line {line - self.starts[place]}{other}"

        return _LINE.sub(told, text)


def diagnosed_cells(diagnoses: Sequence[Diagnosis]) -> Iterator[str]:
    """The cells that diagnoses speak of and that their fixes change."""
    for diagnosis in diagnoses:
        yield from (span.cell for span in (diagnosis.span, diagnosis.origin) if span is not None)
        yield from (fix.cell for fix in diagnosis.fixes)
