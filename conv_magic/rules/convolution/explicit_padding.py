"""Explicit padding of a `tf.nn` convolution that is not one (before, after) pair for each axis, in the axes' order.

What: `tf.nn.conv2d` takes `padding` as a word or as four pairs, for batch, height, width and channels in the order of
`data_format`; batch and channels are never padded.
Why: PyTorch takes one number or one for each spatial axis, and counts channels before height.
Example:

    tf.nn.conv2d(x, w, strides=1, padding=[[1, 1], [1, 1]])

Use instead:

    tf.nn.conv2d(x, w, strides=1, padding=[[0, 0], [1, 1], [1, 1], [0, 0]])

Fix safety: the numbers are kept and stand at the spatial axes.  Pairs that pad the channels run without an error: then
this is a warning, for they are ignored there and the axis that was meant is not padded.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.arguments import data_format_of_call, option_of
from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.operands import origin_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability
from conv_magic.model.naming import axis_names, data_format_of, name_of
from conv_magic.model.shapes import DataFormat
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import bracketed, fix
from conv_magic.text.source import Code

code = "explicit-padding"

VALID: tuple[str, ...] = (
    "import tensorflow as tf\n"
    "y = tf.nn.conv2d(tf.zeros((1, 9, 9, 3)), tf.zeros((1, 5, 3, 2)), 1, [[0, 0], [0, 0], [2, 2], [0, 0]])\n",
    "import tensorflow as tf\n"
    "y = tf.nn.conv2d(tf.zeros((1, 9, 9, 3)), tf.zeros((3, 3, 3, 2)), 1, [[0, 0], [1, 1], [1, 1], [0, 0]])\n",
)
INVALID: tuple[str, ...] = (
    "import tensorflow as tf\n"
    "y = tf.nn.conv2d(tf.zeros((1, 9, 9, 3)), tf.zeros((5, 5, 3, 2)), 1, padding=[[2, 2], [2, 2]])\n",
    "import tensorflow as tf\np = 1\ny = tf.nn.conv2d(tf.zeros((1, 9, 9, 3)), tf.zeros((3, 3, 3, 2)), 2, padding=p)\n",
    "import tensorflow as tf\ny = tf.nn.conv2d(tf.zeros((1, 9, 9, 3)), tf.zeros((3, 5, 3, 2)), 1, padding=(1, 2))\n",
    "import tensorflow as tf\n"
    "pads = [(0, 0), (0, 0), (2, 2), (2, 2)]\n"
    "y = tf.nn.conv2d(tf.zeros((1, 9, 9, 3)), tf.zeros((5, 5, 3, 2)), 1, padding=pads)\n",
)
_FUNCTIONS = ("conv2d", "depthwise_conv2d", "max_pool2d", "avg_pool2d")
Pairs = list[tuple[str, tuple[int, int]]]
"""The text and the value of each entry."""


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Diagnose explicit padding of too few pairs, of a number, or of the batch or the channels."""
    ran = call.outcome is Outcome.RETURNED
    if call.op not in _FUNCTIONS or call.layer is not None:
        return
    site = call_site_of(call, trace)
    padding = option_of(site[1], "padding", call.op) if site else None
    if site is None or padding is None or (isinstance(padding, ast.Constant) and isinstance(padding.value, str)):
        return
    cell, data_format = site[0], data_format_of_call(site[1], call.op, data_format_of(call))
    found = _pairs_written(cell, trace, padding)
    if found is None:
        return
    node, pairs = found
    ordered = _on_spatial_axes(pairs, data_format)
    if ordered is None or (ran and len(pairs) != 4):
        return
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} takes explicit padding as four (before, after) pairs, for "
        f"{', '.join(axis_names(4, data_format))}",
        reasons=(_why_wrong(cell, node, pairs, data_format),),
        actual=call.inputs[0] if call.inputs else None,
        axis_names=axis_names(4, data_format),
        origin=origin_of(call, trace),
        fixes=(
            fix(
                "give each pair to its own axis",
                cell,
                [cell.replace(node, bracketed(node, ordered))],
                Applicability.SURE,
            ),
        ),
    )


def _pairs_written(cell: Code, trace: Trace, padding: ast.expr) -> tuple[ast.expr, Pairs] | None:
    """Return the expression that states the padding, and its entries: a number n is the pair (n, n); else None."""
    reader = Evaluator(cell, trace)
    for origin in reversed(definitions_of(cell, padding)):
        if isinstance(origin, ast.List | ast.Tuple):
            pairs = [_pair_written(cell, reader, element) for element in origin.elts]
            complete = [pair for pair in pairs if pair is not None]
            return (origin, complete) if complete and len(complete) == len(pairs) else None
    number = reader.value(padding)
    if isinstance(number, int):
        text = cell.text_of(padding)
        return padding, [(f"[{text}, {text}]", (number, number))] * 2
    return None


def _pair_written(cell: Code, reader: Evaluator, element: ast.expr) -> tuple[str, tuple[int, int]] | None:
    value, text = reader.value(element), cell.text_of(element)
    if isinstance(value, int):
        return f"[{text}, {text}]", (value, value)
    match value:
        case (int(before), int(after)):
            return text, (before, after)
    return None


def _on_spatial_axes(pairs: Pairs, data_format: DataFormat) -> list[str] | None:
    """Return the texts of the entries in the axes' order; None where they are in it, or it is not known."""
    texts = [text for text, _ in pairs]
    first = data_format == "channels_first"
    if len(pairs) == 2:
        return ["[0, 0]", "[0, 0]", *texts] if first else ["[0, 0]", *texts, "[0, 0]"]
    if len(pairs) != 4:
        return None
    padded = [any(numbers) for _, numbers in pairs]
    if not first and padded[3] and not padded[0] and not padded[1]:
        return [texts[0], texts[2], texts[3], texts[1]]
    if first and padded[1] and not padded[0] and not padded[3]:
        return [texts[0], texts[3], texts[1], texts[2]]
    return None


def _why_wrong(cell: Code, node: ast.expr, pairs: Pairs, data_format: DataFormat) -> str:
    if len(pairs) == 2:
        return f"{cell.text_of(node)} says two, for height and width alone"
    names = axis_names(4, data_format)
    padded = [name for name, (_, numbers) in zip(names, pairs, strict=True) if any(numbers)]
    return f"these pad {' and '.join(padded)}; channels cannot be padded, so that pair is ignored"
