"""Fixes proved by running the edited cell in the scratch process."""

from __future__ import annotations

import ast
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix, Proof
from conv_magic.model.positions import StaleSource
from conv_magic.model.trace import Source
from conv_magic.repair.goals import NOT_REACHED, Goal, all_reached
from conv_magic.sandbox.names import names_in, names_needed, names_needed_by
from conv_magic.sandbox.packing import Packed, pack_names
from conv_magic.sandbox.replay import nodes_of, to_run_again
from conv_magic.sandbox.scratch import WALL, Scratch, ScratchUnavailable, shared_scratch
from conv_magic.sandbox.trial import Again, Ended, Trial
from conv_magic.text import source as cell_source

Named = tuple[str, str | None]
OnResult = Callable[[int, Fix], None]

FILENAME = "<edited cell>"
SHORTEST = 10.0
"""Seconds of computing that any trial may take."""
OVER = "the time for trials was over"


@dataclass(frozen=True, slots=True)
class Attempt:
    """What runs to try a fix: the cell's text, edited or not, after those statements of earlier cells it reaches."""

    source: str
    before: tuple[Again, ...] = ()

    @property
    def needed(self) -> set[str]:
        """The names to take along."""
        cell = cell_source.parse(self.source)
        return names_needed_by([*self._again(), *(cell.body if cell else ())])

    @property
    def made(self) -> frozenset[str]:
        """The names that are made again, and so need not travel."""
        return names_in(self._again()).bound

    def _again(self) -> list[ast.stmt]:
        return [node for again in self.before for node in nodes_of(again)]


@dataclass
class Trials:
    """What fixes are tried with: the cell's text, what it starts from, the cells that ran before it, the time left.

    source    the text of the cell that ran
    packed    what `pack_for` made of the names that the cell starts from
    earlier   the cells that ran before, in that order: a fix of one of them is tried with what it reaches there run
              again (see `replay`)
    limit     seconds of computing for all trials together
    each      seconds of computing for one: more for a cell that itself took long
    wall      seconds of the clock for all, the start of the scratch process included; as many times `limit` as a trial
              may be kept waiting, unless a person waits
    """

    source: str
    packed: Packed
    scratch: Scratch
    earlier: Sequence[Source] = ()
    limit: float = 30.0
    each: float = SHORTEST
    wall: float | None = None

    def __post_init__(self) -> None:
        self._spent = 0.0
        self._deadline = time.monotonic() + (WALL * self.limit if self.wall is None else self.wall)
        self._copied = False

    def tried(
        self,
        fix: Fix,
        beside: Counter[Named] | None = None,
        goals: Sequence[Goal] = (),
        behind: Sequence[Goal] = (),
    ) -> tuple[Fix, Trial | None]:
        """Try a fix; it gets a `proof` if the edited cell ran and nothing was diagnosed but the faults `beside`.

        It must have come past the `goals`, which are places in the texts as they are before the fix, and those
        `behind`, which are places in the edited cell.
        Else `untried` says what stood against it: why it could not be tried, or how the trial ended.
        """
        attempt = _attempt(fix, self.source, self.earlier)
        if isinstance(attempt, str):
            return replace(fix, untried=attempt), None
        missing = [name for name in self.packed.missing if name not in attempt.made]
        if missing:
            return replace(fix, untried=self.packed.told(missing[0])), None
        left = self._deadline - time.monotonic()
        if self._spent >= self.limit or left <= 0:
            return replace(fix, untried=OVER), None
        goals = [*(goal.after(fix.edits) if goal.cell == fix.cell else goal for goal in goals), *behind]
        wall = min(WALL * self.each, left)
        try:
            trial = self.scratch.try_cell(
                attempt.source,
                self.packed.names,
                filename=FILENAME,
                limit=self.each,
                wall=wall,
                before=attempt.before,
                watches=tuple(goal.watch for goal in goals),
                copied=self._copied,
            )
        except ScratchUnavailable as error:
            return replace(fix, untried=str(error)), None
        self._spent += trial.seconds
        self._copied = self._copied or trial.copied
        if trial.ended is Ended.TIMED_OUT:
            late = OVER if wall == left else f"the cell had not ended after {self.each:.0f} s of computing"
            return replace(fix, untried=late), trial
        if trial.ended is not Ended.RAN or not named(trial.diagnosed) <= (beside or Counter()):
            return replace(fix, untried=_why_not(trial, beside or Counter())), trial
        if not all_reached(goals, trial):
            return replace(fix, untried=NOT_REACHED), trial
        reruns = tuple(again.cell for again in attempt.before)
        return replace(fix, proof=Proof.RAN, untried=None, reruns=reruns), trial


def was_tried(untried: str) -> bool:
    """Check whether a fix that does not hold was tried: its reason says how the trial ended."""
    return untried.startswith("tried: ") or untried == NOT_REACHED


def named(diagnoses: Iterable[Diagnosis]) -> Counter[Named]:
    """Count the diagnoses by code and layer."""
    return Counter((diagnosis.code, diagnosis.layer) for diagnosis in diagnoses)


def verify_fixes(
    fixes: Sequence[Fix],
    source: str,
    namespace: Mapping[str, object] | Packed,
    *,
    limit_each: float = SHORTEST,
    limit_total: float = 30.0,
    wall: float | None = None,
    analyse: str | None = None,
    scratch: Scratch | None = None,
    on_result: OnResult | None = None,
) -> tuple[Fix, ...]:
    """Try each fix by itself, and return them in their order (see `Trials.tried`).

    `namespace` is what the cell starts from, or what `pack_for` made of it.
    Limits are in seconds (see `Trials`).
    `analyse` names the analysis as `module:function` (see `scratch.Scratch`); without one a cell that runs holds.
    `on_result(index, fix)` is called after each trial.  An interrupt ends the trial and passes through.
    """
    packed = namespace if isinstance(namespace, Packed) else pack_for(fixes, source, namespace)
    scratch = scratch or shared_scratch(analyse)
    trials = Trials(source, packed, scratch, limit=limit_total, each=limit_each, wall=wall)
    done: list[Fix] = []
    for fix in fixes:
        done.append(trials.tried(fix)[0])
        if on_result is not None:
            on_result(len(done) - 1, done[-1])
    return tuple(done)


def pack_for(
    fixes: Iterable[Fix],
    source: str,
    namespace: Mapping[str, object],
    earlier: Sequence[Source] = (),
    also: Iterable[str] = (),
) -> Packed:
    """One packing for all: an edit seldom needs another name than the cell, and imports are cheap to send twice.

    `also` are names to take along whatever the fixes are.
    It reads the user's objects, so it belongs into the thread in which their code runs.
    """
    attempts = (_attempt(fix, source, earlier) for fix in fixes)
    return pack_names(set(also).union(*(a.needed for a in attempts if isinstance(a, Attempt))), namespace)


def _attempt(fix: Fix, source: str, earlier: Sequence[Source]) -> Attempt | str:
    """How to try a fix, or why it cannot be tried."""
    if fix.applicability is Applicability.DISPLAY:
        return "has a place for you to fill in"
    older = next((cell for cell in earlier if cell.cell == fix.cell), None)
    try:
        edited = fix.apply(source if older is None else older.text)
    except StaleSource:
        return "the cell has changed"
    if older is None:
        return Attempt(edited)
    before = to_run_again(earlier, older.cell, edited, names_needed(source))
    return Attempt(source, before) if before else f"it changes {older.label}"


def _why_not(trial: Trial, beside: Counter[Named]) -> str:
    if trial.needs is not None:
        return trial.needs
    if trial.ended is Ended.DIED:
        return f"tried: the process was lost ({trial.error_type})"
    if trial.ended is Ended.RAISED:
        return f"tried: {_place(trial)} then raises {trial.error_type}"
    left = next((d for d in trial.diagnosed if named([d]) - beside), trial.diagnosed[0])
    place = f" at line {left.line}" if left.line else ""
    return f"tried: {left.code} remains{place}"


def _place(trial: Trial) -> str:
    if trial.line is None:
        return trial.cell or "the cell"
    return f"line {trial.line} of {trial.cell}" if trial.cell else f"line {trial.line}"
