"""Edits that add a layer to a model's text, or name another one, however the model is written."""

from __future__ import annotations

import ast

from conv_magic.model.positions import Edit, Span
from conv_magic.text.source import Code, argument


def parent_of(code: Code, node: ast.AST) -> ast.AST | None:
    """The node around this one."""
    return next((n for n in code.around(node) if n is not node), None)


def layer_name(code: Code, beside: ast.Call, name: str) -> tuple[str, list[Edit]] | None:
    """How the layer `name` is spelled where `beside` makes another one, with the import that this needs.

    `layers.Flatten` beside `layers.Dense(...)`; `Flatten`, added to the import of `Dense`, beside `Dense(...)`.
    """
    callee = beside.func
    if isinstance(callee, ast.Attribute):
        return f"{code.text_of(callee.value)}.{name}", []
    if not isinstance(callee, ast.Name):
        return None
    imports = [n for n in ast.walk(code.tree) if isinstance(n, ast.ImportFrom)]
    for statement in imports:
        for alias in statement.names:
            if alias.name == name:
                return alias.asname or name, []
    for statement in imports:
        known = [alias.asname or alias.name for alias in statement.names]
        if callee.id in known:
            end = code.span(statement.names[-1])
            at = Span(end.cell, end.end_line, end.end_column, end.end_line, end.end_column)
            return name, [Edit(at, f", {name}")]
        if known == ["*"] and "layers" in (statement.module or ""):
            return name, []
    return None


def layer_before(code: Code, made: ast.Call, text: str) -> Edit | None:
    """The layer `text` put before the one that `made` makes: in a list, with `.add`, or around what it is called on."""
    around = parent_of(code, made)
    if isinstance(around, ast.List | ast.Tuple) and not isinstance(parent_of(code, around), ast.Assign | ast.Return):
        return put_before(code, made, f"{text},")
    if isinstance(around, ast.Call) and around.func is made:
        given = argument(around, 0, "inputs", "input")
        return code.replace(given, f"{text}({code.text_of(given)})") if given is not None else None
    if isinstance(around, ast.Call) and isinstance(around.func, ast.Attribute) and around.func.attr == "add":
        statement = parent_of(code, around)
        if isinstance(statement, ast.Expr):
            return put_before(code, statement, f"{code.text_of(around.func)}({text})", own_line=True)
    return None


def put_before(code: Code, node: ast.AST, text: str, *, own_line: bool = False) -> Edit:
    """`text` before a node, on a line of its own where the node begins one."""
    at = code.span(node)
    before = code.code_line(at.line)[: at.column]
    separator = f"\n{before}" if not before.strip() else "; " if own_line else " "
    return Edit(Span(at.cell, at.line, at.column, at.line, at.column), f"{text}{separator}")
