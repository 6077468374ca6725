"""Read shape contracts: `# shape: (B, 26, 26, 32)` at a line's end states the shape of the line's value.

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

from conv_magic.model.positions import Span, utf16_from_char
from conv_magic.text.source import as_python

_FORM = re.compile(r"#[ \t]*shape[ \t]*:\s*(\(.*\))\s*$", re.DOTALL)
_HINT = re.compile(r"#[ \t]*shape[ \t]*:")
OPERATORS: Mapping[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: add, ast.Sub: sub, ast.Mult: mul, ast.FloorDiv: floordiv, ast.Mod: mod,
}  # fmt: skip
_LONGEST_COMMENT = 400
"""Longest comment that is read, in characters."""


@dataclass(frozen=True, slots=True)
class Size:
    """One size of a shape, as written; `expression` is None for any size."""

    text: str
    expression: ast.expr | None

    @property
    def name(self) -> str | None:
        """Return the name, None if the size is anything else than one name."""
        return self.expression.id if isinstance(self.expression, ast.Name) else None

    @property
    def number(self) -> int | None:
        """Return the integer, None if the size is anything else than one integer."""
        value = self.expression.value if isinstance(self.expression, ast.Constant) else None
        return value if isinstance(value, int) else None


@dataclass(frozen=True, slots=True)
class Pattern:
    """A shape as a contract states it; `gap` is the index in `sizes` at which any number of axes may stand."""

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
        """Return the line at whose end the contract stands."""
        return self.span.line


@dataclass(frozen=True, slots=True)
class Malformed:
    """A comment that looks like a contract and cannot be read; `problem` says why."""

    span: Span
    problem: str


class _Unreadable(ValueError):
    """A text that is no shape; the message says why."""


@lru_cache(maxsize=256)
def contracts_in(text: str, cell: str) -> tuple[Contract | Malformed, ...]:
    """Return the contracts of one cell's text, in order; `cell` is the key for their spans."""
    if _HINT.search(text) is None:  # most cells: not worth the tokens
        return ()
    return tuple(found for span, comment in _comments(text, cell) if (found := _contract_in(span, comment)) is not None)


@lru_cache(maxsize=64)
def lines_stated(text: str, cell: str) -> frozenset[int]:
    """Return the lines of one cell's text that end with a contract."""
    return frozenset(found.span.line for found in contracts_in(text, cell))


def _comments(text: str, cell: str) -> Iterator[tuple[Span, str]]:
    """Yield the comments behind code, cut at each `#`, up to where the text can no longer be tokenized."""
    lines = io.StringIO(as_python(text), newline="\n").readline
    try:
        for token in tokenize.generate_tokens(lines):
            if token.type == tokenize.COMMENT and token.line[: token.start[1]].strip():
                yield from _segments(token, cell)
    except (tokenize.TokenError, SyntaxError):
        return


def _segments(token: tokenize.TokenInfo, cell: str) -> Iterator[tuple[Span, str]]:
    """Yield each part of a comment token that starts with `#`, with its span."""
    line, start = token.start
    for found in re.finditer(r"#[^#]*", token.string):
        text = found[0].rstrip()
        first, last = (utf16_from_char(token.line, start + at) for at in (found.start(), found.start() + len(text)))
        yield Span(cell, line, first, line, last), text


def _contract_in(span: Span, comment: str) -> Contract | Malformed | None:
    """Return the contract in a comment, `Malformed` if it cannot be read, None for another comment."""
    found = _FORM.match(comment) if len(comment) <= _LONGEST_COMMENT else None
    if found is None or not _is_one_group_after_another(found[1]):
        return None
    try:
        return Contract(span, _patterns(found[1]))
    except _Unreadable as problem:
        return Malformed(span, str(problem))


def _is_one_group_after_another(text: str) -> bool:
    """Check whether only commas and blanks stand outside the outermost parentheses: no prose."""
    depth, outside = 0, ""
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        outside += character if depth == 0 and character != ")" else ""
    return depth == 0 and re.fullmatch(r"[\s,]*", outside) is not None


def _patterns(text: str) -> tuple[Pattern, ...]:
    """Return the shapes of a text, one or several in parentheses."""
    try:
        node = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _Unreadable(f"{text} is not a shape that can be read") from None
    if isinstance(node, ast.Tuple) and node.elts and all(isinstance(element, ast.Tuple) for element in node.elts):
        return tuple(_pattern(element, text) for element in node.elts)
    return (_pattern(node, text),)


def _pattern(node: ast.expr, written: str) -> Pattern:
    elements = node.elts if isinstance(node, ast.Tuple) else [node]
    gaps = [index for index, element in enumerate(elements) if _is_constant(element, ...)]
    if len(gaps) > 1:
        raise _Unreadable("`...` can stand for axes once in a shape")
    sizes = tuple(_size_of(element, written) for element in elements if not _is_constant(element, ...))
    return Pattern(sizes, gaps[0] if gaps else None)


def _is_constant(node: ast.expr, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _size_of(node: ast.expr, written: str) -> Size:
    text = ast.get_source_segment(written, node) or ast.unparse(node)
    if _is_constant(node, None) or (isinstance(node, ast.Name) and node.id == "_"):
        return Size(text, None)
    _check_size(node, text)
    return Size(text, node)


def _check_size(node: ast.expr, text: str) -> None:
    """Raise `_Unreadable` unless an expression consists of integers, names and arithmetic on them."""
    match node:
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            return
        case ast.Name(id=name) if name != "_":
            return
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in OPERATORS:
            _check_size(left, text)
            _check_size(right, text)
        case _:
            raise _Unreadable(f"{text} is not a size: an integer, None, _, a name, or + - * // % on those")
