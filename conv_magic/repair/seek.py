"""Fixes looked for in the scratch process: a failing cell observed there, edits of it tried, what holds given back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from conv_magic.analysis.case import Case
from conv_magic.analysis.program import Change, Observed, Program
from conv_magic.analysis.values import Value, from_plain
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.positions import Edit, Span, digest, lines_of, utf16_from_utf8
from conv_magic.model.trace import Trace
from conv_magic.records.calls import failed_innermost
from conv_magic.repair.goals import Goal
from conv_magic.repair.search import Outcome, Repair, Search
from conv_magic.repair.titles import title_of
from conv_magic.repair.verify import Trials
from conv_magic.sandbox.packing import Packed
from conv_magic.sandbox.scratch import Scratch, ScratchUnavailable
from conv_magic.sandbox.trial import Question, Trial

_OBSERVE = "conv_magic.analysis.observe:observe"
_TRY = "conv_magic.repair.tries:try_all"
_FILENAME = "<edited cell>"
_MOST_FIXES = 3
_LIMIT = 30.0
"""Seconds for a run, or for a few."""


@dataclass
class Seeker:
    """Looks for repairs of one run.

    names, scratch   what the cell starts from, and where it is tried
    seconds          for everything
    """

    trace: Trace
    diagnoses: Sequence[Diagnosis]
    packed: Packed
    scratch: Scratch
    seconds: float = 120.0
    most: int = 40
    search: Search | None = field(default=None, init=False)
    last: list[Repair] = field(default_factory=list, init=False)

    @property
    def faults(self) -> list[str]:
        """Our own errors, as text."""
        return self.search.case.faults if self.search is not None else []

    def repairs(self) -> list[Repair]:
        """Return the repairs with which the cell ran, best first."""
        if self.packed.missing:
            return []
        case = self._case(self.trace.sources[0].text)
        if case is None:
            return []
        self.search = Search(case, self._attempt, self._case, self.most, seconds=self.seconds)
        self.last = self.search.run()
        return self.last

    def fixes(self) -> Iterator[Fix]:
        """Yield the same as fixes; they are not proved yet."""
        source = self.trace.sources[0]
        for repair in self.repairs():
            chain = _chain(repair)
            if chain is not None and self.search is not None:
                program = self.search.case.program
                edits = _edits(source.cell, source.text, chain)
                yield Fix(title_of(program, chain), edits, Applicability.CHOICE, None, digest(source.text), source.cell)

    def _case(self, text: str) -> Case | None:
        trial = self._ask(_OBSERVE, {"source": text}, _LIMIT, text)
        if trial is None or trial.answer is None:
            return None
        observed = Observed.of(trial.answer)
        if not observed.error[0]:
            return None
        own = text == self.trace.sources[0].text
        call = failed_innermost(self.trace.calls) if own else None
        trace = self.trace if own else Trace(self.trace.sources, ())
        return Case(Program(text, observed), trace, call, tuple(self.diagnoses) if own else ())

    def _attempt(self, texts: Sequence[str]) -> list[Outcome]:
        search = self.search
        names = sorted(search.names) if search is not None else []
        asked = {"sources": list(texts), "seconds": _LIMIT / 2, "names": names}
        trial = self._ask(_TRY, asked, _LIMIT, texts[0])
        if trial is None:
            return []
        if trial.answer is None:  # one of them ended the process or took too long
            if len(texts) == 1:
                return [Outcome((trial.error_type or "", trial.error or ""), {}, trial.seconds)]
            return [outcome for text in texts for outcome in self._attempt([text])]
        return [_outcome(plain) for plain in json.loads(trial.answer)]

    def _ask(self, function: str, argument: object, limit: float, text: str) -> Trial | None:
        question = Question(function, json.dumps(argument))
        try:
            trial = self.scratch.try_cell(text, self.packed.names, filename=_FILENAME, limit=limit, question=question)
        except ScratchUnavailable:
            return None
        return trial


def proved(seeker: Seeker, trials: Trials, goals: Sequence[Goal]) -> tuple[Fix, ...]:
    """Return the first few fixes that a search finds and that hold when the whole cell is run as it is."""
    found: list[Fix] = []
    for fix in seeker.fixes():
        tried, _ = trials.tried(fix, goals=goals)
        if tried.verified:
            found.append(tried)
        if len(found) == _MOST_FIXES:
            break
    return tuple(found)


def _outcome(plain: dict[str, object]) -> Outcome:
    answer = json.loads(json.dumps(plain))
    error = answer["error"]
    names: dict[str, Value] = {name: from_plain(value) for name, value in answer["names"].items()}
    return Outcome((error["type"], error["text"]) if error else None, names, answer["seconds"])


def _chain(repair: Repair) -> tuple[Change, ...] | None:
    """Return the changes of the text as it was; None where a second step changed what the first one put in."""
    if repair.first is None:
        return repair.changes
    moved: list[Change] = []
    for start, end, text in repair.changes:
        shift = 0
        for a, b, new in sorted(repair.first.changes):
            begin = a + shift
            size = len(new.encode())
            if begin + size <= start:
                shift += size - (b - a)
            elif begin < end or (begin <= start and end < begin + size):
                return None
        moved.append((start - shift, end - shift, text))
    return (*repair.first.changes, *moved)


def _edits(cell: str, text: str, changes: Sequence[Change]) -> tuple[Edit, ...]:
    lines = lines_of(text)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line.encode()))

    def place(offset: int) -> tuple[int, int]:
        number = max(n for n, start in enumerate(starts) if start <= offset)
        number = min(number, len(lines) - 1) if lines else 0
        return number + 1, utf16_from_utf8(lines[number], offset - starts[number])

    return tuple(Edit(Span(cell, *place(start), *place(end)), new) for start, end, new in sorted(changes))
