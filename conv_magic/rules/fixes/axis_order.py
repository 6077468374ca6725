"""Repairs of the order in which a transpose puts the axes of data: `[0, 2, 3, 1]` in place of `[0, 3, 1, 2]`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.operands import Operand, operand_of
from conv_magic.model.calls import CallRecord
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import channel_axis
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.text.edits import bracketed, fix
from conv_magic.text.source import called_name


def transpose_reordered(call: CallRecord, trace: Trace, want: int | None) -> Iterator[Fix]:
    """Offer the order with which `want` channels stand last, where a transpose behind the input has another."""
    shape = call.inputs[0]
    operand = operand_of(call, trace)
    if operand is None or want is None or channel_axis(call, len(shape)) != len(shape) - 1:
        return
    for written, order in _transpose_orders(operand, trace, len(shape)):
        before = dict(zip(order, shape, strict=True))
        for other in (0, *range(2, len(shape)), 1), (0, len(shape) - 1, *range(1, len(shape) - 1)):
            if other != order and before[other[-1]] == want:
                edit = operand.code.replace(written, bracketed(written, map(str, other)))
                yield fix(f"order the axes {list(other)}", operand.code, [edit], Applicability.SURE)
                return


def order_between(before: Shape, after: Shape) -> tuple[int, ...] | None:
    """Return the order of axes that turns one shape into another, None without one; equal sizes keep theirs."""
    axes, order = list(range(len(before))), []
    for size in after:
        axis = next((axis for axis in axes if before[axis] == size), None)
        if axis is None:
            return None
        axes.remove(axis)
        order.append(axis)
    return None if axes else tuple(order)


def _transpose_orders(operand: Operand, trace: Trace, rank: int) -> Iterator[tuple[ast.expr, tuple[int, ...]]]:
    """Yield the orders of the transposes that an operand comes from, each with its expression."""
    for origin in definitions_of(operand.code, operand.value):
        if not isinstance(origin, ast.Call) or called_name(origin) != "transpose":
            continue
        for argument in (*origin.args, *(keyword.value for keyword in origin.keywords)):
            order = Evaluator(operand.code, trace).value(argument)
            known = tuple(n or 0 for n in order) if isinstance(order, tuple) else ()
            if sorted(known) == list(range(rank)):
                yield argument, known
