"""Fixes of a `tf.data` pipeline or a generator whose elements lack an axis."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.operands import Operand
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.options import FitOptions
from conv_magic.model.positions import Edit
from conv_magic.model.trace import Trace
from conv_magic.text.edits import after, fix, indexed
from conv_magic.text.source import Code, called_name, integers

_KERAS_BATCH = 32
"""What Keras takes where no batch size is given (https://keras.io/api/models/model_training_apis/)."""


def dataset_fixes(
    supply: Operand, given: tuple[FitOptions, bool], trace: Trace, axes: tuple[int, ...], index: str, title: str
) -> Iterator[Fix]:
    """The axis added by a step of the pipeline; `given` says what came and whether it was validation data."""
    options, validation = given
    code = supply.code
    value = next((k.value for k in supply.call.keywords if k.arg == "validation_data"), None)
    value = value if validation else supply.value
    if value is None or isinstance(value, ast.Tuple | ast.List):
        return
    yields = list(_yields(code, value))
    if yields:
        if axes != (0,):
            edits = [indexed(code, first, index) for first in yields]
            yield fix(f"{title} where the data are yielded", code, edits, Applicability.SURE)
        return
    step = _step(code, options, axes, index)
    text = code.text_of(value)
    returned = _returned(code, value)
    if returned is not None:
        function = called_name(value) if isinstance(value, ast.Call) else text
        yield fix(f"{title} to what {function} returns", code, [_chained(code, returned, step)], Applicability.SURE)
    made = next((o for o in definitions_of(code, value)[1:] if not isinstance(o, ast.Name)), None)
    if made is not None:
        yield fix(f"{title} where {text} is made", code, [_chained(code, made, step)], Applicability.SURE)
    yield fix(title, code, [after(code, value, step)], Applicability.SURE)


def _returned(code: Code, value: ast.expr) -> ast.expr | None:
    """What the user's function returns that makes the dataset."""
    made = next((o for o in definitions_of(code, value) if isinstance(o, ast.Call)), None)
    named = [n for n in code.nodes if isinstance(n, ast.FunctionDef) and made and n.name == called_name(made)]
    given = [n.value for n in ast.walk(named[0]) if isinstance(n, ast.Return)] if len(named) == 1 else []
    found = given[0] if len(given) == 1 else None
    return None if isinstance(found, ast.Tuple) else found


def _yields(code: Code, value: ast.expr) -> Iterator[ast.expr]:
    """The data in each `yield` of the user's generator that `value` calls."""
    calls = {called_name(origin) for origin in definitions_of(code, value) if isinstance(origin, ast.Call)}
    for function in ast.walk(code.tree):
        if isinstance(function, ast.FunctionDef) and function.name in calls:
            for node in ast.walk(function):
                if isinstance(node, ast.Yield) and node.value is not None:
                    yield node.value.elts[0] if isinstance(node.value, ast.Tuple) else node.value


def _step(code: Code, options: FitOptions, axes: tuple[int, ...], index: str) -> str:
    if axes == (0,):
        return f".batch({_batch_size(code)})"
    if options.y:
        return f".map(lambda x, y: (x{index}, y))"
    return f".map(lambda x: x{index})"


def _batch_size(code: Code) -> str:
    """The batch size that the cell uses for its other data."""
    for node in ast.walk(code.tree):
        given = node.args[0] if isinstance(node, ast.Call) and called_name(node) == "batch" and node.args else None
        if given is not None and (integers(given) or isinstance(given, ast.Name)):
            return code.text_of(given)
    return str(_KERAS_BATCH)


def _chained(code: Code, made: ast.expr, step: str) -> Edit:
    """A step put at the end of a chain, before its `prefetch`."""
    if isinstance(made, ast.Call) and isinstance(made.func, ast.Attribute) and made.func.attr == "prefetch":
        return after(code, made.func.value, step)
    return after(code, made, step)
