"""The height or width is no multiple of the block that `space_to_depth` puts into the channels.

What: `tf.nn.space_to_depth(x, 2)` makes of each 2 x 2 pixels one with four times the channels; 75 rows make no pairs.
Why: an odd image, or a map that an earlier layer made odd.
Example:

    tf.nn.space_to_depth(image, 2)                          # image: (1, 75, 80, 3)

Use instead:

    tf.nn.space_to_depth(image[:, :74, :80], 2)

Fix safety: the rows and columns of the last, broken block are left out, or filled up with zeros.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.arguments import option_of
from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.operands import module_alias, origin_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import axis_names, name_of, spelled
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, indexed, wrapped
from conv_magic.text.source import Code

code = "size-not-divided-by-block"

_TF = "import tensorflow as tf\n"
VALID: tuple[str, ...] = (_TF + "y = tf.nn.space_to_depth(tf.ones((1, 8, 6, 3)), 2)\n",)
INVALID: tuple[str, ...] = (
    _TF + "image = tf.ones((1, 9, 6, 3))\ny = tf.nn.space_to_depth(image, 2)\n",
    _TF + "image, block = tf.ones((1, 10, 10, 3)), 4\ny = tf.nn.space_to_depth(image, block_size=block)\n",
)


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Diagnose a failed `space_to_depth` with sizes that its block does not divide."""
    site = call_site_of(call, trace) if call.op == "space_to_depth" and call.layer is None else None
    if call.outcome is not Outcome.RAISED or site is None or not call.inputs:
        return
    shape, given = call.inputs[0], option_of(site[1], "block_size", call.op)
    block = Evaluator(site[0], trace).value(given) if given is not None else None
    if not isinstance(block, int) or block < 2 or len(shape) != 4 or None in shape[1:3]:
        return
    axes = tuple(axis for axis in (1, 2) if (shape[axis] or 0) % block)
    if not axes:
        return
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} cannot cut {spelled(shape)} into blocks of {block} x {block}",
        reasons=(f"{' and '.join(str(shape[axis]) for axis in axes)} is no multiple of {block}",),
        actual=shape,
        axes=axes,
        axis_names=axis_names(4),
        origin=origin_of(call, trace),
        fixes=_fixes(*site, call, shape, block),
    )


def _fixes(cell: Code, node: ast.Call, call: CallRecord, shape: Shape, block: int) -> Iterator[Fix]:
    value = option_of(node, "input", call.op)
    if value is None:
        return
    cut = [(size or 0) // block * block for size in shape[1:3]]
    if min(cut):
        edit = indexed(cell, value, f"[:, :{cut[0]}, :{cut[1]}]")
        yield fix(f"leave out what does not fill a block: {cut[0]} x {cut[1]}", cell, [edit], Applicability.SURE)
    tensorflow = module_alias(cell, "tensorflow")
    if tensorflow is not None:
        more = [-(size or 0) % block for size in shape[1:3]]
        after = f", [[0, 0], [0, {more[0]}], [0, {more[1]}], [0, 0]])"
        edit = wrapped(cell, value, f"{tensorflow}.pad(", after)
        yield fix("fill the last block up with zeros", cell, [edit], Applicability.CHOICE)
