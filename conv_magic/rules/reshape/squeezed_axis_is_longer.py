"""An axis is to be taken away that is longer than 1.

What: `tf.squeeze(x, axis=0)` takes an axis away that holds one value; this one holds more.
Why: the axis was right for a single sample and a batch came, or it was counted from the other end.
Example:

    scores = tf.squeeze(model(batch), axis=0)               # (6, 1)

Use instead:

    scores = tf.squeeze(model(batch), axis=-1)              # (6,)

Fix safety: the axis of length 1 is taken away; where there is none, nothing is.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.operands import is_method_call, origin_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import axis_names, counted, name_of, spelled
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix
from conv_magic.text.source import Code, argument

code = "squeezed-axis-is-longer"

_TF = "import tensorflow as tf\n"
VALID: tuple[str, ...] = (_TF + "y = tf.squeeze(tf.ones((1, 5, 5, 1)), axis=[0, 3])\n",)
INVALID: tuple[str, ...] = (
    _TF + "scores = tf.ones((6, 1))\nscores = tf.squeeze(scores, axis=0)\n",
    _TF + "mask = tf.ones((4, 9, 9, 1))\nmask = tf.squeeze(mask, [0, 3])\n",
    "import numpy as np\nmask = np.ones((4, 9, 9, 1))\nmask = mask.squeeze(0)\n",
    _TF + "maps = tf.ones((4, 9, 9, 3))\nmaps = tf.squeeze(maps, axis=-1)\n",
)


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where a failed `squeeze` names an axis that is longer than 1."""
    call_site = call_site_of(call, trace) if call.op == "squeeze" and call.layer is None else None
    if call.outcome is not Outcome.RAISED or call_site is None or not call.inputs:
        return
    cell, node = call_site
    shape = call.inputs[0]
    method = is_method_call(node, trace)
    given = argument(node, 0 if method else 1, "axis")
    value = Evaluator(cell, trace).value(given) if given is not None else None
    axes = value if isinstance(value, tuple) else (value,)
    named = [axis % len(shape) for axis in axes if axis is not None and -len(shape) <= axis < len(shape)]
    longer = [axis for axis in named if shape[axis] != 1]
    if given is None or not longer or len(named) != len(axes):
        return
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} cannot take axis {longer[0]} of {spelled(shape)} away",
        reasons=(f"it holds {counted(shape[longer[0]], 'value')}, and only an axis of 1 can go",),
        expected=tuple(1 if axis in longer else size for axis, size in enumerate(shape)),
        actual=shape,
        axes=tuple(longer),
        axis_names=axis_names(len(shape)),
        origin=origin_of(call, trace),
        fixes=_fixes(cell, node, given, shape, named, method=method),
    )


def _fixes(
    cell: Code, node: ast.Call, given: ast.expr, shape: Shape, named: list[int], *, method: bool
) -> Iterator[Fix]:
    """Yield a fix that takes away the named axes of length 1, else the last one of length 1, else none."""
    right = [axis for axis in named if shape[axis] == 1]
    ones = [axis for axis, size in enumerate(shape) if size == 1 and axis]
    if right or ones:
        axes = right or ones[-1:]
        counted_axes = [axis - len(shape) if axis == len(shape) - 1 else axis for axis in axes]
        text = str(counted_axes[0]) if len(counted_axes) == 1 else str(counted_axes)
        yield fix(f"take the axis of length 1 away: axis={text}", cell, [cell.replace(given, text)], Applicability.SURE)
        return
    owner = node.func.value if method and isinstance(node.func, ast.Attribute) else node.args[0] if node.args else None
    if owner is not None:
        edit = cell.replace(node, cell.text_of(owner))
        yield fix("take no axis away: all are longer than 1", cell, [edit], Applicability.CHOICE)
