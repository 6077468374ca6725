"""A broken contract as the cause of a later failure: one fault, reported where it began."""

from __future__ import annotations

from dataclasses import replace

from conv_magic.analysis.what_if import before
from conv_magic.model.calls import CallRecord
from conv_magic.model.diagnoses import Diagnosis, Severity
from conv_magic.model.trace import Trace


def leads_to(broken: Diagnosis, culprit: CallRecord, trace: Trace) -> bool:
    """Check whether a failed call was given what came of the value that contradicts its contract.

    Where no call made that value, or the inputs of the failed call are not traced back, the order of the lines decides.
    """
    if broken.severity is Severity.NOTE or broken.span is None:
        return False
    if broken.call is not None and any(
        _belongs_to(call, broken.call, trace) for call in (culprit, *before(culprit, trace))
    ):
        return True
    traced = broken.call is not None and culprit.producers and None not in culprit.producers
    span = culprit.created if not culprit.direct and culprit.created is not None else culprit.span
    return not traced and span is not None and span.cell == broken.span.cell and broken.span.line < span.line


def _belongs_to(call: CallRecord, index: int, trace: Trace) -> bool:
    """Check whether a call is number `index`, ran directly inside that one, or is of the same layer."""
    producer = trace.calls[index]
    return call.index == index or call.parent == index or (producer.layer is not None and call.layer == producer.layer)


def as_root(broken: Diagnosis, failure: Diagnosis) -> Diagnosis:
    """Return the broken contract as the error, with the failure that it led to as a reason."""
    line = f"line {failure.span.line}" if failure.span is not None else "the cell"
    return replace(broken, severity=Severity.ERROR, reasons=(*broken.reasons, f"then {line} fails: {failure.headline}"))
