"""Write fixes as the smallest edits of the text that keep everything else as the author wrote it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence

from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.positions import Edit, Span, digest
from conv_magic.model.shapes import Shape
from conv_magic.text.source import Code, argument

_CLOSING = re.compile(r"[ \t\n]*\)(?:[ \t\n]*\))*")
_ATOMS = (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.List, ast.Tuple, ast.Dict)


def fix(
    title: str,
    code: Code,
    edits: Sequence[Edit],
    applicability: Applicability,
    predicted: Shape | None = None,
) -> Fix:
    """Return a fix of one cell's text."""
    return Fix(title, tuple(edits), applicability, predicted, digest(code.text), code.cell)


def indexed(code: Code, expression: ast.expr, index: str) -> Edit:
    """Return the edit that puts an index behind an expression, in parentheses if needed: `(a + b)[None]`."""
    if isinstance(expression, _ATOMS):
        return after(code, expression, index)
    return code.replace(expression, f"({code.text_of(expression)}){index}")


def wrapped(code: Code, expression: ast.expr, before: str, after: str) -> Edit:
    """Return the edit that puts an expression into a call: `tf.repeat(expression, 3, axis=-1)`."""
    return code.replace(expression, f"{before}{code.text_of(expression)}{after}")


def bracketed(sequence: ast.expr, texts: Iterable[str]) -> str:
    """Return the text of a display of other elements, in the kind of brackets that a tuple or list has."""
    opening, closing = ("(", ")") if isinstance(sequence, ast.Tuple) else ("[", "]")
    return f"{opening}{', '.join(texts)}{closing}"


def exchanged(code: Code, first: ast.expr, second: ast.expr) -> list[Edit]:
    """Return the edits that put each of two expressions in the other's place."""
    return [code.replace(first, code.text_of(second)), code.replace(second, code.text_of(first))]


def with_argument(code: Code, call: ast.Call, position: int | None, name: str, text: str) -> Edit:
    """Return the edit that sets an argument: its value is replaced, or `name=text` is added at the end."""
    given = argument(call, position, name)
    if given is not None:
        return code.replace(given, text)
    end, separator = end_of_arguments(code, call)
    return Edit(end, f"{separator}{name}={text}")


def end_of_arguments(code: Code, call: ast.Call) -> tuple[Span, str]:
    """Return where one more argument goes, behind the last one and its brackets, and the separator before it."""
    whole = code.span(call)
    arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
    if not arguments:
        return Span(whole.cell, whole.end_line, whole.end_column - 1, whole.end_line, whole.end_column - 1), ""
    last = code.span(max(arguments, key=lambda node: (node.end_lineno or 0, node.end_col_offset or 0)))
    rest = code.text_in(Span(whole.cell, last.end_line, last.end_column, whole.end_line, whole.end_column - 1))
    closing = _CLOSING.match(rest)
    passed = closing[0].split("\n") if closing else [""]
    line = last.end_line + len(passed) - 1
    column = len(passed[-1]) + (last.end_column if len(passed) == 1 else 0)
    return Span(whole.cell, line, column, line, column), ", "


def before(code: Code, node: ast.AST, text: str) -> Edit:
    """Return the edit that puts a text right before a node."""
    span = code.span(node)
    return Edit(Span(span.cell, span.line, span.column, span.line, span.column), text)


def after(code: Code, node: ast.AST, text: str) -> Edit:
    """Return the edit that puts `text` right behind a node."""
    span = code.span(node)
    return Edit(Span(span.cell, span.end_line, span.end_column, span.end_line, span.end_column), text)
