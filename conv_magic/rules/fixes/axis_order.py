"""Repairs of the order in which a transpose puts the axes of data: `[0, 3, 1, 2]` where `[0, 2, 3, 1]` was meant."""

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
from conv_magic.text.edits import fix
from conv_magic.text.source import called_name


def of_order(call: CallRecord, trace: Trace, want: int | None) -> Iterator[Fix]:
    """The order with which `want` channels stand last, where the text that makes the input writes another."""
    shape = call.inputs[0]
    supply = operand_of(call, trace)
    if supply is None or want is None or channel_axis(call, len(shape)) != len(shape) - 1:
        return
    for listed, order in _orders(supply, trace, len(shape)):
        before = dict(zip(order, shape, strict=True))
        for right in (0, *range(2, len(shape)), 1), (0, len(shape) - 1, *range(1, len(shape) - 1)):
            if right != order and before[right[-1]] == want:
                opening, closing = ("(", ")") if isinstance(listed, ast.Tuple) else ("[", "]")
                edit = supply.code.replace(listed, f"{opening}{', '.join(map(str, right))}{closing}")
                yield fix(f"order the axes {list(right)}", supply.code, [edit], Applicability.SURE)
                return


def order_between(before: Shape, after: Shape) -> tuple[int, ...] | None:
    """The order of axes in which the one shape is the other, None where there is none; equal sizes keep their order."""
    left, order = list(enumerate(before)), []
    for size in after:
        place = next((i for i, (_, there) in enumerate(left) if there == size), None)
        if place is None:
            return None
        order.append(left.pop(place)[0])
    return None if left else tuple(order)


def _orders(supply: Operand, trace: Trace, rank: int) -> Iterator[tuple[ast.expr, tuple[int, ...]]]:
    """The orders that the transposes behind a value write."""
    for origin in definitions_of(supply.code, supply.value):
        if not isinstance(origin, ast.Call) or called_name(origin) != "transpose":
            continue
        for listed in (*origin.args, *(keyword.value for keyword in origin.keywords)):
            order = Evaluator(supply.code, trace).value(listed)
            known = tuple(n or 0 for n in order) if isinstance(order, tuple) else ()
            if sorted(known) == list(range(rank)):
                yield listed, known
