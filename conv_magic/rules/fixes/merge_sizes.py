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


def other_size_declared(merge: Merge, trace: Trace, axes: tuple[int, ...]) -> Iterator[Fix]:
    """Declare the model's input at the nearest size with which all halvings and doublings agree."""
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
    wanted = _nearest_size(merge, trace, leaf, axes)
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


def _nearest_size(merge: Merge, trace: Trace, leaf: Shape, axes: tuple[int, ...]) -> Shape | None:
    """Return the input size nearest to this one, larger first, that this merge and those before can take; else None."""
    alike = len({leaf[axis] for axis in range(1, len(leaf) - 1)}) == 1
    moved = tuple(range(1, len(leaf) - 1)) if alike else axes
    factor = _shrinking_factor(before(merge.call, trace))
    for distance in range(1, _FARTHEST):
        for sign in (1, -1):
            sizes = tuple((s or 0) + sign * distance if i in moved else s for i, s in enumerate(leaf))
            whole = all((sizes[axis] or 0) % factor == 0 for axis in moved)
            if whole and merged_if(merge, WhatIf(trace, {}, {leaf: sizes})) is not None:
                return sizes
    return None


def _shrinking_factor(chain: tuple[CallRecord, ...]) -> int:
    """Return by how much a branch is made smaller altogether: sizes divisible by it come back whole."""
    shrinking = (call.options for call in chain if not isinstance(call.options, ConvTransposeOptions))
    return prod(max(getattr(options, "strides", (1,))) for options in shrinking)


def brought_to_size(merge: Merge, chains: list[tuple[CallRecord, ...]], which: int, other: int) -> Iterator[Fix]:
    """Cut or resize one branch at the merge: the one that was enlarged, to the size that it comes back to."""
    if not merge.parts or len(merge.call.inputs) != 2 or len(merge.call.inputs[0]) != 4:
        return
    doubled = _doubled_branch(merge)
    enlarged = next((i for i, chain in enumerate(chains) if any(map(enlarges, chain))), doubled)
    larger_one = max((which, other), key=lambda i: merge.call.inputs[i][1] or 0)
    index = larger_one if enlarged is None else enlarged
    shape, wanted = merge.call.inputs[index], merge.call.inputs[1 - index]
    if None in (*shape[1:3], *wanted[1:3]):
        return
    partner = merge.code.text_of(merge.parts[1 - index])
    sizes = list[Shape | None](merge.call.inputs)
    sizes[index] = (shape[0], *wanted[1:3], shape[3])
    predicted = merged(merge, tuple(sizes)) if merge.call.layer else None
    larger = all((a or 0) >= (b or 0) for a, b in zip(shape[1:3], wanted[1:3], strict=True))
    title = f"{'cut' if larger else 'resize'} the branch to the {wanted[1]} x {wanted[2]} of the other"
    applicability = Applicability.SURE if enlarged is not None else Applicability.CHOICE
    edits = _cut_or_resized(merge, merge.parts[index], partner, larger=larger)
    if edits:
        yield fix(title, merge.code, edits, applicability, predicted)


def _doubled_branch(merge: Merge) -> int | None:
    """Return the branch whose sizes are those of the other halved and doubled, where they are odd; else None."""
    for index, sign in product((0, 1), (-1, 1)):
        shape, other = merge.call.inputs[index], merge.call.inputs[1 - index]
        sizes = [(a or 0, b or 0) for a, b in zip(shape[1:-1], other[1:-1], strict=True)]
        if any(a != b for a, b in sizes) and all(a == b + sign * (b % 2) for a, b in sizes):
            return index
    return None


def enlarges(call: CallRecord) -> bool:
    """Check whether a layer makes its input larger, as on the way up of a U-Net."""
    return isinstance(call.options, UpSamplingOptions | ConvTransposeOptions)


def _cut_or_resized(merge: Merge, part: ast.expr, partner: str, *, larger: bool) -> list[Edit]:
    node = merge.code.call_at(merge.call.created)
    if node is not None:
        named = layer_name(merge.code, node, "CenterCrop" if larger else "Resizing")
        if named is not None:
            return [wrapped(merge.code, part, f"{named[0]}(*{partner}.shape[1:3])(", ")"), *named[1]]
    if larger:
        return [indexed(merge.code, part, f"[:, :{partner}.shape[1], :{partner}.shape[2]]")]
    name = module_alias(merge.code, "tensorflow")
    return [wrapped(merge.code, part, f"{name}.image.resize(", f", {partner}.shape[1:3])")] if name else []
