"""Repairs of a merge whose branches differ: in the layers of a branch, at the declared input, at the merge itself."""

from __future__ import annotations

from collections.abc import Iterator

from conv_magic.analysis.merges import Merge, branches
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.fixes.merge_channels import channels_made_equal
from conv_magic.rules.fixes.merge_layers import layers_changed
from conv_magic.rules.fixes.merge_levels import gate_enlarged, shortcut_of_other_level
from conv_magic.rules.fixes.merge_order import shortcut_of_other_end
from conv_magic.rules.fixes.merge_shortcuts import pooled, projected, projection_strided
from conv_magic.rules.fixes.merge_sizes import brought_to_size, enlarges, other_size_declared


def merge_fixes(merge: Merge, trace: Trace, which: int, axes: tuple[int, ...]) -> Iterator[Fix]:
    """Yield the repairs, the likeliest first; `which` is the input that differs, in `axes`."""
    rank = len(merge.call.inputs[0])
    chains = branches(merge, trace)
    other = 1 if which == 0 else 0
    if axes == (rank - 1,):
        yield from channels_made_equal(merge, trace, chains, which, other)
        return
    if rank - 1 in axes and merge.axis is None:
        yield from projected(merge, trace, chains, which, other)
        return
    ratio = _ratio_of_sizes(merge.call.inputs[which], merge.call.inputs[other], axes)
    certain = [*gate_enlarged(merge, trace, ratio), *shortcut_of_other_level(merge, trace)]
    if certain:
        yield from certain
        return
    from_other_end = list(shortcut_of_other_end(merge, trace)) if ratio > 1 and merge.axis is not None else []
    yield from from_other_end
    if any(offered.applicability is Applicability.SURE for offered in from_other_end):
        return
    strided = list(projection_strided(merge, trace, chains, ratio)) if ratio > 1 else []
    yield from strided
    if strided:
        return
    yield from layers_changed(merge, trace, chains, which, ratio)
    if ratio > 1:
        yield from projected(merge, trace, chains, which, other)
        yield from pooled(merge, trace, chains, which, other, ratio)
        return
    if any(enlarges(call) for chain in chains for call in chain):
        yield from other_size_declared(merge, trace, axes)
    yield from brought_to_size(merge, chains, which, other)


def _ratio_of_sizes(one: Shape, two: Shape, axes: tuple[int, ...]) -> int:
    """Return how many times the larger shape is larger, 1 where that is no whole number for all axes."""
    ratios = set()
    for axis in axes:
        small, large = sorted((one[axis] or 0, two[axis] or 0))
        ratios.add(-(-large // small) if small and (large % small == 0 or -(-large // 2) == small) else 1)
    return ratios.pop() if len(ratios) == 1 else 1
