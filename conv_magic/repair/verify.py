"""Fixes proved by running the edited cell in the scratch process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from conv_magic.model import Applicability, Fix, Proof
from conv_magic.positions import StaleSource
from conv_magic.repair.names import names_needed
from conv_magic.repair.packing import Packed, pack_names
from conv_magic.repair.scratch import Scratch, ScratchUnavailable, shared_scratch
from conv_magic.repair.trial import Ended, Trial

OnResult = Callable[[int, Fix], None]

FILENAME = "<edited cell>"
_SHORTEST = 0.5
"""Seconds; a trial with less time left is not begun."""


def verify_fixes(
    fixes: Sequence[Fix],
    source: str,
    namespace: Mapping[str, object] | Packed,
    *,
    limit_each: float = 10.0,
    limit_total: float = 20.0,
    analyse: str | None = None,
    scratch: Scratch | None = None,
    on_result: OnResult | None = None,
) -> tuple[Fix, ...]:
    """The fixes, in their order, with `proof` where the edited cell ran and nothing was diagnosed any more.

    Else `untried` says what stood against it: why it could not be tried, or how the trial ended.
    `namespace` is what the cell starts from, or what `pack_for` made of it.
    Limits are in seconds; `limit_total` includes the start of the scratch process.
    `analyse` names the analysis as `module:function` (see `scratch.Scratch`); without one a cell that runs holds.
    `on_result(index, fix)` is called after each trial.  An interrupt ends the trial and passes through.
    """
    deadline = time.monotonic() + limit_total
    scratch = scratch or shared_scratch(analyse)
    packed = namespace if isinstance(namespace, Packed) else pack_for(fixes, source, namespace)
    done: list[Fix] = []
    for fix in fixes:
        limit = min(limit_each, deadline - time.monotonic())
        done.append(_verified(fix, source, packed, scratch, limit))
        if on_result is not None:
            on_result(len(done) - 1, done[-1])
    return tuple(done)


def pack_for(fixes: Iterable[Fix], source: str, namespace: Mapping[str, object]) -> Packed:
    """One packing for all: an edit seldom needs another name than the cell, and imports are cheap to send twice.

    It reads the user's objects, so it belongs into the thread in which their code runs.
    """
    edited = [text for fix in fixes if (text := _edited(fix, source)) is not None]
    return pack_names(frozenset().union(*map(names_needed, edited)), namespace)


def _edited(fix: Fix, source: str) -> str | None:
    if fix.applicability is Applicability.DISPLAY:
        return None
    try:
        return fix.apply(source)
    except StaleSource:
        return None


def _verified(fix: Fix, source: str, packed: Packed, scratch: Scratch, limit: float) -> Fix:
    edited = _edited(fix, source)
    if edited is None:
        stale = fix.applicability is not Applicability.DISPLAY
        return replace(fix, untried="the cell has changed" if stale else "has a place for you to fill in")
    if packed.missing:
        return replace(fix, untried=f"needs `{packed.missing[0]}`, which cannot be copied")
    if limit < _SHORTEST:
        return replace(fix, untried="the time for trials was over")
    try:
        trial = scratch.try_cell(edited, packed.names, filename=FILENAME, limit=limit)
    except ScratchUnavailable as error:
        return replace(fix, untried=str(error))
    if trial.held:
        return replace(fix, proof=Proof.RAN, untried=None)
    return replace(fix, untried=_why_not(trial, limit))


def _why_not(trial: Trial, limit: float) -> str:
    if trial.needs is not None:
        return trial.needs
    if trial.ended is Ended.TIMED_OUT:
        return f"takes longer than {limit:.0f} s"
    if trial.ended is Ended.DIED:
        return f"tried: the process was lost ({trial.error_type})"
    if trial.ended is Ended.RAISED:
        place = f"line {trial.line}" if trial.line else "the cell"
        return f"tried: {place} then raises {trial.error_type}"
    left = trial.diagnosed[0]
    place = f" at line {left.line}" if left.line else ""
    return f"tried: {left.code} remains{place}"
