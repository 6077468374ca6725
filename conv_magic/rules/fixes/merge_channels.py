"""Repairs of a merge whose branches differ in their channels."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.merges import Merge
from conv_magic.analysis.operands import code_of
from conv_magic.analysis.shape_literals import shape_literals
from conv_magic.analysis.training import with_units
from conv_magic.model.calls import CallRecord
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import counted, name_of
from conv_magic.model.options import DenseOptions, ReshapeOptions
from conv_magic.model.positions import Edit
from conv_magic.model.trace import Trace
from conv_magic.rules.fixes.merge_shortcuts import last_sizing, projected
from conv_magic.text.edits import fix
from conv_magic.text.source import Code, argument


def in_channels(merge: Merge, trace: Trace, own: list[tuple[CallRecord, ...]], which: int, other: int) -> Iterator[Fix]:
    """Branches of other channels: the gate follows the map it scales, a shortcut is projected, else one is chosen."""
    gates = [place for place, shape in enumerate(merge.call.inputs) if len(shape) > 2 and set(shape[1:-1]) == {1}]
    for place in gates or ():
        partner = other if place == which else which
        yield from _as_many_as(merge, trace, own[place], place, partner, Applicability.SURE)
    if gates:
        return
    yield from projected(merge, trace, own, which, other)
    for place, partner in ((which, other), (other, which)):
        yield from _as_many_as(merge, trace, own[place], place, partner, Applicability.CHOICE)


def _as_many_as(
    merge: Merge, trace: Trace, chain: tuple[CallRecord, ...], place: int, partner: int, how: Applicability
) -> Iterator[Fix]:
    """The last layer of a branch given as many units as the partner has channels."""
    last = last_sizing(chain)
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
    reshaped = list(_reshaped(chain, last, cell, trace, want))
    if text is not None:
        yield fix(title, cell, [cell.replace(given, text), *reshaped], how)
        return
    for _, edit in with_units(last, trace, want):
        yield fix(title, cell, [edit, *reshaped], how)
        return


def _reshaped(chain: tuple[CallRecord, ...], last: CallRecord, cell: Code, trace: Trace, want: int) -> Iterator[Edit]:
    """The new number in the shapes that the branch is brought to behind that layer."""
    have = last.output[-1] if last.output else None
    for call in chain[chain.index(last) + 1 :]:
        made = call_site_of(call, trace) if isinstance(call.options, ReshapeOptions) else None
        given = argument(made[1], 0, "target_shape") if made else None
        if made is None or given is None or made[0].cell != cell.cell or not isinstance(call.options, ReshapeOptions):
            continue
        for literal in shape_literals(cell, trace, given, call.options.target_shape):
            for size in literal.elts:
                if Evaluator(cell, trace).value(size) == have:
                    yield cell.replace(size, str(want))


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
