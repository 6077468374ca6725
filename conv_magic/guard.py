"""Which calls are refused before TensorFlow sees them, because its kernels would end the process or return rubbish.

With oneDNN, the default of the released wheels, these abort or answer with the input's own shape instead of raising:
https://github.com/tensorflow/tensorflow/issues/111453, /89852, /95415, /111457, /112536.
"""

from __future__ import annotations

from conv_magic import arithmetic
from conv_magic.recorder import Row

_REFUSED = {arithmetic.Reason.RANK, arithmetic.Reason.WINDOW}


class ImpossibleCall(ValueError):
    """A call that TensorFlow would not survive; raised in its place."""


def refuse(row: Row) -> ImpossibleCall | None:
    """The error to raise instead of the call, or None to let it pass."""
    known = row.description
    if known is None or known.options is None or not row.inputs:
        return None
    try:
        arithmetic.expected_shape(known.options, row.inputs, known.kernel)
    except arithmetic.ShapeProblem as problem:
        if problem.reason in _REFUSED:
            return ImpossibleCall(f"{known.op}: {problem}")
    return None
