"""The views of a document.  A new one is a file here and, if it belongs in a notebook's output, an entry in `VIEWS`."""

from __future__ import annotations

from collections.abc import Callable

from conv_magic.model.document import Document
from conv_magic.views.html import to_html
from conv_magic.views.text import to_text
from conv_magic.views.wire import MIME, to_wire

VIEWS: dict[str, tuple[str, Callable[[Document], object]]] = {
    "wire": (MIME, to_wire),
    "html": ("text/html", to_html),
    "text": ("text/plain", to_text),
}
"""Each view of the one MIME bundle: its media type and the function that draws it."""


def bundle(document: Document) -> dict[str, object]:
    """Return the static views of `document` by media type; an interactive one is added by whoever shows it."""
    return {media_type: draw(document) for media_type, draw in VIEWS.values()}
