"""A crop reaches beyond the image, or is stated for other axes than the image has.

What: `tf.image.crop_to_bounding_box` needs offset + target <= size along both axes; `tf.image.random_crop` takes a size
for each axis, channels and batch among them.
Why: the box was found on a picture of another size, or x and y were exchanged; the channels were left out.
Example:

    tf.image.random_crop(image, (24, 24))                  # image: (32, 32, 3)

Use instead:

    tf.image.random_crop(image, (24, 24, 3))

Fix safety: the size of the crop is kept and the box moved inside; the axes that were left out are kept whole.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.definitions import sequence_behind
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.operands import origin_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import axis_names, name_of, spelled
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import bracketed, fix
from conv_magic.text.source import Code, argument

code = "crop-outside-image"

_TF = "import tensorflow as tf\n"
VALID: tuple[str, ...] = (_TF + "y = tf.image.crop_to_bounding_box(tf.ones((1, 20, 30, 3)), 4, 14, 16, 16)\n",)
INVALID: tuple[str, ...] = (
    _TF + "photo = tf.ones((1, 20, 30, 3))\ny = tf.image.crop_to_bounding_box(photo, 4, 20, 16, 16)\n",
    _TF + "photo, x, y = tf.ones((20, 30, 3)), 14, 4\nface = tf.image.crop_to_bounding_box(photo, x, y, 16, 16)\n",
    _TF + "photo = tf.ones((20, 30, 3))\ny = tf.image.random_crop(photo, size=[16, 16])\n",
    _TF + "photos = tf.ones((4, 20, 30, 3))\ny = tf.image.random_crop(photos, (16, 16, 3))\n",
    _TF + "photo = tf.ones((20, 30, 3))\ny = tf.image.random_crop(photo, (24, 24, 3))\n",
)
_BOX = ("offset_height", "offset_width", "target_height", "target_width")
_MOST_AXES = 4


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Diagnose a failed crop that does not lie inside the image it was given."""
    if call.outcome is not Outcome.RAISED or call.layer is not None or not call.inputs:
        return
    site = call_site_of(call, trace)
    image = argument(site[1], 0, "image", "value") if site else None
    # the recorded input may be a tensor of sizes: the text comes first
    written = Evaluator(site[0], trace).shape_of(image) if site and image else None
    shape = written or call.inputs[0]
    fixes: tuple[Fix, ...] = ()
    if site is not None and call.op == "crop_to_bounding_box" and len(shape) in (3, 4):
        fixes = tuple(_box_inside(*site, trace, shape))
    elif site is not None and call.op == "random_crop":
        fixes = tuple(_size_of_every_axis(*site, trace, shape))
    if not fixes or site is None:
        return
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} asks for values outside of {spelled(shape)}",
        reasons=(_why_outside(shape, *site, trace),),
        actual=shape,
        axis_names=axis_names(len(shape)),
        origin=origin_of(call, trace),
        fixes=fixes,
    )


def _box_of(cell: Code, node: ast.Call, trace: Trace) -> list[tuple[ast.expr, int]]:
    """Return the expressions of a box's four numbers with their values; empty where one is not known."""
    found = [argument(node, position, name) for position, name in enumerate(_BOX, 1)]
    reader = Evaluator(cell, trace)
    pairs = [(node, n) for node in found if node is not None and isinstance(n := reader.value(node), int)]
    return pairs if len(pairs) == len(_BOX) else []


def _why_outside(shape: Shape, cell: Code, node: ast.Call, trace: Trace) -> str:
    box = _box_of(cell, node, trace)
    if not box:
        return f"it takes a size for each of the {len(shape)} axes, none larger than the image"
    (top, left, height, width), (rows, columns) = [n for _, n in box], shape[-3:-1]
    return f"rows {top} to {top + height} of {rows}, columns {left} to {left + width} of {columns}"


def _box_inside(cell: Code, node: ast.Call, trace: Trace, shape: Shape) -> Iterator[Fix]:
    """Offer the box with its two offsets exchanged where it fits so, and moved inside the image."""
    box, (rows, columns) = _box_of(cell, node, trace), shape[-3:-1]
    if not box or rows is None or columns is None:
        return
    (row, top), (column, left), (_, height), (_, width) = box
    if height > rows or width > columns:
        return
    if left + height <= rows and top + width <= columns and top != left:
        edits = [cell.replace(row, cell.text_of(column)), cell.replace(column, cell.text_of(row))]
        yield fix("give the row first, then the column", cell, edits, Applicability.SURE)
    edits = []
    for offset, first, size, whole in ((row, top, height, rows), (column, left, width, columns)):
        if not 0 <= first <= whole - size:
            edits.append(cell.replace(offset, str(min(max(first, 0), whole - size))))
    if edits:
        yield fix("move the box inside the image", cell, edits, Applicability.SURE)


def _size_of_every_axis(cell: Code, node: ast.Call, trace: Trace, shape: Shape) -> Iterator[Fix]:
    """Offer a size for every axis: those left out kept whole, none larger than the image."""
    sequence = sequence_behind(cell, argument(node, 1, "size"))
    value = Evaluator(cell, trace).value(sequence) if sequence is not None else None
    if sequence is None or not isinstance(value, tuple) or None in shape or len(shape) > _MOST_AXES:
        return
    texts: list[str | None] = [cell.text_of(element) for element in sequence.elts]
    lacking = len(shape) - len(value)
    channels = len(value) == 3 or (len(value) == 2 and len(shape) < 4)
    if lacking > 0:
        front = lacking if len(value) == 3 else lacking - 1
        texts = [None] * front + texts + [None] * (lacking - front)
        value = (None,) * front + value + (None,) * (lacking - front)
    if len(texts) != len(shape) or not (channels or lacking >= 0):
        return
    new = [text if text and (n or 0) <= (size or 0) else str(size)
           for text, n, size in zip(texts, value, shape, strict=True)]  # fmt: skip
    if new != texts:
        edit = cell.replace(sequence, bracketed(sequence, new))
        yield fix(f"ask for ({', '.join(new)})", cell, [edit], Applicability.SURE)
