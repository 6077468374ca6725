"""Find what else the same model is given in the text: to `fit`, as validation data, to `evaluate`, `predict`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.operands import DATA_METHODS, Operand
from conv_magic.model.trace import Trace
from conv_magic.text.source import Code, argument, called_name


def other_data_of_model(operand: Operand, rank: int, trace: Trace) -> list[ast.expr]:
    """Return the other data of that rank which the cell gives to the model of a call."""
    evaluator = Evaluator(operand.code, trace)
    return [
        value
        for value in data_of_model(operand.code, operand.call)
        if value is not operand.value and len(evaluator.shape_of(value) or ()) == rank
    ]


def data_of_model(code: Code, call: ast.Call) -> Iterator[ast.expr]:
    """Yield the inputs in all calls of `fit` and its like on the model of one such call."""
    model = _model_expression(call)
    for node in ast.walk(code.tree) if model else ():
        if isinstance(node, ast.Call) and _model_expression(node) == model:
            yield from _inputs_given(node)


def _model_expression(call: ast.Call) -> str | None:
    """Return the text of the model that a method such as `fit` is called on, None for another call."""
    if isinstance(call.func, ast.Attribute) and called_name(call) in DATA_METHODS:
        return ast.unparse(call.func.value)
    return None


def _inputs_given(call: ast.Call) -> Iterator[ast.expr]:
    """Yield the inputs that a call gives, also as validation data."""
    first = argument(call, 0, "x")
    if first is not None:
        yield first
    validation = argument(call, None, "validation_data")
    if isinstance(validation, ast.Tuple | ast.List) and validation.elts:
        yield validation.elts[0]
