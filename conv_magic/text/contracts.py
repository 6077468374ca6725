"""`# shape: (B, 26, 26, 32)` at a line's end: what the line's value must look like.

A contract is a comment behind code, from its `#` to the next one, that reads `shape:` and then nothing but shapes in
parentheses.  The sizes of a shape are

    26            exactly that many
    None  _       any size
    ...           any number of axes; once in a shape
    B  height     a name: bound to the size where it first stands in the cell, the same from there on
    H//2  2*C+1   arithmetic on names, with `+ - * // %` and parentheses

`()` is a scalar; several shapes, `(B, 28, 28), (B,)`, are those of several targets.  A comment that has this form but
whose sizes cannot be read is `Malformed`; any other comment is the author's own.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import add, floordiv, mod, mul, sub

from conv_magic.model.positions import Span, utf16_from_char
from conv_magic.model.shapes import Shape
from conv_magic.text.source import as_python

_FORM = re.compile(r"#[ \t]*shape[ \t]*:\s*(\(.*\))\s*$", re.DOTALL)
_HINT = re.compile(r"#[ \t]*shape[ \t]*:")
_OPERATORS: Mapping[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: add, ast.Sub: sub, ast.Mult: mul, ast.FloorDiv: floordiv, ast.Mod: mod,
}  # fmt: skip
_LONGEST = 400
"""Characters of a comment that is read at all."""


@dataclass(frozen=True, slots=True)
class Size:
    """One size of a shape, as written; `expression` is None for any size."""

    text: str
    expression: ast.expr | None

    @property
    def name(self) -> str | None:
        """The name that stands alone here."""
        return self.expression.id if isinstance(self.expression, ast.Name) else None

    @property
    def number(self) -> int | None:
        """The integer that stands alone here."""
        value = self.expression.value if isinstance(self.expression, ast.Constant) else None
        return value if isinstance(value, int) else None


@dataclass(frozen=True, slots=True)
class Pattern:
    """A shape as a contract states it; `gap` is the place among `sizes` where any number of axes may stand."""

    sizes: tuple[Size, ...]
    gap: int | None = None

    def __str__(self) -> str:
        texts = [size.text for size in self.sizes]
        if self.gap is not None:
            texts.insert(self.gap, "...")
        return f"({', '.join(texts)}{',' if len(texts) == 1 else ''})"


@dataclass(frozen=True, slots=True)
class Contract:
    """A comment that states shapes; `span` is the comment's."""

    span: Span
    patterns: tuple[Pattern, ...]

    @property
    def line(self) -> int:
        """The line at whose end it stands."""
        return self.span.line


@dataclass(frozen=True, slots=True)
class Malformed:
    """A comment in the form of a contract that cannot be read; `problem` says why."""

    span: Span
    problem: str


class _Unreadable(ValueError):
    """What is written is no shape; the text says why."""


@lru_cache(maxsize=256)
def contracts_in(text: str, cell: str) -> tuple[Contract | Malformed, ...]:
    """The contracts of one cell's text, in its order; `cell` is the key that their spans carry."""
    if _HINT.search(text) is None:  # most cells: not worth the tokens
        return ()
    return tuple(found for span, comment in _comments(text, cell) if (found := _read(span, comment)) is not None)


@lru_cache(maxsize=64)
def lines_stated(text: str, cell: str) -> frozenset[int]:
    """The lines of one cell's text at whose end a contract stands."""
    return frozenset(found.span.line for found in contracts_in(text, cell))


def _comments(text: str, cell: str) -> Iterator[tuple[Span, str]]:
    """The comments behind code, cut at each `#`; a text that cannot be tokenized to its end gives those before."""
    lines = io.StringIO(as_python(text), newline="\n").readline
    try:
        for token in tokenize.generate_tokens(lines):
            if token.type == tokenize.COMMENT and token.line[: token.start[1]].strip():
                yield from _segments(token, cell)
    except (tokenize.TokenError, SyntaxError):
        return


def _segments(token: tokenize.TokenInfo, cell: str) -> Iterator[tuple[Span, str]]:
    line, start = token.start
    for found in re.finditer(r"#[^#]*", token.string):
        text = found[0].rstrip()
        first, last = (utf16_from_char(token.line, start + at) for at in (found.start(), found.start() + len(text)))
        yield Span(cell, line, first, line, last), text


def _read(span: Span, comment: str) -> Contract | Malformed | None:
    found = _FORM.match(comment) if len(comment) <= _LONGEST else None
    if found is None or not _is_one_group_after_another(found[1]):
        return None
    try:
        return Contract(span, _patterns(found[1]))
    except _Unreadable as problem:
        return Malformed(span, str(problem))


def _is_one_group_after_another(text: str) -> bool:
    """Whether nothing but commas stands outside the outermost parentheses: no prose."""
    depth, outside = 0, ""
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        outside += character if depth == 0 and character != ")" else ""
    return depth == 0 and re.fullmatch(r"[\s,]*", outside) is not None


def _patterns(text: str) -> tuple[Pattern, ...]:
    try:
        node = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _Unreadable(f"{text} is not a shape that can be read") from None
    if isinstance(node, ast.Tuple) and node.elts and all(isinstance(element, ast.Tuple) for element in node.elts):
        return tuple(_pattern(element, text) for element in node.elts)
    return (_pattern(node, text),)


def _pattern(node: ast.expr, written: str) -> Pattern:
    elements = node.elts if isinstance(node, ast.Tuple) else [node]
    gaps = [place for place, element in enumerate(elements) if _is(element, ...)]
    if len(gaps) > 1:
        raise _Unreadable("`...` can stand for axes once in a shape")
    sizes = tuple(_size(element, written) for element in elements if not _is(element, ...))
    return Pattern(sizes, gaps[0] if gaps else None)


def _is(node: ast.expr, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _size(node: ast.expr, written: str) -> Size:
    text = ast.get_source_segment(written, node) or ast.unparse(node)
    if _is(node, None) or (isinstance(node, ast.Name) and node.id == "_"):
        return Size(text, None)
    _check(node, text)
    return Size(text, node)


def _check(node: ast.expr, text: str) -> None:
    """Raise where an expression is more than integers, names and arithmetic on them."""
    match node:
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            return
        case ast.Name(id=name) if name != "_":
            return
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATORS:
            _check(left, text)
            _check(right, text)
        case _:
            raise _Unreadable(f"{text} is not a size: an integer, None, _, a name, or + - * // % on those")


@dataclass(frozen=True, slots=True)
class Bound:
    """The size that a name stands for, and the contract that gave it."""

    size: int
    span: Span


Names = Mapping[str, Bound]


@dataclass(frozen=True, slots=True)
class Match:
    """A pattern beside a shape.

    expected  the pattern in sizes, with its gap as wide as the shape needs; None where any size will do
    axes      the places in `expected` that differ; all that one of the two lacks where the ranks differ
    names     the names known after it, also those that it bound itself without holding
    """

    expected: Shape
    axes: tuple[int, ...]
    names: Names
    holds: bool


def match(pattern: Pattern, shape: Shape, names: Names, span: Span) -> Match:
    """Compare; `span` is the contract that new names are bound by.  A size that is not known fits everything."""
    aligned = _aligned(pattern, len(shape))
    if aligned is None:
        expected = tuple(_value(size, names) for size in pattern.sizes)
        shorter, longer = sorted((len(expected), len(shape)))
        return Match(expected, tuple(range(shorter, longer)), names, holds=False)
    known = dict(names)
    for size, actual in zip(aligned, shape, strict=True):
        if size is not None and size.name is not None and actual is not None and size.name not in known:
            known[size.name] = Bound(actual, span)
    expected = tuple(_value(size, known) for size in aligned)
    pairs = enumerate(zip(expected, shape, strict=True))
    axes = tuple(place for place, (want, is_) in pairs if None not in (want, is_) and want != is_)
    return Match(expected, axes, known, not axes)


def _aligned(pattern: Pattern, rank: int) -> list[Size | None] | None:
    """The sizes axis by axis, None in the gap; None where the ranks cannot agree."""
    missing = rank - len(pattern.sizes)
    if missing < 0 or (missing and pattern.gap is None):
        return None
    gap = pattern.gap or 0
    return [*pattern.sizes[:gap], *[None] * missing, *pattern.sizes[gap:]]


def _value(size: Size | None, names: Names) -> int | None:
    """The number that a size stands for, None while it cannot be told."""
    if size is None or size.expression is None:
        return None
    return _computed(size.expression, names)


def _computed(node: ast.expr, names: Names) -> int | None:
    match node:
        case ast.Constant(value=int(value)):
            return value
        case ast.Name(id=name):
            return names[name].size if name in names else None
        case ast.BinOp(left=left, op=operator, right=right):
            values = _computed(left, names), _computed(right, names)
            if values[0] is None or values[1] is None:
                return None
            try:
                return _OPERATORS[type(operator)](values[0], values[1])
            except ZeroDivisionError:
                return None
        case _:
            return None


def names_in(pattern: Pattern) -> tuple[str, ...]:
    """The names that a pattern mentions, in order."""
    expressions = [size.expression for size in pattern.sizes if size.expression is not None]
    found = [node.id for each in expressions for node in ast.walk(each) if isinstance(node, ast.Name)]
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A contract that does not hold: its pattern at which place, against which shape, with the names as they stood."""

    contract: Contract
    pattern: Pattern
    place: int
    actual: Shape
    match: Match


_MOST_SCOPES = 32


class Scopes:
    """What the names of one cell's contracts stand for.

    A line that binds a name and runs again with another size binds it anew: the last batch is smaller, a block is
    called on another image.  Which of the bindings a later line belongs to is not known then, so it holds if it
    holds under one of them.
    """

    def __init__(self) -> None:
        self._scopes: list[Names] = [{}]

    @property
    def names(self) -> Names:
        """The latest meaning of each name."""
        return {name: bound for scope in self._scopes for name, bound in scope.items()}

    @property
    def meanings(self) -> Mapping[str, tuple[Bound, ...]]:
        """Every meaning of each name, in the order in which they came."""
        found: dict[str, dict[Bound, None]] = {}
        for scope in self._scopes:
            for name, bound in scope.items():
                found.setdefault(name, {})[bound] = None
        return {name: tuple(bounds) for name, bounds in found.items()}

    def check(self, contract: Contract, shapes: Sequence[Shape | None]) -> Mismatch | None:
        """Compare a contract with the shapes of its line's values, None for a value without one."""
        pairs = [(p, s) for p, s in zip(contract.patterns, shapes, strict=False) if s is not None]
        for number, scope in reversed(list(enumerate(self._scopes))):
            after = _matched(pairs, scope, contract.span)
            if after is not None:
                self._scopes[number] = after
                return None
        for scope in reversed(self._scopes):
            after = _matched(pairs, _without(scope, contract.span), contract.span)
            if after is not None:
                self._scopes = [*self._scopes[1 - _MOST_SCOPES :], after]
                return None
        return _first_mismatch(contract, shapes, self._scopes[-1])


_Pairs = Sequence[tuple[Pattern, Shape]]


def _matched(pairs: _Pairs, names: Names, span: Span) -> Names | None:
    """The names after all pairs; None where one does not match."""
    for pattern, shape in pairs:
        found = match(pattern, shape, names, span)
        if not found.holds:
            return None
        names = found.names
    return names


def _without(names: Names, span: Span) -> Names:
    """The names that the contract at `span` did not bind."""
    return {name: bound for name, bound in names.items() if bound.span != span}


def _first_mismatch(contract: Contract, shapes: Sequence[Shape | None], names: Names) -> Mismatch | None:
    for place, (pattern, shape) in enumerate(zip(contract.patterns, shapes, strict=False)):
        if shape is None:
            continue
        found = match(pattern, shape, names, contract.span)
        if not found.holds:
            return Mismatch(contract, pattern, place, shape, found)
        names = found.names
    return None
