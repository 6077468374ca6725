"""Several documents as one HTML page, for a browser without a notebook around it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from conv_magic.model.document import Document
from conv_magic.views.html import to_html
from conv_magic.views.wording import one_line

Section = tuple[str, Sequence[str], Document | None]
"""A title, sentences below it, and the document of the run, if there is one."""

_STYLE = "body { font: 15px/1.5 system-ui, sans-serif; max-width: 110ch; margin: 2em auto; padding: 0 1em }"
_SCHEME = '<meta name="color-scheme" content="light dark">'


def to_page(title: str, sections: Iterable[Section]) -> str:
    """Make the page; titles and sentences are data, and escaped."""
    name = escape(one_line(title))
    body = "\n".join(map(_section, sections))
    head = f'<meta charset="utf-8">{_SCHEME}<title>{name}</title><style>{_STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body><h1>{name}</h1>\n{body}\n</body></html>\n'


def _section(section: Section) -> str:
    title, sentences, document = section
    told = "".join(f"<p>{escape(one_line(sentence))}</p>" for sentence in sentences)
    drawn = to_html(document) if document is not None else ""
    return f"<section><h2>{escape(one_line(title))}</h2>{told}{drawn}</section>"
