"""A broken contract as the root of a later failure: one fault, told where it began."""

from __future__ import annotations

from dataclasses import replace

from conv_magic.analysis.what_if import before
from conv_magic.model.calls import CallRecord
from conv_magic.model.diagnoses import Diagnosis, Severity
from conv_magic.model.trace import Trace


def leads_to(broken: Diagnosis, culprit: CallRecord, trace: Trace) -> bool:
    """Whether a failed call was given what came of the value that contradicts its contract.

    Where no call made that value, or the failed one is not traced back, the order of the lines decides.
    """
    if broken.severity is Severity.NOTE or broken.span is None:
        return False
    if broken.call is not None and any(
        _is_within(call, broken.call, trace) for call in (culprit, *before(culprit, trace))
    ):
        return True
    traced = broken.call is not None and culprit.producers and None not in culprit.producers
    where = culprit.created if not culprit.direct and culprit.created is not None else culprit.span
    return not traced and where is not None and where.cell == broken.span.cell and broken.span.line < where.line


def _is_within(call: CallRecord, index: int, trace: Trace) -> bool:
    """Whether a call is number `index`, or one that it was made inside of, or the same layer's in another pass."""
    made = trace.calls[index]
    return call.index == index or call.parent == index or (made.layer is not None and call.layer == made.layer)


def as_root(broken: Diagnosis, failure: Diagnosis) -> Diagnosis:
    """The broken contract as the cause of a failure, with what it led to."""
    place = f"line {failure.span.line}" if failure.span is not None else "the cell"
    return replace(
        broken, severity=Severity.ERROR, reasons=(*broken.reasons, f"then {place} fails: {failure.headline}")
    )
