"""Describe a merge however it is written, as a layer, `tf.concat` or `a + b`, and the branches that lead to it."""

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
        """Return the axis along which the inputs are put together, counted from 0; None for an elementwise merge."""
        return None if self.axis is None else self.axis % len(self.call.inputs[0])


def merge_of(call: CallRecord, trace: Trace) -> Merge | None:
    """Return the merge that a call is, None if it is none."""
    code = code_of(trace, call.span)
    node = _node_at(code, call.span) if code and call.span else None
    if code is None or node is None or len(call.inputs) < 2:
        return None
    if isinstance(call.options, MergeOptions):
        return Merge(call, call.options.axis, code, node, _operands_listed(call, node))
    if call.layer is not None or call.options is not None:
        return None
    if call.op in _JOINING and isinstance(node, ast.Call):
        return Merge(call, _axis_given(node, call.op), code, node, _operands_listed(call, node))
    if call.op in _ELEMENTWISE:
        return Merge(call, None, code, node, _operands_listed(call, node))
    return None


def _node_at(code: Code, span: Span) -> ast.expr | ast.AugAssign | None:
    return code.node_at(span, ast.expr) or code.node_at(span, ast.AugAssign)


def _axis_given(node: ast.Call, op: str) -> int:
    """Return the axis written in a call, else the default of its function."""
    axis = integers(argument(node, 1, "axis"))
    return axis[0] if axis else -1 if op == "concatenate" and called_name(node) != "concatenate" else 0


def _operands_listed(call: CallRecord, node: ast.AST) -> tuple[ast.expr, ...]:
    """Return the expressions of the inputs, empty if the text does not list them one by one."""
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
    """Return the shape that the merge gives for these inputs, None if it fails or a shape is not known."""
    known = tuple(shape for shape in shapes if shape is not None)
    if len(known) < len(shapes):
        return None
    try:
        return arithmetic.expected_shape(MergeOptions(merge.axis), known, None)
    except arithmetic.ShapeProblem:
        return None


def merged_if(merge: Merge, what_if: WhatIf) -> Shape | None:
    """Return the shape that the merge would give after hypothetical changes."""
    return merged(merge, tuple(what_if.given(merge.call, index) for index in range(len(merge.call.inputs))))


def branches(merge: Merge, trace: Trace) -> list[tuple[CallRecord, ...]]:
    """Return for each input the calls that led to it and to none of the others."""
    every = [_branch_of(merge.call, index, trace) for index in range(len(merge.call.inputs))]
    return [
        tuple(call for call in chain if not any(call in other for other in every[:index] + every[index + 1 :]))
        for index, chain in enumerate(every)
    ]


def _branch_of(call: CallRecord, index: int, trace: Trace) -> tuple[CallRecord, ...]:
    """Return all calls that led to an input, its producer last."""
    producer = producer_of(call, index, trace)
    return (*before(trace.calls[producer], trace), trace.calls[producer]) if producer is not None else ()
