"""Watched places (see `reached`) in functions that AutoGraph rewrites: it reads their text anew, without the marks.

It replaces TensorFlow's own `parse_entity`, so it belongs into a process that is thrown away; where TensorFlow has none
of that name nothing is counted there, and the recorded calls decide.
"""

from __future__ import annotations

import ast
import contextlib
import textwrap
from typing import Any

from conv_magic.model.positions import text_at
from conv_magic.sandbox import reached
from conv_magic.sandbox.trial import Watch

_KINDS = {"Call", "BinOp", "Subscript", "Return", "Assign", "AugAssign", "Expr"}


def mark_autograph() -> None:
    """Count watched places also in the functions that are rewritten from now on."""
    with contextlib.suppress(ImportError, AttributeError):
        import gast  # type: ignore[import-untyped]
        from tensorflow import autograph
        from tensorflow.python.autograph.pyct import parser

        parse = parser.parse_entity

        def parse_entity(entity: Any, future_features: Any) -> Any:
            node, source = parse(entity, future_features)
            with contextlib.suppress(Exception):  # a form that is not known: left as it is
                _mark(node, source, gast)
            return node, source

        parser.parse_entity = parse_entity
        reached.call_by(autograph.experimental.do_not_convert)


def _mark(tree: ast.AST, source: str, gast: Any) -> None:
    lines = [line.strip() for line in source.splitlines() if not line.startswith("from __future__")]
    for number, place in reached.places():
        within = _is_in(lines, place)
        if within and (found := _expression(tree, _normal(text_at(place.text, place.span)), gast)) is not None:
            parent, name, index, node = found
            marked = gast.parse(f"{reached.NAME}({number}, 0)", mode="eval").body
            for part in ast.walk(marked):
                if "lineno" in getattr(part, "_attributes", ()):
                    gast.copy_location(part, node)
            marked.args[1] = node
            if index is None:
                setattr(parent, name, marked)
            else:
                getattr(parent, name)[index] = marked
            reached.found(number)


def _is_in(lines: list[str], place: Watch) -> bool:
    """Whether a place is in a function with these lines; a lambda's are parts of those of the text."""
    whole = place.text.splitlines()
    return any(
        all(line in other for line, other in zip(lines, whole[first - 1 :], strict=False))
        for first in range(max(1, place.span.end_line - len(lines) + 1), place.span.line + 1)
    )


def _expression(tree: ast.AST, wanted: str, gast: Any) -> tuple[Any, str, int | None, Any] | None:
    """Return the one value in `tree` with that text: its parent, the field, the place in a list, and itself."""
    met: list[tuple[Any, str, int | None, Any]] = []
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if isinstance(value, list):
                met += [(parent, name, index, node) for index, node in enumerate(value)]
            else:
                met.append((parent, name, None, value))

    def is_wanted(node: Any) -> bool:
        return type(node).__name__ in _KINDS and ast.unparse(gast.gast_to_ast(node)) == wanted

    same = [each for each in met if is_wanted(each[3])]
    values = [each for each in same if isinstance(each[3], ast.expr)]
    if not values:  # a whole statement: its value
        values = [(node, "value", None, node.value) for *_, node in same if getattr(node, "value", None) is not None]
    return values[0] if len(values) == 1 else None


def _normal(text: str) -> str:
    """Return the text as Python would write it, spaces and line ends aside."""
    return ast.unparse(ast.parse(textwrap.dedent(text).strip()))
