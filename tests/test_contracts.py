"""Contracts: which comments are read, how, and when a shape holds."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import keras
import numpy
import pandas
import pytest
import tensorflow
from hypothesis import given
from hypothesis import strategies as st

from conv_magic.model.positions import Span, text_at
from conv_magic.model.shapes import Shape
from conv_magic.text.contract_matching import Scopes, match, names_in
from conv_magic.text.contracts import Contract, Malformed, Pattern, contracts_in

SPAN = Span("cell", 1, 0, 1, 1)


def _only(comment: str) -> Contract | Malformed | None:
    found = contracts_in(f"x = f(y)  {comment}\n", "cell")
    assert len(found) < 2
    return found[0] if found else None


def _pattern(text: str) -> Pattern:
    contract = _only(f"# shape: {text}")
    assert isinstance(contract, Contract), contract
    (pattern,) = contract.patterns
    return pattern


# -- which comments are contracts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("(B, 26, 26, 32)", "(B, 26, 26, 32)"),
        ("(B,26 , 26,32 )", "(B, 26, 26, 32)"),
        ("()", "()"),
        ("(10)", "(10,)"),
        ("(None, _, ...)", "(None, _, ...)"),
        ("(..., H//2, 2*C+1, (W-2)//2)", "(..., H//2, 2*C+1, (W-2)//2)"),
        ("(größe, 3)", "(größe, 3)"),
    ],
)
def test_a_shape_is_read(text: str, spelled: str) -> None:
    assert str(_pattern(text)) == spelled


def test_several_targets_have_several_shapes() -> None:
    contract = _only("# shape: (B, 28, 28), (B,)")
    assert isinstance(contract, Contract)
    assert list(map(str, contract.patterns)) == ["(B, 28, 28)", "(B,)"]


@pytest.mark.parametrize("text", ["(B, 26 26)", "(-1, 3)", "(2.5,)", "(x.shape[0], 3)", "(B / 2,)", "(..., 3, ...)",
                                  "(True, 2)", "('B', 2)", "(B, *rest)", "((B, 2), 3)"])  # fmt: skip
def test_what_cannot_be_read_says_why(text: str) -> None:
    found = _only(f"# shape: {text}")
    assert isinstance(found, Malformed)
    assert found.problem


@pytest.mark.parametrize("comment", ["# shape (N, C)", "# Shape: (2, 3)", "# shape: [batch, ...]", "# shape = (2, 3)",
                                     "# shape: (N, C) or (C,)", "# the shape: (2, 3)", "# shapes: (2, 3)",
                                     "# shape: 3", "# shape: x.shape", "# shape: (a, b) -> (c)", "# shape:",
                                     "# shape: (batch, ...) where batch is 1"])  # fmt: skip
def test_other_comments_are_the_authors_own(comment: str) -> None:
    assert _only(comment) is None


def test_a_comment_on_a_line_of_its_own_is_no_contract() -> None:
    assert contracts_in("# shape: (2, 3)\nx = f()\n    # shape: (2,)\n", "cell") == ()


def test_a_string_is_no_comment() -> None:
    text = "x = '# shape: (2, 3)'\ny = '''\nz  # shape: (2, 3)\n'''\n"
    assert contracts_in(text, "cell") == ()


def test_a_contract_stands_beside_other_comments() -> None:
    for comment in ("# noqa  # shape: (B, 3)", "# shape: (B, 3)  # as the paper has it", "#shape:(B, 3)"):
        assert isinstance(_only(comment), Contract)


def test_places_are_those_of_the_editor() -> None:
    text = "%%convshapes\nx = f('é🙂')  # shape: (B, 3)\n%time y = 'it''s'\nz = g(\n    x,\n)  # shape: (B,)\n"
    spans = [found.span for found in contracts_in(text, "cell")]
    assert [text_at(text, span) for span in spans] == ["# shape: (B, 3)", "# shape: (B,)"]
    assert [(span.line, span.column) for span in spans] == [(2, 14), (6, 3)]


def _real_comments(least: int) -> Iterator[str]:
    """Comments that speak of shapes in the sources of the packages that are installed."""
    roots = [Path(package.__file__ or "").parent for package in (keras, numpy, pandas, tensorflow)]
    for path in (path for root in roots for path in sorted(root.rglob("*.py"))):
        text = path.read_text("utf-8", "replace")
        if re.search("#.*shape", text) is None:
            continue
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        yield from (token.string for token in tokens if token.type == tokenize.COMMENT and "shape" in token.string)


def test_real_comments_are_no_contracts() -> None:
    comments = list(islice(_real_comments(1_000), 1_000))
    assert len(comments) == 1_000
    read = {comment: found for comment in comments if (found := _only(comment)) is not None}
    # the one that states a shape and nothing else, in Keras' own words for it
    assert list(read) == ["# shape: (N, C*kH*kW, oH, oW)"]
    assert all(isinstance(found, Contract) for found in read.values())


SIZES = st.one_of(st.integers(0, 10**6).map(str), st.sampled_from(["None", "_", "B", "H", "C", "H//2", "2*C", "H-2"]))
SHAPES = st.lists(st.one_of(st.none(), st.integers(0, 64)), max_size=6).map(tuple)


@given(st.lists(SIZES, max_size=6), st.integers(-1, 6))
def test_reading_what_was_written_gives_it_back(sizes: list[str], gap: int) -> None:
    if gap >= 0:
        sizes.insert(gap, "...")
    pattern = _pattern(f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})")
    assert str(pattern).replace(" ", "") == f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})".replace(" ", "")
    assert _pattern(str(pattern)) is not None
    assert str(_pattern(str(pattern))) == str(pattern)


@given(st.text(max_size=60))
def test_no_comment_is_an_error(text: str) -> None:
    found = contracts_in(f"x = 1  # shape: {text}", "cell")
    assert all(isinstance(each, Contract | Malformed) for each in found)


@given(st.text(alphabet="(),._*/+-%0123456789ABHN one ", max_size=30))
def test_whatever_is_read_is_a_shape(text: str) -> None:
    found = _only(f"# shape: ({text})")
    if isinstance(found, Contract):
        assert all(set(names_in(pattern)) <= set(re.findall(r"\w+", text)) for pattern in found.patterns)


# -- when a contract holds -------------------------------------------------------------------------------------------


@given(SHAPES)
def test_a_shape_matches_itself(shape: Shape) -> None:
    assert match(_pattern(str(shape) if shape != () else "()"), shape, {}, SPAN).holds


@given(SHAPES, st.integers(0, 5))
def test_one_other_size_does_not_match(shape: Shape, axis: int) -> None:
    known = [place for place, size in enumerate(shape) if size is not None]
    if not known:
        return
    at = known[axis % len(known)]
    other = tuple((size or 0) + 1 if place == at else size for place, size in enumerate(shape))
    found = match(_pattern(str(shape)), other, {}, SPAN)
    assert (found.holds, found.axes, found.expected) == (False, (at,), shape)


@given(SHAPES, st.integers(0, 6), st.integers(0, 6))
def test_a_gap_stands_for_any_axes(shape: Shape, start: int, length: int) -> None:
    start = min(start, len(shape))
    texts = [*map(str, shape[:start]), "...", *map(str, shape[start + length :])]
    assert match(
        _pattern(f"({', '.join(texts)},)" if len(texts) == 1 else f"({', '.join(texts)})"), shape, {}, SPAN
    ).holds


@given(SHAPES)
def test_names_are_bound_to_what_came(shape: Shape) -> None:
    names = [f"n{place}" for place in range(len(shape))]
    pattern = _pattern(f"({', '.join(names)}{',' if len(names) == 1 else ''})")
    found = match(pattern, shape, {}, SPAN)
    assert found.holds
    assert {name: bound.size for name, bound in found.names.items()} == {
        name: size for name, size in zip(names, shape, strict=True) if size is not None
    }
    assert match(pattern, shape, found.names, SPAN).holds


@given(st.integers(1, 100), st.integers(1, 100), st.integers(1, 100))
def test_arithmetic_is_pythons(height: int, channels: int, other: int) -> None:
    pattern = _pattern("(H, C, H//2, 2*C, (H-2)%3 + C)")
    right = (height, channels, height // 2, 2 * channels, (height - 2) % 3 + channels)
    assert match(pattern, right, {}, SPAN).holds
    wrong = (*right[:2], other, *right[3:])
    assert match(pattern, wrong, {}, SPAN).holds == (other == height // 2)


def test_what_is_not_known_is_no_mismatch() -> None:
    assert match(_pattern("(32, 28, 28)"), (None, 28, 28), {}, SPAN).holds
    assert match(_pattern("(H//2,)"), (13,), {}, SPAN).holds, "H has no value yet"
    assert match(_pattern("(H % Z, H, Z)"), (5, 3, 0), {}, SPAN).holds, "no number is H % 0"


def test_ranks_must_agree() -> None:
    assert not match(_pattern("(B, 3)"), (3,), {}, SPAN).holds
    assert not match(_pattern("()"), (1,), {}, SPAN).holds
    assert not match(_pattern("(B, ..., 3)"), (3,), {}, SPAN).holds


def _checks(*lines: tuple[str, Shape]) -> list[bool]:
    scopes = Scopes()
    made = {}
    held = []
    for comment, shape in lines:
        if comment not in made:
            text = "\n" * len(made) + f"x = f()  # shape: {comment}"
            (made[comment],) = contracts_in(text, "cell")
        contract = made[comment]
        assert isinstance(contract, Contract)
        held.append(scopes.check(contract, [shape]) is None)
    return held


def test_a_name_is_the_same_in_the_whole_cell() -> None:
    assert _checks(("(B, 28)", (32, 28)), ("(B, 10)", (32, 10)), ("(B,)", (16,))) == [True, True, False]


def test_a_line_that_runs_again_may_bind_its_names_anew() -> None:
    last_batch = [("(B, 28)", (32, 28)), ("(B, 10)", (32, 10)), ("(B, 28)", (7, 28)), ("(B, 10)", (7, 10))]
    assert _checks(*last_batch) == [True] * 4
    assert _checks(*last_batch, ("(B, 10)", (8, 10)))[-1] is False
    assert _checks(*last_batch, ("(B, 10)", (32, 10)))[-1] is True


def test_a_name_bound_under_another_is_freed_with_its_own_line() -> None:
    assert _checks(("(B, H)", (2, 8)), ("(H//2,)", (4,)), ("(B, H)", (2, 16)), ("(H//2,)", (8,))) == [True] * 4


@given(st.lists(st.tuples(st.sampled_from(["(B, H)", "(B, H//2)", "(2*H,)", "(B,)"]), SHAPES), max_size=30))
def test_scopes_never_fail(lines: list[tuple[str, Shape]]) -> None:
    _checks(*lines)


@given(st.lists(st.tuples(st.integers(1, 64), st.integers(2, 64)), min_size=1, max_size=20))
def test_honest_batches_hold(batches: list[tuple[int, int]]) -> None:
    lines = [each for b, h in batches for each in (("(B, H)", (b, h)), ("(B, H//2)", (b, h // 2)))]
    assert all(_checks(*lines))


def test_a_mismatch_tells_the_names() -> None:
    scopes = Scopes()
    first, second = contracts_in("x = f()  # shape: (B, 28)\ny = g()  # shape: (B, 10)\n", "cell")
    assert isinstance(first, Contract)
    assert isinstance(second, Contract)
    assert scopes.check(first, [(32, 28)]) is None
    found = scopes.check(second, [(16, 10)])
    assert found is not None
    assert (found.match.expected, found.actual, found.match.axes) == ((32, 10), (16, 10), (0,))
    assert (scopes.names["B"].size, scopes.names["B"].span.line) == (32, 1)
