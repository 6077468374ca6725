"""An axis more, an axis less, axes in another order, another shape of the same values."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from math import prod

from conv_magic.analysis.case import Case
from conv_magic.analysis.foresee import Becomes, Effect
from conv_magic.model.shapes import Shape
from conv_magic.repair.operators.operator import (
    Candidate,
    Operator,
    array_at,
    at_axis,
    indexed,
    put,
    unlike_images,
)

_MOST_AXES = 6
_USUAL_ORDERS = {
    (0, 2, 3, 1), (0, 3, 1, 2), (2, 3, 1, 0), (0, 2, 1), (1, 0), (0, 2, 1, 3), (1, 2, 0), (0, 2, 3, 4, 1), (0, 1, 3, 2),
    (1, 0, 2), (1, 2, 3, 0), (2, 1, 0), (2, 3, 4, 1, 0), (0, 1, 3, 4, 2), (2, 3, 0, 1),
}  # fmt: skip


def _add_axis(case: Case, node: ast.expr) -> Iterator[Candidate]:
    found = array_at(case, node)
    if found is None:
        return
    value, shape = found
    for axis in range(len(shape) + 1):
        after = (*shape[:axis], 1, *shape[axis:])
        extra = case.fit(node, after)
        if extra is None or len(after) > _MOST_AXES:
            continue
        extra += 0.0 if axis in (0, len(shape)) else 0.3
        extra += 0.7 if value.library == "keras" else 0.0
        text = indexed(case, node, *at_axis(axis, len(shape) + 1, "None"))
        key = axis - len(shape) if axis else 0, case.program.text_of(node)
        effect = Effect(node, _inserted(axis, len(shape)))
        yield Candidate(put(case, node, text), extra + unlike_images(after), after, key, effect=effect)


def _inserted(axis: int, rank: int) -> Becomes:
    return lambda shape: (*shape[:axis], 1, *shape[axis:]) if len(shape) == rank else None


def _removed(axis: int, rank: int) -> Becomes:
    return lambda shape: shape[:axis] + shape[axis + 1 :] if len(shape) == rank else None


def _ordered(order: tuple[int, ...]) -> Becomes:
    return lambda shape: tuple(shape[axis] for axis in order) if len(shape) == len(order) else None


def _drop_axis(case: Case, node: ast.expr) -> Iterator[Candidate]:
    found = array_at(case, node)
    if found is None:
        return
    _, shape = found
    for axis, size in enumerate(shape):
        after = shape[:axis] + shape[axis + 1 :]
        extra = case.fit(node, after)
        if extra is None or size is None:
            continue
        extra += 0.0 if size == 1 else 1.8
        places = ("0", "-1") if size != 1 and axis in (0, 1) else ("0",)
        for more, place in enumerate(places):
            text = indexed(case, node, *at_axis(axis, len(shape), place))
            key = axis, place, case.program.text_of(node)
            effect = Effect(node, _removed(axis, len(shape)))
            yield Candidate(put(case, node, text), extra + 0.4 * more, after, key, effect=effect)


def _transpose(case: Case, node: ast.expr) -> Iterator[Candidate]:
    found = array_at(case, node)
    if found is None or len(found[1]) < 2:
        return
    value, shape = found
    for order in itertools.permutations(range(len(shape))):
        after = tuple(shape[axis] for axis in order)
        usual = order in _USUAL_ORDERS
        extra = case.fit(node, after) if after != shape and (usual or len(shape) <= 4) else None
        if extra is None or (not usual and extra > 0.3):
            continue
        extra += 0.0 if usual else 0.6
        extra += _unusual_order(shape == case.kernel, order, after)
        text, imports = _transposed(case, node, value.library, order)
        if text:
            key = order, case.program.text_of(node)
            yield Candidate(put(case, node, text), extra, after, key, imports, Effect(node, _ordered(order)))


def _unusual_order(is_kernel: bool, order: tuple[int, ...], after: Shape) -> float:
    extra = 0.0 if is_kernel else unlike_images(after)
    if len(order) >= 4:
        usual = (2, 3, 1, 0) if is_kernel else (0, 2, 3, 1)
        extra += 0.0 if order[:4] == usual else 0.3 if is_kernel or order[0] == 0 else 0.8
    return extra


def _transposed(case: Case, node: ast.expr, library: str, order: tuple[int, ...]) -> tuple[str, str]:
    text = case.program.text_of(node)
    if library == "numpy":
        return f"{case.program.before_suffix(node)}.transpose{order}", ""
    if library == "keras":
        if order[0] != 0 or len(order) < 3:
            return "", ""
        layer, imports = case.program.layer("Permute")
        return f"{layer}({order[1:]})({text})", imports
    function, imports = case.program.named("tensorflow.transpose")
    return f"{function}({text}, {list(order)})", imports


def _reshape(case: Case, node: ast.expr) -> Iterator[Candidate]:
    found = array_at(case, node)
    if found is None:
        return
    value, shape = found
    sizes = [size for size in shape if size is not None]
    if value.library == "keras" or not shape or len(sizes) < len(shape):
        return
    total = prod(sizes)
    for new in _shapes_for(case, shape, total):
        known = prod(size for size in new if size > 0)
        if not known or total % known:
            continue
        after = tuple(total // known if size == -1 else size for size in new)
        extra = case.fit(node, after)
        if extra is None or after == shape:
            continue
        key = new, case.program.text_of(node)
        if value.library == "numpy":
            yield Candidate(put(case, node, f"{case.program.before_suffix(node)}.reshape{new}"), extra, after, key)
        else:
            function, imports = case.program.named("tensorflow.reshape")
            text = f"{function}({case.program.text_of(node)}, {list(new)})"
            yield Candidate(put(case, node, text), extra, after, key, imports)


def _shapes_for(case: Case, shape: Shape, total: int) -> set[tuple[int, ...]]:
    first = shape[0] or 0
    shapes: set[tuple[int, ...]] = {(first, -1)} if len(shape) > 2 else set()
    for goal in case.goals:
        inner = [size for size in goal.want[1:] if size is not None]
        if inner and len(inner) == len(goal.want) - 1:
            count = prod(inner)
            if count and total % count == 0:
                shapes.add((first if total // count == first else -1, *inner))
        if len(goal.want) == 2 or goal.want[-1:] == (1,):
            shapes.add((-1, 1))
    return shapes


OPERATORS = (
    Operator("add axis", 1.0, _add_axis, frozenset({"array"})),
    Operator("drop axis", 1.1, _drop_axis, frozenset({"array"})),
    Operator("transpose", 1.3, _transpose, frozenset({"array"})),
    Operator("reshape", 2.0, _reshape, frozenset({"array"})),
)
