"""Positions in a source text: the one convention for lines and columns, and the only conversions.

A `Span` counts **lines from 1** and **columns from 0 in UTF-16 code units**, the unit of every browser
editor and of the Language Server Protocol
(https://microsoft.github.io/language-server-protocol/specifications/lsp/3.17/specification/#position).
Python's `ast` and `co_positions()` count UTF-8 bytes, Python's `str` counts code points; both are
converted here and nowhere else.  `end_column` is exclusive.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of one cell's text.

    `cell` is the key of a `Source` of the document: functions may live in an older cell.
    """

    cell: str
    line: int
    column: int
    end_line: int
    end_column: int

    def contains(self, other: Span) -> bool:
        """Check whether `other` lies wholly inside this span (equal spans contain each other)."""
        return (
            self.cell == other.cell
            and (self.line, self.column) <= (other.line, other.column)
            and (other.end_line, other.end_column) <= (self.end_line, self.end_column)
        )


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the text of `span` by `text`; an empty span inserts."""

    span: Span
    text: str


class StaleSource(ValueError):
    """The source to change is not the text that was analysed."""


def digest(text: str) -> str:
    """Return a short, stable fingerprint of a source text (16 hexadecimal digits)."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def lines_of(text: str) -> list[str]:
    """Return the lines of `text` with their ends.

    Split at line feeds only: `str.splitlines` splits at form feeds and Unicode separators too, where neither
    Python's tokenizer nor an editor starts a line.
    """
    *whole, rest = text.split("\n")
    return [line + "\n" for line in whole] + ([rest] if rest else [])


def utf16_from_utf8(line: str, column: int) -> int:
    """Convert a column in UTF-8 bytes (`ast`, `co_positions`) to UTF-16 code units."""
    if line.isascii():
        return column
    before = line.encode("utf-8", "surrogatepass")[:column].decode("utf-8", "ignore")
    return len(before.encode("utf-16-le", "surrogatepass")) // 2


def utf16_from_char(line: str, column: int) -> int:
    """Convert a column in code points (`str` index) to UTF-16 code units."""
    return len(line[:column].encode("utf-16-le", "surrogatepass")) // 2


def char_from_utf16(line: str, column: int) -> int:
    """Convert a column in UTF-16 code units to a `str` index."""
    if line.isascii():
        return column
    return len(line.encode("utf-16-le", "surrogatepass")[: 2 * column].decode("utf-16-le", "ignore"))


def offset_of(lines: list[str], line: int, column: int) -> int:
    """Return the `str` index of a line and column in the text that `lines` makes up."""
    if line > len(lines):
        return sum(map(len, lines))
    return sum(map(len, lines[: line - 1])) + char_from_utf16(lines[line - 1], column)


def text_at(text: str, span: Span) -> str:
    """Return the text that `span` covers."""
    lines = lines_of(text)
    return text[offset_of(lines, span.line, span.column) : offset_of(lines, span.end_line, span.end_column)]


def splice(text: str, edits: Iterable[Edit]) -> str:
    """Return `text` with all `edits` made; spans refer to `text` as given.

    Insertions at one position keep their order. Raise `ValueError` if two edits overlap.
    """
    pieces: list[str] = []
    end_of_last = 0
    for start, end, new in _ranges(text, edits):
        pieces += [text[end_of_last:start], new]
        end_of_last = end
    return "".join([*pieces, text[end_of_last:]])


def composed(text: str, first: Sequence[Edit], second: Iterable[Edit]) -> tuple[Edit, ...]:
    """Return edits of `text` that do `first` and then `second`, whose spans refer to the result of `first`.

    Raise `ValueError` if two edits of one of them overlap.
    """
    edited = _with_origins(_with_origins([(character, index) for index, character in enumerate(text)], first), second)
    cell, lines = first[0].span.cell, lines_of(text)
    edits, begin, new = [], 0, ""
    for character, origin in [*edited, ("", len(text))]:
        if origin is None:
            new += character
            continue
        if new or origin > begin:
            edits.append(Edit(Span(cell, *_position_at(lines, begin), *_position_at(lines, origin)), new))
        begin, new = origin + 1, ""
    return tuple(edits)


def _ranges(text: str, edits: Iterable[Edit]) -> list[tuple[int, int, str]]:
    """Return start and end of each edit as `str` indices, and its text, in the order of the text."""
    lines = lines_of(text)
    ranges = [
        (offset_of(lines, e.span.line, e.span.column), offset_of(lines, e.span.end_line, e.span.end_column), e.text)
        for e in edits
    ]
    ranges.sort(key=lambda range_: range_[:2])
    ends = [0, *(end for _, end, _ in ranges)]
    if any(start < before or end < start for (start, end, _), before in zip(ranges, ends, strict=False)):
        raise ValueError("two edits overlap")
    return ranges


_Characters = list[tuple[str, int | None]]
"""Characters with their indices in the text that they come from, None for inserted ones."""


def _with_origins(characters: _Characters, edits: Iterable[Edit]) -> _Characters:
    """Return the edited characters, with the index of each in the original text, None for inserted ones."""
    edited: _Characters = []
    end_of_last = 0
    for start, end, new in _ranges("".join(character for character, _ in characters), edits):
        edited += [*characters[end_of_last:start], *((character, None) for character in new)]
        end_of_last = end
    return edited + characters[end_of_last:]


def _position_at(lines: list[str], offset: int) -> tuple[int, int]:
    """Return the line and column of a `str` index."""
    for number, line in enumerate(lines, 1):
        if offset < len(line) or number == len(lines):
            return number, utf16_from_char(line, offset)
        offset -= len(line)
    return 1, 0
