"""What a whole run comes to: the figures of the head line."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence

from conv_magic.model import CallRecord, Cost, Document, Outcome, Severity, Totals
from conv_magic.views.verdict import contradicts

Figure = Callable[[Cost], float | None]


def totals_of(document: Document) -> Totals:
    """The figures of all calls; those that the document itself states where it holds only some of them."""
    if document.trace.totals is not None:
        return document.trace.totals
    calls = document.trace.calls
    family = _Family(calls)
    failed = _failed(document)
    suspects = {d.call for d in document.diagnoses if d.severity is Severity.WARNING}
    return Totals(
        rows=len(calls),
        calls=sum(call.count for call in calls),
        failed=len(failed),
        warnings=sum(_is_warned(call, suspects) for call in calls if call.index not in failed),
        params=int(sum(family.figure(call, lambda cost: cost.params) for call in distinct_layers(family.outer))),
        macs=int(sum(family.figure(call, lambda cost: cost.macs) * call.count for call in family.outer)),
        output_bytes=int(sum(call.cost.output_bytes or 0 for call in calls if call.index not in family.inner)),
        seconds=sum(family.figure(call, lambda cost: cost.seconds) for call in family.outer),
    )


class _Family:
    """Which calls ran inside which."""

    def __init__(self, calls: Sequence[CallRecord]) -> None:
        known = {call.index for call in calls}
        self.outer = [call for call in calls if call.parent not in known]
        self.inner: dict[int, list[CallRecord]] = {}
        for call in calls:
            if call.parent is not None and call.parent in known:
                self.inner.setdefault(call.parent, []).append(call)

    def figure(self, call: CallRecord, figure: Figure) -> float:
        """The call's own figure, which covers the calls inside it; the sum of theirs where it has none."""
        own = figure(call.cost)
        if own is not None:
            return own
        return sum(self.figure(inner, figure) for inner in distinct_layers(self.inner.get(call.index, ())))


def distinct_layers(calls: Iterable[CallRecord]) -> list[CallRecord]:
    """The calls with each layer once: a shared one has its parameters once, however often it is called."""
    seen: set[str] = set()
    kept = []
    for call in calls:
        if call.layer is None or call.layer not in seen:
            kept.append(call)
        if call.layer is not None:
            seen.add(call.layer)
    return kept


def _failed(document: Document) -> set[int]:
    """Calls that failed of themselves: one that did so because one inside it failed is not among them."""
    failed = [call for call in document.trace.calls if call.outcome is not Outcome.RETURNED]
    around = {call.parent for call in failed}
    blamed = {d.call for d in document.diagnoses if d.severity is Severity.ERROR and d.call is not None}
    return {call.index for call in failed if call.index not in around} | blamed


def _is_warned(call: CallRecord, suspects: Container[int | None]) -> bool:
    if call.outcome is not Outcome.RETURNED:
        return False
    return call.index in suspects or contradicts(call.expected, call.output)
