"""The filter is no (height, width, in, out) tensor: it is a shape, a number, or lacks its channel axes.

What: `tf.nn.conv2d` takes the filter itself, one axis more than its image has spatial axes and channels.
Why: layers take `filters` as a number, and a filter from image processing is a plain (height, width) matrix.
Example:

    tf.nn.conv2d(photo, filters=[3, 3, 8, 12], strides=1, padding="SAME")

Use instead:

    tf.nn.conv2d(photo, filters=tf.random.normal([3, 3, 8, 12]), strides=1, padding="SAME")

Fix safety: the numbers that the author wrote are kept; random weights stand where only a shape was given.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.arguments import option_of
from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.operands import module_alias, origin_of
from conv_magic.analysis.shape_literals import shape_literals
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import filter_axes, name_of, spelled
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import bracketed, fix, indexed, wrapped
from conv_magic.text.source import Code

code = "filter-rank"

VALID: tuple[str, ...] = (
    "import tensorflow as tf\ny = tf.nn.conv2d(tf.zeros((1, 9, 9, 3)), tf.zeros((3, 3, 3, 4)), 1, 'SAME')\n",
)
INVALID: tuple[str, ...] = (
    "import tensorflow as tf\ny = tf.nn.conv2d(tf.zeros((1, 9, 9, 3)), (5, 5, 3, 6), 1, 'SAME')\n",
    "import tensorflow as tf\nsize = [4, 2, 7]\ny = tf.nn.conv1d(tf.zeros((3, 20, 2)), size, 1, 'VALID')\n",
    "import tensorflow as tf\n"
    "edges = tf.constant([[0., 1., 0.], [1., -4., 1.], [0., 1., 0.]])\n"
    "y = tf.nn.conv2d(tf.zeros((1, 9, 9, 1)), edges, 1, 'SAME')\n",
    "import tensorflow as tf\n"
    "blur = tf.ones((5, 5)) / 25.0\n"
    "y = tf.nn.depthwise_conv2d(tf.zeros((1, 9, 9, 3)), blur, [1, 1, 1, 1], 'SAME')\n",
    "import tensorflow as tf\n"
    "weights = tf.fill((7, 7, 2), 1 / 49)\n"
    "means = tf.nn.depthwise_conv2d(tf.zeros((4, 30, 30, 2)), weights, [1, 3, 3, 1], 'VALID')\n",
    "import tensorflow as tf\nbank = tf.zeros((9, 6))\ny = tf.nn.conv1d(tf.zeros((2, 50, 1)), bank, 2, 'SAME')\n",
    "import tensorflow as tf\nbank = tf.Variable(tf.zeros((1, 5, 6, 8)))\n"
    "y = tf.nn.conv1d(tf.zeros((2, 50, 6)), bank, 1, 'SAME')\n",
)
_FILTERED = {
    "conv1d": 1, "conv2d": 2, "conv3d": 3, "atrous_conv2d": 2, "depthwise_conv2d": 2,
    "conv1d_transpose": 1, "conv2d_transpose": 2, "conv3d_transpose": 3,
}  # fmt: skip


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Diagnose a failed `tf.nn` convolution whose filter has too few axes, or one of length 1 too many."""
    n = _FILTERED.get(call.op)
    failed = call.outcome in (Outcome.RAISED, Outcome.GUARDED)
    if n is None or call.layer is not None or not failed or call.kernel is None or len(call.kernel) == n + 2:
        return
    if len(call.kernel) > n + 2 and _spare_axis(call.kernel, n) is None:
        return
    if not call.inputs or len(call.inputs[0]) != n + 2:
        return
    site = call_site_of(call, trace)
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} takes a filter of ({filter_axes(n)}, {_channel_axes(call.op)}); "
        f"this one is {spelled(call.kernel)}",
        reasons=_reasons(call.kernel, n),
        actual=call.inputs[0],
        origin=origin_of(call, trace),
        fixes=_fixes(call, trace, n, *site) if site else (),
    )


def _spare_axis(kernel: Shape, n: int) -> int | None:
    """Return the axis of length 1 among the spatial ones of a filter that has one too many; else None."""
    return next((axis for axis in range(n + 1) if kernel[axis] == 1), None) if len(kernel) == n + 3 else None


def _channel_axes(op: str) -> str:
    return {"depthwise_conv2d": "in, multiplier"}.get(op, "out, in" if op.endswith("transpose") else "in, out")


def _reasons(kernel: Shape, n: int) -> Iterator[str]:
    if kernel == ():
        yield "a number of filters is what layers take; tf.nn takes the weights themselves"
    elif kernel == (n + 2,):
        yield f"the {n + 2} numbers are read as weights, not as the filter's shape"


def _fixes(call: CallRecord, trace: Trace, n: int, cell: Code, node: ast.Call) -> Iterator[Fix]:
    filters = option_of(node, "filters", call.op)
    tensorflow = module_alias(cell, "tensorflow")
    channels = call.inputs[0][-1]
    if filters is None or tensorflow is None or channels is None or call.kernel is None:
        return
    if call.kernel == (n + 2,):
        edit = wrapped(cell, filters, f"{tensorflow}.random.normal(", ")")
        yield fix("make a filter of that shape", cell, [edit], Applicability.SURE)
    elif call.kernel == ():
        number = Evaluator(cell, trace).value(filters)
        sizes = ", ".join(["3"] * n)
        text = f"{tensorflow}.random.normal([{sizes}, {channels}, {number}])"
        if isinstance(number, int):
            title = f"make {number} filters of {' x '.join(['3'] * n)}"
            yield fix(title, cell, [cell.replace(filters, text)], Applicability.CHOICE)
    elif (spare := _spare_axis(call.kernel, n)) is not None:
        yield from _without_axis(trace, cell, filters, call.kernel, spare, tensorflow)
    elif len(call.kernel) == n:
        yield from _with_channels(call, cell, filters, tensorflow, channels)
    elif len(call.kernel) == n + 1:
        yield from _with_one_axis(call, cell, filters, channels)


def _with_channels(call: CallRecord, cell: Code, filters: ast.expr, tensorflow: str, channels: int) -> Iterator[Fix]:
    index = "[..., None, None]"
    if channels == 1:
        title = "add the two channel axes to the filter"
        yield fix(title, cell, [indexed(cell, filters, index)], Applicability.SURE)
        return
    text = cell.text_of(filters) if isinstance(filters, ast.Name | ast.Attribute | ast.Call | ast.Subscript) else None
    inner = f"{text or f'({cell.text_of(filters)})'}{index}"
    repeated = f"{tensorflow}.repeat({inner}, {channels}, axis=-2)"
    title = f"add the channel axes and use the filter on each of the {channels} channels"
    yield fix(title, cell, [cell.replace(filters, repeated)], Applicability.SURE)


def _with_one_axis(call: CallRecord, cell: Code, filters: ast.expr, channels: int) -> Iterator[Fix]:
    """Add the axis that a filter lacks: of what comes out of it, or of the one channel that goes in."""
    last = (call.kernel or (None,))[-1]
    if call.op.endswith("transpose") or channels not in (1, last):
        return
    out = "multiplier" if call.op == "depthwise_conv2d" else "output channel"
    index, axis = ("[..., None]", out) if last == channels else ("[..., None, :]", "input channel")
    yield fix(f"add the {axis} axis to the filter", cell, [indexed(cell, filters, index)], Applicability.SURE)


def _without_axis(
    trace: Trace, cell: Code, filters: ast.expr, kernel: Shape, axis: int, tensorflow: str
) -> Iterator[Fix]:
    """Leave out the height of 1 of an image's filter that is used over a sequence, where its shape is written."""
    title = "leave out the filter's axis of length 1"
    for literal in shape_literals(cell, trace, filters, kernel):
        texts = [cell.text_of(element) for index, element in enumerate(literal.elts) if index != axis]
        edit = cell.replace(literal, bracketed(literal, texts))
        yield fix(title, cell, [edit], Applicability.SURE)
        return
    edit = wrapped(cell, filters, f"{tensorflow}.squeeze(", f", axis={axis})")
    yield fix(title, cell, [edit], Applicability.SURE)
