"""Code as it is shown: the text under a span, display columns, annotated lines, differences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import cached_property
from itertools import groupby
from typing import Literal

from conv_magic.model.document import Document
from conv_magic.model.fixes import Fix
from conv_magic.model.notes import LineNote
from conv_magic.model.positions import Span, StaleSource, char_from_utf16, lines_of, text_at
from conv_magic.model.trace import Source
from conv_magic.views.wording import one_line, printable

TAB = 4
ALL_SHOWN = 60
"""A cell of at most so many lines is shown whole; of a longer one, the lines with a note and those around them."""
AROUND = 2

NoteStatus = Literal["ok", "warning", "failed", "origin"]
_WORST_FIRST: tuple[NoteStatus, ...] = ("failed", "warning", "origin", "ok")


def columns_of(text: str) -> int:
    """How many columns of a monospaced font `text` takes; `text` is printable."""
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth  # here, because its tables take longer to load than all views together

    return wcswidth(text)


def displayed(line: str) -> str:
    """`line` without its end, tabs widened to stops of four columns, control characters made visible."""
    shown, *rest = (printable(part) for part in line.rstrip("\r\n").split("\t"))
    for part in rest:
        shown += " " * (TAB - columns_of(shown) % TAB) + part
    return shown


class Excerpts:
    """The sources of a document, split into lines once."""

    def __init__(self, sources: tuple[Source, ...]) -> None:
        self._texts = {source.cell: source.text for source in sources}
        self._codes: dict[Span, str | None] = {}

    @cached_property
    def _lines(self) -> dict[str, list[str]]:
        return {cell: lines_of(text) for cell, text in self._texts.items()}

    def line(self, cell: str, number: int) -> str | None:
        """One line with its end; None where the document does not hold it."""
        lines = self._lines.get(cell, [])
        return lines[number - 1] if 0 < number <= len(lines) else None

    def code(self, span: Span | None) -> str | None:
        """Return the text under `span`; None where the document does not hold it."""
        if span is None or span.cell not in self._texts:
            return None
        if span not in self._codes:
            block = "".join(self._lines[span.cell][span.line - 1 : span.end_line])
            inside = replace(span, line=1, end_line=span.end_line - span.line + 1)
            self._codes[span] = text_at(block, inside) if block else None
        return self._codes[span]

    def columns(self, span: Span) -> tuple[str, int, int]:
        """Return the first line under `span` as displayed, and the display columns where the span starts and ends."""
        line = self.line(span.cell, span.line) or ""
        shown = displayed(line)
        start = columns_of(displayed(line[: char_from_utf16(line, span.column)]))
        if span.end_line > span.line:
            return shown, start, columns_of(shown)
        return shown, start, columns_of(displayed(line[: char_from_utf16(line, span.end_column)]))


@dataclass(frozen=True, slots=True)
class AnnotatedLine:
    """One code line and what stands at its end; `status` is None where nothing does."""

    number: int
    code: str
    note: str = ""
    status: NoteStatus | None = None


def annotated(document: Document) -> Iterator[tuple[Source, list[AnnotatedLine | None]]]:
    """Each source that has notes, and the cell that ran, with the notes at the lines' ends; None is a gap."""
    for position, source in enumerate(document.trace.sources):
        notes = [note for note in document.notes if note.cell == source.cell]
        if position == 0 or notes:
            yield source, _with_gaps(_annotated_lines(source, notes), whole=position == 0)


def _annotated_lines(source: Source, notes: list[LineNote]) -> list[AnnotatedLine]:
    by_line: dict[int, list[LineNote]] = {}
    for note in notes:
        by_line.setdefault(note.line, []).append(note)
    return [
        _annotated_line(number, displayed(line), by_line.get(number, []))
        for number, line in enumerate(lines_of(source.text), 1)
    ]


def _annotated_line(number: int, code: str, notes: list[LineNote]) -> AnnotatedLine:
    text = "; ".join(one_line(note.text) for note in notes)
    present = {note.status for note in notes}
    return AnnotatedLine(number, code, text, next((status for status in _WORST_FIRST if status in present), None))


def _with_gaps(lines: list[AnnotatedLine], *, whole: bool) -> list[AnnotatedLine | None]:
    """All lines if they are few and `whole`; else those near a note, with a None for each stretch left out."""
    if whole and len(lines) <= ALL_SHOWN:
        return list(lines)
    near = {n for line in lines if line.status for n in range(line.number - AROUND, line.number + AROUND + 1)}
    shown: list[AnnotatedLine | None] = []
    for kept, stretch in groupby(lines, key=lambda line: line.number in near):
        shown += list(stretch) if kept else [None]
    return shown


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of a difference: `-` goes, `+` comes, a blank stays.  `number` counts in the text as it is now."""

    sign: Literal["-", "+", " "]
    number: int
    text: str


def difference(document: Document, fix: Fix) -> list[DiffLine]:
    """Return what `fix` changes, line by line; empty where the document does not hold the text it was made for."""
    source = next((source for source in document.trace.sources if source.cell == fix.cell), None)
    if source is None:
        return []
    try:
        return list(_difference(lines_of(source.text), lines_of(fix.apply(source.text))))
    except StaleSource:
        return []


def _difference(before: list[str], after: list[str]) -> Iterator[DiffLine]:
    for tag, start, end, new_start, new_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag != "equal":
            yield from (DiffLine("-", n, displayed(before[n - 1])) for n in range(start + 1, end + 1))
            yield from (DiffLine("+", n, displayed(after[n - 1])) for n in range(new_start + 1, new_end + 1))
