"""What a trial must reach for a fix to hold: the call that failed, at the same place, as often as before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.document import Document
from conv_magic.model.positions import Edit, Span, lines_of, offset_of, splice, utf16_from_char
from conv_magic.model.trace import Trace
from conv_magic.sandbox.trial import Trial, Watch

NOT_REACHED = "the trial did not come past the call that failed"
_TRAINS = frozenset({"fit", "evaluate", "predict"})


@dataclass(frozen=True, slots=True)
class Goal:
    """A place in a cell's text that must give a value so often.

    `cell` is the key of that cell; `own` says that it is the one that runs.
    """

    cell: str
    text: str
    span: Span
    times: int = 1
    own: bool = True

    def after(self, edits: Sequence[Edit]) -> Goal:
        """Return the goal with its span moved into the text that results from `edits`."""
        return replace(self, text=splice(self.text, edits), span=moved(self.text, self.span, edits))

    @property
    def watch(self) -> Watch:
        """What the trial is to count."""
        return Watch(self.text, self.span)

    def reached(self, counted: int | None, document: Document | None) -> bool:
        """Whether a trial came past it often enough, by its count or by the calls that it recorded."""
        if counted is not None and counted >= self.times:
            return True
        if not self.own or document is None:
            return False
        cell = document.trace.sources[0].cell if document.trace.sources else ""
        span = replace(self.span, cell=cell)
        return returned(document.trace.calls, span) >= self.times


def goals_of(diagnosis: Diagnosis, trace: Trace) -> tuple[Goal, ...]:
    """Return the span that a diagnosis' call has to return at, if it is known; `trace` is that of the run."""
    calls, texts = trace.calls, {source.cell: source.text for source in trace.sources}
    call = calls[diagnosis.call] if diagnosis.call is not None and diagnosis.call < len(calls) else None
    span = call.span if call is not None and call.span is not None else diagnosis.span
    if span is None or span.cell not in texts:
        return ()
    times = 1
    if call is not None and call.span is not None and call.direct and not _in_training(call, calls):
        times = max(1, returned(calls, call.span) + (call.outcome is not Outcome.RETURNED))
    return (Goal(span.cell, texts[span.cell], span, times, span.cell == trace.sources[0].cell),)


def returned(calls: Iterable[CallRecord], span: Span) -> int:
    """How many calls at that very place returned."""
    return sum(call.count for call in calls if call.span == span and call.outcome is Outcome.RETURNED)


def all_reached(goals: Sequence[Goal], trial: Trial) -> bool:
    """Whether a trial came past all that it had to."""
    counted = trial.reached or (None,) * len(goals)
    return all(goal.reached(count, trial.document) for goal, count in zip(goals, counted, strict=True))


def _in_training(call: CallRecord, calls: Sequence[CallRecord]) -> bool:
    """Whether it ran inside training, which a trial cuts to one step."""
    at: CallRecord | None = call
    while at is not None:
        if at.op in _TRAINS:
            return True
        at = calls[at.parent] if at.parent is not None and at.parent < len(calls) else None
    return False


def moved(text: str, span: Span, edits: Iterable[Edit]) -> Span:
    """Where a place of `text` is after edits: what an edit puts before or behind it is not in it."""
    lines = lines_of(text)
    start, end = offset_of(lines, span.line, span.column), offset_of(lines, span.end_line, span.end_column)
    new_start, new_end = start, end
    for edit in edits:
        first = offset_of(lines, edit.span.line, edit.span.column)
        last = offset_of(lines, edit.span.end_line, edit.span.end_column)
        grown = len(edit.text) - (last - first)
        if last <= start and not (first == last == start == end):
            new_start, new_end = new_start + grown, new_end + grown
        elif first < end:
            new_start -= max(0, start - first)
            new_end += grown + max(0, last - end)
    return _span_of(splice(text, edits), span.cell, new_start, max(new_start, new_end))


def _span_of(text: str, cell: str, start: int, end: int) -> Span:
    return Span(cell, *_place(text, start), *_place(text, end))


def _place(text: str, offset: int) -> tuple[int, int]:
    before = text[:offset]
    line = before[before.rfind("\n") + 1 :]
    return before.count("\n") + 1, utf16_from_char(line, len(line))
