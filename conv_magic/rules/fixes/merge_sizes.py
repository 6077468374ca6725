"""Repairs of a merge whose sizes differ after halvings: another declared input, or one branch cut or resized."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import product
from math import prod

from conv_magic.analysis.input_declarations import declaration_for
from conv_magic.analysis.merges import Merge, merged, merged_if
from conv_magic.analysis.operands import module_alias
from conv_magic.analysis.shape_literals import shape_literals
from conv_magic.analysis.training import with_number
from conv_magic.analysis.what_if import WhatIf, before, producer_of
from conv_magic.model.calls import CallRecord
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.options import ConvTransposeOptions, UpSamplingOptions
from conv_magic.model.positions import Edit
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.text.edits import fix, indexed, wrapped
from conv_magic.text.layer_edits import layer_name

_FARTHEST = 64
"""How far from the declared size another one is looked for."""


def declared_anew(merge: Merge, trace: Trace, axes: tuple[int, ...]) -> Iterator[Fix]:
    """The model's declared input made the nearest size with which all halvings and doublings agree."""
    chain = before(merge.call, trace)
    rank = len(merge.call.inputs[0])
    leaves = {c.inputs[0] for c in chain if len(c.inputs[0]) == rank and producer_of(c, 0, trace) is None}
    if len(leaves) != 1:
        return
    leaf = leaves.pop()
    declared = declaration_for(trace, leaf[1:])
    literal = next(shape_literals(declared.code, trace, declared.value, leaf[1:]), None) if declared else None
    if declared is None or literal is None:
        return
    wanted = _nearest(merge, trace, leaf, axes)
    if wanted is None:
        return
    edits: list[Edit] = []
    for node, have, want in zip(literal.elts, leaf[1:], wanted[1:], strict=True):
        if have != want and want is not None:
            edits.extend(list(with_number(declared.code, trace, node, want))[:1])
    by = " x ".join(str(size) for size in wanted[1:-1])
    title = f"declare an input of {by}, which halves and doubles without a rest"
    data = any(v.shape is not None and v.kind == "array" and v.shape[1:] == leaf[1:] for v in trace.values)
    sure = Applicability.CHOICE if data else Applicability.SURE
    yield fix(title, declared.code, list(dict.fromkeys(edits)), sure)


def _nearest(merge: Merge, trace: Trace, leaf: Shape, axes: tuple[int, ...]) -> Shape | None:
    """The input size nearest to this one, larger first, that every merge so far and this one can take."""
    alike = len({leaf[axis] for axis in range(1, len(leaf) - 1)}) == 1
    moved = tuple(range(1, len(leaf) - 1)) if alike else axes
    smallest = _poolings(before(merge.call, trace))
    for distance in range(1, _FARTHEST):
        for sign in (1, -1):
            sizes = tuple((s or 0) + sign * distance if i in moved else s for i, s in enumerate(leaf))
            whole = all((sizes[axis] or 0) % smallest == 0 for axis in moved)
            if whole and merged_if(merge, WhatIf(trace, {}, {leaf: sizes})) is not None:
                return sizes
    return None


def _poolings(chain: tuple[CallRecord, ...]) -> int:
    """By how much a branch is made smaller altogether: sizes divisible by it come back whole."""
    shrinking = (call.options for call in chain if not isinstance(call.options, ConvTransposeOptions))
    return prod(max(getattr(options, "strides", (1,))) for options in shrinking)


def brought_to_size(merge: Merge, own: list[tuple[CallRecord, ...]], which: int, other: int) -> Iterator[Fix]:
    """One branch cut or resized to the other at the merge: the one that was enlarged, to the one it comes back to."""
    if not merge.parts or len(merge.call.inputs) != 2 or len(merge.call.inputs[0]) != 4:
        return
    place = next((p for p, chain in enumerate(own) if any(enlarges(c) for c in chain)), None)
    doubled = _doubled(merge)
    if place is None and doubled is not None:
        place = doubled
    if place is None:
        place = max((which, other), key=lambda p: merge.call.inputs[p][1] or 0)
    shape, wanted = merge.call.inputs[place], merge.call.inputs[1 - place]
    if None in (*shape[1:3], *wanted[1:3]):
        return
    partner = merge.code.text_of(merge.parts[1 - place])
    sizes = list[Shape | None](merge.call.inputs)
    sizes[place] = (shape[0], *wanted[1:3], shape[3])
    predicted = merged(merge, tuple(sizes)) if merge.call.layer else None
    larger = all((a or 0) >= (b or 0) for a, b in zip(shape[1:3], wanted[1:3], strict=True))
    title = f"{'cut' if larger else 'resize'} the branch to the {wanted[1]} x {wanted[2]} of the other"
    up = any(enlarges(c) for c in own[place]) or place == doubled
    how = Applicability.SURE if up else Applicability.CHOICE
    edits = _cut_or_resized(merge, merge.parts[place], partner, larger=larger)
    if edits:
        yield fix(title, merge.code, edits, how, predicted)


def _doubled(merge: Merge) -> int | None:
    """The branch whose sizes are those of the other halved and doubled: one less, or one more, where they are odd."""
    for place, sign in product((0, 1), (-1, 1)):
        shape, other = merge.call.inputs[place], merge.call.inputs[1 - place]
        sizes = [(a or 0, b or 0) for a, b in zip(shape[1:-1], other[1:-1], strict=True)]
        if any(a != b for a, b in sizes) and all(a == b + sign * (b % 2) for a, b in sizes):
            return place
    return None


def enlarges(call: CallRecord) -> bool:
    """Whether a layer makes its input larger, as on the way up of a U-Net."""
    return isinstance(call.options, UpSamplingOptions | ConvTransposeOptions)


def _cut_or_resized(merge: Merge, part: ast.expr, partner: str, *, larger: bool) -> list[Edit]:
    made = merge.code.call_at(merge.call.created)
    if made is not None:
        named = layer_name(merge.code, made, "CenterCrop" if larger else "Resizing")
        if named is not None:
            return [wrapped(merge.code, part, f"{named[0]}(*{partner}.shape[1:3])(", ")"), *named[1]]
    if larger:
        return [indexed(merge.code, part, f"[:, :{partner}.shape[1], :{partner}.shape[2]]")]
    name = module_alias(merge.code, "tensorflow")
    return [wrapped(merge.code, part, f"{name}.image.resize(", f", {partner}.shape[1:3])")] if name else []
