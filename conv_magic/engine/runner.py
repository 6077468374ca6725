"""A cell or a block run under a session, and its fixes tried.  Knows no IPython."""

from __future__ import annotations

import ast
import asyncio
import inspect
import linecache
import sys
import warnings
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import replace
from functools import cache
from types import CodeType, TracebackType
from typing import Any

from conv_magic.analysis.goals import speaks_of_shapes
from conv_magic.boundary import clean_traceback, faults, keep
from conv_magic.engine.report import Report
from conv_magic.engine.session import Cell, Options, Session
from conv_magic.model.diagnoses import Diagnosis, Severity
from conv_magic.model.document import Document
from conv_magic.model.fixes import Fix
from conv_magic.model.positions import digest
from conv_magic.model.trace import Trace
from conv_magic.notices import OwnFault, is_strict
from conv_magic.repair.combine import untried, verify_diagnoses
from conv_magic.repair.goals import goals_of
from conv_magic.repair.rank import ranked
from conv_magic.repair.seek import Seeker, proved
from conv_magic.repair.verify import SHORTEST, Trials, pack_for, was_tried
from conv_magic.rules.table import UNEXPLAINED
from conv_magic.sandbox.names import names_needed
from conv_magic.sandbox.packing import Packed
from conv_magic.sandbox.reached import watched
from conv_magic.sandbox.scratch import shared_scratch
from conv_magic.sandbox.unconfined import REMARK
from conv_magic.text.contracts import contracts_in

_ran: dict[str, Cell] = {}
_places: dict[int, dict[str, None]] = {}
"""The file names of the cells that ran in each namespace, by its identity."""
_MOST_RAN = 100
_TIMES = 3.0
"""So many times the cell's own time are added to what each trial may take: behind the fault the cell goes on."""
_MOST_SEARCHING = 120.0
"""Seconds that a search for a fix may take where nobody waits for it."""
_MOST_LONG = 3
"""So many trials as long as can be are made at least."""
_last: Report | None = None


def last_report() -> Report | None:
    """Return the report of the last traced run in this process, None before the first."""
    return _last


def remember(report: Report) -> Report:
    """Make `report` the last one."""
    global _last
    _last = report
    return report


def has_untried(report: Document) -> bool:
    """Whether there are fixes that can still be tried, or looked for."""
    known = any(fix.proof is None and fix.untried is None for d in report.diagnoses for fix in d.fixes)
    return known or _to_seek(report, report.diagnoses) is not None


def packed_for(report: Report, namespace: Mapping[str, object]) -> Packed:
    """Copy what trying the fixes needs of `namespace`, which is what the cell started from."""
    text = report.trace.sources[0].text
    also = names_needed(text) if _to_seek(report, report.diagnoses) is not None else set()
    return pack_for(_to_try(report), text, namespace, report.earlier, also)


def _to_try(report: Document) -> list[Fix]:
    return [fix for d in report.diagnoses for fix in d.fixes if fix.untried is None]


def verified(report: Report, packed: Packed, *, limit: float = 30.0, waited_for: bool = False) -> Report:
    """Try the report's fixes in the scratch process and return the report with the results, those that hold first.

    `packed` comes from `packed_for`; `limit` are seconds of computing for all fixes together, more where the cell took
    long itself.  `waited_for` says that a person waits: the limit is one of the clock, the process' own start counts
    too, and an interrupt leaves the rest untried instead of passing through.
    """
    scratch = shared_scratch(f"{__name__}:{tried.__name__}")
    if waited_for and not scratch.get_ready(limit):
        diagnoses = untried(report.diagnoses, "the scratch process was still starting")
    else:
        each = SHORTEST + _TIMES * report.seconds
        total, wall = max(limit, _MOST_LONG * each), limit if waited_for else None
        trials = Trials(report.trace.sources[0].text, packed, scratch, report.earlier, total, each, wall)
        diagnoses = _tried(report, trials, stoppable=waited_for)
        seconds = limit if waited_for else _MOST_SEARCHING
        diagnoses = _sought(report, diagnoses, trials, seconds, stoppable=waited_for)
        if not scratch.confined:
            _complain_once(REMARK)
    return replace(report, trace=_with_reruns(report, diagnoses), diagnoses=diagnoses, trying=False)


@cache
def _complain_once(text: str) -> None:
    print(f"conv_magic: {text}", file=sys.stderr)


def _tried(report: Report, trials: Trials, *, stoppable: bool) -> tuple[Diagnosis, ...]:
    latest = report.diagnoses
    try:
        for after_a_trial in verify_diagnoses(latest, trials, report.trace):
            latest = after_a_trial
    except KeyboardInterrupt:
        if not stoppable:
            raise
        return untried(latest, "interrupted")
    return latest


def _to_seek(report: Document, diagnoses: tuple[Diagnosis, ...]) -> int | None:
    """Return the index of the error to search a fix for: about shapes, no fix of it holds; None if there is none.

    A cell of which a fix could not be tried is left alone: an edit that removes what stood in the way would hold.
    """
    if report.failure is None:
        return None
    for place, diagnosis in enumerate(diagnoses):
        about_shapes = diagnosis.code != UNEXPLAINED or speaks_of_shapes(report.failure.message)
        fixes = diagnosis.fixes
        refused = any(fix.untried is not None and not was_tried(fix.untried) for fix in fixes)
        if diagnosis.severity is Severity.ERROR and about_shapes and not refused and not any(f.verified for f in fixes):
            return place
    return None


def _sought(
    report: Report, diagnoses: tuple[Diagnosis, ...], trials: Trials, seconds: float, *, stoppable: bool
) -> tuple[Diagnosis, ...]:
    """Return the diagnoses with what a search of so many seconds found for the error that no known fix ends."""
    place = _to_seek(report, diagnoses)
    if place is None:
        return diagnoses
    seeker = Seeker(report.trace, report.diagnoses, trials.packed, trials.scratch, seconds)
    try:
        found = proved(seeker, replace(trials), goals_of(diagnoses[place], report.trace))
    except KeyboardInterrupt:
        if not stoppable:
            raise
        return diagnoses
    except Exception as fault:  # a bug of ours is told; what is known stays
        _complain([f"the search for a fix: {type(fault).__name__}: {fault}"])
        return diagnoses
    _complain(seeker.faults)
    known = () if found else diagnoses[place].fixes  # what was tried in vain is noise beside what holds
    fixes = ranked([*found, *known])
    return (*diagnoses[:place], replace(diagnoses[place], fixes=fixes), *diagnoses[place + 1 :])


def _with_reruns(report: Report, diagnoses: Iterable[Diagnosis]) -> Trace:
    """Return the trace with the texts of all cells that a fix needs to run again."""
    known = {source.cell for source in report.trace.sources}
    wanted = {cell for d in diagnoses for fix in d.fixes for cell in fix.reruns} - known
    more = tuple(source for source in report.earlier if source.cell in wanted)
    return replace(report.trace, sources=report.trace.sources + more)


def run(
    source: str,
    namespace: MutableMapping[str, Any] | None = None,
    *,
    verify: bool = False,
    guard: bool = True,
    only: str = "layers",
    depth: int | None = None,
    max_calls: int = 10_000,
) -> Report:
    """Run a cell without IPython and report what was seen.

    `namespace` is the globals in which `source` runs, a fresh one by default; it is changed as any cell would.
    With `verify` the fixes are tried in the scratch process.  Never raises the cell's own error, which is
    `Report.error`; a `KeyboardInterrupt` passes.
    """
    space: Any = {"__name__": "__main__"} if namespace is None else namespace
    before = dict(space)
    cell = _registered(source, space)
    there = frozenset(_places.get(id(space), ()))
    session = Session(cell, dict(_ran), Options(guard, only, depth, max_calls), there=there)
    error: BaseException | None = None
    try:
        _start(session)
        _execute(compiled(session), space)
    except KeyboardInterrupt as interrupt:
        clean_traceback(interrupt)
        raise
    except BaseException as raised:
        error = BaseException.with_traceback(raised, _from_cell(raised.__traceback__, cell.filename))
    finally:
        try:
            session.stop()
        finally:
            session.stop()  # again, should an interrupt have come before it was done
    report = session.finish(error, space)
    _complain(session.faults)
    for remark in session.remarks:
        warnings.warn(f"conv_magic: {remark}", stacklevel=2)
    if verify and has_untried(report):
        report = verified(report, packed_for(report, before))
    return remember(report)


def tried(source: str, namespace: MutableMapping[str, Any], texts: Mapping[str, str]) -> Report:
    """Run an edited cell in the process of a trial; contracts in earlier cells' functions are checked too."""
    stating = {name: text for name, text in texts.items() if contracts_in(text, name)}
    _ran.update({name: Cell(name, text, label="an earlier cell") for name, text in stating.items()})
    return run(source, namespace)


def _registered(source: str, space: Mapping[str, Any]) -> Cell:
    """Register the cell under a file name by which Python finds its text, for tracebacks and for AutoGraph.

    Its functions may be called by a later run, so the latest cells are kept; and which of them ran in which namespace.
    """
    cell = Cell(f"<convshapes {digest(source)}>", source)
    linecache.cache[cell.filename] = (len(source), None, source.splitlines(keepends=True), cell.filename)
    if all(name.startswith("__") for name in space):  # nothing ran there yet: what had its identity is gone
        _places.pop(id(space), None)
    _places.setdefault(id(space), {})[cell.filename] = None
    while len(_places) > _MOST_RAN:
        del _places[next(iter(_places))]
    _ran.pop(cell.filename, None)
    _ran[cell.filename] = replace(cell, label="an earlier cell")
    while len(_ran) > _MOST_RAN:
        del _ran[next(iter(_ran))]
    return cell


def compiled(session: Session, *, awaits: bool = True) -> CodeType:
    """Compile the cell, so that its assignments are noted where that can be done.  Raises the cell's own `SyntaxError`.

    `awaits` says whether it may wait at its top level, as in a notebook.
    """
    flags, name, text = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if awaits else 0, session.cell.filename, session.cell.text
    code: CodeType = compile(text, name, "exec", flags=flags, dont_inherit=True)
    try:
        noted: CodeType = compile(
            session.instrument(watched(ast.parse(text, name), text)), name, "exec", flags=flags, dont_inherit=True
        )
    except BaseException as fault:
        keep("no values noted", fault, session.faults)  # an interrupt goes on
        return code
    return noted


def _start(session: Session) -> None:
    """Put the hooks in; where that breaks, the cell runs without."""
    try:
        session.start()
    except BaseException as fault:
        session.stop()
        keep("not traced", fault, session.faults)  # an interrupt goes on


def _execute(code: CodeType, space: dict[str, Any]) -> None:
    if code.co_flags & inspect.CO_COROUTINE:
        asyncio.run(eval(code, space))
    else:
        exec(code, space)


def _from_cell(traceback: TracebackType | None, filename: str) -> TracebackType | None:
    """Return the traceback from the cell's own frame on; none of it for a syntax error."""
    while traceback is not None and traceback.tb_frame.f_code.co_filename != filename:
        traceback = traceback.tb_next
    return traceback


def _complain(own: list[str]) -> None:
    told = [*own, *faults]
    faults.clear()
    if told and is_strict():
        raise OwnFault(told[0])
    if told:
        warnings.warn(f"conv_magic saw less than it should ({told[0]}); your cell was not affected", stacklevel=3)


class Tracing:
    """What `trace()` gives: `report` is there once the block has ended."""

    def __init__(self, session: Session) -> None:
        self.report: Report | None = None
        self._session = session

    def __enter__(self) -> Tracing:
        _start(self._session)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # not a generator with `contextmanager`: that assigns to the error, which an error of the user's may forbid
        session = self._session
        try:
            self.report = remember(session.finish(error))
        except BaseException as fault:  # a bug of ours is told, the block's own error goes on
            keep("the report", fault, session.faults)
        finally:
            session.stop()  # again, should an interrupt have come before it was done
        _complain(session.faults)


def trace(*, guard: bool = True, only: str = "layers", depth: int | None = None, max_calls: int = 10_000) -> Tracing:
    """Record the block's calls: `with conv_magic.trace() as t: ...`, then `t.report`.

    The block's exception passes through unchanged.
    """
    filename = sys._getframe(1).f_code.co_filename
    cell = Cell(filename, "".join(linecache.getlines(filename)), label="this file")
    return Tracing(Session(cell, {}, Options(guard, only, depth, max_calls)))
