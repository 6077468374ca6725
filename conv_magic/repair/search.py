"""The search for a repair: the operators' edits, cheapest first, until what runs cannot be beaten.

It runs nothing itself: `attempt` tries texts, `look` observes one.
"""

from __future__ import annotations

import ast
import heapq
import itertools
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from conv_magic.analysis.case import Case
from conv_magic.analysis.program import Change
from conv_magic.analysis.values import Value
from conv_magic.repair import costs
from conv_magic.repair.offers import offered
from conv_magic.repair.operators.numbers import is_number_site
from conv_magic.repair.operators.sizes import FIXED_ROLES

_RUNS = re.compile(r"\.(?:fit|evaluate|predict|train_on_batch|test_on_batch|predict_on_batch)\(")
_NUMBER = re.compile(r"\d+")
_PROBE_COST, _SOLVED_COST, _SECOND_COST = 1.85, 1.15, 0.5
_MOST_PROBES = 8
_PROBE_REACH = 3.0
_ENOUGH = 3
_MARGIN = 0.6
"""A repair that costs so much more than one that holds is not looked for."""
_AT_ONCE = 4
_MOST_AFTER = 8
"""So many more are tried once something holds."""
_MOST_SECOND = 2
_MOST_FIRST_COST = 3.0
"""What costs more is no good first step of two."""
_LARGEST = 100_000
_FURTHER = ("ValueError", "InvalidArgumentError", "TypeError")
_NOT_FURTHER = ("NameError", "SyntaxError", "AttributeError", "IndexError", "TypeError", "KeyError")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an edited text ended: its error's type and text, or what its names stand for."""

    error: tuple[str, str] | None
    names: Mapping[str, Value] = field(default_factory=dict)
    seconds: float = 0.0


Attempt = Callable[[Sequence[str]], Sequence[Outcome]]
"""Runs texts, as many of them as there is time for, in order."""
Look = Callable[[str], Case | None]
"""The case of an edited text that fails elsewhere."""


@dataclass(frozen=True, order=True)
class Repair:
    """An edited text.

    cost    when it is tried, with what arithmetic says of it
    plain   the same without that: once it is tried, that it holds is known
    score   where it stands once it holds
    """

    cost: float
    order: int
    plain: float = field(compare=False)
    operator: str = field(compare=False)
    changes: tuple[Change, ...] = field(compare=False)
    text: str = field(compare=False)
    probe: ast.Constant | None = field(compare=False, default=None)
    score: float = field(compare=False, default=0.0)
    first: Repair | None = field(compare=False, default=None)
    against: tuple[str, ...] = field(compare=False, default=())


@dataclass
class Search:
    """A search for repairs of one case.

    most      the most texts to try
    budget    seconds of CPU time for them, so that what is found does not depend on how busy the machine is
    seconds   of the clock, after which none is begun whatever was found
    """

    case: Case
    attempt: Attempt
    look: Look
    most: int = 40
    budget: float = 8.0
    seconds: float = 120.0
    trials: int = 0
    generated: int = 0
    cpu: float = 0.0

    def __post_init__(self) -> None:
        self._end = time.monotonic() + self.seconds
        self._was = costs.before(self.case)
        self._order = itertools.count()

    @property
    def names(self) -> frozenset[str]:
        """The names of which a trial is to tell what they stand for."""
        return frozenset(self._was.names)

    def run(self) -> list[Repair]:
        """Return the repairs that ran, best first."""
        held, further = self._level(self.case, self.most, None)
        begun = [repair for repair in further if repair.plain <= _MOST_FIRST_COST]
        for first in sorted(begun)[:_MOST_SECOND]:
            if held or self._is_over():
                break
            second = self.look(first.text)
            if second is not None:
                held, _ = self._level(second, max(10, self.most // 4), first)
        return sorted(held, key=lambda repair: repair.score)

    def _is_over(self) -> bool:
        return self.cpu > self.budget or time.monotonic() > self._end

    def _level(self, case: Case, most: int, first: Repair | None) -> tuple[list[Repair], list[Repair]]:
        queue = [*self._candidates(case, first), *sorted(self._probes(case))[:_MOST_PROBES]]
        self.generated += len(queue)
        heapq.heapify(queue)
        held: list[Repair] = []
        further: list[Repair] = []
        done: set[str] = set()
        tried, tried_before = 0, 0
        while queue and tried < most and not self._is_over():
            tried_before = tried_before if held else tried
            batch = self._batch(queue, done, held, most - tried)
            if not batch or tried - tried_before > _MOST_AFTER:
                break
            outcomes = self.attempt([repair.text for repair in batch])
            for repair in batch[len(outcomes) :]:  # no time was left for these
                done.discard(repair.text)
                heapq.heappush(queue, repair)
            if not outcomes:
                break
            for repair, outcome in zip(batch, outcomes, strict=False):
                tried += 1
                self.trials += 1
                self.cpu += outcome.seconds
                if outcome.error is None:
                    held.append(self._scored(repair, outcome, first))
                elif repair.probe is not None:
                    for solved in self._solved(case, repair, repair.probe, outcome.error):
                        heapq.heappush(queue, solved)
                elif first is None and _is_further(case, outcome.error):
                    further.append(repair)
        return held, further

    def _batch(self, queue: list[Repair], done: set[str], held: list[Repair], most: int) -> list[Repair]:
        """Return the next ones to try, none where what holds cannot be beaten."""
        scores = sorted(repair.score for repair in held)
        batch: list[Repair] = []
        while queue and len(batch) < min(_AT_ONCE, most):
            repair = heapq.heappop(queue)
            if repair.text in done:
                continue
            enough = len(scores) >= _ENOUGH and repair.plain > scores[_ENOUGH - 1]
            if enough or (scores and repair.plain > scores[0] + _MARGIN):
                continue
            done.add(repair.text)
            batch.append(repair)
        return batch

    def _scored(self, repair: Repair, outcome: Outcome, first: Repair | None) -> Repair:
        against = costs.evidence(self._was, repair.text, outcome.names)
        score = repair.plain + sum(against.values())
        if repair.probe is not None:
            score += 1.0  # one more is what was guessed, not solved for
        if first is not None:
            score += 0.6 * first.plain + _SECOND_COST
        return replace(repair, score=score, first=first, against=tuple(against))

    # candidates

    def _candidates(self, case: Case, first: Repair | None) -> Iterable[Repair]:
        """Every edit of every operator, each text once, at its least cost."""
        found: dict[str, Repair] = {}
        for cost, operator, changes, imports, bonus in offered(case):
            text = case.program.edited(changes)
            if text is None or text == case.program.text:
                continue
            if imports and imports not in text:
                start = _import_place(case)
                changes = ((start, start, imports), *changes)
                text = case.program.edited(changes) or ""
                cost += costs.WEIGHTS.imported
            cost += costs.WEIGHTS.character * costs.size_of(case, changes)
            if first is not None and first.operator == operator:
                cost -= _SECOND_COST  # the same slip twice
            known = found.get(text)
            if known is None or cost < known.plain:
                found[text] = Repair(cost - bonus, next(self._order), cost, operator, changes, text)
        runs = _runs_in(case.program.text)
        return [repair for repair in found.values() if _parses(repair.text) and _runs_in(repair.text) >= runs]

    def _probes(self, case: Case) -> Iterator[Repair]:
        """Numbers made larger by one: how the numbers in the error move tells which is right."""
        fault = case.wanted.fault()
        if not _NUMBER.search(case.program.observed.error[1]) or fault == "rank":
            return
        for node in case.program.nodes.values():
            if not is_number_site(case, node) or not isinstance(node, ast.Constant):
                continue
            distance = case.flow.distance(node)
            if distance > _PROBE_REACH or isinstance(case.program.parent(node), ast.UnaryOp):
                continue
            if case.program.role(node) in FIXED_ROLES or case.in_given_data(node):
                continue
            changes = ((*case.program.span(node), str(_number(node) + 1)),)
            text = case.program.edited(changes)
            cost = _PROBE_COST + costs.WEIGHTS.step * distance
            if text is not None:
                yield Repair(cost, next(self._order), cost, "another number", changes, text, probe=node)

    def _solved(self, case: Case, repair: Repair, node: ast.Constant, error: tuple[str, str]) -> Iterator[Repair]:
        """Yield what the probed number has to be so that the numbers that clash agree."""
        for place, number in enumerate(_solutions(case, node, error)):
            twins = [other for other in case.program.nodes.values() if _is_twin(case, node, other)]
            for group in ([node], twins) if len(twins) > 1 else ([node],):
                changes = tuple((*case.program.span(each), str(number)) for each in group)
                text = case.program.edited(changes)
                cost = _SOLVED_COST + costs.at_site(case, node) + costs.WEIGHTS.step * case.flow.distance(node)
                cost += 0.15 * place + 0.1 * (len(group) > 1) + 0.02 * len(str(number))
                if text is not None:
                    yield Repair(cost, next(self._order), cost, "solve for a number", changes, text)


def _import_place(case: Case) -> int:
    """Before the first statement, behind a docstring and imports from the future."""
    for statement in case.program.tree.body:
        future = isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
        text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if not future and not text:
            return case.program.span(statement)[0] if not getattr(statement, "decorator_list", None) else 0
    return 0


def _runs_in(text: str) -> int:
    """How often a text trains or asks a model: an edit that takes such a call away mends nothing."""
    return len(_RUNS.findall(text))


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True


def _number(node: ast.Constant) -> int:
    return int(str(node.value))


def _is_twin(case: Case, node: ast.Constant, other: ast.expr) -> bool:
    same = isinstance(other, ast.Constant) and type(other.value) is int and other.value == node.value
    return same and case.program.parent(other) is case.program.parent(node)


def _solutions(case: Case, node: ast.Constant, error: tuple[str, str]) -> list[int]:
    was, now = case.program.observed.error, error
    if was[0] != now[0] or _NUMBER.sub("#", was[1]) != _NUMBER.sub("#", now[1]):
        return []
    pairs = [(int(a), int(b)) for a, b in zip(_NUMBER.findall(was[1]), _NUMBER.findall(now[1]), strict=True)]
    fixed = {a for a, b in pairs if a == b} | set(case.wanted.numbers()[:12])
    start, found = _number(node), {}
    for a, b in pairs:
        for target in fixed if a != b else ():
            steps, rest = divmod(target - a, b - a)
            if rest == 0 and target != a and 1 <= start + steps < _LARGEST:
                found[start + steps] = abs(steps)
    return sorted(found, key=lambda number: found[number])[:4]


def _is_further(case: Case, error: tuple[str, str]) -> bool:
    """Whether it failed at another place or for another reason."""
    was, now = (_NUMBER.sub("#", text) for text in (case.program.observed.error[1], error[1]))
    kinds = (*_FURTHER, case.program.observed.error[0])
    if was != now and error[0] in kinds and "Exception encountered" in case.program.observed.error[1]:
        return True
    return was[:60] != now[:60] and error[0] not in _NOT_FURTHER
