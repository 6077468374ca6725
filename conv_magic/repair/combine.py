"""The fixes of a run tried, with a second fault's repair added where one shows only behind the first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.positions import composed
from conv_magic.model.trace import Trace
from conv_magic.repair.goals import Goal, goals_of
from conv_magic.repair.rank import ranked
from conv_magic.repair.verify import Trials, named
from conv_magic.sandbox.trial import Trial

_MOST_FAULTS = 3
_MOST_BEGUN = 2
"""So many fixes are followed to the faults behind them."""


def verify_diagnoses(diagnoses: Sequence[Diagnosis], trials: Trials, trace: Trace) -> Iterator[tuple[Diagnosis, ...]]:
    """All diagnoses as they stand after each trial; at the end every fix was tried, and those that hold come first.

    `trace` is that of the run which was diagnosed.  A fix holds if the cell comes past the call that failed and runs,
    and nothing is diagnosed but what the other diagnoses told before.  Where no fix of a diagnosis holds, since another
    fault shows behind it, the sure repair of that is added to the sure one of this.
    """
    found = list(diagnoses)
    for place, diagnosis in enumerate(diagnoses):
        beside = named(other for other in diagnoses if other is not diagnosis)
        goals = goals_of(diagnosis, trace)
        fixes = list(diagnosis.fixes)
        begun: list[tuple[Fix, Trial]] = []
        for number, fix in enumerate(diagnosis.fixes):
            if fix.untried is None:
                fixes[number], trial = trials.tried(fix, beside, goals)
                first = not number and not any(map(_is_sure, diagnosis.fixes))
                begun += [(fix, trial)] if trial is not None and (_is_sure(fix) or first) else []
            found[place] = replace(diagnosis, fixes=ranked(fixes))
            yield tuple(found)
        if not any(fix.verified for fix in fixes):
            longer = (_followed(fix, trial, diagnosis, trials, goals) for fix, trial in begun[:_MOST_BEGUN])
            found[place] = replace(diagnosis, fixes=ranked([*filter(None, [next(filter(None, longer), None)]), *fixes]))
            yield tuple(found)


def untried(diagnoses: Iterable[Diagnosis], reason: str) -> tuple[Diagnosis, ...]:
    """Return the diagnoses with `reason` as the outcome of every fix that has none yet."""

    def marked_untried(fix: Fix) -> Fix:
        return fix if fix.verified or fix.untried is not None else replace(fix, untried=reason)

    return tuple(replace(diagnosis, fixes=tuple(map(marked_untried, diagnosis.fixes))) for diagnosis in diagnoses)


def _is_sure(fix: Fix) -> bool:
    return fix.applicability is Applicability.SURE


def _followed(fix: Fix, trial: Trial, first: Diagnosis, trials: Trials, goals: Sequence[Goal]) -> Fix | None:
    """Return the fix joined with the sure repairs of the faults behind it, if the cell then runs to its end."""
    seen, passed = [first], list[Goal]()
    while len(seen) < _MOST_FAULTS:
        behind = _behind(trial, seen)
        second = _likewise(fix, seen[-1], behind) if behind is not None else None
        if behind is None or second is None or trial.document is None:
            return None
        if not fix.cell == second.cell == trial.document.trace.sources[0].cell:
            return None
        edits = composed(trials.source, fix.edits, second.edits)
        longer = replace(fix, title=f"{fix.title}, and {second.title}", edits=edits, untried=None)
        passed = [goal.after(second.edits) for goal in (*passed, *goals_of(behind, trial.document.trace))]
        fix, after = trials.tried(longer, goals=goals, behind=passed)
        if fix.verified or after is None:
            return fix if fix.verified else None
        seen.append(behind)
        trial = after
    return None


def _likewise(first: Fix, before: Diagnosis, behind: Diagnosis) -> Fix | None:
    """Return the sure repair of the fault behind; after a choice, the first one of the same kind of fault."""
    sure = next((other for other in behind.fixes if _is_sure(other)), None)
    if sure is not None or _is_sure(first):
        return sure
    same = next((other for other in behind.fixes if other.title in first.title), None)
    return same or (behind.fixes[0] if behind.code == before.code and behind.fixes else None)


def _behind(trial: Trial, seen: Sequence[Diagnosis]) -> Diagnosis | None:
    """Return the fault that a trial ended with, if it is none of those before, and no earlier in the cell."""
    found = trial.diagnosed[0] if trial.diagnosed else None
    if found is None or any(_told(found) == _told(other) for other in seen):
        return None
    return found if (found.line or 0) >= (seen[-1].line or 0) else None


def _told(diagnosis: Diagnosis) -> tuple[str, str | None, int | None]:
    """Return what identifies a fault: a layer is known by its name, a function (`concat`) by its line."""
    by_name = diagnosis.layer is not None and diagnosis.layer[-1:].isdigit()
    return diagnosis.code, diagnosis.layer, None if by_name else diagnosis.line
