"""Repairs of a merge in the layers of one branch: their padding and strides."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.arguments import option_of, with_option
from conv_magic.analysis.merges import Merge, merged_if
from conv_magic.analysis.what_if import Change, WhatIf, changes_along, with_changes
from conv_magic.model.calls import CallRecord
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import name_of
from conv_magic.model.options import PoolOptions
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.fixes.layer_changes import Edits, changed_all
from conv_magic.text.edits import fix
from conv_magic.text.source import Code


def layers_changed(
    merge: Merge, trace: Trace, chains: list[tuple[CallRecord, ...]], which: int, ratio: int
) -> Iterator[Fix]:
    """Change arguments of layers of one branch so that the branches agree, the likeliest three changes."""
    found: list[tuple[tuple[int, ...], list[Change], Shape]] = []
    for index, chain in enumerate(chains):
        every = changes_along(chain, *dict.fromkeys((ratio, 1)))
        convolutions = [c for c in every if c.argument == "padding" and not isinstance(c.options, PoolOptions)]
        ways = [[change] for change in every] + _padded_poolings(every) + [convolutions] * (len(convolutions) > 1)
        for way in ways:
            output = merged_if(merge, WhatIf(trace, with_changes(way, (*chain, *_others_of_lines(chain, trace)))))
            if output is not None:
                odd = len(chains) > 2 and index != which
                back = _takes_strides_back(way)
                other = _strided_layers(chains[1 - index]) if len(chains) == 2 else 0
                twice = back and _strided_layers(chain) > other > 0  # smaller by strides once more than the other
                strides = way[0].argument == "strides" and not twice
                found.append(((odd, not (way[0].added or twice), back and not twice, len(way), strides), way, output))
    found.sort(key=lambda entry: entry[0])
    shortest = min((len(way) for _, way, _ in found), default=0)
    for rank, way, output in [entry for entry in found if len(entry[1]) == shortest][:3]:
        edits = changed_all(way, trace)
        if edits is None:
            continue
        sure = Applicability.CHOICE if rank[0] or rank[1] else Applicability.SURE
        if ratio > 1 and way[0].argument == "strides" and way[0].text != "1":
            edits = _with_copied_strides(way[0], chains, edits)
        yield fix(_layers_and_arguments(way), edits[0], edits[1], sure, output if merge.call.layer else None)


def _strided_layers(chain: tuple[CallRecord, ...]) -> int:
    """Return how many layers of a branch make it smaller by strides."""
    return sum(max(getattr(call.options, "strides", None) or (1,)) > 1 for call in chain)


def _takes_strides_back(way: list[Change]) -> bool:
    """Check whether a change takes back strides that the author wrote, rather than adding any."""
    return any(change.argument == "strides" and change.text == "1" for change in way)


def _others_of_lines(chain: tuple[CallRecord, ...], trace: Trace) -> tuple[CallRecord, ...]:
    """Return the other calls of layers that the same lines made."""
    lines = {call.created for call in chain if call.created is not None}
    return tuple(call for call in trace.calls if call.created in lines and call not in chain)


def _padded_poolings(every: list[Change]) -> list[list[Change]]:
    """Return changes after which a pooling keeps the size: padded, with strides of 1."""
    ways = []
    for padded in every:
        if padded.argument == "padding" and isinstance(padded.options, PoolOptions):
            strided = [c for c in every if c.call is padded.call and c.argument == "strides" and c.text == "1"]
            ways += [[other, padded] for other in strided]
    return ways


def _layers_and_arguments(way: list[Change]) -> str:
    names = " and ".join(dict.fromkeys(name_of(change.call) for change in way))
    arguments = " and ".join(dict.fromkeys(f"{change.argument}={change.text}" for change in way))
    return f"give {names} {arguments}"


def _with_copied_strides(change: Change, chains: list[tuple[CallRecord, ...]], edits: Edits) -> Edits:
    """In a function that serves many sizes, write the strides as the other branch's layer has them: `strides`."""
    cell = edits[0]
    node = cell.call_at(change.call.created)
    if node is None:
        return edits
    text = strides_as_written(change.text, node, chains, cell)
    return cell, [with_option(cell, node, "strides", text, change.call.op)]


def strides_as_written(number: str, beside: ast.AST, chains: list[tuple[CallRecord, ...]], cell: Code) -> str:
    """Return how the same function writes these strides for a layer of another branch, else the number."""
    for call in (call for chain in chains for call in chain):
        node = cell.call_at(call.created)
        strides = getattr(call.options, "strides", ())
        given = option_of(node, "strides", call.op) if node is not None and node is not beside else None
        if not isinstance(given, ast.Name) or set(map(str, strides)) != {number}:
            continue
        if cell.scope_of(given) is cell.scope_of(beside):
            return cell.text_of(given)
    return number
