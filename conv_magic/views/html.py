"""The document as static HTML: no script, nothing loaded, readable where styles are stripped.

What a saved notebook shows on GitHub, in nbconvert's pages and wherever the notebook is not trusted.  The tree is
built with `xml.etree`, whose serialiser escapes every text and attribute.
"""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree.ElementTree import Element, tostring

from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.document import Document
from conv_magic.model.fixes import Fix
from conv_magic.views import layout
from conv_magic.views.comparison import Line, Piece
from conv_magic.views.excerpt import DiffLine, Excerpts, annotated, difference
from conv_magic.views.html_pictures import arithmetic_picture, flow_pictures
from conv_magic.views.style import STYLE
from conv_magic.views.table import Column, Row, Table, table_of
from conv_magic.views.text import annotated_lines
from conv_magic.views.totals import figures
from conv_magic.views.verdict import Status, verdict
from conv_magic.views.wording import one_line, printable, proof_text, shape_text

MOST_ROWS = 200

_SYMBOLS = {"warning": "!", "failed": "✗", "guarded": "✗", "running": "…"}
_TAGS = {"error": "strong", "warning": "strong", "differs": "mark"}
"""Roles that stay visible where styles are stripped."""

Child = Element | str


def to_html(document: Document) -> str:
    """Draw the whole document as one `<div>`."""
    style = Element("style")
    style.text = STYLE
    parts = [
        element("p", element("strong", verdict(document)), class_="verdict"),
        *(element("p", text, class_="dim") for text in [figures(document)] if text),
        *_diagnoses(document),
        _folded("source with shapes", *_sources(document)),
        *_calls(table_of(document, MOST_ROWS)),
        *(_folded("flow of shapes", picture) for picture in flow_pictures(document)),
    ]
    return tostring(element("div", style, *parts, class_="conv-magic"), encoding="unicode", method="html")


def element(tag: str, *children: Child, **attributes: str) -> Element:
    """Make an element; `class_` stands for the attribute `class`.  Control characters in texts are made visible."""
    made = Element(tag, {name.rstrip("_"): value for name, value in attributes.items()})
    for child in children:
        if isinstance(child, Element):
            made.append(child)
        elif len(made):
            made[-1].tail = (made[-1].tail or "") + _visible(child)
        else:
            made.text = (made.text or "") + _visible(child)
    return made


def _visible(text: str) -> str:
    return "\n".join(map(printable, text.split("\n")))


def _piece(piece: Piece) -> Child:
    if piece.role == "plain" or not piece.text.strip():
        return piece.text
    return element(_TAGS.get(piece.role, "span"), piece.text, class_=piece.role)


def _code(lines: Iterable[Line], **attributes: str) -> Element:
    """Make a `<pre>`.  It begins with a piece on its first line, so the parser drops no line break."""
    children: list[Child] = []
    for line in lines:
        children += [*map(_piece, line), "\n"]
    return element("pre", *children[:-1], **attributes)


def _diagnoses(document: Document) -> list[Element]:
    excerpts = Excerpts(document.trace.sources)
    if document.failure and not document.diagnoses:
        failure = document.failure
        return [element("p", element("strong", failure.type, class_="error"), f": {one_line(failure.message)}")]
    return [_diagnosis(document, excerpts, diagnosis) for diagnosis in document.diagnoses]


def _diagnosis(document: Document, excerpts: Excerpts, diagnosis: Diagnosis) -> Element:
    lines = list(layout.excerpt(document, excerpts, diagnosis))
    facts = [element("li", "note: ", fact) for fact in layout.notes(document, diagnosis)]
    parts = [
        element("p", *map(_piece, layout.head(diagnosis))),
        *([_code(lines)] if lines else []),
        *([element("ul", *facts)] if facts else []),
        *arithmetic_picture(document, diagnosis),
        *(_fix(document, fix) for fix in diagnosis.fixes),
    ]
    return element("div", *parts, class_=f"diagnosis {diagnosis.severity.value}")


def _fix(document: Document, fix: Fix) -> Element:
    """Title and shape, how it was tried, and the change."""
    shape: list[Child] = ["  →  ", element("code", shape_text(fix.predicted))] if fix.predicted is not None else []
    proof = element(
        "em", proof_text(fix, document.trying, document.trace.sources), class_="good" if fix.verified else "dim"
    )
    change = difference(document, fix)
    return element(
        "div",
        element("p", element("strong", "help"), ": ", layout.fix_title(fix), *shape, " · ", proof),
        *([_code(map(_diff_line, change), class_="change")] if change else []),
        class_="fix",
    )


def _diff_line(line: DiffLine) -> Line:
    return (Piece(f"{line.sign} {line.number:>3}  {line.text}", "comes" if line.sign == "+" else "goes"),)


def _sources(document: Document) -> list[Element]:
    parts: list[Element] = []
    for position, (source, lines) in enumerate(annotated(document)):
        if position or source.label.startswith("In ["):
            parts.append(element("p", one_line(source.label)))
        parts.append(_code(annotated_lines(lines), class_="source"))
    return parts


def _calls(table: Table) -> list[Element]:
    if not table.rows:
        return []
    head = element("tr", *(element("th", column.title, scope="col") for column in table.columns))
    body = [_row(row, table) for row in table.rows]
    parts = [element("div", element("table", element("thead", head), element("tbody", *body)), class_="scroll")]
    if table.hidden:
        parts.append(element("p", f"and {table.hidden:,} more rows, all in frame()"))
    return [_folded("calls", *parts)]


def _row(row: Row, table: Table) -> Element:
    texts = row.indented(table.columns, "\u00a0\u00a0")
    cells = [_cell(column, text, row.status) for column, text in zip(table.columns, texts, strict=True)]
    return element("tr", *cells, class_=row.status)


def _cell(column: Column, text: str, status: Status) -> Element:
    if column.title == "status" and status != "ok":
        return element("td", element("strong", f"{_SYMBOLS[status]} {text}"))
    return element("td", text, class_="number") if column.numeric else element("td", text)


def _folded(title: str, *content: Element) -> Element:
    return element("details", element("summary", title), *content, open="")
