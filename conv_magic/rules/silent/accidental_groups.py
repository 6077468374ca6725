"""A filter that is shallower than its input was read as a grouped convolution.

What: `tf.nn.conv2d` with a filter for 3 channels on an input of 6 runs: as two groups, each filter seeing 3 channels.
Why: before TensorFlow 2 the same call was an error; a filter whose depth merely divides the channels passes unnoticed.
Example:

    frames = tf.concat([now, before], axis=-1)             # (1, 64, 64, 6)
    tf.nn.conv2d(frames, tf.random.normal([3, 3, 3, 16]), 1, "SAME")

Use instead:

    tf.nn.conv2d(frames, tf.random.normal([3, 3, 6, 16]), 1, "SAME")

Fix safety: the filter gets the depth of its input; the output's shape stays.  Quiet where the filter's depth is
computed or the cell speaks of groups, and for filters of depth 1, which are used on each channel on purpose.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.arguments import option_of
from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.operands import operand_of
from conv_magic.analysis.shape_literals import shape_literals, transposing
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import axis_names, channel_axis, data_format_of, name_of, spelled
from conv_magic.model.options import ConvOptions, DepthwiseConvOptions
from conv_magic.model.trace import Trace
from conv_magic.rules.fixes.axis_order import transpose_reordered
from conv_magic.rules.fixes.data_formats import data_format_repaired
from conv_magic.rules.rule import Pinned, diagnosed
from conv_magic.text.edits import fix, wrapped
from conv_magic.text.source import Code, argument

code = "accidental-groups"

VALID: tuple[str, ...] = (
    "import tensorflow as tf\nchannels, groups = 8, 2\n"
    "y = tf.nn.conv2d(tf.zeros((1, 9, 9, channels)), tf.zeros((3, 3, channels // groups, 6)), 1, 'SAME')\n",
    "import tensorflow as tf\n"
    "# two groups of four channels\n"
    "y = tf.nn.conv2d(tf.zeros((1, 9, 9, 8)), tf.zeros((3, 3, 4, 6)), 1, 'SAME')\n",
    "import tensorflow as tf\nblur = tf.ones((3, 3, 1, 4)) / 9.0\n"
    "y = tf.nn.conv2d(tf.zeros((1, 9, 9, 4)), blur, 1, 'SAME')\n",
)
INVALID: tuple[str, ...] = (
    "import tensorflow as tf\n"
    "left, right = tf.zeros((1, 30, 40, 3)), tf.zeros((1, 30, 40, 3))\n"
    "pair = tf.concat([left, right], axis=-1)\n"
    "filters = tf.random.normal((5, 5, 3, 12))\n"
    "y = tf.nn.conv2d(pair, filters, strides=2, padding='SAME')\n",
    "import tensorflow as tf\n"
    "class Stem(tf.Module):\n"
    "    def __init__(self):\n"
    "        self.w = tf.Variable(tf.random.normal([7, 4, 32]))\n"
    "    def __call__(self, signal):\n"
    "        return tf.nn.conv1d(signal, self.w, 2, 'VALID')\n"
    "y = Stem()(tf.zeros((2, 100, 8)))\n",
    "import tensorflow as tf\n"
    "pixels = tf.zeros((2, 16, 32, 32))\n"
    "y = tf.nn.conv2d(pixels, tf.zeros((3, 3, 16, 8)), 1, 'SAME')\n",
    Pinned(
        "import tensorflow as tf\n"
        "pixels = tf.zeros((2, 32, 32, 16))\n"
        "y = tf.nn.conv2d(pixels, tf.zeros((3, 3, 16, 8)), 1, 'SAME', data_format='NCHW')\n",
        onednn=True,  # without it TensorFlow refuses channels-first on a CPU
    ),
    "import tensorflow as tf\n"
    "maps, deep, flat = tf.zeros((1, 9, 9, 6)), tf.zeros((3, 3, 6, 2)), tf.zeros((1, 1, 6, 8))\n"
    "y = tf.nn.separable_conv2d(maps, deep, flat, [1, 1, 1, 1], 'SAME')\n",
    "import tensorflow as tf\n"
    "maps, deep, flat = tf.zeros((1, 9, 9, 6)), tf.zeros((3, 3, 6, 1)), tf.zeros((1, 1, 9, 8))\n"
    "y = tf.nn.separable_conv2d(maps, deep, flat, [1, 1, 1, 1], 'SAME')\n",
)


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a warning where a filter written in plain numbers is shallower than its input."""
    options, kernel = call.options, call.kernel
    if call.op == "separable_conv2d" and call.layer is None:
        yield from _check_pointwise(call, trace)
    if call.outcome is not Outcome.RETURNED or call.layer is not None or not isinstance(options, ConvOptions):
        return
    if options.groups < 2 or kernel is None or kernel[-2] in (None, 1) or not call.direct:
        return
    found = _filter_literal(call, trace)
    if found is None:
        return
    cell, literal = found
    shape = call.inputs[0]
    axis = channel_axis(call, len(shape))
    span = cell.span(literal)
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} runs in {options.groups} groups: its filter is made for {kernel[-2]} "
        f"of the {shape[axis]} channels",
        reasons=(
            f"{shape[axis]} channels / {kernel[-2]} = {options.groups} groups, "
            f"so each of the {kernel[-1]} filters {spelled(kernel)} sees {kernel[-2]} channels only",
        ),
        expected=(*shape[:axis], kernel[-2], *shape[axis + 1 :]),
        actual=shape,
        axes=(axis,),
        axis_names=axis_names(len(shape), data_format_of(call)),
        origin=(span, f"the filter's shape is written on line {span.line}"),
        fixes=_layout_fixes(call, trace, axis) or (_depth_fix(call, cell, literal, axis),),
    )


def _layout_fixes(call: CallRecord, trace: Trace, axis: int) -> tuple[Fix, ...]:
    """Return fixes for data in the other layout: its channels, as many as the filter takes, are on another axis."""
    shape, depth = call.inputs[0], call.kernel[-2] if call.kernel else None
    reordered = tuple(transpose_reordered(call, trace, depth))
    if reordered:
        return reordered
    if axis == 1:
        return tuple(data_format_repaired(call, trace, axis, depth))
    operand, order = operand_of(call, trace), (0, *range(2, len(shape)), 1)
    texts = transposing(operand.code, order) if operand is not None and shape[1] == depth else None
    if operand is None or texts is None:
        return ()
    edit = wrapped(operand.code, operand.value, *texts)
    return (fix("move the channels from axis 1 to the last", operand.code, [edit], Applicability.SURE),)


def _filter_literal(call: CallRecord, trace: Trace) -> tuple[Code, ast.Tuple | ast.List] | None:
    """Return the literal that gives the filter's depth as a number, in a cell that does not mention groups."""
    call_site = call_site_of(call, trace)
    filters = option_of(call_site[1], "filters", call.op) if call_site else None
    if call_site is None or filters is None or call.kernel is None or "group" in call_site[0].text.lower():
        return None
    cell = call_site[0]
    literals = shape_literals(cell, trace, filters, call.kernel)
    return next(((cell, x) for x in literals if isinstance(x.elts[-2], ast.Constant)), None)


def _depth_fix(call: CallRecord, cell: Code, literal: ast.Tuple | ast.List, axis: int) -> Fix:
    """Return the fix that makes the filter for all channels of the input."""
    channels = call.inputs[0][axis]
    edit = cell.replace(literal.elts[-2], str(channels))
    return fix(f"make the filter for all {channels} channels", cell, [edit], Applicability.SURE, call.output)


def _check_pointwise(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a warning where a pointwise filter takes fewer channels than the depthwise convolution before it gives."""
    call_site, kernel, options = call_site_of(call, trace), call.kernel, call.options
    filters = argument(call_site[1], 2, "pointwise_filter") if call_site else None
    if call_site is None or filters is None or kernel is None or "group" in call_site[0].text.lower():
        return
    cell = call_site[0]
    shape = Evaluator(cell, trace).shape_of(filters)
    if shape is None:
        return
    if not isinstance(options, DepthwiseConvOptions) or len(shape) != 4 or kernel[-2] is None or shape[2] in (None, 1):
        return
    channels = kernel[-2] * options.depth_multiplier
    literal = next(iter(shape_literals(cell, trace, filters, shape)), None)
    if shape[2] == channels or literal is None or not isinstance(literal.elts[2], ast.Constant):
        return
    span, edit = cell.span(literal), cell.replace(literal.elts[2], str(channels))
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} has a pointwise filter made for {shape[2]} channels, and {channels} come from its first half",
        reasons=(f"the depthwise filter {spelled(kernel)} makes {options.depth_multiplier} of each of {kernel[-2]}",),
        expected=(1, 1, channels, shape[3]),
        actual=shape,
        axes=(2,),
        origin=(span, f"the filter's shape is written on line {span.line}"),
        fixes=(fix(f"make the pointwise filter for all {channels} channels", cell, [edit], Applicability.SURE),),
    )
