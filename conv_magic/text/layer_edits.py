"""Add a layer to a model's text, or name another one, however the model is written."""

from __future__ import annotations

import ast

from conv_magic.model.positions import Edit, Span
from conv_magic.text.source import Code, argument


def layer_name(code: Code, beside: ast.Call, name: str) -> tuple[str, list[Edit]] | None:
    """Return how the layer `name` is spelled next to `beside`, and the import that needs; None if not known.

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
            after = Span(end.cell, end.end_line, end.end_column, end.end_line, end.end_column)
            return name, [Edit(after, f", {name}")]
        if known == ["*"] and "layers" in (statement.module or ""):
            return name, []
    return None


def layer_before(code: Code, layer: ast.Call, text: str) -> Edit | None:
    """Return the edit that puts a layer before another, None where the model is written in an unknown way.

    In a list, with `.add`, or around what the other layer is called on.
    """
    parent = code.parent(layer)
    if isinstance(parent, ast.List | ast.Tuple) and not isinstance(code.parent(parent), ast.Assign | ast.Return):
        return put_before(code, layer, f"{text},")
    if isinstance(parent, ast.Call) and parent.func is layer:
        given = argument(parent, 0, "inputs", "input")
        return code.replace(given, f"{text}({code.text_of(given)})") if given is not None else None
    if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Attribute) and parent.func.attr == "add":
        statement = code.parent(parent)
        if isinstance(statement, ast.Expr):
            return put_before(code, statement, f"{code.text_of(parent.func)}({text})", own_line=True)
    return None


def put_before(code: Code, node: ast.AST, text: str, *, own_line: bool = False) -> Edit:
    """Return the edit that puts `text` before a node, on its own line if the node starts one."""
    span = code.span(node)
    before = code.code_line(span.line)[: span.column]
    separator = f"\n{before}" if not before.strip() else "; " if own_line else " "
    return Edit(Span(span.cell, span.line, span.column, span.line, span.column), f"{text}{separator}")
