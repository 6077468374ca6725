"""A reshape where a transposition was meant: the axes have the wanted sizes, the values are scrambled.

What: `reshape` keeps the order of the numbers and only cuts it anew; it cannot move an axis.
Why: the shape that comes out is the one that is needed, so nothing fails.
Example:

    x = signals.reshape(60, 100, 3)                 # signals is (3, 60, 100)

Use instead:

    x = signals.transpose(1, 2, 0)

Fix safety: the shape stays as it is; what changes is which number stands where.  Reported only where the last axis
stood elsewhere before, or was split and its parts exchanged with another.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.operands import codes_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis, Severity
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import spelled
from conv_magic.model.options import ReshapeOptions
from conv_magic.model.positions import Span
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.fixes.axis_order import order_between
from conv_magic.rules.fixes.layer_changes import added_before
from conv_magic.text.edits import fix
from conv_magic.text.source import Code, called_name

code = "reshape-moves-axes"

_NP, _TF = "import numpy as np\n", "import tensorflow as tf\n"
VALID: tuple[str, ...] = (
    _NP + "x = np.arange(24.0).reshape(2, 3, 4)\ny = x.transpose(1, 2, 0)\nz = x.reshape(3, 2, 4)\n",
    _TF + "x = tf.zeros((2, 6, 8))\ny = tf.reshape(x, (2, 6, 2, 4))\nz = tf.reshape(x, (2, 6, 8, 1))\n",
    "import keras\ny = keras.layers.Reshape((4, 30))(keras.Input((4, 6, 5)))\n",
)
INVALID: tuple[str, ...] = (
    _NP + "signals = np.ones((3, 60, 100))\nx = signals.reshape(60, 100, 3)\n",
    _NP + "signals = np.ones((3, 60, 100))\nx = np.reshape(signals, (60, 100, -1)).astype('float32')\n",
    _TF + "def last(frames):\n"
    "    frames = tf.cast(frames, tf.float32) / 255.0\n"
    "    return tf.reshape(frames, (-1, 21, 21, 4))\n"
    "screens = tf.ones((6, 4, 21, 21))\ny = last(screens)\n",
    "import keras\nfrom keras import layers\n"
    "x = layers.Conv2D(6, 3, padding='same')(keras.Input((8, 20, 1)))\ny = layers.Reshape((20, 8 * 6))(x)\n",
    _TF + "def split(x, heads):\n"
    "    count, length = tf.shape(x)[0], tf.shape(x)[1]\n"
    "    return tf.reshape(x, (count, heads, length, 16 // heads))\n"
    "y = split(tf.ones((2, 9, 16)), 4)\n",
)
_SHAPE_KEEPING = {"cast", "array", "asarray", "convert_to_tensor", "constant", "float32"}
_MOST_STEPS = 8


@dataclass(frozen=True)
class _Reshape:
    """A reshape in the text: what is reshaped, and the sizes as they are written."""

    code: Code
    node: ast.Call
    given: ast.expr
    sizes: list[ast.expr]


def check_cell(trace: Trace) -> Iterator[Diagnosis]:
    """Yield a warning for each such reshape, and for each `Reshape` layer that ran."""
    for cell in codes_of(trace)[:1]:
        for found in _reshapes_in(cell):
            yield from _check_permutation(found, trace)
            yield from _check_heads(found)
    seen = set()
    for call in trace.calls:
        if isinstance(call.options, ReshapeOptions) and call.outcome is Outcome.RETURNED and call.created not in seen:
            seen.add(call.created)
            yield from _check_columns(call, trace)


def _reshapes_in(cell: Code) -> Iterator[_Reshape]:
    """Yield the reshapes that the text of a cell spells out."""
    for node in cell.nodes:
        if not (isinstance(node, ast.Call) and called_name(node) == "reshape" and isinstance(node.func, ast.Attribute)):
            continue
        sequences = [element for element in node.args if isinstance(element, ast.Tuple | ast.List)]
        is_function = len(node.args) == 2 and len(sequences) == 1 and sequences[0] is node.args[1]
        given = node.args[0] if is_function else node.func.value
        sizes = list(sequences[0].elts) if sequences else list(node.args)
        if sizes and not any(isinstance(element, ast.Starred) for element in sizes) and not node.keywords:
            yield _Reshape(cell, node, given, sizes)


def _check_permutation(found: _Reshape, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a warning where the sizes are those of an array, or tensor, in another order."""
    cell = found.code
    before = _shape_of(cell, trace, found.given)
    evaluator = Evaluator(cell, trace)
    after = _sizes_completed(tuple(map(evaluator.value, found.sizes)), before)
    order = _order_of_axes(before, after) if before and after else None
    if before is None or after is None or order is None:
        return
    text, function = cell.text_of(found.given), cell.text_of(found.node.func).removesuffix(".reshape")
    if function != text:  # `tf.reshape(x, ...)`
        transposed = f"{function}.transpose({text}, {list(order)})"
    elif isinstance(found.given, ast.Name | ast.Attribute | ast.Call | ast.Subscript):
        transposed = f"{text}.transpose({', '.join(map(str, order))})"
    else:
        transposed = f"({text}).transpose({', '.join(map(str, order))})"
    change = fix("transpose instead", cell, [cell.replace(found.node, transposed)], Applicability.SURE)
    yield _warning(cell.span(found.node), before, after, change)


def _warning(span: Span, before: Shape, after: Shape, change: Fix) -> Diagnosis:
    """Return the warning that a reshape scrambles the values."""
    return Diagnosis(
        code=code,
        severity=Severity.WARNING,
        call=None,
        span=span,
        layer=None,
        headline=f"this reshape of {spelled(before)} to {spelled(after)} scrambles the values",
        reasons=("reshape keeps the order of the numbers; it cannot move an axis",),
        expected=None,
        actual=after,
        fixes=(change,),
    )


def _sizes_completed(sizes: tuple[object, ...], before: Shape | None) -> Shape | None:
    """Return the sizes with the -1 worked out; None where they do not hold the values."""
    known = [size for size in sizes if isinstance(size, int)]
    if before is None or None in before or len(known) != len(sizes) or known.count(-1) > 1:
        return None
    total, others = prod(size or 0 for size in before), prod(size for size in known if size != -1)
    if others == 0 or total % others:
        return None
    return tuple(total // others if size == -1 else size for size in known)


def _order_of_axes(before: Shape, after: Shape) -> tuple[int, ...] | None:
    """Return the permutation that leads from one shape to the other, if that moves another axis to the end."""
    if len(before) < 3 or len(after) < 3 or before[-1] == after[-1] or 1 in (before[-1], after[-1]):
        return None  # an axis of length 1 moves without harm
    return order_between(before, after)


def _shape_of(cell: Code, trace: Trace, node: ast.expr) -> Shape | None:
    """Return the shape of an expression: of its name, or of what that was made of by functions that keep the shape."""
    evaluator = Evaluator(cell, trace)
    seen: list[ast.expr] = []
    current: ast.expr | None = node
    while current is not None and current not in seen and len(seen) < _MOST_STEPS:
        seen.append(current)
        match current:
            case ast.Name():
                shape = evaluator.shape_of(current)
                if shape is not None:
                    return shape
                origins = [o for o in definitions_of(cell, current)[1:] if o not in seen]
                current = origins[0] if origins else None
            case ast.BinOp(left=left, right=ast.Constant()):
                current = left
            case ast.Call(args=[inner, *_]) if called_name(current) in _SHAPE_KEEPING:
                current = inner
            case ast.Call(func=ast.Attribute(value=owner, attr="astype")):
                current = owner
            case _:
                return None
    return None


def _check_heads(found: _Reshape) -> Iterator[Diagnosis]:
    """Yield a warning where heads are split off the features and put before the positions in one step."""
    cell = found.code
    axes = [_axis_read(cell, size, found.given) for size in found.sizes]
    if axes != [0, None, 1, None] or ast.unparse(found.sizes[1]) == "1":
        return
    texts = [cell.text_of(size) for size in found.sizes]
    function, text = cell.text_of(found.node.func).removesuffix(".reshape"), cell.text_of(found.given)
    if function == text:
        return
    inner = f"{function}.reshape({text}, ({texts[0]}, {texts[2]}, {texts[1]}, {texts[3]}))"
    edit = cell.replace(found.node, f"{function}.transpose({inner}, [0, 2, 1, 3])")
    change = fix("split the features first, then move the heads", cell, [edit], Applicability.SURE)
    yield Diagnosis(
        code=code,
        severity=Severity.WARNING,
        call=None,
        span=cell.span(found.node),
        layer=None,
        headline="this reshape mixes positions and heads",
        reasons=("reshape keeps the order of the numbers; it cannot put the heads before the positions",),
        fixes=(change,),
    )


def _axis_read(cell: Code, size: ast.expr, given: ast.expr) -> int | None:
    """Return the axis of what is reshaped that a size is read from: `tf.shape(x)[1]`, `x.shape[1]`."""
    for origin in definitions_of(cell, size):
        match origin:
            case ast.Subscript(
                value=ast.Call(args=[owner]) | ast.Attribute(value=owner, attr="shape"),
                slice=ast.Constant(value=int(axis)),
            ) if ast.unparse(owner) == ast.unparse(given):
                return axis
    return None


def _check_columns(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a warning where a `Reshape` of maps to `(width, height * channels)` has no transposition before it."""
    before, after = call.inputs[0], call.output or ()
    if len(before) != 4 or len(after) != 3 or None in (*before[1:], *after[1:]):
        return
    height, width, channels = (size or 0 for size in before[1:])
    if after[1:] != (width, height * channels) or height == width or height == 1:
        return
    edits = added_before(call, trace, "Permute", "(2, 1, 3)")
    call_site = call_site_of(call, trace)
    if edits is None or call_site is None:
        return
    change = fix("put the width before the height first: Permute((2, 1, 3))", edits[0], edits[1], Applicability.SURE)
    yield _warning(call_site[0].span(call_site[1]), before, after, change)
