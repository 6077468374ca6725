"""Lines made to fit a terminal of so many columns: prose wrapped, code cut around what it is shown for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from conv_magic.views.comparison import Line, Piece
from conv_magic.views.excerpt import columns_of

CUT = "…"
_WORDS = re.compile(r"\s+|\S+")


def width_of(line: Line) -> int:
    """Columns that a line takes."""
    return sum(columns_of(piece.text) for piece in line)


def wrapped(line: Line, width: int | None, hang: int = 8) -> Iterator[Line]:
    """Break the line between words where it is wider than `width`; what follows is moved right by `hang`.

    A word that is wider than that stays whole: a terminal breaks it by itself.
    """
    if width is None or width_of(line) <= width:
        yield line
        return
    current: list[Piece] = []
    taken = 0
    for piece in line:
        for word in _WORDS.findall(piece.text):
            size = columns_of(word)
            if taken + size > width and taken > hang and not word.isspace():
                yield tuple(current)
                current, taken = [Piece(" " * hang)], hang
            if not (word.isspace() and taken == hang and len(current) == 1 and current[0].text.isspace()):
                current.append(Piece(word, piece.role))
                taken += size
    yield tuple(current)


def window(code: str, start: int, end: int, width: int) -> tuple[str, int, int]:
    """Cut a code line to at most `width` columns around those from `start` to `end`; return it and the two columns.

    Cut ends carry an ellipsis.
    """
    if columns_of(code) <= width:
        return code, start, end
    first = max(min(start - width // 4, columns_of(code) - width), 0)
    shown = _cut(code, first, first + width)
    return shown, max(start - first, 0), min(max(end - first, 1), columns_of(shown))


def _cut(code: str, first: int, last: int) -> str:
    """Return the characters of the columns from `first` to `last`; half of a wide one becomes a blank."""
    kept, at = "", 0
    for character in code:
        size = columns_of(character)
        if at >= last:
            break
        if at >= first and at + size <= last:
            kept += character
        elif at + size > first:
            kept += " " * (min(at + size, last) - max(at, first))
        at += size
    before, after = first > 0, columns_of(code) > last
    middle = _without_first(kept) if before else kept
    return (CUT if before else "") + (_without_last(middle) + CUT if after else middle)


def _without_first(text: str) -> str:
    return " " * (columns_of(text[:1]) - 1) + text[1:]


def _without_last(text: str) -> str:
    return text[:-1] + " " * (columns_of(text[-1:]) - 1)
