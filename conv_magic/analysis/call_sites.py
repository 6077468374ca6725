"""Find the call in the text that decides the options of a recorded call."""

from __future__ import annotations

import ast

from conv_magic.analysis.operands import call_in, code_of
from conv_magic.model.calls import CallRecord
from conv_magic.model.trace import Trace
from conv_magic.text.source import Code


def call_site_of(call: CallRecord, trace: Trace) -> tuple[Code, ast.Call] | None:
    """Return the call in the text that decides a call's options: the layer's creation, or the function's own call."""
    code = code_of(trace, call.options_span)
    node = call_in(code, call.options_span, call.op) if code is not None else None
    return (code, node) if code is not None and node is not None else None
