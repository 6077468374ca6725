"""How the calls of a run fared, and the one sentence over the whole run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from conv_magic.model.calls import CallRecord, Mode, Outcome
from conv_magic.model.diagnoses import Severity
from conv_magic.model.document import Document, Training
from conv_magic.model.positions import Span
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Source
from conv_magic.views.wording import one_line

Status = Literal["ok", "warning", "failed", "guarded", "running"]
"""`guarded` was stopped before TensorFlow ran it; `running` is a call of a cell that had not ended."""

_MOST_LINES = 3


def contradicts(expected: Shape | None, output: Shape | None) -> bool:
    """Whether what came cannot be what the arithmetic says; unknown dimensions contradict nothing."""
    if expected is None or output is None or expected == output:
        return False
    known = ((e, o) for e, o in zip(expected, output, strict=False) if e is not None and o is not None)
    return len(expected) != len(output) or any(e != o for e, o in known)


def statuses(document: Document) -> tuple[Status, ...]:
    """Return the status of each call, in order.  A call that was entered and never returned has failed."""
    suspects = {d.call for d in document.diagnoses if d.severity is not Severity.NOTE}
    return tuple(_status(call, call.index in suspects, document.running) for call in document.trace.calls)


def _status(call: CallRecord, suspect: bool, running: bool) -> Status:
    if call.outcome is Outcome.GUARDED:
        return "guarded"
    if call.outcome is Outcome.ENTERED and running:
        return "running"
    if call.outcome is not Outcome.RETURNED:
        return "failed"
    return "warning" if suspect or contradicts(call.expected, call.output) else "ok"


def place_text(span: Span, sources: Sequence[Source]) -> str:
    """`line 12`, and of which cell where it is not the one that ran."""
    return f"line {span.line}{_cell_text(span, sources)}"


def _cell_text(span: Span, sources: Sequence[Source]) -> str:
    if not sources or span.cell == sources[0].cell:
        return ""
    return f" of {next((s.label for s in sources if s.cell == span.cell), 'an older cell')}"


def _at(spans: Iterable[Span | None], sources: Sequence[Source]) -> str:
    """` at line 12`, ` at lines 3, 4 and 9`, ` at lines 3, 4, 9 and 5 more`, or nothing."""
    places = list(dict.fromkeys(f"{span.line}{_cell_text(span, sources)}" for span in spans if span))
    if len(places) < 2:
        return "".join(f" at line {place}" for place in places)
    named = places[:_MOST_LINES] if len(places) > _MOST_LINES + 1 else places[:-1]
    rest = places[-1] if len(places) == len(named) + 1 else f"{len(places) - len(named)} more"
    return f" at lines {', '.join(named)} and {rest}"


def verdict(document: Document) -> str:
    """One sentence over the whole run: `7 calls, all as the arithmetic says`; while it runs, how far it has come."""
    if document.running:
        training = document.training
        so_far = f"running: {_count_text(document) if document.trace.calls else '0 calls'} so far"
        return f"{so_far}; {training_text(training)}" if training else so_far
    found = _findings(document) or [_agreement(document)]
    parts = [", ".join(filter(None, [_count_text(document), *found]))]
    calls_failed = {"failed", "guarded"} & set(statuses(document))
    if document.failure and not calls_failed:
        place = _at([document.failure.span], document.trace.sources)
        parts.append(f"the cell ended with {one_line(document.failure.type)}{place}")
    if document.trying:
        parts.append("fixes not tried yet")
    return "; ".join(parts)


def training_text(training: Training) -> str:
    """`fit is at epoch 3 of 10, step 12 of 100`."""
    places = [
        f"{word} {at:,}" + (f" of {most:,}" if most is not None else "")
        for word, at, most in (
            ("epoch", training.epoch, training.epochs),
            ("step", training.step, training.steps),
        )
        if at is not None
    ]
    return f"{training.op} is at {', '.join(places)}" if places else f"{training.op} has begun"


def _count_text(document: Document) -> str:
    dropped, left_out = document.trace.dropped, document.trace.left_out
    rows, calls = _counts(document)
    text = f"{calls:,} call{'s' if calls != 1 else ''}" if calls else "no calls were seen"
    if calls != rows:
        text += f" on {rows:,} row{'s' if rows != 1 else ''}"
    if left_out:
        text += f" ({left_out:,} of the rows {'are' if left_out != 1 else 'is'} not in this copy)"
    return f"{text} and {dropped:,} more that were not recorded" if dropped else text


def _counts(document: Document) -> tuple[int, int]:
    """How many rows and calls there were, also those that this copy leaves out."""
    trace = document.trace
    if trace.totals is not None:
        return trace.totals.rows, trace.totals.calls
    return len(trace.calls), sum(call.count for call in trace.calls)


def _findings(document: Document) -> list[str]:
    """Write what is wrong: `1 failed at line 12`.  Of calls inside each other the innermost is named."""
    by_status: dict[Status, list[CallRecord]] = {"failed": [], "guarded": [], "warning": []}
    for call, status in zip(document.trace.calls, statuses(document), strict=True):
        by_status.setdefault(status, []).append(call)
    around_failed = {call.parent for call in by_status["failed"] + by_status["guarded"]}
    around_warned = {call.parent for call in by_status["warning"]}
    found = [
        ("failed", [call for call in by_status["failed"] if call.index not in around_failed]),
        ("stopped before it ran", by_status["guarded"]),
        ("with a warning", [call for call in by_status["warning"] if call.index not in around_warned]),
    ]
    return [
        f"{len(calls)} {word}{_at((call.span for call in calls), document.trace.sources)}"
        for word, calls in found
        if calls
    ] + _findings_without_call(document)


def _findings_without_call(document: Document) -> list[str]:
    loose = [d for d in document.diagnoses if d.call is None and d.severity is not Severity.NOTE]
    counts = Counter(d.severity.value for d in loose)
    return [
        f"{count} {word}{'s' if count > 1 else ''}"
        + _at((d.span for d in loose if d.severity == word), document.trace.sources)
        for word, count in counts.items()
    ]


def _is_trace(call: CallRecord) -> bool:
    """Check for a function being traced: it stands beside the calls that it made, which tell more."""
    return call.tracing is not None and call.mode is Mode.GRAPH


def _agreement(document: Document) -> str:
    """Write what can be said of a run in which nothing is wrong: no more than was checked."""
    outer = {call.parent for call in document.trace.calls}
    inner = [call for call in document.trace.calls if call.index not in outer and not _is_trace(call)]
    unchecked = sum(call.expected is None or call.output is None for call in inner)
    if unchecked == len(inner):
        return "without a prediction to compare with" if inner else ""
    if unchecked:
        return f"none against the arithmetic, {unchecked} without a prediction"
    return "all as the arithmetic says" if len(document.trace.calls) > 1 else "as the arithmetic says"
