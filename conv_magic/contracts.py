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
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from operator import add, floordiv, mod, mul, sub

from conv_magic.positions import Span, utf16_from_char
from conv_magic.source import as_python

_FORM = re.compile(r"#\s*shape\s*:\s*(\(.*\))\s*$", re.DOTALL)
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
    return tuple(found for span, comment in _comments(text, cell) if (found := _read(span, comment)) is not None)


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
        return tuple(_pattern(element) for element in node.elts)
    return (_pattern(node),)


def _pattern(node: ast.expr) -> Pattern:
    elements = node.elts if isinstance(node, ast.Tuple) else [node]
    gaps = [place for place, element in enumerate(elements) if _is(element, ...)]
    if len(gaps) > 1:
        raise _Unreadable("`...` can stand for axes once in a shape")
    sizes = tuple(_size(element) for element in elements if not _is(element, ...))
    return Pattern(sizes, gaps[0] if gaps else None)


def _is(node: ast.expr, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _size(node: ast.expr) -> Size:
    text = ast.unparse(node)
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
