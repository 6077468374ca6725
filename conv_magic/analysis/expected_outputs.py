"""What the arithmetic expects of one recorded call: its output for another input, or why its input does not fit."""

from __future__ import annotations

from collections.abc import Container

from conv_magic import arithmetic
from conv_magic.model.calls import CallRecord
from conv_magic.model.options import Options
from conv_magic.model.shapes import Shape


def output_for(call: CallRecord, shape: Shape, kernel: Shape | None = None) -> Shape | None:
    """Return the output shape of a call for an input of `shape`, None where it would fail or is not known.

    `kernel` takes the place of the recorded kernel.
    """
    if call.options is None:
        return None
    try:
        return arithmetic.expected_shape(call.options, (shape,), kernel or call.kernel)
    except arithmetic.ShapeProblem:
        return None


def problem_of(
    call: CallRecord, reasons: Container[arithmetic.Reason], options: Options | None = None
) -> arithmetic.ShapeProblem | None:
    """Return why the arithmetic refuses the inputs of a call, None where it does not or for none of `reasons`.

    `options` take the place of the recorded ones.
    """
    try:
        arithmetic.expected_shape(options or call.options, call.inputs, call.kernel)
    except arithmetic.ShapeProblem as problem:
        return problem if problem.reason in reasons else None
    return None
