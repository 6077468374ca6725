"""Channels or filters cannot be shared out evenly among the groups.

What: a grouped convolution needs both its input channels and its filters to be multiples of its groups, a
`GroupNormalization` its channels.
Why: `GroupNormalization` has 32 groups by default, more than a narrow layer has channels; and `tf.nn.conv2d`
reads a kernel that is shallower than its input as a grouped convolution.
Example:

    layers.GroupNormalization()(x)              # x is (None, 32, 32, 16)

Use instead:

    layers.GroupNormalization(groups=8)(x)

Fix safety: the number of groups changes, or that of the filters to the nearest multiple; both change the weights.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from math import gcd

from conv_magic.analysis.arguments import option_of, with_option
from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.operands import module_alias, origin_of
from conv_magic.analysis.producers import layer_setting_channels, producer_chain
from conv_magic.analysis.shape_literals import shape_literals
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.analysis.training import with_number, with_units
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import axis_names, channel_axis, counted, data_format_of, name_of, spelled
from conv_magic.model.options import ConvOptions
from conv_magic.model.trace import Trace
from conv_magic.rules.fixes.axis_order import transpose_reordered
from conv_magic.rules.fixes.data_formats import data_format_repaired
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, wrapped
from conv_magic.text.source import Code

code = "groups-do-not-divide"

VALID: tuple[str, ...] = (
    "import tensorflow as tf\nchannels, groups = 12, 3\n"
    "kernel = tf.zeros((3, 3, channels // groups, 6))\n"
    "y = tf.nn.conv2d(tf.zeros((1, 8, 8, channels)), kernel, 1, 'SAME')\n",
    "from keras import Input, layers\ny = layers.GroupNormalization(4)(Input((8, 8, 12)))\n",
)
INVALID: tuple[str, ...] = (
    "from keras import Input, layers\n"
    "x = layers.Conv2D(24, 3)(Input((16, 16, 3)))\n"
    "y = layers.GroupNormalization()(x)\n",
    "import tensorflow as tf\n"
    "stack = tf.zeros((1, 9, 9, 12))\n"
    "kernel = tf.random.normal((3, 3, 3, 18))\n"
    "y = tf.nn.conv2d(stack, kernel, 1, 'SAME')\n",
    "from keras import Input, layers\n"
    "x = layers.Conv2D(10, 1)(Input((16, 16, 3)))\n"
    "y = layers.Conv2D(12, 3, groups=4)(x)\n",
    "import tensorflow as tf\n"
    "box = tf.ones((3, 3))[:, :, None, None] / 9.0\n"
    "y = tf.nn.conv2d(tf.zeros((1, 8, 8, 3)), box, 1, 'SAME')\n",
    "import keras\nconv = keras.layers.Conv2D(filters=30, kernel_size=3, groups=4)\n",
    "import keras\nleads, each = 6, 4\ny = keras.layers.Conv1D(each, 5, groups=leads)(keras.Input((40, leads)))\n",
    "from keras import Input, layers\n"
    "def block(x, wide, parts):\n"
    "    return layers.Conv2D(wide, 3, padding='same', groups=parts)(layers.Conv2D(wide, 1)(x))\n"
    "y = block(block(Input((8, 8, 3)), 12, 6), 20, 6)\n",
    "import tensorflow as tf\ny = tf.nn.conv2d(tf.zeros((1, 12, 16, 3)), tf.zeros((3, 3, 3, 7)), 1, 'SAME', 'NCHW')\n",
)
_KERAS_CONV = {"Conv1D", "Conv2D", "Conv3D", "Convolution1D", "Convolution2D", "Convolution3D"}
_DEFAULT_GROUPS = 32


@dataclass(frozen=True)
class _Division:
    """What cannot be divided: `number` of `noun` among `groups`; `node` is the call in the text that states them."""

    noun: str
    number: int
    groups: int
    code: Code
    node: ast.Call


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Diagnose a failed call whose groups do not divide its channels or filters."""
    if call.outcome is Outcome.RETURNED:
        return
    division = _division(call, trace)
    if division is None:
        return
    shape = call.inputs[0] if call.inputs else None
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} cannot share out {counted(division.number, division.noun)} "
        f"among {counted(division.groups, 'group')}",
        reasons=_reasons(call, division),
        actual=shape,
        axis_names=axis_names(len(shape), data_format_of(call)) if shape else (),
        origin=origin_of(call, trace),
        fixes=_fixes(call, trace, division),
    )


def _division(call: CallRecord, trace: Trace) -> _Division | None:
    site = call_site_of(call, trace)
    if site is None:
        return None
    reader = Evaluator(site[0], trace)
    if call.op == "GroupNormalization" and call.inputs:
        given = option_of(site[1], "groups", call.op)
        groups = _DEFAULT_GROUPS if given is None else reader.value(given)
        return _uneven("channel", call.inputs[0][-1], groups, site)
    if call.layer is None and call.op in _KERAS_CONV:  # it failed while the layer was made
        numbers = (option_of(site[1], option, call.op) for option in ("filters", "groups"))
        filters, groups = (None if number is None else reader.value(number) for number in numbers)
        return _uneven("filter", filters, groups, site)
    options = call.options
    if not isinstance(options, ConvOptions) or not call.inputs or not call.inputs[0]:
        return None
    axis = channel_axis(call, len(call.inputs[0]))
    if axis >= len(call.inputs[0]):
        return None
    channels = call.inputs[0][axis]
    if call.layer is not None:
        return _uneven("channel", channels, options.groups, site)
    if call.kernel is None or channels is None or not call.kernel[-2] or channels % call.kernel[-2]:
        return None
    if axis > 1 and (call.inputs[0][1] == call.kernel[-2] or any(transpose_reordered(call, trace, call.kernel[-2]))):
        return None  # the axes are in another order, which the rule on channels reports
    return _uneven("filter", call.kernel[-1], channels // call.kernel[-2], site)


def _uneven(noun: str, number: object, groups: object, site: tuple[Code, ast.Call]) -> _Division | None:
    if isinstance(number, int) and isinstance(groups, int) and groups > 1 and number > 0 and number % groups:
        return _Division(noun, number, groups, *site)
    return None


def _reasons(call: CallRecord, division: _Division) -> Iterator[str]:
    share, rest = divmod(division.number, division.groups)
    yield f"{division.number} = {division.groups} x {share} + {rest}"
    if call.layer is None and call.kernel is not None:
        depth = call.kernel[-2]
        channels = (depth or 0) * division.groups
        yield (
            f"the kernel is {spelled(call.kernel)}: made for {depth} of the {channels} channels, "
            f"so it is used in {division.groups} groups"
        )


def _fixes(call: CallRecord, trace: Trace, division: _Division) -> Iterator[Fix]:
    if call.layer is None and call.kernel is not None:
        reformatted = list(data_format_repaired(call, trace, 1, call.kernel[-2]))
        yield from reformatted or _other_kernel(call, trace, division)
        return
    if division.noun == "filter" and division.number < division.groups:
        yield from _for_each_group(division, call.op)
    if division.noun == "filter" or call.op == "GroupNormalization":
        yield from _other_groups(call, trace, division)
    if division.noun == "filter":
        yield from _other_filters(trace, division, call.op)
    elif isinstance(call.options, ConvOptions):
        yield from _other_groups(call, trace, division)
        setter = layer_setting_channels(producer_chain(call, trace))
        for cell, edit in with_units(setter, trace, _nearest_multiple(division)) if setter is not None else ():
            title = f"let {name_of(setter)} make {_nearest_multiple(division)} channels" if setter else ""
            yield fix(title, cell, [edit], Applicability.CHOICE)
            return


def _for_each_group(division: _Division, op: str) -> Iterator[Fix]:
    """Multiply filters that are fewer than the groups: so many were meant for each of them."""
    cell = division.code
    filters, groups = (option_of(division.node, option, op) for option in ("filters", "groups"))
    if filters is not None and groups is not None:
        text = f"{_as_factor(cell, filters)} * {_as_factor(cell, groups)}"
        title = f"make {counted(division.number, 'filter')} for each of the {division.groups} groups"
        yield fix(title, cell, [cell.replace(filters, text)], Applicability.CHOICE)


def _as_factor(cell: Code, node: ast.expr) -> str:
    return f"({cell.text_of(node)})" if isinstance(node, ast.BinOp | ast.IfExp) else cell.text_of(node)


def _other_groups(call: CallRecord, trace: Trace, division: _Division) -> Iterator[Fix]:
    """Offer the most groups that divide the channels, and filters, of every layer made on that line.

    Each group has two channels or more.
    """
    numbers = {c.inputs[0][-1] or 0 for c in graph_of(trace).made_at(call.created) if c.inputs and c.created}
    if isinstance(call.options, ConvOptions) and call.options.filters:
        numbers.add(call.options.filters)
    numbers |= {getattr(c.options, "filters", None) or 0 for c in graph_of(trace).made_at(call.span) if c.created}
    common = gcd(division.number, *numbers)
    groups = max((g for g in range(2, division.groups) if common % g == 0 and g < division.number), default=1)
    normalising = call.op == "GroupNormalization"
    edit = with_option(division.code, division.node, "groups", str(groups), call.op)
    predicted = call.inputs[0] if normalising else None
    yield fix(f"use {counted(groups, 'group')}", division.code, [edit], Applicability.CHOICE, predicted)


def _nearest_multiple(division: _Division) -> int:
    """Return the multiple of the groups nearest to the number; of two equally near the lower one."""
    below = division.number - division.number % division.groups
    above = below + division.groups
    return below if below and division.number - below <= above - division.number else above


def _other_filters(trace: Trace, division: _Division, op: str) -> Iterator[Fix]:
    filters = option_of(division.node, "filters", op)
    nearest = _nearest_multiple(division)
    for edit in with_number(division.code, trace, filters, nearest, division.number) if filters else ():
        yield fix(f"make {nearest} filters", division.code, [edit], Applicability.CHOICE)
        return


def _other_kernel(call: CallRecord, trace: Trace, division: _Division) -> Iterator[Fix]:
    """`tf.nn`: offer another number of filters, or a kernel for all channels."""
    kernel = option_of(division.node, "filters", call.op)
    if kernel is None or call.kernel is None:
        return
    channels = (call.kernel[-2] or 0) * division.groups
    if call.kernel[-2:] == (1, 1) and (tensorflow := module_alias(division.code, "tensorflow")):
        edit = wrapped(division.code, kernel, f"{tensorflow}.repeat(", f", {channels}, axis=-1)")
        yield fix(f"use the filter on each of the {channels} channels", division.code, [edit], Applicability.CHOICE)
    for literal in shape_literals(division.code, trace, kernel, call.kernel):
        whole = fix(
            f"make the kernel for all {channels} channels",
            division.code,
            [division.code.replace(literal.elts[-2], str(channels))],
            Applicability.CHOICE,
        )
        text = _part_equal_to(literal.elts[-1], _nearest_multiple(division), Evaluator(division.code, trace))
        edit = division.code.replace(literal.elts[-1], text or str(_nearest_multiple(division)))
        fewer = fix(f"make {_nearest_multiple(division)} filters", division.code, [edit], Applicability.CHOICE)
        meant = isinstance(literal.elts[-2], ast.BinOp) or "group" in division.code.text.lower()
        yield from (fewer, whole) if meant else (whole,)
        return


def _part_equal_to(expression: ast.expr, number: int, reader: Evaluator) -> str | None:
    """Return a part of an expression that already comes to `number`: `n * g` of `n * g + 1`; else None."""
    if isinstance(expression, ast.BinOp) and reader.value(expression.left) == number:
        return reader.code.text_of(expression.left)
    return None
