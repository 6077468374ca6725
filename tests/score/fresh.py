"""Faults by outside authors: what they leave out is found by running, and what they say is checked."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from score.case import Case
from score.forked import in_child
from score.plain import run_plain


def completed(case: Case, limit: float) -> Case:
    """The case with the line at which it surfaces, where its author left that out."""
    if case.kind != "raise" or case.error_lines:
        return case
    ended = in_child(partial(run_plain, case.cell, case.check), limit)
    return case.with_error(ended.get("lines", []), str(ended.get("error") or ended.get("died") or ""))


def complaints(case: Case, limit: float) -> Iterator[str]:
    """What is not as the case says, in words."""
    ended = in_child(partial(run_plain, case.cell, case.check), limit)
    if case.kind == "raise" and ended.get("ran"):
        yield f"{case.name}: the cell is said to raise, and runs"
    if case.kind in ("silent", "none") and not ended.get("ran") and not case.error:
        yield f"{case.name}: the cell is said to run, and fails: {ended.get('error') or ended.get('died')}"
    if case.kind == "silent" and ended.get("holds"):
        yield f"{case.name}: the check holds for the faulty cell"
    if case.kind == "none":
        return
    if not case.fixed:
        yield f"{case.name}: there is no fixed.py"
        return
    repaired = in_child(partial(run_plain, case.fixed, case.check), limit)
    if not repaired.get("holds"):
        why = repaired.get("error") or repaired.get("died") or "it runs, and the check is false"
        yield f"{case.name}: fixed.py is not right: {why}"
