"""Names, code, comments and errors are data: whatever they hold, every medium shows them as text."""

from __future__ import annotations

import io
import json
import re
from html.parser import HTMLParser

import pandas as pd
import pytest
import tensorflow as tf
from keras import layers

import conv_magic
from conv_magic import Report
from conv_magic.model.document import Document
from conv_magic.views.html import to_html
from conv_magic.views.page import to_page
from conv_magic.views.text import to_text, tried_text
from conv_magic.views.wire import from_json, to_json, to_wire
from test_views_html import with_texts

HOSTILE = {
    "a script": "<script>window.harmed = true</script>",
    "an image": "<img src=x onerror='window.harmed = true'>",
    "quotes": "\"'`</td></pre>&quot;&lt;]]>-->",
    "right to left": "a\u202eb\u2066c\u200fd\u061ce\u2069f",
    "controls": "a\x00b\x07c\x08d\x7fe\x9bf\x0bg\x0ch",
    "escapes": "\x1b[2J\x1b]0;title\x07\x1b[31mred\x1b[0m",
    "line separators": "a\u2028b\u2029c\rd\x85e",
    "hidden": "a\u200bb\ufeffc",
    "surrogates": "a\ud800b\udfffc",
    "a formula": "=HYPERLINK('http://example.org','x')",
    "markdown": "![x](http://example.org/x.png) | `a` **b**",
    "long": "n" * 10_000,
}
SEEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""What no reader must meet: it would act on his terminal or turn, break or hide the text around it."""
OUR_COLOURS = re.compile(r"\x1b\[[\d;]*m")
ALLOWED_ON_GITHUB = frozenset(
    re.findall(
        r"\w+",
        """a b blockquote br caption code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p
        pre q s samp small span strike strong sub summary sup table tbody td tfoot th thead time tr tt ul var""",
    )
)
"""https://github.com/gjtorikian/html-pipeline/blob/main/lib/html_pipeline/sanitization_filter.rb"""


class Page(HTMLParser):
    """What a browser makes of a page: elements, attributes, text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.unstyled = ""
        self._in_style = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self._in_style = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False

    def handle_data(self, data: str) -> None:
        if not self._in_style:
            self.text += data


hostile = pytest.mark.parametrize("wild", HOSTILE.values(), ids=HOSTILE)


@hostile
@pytest.mark.parametrize("width", [None, 40])
def test_in_the_text(wild: str, width: int | None) -> None:
    document = with_texts(wild)
    for draw in (to_text, tried_text):
        plain, coloured = (draw(document, color=color, width=width) for color in (False, True))
        assert not SEEN.search(plain)
        assert [line.rstrip() for line in OUR_COLOURS.sub("", coloured).split("\n")] == plain.split("\n")


@hostile
def test_in_the_html_and_on_the_page_of_the_command_line(wild: str) -> None:
    document = with_texts(wild)
    tame = Page(to_html(with_texts("tame")))
    for page in (to_html(document), to_page(wild, [(wild, [wild], document)])):
        read = Page(page)
        assert not SEEN.search(read.text)
        assert not {"script", "img", "iframe", "object", "base", "form"} & set(read.elements)
        assert not [name for name, _ in read.attributes if name.startswith("on") or name in ("href", "src", "style")]
    assert Page(to_html(document)).elements == tame.elements


@hostile
def test_in_the_documents_that_notebooks_and_files_keep(wild: str) -> None:
    document = with_texts(wild)
    kept = from_json(to_json(document))
    repaired = wild.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert kept.diagnoses[0].headline == repaired
    assert from_json(json.dumps(to_wire(document))) == kept


@hostile
def test_in_the_frame_and_its_csv(wild: str) -> None:
    frame = Report.of(with_texts(wild)).frame()
    assert frame["layer"][0] == wild
    if wild != HOSTILE["surrogates"]:
        read = pd.read_csv(
            io.StringIO(frame.to_csv(index=False)), dtype=str, lineterminator="\n" if "\r" in wild else None
        )
        assert read["layer"][0] == wild


@hostile
def test_in_what_python_shows_of_a_report(wild: str) -> None:
    report = Report.of(with_texts(wild))
    assert not SEEN.search(repr(report))
    assert "\n" not in repr(report)


def hostile_run(wild: str) -> Report:
    """A real run: a layer's name, a string, a comment and the error are hostile."""
    source = (
        f"name = {wild!r}\n"
        f"x = tf.zeros((1, 8, 8, 3))  # {' '.join(wild.replace(chr(0), '').split())}\n"
        "y = layers.Conv2D(2, 3, name=name.replace('/', ''))(x)\n"
        "raise ValueError(name)\n"
    )
    return conv_magic.run(source, {"tf": tf, "layers": layers})


@pytest.mark.parametrize("name", ["a script", "an image", "escapes", "right to left", "controls", "long"])
def test_from_a_real_run(name: str) -> None:
    wild = HOSTILE[name]
    report = hostile_run(wild)
    assert str(report.error) == wild
    assert report.trace.calls[0].layer == wild.replace("/", "")
    document: Document = report
    assert not SEEN.search(report.to_text())
    read = Page(report.to_html())
    assert not SEEN.search(read.text)
    assert "script" not in read.elements
    assert from_json(to_json(document)) == from_json(report.to_json())
    if name != "long":
        assert all(word in read.text for word in re.findall(r"[a-z]{4,}", wild))


def test_what_github_leaves_is_still_readable() -> None:
    """Without style sheets, classes and styles: every figure stands, and what failed is told by words and signs."""
    read = Page(to_html(with_texts("tame")))
    drawn = {"svg", "rect", "text", "tspan", "path", "title", "g", "line", "polyline", "circle", "desc", "figure"}
    left = set(read.elements) - ALLOWED_ON_GITHUB - {"style", "figcaption"} - drawn
    assert left == set()
    assert {"details", "summary", "table", "pre", "strong", "mark"} <= set(read.elements)
    assert "✗ failed" in read.text
    assert "help: " in read.text


def test_no_text_is_cut_in_two_by_the_width() -> None:
    """Ten thousand characters in one word: a terminal breaks it by itself, nothing is lost."""
    text = to_text(with_texts(HOSTILE["long"]), width=80)
    assert HOSTILE["long"] in text
