"""The document as static HTML."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conv_magic.model.calls import Outcome
from conv_magic.model.document import Document, Failure
from conv_magic.model.notes import LineNote
from conv_magic.model.positions import digest
from conv_magic.views import bundle
from conv_magic.views.html import MOST_ROWS, to_html
from conv_magic.views.style import STYLE
from conv_magic.views.text import to_text
from conv_magic.views.wire import MIME, to_wire
from sample_documents import SAMPLES, all_fine, call, document, guarded, source, span_of, wrong_channels
from snapshot import assert_snapshot

TAGS = {"div", "style", "p", "strong", "em", "span", "mark", "code", "pre", "ul", "li", "details", "summary"} | {
    "table", "thead", "tbody", "tr", "th", "td", "svg", "title", "rect", "path", "text",
}  # fmt: skip


class Evaluator(HTMLParser):
    """Tags, attributes and text of a page, as a browser finds them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(("name", "sample"), SAMPLES.items(), ids=SAMPLES.keys())
def test_samples_look_as_they_did(name: str, sample: Callable[[], Document]) -> None:
    tree = to_html(sample()).replace(STYLE, "")
    assert_snapshot(f"{name}.html", re.sub(r"(</(?:p|pre|div|tr|ul|summary|thead)>)", r"\1\n", tree) + "\n")


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES.keys())
def test_it_is_static_and_complete(sample: Callable[[], Document]) -> None:
    page = to_html(sample())
    read = Evaluator(page)
    assert set(read.tags) <= TAGS
    drawn = {"viewbox", "width", "height", "role", "x", "y", "d", "text-anchor", "fill", "stroke", "font-size"}
    assert read.attributes <= {"class", "open", "scope"} | drawn
    assert not re.search(r"https?:|url\(|@import|javascript", page)
    said = " ".join(read.text.split())
    for line in to_text(sample()).splitlines():
        for words in re.split(r"\s{2,}|->", line.replace(" help: ", "  help: ").replace(" note: ", "  note: ")):
            if (plain := words.strip(" >*")) and plain != "guarded":
                assert plain in said, plain


ODD = st.text(st.sampled_from("<>&\"'/=a \n\r\t\x00\x1b\ud800\u2028]-!"), max_size=30)
WILD = ODD.map("a{}".format) | st.sampled_from(
    ["<script>alert(1)</script>", "</style><img src=x onerror=alert(1)>", "&lt;b&gt;", "]]><!--", "</pre></div>"]
)


def with_texts(wild: str) -> Document:
    """A failed run in which every text that comes from a notebook is `wild`."""
    text = f"a = 1\ny = conv(x)  # {' '.join(wild.split())}\n"
    place = span_of("a = 1\ny = conv(x)", "conv(x)")
    failed = call(0, wild, ((1,),), None, None, layer=wild, span=place, outcome=Outcome.RAISED, error=wild)
    [found] = guarded().diagnoses
    [fix] = found.fixes
    fix = replace(
        fix, title=f"t{wild}", edits=(replace(fix.edits[0], span=place),), untried=f"u{wild}", digest=digest(text)
    )
    found = replace(found, span=place, layer=wild, headline=wild, reasons=(wild,), origin_note=f"o{wild}",
                    axis_names=(wild,) * 4, fixes=(fix,))  # fmt: skip
    note = LineNote("cell", 2, f"n{wild}", "failed", (0,), 0)
    return document((source(text, label=wild),), (failed,), (found,), (note,), Failure(wild, wild, place))


@given(WILD)
def test_text_from_the_notebook_is_never_markup(wild: str) -> None:
    tame, read = Evaluator(to_html(with_texts("tame"))), Evaluator(to_html(with_texts(wild)))
    assert read.tags == tame.tags
    assert read.attributes == tame.attributes
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]", read.text)


def test_code_is_shown_as_it_is_written() -> None:
    page = to_html(with_texts("<b>&amp;</b>"))
    assert "<b>" not in page
    assert "# <b>&amp;</b>" in Evaluator(page).text


def test_the_troubled_row_is_told_by_words_too() -> None:
    rows = re.findall(r'<tr class="(\w+)">(.*?)</tr>', to_html(wrong_channels()))
    assert [status for status, _ in rows] == ["ok", "ok", "ok", "failed"]
    assert "<strong>✗ failed</strong>" in rows[3][1]


def test_of_many_calls_the_first_are_shown_and_the_rest_counted() -> None:
    calls = tuple(call(n, "Dense", ((1, 2),), (1, 3), (1, 3)) for n in range(10_000))
    page = to_html(document((source(""),), calls))
    assert Evaluator(page).tags["tr"] == 1 + MOST_ROWS
    assert f"and {10_000 - MOST_ROWS:,} more rows" in page


def test_every_rule_stays_inside_our_own_element() -> None:
    sheet = re.sub(r"@media[^{]*\{(.*?\})\s*\}", r"\1", STYLE, flags=re.S)
    selectors = [one.strip() for block in re.findall(r"([^{}]+)\{", sheet) for one in re.split(r",(?![^()]*\))", block)]
    assert len(selectors) > 20
    assert [one for one in selectors if ".conv-magic" not in one] == []


def luminance(colour: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    ("start", "page"), [(".conv-magic {", "#ffffff"), ("@media", "#111111")], ids=["light", "dark"]
)
def test_colours_are_readable(start: str, page: str) -> None:
    block = STYLE[STYLE.index(start) :]
    colour = dict(re.findall(r"--cm-([\w-]+): (?:var\(.*?)?(#\w{6})", block[: block.index("}")]))
    assert contrast(colour["text"], colour["background"]) >= 7
    for name in ("error", "warning", "good", "note", "dim"):
        for background in (page, colour["background"]):
            assert contrast(colour[name], background) >= 4.5, name
    for name in ("error", "warning", "good"):
        assert contrast(colour[name], colour[f"{name}-fill"]) >= 4.5, name
        assert contrast(colour["text"], colour[f"{name}-fill"]) >= 4.5, name


def test_the_bundle_holds_every_static_view() -> None:
    whole = all_fine()
    assert bundle(whole) == {MIME: to_wire(whole), "text/html": to_html(whole), "text/plain": to_text(whole)}
