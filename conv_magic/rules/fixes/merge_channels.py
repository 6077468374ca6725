"""Repairs of a merge whose branches differ in their channels."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.arguments import option_of
from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.merges import Merge
from conv_magic.analysis.shape_literals import shape_literals
from conv_magic.analysis.training import with_units
from conv_magic.model.calls import CallRecord
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import counted, name_of
from conv_magic.model.options import DenseOptions, ReshapeOptions
from conv_magic.model.positions import Edit
from conv_magic.model.trace import Trace
from conv_magic.rules.fixes.merge_shortcuts import last_setting_channels, projected
from conv_magic.text.edits import fix
from conv_magic.text.source import Code


def channels_made_equal(
    merge: Merge, trace: Trace, chains: list[tuple[CallRecord, ...]], which: int, other: int
) -> Iterator[Fix]:
    """Offer equal channels for branches that differ in them.

    A gate follows the map that it scales, a shortcut is projected; else one branch is made like the other.
    """
    gates = [i for i, shape in enumerate(merge.call.inputs) if len(shape) > 2 and set(shape[1:-1]) == {1}]
    for gate in gates:
        yield from _units_of_partner(merge, trace, chains[gate], other if gate == which else which, Applicability.SURE)
    if gates:
        return
    yield from projected(merge, trace, chains, which, other)
    for index, partner in ((which, other), (other, which)):
        yield from _units_of_partner(merge, trace, chains[index], partner, Applicability.CHOICE)


def _units_of_partner(
    merge: Merge, trace: Trace, chain: tuple[CallRecord, ...], partner: int, applicability: Applicability
) -> Iterator[Fix]:
    """Give the last layer of a branch as many units as the partner has channels."""
    last = last_setting_channels(chain)
    want = merge.call.inputs[partner][-1]
    if last is None or want is None:
        return
    title = f"give {name_of(last)} {counted(want, 'unit' if isinstance(last.options, DenseOptions) else 'filter')}"
    site = call_site_of(last, trace)
    given = option_of(site[1], "units", last.op) if site is not None else None
    if site is None or given is None:
        return
    cell = site[0]
    text = _channels_of_name(merge, partner, given, cell)
    reshaped = list(_shapes_behind(chain, last, cell, trace, want))
    if text is not None:
        yield fix(title, cell, [cell.replace(given, text), *reshaped], applicability)
        return
    for _, edit in with_units(last, trace, want):
        yield fix(title, cell, [edit, *reshaped], applicability)
        return


def _shapes_behind(
    chain: tuple[CallRecord, ...], last: CallRecord, cell: Code, trace: Trace, want: int
) -> Iterator[Edit]:
    """Yield the new number in the shapes to which the branch is reshaped behind that layer."""
    have = last.output[-1] if last.output else None
    for call in chain[chain.index(last) + 1 :]:
        site = call_site_of(call, trace) if isinstance(call.options, ReshapeOptions) else None
        given = option_of(site[1], "target_shape", call.op) if site else None
        if site is None or given is None or site[0].cell != cell.cell or not isinstance(call.options, ReshapeOptions):
            continue
        for literal in shape_literals(cell, trace, given, call.options.target_shape):
            for size in literal.elts:
                if Evaluator(cell, trace).value(size) == have:
                    yield cell.replace(size, str(want))


def _channels_of_name(merge: Merge, partner: int, beside: ast.expr, cell: Code) -> str | None:
    """Return `u.shape[-1]`, if the partner is a name that is bound before, in the same function; else None."""
    part = merge.parts[partner] if merge.parts else None
    if not isinstance(part, ast.Name) or cell.cell != merge.code.cell:
        return None
    bound = cell.binding(part)
    same_scope = cell.scope_of(beside) is cell.scope_of(part)
    if isinstance(cell.scope_of(part), ast.Module) and isinstance(beside, ast.Constant):
        same_scope = False
    if bound is None or not same_scope or bound.statement.lineno >= beside.lineno:
        return None
    return f"{part.id}.shape[-1]"
