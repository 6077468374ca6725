"""A bias, scale or mask stands channels-first beside a channels-last image.

What: (1, 14, 1, 1) lines its 14 up with the height of (2, 7, 10, 14), not with the channels.
Why: in PyTorch a vector is put beside an image that way; a channels-last image needs (1, 1, 1, 14) or just (14,).
Example:

    y = tf.nn.conv2d(x, kernel, 1, "SAME")                 # (2, 7, 10, 14)
    y + tf.reshape(bias, (1, 14, 1, 1))

Use instead:

    y + tf.reshape(bias, (1, 1, 1, 14))

Fix safety: only the position of the axis changes, and only where the operand's channels are those of the image.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.operands import code_of
from conv_magic.analysis.shape_literals import reordered, transposing
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import axis_names, name_of, spelled
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, wrapped
from conv_magic.text.source import Code, called_name

code = "channels-first-operand"

VALID: tuple[str, ...] = (
    "import tensorflow as tf\ny = tf.zeros((2, 5, 6, 4)) + tf.reshape(tf.ones(4), (1, 1, 1, 4))\n",
)
INVALID: tuple[str, ...] = (
    "import tensorflow as tf\nmaps = tf.ones((2, 5, 6, 4))\n"
    "gain = tf.reshape(tf.range(4.0), [1, -1, 1, 1])\ny = maps * gain\n",
    "import numpy as np\nmaps = np.ones((2, 5, 6, 4))\nmean = np.arange(4.0)\ny = maps - mean[None, :, None, None]\n",
    "import tensorflow as tf\nmaps = tf.ones((2, 5, 6, 4))\nshift = tf.range(4.0)\ny = maps + shift[:, None, None]\n",
    "import tensorflow as tf\n"
    "def squeeze(x, weights):\n    return x * tf.transpose(weights, [0, 3, 1, 2])\n"
    "y = squeeze(tf.ones((2, 5, 6, 4)), tf.ones((2, 1, 1, 4)))\n",
)
_OPERATIONS = {"add", "sub", "mult", "div", "multiply", "subtract", "divide", "truediv", "bias_add"}


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Diagnose a failed element-wise operation that has the channels of one operand on the wrong axis."""
    if call.outcome is Outcome.RETURNED or call.layer is not None or call.op not in _OPERATIONS:
        return
    which = next(
        (i for i in (0, 1) if len(call.inputs) == 2 and _has_channels_first(*_operand_and_other(call, i))), None
    )
    cell = code_of(trace, call.span)
    if which is None or cell is None or call.span is None:
        return
    operand, image = _operand_and_other(call, which)
    batch = operand[:1] if len(operand) == len(image) else (1,)
    needed = (*batch, *(1,) * (len(image) - 2), image[-1])
    node = _operand_expression(cell, call, which)
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} lines the {image[-1]} channels of {spelled(operand)} up with another axis "
        f"of {spelled(image)}",
        reasons=("the image keeps its channels last; the operand has them first",),
        expected=needed,
        actual=(1,) * (len(image) - len(operand)) + operand,
        axes=(1, len(image) - 1),
        axis_names=axis_names(len(image)),
        fixes=_fixes(cell, node, operand) if node is not None else (),
    )


def _operand_and_other(call: CallRecord, which: int) -> tuple[Shape, Shape]:
    return call.inputs[which], call.inputs[1 - which]


def _has_channels_first(operand: Shape, image: Shape) -> bool:
    """Check for (1, c, 1, 1) or (c, 1, 1) beside an image (n, h, w, c)."""
    n = len(image) - 2
    if n < 1 or len(operand) not in (n + 1, n + 2) or image[-1] in (None, 1):
        return False
    *batch, channels = operand[: len(operand) - n]
    return channels == image[-1] and set(operand[-n:]) == {1} and (not batch or batch[0] in (1, image[0]))


def _operand_expression(cell: Code, call: CallRecord, which: int) -> ast.expr | None:
    node = cell.node_at(call.span, ast.expr) if call.span else None
    if isinstance(node, ast.BinOp):
        return (node.left, node.right)[which]
    if isinstance(node, ast.Call):
        return node.args[which] if len(node.args) > which else None
    statement = cell.node_at(call.span, ast.AugAssign) if call.span else None
    return (statement.target, statement.value)[which] if statement is not None else None


def _fixes(cell: Code, node: ast.expr, operand: Shape) -> Iterator[Fix]:
    rank = len(operand)
    order = (0, *range(2, rank), 1) if rank > 3 else (*range(1, rank), 0)
    title = "put the channels last"
    for origin in definitions_of(cell, node):
        if isinstance(origin, ast.Call) and called_name(origin) == "reshape":
            for literal in (n for n in ast.walk(origin) if isinstance(n, ast.Tuple | ast.List)):
                if len(literal.elts) == rank:
                    yield fix(title, cell, [cell.replace(literal, reordered(cell, literal, order))], Applicability.SURE)
                    return
        if isinstance(origin, ast.Subscript) and _is_widening(origin):
            edit = cell.replace(origin, cell.text_of(origin.value))
            yield fix("leave the vector as it is: it meets the last axis", cell, [edit], Applicability.SURE)
            return
    around = transposing(cell, order)
    if around is not None:
        yield fix(title, cell, [wrapped(cell, node, *around)], Applicability.SURE)


def _is_widening(node: ast.Subscript) -> bool:
    """Check for `v[None, :, None, None]`: one axis kept, the others new."""
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else []
    kept = [part for part in parts if isinstance(part, ast.Slice) and part.lower is part.upper is part.step is None]
    new = [p for p in parts if (isinstance(p, ast.Constant) and p.value is None) or _is_newaxis(p)]
    return len(kept) == 1 and len(new) == len(parts) - 1


def _is_newaxis(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "newaxis"
