"""How conv_magic does on one case: whether it names the place, and what its fixes are worth.

A fix is judged by running the edited cell plainly: it is right if the cell runs and the case's `check` holds.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from score.case import Case
from score.forked import LIMIT, in_child
from score.plain import run_plain

SHOWN = 3  # fixes that count


@dataclass(frozen=True)
class Row:
    """One case's result.

    located     the first diagnosis names a line where it surfaces or can be repaired; `at_culprit` only the latter
    first       the first fix is right, `three` one of the first three
    harmless    no fix that was called verified fails to run; `unwanted` counts those that run, but not as wanted
    alarm       something was said about a right program
    cpu         seconds of the user's process and the scratch process, once that has imported TensorFlow
    """

    name: str
    kind: str
    family: str
    mutator: str = ""
    program: str = ""
    knowable: bool = True
    code: str = ""
    located: bool = False
    at_culprit: bool = False
    first: bool = False
    three: bool = False
    verified_wrong: int = 0
    unwanted: int = 0
    alarm: bool = False
    died: bool = False
    cpu: float | None = None
    trials: int | None = None
    note: str = ""

    @property
    def marks(self) -> str:
        """The result in five letters: located, culprit, first, three, alarm."""
        told = ((self.located, "L"), (self.at_culprit, "C"), (self.first, "1"), (self.three, "3"), (self.alarm, "F"))
        return "".join(letter if true else "." for true, letter in told)


def judge(case: Case, limit: float = LIMIT) -> Row:
    """Diagnose the case's cell in a child and run its first fixes, each in a child."""
    row = Row(case.name, case.kind, case.family, case.mutator, case.program, case.knowable)
    told = in_child(partial(_diagnose, case.cell, case.kind != "none"), limit)
    if "died" in told:
        return _with(row, died=True, note=f"died: {told['died']}")
    found: list[dict[str, Any]] = told["diagnoses"]
    row = _with(row, code=found[0]["code"] if found else "", cpu=told["cpu"], trials=told["trials"])
    if case.kind == "none":
        # a cell that fails for another reason may be told of, but no shapes blamed and nothing offered
        alarms = [d for d in found if d["fixes"] or d["blames"]] if told["error"] else found
        return _with(row, alarm=bool(alarms), note=alarms[0]["headline"] if alarms else "")
    if not found:
        return _with(row, note="no diagnosis")
    named = {found[0]["line"], found[0]["origin_line"]} - {None}
    row = _with(row, located=bool(named & case.places()), at_culprit=bool(named & case.culprits()))
    return _fixes_judged(row, case, found, limit)


def _fixes_judged(row: Row, case: Case, found: list[dict[str, Any]], limit: float) -> Row:
    fixes = [fix for diagnosis in found for fix in diagnosis["fixes"]][:SHOWN]
    rights, wrong, unwanted, note = [], 0, 0, "" if fixes else f"no fix: {found[0]['headline']}"
    for fix in fixes:
        ended: dict[str, Any] = {"ran": False, "holds": False, "error": fix["why"]}
        if fix["text"] is not None:
            ended = in_child(partial(run_plain, fix["text"], case.check), limit)
        rights.append(bool(ended.get("ran") and ended.get("holds")))
        wrong += bool(fix["verified"] and not ended.get("ran"))
        unwanted += bool(fix["verified"] and ended.get("ran") and not rights[-1])
        if not rights[0] and len(rights) == 1:
            why = ended.get("error") or ended.get("died") or "runs, but not as wanted"
            note = f"first fix {fix['title']!r}: {why}"
    first = bool(rights and rights[0])
    return _with(row, first=first, three=any(rights), verified_wrong=wrong, unwanted=unwanted, note=note)


def _with(row: Row, **new: Any) -> Row:
    return replace(row, **new)


def _diagnose(source: str, verify: bool) -> dict[str, Any]:
    import conv_magic

    scratch = _ready_scratch() if verify else None
    began = time.process_time() + _cpu_of(scratch)
    report = conv_magic.run(source, {"__name__": "__main__"}, verify=verify)
    spent = time.process_time() + _cpu_of(scratch) - began
    found = []
    for diagnosis in report.diagnoses:
        fixes = []
        for fix in diagnosis.fixes[:5]:
            text, why = None, None
            try:
                text = fix.apply(source)
            except Exception as error:  # told as this fix's failure
                why = repr(error)
            fixes.append({"title": str(fix.title), "text": text, "verified": bool(fix.verified), "why": why})
        found.append(
            {
                "code": str(diagnosis.code),
                "line": diagnosis.line,
                "origin_line": diagnosis.origin_line,
                "headline": str(diagnosis.headline),
                "blames": diagnosis.expected is not None,
                "fixes": fixes,
            }
        )
    trials = getattr(scratch, "score_trials", None)
    failed = type(report.error).__name__ if report.error else None
    return {"error": failed, "diagnoses": found, "cpu": round(spent, 3), "trials": trials}


def _ready_scratch() -> Any:
    """The scratch process, started and with TensorFlow imported, its trials counted; None if there is none such."""
    try:
        from conv_magic.engine import runner
        from conv_magic.sandbox.scratch import shared_scratch

        scratch: Any = shared_scratch(f"{runner.__name__}:{runner.tried.__name__}")  # the one that `verify` asks for
        scratch.get_ready(90)
        try_cell = scratch.try_cell

        def counted(*given: Any, **options: Any) -> Any:
            scratch.score_trials += 1
            return try_cell(*given, **options)

        scratch.score_trials = 0
        scratch.try_cell = counted
    except (ImportError, AttributeError):
        return None
    return scratch


def _cpu_of(scratch: Any) -> float:
    """The seconds that the scratch process and what it has waited for have computed; 0 where /proc is not."""
    pid = getattr(scratch, "pid", None)
    stat = Path(f"/proc/{pid() if callable(pid) else pid}/stat")
    if not pid or not stat.exists():
        return 0.0
    ticks = [int(number) for number in stat.read_text().rpartition(")")[2].split()[11:15]]
    return sum(ticks) / os.sysconf("SC_CLK_TCK")
