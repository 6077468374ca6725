"""The edits of all operators at all places, with their costs."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence

from conv_magic.analysis.case import Case
from conv_magic.analysis.foresee import Verdict
from conv_magic.analysis.program import Change
from conv_magic.repair import costs
from conv_magic.repair.operators.operator import Candidate, Operator
from conv_magic.repair.operators.statements import statement_changes
from conv_magic.repair.operators.table import OPERATORS

Offer = tuple[float, str, tuple[Change, ...], str, float]
"""Cost, operator, changes and import of an edit, and how much earlier it is tried for what arithmetic says."""
Members = list[tuple[float, Candidate, ast.expr]]


def offered(case: Case) -> Iterator[Offer]:
    """Every edit, those of twins together included."""
    twins: dict[tuple[str, Hashable], Members] = defaultdict(list)
    fault = case.wanted.fault()
    for node in case.program.nodes.values():
        if not case.program.kind(node) and not isinstance(node, ast.Constant | ast.Call) and node not in case.open:
            continue
        for cost, operator, candidate in _at(case, node, fault):
            bonus = foreseen(case, [candidate])
            if bonus is not None:
                yield cost, operator, candidate.changes, candidate.imports, bonus
            if candidate.twin is not None:
                twins[operator, candidate.twin].append((cost, candidate, node))
    for statement in case.program.statements:
        distance = case.flow.distance(statement)
        for name, cost, candidate in statement_changes(case, statement):
            yield cost + costs.WEIGHTS.step * distance, name, candidate.changes, candidate.imports, 0.0
    for (name, _), members in twins.items():
        yield from _together(case, name, members)


def _at(case: Case, node: ast.expr, fault: str) -> Iterator[tuple[float, str, Candidate]]:
    """Yield the edits at one expression, with their costs."""
    near = costs.WEIGHTS.step * case.flow.distance(node) + costs.at_site(case, node)
    for operator in OPERATORS:
        if operator.applies(case, node):
            base = operator.cost + near + costs.against_fault(operator.name, fault)
            base += costs.in_context(case, operator.name, node)
            for candidate in _made(case, operator, node):
                yield base + candidate.cost, operator.name, candidate


def _made(case: Case, operator: Operator, node: ast.expr) -> list[Candidate]:
    """Return what an operator offers; one that breaks has nothing to offer, which is noted."""
    try:
        return list(operator.candidates(case, node))
    except Exception as error:
        fault = f"operator {operator.name}: {type(error).__name__}: {error}"
        if fault not in case.faults:
            case.faults.append(fault)
        return []


def foreseen(case: Case, made: Sequence[Candidate]) -> float | None:
    """Return what arithmetic says for edits, as a cost; None where the failing call would fail as before."""
    effects = [candidate.effect for candidate in made if candidate.effect is not None]
    if len(effects) < len(made):
        return 0.0
    verdict = case.foresight.of(effects)
    if verdict is Verdict.FAILS:
        return None
    return costs.WEIGHTS.foreseen * (verdict is Verdict.FITS)


def _together(case: Case, name: str, members: Members) -> Iterator[Offer]:
    """Yield the same edit at all its places; of a number also at those of one call, or of one function."""
    groups = [members]
    if name == "another number":
        by_place: dict[object, Members] = defaultdict(list)
        for member in members:
            by_place[case.program.parent(member[2])].append(member)
            by_place[case.program.scope(member[2]), "scope"].append(member)
        groups += [group for group in by_place.values() if 1 < len(group) < len(members)]
    for group in groups:
        changes: list[Change] = []
        made: list[Candidate] = []
        for _, candidate, _ in sorted(group, key=lambda member: member[0]):
            if not any(_overlap(a, b) for a in candidate.changes for b in changes):
                changes += candidate.changes
                made.append(candidate)
        if len(changes) < 2 or len(group) < 2:
            continue
        base = min(member[0] for member in group) + 0.05 * len(changes) + _of_twins(case, name, group, members)
        bonus = foreseen(case, made)
        if bonus is not None:
            yield base, name, tuple(changes), group[0][1].imports, bonus


def _of_twins(
    case: Case,
    name: str,
    group: Members,
    members: Members,
) -> float:
    if name in ("two numbers to one size", "wrap in TimeDistributed"):
        return -0.3
    if name != "another number":
        return costs.WEIGHTS.twin
    if len({case.program.parent(member[2]) for member in group}) == 1:
        return -0.3
    scattered = group is members and len({case.program.scope(member[2]) for member in members}) > 1
    return 0.3 if scattered else 0.0


def _overlap(a: Change, b: Change) -> bool:
    return (a[0] < b[1] and b[0] < a[1]) or a[:2] == b[:2]
