"""What a merge is, however it is written: a layer, `tf.concat`, `a + b`; and the branches that lead to it."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from conv_magic import arithmetic
from conv_magic.analysis.operands import code_of
from conv_magic.analysis.what_if import WhatIf, before, producer_of
from conv_magic.model.calls import CallRecord
from conv_magic.model.options import MergeOptions
from conv_magic.model.positions import Span
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.text.source import Code, argument, called_name, integers

_JOINING = {"concat", "concatenate"}
_ELEMENTWISE = {
    "add", "sub", "mult", "div", "truediv", "multiply", "subtract", "divide", "maximum", "minimum", "add_n", "Add",
}  # fmt: skip


@dataclass(frozen=True)
class Merge:
    """A call that joins several tensors.

    parts   the expressions of the tensors, where the text lists them one by one
    """

    call: CallRecord
    axis: int | None
    code: Code
    node: ast.expr | ast.AugAssign
    parts: tuple[ast.expr, ...]

    @property
    def joined(self) -> int | None:
        """The axis along which the inputs are put together, counted from the front."""
        return None if self.axis is None else self.axis % len(self.call.inputs[0])


def merge_of(call: CallRecord, trace: Trace) -> Merge | None:
    """The merge that a call is, if it is one."""
    code = code_of(trace, call.span)
    node = _node_at(code, call.span) if code and call.span else None
    if code is None or node is None or len(call.inputs) < 2:
        return None
    if isinstance(call.options, MergeOptions):
        return Merge(call, call.options.axis, code, node, _listed(call, node))
    if call.layer is not None or call.options is not None:
        return None
    if call.op in _JOINING and isinstance(node, ast.Call):
        return Merge(call, _axis_given(node, call.op), code, node, _listed(call, node))
    if call.op in _ELEMENTWISE:
        return Merge(call, None, code, node, _listed(call, node))
    return None


def _node_at(code: Code, span: Span) -> ast.expr | ast.AugAssign | None:
    return code.node_at(span, ast.expr) or code.node_at(span, ast.AugAssign)


def _axis_given(node: ast.Call, op: str) -> int:
    axis = integers(argument(node, 1, "axis"))
    return axis[0] if axis else -1 if op == "concatenate" and called_name(node) != "concatenate" else 0


def _listed(call: CallRecord, node: ast.AST) -> tuple[ast.expr, ...]:
    if isinstance(node, ast.BinOp):
        parts: list[ast.expr] = [node.left, node.right]
    elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.List | ast.Tuple):
        parts = node.args[0].elts
    elif isinstance(node, ast.Call):
        parts = node.args
    else:
        parts = []
    return tuple(parts) if len(parts) == len(call.inputs) else ()


def merged(merge: Merge, shapes: tuple[Shape | None, ...]) -> Shape | None:
    """What the merge gives for these inputs; None where it fails."""
    known = tuple(shape for shape in shapes if shape is not None)
    if len(known) < len(shapes):
        return None
    try:
        return arithmetic.expected_shape(MergeOptions(merge.axis), known, None)
    except arithmetic.ShapeProblem:
        return None


def merged_if(merge: Merge, what: WhatIf) -> Shape | None:
    """What the merge would give if things were so."""
    return merged(merge, tuple(what.given(merge.call, which) for which in range(len(merge.call.inputs))))


def branches(merge: Merge, trace: Trace) -> list[tuple[CallRecord, ...]]:
    """For each input the calls that led to it and to none of the others."""
    every = [_led_to(merge.call, which, trace) for which in range(len(merge.call.inputs))]
    return [
        tuple(call for call in chain if not any(call in other for place, other in enumerate(every) if place != which))
        for which, chain in enumerate(every)
    ]


def _led_to(call: CallRecord, which: int, trace: Trace) -> tuple[CallRecord, ...]:
    maker = producer_of(call, which, trace)
    return (*before(trace.calls[maker], trace), trace.calls[maker]) if maker is not None else ()
