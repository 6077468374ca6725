"""What a whole run comes to: the figures of the head line."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Severity
from conv_magic.model.document import Document
from conv_magic.model.trace import Totals
from conv_magic.views.verdict import contradicts
from conv_magic.views.wording import bytes_text, number_text, seconds_text


def totals_of(document: Document) -> Totals:
    """Sum the figures of all calls; those that the document itself states where it holds only some of them."""
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
        params=sum(map(family.params, distinct_layers(family.outer))),
        macs=sum(map(family.macs, family.outer)),
        output_bytes=sum(call.cost.output_bytes or 0 for call in calls if call.index not in family.inner),
        seconds=sum(map(family.seconds, family.outer)),
    )


def figures(document: Document) -> str:
    """Write the costs after the verdict: `3,764 parameters, 2.6 M MACs, 2.1 MB of outputs, 1.3 s in calls`."""
    totals = totals_of(document)
    parts = [
        (totals.params, f"{number_text(totals.params)} parameter{'s' if totals.params != 1 else ''}"),
        (totals.macs, f"{number_text(totals.macs)} MAC{'s' if totals.macs != 1 else ''}"),
        (totals.output_bytes, f"{bytes_text(totals.output_bytes)} of outputs"),
        (totals.seconds, f"{seconds_text(totals.seconds)} in calls"),
    ]
    return ", ".join(text for figure, text in parts if figure > 0)


class _Family:
    """Which calls ran inside which."""

    def __init__(self, calls: Sequence[CallRecord]) -> None:
        known = {call.index for call in calls}
        self.outer = [call for call in calls if call.parent not in known]
        self.inner: dict[int, list[CallRecord]] = {}
        for call in calls:
            if call.parent is not None and call.parent in known:
                self.inner.setdefault(call.parent, []).append(call)

    def _within(self, call: CallRecord) -> list[CallRecord]:
        return self.inner.get(call.index, [])

    # A call's own figure covers the calls inside it; where it has none, theirs together are taken.

    def params(self, call: CallRecord) -> int:
        """Return the parameters of the call's layer, those of shared layers once."""
        own = call.cost.params
        return sum(map(self.params, distinct_layers(self._within(call)))) if own is None else own

    def macs(self, call: CallRecord) -> int:
        """Return the multiply-accumulates of all runs of the row."""
        own = call.cost.macs
        return sum(map(self.macs, self._within(call))) if own is None else own * call.count

    def seconds(self, call: CallRecord) -> float:
        """Return the time of all runs of the row."""
        own = call.cost.seconds
        return sum(map(self.seconds, self._within(call))) if own is None else own


def distinct_layers(calls: Iterable[CallRecord]) -> list[CallRecord]:
    """Return the calls with each layer, and each function at one call site, once: so are their parameters counted."""
    seen: set[object] = set()
    kept = []
    for call in calls:
        what = call.layer or (call.op, call.span)
        if what not in seen or (call.layer is None and call.span is None):
            kept.append(call)
        seen.add(what)
    return kept


def _failed(document: Document) -> set[int]:
    """Return calls that failed of themselves: not those that failed because a call inside them did."""
    failed = [call for call in document.trace.calls if call.outcome is not Outcome.RETURNED]
    around = {call.parent for call in failed}
    blamed = {d.call for d in document.diagnoses if d.severity is Severity.ERROR and d.call is not None}
    return {call.index for call in failed if call.index not in around} | blamed


def _is_warned(call: CallRecord, suspects: Container[int | None]) -> bool:
    if call.outcome is not Outcome.RETURNED:
        return False
    return call.index in suspects or contradicts(call.expected, call.output)
