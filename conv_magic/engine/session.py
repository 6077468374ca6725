"""One traced run: hooks in, hooks out, and the report of what was recorded.  Knows no IPython."""

from __future__ import annotations

import ast
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from conv_magic.analysis.data_origins import cells_of, with_data_origins
from conv_magic.analysis.earlier_cells import JoinedCells, diagnosed_cells
from conv_magic.analysis.edit_sites import edit_sites
from conv_magic.analysis.layer_creations import with_creations
from conv_magic.analysis.needed_cells import needed_cells
from conv_magic.analysis.operands import codes_of
from conv_magic.boundary import Part, begun, clean_traceback, close_all, errors_behind
from conv_magic.capture import tracer
from conv_magic.capture.assigned import Assignments
from conv_magic.capture.following import Following
from conv_magic.capture.guard import refuse
from conv_magic.capture.hooks.training import training_of
from conv_magic.capture.rows import LineSite, Place, words_of
from conv_magic.capture.values import FailingFrame, failing_frame, named_values
from conv_magic.engine.report import Report
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.document import SCHEMA, Document, Failure
from conv_magic.model.positions import digest
from conv_magic.model.trace import Source, Trace
from conv_magic.records import calls
from conv_magic.repair.rank import distinct, ranked
from conv_magic.rules.table import CELL_RULES, diagnose
from conv_magic.text.source import Code
from conv_magic.views.notes import line_notes

_STATED = {rule.code for rule in CELL_RULES}
MOST_LIVE = 500
"""Rows that are told of while a cell runs."""
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
    only       `layers`: every layer and every conv/pool call; `conv`: those of the conv and pool families only;
               `all`: also the conv/pool calls and layers inside Keras' own layers
    depth      how far into nested models and layers, None for all the way
    max_calls  the limit on rows
    """

    guard: bool = True
    only: str = "layers"
    depth: int | None = None
    max_calls: int = 10_000


@dataclass
class Session:
    """One traced run.  `others` are the cells that ran before, by file name: their functions are the user's too.

    `there` are the file names of those that ran in the same namespace, None for all: a notebook has one only.

    `assignments` are those that were noted in the cell's tree before it ran, if it has run from there.
    """

    cell: Cell
    others: Mapping[str, Cell] = field(default_factory=dict)
    options: Options = field(default_factory=Options)
    assignments: Assignments | None = None
    there: Collection[str] | None = None

    def __post_init__(self) -> None:
        self._assignments = self.assignments or Assignments(self.cell.text)
        self.parts: list[Part] = [self._assignments.part]
        self._following = Following({})
        self._other_names: dict[str, int] = {}
        self._started = time.process_time()
        files = {self.cell.filename, *self.others}
        given, within = self.options, self.options.only == "all"
        self.recorder = tracer.new_recorder(files, most=given.max_calls, guard=given.guard, within=within)

    def start(self) -> None:
        """Put the hooks in.  To be followed by `stop`, also where an error or an interrupt cuts it short."""
        self._started = time.process_time()
        self.parts.append(begun(tracer.tracing(self.recorder, refuse)))
        self._following = Following.of(self._codes())
        self.parts.append(begun(self._following.following()))

    def also_known_as(self, filename: str, above: int) -> None:
        """Parts of the cell's text are compiled under this file name too, with `above` lines of it before the first."""
        self._other_names[filename] = above
        self.recorder.files.add(filename)

    def go_on_with(self, cell: Cell) -> None:
        """Go on with another cell; the one before is an earlier cell from now on."""
        if self.cell.text:
            self.others = {**self.others, self.cell.filename: self.cell}
        self.cell = cell
        self._assignments.part.close()
        self._assignments = Assignments(cell.text)
        self.parts.insert(0, self._assignments.part)
        self.recorder.files.add(cell.filename)

    def filenames(self) -> set[str]:
        """Every file name under which parts of the cell run."""
        return {self.cell.filename, *self._other_names}

    def instrument(self, tree: ast.Module) -> ast.Module:
        """Return the tree of the cell's text, or of its end, with code added that notes its assignments."""
        return self._assignments.instrument(tree)

    def stop(self) -> None:
        """Take all out that was put in for this run; harmless when it is out already."""
        close_all(self.parts)

    def finish(self, error: BaseException | None, namespace: Mapping[str, Any] | None = None) -> Report:
        """Take the hooks out and report what was recorded; fixes are not tried yet.

        `namespace` is what the cell's names stand for at its end.
        """
        self.stop()
        seconds = time.process_time() - self._started
        if error is not None:
            clean_traceback(error)
        codes = self._codes()
        frame = failing_frame(error, codes) if error is not None else None
        records = calls.records(self.recorder.rows, codes)
        if frame is not None and error is not None:
            records = calls.with_unseen_failure(records, self.recorder.rows, frame, error, codes)
        records = calls.selected(records, self.options.only, self.options.depth)
        values = named_values(codes[self.cell.filename], namespace or {})
        if frame is not None and frame.function:
            values += named_values(codes[_file_of(frame.place)], frame.names, frame.function)
        assigned = self._assignments.values(namespace if error is None else None) + self._following.values(codes)
        trace = self._with_given(
            Trace(
                self._sources(codes, frame, {value.span.cell for value in assigned}),
                records,
                self.recorder.dropped,
                values,
                assigned=assigned,
            ),
            codes,
        )
        failure = _failure(error, frame, codes)
        trace, told = self._diagnosed(trace, failure, codes, namespace or {})
        found = tuple(_ranked(d) for d in told if error is None or _tells_of(error, d, trace))
        notes = line_notes(trace, found)
        return Report.of(
            Document(SCHEMA, _versions(), trace, found, notes, failure, sites=edit_sites(trace)),
            error,
            self._earlier(codes),
            seconds,
        )

    def _diagnosed(
        self, trace: Trace, failure: Failure | None, codes: Mapping[str, Code], namespace: Mapping[str, Any]
    ) -> tuple[Trace, tuple[Diagnosis, ...]]:
        """Return the diagnoses, and the trace with the cells from which their faults come.

        Where something is, it is looked at once more with the texts of all earlier cells before the cell's own.
        """
        found = _told(trace, failure, self.faults)
        earlier = self._earlier(codes)
        stated = tuple(d for d in found if d.code in _STATED)
        if not earlier or len(stated) == len(found) or (failure is not None and found[0] in stated):
            return trace, found
        joined = JoinedCells.of(trace.sources[0], needed_cells(trace.sources, earlier))
        mentioned = named_values(Code(trace.sources[0].cell, joined.text), namespace)
        functions = tuple(value for value in trace.values if value.scope)
        whole = with_creations(joined.moved(trace, (*mentioned, *functions)))
        told = tuple(joined.back(d) for d in _told(whole, failure, self.faults) if d.code not in _STATED)
        if not told:
            return trace, found
        shown = {source.cell for source in trace.sources} | {*diagnosed_cells(told)}
        return replace(trace, sources=tuple(s for s in self._all(codes) if s.cell in shown)), (*told, *stated)

    def _all(self, codes: Mapping[str, Code]) -> Iterator[Source]:
        return (_source(cell, codes) for cell in self._cells())

    def _is_there(self, cell: Cell) -> bool:
        return cell is self.cell or self.there is None or cell.filename in self.there

    def state(self, thread: int) -> object:
        """Something that differs whenever `so_far` would say something new."""
        rows = self.recorder.rows[:MOST_LIVE]
        return len(self.recorder.rows), sum(row.count for row in rows), training_of(thread)

    def so_far(self, thread: int) -> Report:
        """Report a cell that still runs, from its own thread: calls and shapes, no diagnosis.

        To be called from another thread, which only reads; the first `MOST_LIVE` rows are told.
        """
        codes, rows = self._codes(), self.recorder.rows[:]
        records = calls.records([calls.settled(row) for row in rows[:MOST_LIVE]], codes)
        records = calls.selected(records, self.options.only, self.options.depth)
        dropped = self.recorder.dropped + sum(row.count for row in rows[MOST_LIVE:])
        trace = Trace(self._sources(codes, None), records, dropped)
        document = Document(SCHEMA, _versions(), trace, (), line_notes(trace, ()), None)
        return Report.of(replace(document, running=True, training=training_of(thread)))

    @property
    def faults(self) -> list[str]:
        """Our own errors during the run, as text."""
        return self.recorder.faults

    @property
    def remarks(self) -> list[str]:
        """What was left out on purpose, in words for the user."""
        return [self._following.remark] if self._following.remark else []

    def _cells(self) -> list[Cell]:
        """Return the cell that ran, then the others."""
        return [self.cell, *(cell for name, cell in self.others.items() if name not in self.filenames())]

    def _codes(self) -> dict[str, Code]:
        codes = {cell.filename: Code(f"c{number}", cell.text, cell.above) for number, cell in enumerate(self._cells())}
        own = codes[self.cell.filename]
        return codes | {name: replace(own, above=above) for name, above in self._other_names.items()}

    def _with_given(self, trace: Trace, codes: Mapping[str, Code]) -> Trace:
        """Return the trace with the user's own arrays that each call was given, and the cells that made them."""
        parsed = {code.cell: code for code in codes_of(trace)}  # those that the rules look into as well
        own, *others = (parsed.get(code.cell, code) for code in (codes[cell.filename] for cell in self._cells()))
        records = with_data_origins(trace.calls, [own, *reversed(others)])
        shown = {source.cell for source in trace.sources} | cells_of(records)
        return replace(
            trace,
            calls=records,
            sources=tuple(_source(cell, codes) for cell in self._cells() if codes[cell.filename].cell in shown),
        )

    def _sources(
        self, codes: Mapping[str, Code], frame: FailingFrame | None, givers: Collection[str] = ()
    ) -> tuple[Source, ...]:
        """Return the cell that ran, then others that made calls, layers or arrays, or raised the error."""
        used = {self.cell.filename} | _files_of(self.recorder.rows) | ({_file_of(frame.place)} if frame else set())
        return tuple(
            _source(cell, codes)
            for cell in self._cells()
            if cell.filename in used or codes[cell.filename].cell in givers
        )

    def _earlier(self, codes: Mapping[str, Code]) -> tuple[Source, ...]:
        """Return the cells that ran before in this namespace, each as it last ran, without this cell's own."""
        latest: dict[str, Cell] = {}
        for cell in reversed(
            [c for c in self._cells() if self._is_there(c)]
        ):  # its own text is the first, and so the last here
            latest.setdefault(cell.cell_id or cell.filename, cell)
        latest.pop(self.cell.cell_id or self.cell.filename)
        return tuple(_source(cell, codes) for cell in reversed(latest.values()))


def _source(cell: Cell, codes: Mapping[str, Code]) -> Source:
    return Source(codes[cell.filename].cell, cell.text, digest(cell.text), cell.cell_id, cell.label)


def _files_of(rows: list[Any]) -> set[str]:
    places = [place for row in rows for place in (row.place, row.created) if place is not None]
    return set(map(_file_of, places))


def _file_of(place: Place) -> str:
    return place.filename if isinstance(place, LineSite) else place[0].co_filename


def _versions() -> tuple[tuple[str, str], ...]:
    versions = ((name, getattr(sys.modules.get(name), "__version__", None)) for name in _TOLD)
    return tuple((name, version) for name, version in versions if isinstance(version, str))


def _failure(
    error: BaseException | None, frame: FailingFrame | None, codes: Mapping[str, Code]
) -> Failure | None:  # fmt: skip
    if error is None:
        return None
    return Failure(type(error).__name__, words_of(error), calls.span_of(frame.place, codes) if frame else None)


def _tells_of(error: BaseException, diagnosis: Diagnosis, trace: Trace) -> bool:
    """Whether the call that a diagnosis is about failed with this error, or with one that it came of.

    An interrupt or an exit is no call's fault, and an error that the cell caught is not what ended it.  TensorFlow
    and Keras raise errors of their own with the text of the first one in them, so the text decides.
    """
    if not isinstance(error, Exception):
        return False
    told = [] if diagnosis.call is None else [trace.calls[diagnosis.call].error or ""]
    first_lines = [_on_one_line(text.strip().partition("\n")[0]) for text in told]
    texts = [_on_one_line(words_of(each)) for each in errors_behind(error)]
    return all(any(line in text for text in texts) for line in first_lines)


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def _ranked(diagnosis: Diagnosis) -> Diagnosis:
    return replace(diagnosis, fixes=ranked(diagnosis.fixes))


def _told(trace: Trace, failure: Failure | None, faults: list[str]) -> tuple[Diagnosis, ...]:
    """Diagnose a trace; no two fixes of one diagnosis are alike."""
    return tuple(replace(d, fixes=distinct(d.fixes, trace.sources)) for d in diagnose(trace, failure, faults))
