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

from conv_magic.model import Applicability, CallRecord, ConvOptions, Diagnosis, Fix, Outcome, Trace
from conv_magic.repair.edits import fix
from conv_magic.rules.makers import maker_of, shapes_spelled
from conv_magic.rules.rule import axis_names, channel_axis, data_format_of, diagnosed, name_of, spelled
from conv_magic.source import Code, argument

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
)


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """A warning where a filter written down in plain numbers is shallower than its input."""
    options, kernel = call.options, call.kernel
    if call.outcome is not Outcome.RETURNED or call.layer is not None or not isinstance(options, ConvOptions):
        return
    if options.groups < 2 or kernel is None or kernel[-2] in (None, 1) or not call.direct:
        return
    found = _plain_literal(call, trace)
    if found is None:
        return
    cell, literal = found
    shape = call.inputs[0]
    axis = channel_axis(call, len(shape))
    made_at = cell.span(literal)
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
        origin=(made_at, f"the filter's shape is written on line {made_at.line}"),
        fixes=(_fix(call, cell, literal, axis),),
    )


def _plain_literal(call: CallRecord, trace: Trace) -> tuple[Code, ast.Tuple | ast.List] | None:
    """Where the filter's depth is written as a plain number, in a cell that does not speak of groups."""
    made = maker_of(call, trace)
    given = argument(made[1], 1, "filters") if made else None
    if made is None or given is None or call.kernel is None or "group" in made[0].text.lower():
        return None
    for literal in shapes_spelled(made[0], trace, given, call.kernel):
        if isinstance(literal.elts[-2], ast.Constant):
            return made[0], literal
    return None


def _fix(call: CallRecord, cell: Code, literal: ast.Tuple | ast.List, axis: int) -> Fix:
    channels = call.inputs[0][axis]
    edit = cell.replace(literal.elts[-2], str(channels))
    return fix(f"make the filter for all {channels} channels", cell, [edit], Applicability.SURE, call.output)
