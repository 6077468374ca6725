"""A number for the flattened map was written down, and the map has another size.

What: a weight matrix, or the reshape before it, is made for `7 * 7 * 64` values; the map gives another number.
Why: the image size, a padding or a number of poolings changed.  `reshape(x, [-1, n])` hides it: with too small an `n`
the batch grows, and only the loss, or nothing, notices.
Example:

    flat = tf.reshape(pooled, [-1, 4 * 4 * 64])      # pooled is (10, 8, 8, 64): flat has 40 rows

Use instead:

    flat = tf.reshape(pooled, [-1, 8 * 8 * 64])

Fix safety: the written number is made that of the map wherever it is written; no layer's filters change.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from conv_magic.analysis.arguments import option_of
from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.operands import code_of, codes_of
from conv_magic.analysis.what_if import WhatIf, changes_along, with_changes
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import name_of, spelled
from conv_magic.model.positions import Edit, Span
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix
from conv_magic.text.source import Code, argument, called_name

code = "flattened-size-differs"

VALID: tuple[str, ...] = (
    "import tensorflow as tf\nflat = tf.reshape(tf.zeros((4, 6, 6, 3)), [-1, 6 * 6 * 3])\n"
    "y = flat @ tf.zeros((6 * 6 * 3, 10))\n",
)
INVALID: tuple[str, ...] = (
    "import tensorflow as tf\n"
    "images = tf.zeros((4, 20, 20, 1))\n"
    "maps = tf.nn.max_pool2d(tf.nn.conv2d(images, tf.zeros((3, 3, 1, 8)), 1, 'VALID'), 2, 2, 'SAME')\n"
    "weights = tf.zeros((10 * 10 * 8, 5))\n"
    "scores = tf.matmul(tf.reshape(maps, (4, -1)), weights)\n",
    "import tensorflow as tf\n"
    "maps = tf.nn.max_pool2d(tf.zeros((6, 24, 24, 4)), 2, 2, 'SAME')\n"
    "rows = tf.reshape(maps, [-1, 6 * 6 * 4])\n"
    "logits = tf.matmul(rows, tf.zeros((6 * 6 * 4, 3)))\n"
    "loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.zeros(6, tf.int32), logits=logits)\n",
)


@dataclass(frozen=True)
class _Fault:
    """`have` was written down, the map `sizes` gives `want`; `place` is where it was reshaped, if rows were made."""

    have: int
    want: int
    sizes: Shape
    rows: tuple[int, int] | None = None
    place: Span | None = None


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """One diagnosis where a failed product or loss goes back to a written size of a flattened map."""
    if call.outcome is not Outcome.RAISED or len(call.inputs) != 2:
        return
    fault = _of_product(call, trace) or _of_rows(call, trace)
    if fault is None:
        return
    fixes = tuple(_fixes(fault, trace))
    if not fixes:
        return
    first = fixes[0].edits[0].span
    yield diagnosed(
        code,
        call,
        _headline(call, fault),
        reasons=_reasons(fault),
        expected=(call.inputs[0][0], fault.want) if fault.rows is None else None,
        actual=call.inputs[0],
        origin=(fault.place or first, f"the {fault.have} is written on line {first.line}"),
        fixes=fixes,
    )


def _of_product(call: CallRecord, trace: Trace) -> _Fault | None:
    """A matrix product whose matrix has another number of rows than the map has values."""
    left, right = call.inputs
    if call.op not in ("matmult", "matmul", "dot") or len(left) != 2 or len(right) != 2 or left[1] == right[0]:
        return None
    if left[1] is None or right[0] is None:
        return None
    sizes = next((s for s in _maps(trace) if prod(n or 0 for n in s[1:]) == left[1]), (left[0], left[1]))
    return _Fault(right[0], left[1], sizes[1:])


def _maps(trace: Trace) -> Iterator[Shape]:
    """The outputs of the calls, the last first."""
    return (c.output for c in reversed(trace.calls) if c.output is not None and len(c.output) > 2)


def _of_rows(call: CallRecord, trace: Trace) -> _Fault | None:
    """Two numbers of samples of which one is a multiple of the other, and a reshape that made the one of the other."""
    (one, *_), (two, *_) = (shape or (None,) for shape in call.inputs)
    if one is None or two is None or one == two or not one or not two or max(one, two) % min(one, two):
        return None
    for cell in codes_of(trace):
        for node in ast.walk(cell.tree):
            if isinstance(node, ast.Call) and called_name(node) == "reshape":
                found = _multiplied(cell, node, trace, {one, two})
                if found is not None:
                    return found
    return _by_ratio(trace, one, two)


def _by_ratio(trace: Trace, one: int, two: int) -> _Fault | None:
    """The same where the text does not tell: a map of so many samples whose values, times the ratio, are written."""
    for sizes in _maps(trace):
        if sizes[0] not in (one, two) or None in sizes:
            continue
        rows = two if sizes[0] == one else one
        whole = prod(size or 0 for size in sizes[1:])
        have = whole * (sizes[0] or 0) // rows
        if have and any(_written(cell, have) and _reshapes(cell) for cell in codes_of(trace)):
            return _Fault(have, whole, sizes[1:], (sizes[0] or 0, rows))
    return None


def _reshapes(cell: Code) -> bool:
    return any(isinstance(node, ast.Call) and called_name(node) == "reshape" for node in ast.walk(cell.tree))


def _multiplied(cell: Code, node: ast.Call, trace: Trace, counts: set[int]) -> _Fault | None:
    """What a `reshape(x, [-1, n])` did to the rows."""
    shape = argument(node, 1, "shape", "newshape")
    if not isinstance(shape, ast.List | ast.Tuple) or len(shape.elts) != 2 or not node.args:
        return None
    reader = Evaluator(cell, trace)
    given, rest = reader.shape_of(node.args[0]), reader.value(shape.elts[1])
    if reader.value(shape.elts[0]) != -1 or not isinstance(rest, int) or not given or None in given or not rest:
        return None
    total, whole = prod(size or 0 for size in given), prod(size or 0 for size in given[1:])
    if total % rest or whole == rest or {given[0], total // rest} != counts:
        return None
    return _Fault(rest, whole, given[1:], (given[0] or 0, total // rest), cell.span(node))


def _headline(call: CallRecord, fault: _Fault) -> str:
    if fault.rows is None:
        return f"{name_of(call)} cannot multiply {spelled(call.inputs[0])} by a matrix made for {fault.have} values"
    where = f"the reshape on line {fault.place.line}" if fault.place else "a reshape"
    return f"{where} makes {fault.rows[1]} rows of {fault.rows[0]} samples"


def _reasons(fault: _Fault) -> Iterator[str]:
    parts = " x ".join(map(str, fault.sizes))
    whole = f"{parts} = {fault.want}" if len(fault.sizes) > 1 else parts
    yield f"the map has {whole} values, {fault.have} were written down"


def _fixes(fault: _Fault, trace: Trace) -> Iterator[Fix]:
    for cell in codes_of(trace):
        edits = [cell.replace(node, _rewritten(node, fault)) for node in _written(cell, fault.have)]
        if edits:
            text = _rewritten(_written(cell, fault.have)[0], fault)
            yield fix(f"write {text} for the flattened map", cell, edits, Applicability.SURE)
            break
    if fault.rows is None:
        yield from _padded(fault, trace)


def _written(cell: Code, number: int) -> list[ast.expr]:
    """The products of literals that come to this number, the widest ones; a lone literal where there is no product."""
    products = [n for n in ast.walk(cell.tree) if isinstance(n, ast.BinOp) and _literal_product(n) is not None]
    inner = {id(child) for node in products for child in ast.walk(node) if child is not node}
    found = [n for n in products if id(n) not in inner and prod(_literal_product(n) or (0,)) == number]
    lone = [n for n in ast.walk(cell.tree) if isinstance(n, ast.Constant) and n.value == number and n.value is not True]
    return [*found, *lone]


def _literal_product(node: ast.expr) -> tuple[int, ...] | None:
    """The factors of `7 * 7 * 64`."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return (node.value,)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        left, right = _literal_product(node.left), _literal_product(node.right)
        return (*left, *right) if left is not None and right is not None else None
    return None


def _rewritten(node: ast.expr, fault: _Fault) -> str:
    """The map's number in the form in which the old one was written."""
    factors = _literal_product(node) or ()
    return " * ".join(map(str, fault.sizes)) if len(factors) == len(fault.sizes) else str(fault.want)


def _padded(fault: _Fault, trace: Trace) -> Iterator[Fix]:
    """The written number kept, where padding the convolutions gives just that."""
    last = next((c for c in reversed(trace.calls) if c.output is not None and c.output[1:] == fault.sizes), None)
    if last is None:
        return
    changes = [change for change in changes_along(trace.calls) if change.argument == "padding"]
    shape = WhatIf(trace, with_changes(changes, trace.calls)).output(last.index) if changes else None
    if shape is None or prod(size or 0 for size in shape[1:]) != fault.have:
        return
    cell = code_of(trace, last.span)
    words = {id(w): w for change in changes if cell for w in _word_of(cell, change.call)}
    if cell is not None and words:
        edits: list[Edit] = [cell.replace(word, _padded_word(cell, word)) for word in words.values()]
        yield fix("pad the convolutions and poolings", cell, edits, Applicability.CHOICE)


def _word_of(cell: Code, call: CallRecord) -> list[ast.expr]:
    """The literal that says how a call pads."""
    made = cell.call_at(call.created if call.layer is not None else call.span)
    given = option_of(made, "padding", call.op) if made is not None else None
    last = definitions_of(cell, given)[-1] if given is not None else None
    return [last] if isinstance(last, ast.Constant) else []


def _padded_word(cell: Code, word: ast.expr) -> str:
    """The word for padded in the case in which the other is written."""
    return '"SAME"' if cell.text_of(word).isupper() else '"same"'
