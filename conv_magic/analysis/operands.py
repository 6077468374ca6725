"""Find the expression in the user's text that gives a call its input, and where its value was made."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import lru_cache

from conv_magic.analysis.definitions import is_parameter
from conv_magic.model.calls import CallRecord
from conv_magic.model.naming import name_of, spelled
from conv_magic.model.positions import Span
from conv_magic.model.trace import Source, Trace
from conv_magic.model.values import NamedValue
from conv_magic.text.source import Binding, Code, argument, called_name

DATA_METHODS = {
    "fit", "evaluate", "predict", "train_on_batch", "test_on_batch", "predict_on_batch", "predict_step",
}  # fmt: skip


@lru_cache(maxsize=64)
def _code_of_source(source: Source, modules: tuple[tuple[str, str], ...]) -> Code:
    return Code(source.cell, source.text, modules=modules)


def code_of(trace: Trace, span: Span | None) -> Code | None:
    """Return the cell that a span lies in, None if the trace does not have it."""
    if span is not None:
        for code in codes_of(trace):
            if code.cell == span.cell:
                return code
    return None


_Latest = tuple[tuple[Source, ...], tuple[NamedValue, ...], tuple[Code, ...]]
_latest: _Latest = ((), (), ())


def codes_of(trace: Trace) -> tuple[Code, ...]:
    """Return every cell that the trace knows, the one that ran first.

    The rules ask this many times for each call of one trace: those of the latest one are kept.
    """
    global _latest
    sources, values, codes = _latest  # at once: other threads may ask for another trace's
    if trace.sources is not sources or trace.values is not values:
        modules = tuple((value.name, value.type) for value in trace.values if value.kind == "module")
        codes = tuple(_code_of_source(source, modules) for source in trace.sources)
        _latest = trace.sources, trace.values, codes
    return codes


@dataclass(frozen=True)
class Operand:
    """The expression that gives a call its first input."""

    code: Code
    call: ast.Call
    value: ast.expr

    @property
    def binding(self) -> Binding | None:
        """Return the statement that bound the value, None if the expression is not a plain name."""
        return self.code.binding(self.value) if isinstance(self.value, ast.Name) else None


def operand_of(call: CallRecord, trace: Trace, index: int | None = None) -> Operand | None:
    """Return the input as the user's own line gives it, to the call itself or to the `fit` that led to it.

    With `index` the expression for that one of several inputs given in a list.
    """
    code = code_of(trace, call.span)
    node = call_in(code, call.span, call.op) if code else None
    if code is None or node is None:
        return None
    if not _outermost_on_line(call, trace).direct and called_name(node) not in {*DATA_METHODS, call.op}:
        return None
    value = argument(node, 0, "input", "x", "inputs", "value")
    if index is not None and isinstance(value, ast.List | ast.Tuple):
        value = value.elts[index] if index < len(value.elts) else None
    return Operand(code, node, value) if value is not None and not isinstance(value, ast.Starred) else None


def data_operand_of(call: CallRecord, trace: Trace, index: int | None = None) -> Operand | None:
    """Return the operand; if the user's own `call(self, x)` only passes it on, the operand of the call around it."""
    operand = operand_of(call, trace, index)
    parent = call.parent
    while parent is not None and trace.calls[parent].span == call.span:
        parent = trace.calls[parent].parent
    if operand is None or parent is None or not is_parameter(operand.code, operand.value):
        return operand
    outer = trace.calls[parent]
    return (data_operand_of(outer, trace, index) if outer.inputs[:1] == call.inputs[:1] else None) or operand


def call_in(code: Code, span: Span | None, name: str) -> ast.Call | None:
    """Return the call at a span; where only its statement is known (AutoGraph), the only one of that name in it."""
    found = code.call_at(span)
    if found is not None or span is None:
        return found
    statement = code.node_at(span, ast.stmt)
    calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call)] if statement else []
    named = [node for node in calls if called_name(node) == name]
    return named[0] if len(named) == 1 else None


def _outermost_on_line(call: CallRecord, trace: Trace) -> CallRecord:
    """Return the outermost call that the same span led to."""
    while call.parent is not None and trace.calls[call.parent].span == call.span:
        call = trace.calls[call.parent]
    return call


def is_fed_in_batches(call: CallRecord, trace: Trace) -> bool:
    """Check whether Keras cut the user's data into batches before the call received it."""
    operand = operand_of(call, trace)
    return operand is not None and called_name(operand.call) in DATA_METHODS


def origin_of(call: CallRecord, trace: Trace, index: int = 0) -> tuple[Span | None, str | None]:
    """Return where the input at `index` comes from, and a sentence that says so, twice None if not known."""
    producer = call.producers[index] if index < len(call.producers) else None
    if producer is not None:
        record = trace.calls[producer]
        if record.span is not None:
            line = record.span.line
            return record.span, f"it comes from {name_of(record)} on line {line}, which gives {spelled(record.output)}"
    operand = operand_of(call, trace) if index == 0 else None
    binding = operand.binding if operand else None
    if operand is None or binding is None:
        return _origin_of_data(call, trace, index)
    span = operand.code.span(binding.statement)
    return span, f"{binding.name} is made on line {span.line}"


def _origin_of_data(call: CallRecord, trace: Trace, index: int) -> tuple[Span | None, str | None]:
    """Return the line that bound the data, if it is another line than the call's own."""
    given = call.given[index] if index < len(call.given) else None
    if given is None or (call.span is not None and _is_on_line(given.span, call.span)):
        return None, None
    source = next((s for s in trace.sources if s.cell == given.span.cell), None)
    cell = f" of {source.label}" if source is not None and source is not trace.sources[0] else ""
    return given.span, f"{given.name} is made on line {given.span.line}{cell}"


def _is_on_line(span: Span, other: Span) -> bool:
    """Check whether a span starts on the lines of another."""
    return span.cell == other.cell and other.line <= span.line <= other.end_line


def module_alias(code: Code, module: str) -> str | None:
    """Return the name under which the cell knows a module: `np` after `import numpy as np`, in this cell or another."""
    for node in ast.walk(code.tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                if name.name == module:
                    return name.asname or name.name
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for name in node.names:
                if f"{node.module}.{name.name}" == module:
                    return name.asname or name.name
    return next((name for name, known in code.modules if known == module), None)


def tensor_library(code: Code) -> str | None:
    """Return the name under which the cell knows TensorFlow, else that of `keras.ops`; None where it has neither."""
    keras = module_alias(code, "keras")
    return module_alias(code, "tensorflow") or (f"{keras}.ops" if keras else None)


def is_method_call(node: ast.Call, trace: Trace) -> bool:
    """Check whether a call is one of a value's method, `array.reshape(...)`, rather than of a library's function."""
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    modules = {value.name for value in trace.values if value.kind == "module"}
    return owner is not None and ast.unparse(owner).split(".")[0] not in modules
