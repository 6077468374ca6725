"""The document as plain text, for a terminal and as every other view's fallback."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.document import Document
from conv_magic.views import layout
from conv_magic.views.comparison import Line, Piece, Role
from conv_magic.views.excerpt import AnnotatedLine, Excerpts, annotated, columns_of
from conv_magic.views.fitting import width_of, wrapped
from conv_magic.views.table import LEAST_MISSED, Table, table_of
from conv_magic.views.totals import figures
from conv_magic.views.verdict import place_text, verdict
from conv_magic.views.wording import one_line, printable

MOST_ROWS = 60
NOTES_AT_MOST_AT = 72
"""Notes stand in one column, at most this one; behind a longer line the note follows at once."""

_COLOURS: dict[Role, str] = {
    "error": "1;31",
    "warning": "1;33",
    "note": "36",
    "good": "32",
    "differs": "1;31",
    "dim": "2",
}
_MARKS: dict[str, tuple[str, Role]] = {
    "failed": (">", "error"),
    "guarded": (">", "error"),
    "warning": ("!", "warning"),
    "origin": ("*", "note"),
}
"""What stands before a line or row that did not go well, and the role of its text."""


def to_text(document: Document, *, color: bool = False, width: int | None = None) -> str:
    """Verdict, diagnoses, annotated source, table; with ANSI colours only if asked.

    With a `width` in columns prose is wrapped, notes that do not fit stand below their code, and the table leaves out
    the columns that are least missed.
    """
    parts: list[list[Line]] = [
        _head(document, width),
        *_diagnosis_lines(document, width),
        list(_source_lines(document, width)),
        list(_table_lines(table_of(document, MOST_ROWS), width)),
    ]
    return "\n\n".join("\n".join(_painted(line, color) for line in part) for part in parts if part) + "\n"


def _head(document: Document, width: int | None) -> list[Line]:
    """Return the verdict, and below it what the run costs."""
    cost = figures(document)
    return [
        *wrapped((Piece(verdict(document)),), width, 2),
        *(wrapped((Piece(cost, "dim"),), width, 2) if cost else ()),
    ]


def tried_text(document: Document, *, color: bool = False, width: int | None = None) -> str:
    """Write how the fixes of each diagnosis turned out, below a text that showed them untried."""
    parts: list[list[Line]] = []
    for diagnosis in document.diagnoses:
        if diagnosis.fixes:
            place = f" at {place_text(diagnosis.span, document.trace.sources)}" if diagnosis.span else ""
            parts.append([(Piece(f"fixes for {diagnosis.code}{place}"),), *_fix_lines(document, diagnosis, width)])
    return "\n\n".join("\n".join(_painted(line, color) for line in part) for part in parts) + "\n"


def _painted(line: Line, color: bool) -> str:
    text = "".join(_paint(piece) if color else printable(piece.text) for piece in line)
    return text.rstrip(" ")


def _paint(piece: Piece) -> str:
    code, text = _COLOURS.get(piece.role), printable(piece.text)
    return f"\x1b[{code}m{text}\x1b[0m" if code and text.strip() else text


def _diagnosis_lines(document: Document, width: int | None) -> Iterator[list[Line]]:
    excerpts = Excerpts(document.trace.sources)
    for diagnosis in document.diagnoses:
        yield [
            *wrapped(layout.head(diagnosis), width, 2),
            *layout.excerpt(document, excerpts, diagnosis, width),
            *_note_lines(document, diagnosis, width),
            *_fix_lines(document, diagnosis, width),
        ]
    if document.failure and not document.diagnoses:
        failure = (Piece(one_line(document.failure.type), "error"), Piece(f": {one_line(document.failure.message)}"))
        yield list(wrapped(failure, width, 2))


def _note_lines(document: Document, diagnosis: Diagnosis, width: int | None) -> Iterator[Line]:
    for fact in layout.notes(document, diagnosis):
        yield from wrapped((Piece("  note", "note"), Piece(f": {fact}")), width)


def _fix_lines(document: Document, diagnosis: Diagnosis, width: int | None) -> Iterator[Line]:
    for fix in diagnosis.fixes:
        yield from wrapped((Piece("  help", "good"), Piece(": "), *layout.help_line(document, fix)), width)


def _source_lines(document: Document, width: int | None) -> Iterator[Line]:
    for position, (source, lines) in enumerate(annotated(document)):
        if position:
            yield (Piece(""),)
        if position or source.label.startswith("In ["):
            yield (Piece(f"{one_line(source.label)}:", "dim"),)
        yield from annotated_lines(lines, width)


def annotated_lines(lines: list[AnnotatedLine | None], width: int | None = None) -> Iterator[Line]:
    """Write number, code and note, marking what did not go well; a note too wide for `width` stands below."""
    known = [line for line in lines if line]
    digits = max((len(str(line.number)) for line in known), default=1)
    noted = [columns_of(line.code) for line in known if line.status]
    at = max((width for width in noted if width <= NOTES_AT_MOST_AT), default=0)
    for line in lines:
        if line is None:
            yield (Piece(f"  {'.' * digits}", "dim"),)
            continue
        mark, role = _MARKS.get(line.status or "", (" ", "dim"))
        numbered = (Piece(mark, role), Piece(f" {line.number:>{digits}}  ", "dim"), Piece(line.code))
        if not line.note:
            yield numbered
            continue
        space = " " * max(at - columns_of(line.code), 0)
        note = Piece(f"   # {line.note}", role)
        in_column, behind = (*numbered, Piece(space), note), (*numbered, note)
        if width is None or width_of(in_column) <= width:
            yield in_column
        elif width_of(behind) <= width:
            yield behind
        else:
            yield numbered
            yield from wrapped((Piece(" " * (digits + 6)), Piece(f"# {line.note}", role)), width, digits + 8)


def _table_lines(table: Table, width: int | None) -> Iterator[Line]:
    if not table.rows:
        return
    if width is not None and (narrow := _narrowed(table, width)) is not table:
        yield from _table_lines(narrow, None)
        left_out = ", ".join(column.title for column in table.columns if column not in narrow.columns)
        yield from wrapped((Piece(f"  without {left_out}: see frame()", "dim"),), width, 2)
        return
    texts = [row.indented(table.columns, "  ") for row in table.rows]
    titles = tuple(column.title for column in table.columns)
    widths = [max(map(columns_of, column)) for column in zip(titles, *texts, strict=True)]
    numeric = [column.numeric for column in table.columns]
    yield (Piece("  " + _joined(titles, widths, numeric), "dim"),)
    for row, cells in zip(table.rows, texts, strict=True):
        mark, role = _MARKS.get(row.status, (" ", "plain"))
        yield (Piece(f"{mark} {_joined(cells, widths, numeric)}", role),)
    if table.hidden:
        yield (Piece(f"  and {table.hidden:,} more rows, all in frame()", "dim"),)


def _narrowed(table: Table, width: int) -> Table:
    """Leave out columns of the table, the least missed first, until it fits."""
    for title in ("", *LEAST_MISSED):
        table = table.without(title)
        if sum(_width(table, place) + 2 for place in range(len(table.columns))) <= width:
            break
    return table


def _width(table: Table, place: int) -> int:
    texts = [row.indented(table.columns, "  ")[place] for row in table.rows]
    return max(columns_of(text) for text in (table.columns[place].title, *texts))


def _joined(cells: Iterable[str], widths: list[int], numeric: list[bool]) -> str:
    padded = []
    for cell, width, right in zip(cells, widths, numeric, strict=True):
        space = " " * (width - columns_of(cell))
        padded.append(space + cell if right else cell + space)
    return "  ".join(padded)
