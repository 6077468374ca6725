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
    """The number written down, `have`, and the one that the map `sizes` gives, `want`.

    `rows` are the samples and the rows that a reshape made of them, `reshape` is its span.
    """

    have: int
    want: int
    sizes: Shape
    rows: tuple[int, int] | None = None
    reshape: Span | None = None


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where a failed product or loss goes back to a written size of a flattened map."""
    if call.outcome is not Outcome.RAISED or len(call.inputs) != 2:
        return
    fault = _fault_of_product(call, trace) or _fault_of_rows(call, trace)
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
        origin=(fault.reshape or first, f"the {fault.have} is written on line {first.line}"),
        fixes=fixes,
    )


def _fault_of_product(call: CallRecord, trace: Trace) -> _Fault | None:
    """Return the fault of a matrix product whose matrix has another number of rows than the map has values."""
    left, right = call.inputs
    if call.op not in ("matmult", "matmul", "dot") or len(left) != 2 or len(right) != 2 or left[1] == right[0]:
        return None
    if left[1] is None or right[0] is None:
        return None
    sizes = next((s for s in _maps(trace) if prod(n or 0 for n in s[1:]) == left[1]), (left[0], left[1]))
    return _Fault(right[0], left[1], sizes[1:])


def _maps(trace: Trace) -> Iterator[Shape]:
    """Yield the outputs of the calls that have more than two axes, the last first."""
    return (c.output for c in reversed(trace.calls) if c.output is not None and len(c.output) > 2)


def _fault_of_rows(call: CallRecord, trace: Trace) -> _Fault | None:
    """Return the fault of a reshape that made more or fewer rows than there were samples.

    The two inputs then have numbers of rows of which one is a multiple of the other.
    """
    (first, *_), (second, *_) = (shape or (None,) for shape in call.inputs)
    if (
        first is None
        or second is None
        or first == second
        or not first
        or not second
        or max(first, second) % min(first, second)
    ):
        return None
    for cell in codes_of(trace):
        for node in ast.walk(cell.tree):
            if isinstance(node, ast.Call) and called_name(node) == "reshape":
                fault = _fault_of_reshape(cell, node, trace, {first, second})
                if fault is not None:
                    return fault
    return _fault_by_ratio(trace, first, second)


def _fault_by_ratio(trace: Trace, first: int, second: int) -> _Fault | None:
    """Return the same fault where only a written number tells: the map's values times the ratio of the rows."""
    for sizes in _maps(trace):
        if sizes[0] not in (first, second) or None in sizes:
            continue
        rows = second if sizes[0] == first else first
        whole = prod(size or 0 for size in sizes[1:])
        have = whole * (sizes[0] or 0) // rows
        if have and any(_numbers_written(cell, have) and _has_reshape(cell) for cell in codes_of(trace)):
            return _Fault(have, whole, sizes[1:], (sizes[0] or 0, rows))
    return None


def _has_reshape(cell: Code) -> bool:
    """Check whether a text calls a `reshape`."""
    return any(isinstance(node, ast.Call) and called_name(node) == "reshape" for node in ast.walk(cell.tree))


def _fault_of_reshape(cell: Code, node: ast.Call, trace: Trace, counts: set[int]) -> _Fault | None:
    """Return the fault of a `reshape(x, [-1, n])` that made these numbers of rows."""
    shape = argument(node, 1, "shape", "newshape")
    if not isinstance(shape, ast.List | ast.Tuple) or len(shape.elts) != 2 or not node.args:
        return None
    evaluator = Evaluator(cell, trace)
    given, rest = evaluator.shape_of(node.args[0]), evaluator.value(shape.elts[1])
    if evaluator.value(shape.elts[0]) != -1 or not isinstance(rest, int) or not given or None in given or not rest:
        return None
    total, whole = prod(size or 0 for size in given), prod(size or 0 for size in given[1:])
    if total % rest or whole == rest or {given[0], total // rest} != counts:
        return None
    return _Fault(rest, whole, given[1:], (given[0] or 0, total // rest), cell.span(node))


def _headline(call: CallRecord, fault: _Fault) -> str:
    if fault.rows is None:
        return f"{name_of(call)} cannot multiply {spelled(call.inputs[0])} by a matrix made for {fault.have} values"
    name = f"the reshape on line {fault.reshape.line}" if fault.reshape else "a reshape"
    return f"{name} makes {fault.rows[1]} rows of {fault.rows[0]} samples"


def _reasons(fault: _Fault) -> Iterator[str]:
    parts = " x ".join(map(str, fault.sizes))
    whole = f"{parts} = {fault.want}" if len(fault.sizes) > 1 else parts
    yield f"the map has {whole} values, {fault.have} were written down"


def _fixes(fault: _Fault, trace: Trace) -> Iterator[Fix]:
    for cell in codes_of(trace):
        edits = [cell.replace(node, _number_rewritten(node, fault)) for node in _numbers_written(cell, fault.have)]
        if edits:
            text = _number_rewritten(_numbers_written(cell, fault.have)[0], fault)
            yield fix(f"write {text} for the flattened map", cell, edits, Applicability.SURE)
            break
    if fault.rows is None:
        yield from _padding_fixes(fault, trace)


def _numbers_written(cell: Code, number: int) -> list[ast.expr]:
    """Return the products of literals that come to this number, the widest ones, then the lone literals."""
    products = [n for n in ast.walk(cell.tree) if isinstance(n, ast.BinOp) and _literal_product(n) is not None]
    inner = {id(child) for node in products for child in ast.walk(node) if child is not node}
    found = [n for n in products if id(n) not in inner and prod(_literal_product(n) or (0,)) == number]
    lone = [n for n in ast.walk(cell.tree) if isinstance(n, ast.Constant) and n.value == number and n.value is not True]
    return [*found, *lone]


def _literal_product(node: ast.expr) -> tuple[int, ...] | None:
    """Return the factors of `7 * 7 * 64`; None for another expression."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return (node.value,)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        left, right = _literal_product(node.left), _literal_product(node.right)
        return (*left, *right) if left is not None and right is not None else None
    return None


def _number_rewritten(node: ast.expr, fault: _Fault) -> str:
    """Return the map's number in the form in which the old one was written."""
    factors = _literal_product(node) or ()
    return " * ".join(map(str, fault.sizes)) if len(factors) == len(fault.sizes) else str(fault.want)


def _padding_fixes(fault: _Fault, trace: Trace) -> Iterator[Fix]:
    """Yield a fix that keeps the written number, where padding the convolutions gives just that."""
    last = next((c for c in reversed(trace.calls) if c.output is not None and c.output[1:] == fault.sizes), None)
    if last is None:
        return
    changes = [change for change in changes_along(trace.calls) if change.argument == "padding"]
    shape = WhatIf(trace, with_changes(changes, trace.calls)).output(last.index) if changes else None
    if shape is None or prod(size or 0 for size in shape[1:]) != fault.have:
        return
    cell = code_of(trace, last.span)
    words = {id(w): w for change in changes if cell for w in _padding_literal(cell, change.call)}
    if cell is not None and words:
        edits: list[Edit] = [cell.replace(word, _same_word(cell, word)) for word in words.values()]
        yield fix("pad the convolutions and poolings", cell, edits, Applicability.CHOICE)


def _padding_literal(cell: Code, call: CallRecord) -> list[ast.expr]:
    """Return the literal that says how a call pads; empty where there is none."""
    node = cell.call_at(call.created if call.layer is not None else call.span)
    padding = option_of(node, "padding", call.op) if node is not None else None
    literal = definitions_of(cell, padding)[-1] if padding is not None else None
    return [literal] if isinstance(literal, ast.Constant) else []


def _same_word(cell: Code, word: ast.expr) -> str:
    """Return the word for padding in the case, upper or lower, of the other word."""
    return '"SAME"' if cell.text_of(word).isupper() else '"same"'
