"""The bias has another number of values than the map has channels.

What: a bias adds one number to each channel; there must be as many.
Why: the filters of the convolution were changed, and the bias that was made beside them was not; it was given the
channels that come in instead of those that go out.
Example:

    bias = tf.Variable(tf.zeros([3]))
    tf.nn.bias_add(tf.nn.conv2d(images, kernel, 1, "SAME"), bias)       # (8, 32, 32, 16)

Use instead:

    bias = tf.Variable(tf.zeros([16]))

Fix safety: only the length of the bias is changed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.arguments import data_format_of_call, option_of, with_option
from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.operands import code_of, origin_of
from conv_magic.analysis.training import with_number
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import axis_names, counted, name_of, spelled
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix
from conv_magic.text.source import Code

code = "bias-length-differs"

_IMPORTS = "import tensorflow as tf\nimages = tf.zeros((2, 9, 9, 3))\n"
VALID: tuple[str, ...] = (
    _IMPORTS + "y = tf.nn.bias_add(tf.nn.conv2d(images, tf.ones((3, 3, 3, 7)), 1, 'SAME'), tf.zeros(7))\n",
    _IMPORTS + "y = tf.nn.conv2d(images, tf.ones((3, 3, 3, 7)), 1, 'SAME') + tf.zeros(1)\n",
)
INVALID: tuple[str, ...] = (
    _IMPORTS + "kernel, bias = tf.ones((3, 3, 3, 7)), tf.Variable(tf.zeros([3]))\n"
    "y = tf.nn.bias_add(tf.nn.conv2d(images, kernel, 1, 'SAME'), bias)\n",
    _IMPORTS + "deep = 10\nkernel = tf.ones((3, 3, 3, deep))\nbias = tf.zeros(8)\n"
    "y = tf.nn.relu(tf.nn.conv2d(images, kernel, 2, 'VALID') + bias)\n",
    _IMPORTS + "y = tf.nn.bias_add(images, tf.zeros(3), data_format='NCHW')\n",
    _IMPORTS + "y = tf.nn.bias_add(tf.transpose(images, [0, 3, 1, 2]), tf.zeros(3))\n",
)

_ADDING = {"add", "sub", "AddV2", "Add"}


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Diagnose a failed addition of a map and a vector of another length than the map has channels."""
    if call.outcome is not Outcome.RAISED or call.layer is not None or not call.inputs:
        return
    cell = code_of(trace, call.span)
    found = _bias_of(call, cell) if cell else None
    if found is None or cell is None:
        return
    which, bias, length = found
    shape = call.inputs[which]
    want = shape[-1] if shape else None
    yield from _channels_on_other_axis(call, cell, shape, length)
    if len(shape) < 3 or want is None or length in (1, want):
        return
    fixes = tuple(_fixes(cell, trace, bias, length, want))
    if fixes:
        yield diagnosed(
            code,
            call,
            f"{name_of(call)} was given {counted(length, 'bias value')} for {counted(want, 'channel')}",
            reasons=(f"the map is {spelled(shape)}: its last size is the number of channels",),
            expected=(want,),
            actual=(length,),
            axes=(0,),
            axis_names=axis_names(len(shape))[-1:],
            origin=origin_of(call, trace, which),
            fixes=fixes,
        )


def _channels_on_other_axis(call: CallRecord, cell: Code, shape: Shape, length: int) -> Iterator[Diagnosis]:
    """Diagnose a `bias_add` whose `data_format` is not the map's: the axis at the other end has the bias' length."""
    node = cell.call_at(call.span) if call.op == "bias_add" and len(shape) > 3 else None
    if node is None:
        return
    first = data_format_of_call(node, call.op, "channels_last") == "channels_first"
    if shape[1 if first else -1] == length or shape[-1 if first else 1] != length:
        return
    word = "NHWC" if first else "NCHW"
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} was told that the channels of {spelled(shape)} stand {'first' if first else 'last'}",
        reasons=(f"the bias has {counted(length, 'value')}, as many as there are channels at the other end",),
        expected=(length,),
        actual=(shape[1 if first else -1],),
        axes=(0,),
        axis_names=("channels",),
        fixes=(fix(f"say {word}, which the data is", cell,
                   [with_option(cell, node, "data_format", f'"{word}"', call.op)], Applicability.SURE),),
    )  # fmt: skip


def _bias_of(call: CallRecord, cell: Code) -> tuple[int, ast.expr, int] | None:
    """Return which input the map is, the expression of the bias and its length; None where no bias is added."""
    if call.op == "bias_add":
        node = cell.call_at(call.span)
        bias = option_of(node, "bias", call.op) if node is not None else None
        length = call.kernel[0] if call.kernel and len(call.kernel) == 1 else None
        return (0, bias, length) if bias is not None and length is not None else None
    sum_ = cell.node_at(call.span, ast.BinOp) if call.op in _ADDING and call.span is not None else None
    if sum_ is None or len(call.inputs) != 2:
        return None
    for which, bias in ((0, sum_.right), (1, sum_.left)):
        other = call.inputs[1 - which]
        if len(other) == 1 and other[0] is not None:
            return which, bias, other[0]
    return None


def _fixes(cell: Code, trace: Trace, bias: ast.expr, length: int, want: int) -> Iterator[Fix]:
    """Change the number that the bias was made with."""
    reader = Evaluator(cell, trace)
    for origin in reversed(definitions_of(cell, bias)):
        inside = [n for n in ast.walk(origin) if isinstance(n, ast.expr) and reader.value(n) in (length, (length,))]
        for node in inside:
            number = node.elts[0] if isinstance(node, ast.List | ast.Tuple) else node
            for edit in with_number(cell, trace, number, want):
                title = f"make the bias for {counted(want, 'channel')}"
                yield fix(title, cell, [edit], Applicability.SURE)
                return
