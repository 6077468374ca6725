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
    """One warning where a model's column of predictions is subtracted from, or by, a row of labels."""
    if call.outcome is not Outcome.RETURNED or not call.direct or call.parent is not None or call.span is None:
        return
    count = call.output[0] if call.output is not None and len(call.output) == 2 else None
    if count is None or count < 2 or call.layer is None:
        return
    for cell in codes_of(trace):
        made = cell.call_at(call.span)
        if call.output != (count, 1):
            yield from _kept_axes(call, trace, cell, made, count) if made is not None else ()
            continue
        for difference, column, other in _differences(cell, made) if made is not None else ():
            if _is_row(other, count, trace):
                yield _diagnosis(call, cell, difference, column)


def _kept_axes(call: CallRecord, trace: Trace, cell: Code, made: ast.Call, count: int) -> Iterator[Diagnosis]:
    """A model's output reduced with `keepdims=True`, less something that was reduced without."""
    for node, one, two in _all_sides(cell.tree):
        reduced = _core(_only_value(cell, one)) if isinstance(one, ast.Name) else _core(one)
        keeps = _kept(reduced)
        if keeps is None or not isinstance(reduced, ast.Call) or not _holds(cell, reduced, made):
            continue
        if _is_row(two, count, trace) or _is_reduced(cell, two):
            assert isinstance(node, ast.expr)
            edit = cell.replace(keeps, "False")
            at = cell.span(reduced)
            change = fix("drop the axis there: keepdims=False", cell, [edit], _SURE)
            yield _told(call, cell, node, change, (at, f"the axis is kept on line {at.line}"))


@lru_cache(maxsize=8)
def _all_sides(tree: ast.AST) -> tuple[tuple[ast.AST, ast.expr, ast.expr], ...]:
    """Every difference of a text with its two sides, either side first; asked for each call, so looked for once."""
    return tuple((node, *sides) for node in ast.walk(tree) for sides in _sides(node))


def _kept(node: ast.expr | None) -> ast.expr | None:
    """The True in `reduce_sum(..., axis=1, keepdims=True)`."""
    if not isinstance(node, ast.Call) or called_name(node) not in _REDUCTIONS:
        return None
    given = argument(node, 2, "keepdims")
    axis = argument(node, 1, "axis")
    along = isinstance(axis, ast.Constant | ast.UnaryOp) and ast.unparse(axis) in ("1", "-1")
    return given if along and isinstance(given, ast.Constant) and given.value is True else None


def _holds(cell: Code, reduced: ast.Call, made: ast.Call) -> bool:
    """Whether what is reduced is the call's result, itself or by its name."""
    inside = list(ast.walk(reduced))
    return made in inside or any(isinstance(n, ast.Name) and _only_value(cell, n) is made for n in inside)


def _is_reduced(cell: Code, node: ast.expr | None, depth: int = 3) -> bool:
    """Whether an expression is made of something that was reduced along its last axis, and nothing that keeps it."""
    if node is None or depth < 0:
        return False
    found = False
    for each in ast.walk(node):
        if _kept(each if isinstance(each, ast.expr) else None) is not None:
            return False
        if isinstance(each, ast.Call) and called_name(each) in _REDUCTIONS:
            axis = argument(each, 1, "axis")
            found = found or (axis is not None and ast.unparse(axis) in ("1", "-1"))
        elif isinstance(each, ast.Name):
            found = found or _is_reduced(cell, _only_value(cell, each), depth - 1)
    return found


def _differences(cell: Code, made: ast.Call) -> Iterator[tuple[ast.expr, ast.expr, ast.expr]]:
    """The subtractions and comparisons in which the call's result stands, itself or by its one name.

    With each the place of the result, and the other side.
    """
    for node in ast.walk(cell.tree):
        for one, two in _sides(node):
            core = _core(one)
            assert isinstance(node, ast.expr)
            if core is made or (isinstance(core, ast.Name) and _core(_only_value(cell, core)) is made):
                yield node, core, two
            elif isinstance(core, ast.Name) and (given := _handed_in(cell, core)) is not None:
                other = _handed_in(cell, two) if isinstance(two, ast.Name) else None
                if _core(given) is made and other is not None:
                    yield node, given, other


def _handed_in(cell: Code, name: ast.Name) -> ast.expr | None:
    """What the one call of the function around gives for a parameter of it."""
    if not is_parameter(cell, name):
        return None
    given = definitions_of(cell, name)[1:]
    return given[0] if len(given) == 1 or (given and isinstance(given[0], ast.Name) and len(given) == 2) else None


def _sides(node: ast.AST) -> tuple[tuple[ast.expr, ast.expr], ...]:
    match node:
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return ((left, right), (right, left))
        case ast.Compare(left=left, ops=[ast.Eq() | ast.NotEq()], comparators=[right]):
            return ((left, right), (right, left))
        case _:
            return ()


def _core(node: ast.expr | None) -> ast.expr | None:
    """What is inside roundings, conversions and thresholds, which keep the shape."""
    match node:
        case ast.Call(func=ast.Attribute(value=inner, attr="astype" | "numpy")):
            return _core(inner)
        case ast.Call(func=ast.Attribute(attr="round" | "rint" | "cast" | "square" | "abs"), args=[inner, *_]):
            return _core(inner)
        case ast.Call(func=ast.Attribute(value=inner, attr="round"), args=[]):
            return _core(inner)
        case ast.Compare(left=left, ops=[_], comparators=[ast.Constant()]):
            return _core(left)
        case _:
            return node


def _only_value(cell: Code, name: ast.Name) -> ast.expr | None:
    """What a name of the cell stands for, where it is bound once only."""
    bound = [n for n in ast.walk(cell.tree) if isinstance(n, ast.Name) and n.id == name.id and not _is_read(n)]
    binding = cell.binding(name)
    return binding.value if binding is not None and len(bound) == 1 else None


def _is_read(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Load)


def _is_row(other: ast.expr, count: int, trace: Trace) -> bool:
    if not isinstance(other, ast.Name):
        return False
    shapes = [value.shape for value in trace.values if value.name == other.id and not value.scope]
    return shapes == [(count,)]


def _diagnosis(call: CallRecord, cell: Code, difference: ast.expr, column: ast.expr) -> Diagnosis:
    edit = indexed(cell, column, "[:, 0]")
    origin = call.span, f"{name_of(call)} gives a column: {spelled(call.output)}"
    return _told(call, cell, difference, fix("take the predictions as a row", cell, [edit], _SURE), origin)


def _told(
    call: CallRecord, cell: Code, difference: ast.expr, change: Fix, origin: tuple[Span | None, str]
) -> Diagnosis:
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
