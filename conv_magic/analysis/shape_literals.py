"""Find the tuples and lists of the text that state a shape, and write them with their axes in another order."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.input_declarations import declarations
from conv_magic.analysis.operands import module_alias
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.text.edits import bracketed
from conv_magic.text.source import Code, called_name


def shape_literals(code: Code, trace: Trace, expression: ast.expr, shape: Shape) -> Iterator[ast.Tuple | ast.List]:
    """Yield the tuples and lists behind an expression whose numbers come to exactly this shape."""
    evaluator = Evaluator(code, trace)
    for origin in definitions_of(code, expression):
        for node in ast.walk(origin):
            literal = isinstance(node, ast.Tuple | ast.List) and len(node.elts) == len(shape)
            if literal and isinstance(node, ast.Tuple | ast.List) and evaluator.value(node) == shape:
                yield node


def size_expressions(code: Code, trace: Trace, expression: ast.expr, shape: Shape) -> Iterator[list[ast.expr]]:
    """Yield the expression of each size of a shape: the elements of a literal, or a user's function's arguments."""
    yield from (list(literal.elts) for literal in shape_literals(code, trace, expression, shape))
    evaluator = Evaluator(code, trace)
    functions = {node.name for node in ast.walk(code.tree) if isinstance(node, ast.FunctionDef)}
    for origin in definitions_of(code, expression):
        for node in ast.walk(origin):
            own = isinstance(node, ast.Call) and called_name(node) in functions
            if own and isinstance(node, ast.Call) and tuple(map(evaluator.value, node.args)) == shape:
                yield list(node.args)


def declared_literals(trace: Trace, sizes: Shape) -> Iterator[tuple[Code, ast.Tuple | ast.List]]:
    """Yield the tuples that declare a model's input of exactly these sizes, also through names and parameters."""
    seen: list[ast.expr] = []
    for declared in declarations(trace):
        for literal in shape_literals(declared.code, trace, declared.value, sizes) if not declared.batched else ():
            if literal not in seen:
                seen.append(literal)
                yield declared.code, literal


def transposing(code: Code, order: tuple[int, ...], *, array: bool = False) -> tuple[str, str] | None:
    """Return what to write around an expression to reorder its axes, None if the cell has no library for it."""
    modules = (("tensorflow", "{}"), ("numpy", "{}"), ("keras", "{}.ops"))
    for module, spelling in (modules[1], modules[0], modules[2]) if array else modules:
        name = module_alias(code, module)
        if name:
            return f"{spelling.format(name)}.transpose(", f", {list(order)})"
    return None


def reordered(code: Code, literal: ast.Tuple | ast.List, order: tuple[int, ...]) -> str:
    """Return the text of a tuple or list with its elements in another order."""
    return bracketed(literal, (code.text_of(literal.elts[index]) for index in order))
