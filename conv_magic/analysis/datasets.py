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
from conv_magic.text.source import Code, argument, called_name, integers

_KERAS_BATCH = 32
"""What Keras takes where no batch size is given (https://keras.io/api/models/model_training_apis/)."""


def dataset_fixes(
    operand: Operand, given: tuple[FitOptions, bool], trace: Trace, axes: tuple[int, ...], index: str, title: str
) -> Iterator[Fix]:
    """Yield fixes that add the axis by a step of the pipeline.

    `given` are the options of the `fit`, and whether its validation data failed.
    """
    options, validation = given
    code = operand.code
    value = argument(operand.call, None, "validation_data")
    value = value if validation else operand.value
    if value is None or isinstance(value, ast.Tuple | ast.List):
        return
    yielded = list(_yielded_data(code, value))
    if yielded:
        if axes != (0,):
            edits = [indexed(code, first, index) for first in yielded]
            yield fix(f"{title} where the data are yielded", code, edits, Applicability.SURE)
        return
    step = _pipeline_step(code, options, axes, index)
    text = code.text_of(value)
    returned = _returned_dataset(code, value)
    if returned is not None:
        function = called_name(value) if isinstance(value, ast.Call) else text
        yield fix(f"{title} to what {function} returns", code, [_chained(code, returned, step)], Applicability.SURE)
    definition = next((o for o in definitions_of(code, value)[1:] if not isinstance(o, ast.Name)), None)
    if definition is not None:
        yield fix(f"{title} where {text} is made", code, [_chained(code, definition, step)], Applicability.SURE)
    yield fix(title, code, [after(code, value, step)], Applicability.SURE)


def _returned_dataset(code: Code, value: ast.expr) -> ast.expr | None:
    """Return what the user's function that makes the dataset returns, None if it is not one expression."""
    call = next((o for o in definitions_of(code, value) if isinstance(o, ast.Call)), None)
    named = [n for n in code.nodes if isinstance(n, ast.FunctionDef) and call and n.name == called_name(call)]
    returned = [n.value for n in ast.walk(named[0]) if isinstance(n, ast.Return)] if len(named) == 1 else []
    found = returned[0] if len(returned) == 1 else None
    return None if isinstance(found, ast.Tuple) else found


def _yielded_data(code: Code, value: ast.expr) -> Iterator[ast.expr]:
    """Yield the data in each `yield` of the user's generator that `value` calls."""
    calls = {called_name(origin) for origin in definitions_of(code, value) if isinstance(origin, ast.Call)}
    for function in ast.walk(code.tree):
        if isinstance(function, ast.FunctionDef) and function.name in calls:
            for node in ast.walk(function):
                if isinstance(node, ast.Yield) and node.value is not None:
                    yield node.value.elts[0] if isinstance(node.value, ast.Tuple) else node.value


def _pipeline_step(code: Code, options: FitOptions, axes: tuple[int, ...], index: str) -> str:
    """Return the text of the step that adds the axes: `.batch(...)` for the batch axis, else `.map(...)`."""
    if axes == (0,):
        return f".batch({_batch_size(code)})"
    if options.y:
        return f".map(lambda x, y: (x{index}, y))"
    return f".map(lambda x: x{index})"


def _batch_size(code: Code) -> str:
    """Return the batch size that the cell uses for its other data, else Keras' default."""
    for node in ast.walk(code.tree):
        given = node.args[0] if isinstance(node, ast.Call) and called_name(node) == "batch" and node.args else None
        if given is not None and (integers(given) or isinstance(given, ast.Name)):
            return code.text_of(given)
    return str(_KERAS_BATCH)


def _chained(code: Code, chain: ast.expr, step: str) -> Edit:
    """Return the edit that puts a step at the end of a chain, before its `prefetch`."""
    if isinstance(chain, ast.Call) and isinstance(chain.func, ast.Attribute) and chain.func.attr == "prefetch":
        return after(code, chain.func.value, step)
    return after(code, chain, step)
