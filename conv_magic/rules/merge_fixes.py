"""Repairs of a merge whose branches differ: in the layers of a branch, at the declared input, at the merge itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from math import prod

from conv_magic.model import (
    Applicability,
    CallRecord,
    ConvOptions,
    ConvTransposeOptions,
    DenseOptions,
    Fix,
    PoolOptions,
    Shape,
    Trace,
    UpSamplingOptions,
)
from conv_magic.positions import Edit
from conv_magic.repair.edits import fix, indexed, with_argument, wrapped
from conv_magic.repair.layer_edits import layer_name
from conv_magic.rules.declared import declaring
from conv_magic.rules.layer_changes import changed_all
from conv_magic.rules.merges import Merge, branches, merged, merged_if
from conv_magic.rules.provenance import alias_of, code_of
from conv_magic.rules.rule import counted, name_of
from conv_magic.rules.training import with_number, with_units
from conv_magic.rules.what_if import Change, WhatIf, before, changes_along, maker_of, with_changes
from conv_magic.source import Code, argument

_FARTHEST = 64
_COPIED = ("padding", "pool_size", "data_format")


def merge_fixes(merge: Merge, trace: Trace, which: int, axes: tuple[int, ...]) -> Iterator[Fix]:
    """The repairs, likeliest first; `which` is the input that differs, in `axes`."""
    rank = len(merge.call.inputs[0])
    own = branches(merge, trace)
    other = _other(merge, which)
    if axes == (rank - 1,):
        yield from _channels(merge, trace, own, which, other)
        return
    if rank - 1 in axes and merge.axis is None:
        yield from _projected(merge, trace, own, which, other)
        return
    ratio = _ratio(merge.call.inputs[which], merge.call.inputs[other], axes)
    yield from _layers(merge, trace, own, which, ratio)
    if ratio > 1:
        yield from _projected(merge, trace, own, which, other)
        yield from _pooled(merge, trace, own, which, other, ratio)
        return
    if any(_enlarges(call) for chain in own for call in chain):
        yield from _declared(merge, trace, axes)
    yield from _brought_to_size(merge, own, which, other)


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


def _layers(merge: Merge, trace: Trace, own: list[tuple[CallRecord, ...]], which: int, ratio: int) -> Iterator[Fix]:
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
                rank = (odd, not way[0].added, _undoes(way), len(way), way[0].argument == "strides")
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
    written = _written(change.text, made, own, trace, cell) if made is not None else change.text
    return cell, [with_argument(cell, made, 2, "strides", written)] if made is not None else edits[1]


def _written(number: str, beside: ast.AST, own: list[tuple[CallRecord, ...]], trace: Trace, cell: Code) -> str:
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


def _last_sizing(chain: tuple[CallRecord, ...]) -> CallRecord | None:
    """The last layer of a branch that sets its channels."""
    sizing = [c for c in chain if isinstance(c.options, ConvOptions | DenseOptions | ConvTransposeOptions)]
    return sizing[-1] if sizing else None


def _channels(merge: Merge, trace: Trace, own: list[tuple[CallRecord, ...]], which: int, other: int) -> Iterator[Fix]:
    """Branches of other channels: the gate follows the map it scales, a shortcut is projected, else one is chosen."""
    gates = [place for place, shape in enumerate(merge.call.inputs) if len(shape) > 2 and set(shape[1:-1]) == {1}]
    for place in gates or ():
        partner = other if place == which else which
        yield from _as_many_as(merge, trace, own[place], place, partner, Applicability.SURE)
    if gates:
        return
    yield from _projected(merge, trace, own, which, other)
    for place, partner in ((which, other), (other, which)):
        yield from _as_many_as(merge, trace, own[place], place, partner, Applicability.CHOICE)


def _as_many_as(
    merge: Merge, trace: Trace, chain: tuple[CallRecord, ...], place: int, partner: int, how: Applicability
) -> Iterator[Fix]:
    """The last layer of a branch given as many units as the partner has channels."""
    last = _last_sizing(chain)
    want = merge.call.inputs[partner][-1]
    if last is None or want is None:
        return
    title = f"give {name_of(last)} {counted(want, 'unit' if isinstance(last.options, DenseOptions) else 'filter')}"
    cell = code_of(trace, last.created)
    made = cell.call_at(last.created) if cell else None
    given = argument(made, 0, "units", "filters") if made is not None else None
    if cell is None or given is None:
        return
    text = _channels_of(merge, partner, given, cell)
    if text is not None:
        yield fix(title, cell, [cell.replace(given, text)], how)
        return
    for _, edit in with_units(last, trace, want):
        yield fix(title, cell, [edit], how)
        return


def _channels_of(merge: Merge, partner: int, beside: ast.expr, cell: Code) -> str | None:
    """`u.shape[-1]`, where the partner is a name that is bound before, in the same function."""
    part = merge.parts[partner] if merge.parts else None
    if not isinstance(part, ast.Name) or cell.cell != merge.code.cell:
        return None
    bound = cell.binding(part)
    here = cell.scope_of(beside) is cell.scope_of(part)
    if isinstance(cell.scope_of(part), ast.Module) and isinstance(beside, ast.Constant):
        here = False
    if bound is None or not here or bound.statement.lineno >= beside.lineno:
        return None
    return f"{part.id}.shape[-1]"


def _projected(merge: Merge, trace: Trace, own: list[tuple[CallRecord, ...]], which: int, other: int) -> Iterator[Fix]:
    """A shortcut without layers of its own, brought to the other branch's shape by a 1x1 convolution."""
    if merge.axis is not None or not merge.parts or len(merge.call.inputs) != 2:
        return
    bare = [place for place, chain in enumerate(own) if not chain and own[1 - place]]
    if len(bare) != 1:
        yield from _projection_fixed(merge, trace, own)
        return
    place = bare[0]
    shape, wanted = merge.call.inputs[place], merge.call.inputs[1 - place]
    strides = _strides(shape, wanted)
    layer = _layer_like(merge, trace, f"Conv{len(shape) - 2}D")
    if strides is None or layer is None or _is_called_often(merge):
        return
    name, imports = layer
    last = _last_sizing(own[1 - place])
    filters = _filters_written(last, trace, merge) or str(wanted[-1])
    step = "" if strides == 1 else f", strides={_written(str(strides), merge.node, own, trace, merge.code)}"
    pad = ', padding="same"' if strides > 1 else ""
    edit = wrapped(merge.code, merge.parts[place], f"{name}({filters}, 1{step}{pad})(", ")")
    if shape[-1] != wanted[-1]:
        title = f"project the shortcut to {counted(wanted[-1], 'channel')}"
        yield fix(title, merge.code, [edit, *imports], Applicability.SURE)


def _projection_fixed(merge: Merge, trace: Trace, own: list[tuple[CallRecord, ...]]) -> Iterator[Fix]:
    """A shortcut's own 1x1 convolution given the filters, and the strides, of the other branch."""
    for place, chain in enumerate(own):
        last = _last_sizing(chain)
        options = last.options if last else None
        if not isinstance(options, ConvOptions) or set(options.kernel_size) != {1} or len(chain) > 2:
            continue
        shape, wanted = merge.call.inputs[place], merge.call.inputs[1 - place]
        if last is not None and shape[-1] != wanted[-1] and wanted[-1] is not None and shape[1:-1] == wanted[1:-1]:
            for cell, edit in with_units(last, trace, wanted[-1]):
                title = f"give {name_of(last)} {counted(wanted[-1], 'filter')}"
                yield fix(title, cell, [edit], Applicability.SURE)
                return


def _filters_written(last: CallRecord | None, trace: Trace, merge: Merge) -> str | None:
    """How the main branch writes its filters, where the merge stands in the same function."""
    cell = code_of(trace, last.created) if last else None
    made = cell.call_at(last.created) if cell and last else None
    given = argument(made, 0, "filters", "units") if made is not None else None
    if cell is None or given is None or cell.cell != merge.code.cell:
        return None
    same = cell.scope_of(given) is cell.scope_of(merge.node)
    return cell.text_of(given) if same and all(not _rebound(cell, n) for n in _names(given)) else None


def _names(node: ast.expr) -> list[ast.Name]:
    return [n for n in ast.walk(node) if isinstance(n, ast.Name)]


def _rebound(cell: Code, name: ast.Name) -> bool:
    """Whether a name changes with a loop."""
    return any(isinstance(n, ast.For) for n in cell.around(name))


def _strides(shape: Shape, wanted: Shape) -> int | None:
    """The strides with which a padded 1x1 convolution brings the one to the other."""
    ratios = set()
    for have, want in zip(shape[1:-1], wanted[1:-1], strict=True):
        if have is None or want is None:
            ratios.add(1)
        else:
            ratios.add(next((s for s in range(1, 17) if -(-have // s) == want), 0))
    return ratios.pop() if len(ratios) == 1 and 0 not in ratios else None


def _is_called_often(merge: Merge) -> bool:
    """Whether the merge stands in a method that runs at each call of a layer: no layer may be made there."""
    scope = merge.code.scope_of(merge.node)
    return isinstance(scope, ast.FunctionDef) and scope.name in ("call", "__call__") and merge.call.parent is not None


def _layer_like(merge: Merge, trace: Trace, layer: str) -> tuple[str, list[Edit]] | None:
    """How the cell would name another layer."""
    for call in (merge.call, *reversed(trace.calls)):
        made = merge.code.call_at(call.created) if call.created is not None else None
        if made is not None:
            return layer_name(merge.code, made, layer)
    return None


def _pooled(
    merge: Merge, trace: Trace, own: list[tuple[CallRecord, ...]], which: int, other: int, ratio: int
) -> Iterator[Fix]:
    """The larger of two branches pooled as the smaller one was."""
    if not merge.parts or len(merge.call.inputs) != 2:
        return
    smaller, larger = sorted((which, other), key=lambda place: merge.call.inputs[place][1] or 0)
    if own[larger] or len(merge.call.inputs[0]) not in (3, 4, 5):
        return
    pools = [c for c in own[smaller] if isinstance(c.options, PoolOptions) and set(c.options.strides) == {ratio}]
    kind = pools[-1].op if pools else f"MaxPooling{len(merge.call.inputs[0]) - 2}D"
    named = _layer_like(merge, trace, kind)
    if named is None or _is_called_often(merge):
        return
    padded = ', padding="same"' if any(getattr(p.options, "padding", "") == "same" for p in pools) else ""
    text = f"{named[0]}({ratio}{padded})("
    edit = wrapped(merge.code, merge.parts[larger], text, ")")
    title = "pool the shortcut as the other branch is"
    shapes = list[Shape | None](merge.call.inputs)
    shapes[larger] = (*merge.call.inputs[smaller][:-1], merge.call.inputs[larger][-1])
    predicted = merged(merge, tuple(shapes))
    yield fix(title, merge.code, [edit, *named[1]], Applicability.SURE, predicted)


def _declared(merge: Merge, trace: Trace, axes: tuple[int, ...]) -> Iterator[Fix]:
    """The model's declared input made the nearest size with which all halvings and doublings agree."""
    chain = before(merge.call, trace)
    rank = len(merge.call.inputs[0])
    leaves = {c.inputs[0] for c in chain if len(c.inputs[0]) == rank and maker_of(c, 0, trace) is None}
    if len(leaves) != 1:
        return
    leaf = leaves.pop()
    declared = declaring(trace, leaf[1:])
    if declared is None or not isinstance(declared.value, ast.Tuple | ast.List):
        return
    if len(declared.value.elts) != len(leaf) - 1:
        return
    wanted = _nearest(merge, trace, leaf, axes)
    if wanted is None:
        return
    edits: list[Edit] = []
    for node, have, want in zip(declared.value.elts, leaf[1:], wanted[1:], strict=True):
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


def _brought_to_size(merge: Merge, own: list[tuple[CallRecord, ...]], which: int, other: int) -> Iterator[Fix]:
    """One branch cut or resized to the other at the merge: the one that was enlarged, to the one it comes back to."""
    if not merge.parts or len(merge.call.inputs) != 2 or len(merge.call.inputs[0]) != 4:
        return
    place = next((p for p, chain in enumerate(own) if any(_enlarges(c) for c in chain)), None)
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
    how = Applicability.SURE if any(_enlarges(c) for c in own[place]) else Applicability.CHOICE
    edits = _cut_or_resized(merge, merge.parts[place], partner, larger=larger)
    if edits:
        yield fix(title, merge.code, edits, how, predicted)


def _enlarges(call: CallRecord) -> bool:
    return isinstance(call.options, UpSamplingOptions | ConvTransposeOptions)


def _cut_or_resized(merge: Merge, part: ast.expr, partner: str, *, larger: bool) -> list[Edit]:
    made = merge.code.call_at(merge.call.created)
    if made is not None:
        named = layer_name(merge.code, made, "CenterCrop" if larger else "Resizing")
        if named is not None:
            return [wrapped(merge.code, part, f"{named[0]}(*{partner}.shape[1:3])(", ")"), *named[1]]
    if larger:
        return [indexed(merge.code, part, f"[:, :{partner}.shape[1], :{partner}.shape[2]]")]
    name = alias_of(merge.code, "tensorflow")
    return [wrapped(merge.code, part, f"{name}.image.resize(", f", {partner}.shape[1:3])")] if name else []
