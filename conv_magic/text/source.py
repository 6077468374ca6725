"""Read a cell's text as a syntax tree: from a running instruction to its call, and from a name to its binding.

Right or None, never a guess: what cannot be found exactly is not found.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from types import CodeType
from typing import Any, TypeVar

from conv_magic.model.positions import Edit, Span, lines_of, text_at, utf16_from_utf8
from conv_magic.text.kept import kept_by_text

Site = tuple[CodeType, int]
"""A running instruction: its code object and `f_lasti`. Holds no frame."""

Node = TypeVar("Node", bound=ast.AST)

_MAGIC = re.compile(r"^(\s*)(%|!|\?|[^#'\"]*=\s*[%!]\w|[\w.]+\?{1,2}\s*$)")
_MOST_CHARACTERS = 100_000
"""The trees of texts of so many characters together are kept: a tree takes a hundred times the memory of its text."""
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


@kept_by_text(_MOST_CHARACTERS)
def parse(text: str) -> ast.Module | None:
    """Return the tree of `text`, None if it has none; IPython's lines (`%time`, `!ls`, `x?`) become `pass`."""
    return _parsed(text) or _parsed(_without_magics(text))


def as_python(text: str) -> str:
    """Return `text` with `pass` for each of IPython's own lines, so that every other line keeps its number."""
    return text if _parsed(text) is not None else _without_magics(text)


@kept_by_text(_MOST_CHARACTERS)
def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None


def _without_magics(text: str) -> str:
    return "".join(f"{found[1]}pass\n" if (found := _MAGIC.match(line)) else line for line in lines_of(text))


@dataclass(frozen=True)
class Binding:
    """A statement that binds `name`; `value` is the expression, None for a loop, `with` or definition."""

    name: str
    statement: ast.stmt
    value: ast.expr | None


@dataclass(frozen=True)
class Code:
    """One cell's text with its tree.

    `cell` is the key that its spans carry; `above` counts the lines that stand above the first compiled one
    (IPython strips blank lines, `%%time` its own); `modules` pairs a name that any cell gave to a module with the
    module's own.
    """

    cell: str
    text: str
    above: int = 0
    modules: tuple[tuple[str, str], ...] = ()

    @cached_property
    def lines(self) -> list[str]:
        """Return the lines with their ends."""
        return lines_of(self.text)

    @cached_property
    def tree(self) -> ast.Module:
        """Return the syntax tree, an empty one if the text has none."""
        return parse(self.text) or ast.Module(body=[], type_ignores=[])

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Return every node of the tree, in the order of `ast.walk`."""
        return tuple(ast.walk(self.tree))

    @cached_property
    def _parents(self) -> dict[ast.AST, ast.AST]:
        return {child: node for node in self.nodes for child in ast.iter_child_nodes(node)}

    @cached_property
    def _nodes_at(self) -> dict[Span, list[ast.AST]]:
        found: dict[Span, list[ast.AST]] = {}
        for node in self.nodes:
            if hasattr(node, "lineno"):
                found.setdefault(self.span(node), []).append(node)
        return found

    def span(self, node: ast.AST) -> Span:
        """Return the span of a node of this tree."""
        at: Any = node
        return self.span_of_bytes(at.lineno, at.col_offset, at.end_lineno, at.end_col_offset)

    def span_of_bytes(self, line: int, column: int, end_line: int, end_column: int) -> Span:
        """Return a span from lines and UTF-8 byte columns.

        A column past the end becomes the line's end: IPython compiles its own lines (`%time f(x)`) as longer ones.
        """
        return Span(self.cell, line, self._column(line, column), end_line, self._column(end_line, end_column))

    def _column(self, line: int, column: int) -> int:
        text = self.code_line(line)
        if text.isascii():
            return min(column, len(text))
        return utf16_from_utf8(text, min(column, len(text.encode("utf-8", "surrogatepass"))))

    def _line(self, number: int) -> str:
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    def text_of(self, node: ast.AST) -> str:
        """Return the text of a node."""
        return self.text_in(self.span(node))

    def text_in(self, span: Span) -> str:
        """Return the text that a span of this cell covers."""
        lines = self.lines[span.line - 1 : span.end_line]
        return text_at("".join(lines), replace(span, line=1, end_line=span.end_line - span.line + 1)) if lines else ""

    def code_line(self, number: int) -> str:
        """Return one line's text without its end."""
        return self._line(number).rstrip("\r\n")

    def node_at(self, span: Span, kind: type[Node]) -> Node | None:
        """Return the node of a kind with exactly this span, None if there is none."""
        return next((n for n in self._nodes_at.get(span, ()) if isinstance(n, kind)), None)

    def call_at(self, span: Span | None) -> ast.Call | None:
        """Return the call with exactly this span, None if there is none."""
        return self.node_at(span, ast.Call) if span and span.cell == self.cell else None

    def statement_of(self, node: ast.AST) -> ast.stmt | None:
        """Return the innermost statement around a node."""
        return next((n for n in self.around(node) if isinstance(n, ast.stmt)), None)

    def statement_at(self, line: int) -> ast.stmt | None:
        """Return the innermost statement that covers a line."""
        found = [n for n in self.nodes if isinstance(n, ast.stmt) and n.lineno <= line <= (n.end_lineno or 0)]
        return max(found, key=lambda n: (n.lineno, -(n.end_lineno or 0)), default=None)

    def around(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield the node, its parent, and so on to the module."""
        current: ast.AST | None = node
        while current is not None:
            yield current
            current = self._parents.get(current)

    def parent(self, node: ast.AST) -> ast.AST | None:
        """Return the node's parent, None for the module."""
        return self._parents.get(node)

    def scope_of(self, node: ast.AST) -> ast.AST:
        """Return the function, class, lambda or module in which a node's names are looked up."""
        return next((n for n in self.around(node) if isinstance(n, _SCOPES) and n is not node), self.tree)

    def binding(self, name: ast.Name) -> Binding | None:
        """Return the last statement before `name`'s own that binds it, in its scope, else in the module."""
        statement = self.statement_of(name)
        if statement is None:
            return None
        scope = self.scope_of(name)
        for block in (scope, self.tree) if scope is not self.tree else (scope,):
            before = [b for b in self.bindings(block, name.id) if b.statement.lineno < statement.lineno]
            if before:
                return max(before, key=lambda b: b.statement.lineno)
        return None

    def binding_at_end(self, name: str) -> Binding | None:
        """Return the last statement of the module that binds `name`."""
        return max(self.bindings(self.tree, name), key=lambda b: b.statement.lineno, default=None)

    def bindings(self, scope: ast.AST, name: str) -> list[Binding]:
        """Return every statement of a scope that binds `name`."""
        return self._bindings.get((scope, name), [])

    def is_bound(self, name: ast.Name) -> bool:
        """Check whether the text binds the name in its scope or in the module."""
        return bool(self.bindings(self.scope_of(name), name.id) or self.bindings(self.tree, name.id))

    @cached_property
    def _bindings(self) -> dict[tuple[ast.AST, str], list[Binding]]:
        """Return all bindings, by scope and name."""
        found: dict[tuple[ast.AST, str], list[Binding]] = {}
        for node in ast.walk(self.tree):
            for binding in _bound_by(node) if isinstance(node, ast.stmt) else ():
                found.setdefault((self.scope_of(node), binding.name), []).append(binding)
        return found

    def resolve(self, node: ast.expr) -> ast.expr:
        """Return the expression that a name stands for, followed through plain assignments; else the node itself."""
        seen: set[ast.AST] = set()
        while isinstance(node, ast.Name) and node not in seen:
            seen.add(node)
            bound = self.binding(node)
            if bound is None or bound.value is None:
                break
            node = bound.value
        return node

    def replace(self, node: ast.AST, text: str) -> Edit:
        """Return the edit that replaces a node by `text`."""
        return Edit(self.span(node), text)


def argument(call: ast.Call, position: int | None, *names: str) -> ast.expr | None:
    """Return the expression given for a parameter, by keyword (any of `names`) or position; None if there is none.

    `position` is None for a parameter that is given by keyword alone.
    """
    for keyword in call.keywords:
        if keyword.arg in names:
            return keyword.value
    before = call.args[: position + 1] if position is not None else []
    if position is None or len(before) <= position or any(isinstance(a, ast.Starred) for a in before):
        return None
    return before[position]


def called_name(call: ast.Call) -> str:
    """Return the last part of the called name: `Conv2D` of `keras.layers.Conv2D(...)`; empty if there is no name."""
    match call.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return ""


def integers(node: ast.expr | None) -> tuple[int, ...] | None:
    """Return the value of a literal integer, tuple or list of integers, None for anything else."""
    if node is None:
        return None
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return None
    values = value if isinstance(value, tuple | list) else (value,)
    return tuple(values) if all(type(v) is int for v in values) else None


def _bound_by(statement: ast.stmt) -> Iterator[Binding]:
    match statement:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _bound_in(target, statement, value)
        case ast.AnnAssign(target=target, value=value) if value is not None:
            yield from _bound_in(target, statement, value)
        case ast.AugAssign(target=ast.Name(id=name)):
            yield Binding(name, statement, None)
        case ast.For(target=target) | ast.AsyncFor(target=target):
            yield from _bound_in(target, statement, None)
        case ast.With(items=items) | ast.AsyncWith(items=items):
            for item in items:
                if item.optional_vars is not None:
                    yield from _bound_in(item.optional_vars, statement, None)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield Binding(name, statement, None)


def _bound_in(target: ast.expr, statement: ast.stmt, value: ast.expr | None) -> Iterator[Binding]:
    """Yield the names that a target binds, each with its own value where the text pairs them."""
    if isinstance(target, ast.Name):
        yield Binding(target.id, statement, value)
    elif isinstance(target, ast.Tuple | ast.List):
        paired = value.elts if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts) else None
        for index, element in enumerate(target.elts):
            yield from _bound_in(element, statement, paired[index] if paired else None)


@lru_cache(maxsize=4096)
def _positions(code: CodeType) -> tuple[tuple[int | None, int | None, int | None, int | None], ...]:
    return tuple(code.co_positions())


def span_of_site(site: Site, code: Code) -> Span | None:
    """Return the span of a running instruction in its cell's text, None if its position is not known.

    `co_positions()` is exact for chained and multi-line calls and comprehensions
    (https://peps.python.org/pep-0657/).
    """
    running, instruction = site
    positions = _positions(running)
    if not 0 <= instruction // 2 < len(positions):
        return None
    line, end_line, column, end_column = positions[instruction // 2]
    if line is None or end_line is None or column is None or end_column is None:
        return None
    line, end_line = line + code.above, end_line + code.above
    return code.span_of_bytes(line, column, end_line, end_column) if end_line <= len(code.lines) else None


def span_of_line(code: Code, line: int) -> Span | None:
    """Return the span of the statement on a line, for sites of which only the line is known."""
    statement = code.statement_at(line + code.above)
    if statement is None or isinstance(statement, _SCOPES):
        return None
    return code.span(statement)
