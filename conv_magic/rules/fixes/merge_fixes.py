"""Repairs of a merge whose branches differ: in the layers of a branch, at the declared input, at the merge itself."""

from __future__ import annotations

from collections.abc import Iterator

from conv_magic.analysis.merges import Merge, branches
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.fixes.merge_channels import in_channels
from conv_magic.rules.fixes.merge_layers import in_layers
from conv_magic.rules.fixes.merge_levels import gate_enlarged, of_other_level
from conv_magic.rules.fixes.merge_order import of_other_end
from conv_magic.rules.fixes.merge_shortcuts import pooled, projected, projection_strided
from conv_magic.rules.fixes.merge_sizes import brought_to_size, declared_anew, enlarges


def merge_fixes(merge: Merge, trace: Trace, which: int, axes: tuple[int, ...]) -> Iterator[Fix]:
    """The repairs, likeliest first; `which` is the input that differs, in `axes`."""
    rank = len(merge.call.inputs[0])
    own = branches(merge, trace)
    other = _other(merge, which)
    if axes == (rank - 1,):
        yield from in_channels(merge, trace, own, which, other)
        return
    if rank - 1 in axes and merge.axis is None:
        yield from projected(merge, trace, own, which, other)
        return
    ratio = _ratio(merge.call.inputs[which], merge.call.inputs[other], axes)
    certain = [*gate_enlarged(merge, trace, ratio), *of_other_level(merge, trace)]
    if certain:
        yield from certain
        return
    kept = list(of_other_end(merge, trace)) if ratio > 1 and merge.axis is not None else []
    yield from kept
    if any(each.applicability is Applicability.SURE for each in kept):
        return
    strided = list(projection_strided(merge, trace, own, ratio)) if ratio > 1 else []
    yield from strided
    if strided:
        return
    yield from in_layers(merge, trace, own, which, ratio)
    if ratio > 1:
        yield from projected(merge, trace, own, which, other)
        yield from pooled(merge, trace, own, which, other, ratio)
        return
    if any(enlarges(call) for chain in own for call in chain):
        yield from declared_anew(merge, trace, axes)
    yield from brought_to_size(merge, own, which, other)


def _other(merge: Merge, which: int) -> int:
    """An input that the differing one should agree with."""
    return next(place for place in range(len(merge.call.inputs)) if place != which)


def _ratio(one: Shape, two: Shape, axes: tuple[int, ...]) -> int:
    """How many times the larger is larger, 1 where that is no whole number for all axes."""
    ratios = set()
    for axis in axes:
        small, large = sorted((one[axis] or 0, two[axis] or 0))
        ratios.add(-(-large // small) if small and (large % small == 0 or -(-large // 2) == small) else 1)
    return ratios.pop() if len(ratios) == 1 else 1
