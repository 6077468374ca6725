"""Fixes as the smallest edits of the text that keep everything else as the author wrote it."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from conv_magic.model import Applicability, Fix, Shape
from conv_magic.positions import Edit, Span, digest
from conv_magic.source import Code, argument

_ATOMS = (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.List, ast.Tuple, ast.Dict)


def fix(
    title: str,
    code: Code,
    edits: Sequence[Edit],
    applicability: Applicability,
    predicted: Shape | None = None,
) -> Fix:
    """A fix of one cell's text."""
    return Fix(title, tuple(edits), applicability, predicted, digest(code.text), code.cell)


def indexed(code: Code, expression: ast.expr, index: str) -> Edit:
    """`expression` with an index behind it, in brackets where it must be: `(a + b)[None]`."""
    if isinstance(expression, _ATOMS):
        return _after(code, expression, index)
    return code.replace(expression, f"({code.text_of(expression)}){index}")


def wrapped(code: Code, expression: ast.expr, before: str, after: str) -> Edit:
    """`expression` inside a call: `tf.repeat(expression, 3, axis=-1)`."""
    return code.replace(expression, f"{before}{code.text_of(expression)}{after}")


def with_argument(code: Code, call: ast.Call, position: int, name: str, text: str) -> Edit:
    """The call with that argument set to `text`: where it is given its value is replaced, else `name=text` put last."""
    given = argument(call, position, name)
    if given is not None:
        return code.replace(given, text)
    arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
    if not arguments:
        at = code.span(call)
        return Edit(Span(at.cell, at.end_line, at.end_column - 1, at.end_line, at.end_column - 1), f"{name}={text}")
    last = max(arguments, key=lambda node: (node.end_lineno or 0, node.end_col_offset or 0))
    return _after(code, last, f", {name}={text}")


def _after(code: Code, node: ast.AST, text: str) -> Edit:
    at = code.span(node)
    return Edit(Span(at.cell, at.end_line, at.end_column, at.end_line, at.end_column), text)
