"""All rules, and how a trace is put to them."""

from __future__ import annotations

from conv_magic.calls import failed_innermost
from conv_magic.model import CallRecord, Diagnosis, Failure, Outcome, Severity, Trace
from conv_magic.rules import channels_differ, missing_axis, sizes_differ, window_exceeds_input
from conv_magic.rules.provenance import origin_of
from conv_magic.rules.rule import Rule, name_of, place_of, spelled

RULES: tuple[Rule, ...] = (missing_axis, channels_differ, window_exceeds_input, sizes_differ)

def diagnose(trace: Trace, failure: Failure | None) -> tuple[Diagnosis, ...]:
    """What is wrong in a run, most likely first; an error that the cell itself dealt with is not.

    A cell that failed has one fault, at the call that failed; one that ran has the warnings of all its calls.
    """
    if failure is not None:
        culprit = failed_innermost(trace.calls)
        return () if culprit is None else (_explained(culprit, trace),)
    found: dict[object, Diagnosis] = {}
    for call in trace.calls:
        for rule in RULES:
            for diagnosis in rule.check(call, trace) if call.outcome is Outcome.RETURNED else ():
                found.setdefault((diagnosis.code, diagnosis.span), diagnosis)
    return tuple(found.values())


def _explained(call: CallRecord, trace: Trace) -> Diagnosis:
    return next((d for rule in RULES for d in rule.check(call, trace)), None) or _unexplained(call, trace)


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
