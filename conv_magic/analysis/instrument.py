"""A text's expressions numbered, and the text rewritten so that each tells its value."""

from __future__ import annotations

import ast
from typing import Any

NOTE = "__conv_magic_note__"
"""The name under which the noting function stands in the namespace."""


def numbered(tree: ast.AST) -> dict[int, ast.expr]:
    """Return the expressions of a tree by number; equal texts are numbered alike."""
    return dict(enumerate(node for node in ast.walk(tree) if isinstance(node, ast.expr)))


def noting(tree: ast.Module) -> ast.Module:
    """Return the tree with every expression that has a value of its own wrapped in a call of `NOTE`; it is changed."""
    numbers = {id(node): number for number, node in numbered(tree).items()}
    rewritten: ast.Module = _Noting(numbers).visit(tree)
    return ast.fix_missing_locations(rewritten)


_NO_VALUE = (
    ast.Starred, ast.Slice, ast.Yield, ast.YieldFrom, ast.Await, ast.JoinedStr, ast.FormattedValue, ast.NamedExpr,
    ast.GeneratorExp,
)  # fmt: skip


class _Noting(ast.NodeTransformer):
    """Leaves alone what is no value of its own: targets, slices, annotations, f-strings, patterns."""

    def __init__(self, numbers: dict[int, int]) -> None:
        self._numbers = numbers

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return node

    def visit_Match(self, node: ast.Match) -> ast.AST:
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.value = self.visit(node.value) if node.value is not None else None
        return node

    def visit_arguments(self, node: ast.arguments) -> ast.AST:
        node.defaults = [self.visit(each) for each in node.defaults]
        node.kw_defaults = [self.visit(each) if each is not None else None for each in node.kw_defaults]
        return node

    def visit_FunctionDef(self, node: Any) -> ast.AST:
        self.visit(node.args)
        node.body = [self.visit(each) for each in node.body]
        return node  # type: ignore[no-any-return]  # a node of either kind

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.body = [self.visit(each) for each in node.body]
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        return node if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit(self, node: ast.AST) -> Any:
        new = super().visit(node)
        number = self._numbers.get(id(node))
        if number is None or isinstance(getattr(node, "ctx", None), ast.Store | ast.Del) or isinstance(node, _NO_VALUE):
            return new
        if isinstance(node, ast.Name) and node.id == "super":
            return new
        if isinstance(node, ast.Tuple) and any(isinstance(each, ast.Slice) for each in node.elts):
            return new
        return ast.Call(ast.Name(NOTE, ast.Load()), [ast.Constant(number), new], [])
