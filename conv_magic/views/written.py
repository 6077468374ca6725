"""The cell's text with its shapes written into it as contracts, or without those that were written."""

from __future__ import annotations

from typing import Literal

from conv_magic.model.document import Document
from conv_magic.model.notes import LineNote
from conv_magic.model.positions import Edit, Span, lines_of, splice, utf16_from_char
from conv_magic.text.contracts import Contract, contracts_in
from conv_magic.views.pins import is_like_a_pin

Writing = Literal["write", "rewrite", "unwrite"]
"""`write` adds what is missing, `rewrite` replaces what no longer holds too, `unwrite` takes all of it out."""


def written(document: Document, how: Writing) -> str:
    """Return the text of the cell that ran, changed; the text as it was where there is nothing to change.

    Contracts that hold stay, and so do those with names of the author's own: only what a pin would say is ever replaced
    or taken out.
    """
    source = document.trace.sources[0]
    if how == "unwrite":
        return splice(source.text, [_removed(pin, source.text) for pin in _pins(source.text, source.cell)])
    old = {pin.line: pin for pin in _pins(source.text, source.cell)}
    notes = [note for note in document.notes if note.cell == source.cell and note.pin is not None]
    return splice(source.text, [
        _stated(note, source.text, old.get(note.line)) for note in notes if how == "rewrite" or note.line not in old
    ])  # fmt: skip


def _pins(text: str, cell: str) -> list[Contract]:
    found = contracts_in(text, cell)
    return [each for each in found if isinstance(each, Contract) and all(map(is_like_a_pin, each.patterns))]


def _removed(pin: Contract, text: str) -> Edit:
    """Return the edit that takes out the comment with the blanks before it."""
    line = lines_of(text)[pin.line - 1]
    before = line.encode("utf-16-le")[: 2 * pin.span.column].decode("utf-16-le").rstrip()
    start = utf16_from_char(before, len(before))
    return Edit(Span(pin.span.cell, pin.line, start, pin.line, pin.span.end_column), "")


def _stated(note: LineNote, text: str, old: Contract | None) -> Edit:
    assert note.pin is not None, "a note without a pin has nothing to state"
    if old is not None:
        return Edit(old.span, note.pin)
    line = lines_of(text)[note.line - 1].rstrip()
    end = utf16_from_char(line, len(line))
    return Edit(Span(note.cell, note.line, end, note.line, end), f"  {note.pin}")
