"""The cell's text as a syntax tree: from a running instruction to the call in the text, and from a name to its binding.

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
"""A running instruction: its code object and `f_lasti`.  Holds no frame."""

Node = TypeVar("Node", bound=ast.AST)

_MAGIC = re.compile(r"^(\s*)(%|!|\?|[^#'\"]*=\s*[%!]\w|[\w.]+\?{1,2}\s*$)")
_MOST_CHARACTERS = 100_000
"""The trees of texts of so many characters together are kept: a tree takes a hundred times the memory of its text."""
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


@kept_by_text(_MOST_CHARACTERS)
def parse(text: str) -> ast.Module | None:
    """The tree of `text`, None if it has none; IPython's own lines (`%time`, `!ls`, `x?`) are a `pass` in it."""
    return _parsed(text) or _parsed(_without_magics(text))


def as_python(text: str) -> str:
    """`text`, with a `pass` for each of IPython's own lines where it has any, so that every other keeps its place."""
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
    """A statement that gives `name` its value; `value` is the expression, None for a loop or an argument."""

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
        """The lines with their ends."""
        return lines_of(self.text)

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree; an empty one where the text has none."""
        return parse(self.text) or ast.Module(body=[], type_ignores=[])

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node of the tree, in the order of `ast.walk`."""
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
        """The place of a node of this tree."""
        at: Any = node
        return self.span_of_bytes(at.lineno, at.col_offset, at.end_lineno, at.end_col_offset)

    def span_of_bytes(self, line: int, column: int, end_line: int, end_column: int) -> Span:
        """A span from lines and UTF-8 byte columns.

        A column behind the end is the line's end: IPython compiles its own lines (`%time f(x)`) as longer ones.
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
        """The text of a node."""
        return self.text_in(self.span(node))

    def text_in(self, span: Span) -> str:
        """The text that a span of this cell covers."""
        lines = self.lines[span.line - 1 : span.end_line]
        return text_at("".join(lines), replace(span, line=1, end_line=span.end_line - span.line + 1)) if lines else ""

    def code_line(self, number: int) -> str:
        """One line's text without its end."""
        return self._line(number).rstrip("\r\n")

    def node_at(self, span: Span, kind: type[Node]) -> Node | None:
        """The node of that kind with exactly this span."""
        return next((n for n in self._nodes_at.get(span, ()) if isinstance(n, kind)), None)

    def call_at(self, span: Span | None) -> ast.Call | None:
        """The call with exactly this span."""
        return self.node_at(span, ast.Call) if span and span.cell == self.cell else None

    def statement_of(self, node: ast.AST) -> ast.stmt | None:
        """The innermost statement around a node."""
        return next((n for n in self.around(node) if isinstance(n, ast.stmt)), None)

    def statement_at(self, line: int) -> ast.stmt | None:
        """The innermost statement that covers a line."""
        found = [n for n in self.nodes if isinstance(n, ast.stmt) and n.lineno <= line <= (n.end_lineno or 0)]
        return max(found, key=lambda n: (n.lineno, -(n.end_lineno or 0)), default=None)

    def around(self, node: ast.AST) -> Iterator[ast.AST]:
        """The node, its parent, and so on to the module."""
        at: ast.AST | None = node
        while at is not None:
            yield at
            at = self._parents.get(at)

    def parent(self, node: ast.AST) -> ast.AST | None:
        """The node that it is a part of."""
        return self._parents.get(node)

    def scope_of(self, node: ast.AST) -> ast.AST:
        """The function, class, lambda or module that a node's names are looked up in."""
        return next((n for n in self.around(node) if isinstance(n, _SCOPES) and n is not node), self.tree)

    def binding(self, name: ast.Name) -> Binding | None:
        """The last statement before `name`'s own that binds it, in its scope, else in the module."""
        statement = self.statement_of(name)
        if statement is None:
            return None
        scope = self.scope_of(name)
        for where in (scope, self.tree) if scope is not self.tree else (scope,):
            before = [b for b in self.bindings(where, name.id) if b.statement.lineno < statement.lineno]
            if before:
                return max(before, key=lambda b: b.statement.lineno)
        return None

    def binding_at_end(self, name: str) -> Binding | None:
        """The last statement of the module that binds `name`."""
        return max(self.bindings(self.tree, name), key=lambda b: b.statement.lineno, default=None)

    def bindings(self, scope: ast.AST, name: str) -> list[Binding]:
        """Every statement of a scope that binds `name`."""
        return self._bindings.get((scope, name), [])

    def is_bound(self, name: ast.Name) -> bool:
        """Whether the text binds the name anywhere that its place can see."""
        return bool(self.bindings(self.scope_of(name), name.id) or self.bindings(self.tree, name.id))

    @cached_property
    def _bindings(self) -> dict[tuple[ast.AST, str], list[Binding]]:
        """All bindings, by scope and name."""
        found: dict[tuple[ast.AST, str], list[Binding]] = {}
        for node in ast.walk(self.tree):
            for binding in _bound_by(node) if isinstance(node, ast.stmt) else ():
                found.setdefault((self.scope_of(node), binding.name), []).append(binding)
        return found

    def resolve(self, node: ast.expr) -> ast.expr:
        """The expression that a name stands for, followed through plain assignments; else the node itself."""
        seen: set[ast.AST] = set()
        while isinstance(node, ast.Name) and node not in seen:
            seen.add(node)
            bound = self.binding(node)
            if bound is None or bound.value is None:
                break
            node = bound.value
        return node

    def replace(self, node: ast.AST, text: str) -> Edit:
        """An edit that puts `text` in the place of a node."""
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
    """The last part of the called name: `Conv2D` of `keras.layers.Conv2D(...)`."""
    match call.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return ""


def integers(node: ast.expr | None) -> tuple[int, ...] | None:
    """The value of a literal integer or of a literal tuple or list of integers."""
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
    if isinstance(target, ast.Name):
        yield Binding(target.id, statement, value)
    elif isinstance(target, ast.Tuple | ast.List):
        paired = value.elts if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts) else None
        for place, element in enumerate(target.elts):
            yield from _bound_in(element, statement, paired[place] if paired else None)


@lru_cache(maxsize=4096)
def _positions(code: CodeType) -> tuple[tuple[int | None, int | None, int | None, int | None], ...]:
    return tuple(code.co_positions())


def place_of(site: Site, code: Code) -> Span | None:
    """The place of a running instruction in its cell's text.

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
    """The statement on a line, for places of which only the line is known."""
    statement = code.statement_at(line + code.above)
    if statement is None or isinstance(statement, _SCOPES):
        return None
    return code.span(statement)
