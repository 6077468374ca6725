"""Repairs of a merge in the layers of one branch: their padding and strides."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.merges import Merge, merged_if
from conv_magic.analysis.what_if import Change, WhatIf, changes_along, with_changes
from conv_magic.model.calls import CallRecord
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import name_of
from conv_magic.model.options import PoolOptions
from conv_magic.model.positions import Edit
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.fixes.layer_changes import changed_all
from conv_magic.text.edits import fix, with_argument
from conv_magic.text.source import Code, argument


def in_layers(merge: Merge, trace: Trace, own: list[tuple[CallRecord, ...]], which: int, ratio: int) -> Iterator[Fix]:
    """Arguments of layers of one branch changed so that the branches agree."""
    found: list[tuple[tuple[int, ...], list[Change], Shape]] = []
    for place, chain in enumerate(own):
        every = changes_along(chain, *dict.fromkeys((ratio, 1)))
        convolutions = [c for c in every if c.argument == "padding" and not isinstance(c.options, PoolOptions)]
        ways = [[change] for change in every] + _pooling_ways(every) + [convolutions] * (len(convolutions) > 1)
        for way in ways:
            output = merged_if(merge, WhatIf(trace, with_changes(way, (*chain, *_outside(chain, trace)))))
            if output is not None:
                odd = len(own) > 2 and place != which
                twice = _undoes(way) and _shrinks(chain) > _shrinks(own[1 - place]) > 0 if len(own) == 2 else False
                added = way[0].added or twice
                rank = (
                    odd,
                    not added,
                    not twice and _undoes(way),
                    len(way),
                    way[0].argument == "strides" and not twice,
                )
                found.append((tuple(map(int, rank)), way, output))
    found.sort(key=lambda entry: entry[0])
    shortest = min((len(way) for _, way, _ in found), default=0)
    for order, way, output in [entry for entry in found if len(entry[1]) == shortest][:3]:
        edits = changed_all(way, trace)
        if edits is None:
            continue
        sure = Applicability.CHOICE if order[0] or order[1] else Applicability.SURE
        if ratio > 1 and way[0].argument == "strides" and way[0].text != "1":
            edits = _with_copied_strides(way[0], own, trace, edits)
        yield fix(_title(way), edits[0], edits[1], sure, output if merge.call.layer else None)


def _shrinks(chain: tuple[CallRecord, ...]) -> int:
    """How many layers of a branch make it smaller by strides."""
    return sum(max(getattr(call.options, "strides", None) or (1,)) > 1 for call in chain)


def _undoes(way: list[Change]) -> bool:
    """Whether a change takes back strides that the author wrote, rather than adding any."""
    return any(change.argument == "strides" and change.text == "1" for change in way)


def _outside(chain: tuple[CallRecord, ...], trace: Trace) -> tuple[CallRecord, ...]:
    """The other calls of layers that the same lines made."""
    lines = {call.created for call in chain if call.created is not None}
    return tuple(call for call in trace.calls if call.created in lines and call not in chain)


def _pooling_ways(every: list[Change]) -> list[list[Change]]:
    """Poolings that keep the size: padded, with strides of 1."""
    ways = []
    for padded in every:
        if padded.argument == "padding" and isinstance(padded.options, PoolOptions):
            strided = [c for c in every if c.call is padded.call and c.argument == "strides" and c.text == "1"]
            ways += [[other, padded] for other in strided]
    return ways


def _title(way: list[Change]) -> str:
    names = " and ".join(dict.fromkeys(name_of(change.call) for change in way))
    arguments = " and ".join(dict.fromkeys(f"{change.argument}={change.text}" for change in way))
    return f"give {names} {arguments}"


def _with_copied_strides(
    change: Change, own: list[tuple[CallRecord, ...]], trace: Trace, edits: tuple[Code, list[Edit]]
) -> tuple[Code, list[Edit]]:
    """In a function that serves many sizes, the strides written as the other branch's layer has them: `strides`."""
    cell = edits[0]
    made = cell.call_at(change.call.created)
    written = as_written(change.text, made, own, trace, cell) if made is not None else change.text
    return cell, [with_argument(cell, made, 2, "strides", written)] if made is not None else edits[1]


def as_written(number: str, beside: ast.AST, own: list[tuple[CallRecord, ...]], trace: Trace, cell: Code) -> str:
    """How the same function writes these strides for a layer of another branch."""
    for call in (call for chain in own for call in chain):
        made = cell.call_at(call.created)
        strides = getattr(call.options, "strides", ())
        given = argument(made, 2, "strides") if made is not None and made is not beside else None
        if not isinstance(given, ast.Name) or set(map(str, strides)) != {number}:
            continue
        if cell.scope_of(given) is cell.scope_of(beside):
            return cell.text_of(given)
    return number
