"""Where a function or class that an earlier cell made stands in that cell's text."""

from __future__ import annotations

import ast
import inspect
import linecache
from dataclasses import dataclass
from types import CodeType, FunctionType

Node = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda


@dataclass(frozen=True, slots=True)
class Definition:
    """A `def`, `class` or `lambda` in the text that Python knows as `filename`."""

    filename: str
    text: str
    node: Node


def definitions_in(text: str) -> list[Node]:
    """Every function, class and lambda of a text."""
    return [node for node in ast.walk(ast.parse(text)) if isinstance(node, Node)]


def definition_of_function(code: CodeType) -> Definition | None:
    """Return what made a code object; None where no text is known, or two on one line might have."""
    text = "".join(linecache.getlines(code.co_filename))
    found = [node for node in definitions_in(text) if _begins(node) == code.co_firstlineno]
    found = [node for node in found if getattr(node, "name", "<lambda>") == code.co_name]
    return Definition(code.co_filename, text, found[0]) if len(found) == 1 else None


def definition_of_class(value: type) -> Definition | None:
    """Return the same for a class, found by its methods: before Python 3.13 a class does not know its place."""
    for member in vars(value).values():
        method = inspect.unwrap(getattr(member, "__func__", member)) if callable(member) else None
        if isinstance(method, FunctionType) and method.__qualname__.startswith(value.__qualname__ + "."):
            text = "".join(linecache.getlines(method.__code__.co_filename))
            for node in definitions_in(text):
                around = _begins(node) <= method.__code__.co_firstlineno <= (node.end_lineno or 0)
                if around and isinstance(node, ast.ClassDef) and node.name == value.__name__:
                    return Definition(method.__code__.co_filename, text, node)
    return None


def attributes_set(node: ast.AST) -> set[str]:
    """Return the names that are assigned on a name, such as `self`, anywhere in a class."""
    return {
        n.attr
        for n in ast.walk(node)
        if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store) and isinstance(n.value, ast.Name)
    }


def _begins(node: Node) -> int:
    """Return the first line, decorators included."""
    decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
    lines: list[int] = [node.lineno, *(decorator.lineno for decorator in decorators)]
    return min(lines)
