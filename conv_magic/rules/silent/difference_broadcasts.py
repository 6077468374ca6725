"""Labels of shape (n,) are compared with predictions of shape (n, 1): every label meets every prediction.

What: `y - model.predict(x)` with (n,) and (n, 1) raises no error, it makes an (n, n) matrix.
Why: a model with one output unit gives a column, labels are mostly kept as a plain row.
Example:

    error = y - model.predict(x)                     # y is (40,)

Use instead:

    error = y - model.predict(x)[:, 0]

Fix safety: the predictions keep their values and lose their second axis.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache

from conv_magic.analysis.definitions import definitions_of, is_parameter
from conv_magic.analysis.operands import codes_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import name_of, spelled
from conv_magic.model.positions import Span
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, indexed
from conv_magic.text.source import Code, argument, called_name

code = "difference-broadcasts"

_START = (
    "import keras\nimport numpy as np\n"
    "x, y = np.zeros((20, 6)), np.zeros(20)\n"
    "model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1)])\n"
)
VALID: tuple[str, ...] = (
    _START + "error = y - model.predict(x, verbose=0)[:, 0]\n",
    _START + "error = y[:, None] - model.predict(x, verbose=0)\n",
    "import numpy as np\na = np.zeros(20)\ndistances = a - a[:, None]\n",
)
INVALID: tuple[str, ...] = (
    _START + "error = model.predict(x, verbose=0) - y\n",
    _START + "right = np.mean((model.predict(x, verbose=0) > 0.5) == y)\n",
    _START + "guess = model.predict(x, verbose=0)\nmean = np.mean((y - guess) ** 2)\n",
    _START + "def squared(true, guess):\n    return np.mean((true - guess) ** 2)\n"
    "error = squared(y, model.predict(x, verbose=0))\n",
    "import keras\nimport tensorflow as tf\n"
    "net = keras.Sequential([keras.Input((6,)), keras.layers.Dense(4)])\n"
    "def error(now, later, action):\n"
    "    best = tf.reduce_max(net(later), axis=1)\n"
    "    chosen = tf.reduce_sum(net(now) * tf.one_hot(action, 4), axis=1, keepdims=True)\n"
    "    return 0.9 * best - chosen\n"
    "y = error(tf.zeros((5, 6)), tf.zeros((5, 6)), tf.zeros(5, tf.int32))\n",
    "import keras\nimport numpy as np\nimport tensorflow as tf\n"
    "net = keras.Sequential([keras.Input((6,)), keras.layers.Dense(4)])\nwanted = np.zeros(5, 'float32')\n"
    "values = net(tf.zeros((5, 6)))\nbest = tf.reduce_max(values, axis=-1, keepdims=True)\nmiss = wanted - best\n",
    "import tensorflow as tf\n"
    + _START
    + "with tf.GradientTape() as tape:\n    loss = tf.reduce_mean(tf.square(model(x) - y))\n",
)
_REDUCTIONS = {"reduce_sum", "reduce_max", "reduce_mean", "reduce_min", "sum", "max", "mean", "min", "amax", "amin"}
_SURE = Applicability.SURE


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a warning where a model's column of predictions is subtracted from, or by, a row of labels."""
    if call.outcome is not Outcome.RETURNED or not call.direct or call.parent is not None or call.span is None:
        return
    count = call.output[0] if call.output is not None and len(call.output) == 2 else None
    if count is None or count < 2 or call.layer is None:
        return
    for cell in codes_of(trace):
        node = cell.call_at(call.span)
        if call.output != (count, 1):
            yield from _check_kept_axes(call, trace, cell, node, count) if node is not None else ()
            continue
        for difference, column, other in _differences(cell, node) if node is not None else ():
            if _is_row(other, count, trace):
                yield _column_diagnosis(call, cell, difference, column)


def _check_kept_axes(
    call: CallRecord, trace: Trace, cell: Code, call_node: ast.Call, count: int
) -> Iterator[Diagnosis]:
    """Yield a warning where a model's output, reduced with `keepdims=True`, meets what was reduced without."""
    for node, first, second in _all_sides(cell.tree):
        reduced = _inner_value(_only_value(cell, first)) if isinstance(first, ast.Name) else _inner_value(first)
        flag = _kept_axis(reduced)
        if flag is None or not isinstance(reduced, ast.Call) or not _is_of_result(cell, reduced, call_node):
            continue
        if _is_row(second, count, trace) or _is_reduced(cell, second):
            assert isinstance(node, ast.expr)
            edit = cell.replace(flag, "False")
            span = cell.span(reduced)
            change = fix("drop the axis there: keepdims=False", cell, [edit], _SURE)
            yield _diagnosis_of(call, cell, node, change, (span, f"the axis is kept on line {span.line}"))


@lru_cache(maxsize=8)
def _all_sides(tree: ast.AST) -> tuple[tuple[ast.AST, ast.expr, ast.expr], ...]:
    """Return every difference of a text with its two sides, in both orders.

    This is asked for each call, so it is looked for once.
    """
    return tuple((node, *sides) for node in ast.walk(tree) for sides in _sides(node))


def _kept_axis(node: ast.expr | None) -> ast.expr | None:
    """Return the True in `reduce_sum(..., axis=1, keepdims=True)`; None where there is none."""
    if not isinstance(node, ast.Call) or called_name(node) not in _REDUCTIONS:
        return None
    keepdims = argument(node, 2, "keepdims")
    axis = argument(node, 1, "axis")
    is_last_axis = isinstance(axis, ast.Constant | ast.UnaryOp) and ast.unparse(axis) in ("1", "-1")
    return keepdims if is_last_axis and isinstance(keepdims, ast.Constant) and keepdims.value is True else None


def _is_of_result(cell: Code, reduced: ast.Call, call_node: ast.Call) -> bool:
    """Check whether what is reduced is the call's result, itself or by its name."""
    inside = list(ast.walk(reduced))
    return call_node in inside or any(isinstance(n, ast.Name) and _only_value(cell, n) is call_node for n in inside)


def _is_reduced(cell: Code, node: ast.expr | None, depth: int = 3) -> bool:
    """Check whether an expression holds something that was reduced along its last axis, and nothing that keeps it."""
    if node is None or depth < 0:
        return False
    found = False
    for inner in ast.walk(node):
        if _kept_axis(inner if isinstance(inner, ast.expr) else None) is not None:
            return False
        if isinstance(inner, ast.Call) and called_name(inner) in _REDUCTIONS:
            axis = argument(inner, 1, "axis")
            found = found or (axis is not None and ast.unparse(axis) in ("1", "-1"))
        elif isinstance(inner, ast.Name):
            found = found or _is_reduced(cell, _only_value(cell, inner), depth - 1)
    return found


def _differences(cell: Code, call_node: ast.Call) -> Iterator[tuple[ast.expr, ast.expr, ast.expr]]:
    """Yield the subtractions and comparisons of the call's result, itself or by its one name.

    Each comes with the expression of the result, and the other side.
    """
    for node in ast.walk(cell.tree):
        for first, second in _sides(node):
            core = _inner_value(first)
            assert isinstance(node, ast.expr)
            if core is call_node or (isinstance(core, ast.Name) and _inner_value(_only_value(cell, core)) is call_node):
                yield node, core, second
            elif isinstance(core, ast.Name) and (passed := _argument_passed(cell, core)) is not None:
                other = _argument_passed(cell, second) if isinstance(second, ast.Name) else None
                if _inner_value(passed) is call_node and other is not None:
                    yield node, passed, other


def _argument_passed(cell: Code, name: ast.Name) -> ast.expr | None:
    """Return what the one call of the function around gives for a parameter; None where there are several."""
    if not is_parameter(cell, name):
        return None
    given = definitions_of(cell, name)[1:]
    return given[0] if len(given) == 1 or (given and isinstance(given[0], ast.Name) and len(given) == 2) else None


def _sides(node: ast.AST) -> tuple[tuple[ast.expr, ast.expr], ...]:
    """Return the sides of a difference or comparison in both orders; empty for another node."""
    match node:
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return ((left, right), (right, left))
        case ast.Compare(left=left, ops=[ast.Eq() | ast.NotEq()], comparators=[right]):
            return ((left, right), (right, left))
        case _:
            return ()


def _inner_value(node: ast.expr | None) -> ast.expr | None:
    """Return what is inside roundings, conversions and thresholds, which keep the shape."""
    match node:
        case ast.Call(func=ast.Attribute(value=inner, attr="astype" | "numpy")):
            return _inner_value(inner)
        case ast.Call(func=ast.Attribute(attr="round" | "rint" | "cast" | "square" | "abs"), args=[inner, *_]):
            return _inner_value(inner)
        case ast.Call(func=ast.Attribute(value=inner, attr="round"), args=[]):
            return _inner_value(inner)
        case ast.Compare(left=left, ops=[_], comparators=[ast.Constant()]):
            return _inner_value(left)
        case _:
            return node


def _only_value(cell: Code, name: ast.Name) -> ast.expr | None:
    """Return what a name of the cell stands for, where it is bound once only."""
    names = (n for n in ast.walk(cell.tree) if isinstance(n, ast.Name) and n.id == name.id)
    bindings = [n for n in names if not isinstance(n.ctx, ast.Load)]
    binding = cell.binding(name)
    return binding.value if binding is not None and len(bindings) == 1 else None


def _is_row(other: ast.expr, count: int, trace: Trace) -> bool:
    """Check whether an expression is the name of a row of that many values."""
    if not isinstance(other, ast.Name):
        return False
    shapes = [value.shape for value in trace.values if value.name == other.id and not value.scope]
    return shapes == [(count,)]


def _column_diagnosis(call: CallRecord, cell: Code, difference: ast.expr, column: ast.expr) -> Diagnosis:
    """Return the diagnosis whose fix takes the predictions as a row."""
    edit = indexed(cell, column, "[:, 0]")
    origin = call.span, f"{name_of(call)} gives a column: {spelled(call.output)}"
    return _diagnosis_of(call, cell, difference, fix("take the predictions as a row", cell, [edit], _SURE), origin)


def _diagnosis_of(
    call: CallRecord, cell: Code, difference: ast.expr, change: Fix, origin: tuple[Span | None, str]
) -> Diagnosis:
    """Return the diagnosis of one difference, with its fix."""
    count = (call.output or (None,))[0]
    column = (count, 1)
    what = "difference" if isinstance(difference, ast.BinOp) else "comparison"
    return diagnosed(
        code,
        call,
        f"this {what} of ({count},) and {spelled(column)} is ({count}, {count})",
        span=cell.span(difference),
        reasons=("each of the one is compared with each of the other",),
        expected=(count,),
        actual=(count, count),
        axes=(1,),
        origin=origin,
        fixes=(change,),
    )
