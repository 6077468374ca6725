"""Strides or a window are listed in the order of the other data format.

What: `strides=[1, 1, 2, 2]` moves over the last two axes; where the channels stand last these are width and channels.
Why: the list was written for NCHW and the data is NHWC, or the reverse.
Example:

    tf.nn.max_pool2d(images, ksize=[1, 1, 2, 2], strides=[1, 1, 2, 2], padding="VALID")     # images: (8, 32, 32, 3)

Use instead:

    tf.nn.max_pool2d(images, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="VALID")

Fix safety: the numbers are kept and put at the spatial axes.  Where the filter shows that the data itself has the
list's order, `data_format` is set instead; where TensorFlow does not compute that format, the data is transposed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from conv_magic.analysis.arguments import data_format_of_call, signature_of, with_option
from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.operands import operand_of, origin_of
from conv_magic.analysis.shape_literals import reordered, transposing
from conv_magic.capture import capability
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import axis_names, data_format_of, name_of, spelled
from conv_magic.model.options import PoolOptions
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import Pinned, diagnosed
from conv_magic.signatures.table import Parameter
from conv_magic.text.edits import fix, wrapped
from conv_magic.text.source import Code, argument

code = "options-for-other-layout"

_TF = "import tensorflow as tf\n"
_NCHW = ", data_format='NCHW')\n"
VALID: tuple[str, ...] = (
    _TF + "y = tf.nn.avg_pool2d(tf.ones((1, 8, 8, 3)), [1, 2, 2, 1], [1, 2, 2, 1], 'SAME')\n",
    Pinned(
        _TF + "y = tf.nn.conv2d(tf.ones((1, 3, 8, 8)), tf.ones((3, 3, 3, 2)), [1, 1, 2, 2], 'SAME'" + _NCHW, onednn=True
    ),
    _TF + "y = tf.nn.max_pool(tf.ones((2, 70, 120, 60)), ksize=(1, 1, 1, 3), strides=(1, 1, 1, 3), padding='VALID')\n",
)
INVALID: tuple[str, ...] = (
    _TF + "y = tf.nn.max_pool2d(tf.ones((1, 8, 8, 3)), ksize=[1, 1, 2, 2], strides=[1, 1, 2, 2], padding='VALID')\n",
    _TF + "y = tf.nn.max_pool2d(tf.ones((1, 8, 8, 3)), 2, [1, 1, 2, 2], 'VALID')\n",
    _TF + "step = [1, 1, 2, 2]\ny = tf.nn.conv2d(tf.ones((1, 8, 8, 3)), tf.ones((3, 3, 3, 2)), step, 'SAME')\n",
    _TF + "y = tf.nn.conv2d(tf.ones((1, 3, 8, 8)), tf.ones((3, 3, 3, 2)), [1, 2, 2, 1], 'SAME'" + _NCHW,
    _TF + "y = tf.nn.conv2d(tf.ones((1, 3, 9, 8)), tf.ones((3, 3, 3, 2)), [1, 1, 2, 2], 'SAME')\n",
    _TF + "y = tf.nn.conv3d(tf.ones((1, 6, 8, 8, 2)), tf.ones((3, 3, 3, 2, 5)), [1, 1, 2, 2, 2], 'SAME')\n",
)
_FUNCTIONS = (
    "conv2d", "conv3d", "depthwise_conv2d",
    "max_pool", "max_pool2d", "max_pool3d", "avg_pool", "avg_pool2d", "avg_pool3d",
)  # fmt: skip
_OPTIONS = ("pool_size", "strides", "dilation_rate")
_LAST = {4: "NHWC", 5: "NDHWC"}
_CHANNELS_LAST_ONLY = "with its channels first TensorFlow computes this on a GPU alone: oneDNN, which could, is off"


@dataclass(frozen=True)
class _Misordered:
    """An option whose numbers stand in the other order."""

    name: str
    node: ast.expr
    numbers: tuple[int, ...]
    reordered: tuple[int, ...]


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Diagnose a list that covers batch and channels and would move over the channels."""
    known = call.op in _FUNCTIONS and call.layer is None and call.direct and call.inputs
    site = call_site_of(call, trace) if known else None
    if site is None or len(call.inputs[0]) < 4:
        return
    parameters = tuple(_listed_parameters(site[1], call.op))
    if not parameters:
        return
    data_format = data_format_of_call(site[1], call.op, data_format_of(call))
    first = data_format == "channels_first"
    if call.outcome is Outcome.RETURNED and isinstance(call.options, PoolOptions) and call.options.over_channels:
        return  # a pooling over the channels, which TensorFlow has
    wrong = [o for p in parameters if (o := _misordered(site, trace, p, first=first)) is not None]
    if not wrong:
        return
    shape = call.inputs[0]
    other = _has_data_other_format(call, trace, first=first)
    unsupported = first != other and capability.channels_first() is False
    listed = " and ".join(f"{option.name}={list(option.numbers)}" for option in wrong)
    names = axis_names(len(shape), data_format)
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} would move over the channels of {spelled(shape)}: {listed}",
        reasons=(f"the entries are for {', '.join(names)}", *([_CHANNELS_LAST_ONLY] if unsupported else [])),
        actual=shape,
        axes=(1 if first else len(shape) - 1,),
        axis_names=names,
        origin=origin_of(call, trace),
        fixes=(
            _data_channels_last(call, site, trace, wrong, first=first)
            if unsupported
            else _fixes(call, site, wrong, first=first, other=other)
        ),
    )


def _listed_parameters(made: ast.Call, op: str) -> Iterator[Parameter]:
    """Yield the parameters of the options that may be given as a list: by more than a number."""
    signature = signature_of(made, op)
    for option in _OPTIONS if signature is not None else ():
        parameter = signature.find(option) if signature is not None else None
        given = argument(made, parameter.position, parameter.name) if parameter is not None else None
        if parameter is not None and given is not None and not isinstance(given, ast.Constant):
            yield parameter


def _has_data_other_format(call: CallRecord, trace: Trace, *, first: bool) -> bool:
    """Check whether the data has the list's order: the filter fits it so, or its producer has that format."""
    shape, depth = call.inputs[0], call.kernel[-2] if call.kernel else None
    if depth is not None:
        return shape[1 if first else -1] != depth and shape[-1 if first else 1] == depth
    producer = call.producers[0] if call.producers else None
    data_format = getattr(trace.calls[producer].options, "data_format", None) if producer is not None else None
    return data_format == ("channels_last" if first else "channels_first")


def _misordered(site: tuple[Code, ast.Call], trace: Trace, option: Parameter, *, first: bool) -> _Misordered | None:
    given = argument(site[1], option.position, option.name)
    value = Evaluator(site[0], trace).value(given) if given is not None else None
    if given is None or not isinstance(value, tuple) or not 4 <= len(value) <= 5 or None in value:
        return None
    numbers = tuple(number or 0 for number in value)
    channels = numbers[1] if first else numbers[-1]
    if numbers[0] != 1 or channels == 1 or (numbers[-1] if first else numbers[1]) != 1:
        return None
    reordered_numbers = (1, 1, *numbers[1:-1]) if first else (1, *numbers[2:], 1)
    return _Misordered(option.name, given, numbers, reordered_numbers)


def _data_channels_last(
    call: CallRecord, site: tuple[Code, ast.Call], trace: Trace, wrong: list[_Misordered], *, first: bool
) -> Iterator[Fix]:
    """Transpose channels-first data to channels last, for a CPU on which TensorFlow computes nothing else."""
    (cell, node), operand = site, operand_of(call, trace)
    around = transposing(cell, (0, *range(2, len(call.inputs[0])), 1))
    if operand is None or operand.code is not cell or around is None:
        return
    edits = [wrapped(cell, operand.value, *around)]
    title = "move the channels to the last axis"
    if first:  # the list is in the order that the data then has
        edits.append(with_option(cell, node, "data_format", f'"{_LAST[len(call.inputs[0])]}"', call.op))
        title += f" and say {_LAST[len(call.inputs[0])]}"
    else:
        edits += [cell.replace(option.node, str(list(option.reordered))) for option in wrong]
        title += "".join(f" and use {option.name}={list(option.reordered)}" for option in wrong)
    yield fix(title, cell, edits, Applicability.SURE)


def _fixes(
    call: CallRecord, site: tuple[Code, ast.Call], wrong: list[_Misordered], *, first: bool, other: bool
) -> Iterator[Fix]:
    cell, node = site
    shape = call.inputs[0]
    if other:
        word = ("NHWC", "NDHWC") if first else ("NCHW", "NCDHW")
        text = f'"{word[len(shape) - 4]}"'
        edits = [with_option(cell, node, "data_format", text, call.op)]
        yield fix(f"say {text[1:-1]}, which the data is", cell, edits, Applicability.SURE)
        return
    order = (0, len(shape) - 1, *range(1, len(shape) - 1)) if first else (0, *range(2, len(shape)), 1)
    edits = []
    for option in wrong:
        literals = (o for o in definitions_of(cell, option.node) if isinstance(o, ast.List | ast.Tuple))
        literal = next((o for o in literals if len(o.elts) == len(shape)), None)
        text = reordered(cell, literal, order) if literal is not None else str(list(option.reordered))
        edits.append(cell.replace(literal if literal is not None else option.node, text))
    words = " and ".join(f"{option.name}={list(option.reordered)}" for option in wrong)
    yield fix(f"use {words}", cell, list(dict.fromkeys(edits)), Applicability.SURE)
