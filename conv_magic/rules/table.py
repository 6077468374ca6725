"""All rules, and how a trace is put to them."""

from __future__ import annotations

from conv_magic.calls import failed_innermost
from conv_magic.model import CallRecord, Diagnosis, Failure, Severity, Trace
from conv_magic.rules import channels_differ, missing_axis, sizes_differ, window_exceeds_input
from conv_magic.rules.provenance import origin_of
from conv_magic.rules.rule import Rule, name_of, place_of, spelled

RULES: tuple[Rule, ...] = (missing_axis, channels_differ, window_exceeds_input, sizes_differ)

def diagnose(trace: Trace, failure: Failure | None) -> tuple[Diagnosis, ...]:
    """What is wrong in a run, most likely first; nothing where the cell itself dealt with the error."""
    culprit = _culprit(trace, failure)
    if culprit is None:
        return ()
    found = next((d for rule in RULES for d in rule.check(culprit, trace)), None)
    return (found or _unexplained(culprit, trace),)


def _culprit(trace: Trace, failure: Failure | None) -> CallRecord | None:
    """The innermost call from which the cell's error came; None where the cell itself dealt with it."""
    return None if failure is None else failed_innermost(trace.calls)


def _unexplained(call: CallRecord, trace: Trace) -> Diagnosis:
    """Where and on what it failed, in TensorFlow's own words."""
    origin, note = origin_of(call, trace)
    shapes = " and ".join(spelled(shape) for shape in call.inputs) or "its arguments"
    return Diagnosis(
        code="call-failed",
        severity=Severity.ERROR,
        call=call.index,
        span=place_of(call),
        layer=name_of(call),
        headline=f"{name_of(call)} failed on {shapes}",
        reasons=tuple(line for line in (call.error or "").splitlines()[:1] if line),
        expected=call.accepts,
        actual=call.inputs[0] if call.inputs else None,
        origin=origin,
        origin_note=note,
    )
