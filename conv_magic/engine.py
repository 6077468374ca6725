"""One run from start to report: hooks in, the cell runs, hooks out, rules, repair.  Knows no IPython."""

from __future__ import annotations

import ast
import asyncio
import inspect
import itertools
import linecache
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any

from conv_magic import calls, tracer
from conv_magic.guard import refuse
from conv_magic.model import SCHEMA, Diagnosis, Document, Failure, Fix, Source, Trace
from conv_magic.positions import digest
from conv_magic.repair.rank import ranked
from conv_magic.repair.verify import verify_fixes
from conv_magic.report import Report
from conv_magic.rules.table import diagnose
from conv_magic.source import Code
from conv_magic.views.notes import line_notes

_numbers = itertools.count(1)
_TOLD = ("conv_magic", "tensorflow", "keras", "numpy")


@dataclass(frozen=True, slots=True)
class Cell:
    """A text that was or will be run: under which file name, and how the front end and a person call it.

    `above` counts the lines of `text` that stand above the first one compiled.
    """

    filename: str
    text: str
    cell_id: str | None = None
    label: str = "this cell"
    above: int = 0


@dataclass(frozen=True, slots=True)
class Options:
    """What a run records.

    guard      refuse an eager call that would end the process
    only       `layers`: every layer and every conv/pool call; `conv`: those of the conv and pool families only
    depth      how far into nested models and layers, None for all the way
    max_calls  the limit on rows
    """

    guard: bool = True
    only: str = "layers"
    depth: int | None = None
    max_calls: int = 10_000


_last: Report | None = None


def last_report() -> Report | None:
    """The report of the last traced run in this process, None before the first."""
    return _last


def remember(report: Report) -> Report:
    """Make `report` the last one."""
    global _last
    _last = report
    return report


@dataclass
class Session:
    """One traced run.  `others` are the cells that ran before, by file name: their functions are the user's too."""

    cell: Cell
    others: Mapping[str, Cell] = field(default_factory=dict)
    options: Options = field(default_factory=Options)

    def __post_init__(self) -> None:
        files = {self.cell.filename, *self.others}
        self.recorder = tracer.new_recorder(files, most=self.options.max_calls, guard=self.options.guard)

    def start(self) -> None:
        """Put the hooks in."""
        tracer.start(self.recorder, refuse)

    def stop(self) -> None:
        """Take them out; harmless when they are out already."""
        tracer.stop(self.recorder)

    def finish(self, error: BaseException | None) -> Report:
        """Hooks out, and the report of what was recorded; fixes are not tried yet."""
        self.stop()
        if error is not None:
            tracer.clean_traceback(error)
        codes = self._codes()
        records = calls.records(self.recorder.rows, codes)
        records = calls.selected(records, self.options.only, self.options.depth)
        trace = Trace(self._sources(codes), records, self.recorder.dropped)
        failure = _failure(error, codes)
        found = tuple(_ranked(d) for d in diagnose(trace, failure))
        notes = line_notes(trace, found)
        return Report.of(Document(SCHEMA, _versions(), trace, found, notes, failure), error)

    @property
    def faults(self) -> list[str]:
        """Our own errors during the run, as text."""
        return self.recorder.faults

    def _codes(self) -> dict[str, Code]:
        cells = [self.cell, *(c for name, c in self.others.items() if name != self.cell.filename)]
        return {cell.filename: Code(f"c{number}", cell.text, cell.above) for number, cell in enumerate(cells)}

    def _sources(self, codes: Mapping[str, Code]) -> tuple[Source, ...]:
        """The cell that ran, then those others that calls were made from or layers made in."""
        used = {self.cell.filename} | _files_of(self.recorder.rows)
        cells = {self.cell.filename: self.cell, **self.others}
        cells[self.cell.filename] = self.cell
        return tuple(
            Source(code.cell, code.text, digest(code.text), cells[name].cell_id, cells[name].label)
            for name, code in codes.items()
            if name in used
        )


def _files_of(rows: list[Any]) -> set[str]:
    places = [place for row in rows for place in (row.place, row.created) if place is not None]
    return {place.filename if hasattr(place, "filename") else place[0].co_filename for place in places}


def _versions() -> tuple[tuple[str, str], ...]:
    versions = ((name, getattr(sys.modules.get(name), "__version__", None)) for name in _TOLD)
    return tuple((name, version) for name, version in versions if isinstance(version, str))


def _failure(error: BaseException | None, codes: Mapping[str, Code]) -> Failure | None:
    if error is None:
        return None
    span = None
    at: TracebackType | None = error.__traceback__
    while at is not None:
        if at.tb_frame.f_code.co_filename in codes:
            span = calls.span_of((at.tb_frame.f_code, at.tb_lasti), codes) or span
        at = at.tb_next
    return Failure(type(error).__name__, str(error), span)


def _ranked(diagnosis: Diagnosis) -> Diagnosis:
    return replace(diagnosis, fixes=ranked(diagnosis.fixes))


def has_untried(report: Document) -> bool:
    """Whether there are fixes that can still be tried."""
    return any(fix.proof is None and fix.untried is None for d in report.diagnoses for fix in d.fixes)


def verified(report: Report, namespace: Mapping[str, object], *, limit: float = 30.0) -> Report:
    """The report with its fixes tried in the scratch process, those that hold first.

    `namespace` is what the cell started from; `limit` is in seconds, for all fixes together.
    """
    source = report.trace.sources[0]
    every = [fix for d in report.diagnoses for fix in d.fixes]
    here = [fix for fix in every if fix.cell == source.cell and fix.untried is None]
    held = verify_fixes(here, source.text, namespace, limit_total=limit, analyse=f"{__name__}:{run.__name__}")
    results = dict(zip(here, held, strict=True))
    labels = {other.cell: other.label for other in report.trace.sources}

    def tried(fix: Fix) -> Fix:
        return results.get(fix) or replace(fix, untried=fix.untried or f"it changes {labels.get(fix.cell, 'a cell')}")

    diagnoses = tuple(replace(d, fixes=ranked(map(tried, d.fixes))) for d in report.diagnoses)
    return replace(report, diagnoses=diagnoses, trying=False)


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
    cell = Cell(_registered(source), source)
    session = Session(cell, {}, Options(guard, only, depth, max_calls))
    error: BaseException | None = None
    session.start()
    try:
        _execute(cell, space)
    except KeyboardInterrupt:
        raise
    except BaseException as raised:
        error = raised.with_traceback(_from_cell(raised.__traceback__, cell.filename))
    finally:
        session.stop()
    report = session.finish(error)
    _complain(session.faults)
    if verify and has_untried(report):
        report = verified(report, before)
    return remember(report)


def _registered(source: str) -> str:
    """A file name under which Python finds the text again, for tracebacks and for AutoGraph."""
    name = f"<convshapes {next(_numbers)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    return name


def _execute(cell: Cell, space: dict[str, Any]) -> None:
    code = compile(cell.text, cell.filename, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    if code.co_flags & inspect.CO_COROUTINE:
        asyncio.run(eval(code, space))
    else:
        exec(code, space)


def _from_cell(traceback: TracebackType | None, filename: str) -> TracebackType | None:
    """The traceback from the cell's own frame on; none of it for a syntax error."""
    while traceback is not None and traceback.tb_frame.f_code.co_filename != filename:
        traceback = traceback.tb_next
    return traceback


def _complain(faults: list[str]) -> None:
    if faults:
        import warnings

        warnings.warn(f"conv_magic saw less than it should ({faults[0]}); your cell was not affected", stacklevel=3)


@dataclass
class Tracing:
    """What `trace()` gives: `report` is there once the block has ended."""

    report: Report | None = None


@contextmanager
def trace(
    *, guard: bool = True, only: str = "layers", depth: int | None = None, max_calls: int = 10_000
) -> Iterator[Tracing]:
    """Record the block's calls: `with conv_magic.trace() as t: ...`, then `t.report`.

    The block's exception passes through unchanged.
    """
    filename = sys._getframe(2).f_code.co_filename
    cell = Cell(filename, "".join(linecache.getlines(filename)), label="this file")
    session = Session(cell, {}, Options(guard, only, depth, max_calls))
    tracing = Tracing()
    error: BaseException | None = None
    session.start()
    try:
        yield tracing
    except BaseException as raised:
        error = raised
        raise
    finally:
        tracing.report = remember(session.finish(error))
        _complain(session.faults)
