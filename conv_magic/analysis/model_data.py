"""What the same model is handed elsewhere in the text: to `fit`, as validation data, to `evaluate`, `predict`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.operands import DATA_METHODS, Operand
from conv_magic.model.trace import Trace
from conv_magic.text.source import Code, argument, called_name


def other_data_of_model(supply: Operand, rank: int, trace: Trace) -> list[ast.expr]:
    """The other data of that rank which the model of a call is handed anywhere in the same cell."""
    reader = Evaluator(supply.code, trace)
    return [
        value
        for value in data_of_model(supply.code, supply.call)
        if value is not supply.value and len(reader.shape_of(value) or ()) == rank
    ]


def data_of_model(code: Code, call: ast.Call) -> Iterator[ast.expr]:
    """The inputs in all calls of `fit` and its kin on the model of one such call."""
    model = _model(call)
    for node in ast.walk(code.tree) if model else ():
        if isinstance(node, ast.Call) and _model(node) == model:
            yield from _inputs(node)


def _model(call: ast.Call) -> str | None:
    if isinstance(call.func, ast.Attribute) and called_name(call) in DATA_METHODS:
        return ast.unparse(call.func.value)
    return None


def _inputs(call: ast.Call) -> Iterator[ast.expr]:
    first = argument(call, 0, "x")
    if first is not None:
        yield first
    validation = next((k.value for k in call.keywords if k.arg == "validation_data"), None)
    if isinstance(validation, ast.Tuple | ast.List) and validation.elts:
        yield validation.elts[0]
