"""How often a trial came past a place in the user's text: the call that failed must now give a value.

A loop that runs no turn, or a branch that is not taken, would prove nothing.  The expression at a watched place is
wrapped in a call that counts and returns it; where an edit took the expression away, its statement is counted.  This
changes the trees that a trial compiles, so it belongs into a process that is thrown away.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from conv_magic.model.positions import Span
from conv_magic.sandbox.trial import Watch
from conv_magic.text import source as cell_source
from conv_magic.text.source import Code

NAME = "__conv_magic_passed__"
_Body = list[ast.stmt]

_watches: tuple[Watch, ...] = ()
_counts: dict[int, int] = {}
"""How often each watched place that was found in a text gave a value, by its number."""


def watch(watches: Sequence[Watch]) -> None:
    """Count these places in all that is compiled from now on."""
    global _watches
    _watches = tuple(watches)
    _counts.clear()
    setattr(builtins, NAME, _passed)


def call_by(wrap: Callable[[Any], Any]) -> None:
    """Wrap the function that counts."""
    setattr(builtins, NAME, wrap(_passed))


def places() -> Iterator[tuple[int, Watch]]:
    """Yield the watched places with their numbers."""
    return iter(enumerate(_watches))


def found(number: int) -> None:
    """Say that a place was found in a text."""
    _counts.setdefault(number, 0)


def counts() -> tuple[int | None, ...]:
    """How often each place gave a value; None for one that no compiled text has."""
    return tuple(_counts.get(number) for number in range(len(_watches)))


def _passed(number: int, value: Any = None) -> Any:
    _counts[number] += 1
    return value


def watched(tree: ast.Module, text: str) -> ast.Module:
    """Return the tree of `text`, with the watched places in it counted."""
    for number, place in enumerate(_watches):
        if _same(place.text, text):
            _mark(tree, Code("", text), place.span, number)
    return tree


def mark_definition(node: ast.AST, text: str) -> None:
    """Return the same for one function or class of a cell, whose other lines may have been rewritten by IPython."""
    lines = text.splitlines()[node.lineno - 1 : node.end_lineno]  # type: ignore[attr-defined]
    for number, place in enumerate(_watches):
        for line in _lines_at(lines, place.text.splitlines()):
            down = node.lineno - line  # type: ignore[attr-defined]
            if line <= place.span.line and place.span.end_line < line + len(lines):
                span = place.span
                moved = Span(span.cell, span.line + down, span.column, span.end_line + down, span.end_column)
                _mark(node, Code("", text), moved, number)


def _same(one: str, other: str) -> bool:
    return cell_source.as_python(one).rstrip() == cell_source.as_python(other).rstrip()


def _lines_at(lines: list[str], whole: list[str]) -> Iterator[int]:
    """Yield the lines, from 1, at which `lines` stand in `whole`."""
    return (k + 1 for k in range(len(whole) - len(lines) + 1) if whole[k : k + len(lines)] == lines)


def _mark(tree: ast.AST, code: Code, span: Span, number: int) -> None:
    span = Span("", span.line, span.column, span.end_line, span.end_column)
    if _mark_expression(tree, code, span, number) or _mark_statement(tree, code, span, number):
        found(number)


def _mark_expression(tree: ast.AST, code: Code, span: Span, number: int) -> bool:
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            nodes = value if isinstance(value, list) else [value]
            for index, node in enumerate(nodes):
                if not _is_value(node) or code.span(node) != span or isinstance(parent, ast.JoinedStr):
                    continue
                marked = _call(node, number, node)
                if isinstance(value, list):
                    value[index] = marked
                else:
                    setattr(parent, field, marked)
                return True
    return False


def _is_value(node: object) -> bool:
    if isinstance(node, ast.Starred | ast.Slice | ast.FormattedValue | ast.JoinedStr):
        return False
    return isinstance(node, ast.expr) and not isinstance(getattr(node, "ctx", None), ast.Store | ast.Del)


def _mark_statement(tree: ast.AST, code: Code, span: Span, number: int) -> bool:
    """Count behind the statements that the place touches, or where it is between two."""
    body = _innermost_body(tree, code, span)
    if body is None:
        return False
    touching = [k for k, statement in enumerate(body) if _touch(code.span(statement), span)]
    before = [k for k, statement in enumerate(body) if _end(code.span(statement)) <= (span.line, span.column)]
    last = touching[-1] if touching else before[-1] if before else None
    if last is None:
        first = body[0]
        body.insert(0, ast.copy_location(ast.Expr(_call(first, number)), first))
        return True
    statement = body[last]
    match statement:
        case ast.Return(value=ast.expr() as value):
            statement.value = _call(value, number, value)
        case ast.Return() | ast.Raise() | ast.Break() | ast.Continue():
            body.insert(last, ast.copy_location(ast.Expr(_call(statement, number)), statement))
        case _:
            body.insert(last + 1, ast.copy_location(ast.Expr(_call(statement, number)), statement))
    return True


def _innermost_body(tree: ast.AST, code: Code, span: Span) -> _Body | None:
    """Return the list of statements that the place is in: the last one met is the innermost."""
    found: _Body | None = None
    for node in ast.walk(tree):
        for _, value in ast.iter_fields(node):
            if not (isinstance(value, list) and value and isinstance(value[0], ast.stmt)):
                continue
            around = isinstance(node, ast.Module) or (
                code.span(value[0]).line <= span.line and span.end_line <= code.span(value[-1]).end_line
            )
            if around:
                found = value
    return found


def _touch(one: Span, other: Span) -> bool:
    return (one.line, one.column) < _end(other) and (other.line, other.column) < _end(one)


def _end(span: Span) -> tuple[int, int]:
    return span.end_line, span.end_column


def _call(at: Any, number: int, *values: ast.expr) -> ast.expr:
    call = ast.Call(ast.Name(NAME, ast.Load()), [ast.Constant(number), *values], [])
    for node in (call, call.func, call.args[0]):
        ast.copy_location(node, at)
    return call
