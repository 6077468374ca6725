"""The text of a cell and its syntax tree: what mutators look at, and how they write."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cached_property

Change = tuple[ast.AST, str]


class Cell:
    """A cell as text and tree.  Changes are made on spans, so that comments and style stay."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tree = ast.parse(text)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node, in the order of the text."""
        found = [node for node in ast.walk(self.tree) if hasattr(node, "lineno")]
        return sorted(found, key=lambda node: self.span(node)[0])

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """The parent of each node."""
        return {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    @cached_property
    def _starts(self) -> list[int]:
        starts = [0]
        for line in self.text.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        return starts

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Where `node` begins and ends in the text; the programs are ASCII, so bytes are characters."""
        first = self._starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
        last = self._starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]
        return first, last

    def part(self, node: ast.AST) -> str:
        """The text of `node`."""
        first, last = self.span(node)
        return self.text[first:last]

    def put(self, *changes: Change) -> str:
        """The text with each node replaced."""
        text = self.text
        for node, new in sorted(changes, key=lambda change: self.span(change[0]), reverse=True):
            first, last = self.span(node)
            text = text[:first] + new + text[last:]
        return text

    def lines(self, statement: ast.stmt) -> tuple[int, int]:
        """Where the whole lines of `statement` begin and end in the text."""
        return self._starts[statement.lineno - 1], self._starts[statement.end_lineno or statement.lineno]

    def without(self, statement: ast.stmt) -> str | None:
        """The text without the lines of `statement`; None if its block would be empty."""
        block = self.block(statement)
        if len(block) < 2:
            return None
        first, last = self.lines(statement)
        return self.text[:first] + self.text[last:]

    def after(self, statement: ast.stmt, new: str) -> str:
        """The text with the line `new` after `statement`, indented as it is."""
        _, last = self.lines(statement)
        return self.text[:last] + " " * statement.col_offset + new + "\n" + self.text[last:]

    def before(self, statement: ast.stmt, new: str) -> str:
        """The text with the line `new` before `statement`, indented as it is."""
        first, _ = self.lines(statement)
        return self.text[:first] + " " * statement.col_offset + new + "\n" + self.text[first:]

    def block(self, statement: ast.stmt) -> list[ast.stmt]:
        """The statements beside `statement`, itself among them."""
        parent = self.parents[statement]
        for field in ("body", "orelse", "finalbody"):
            found = getattr(parent, field, None)
            if isinstance(found, list) and statement in found:
                return found
        return [statement]

    def statement(self, node: ast.AST) -> ast.stmt:
        """The statement that `node` stands in."""
        while not isinstance(node, ast.stmt):
            node = self.parents[node]
        return node

    def calls(self, *names: str) -> Iterator[ast.Call]:
        """The calls of functions whose last name is one of `names`; of any function without `names`."""
        for node in self.nodes:
            if isinstance(node, ast.Call) and (not names or called(node) in names):
                yield node

    def literals(self) -> list[int]:
        """Every whole number that the text states."""
        return [number for node in self.nodes if (number := whole(node)) is not None]

    @cached_property
    def imported(self) -> set[str]:
        """The names that imports bind."""
        return {
            alias.asname or alias.name
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }

    def library(self) -> str | None:
        """How the cell names NumPy, or else TensorFlow or `keras.ops`: something with `expand_dims` and `transpose`."""
        names = self.imported
        return next((name for name in ("np", "tf", "ops") if name in names), None)


def called(call: ast.Call) -> str:
    """The last name of what `call` calls."""
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def root(node: ast.AST) -> str:
    """The first name of a dotted one: `np` of `np.random.rand`."""
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def argument(call: ast.Call, name: str, position: int | None = None) -> ast.expr | None:
    """The argument of a call by keyword, or by `position`."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    if position is not None and position < len(call.args):
        return call.args[position]
    return None


def whole(node: ast.AST | None) -> int | None:
    """The number that a literal states."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int) and not isinstance(node.value, bool):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and (inner := whole(node.operand)) is not None:
        return -inner
    return None


def keyword_gone(cell: Cell, call: ast.Call, name: str) -> str | None:
    """The text without the keyword argument `name` of `call`, and without its comma."""
    for keyword in call.keywords:
        if keyword.arg == name:
            first, last = cell.span(keyword)
            head = cell.text[:first].rstrip()
            if head.endswith(","):
                return head[:-1] + cell.text[last:]
            tail = cell.text[last:].lstrip()
            return cell.text[:first] + tail.removeprefix(",").lstrip() if tail.startswith(",") else head + tail
    return None
