"""The document as plain text, for a terminal and as every other view's fallback."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from conv_magic.model import Document
from conv_magic.views import layout
from conv_magic.views.comparison import Line, Piece, Role
from conv_magic.views.excerpt import AnnotatedLine, Excerpts, annotated, columns_of
from conv_magic.views.table import Table, table_of
from conv_magic.views.verdict import verdict
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


def to_text(document: Document, *, color: bool = False) -> str:
    """Verdict, diagnoses, annotated source, table; with ANSI colours only if asked."""
    parts: list[list[Line]] = [
        [(Piece(verdict(document)),)],
        *_diagnosis_lines(document),
        list(_source_lines(document)),
        list(_table_lines(table_of(document, MOST_ROWS))),
    ]
    return "\n\n".join("\n".join(_painted(line, color) for line in part) for part in parts if part) + "\n"


def _painted(line: Line, color: bool) -> str:
    text = "".join(_paint(piece) if color else printable(piece.text) for piece in line)
    return text.rstrip(" ")


def _paint(piece: Piece) -> str:
    code, text = _COLOURS.get(piece.role), printable(piece.text)
    return f"\x1b[{code}m{text}\x1b[0m" if code and text.strip() else text


def _diagnosis_lines(document: Document) -> Iterator[list[Line]]:
    excerpts = Excerpts(document.trace.sources)
    for diagnosis in document.diagnoses:
        yield [
            layout.head(diagnosis),
            *layout.excerpt(document, excerpts, diagnosis),
            *((Piece("  note", "note"), Piece(f": {fact}")) for fact in layout.notes(document, diagnosis)),
            *(
                (Piece("  help", "good"), Piece(": "), *layout.help_line(document, fix))
                for fix in diagnosis.fixes
            ),
        ]
    if document.failure and not document.diagnoses:
        yield [(Piece(document.failure.type, "error"), Piece(f": {one_line(document.failure.message)}"))]


def _source_lines(document: Document) -> Iterator[Line]:
    for position, (source, lines) in enumerate(annotated(document)):
        if position:
            yield (Piece(""),)
            yield (Piece(f"{one_line(source.label)}:", "dim"),)
        yield from annotated_lines(lines)


def annotated_lines(lines: list[AnnotatedLine | None]) -> Iterator[Line]:
    """Number, code, note; a mark before what did not go well."""
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
        space = " " * max(at - columns_of(line.code), 0)
        yield (*numbered, Piece(space), Piece(f"   # {line.note}", role)) if line.note else numbered


def _table_lines(table: Table) -> Iterator[Line]:
    if not table.rows:
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


def _joined(cells: Iterable[str], widths: list[int], numeric: list[bool]) -> str:
    padded = []
    for cell, width, right in zip(cells, widths, numeric, strict=True):
        space = " " * (width - columns_of(cell))
        padded.append(space + cell if right else cell + space)
    return "  ".join(padded)
