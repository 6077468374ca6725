"""Lines, columns and edits, by property."""

from __future__ import annotations

import ast

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.positions import (
    Edit,
    Span,
    StaleSource,
    char_from_utf16,
    composed,
    digest,
    lines_of,
    offset_of,
    splice,
    text_at,
    utf16_from_char,
    utf16_from_utf8,
)

ODD = st.sampled_from('aé漢😀\u0301\u200d\t \f\u2028\x85"')
"""Two, three and four bytes; one and two code units; combining, invisible, and ends of lines that are none."""
LINES = st.text(ODD, max_size=12)
TEXTS = st.lists(st.tuples(LINES, st.sampled_from(["\n", "\r\n"])), max_size=5).flatmap(
    lambda lines: LINES.map(lambda last: "".join(line + end for line, end in lines) + last)
)


def span_between(text: str, start: int, end: int) -> Span:
    return Span("cell", *place_of(text, start), *place_of(text, end))


def place_of(text: str, offset: int) -> tuple[int, int]:
    """Counted from the text's beginning, in another way than `positions` counts."""
    before = text[:offset].split("\n")
    return len(before), sum(1 + (ord(character) > 0xFFFF) for character in before[-1])


@given(LINES, st.data())
def test_columns_convert_there_and_back(line: str, data: st.DataObject) -> None:
    column = data.draw(st.integers(0, len(line)))
    assert char_from_utf16(line, utf16_from_char(line, column)) == column
    assert utf16_from_utf8(line, len(line[:column].encode())) == utf16_from_char(line, column)


@given(TEXTS)
def test_lines_make_up_the_text(text: str) -> None:
    lines = lines_of(text)
    assert "".join(lines) == text
    assert all("\n" not in line[:-1] for line in lines)
    assert all(line.endswith("\n") for line in lines[:-1])


@given(TEXTS, st.data())
def test_a_place_is_found_again(text: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    assert offset_of(lines_of(text), *place_of(text, offset)) == offset


@given(TEXTS, st.data())
def test_text_at_a_span(text: str, data: st.DataObject) -> None:
    start, end = sorted(data.draw(st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))))
    assert text_at(text, span_between(text, start, end)) == text[start:end]


@given(TEXTS, st.data())
def test_splicing_is_replacing_from_the_end(text: str, data: st.DataObject) -> None:
    offsets = st.integers(0, len(text))
    cuts = sorted(data.draw(st.sets(offsets, max_size=6)))
    stretches = list(zip(cuts[::2], cuts[1::2], strict=False))
    changes = [(start, end, data.draw(LINES)) for start, end in stretches]
    edits = [Edit(span_between(text, start, end), new) for start, end, new in changes]
    naive = text
    for start, end, new in reversed(changes):
        naive = naive[:start] + new + naive[end:]
    assert splice(text, data.draw(st.permutations(edits))) == naive


def edits_of(text: str, data: st.DataObject) -> list[Edit]:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=6)))
    stretches = zip(cuts[::2], cuts[1::2], strict=False)
    return [Edit(span_between(text, start, end), data.draw(LINES)) for start, end in stretches]


@given(TEXTS, st.data())
def test_composed_edits_do_what_one_and_then_the_other_does(text: str, data: st.DataObject) -> None:
    first = [Edit(span_between(text, 0, 0), data.draw(LINES)), *edits_of(text, data)]
    between = splice(text, first)
    second = edits_of(between, data)
    assert splice(text, composed(text, first, second)) == splice(between, second)


def test_composed_edits_stay_small() -> None:
    text = "a = f(1)\nb = g(2)\n"
    first = [Edit(Span("c0", 1, 6, 1, 7), "10"), Edit(Span("c0", 2, 0, 2, 0), "import g\n")]
    second = [Edit(Span("c0", 3, 6, 3, 7), "20"), Edit(Span("c0", 1, 6, 1, 8), "100")]
    assert composed(text, first, second) == (
        Edit(Span("c0", 1, 6, 1, 7), "100"),
        Edit(Span("c0", 2, 0, 2, 0), "import g\n"),
        Edit(Span("c0", 2, 6, 2, 7), "20"),
    )


@given(TEXTS, st.data())
def test_overlapping_edits_are_refused(text: str, data: st.DataObject) -> None:
    assume(len(text) >= 2)
    start = data.draw(st.integers(0, len(text) - 2))
    end = data.draw(st.integers(start + 2, len(text)))
    inside = data.draw(st.integers(start + 1, end - 1))
    beyond = data.draw(st.integers(inside, len(text)))
    edits = [Edit(span_between(text, start, end), "a"), Edit(span_between(text, inside, beyond), "b")]
    with pytest.raises(ValueError, match="overlap"):
        splice(text, data.draw(st.permutations(edits)))


def test_insertions_at_one_place_come_in_the_order_given() -> None:
    place = Span("cell", 1, 1, 1, 1)
    assert splice("()", [Edit(place, "z"), Edit(place, "a")]) == "(za)"


@given(TEXTS, TEXTS)
def test_a_fix_applies_to_the_analysed_text_only(text: str, other: str) -> None:
    assume(text != other)
    edit = Edit(span_between(text, 0, len(text)), "new")
    fix = Fix("replace all", (edit,), Applicability.SURE, None, digest(text), "cell")
    assert fix.apply(text) == "new"
    with pytest.raises(StaleSource, match="run the cell again"):
        fix.apply(other)


@pytest.mark.parametrize("before", ["", "\f", "é = 1; ", "x = '😀'; ", "\tif x: ", "a\u0301 = 1; "])
def test_columns_of_the_syntax_tree_convert(before: str) -> None:
    """`ast` counts UTF-8 bytes; the span that results covers the call."""
    line = f"{before}call(1)"
    text = f"if True:\n{line}\n" if before.startswith("\t") else f"{line}\n"
    node = next(node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    assert node.end_col_offset is not None
    columns = [utf16_from_utf8(line, column) for column in (node.col_offset, node.end_col_offset)]
    assert text_at(text, Span("cell", node.lineno, columns[0], node.lineno, columns[1])) == "call(1)"


def test_spans_contain_what_lies_inside_them() -> None:
    outer, inner = Span("cell", 2, 4, 5, 1), Span("cell", 2, 4, 3, 80)
    assert outer.contains(inner)
    assert outer.contains(outer)
    assert not inner.contains(outer)
    assert not outer.contains(Span("older", 2, 4, 3, 80))
