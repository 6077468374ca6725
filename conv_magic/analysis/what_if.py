"""Work out the shapes after a hypothetical change: shape arithmetic over the recorded calls with other options."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from conv_magic import arithmetic
from conv_magic.analysis.input_declarations import declarations
from conv_magic.analysis.operands import code_of
from conv_magic.analysis.trace_graph import graph_of, latest_before
from conv_magic.capture.values import SAME_SHAPE
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.options import Options, PoolOptions, UpSamplingOptions
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.text.source import called_name

Changes = Mapping[int, Options]


def producer_of(call: CallRecord, position: int, trace: Trace) -> int | None:
    """Return the index of the call that made an input; if calls between were not seen, by text or shape."""
    known = call.producers[position] if position < len(call.producers) else None
    if known is not None and known != call.parent:
        return known
    return _producer_by_text(call, position, trace) or _producer_by_shape(call, position, trace)


def _producer_by_text(call: CallRecord, position: int, trace: Trace) -> int | None:
    """Return the call in the expression that gives the input, or in that which its name was given."""
    code = code_of(trace, call.span)
    node = code.call_at(call.span) if code else None
    if code is None or node is None or position >= len(node.args):
        return None
    expression = _behind_same_shape(node.args[position])
    if isinstance(expression, ast.Name) and (bound := code.binding(expression)) is not None and bound.value is not None:
        expression = _behind_same_shape(bound.value)
    span = code.span(expression)
    for earlier in latest_before(graph_of(trace).at(span), call.index):
        if earlier.parent == call.parent and earlier.output == call.inputs[position]:
            return earlier.index
    return None


def _behind_same_shape(node: ast.expr) -> ast.expr:
    """Return what is inside calls of functions that keep the shape."""
    while isinstance(node, ast.Call) and len(node.args) == 1 and called_name(node) in SAME_SHAPE:
        node = node.args[0]
    return node


def _producer_by_shape(call: CallRecord, position: int, trace: Trace) -> int | None:
    """Return the last call that gave this shape, None if the shape came in from outside."""
    shape = call.inputs[position]
    outside = trace.calls[call.parent].inputs if call.parent is not None else ()
    if shape in outside or any(d.sizes == shape[1:] for d in declarations(trace)):
        return None
    for earlier in latest_before(graph_of(trace).giving(shape), call.index):
        if earlier.parent == call.parent and earlier.outcome is Outcome.RETURNED:
            return earlier.index
    return None


@dataclass
class WhatIf:
    """The recorded calls with the options of some changed, and other shapes for some inputs from outside."""

    trace: Trace
    changes: Changes = field(default_factory=dict)
    inputs: Mapping[Shape, Shape] = field(default_factory=dict)
    _known: dict[int, Shape | None] = field(default_factory=dict)

    def output(self, index: int) -> Shape | None:
        """Return the output that a call would give, None if it would fail or is not known."""
        if index not in self._known:
            self._known[index] = None  # a cycle has no answer
            self._known[index] = self._computed_output(self.trace.calls[index])
        return self._known[index]

    def given(self, call: CallRecord, position: int) -> Shape | None:
        """Return the shape that the input at `position` would have."""
        producer = producer_of(call, position, self.trace)
        if producer is not None:
            return self.output(producer)
        return self.inputs.get(call.inputs[position], call.inputs[position])

    def _computed_output(self, call: CallRecord) -> Shape | None:
        """Compute a call's output from its inputs' shapes after the changes."""
        given = [self.given(call, position) for position in range(len(call.inputs))]
        if not all(shape is not None for shape in given) or not given:
            return None
        shapes = tuple(shape for shape in given if shape is not None)
        options = self.changes.get(call.index, call.options)
        if options is call.options and shapes == call.inputs:
            return call.output
        if options is None:
            return shapes[0] if call.output == call.inputs[0] else None
        try:
            return arithmetic.expected_shape(options, shapes, call.kernel)
        except arithmetic.ShapeProblem:
            return None


def before(call: CallRecord, trace: Trace) -> tuple[CallRecord, ...]:
    """Return the calls that led to this one's inputs, itself left out, in the order in which they ran."""
    found: set[int] = set()
    waiting = [call]
    while waiting:
        consumer = waiting.pop()
        for position in range(len(consumer.inputs)):
            producer = producer_of(consumer, position, trace)
            if producer is not None and producer not in found:
                found.add(producer)
                waiting.append(trace.calls[producer])
    return tuple(trace.calls[index] for index in sorted(found))


def _made_on_line(call: CallRecord, among: tuple[CallRecord, ...]) -> tuple[CallRecord, ...]:
    """Return those of `among` whose layers the same line made: an edit there changes them all."""
    return tuple(other for other in among if other.options_span == call.options_span)


@dataclass(frozen=True)
class Change:
    """One argument of a layer with another value.

    `added` says that the argument is not written: leaving it out was no decision.
    """

    call: CallRecord
    argument: str
    text: str
    options: Options
    added: bool


def padding_changes(call: CallRecord) -> Iterator[Change]:
    """Yield the layer's change to `padding="same"`."""
    options = call.options
    if (
        isinstance(options, arithmetic.WindowOptions)
        and options.padding == "valid"
        and max(arithmetic.kernel_sizes_of(options)) > 1
    ):
        word = '"same"' if call.layer else '"SAME"'
        yield Change(call, "padding", word, replace(options, padding="same"), added=True)


def stride_changes(call: CallRecord, strides: int) -> Iterator[Change]:
    """Yield the layer's change to other strides."""
    options = call.options
    if isinstance(options, arithmetic.WindowOptions) and call.layer and set(options.strides) != {strides}:
        changed = replace(options, strides=(strides,) * len(options.strides))
        plain = set(options.strides) == {1} and not isinstance(options, PoolOptions)
        yield Change(call, "strides", str(strides), changed, added=plain)


def size_changes(call: CallRecord, strides: int) -> Iterator[Change]:
    """Yield the changes of an upsampling layer's factor: divided and multiplied by `strides`."""
    options = call.options
    if not isinstance(options, UpSamplingOptions) or len(set(options.size)) != 1 or strides < 2:
        return
    for size in (options.size[0] // strides, options.size[0] * strides):
        if size > 1 and size != options.size[0]:
            yield Change(call, "size", str(size), replace(options, size=(size,) * len(options.size)), added=False)


def _with_same_change(change: Change, call: CallRecord) -> Options | None:
    """Return the options of another call with the same argument changed."""
    if change.argument == "size":
        return change.options if isinstance(call.options, UpSamplingOptions) else call.options
    changes = padding_changes(call) if change.argument == "padding" else stride_changes(call, int(change.text))
    return next((other.options for other in changes), call.options)


def changes_along(chain: tuple[CallRecord, ...], *strides: int) -> list[Change]:
    """Return the changes of the layers of a chain, one for each line that makes layers, the last layer first."""
    found: dict[object, Change] = {}
    for call in reversed(chain):
        sized = (c for s in strides for c in (*stride_changes(call, s), *size_changes(call, s)))
        for change in (*padding_changes(call), *sized):
            found.setdefault((call.options_span, change.argument, change.text), change)
    return list(found.values())


def with_changes(changes: Sequence[Change], chain: tuple[CallRecord, ...]) -> dict[int, Options]:
    """Return the changed options of all calls that these changes reach: those whose layers the same lines make."""
    changed: dict[int, Options] = {}
    for change in changes:
        for call in _calls_changed(change.call, chain):
            options = _with_same_change(change, replace(call, options=changed.get(call.index, call.options)))
            if options is not None:
                changed[call.index] = options
    return changed


def _calls_changed(call: CallRecord, chain: tuple[CallRecord, ...]) -> tuple[CallRecord, ...]:
    """Return the calls that a line makes; only this one if callers of a helper chose different paddings."""
    together = _made_on_line(call, chain)
    paddings = {getattr(other.options, "padding", None) for other in together}
    return together if len(paddings) == 1 else (call,)
