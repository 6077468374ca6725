"""What shapes would come out if a layer had been made otherwise: the arithmetic run again through recorded calls."""

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


def producer_of(call: CallRecord, which: int, trace: Trace) -> int | None:
    """The call that made an input; where operations in between were not seen, the one the text or the shape tells."""
    known = call.producers[which] if which < len(call.producers) else None
    if known is not None and known != call.parent:
        return known
    return _told_by_text(call, which, trace) or _told_by_shape(call, which, trace)


def _told_by_text(call: CallRecord, which: int, trace: Trace) -> int | None:
    """The call in the very expression that gives the input, or in that which its name was given."""
    code = code_of(trace, call.span)
    node = code.call_at(call.span) if code else None
    if code is None or node is None or which >= len(node.args):
        return None
    place = _unwrapped(node.args[which])
    if isinstance(place, ast.Name) and (bound := code.binding(place)) is not None and bound.value is not None:
        place = _unwrapped(bound.value)
    span = code.span(place)
    for earlier in latest_before(graph_of(trace).at(span), call.index):
        if earlier.parent == call.parent and earlier.output == call.inputs[which]:
            return earlier.index
    return None


def _unwrapped(node: ast.expr) -> ast.expr:
    """What is inside functions that keep the shape."""
    while isinstance(node, ast.Call) and len(node.args) == 1 and called_name(node) in SAME_SHAPE:
        node = node.args[0]
    return node


def _told_by_shape(call: CallRecord, which: int, trace: Trace) -> int | None:
    """The last call that gave this shape, unless the shape came in from outside."""
    shape = call.inputs[which]
    outside = trace.calls[call.parent].inputs if call.parent is not None else ()
    if shape in outside or any(d.sizes == shape[1:] for d in declarations(trace)):
        return None
    for earlier in latest_before(graph_of(trace).giving(shape), call.index):
        if earlier.parent == call.parent and earlier.outcome is Outcome.RETURNED:
            return earlier.index
    return None


@dataclass
class WhatIf:
    """The recorded calls with the options of some changed, and other shapes for what came in from outside."""

    trace: Trace
    changes: Changes = field(default_factory=dict)
    inputs: Mapping[Shape, Shape] = field(default_factory=dict)
    _known: dict[int, Shape | None] = field(default_factory=dict)

    def output(self, index: int) -> Shape | None:
        """What that call would give; None where it would fail or that cannot be told."""
        if index not in self._known:
            self._known[index] = None  # a cycle has no answer
            self._known[index] = self._worked_out(self.trace.calls[index])
        return self._known[index]

    def given(self, call: CallRecord, which: int) -> Shape | None:
        """The shape that would come in as input number `which`."""
        maker = producer_of(call, which, self.trace)
        if maker is not None:
            return self.output(maker)
        return self.inputs.get(call.inputs[which], call.inputs[which])

    def _worked_out(self, call: CallRecord) -> Shape | None:
        given = [self.given(call, which) for which in range(len(call.inputs))]
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
    """The calls that led to this one's inputs, itself left out, in the order in which they ran."""
    found: set[int] = set()
    waiting = [call]
    while waiting:
        at = waiting.pop()
        for which in range(len(at.inputs)):
            maker = producer_of(at, which, trace)
            if maker is not None and maker not in found:
                found.add(maker)
                waiting.append(trace.calls[maker])
    return tuple(trace.calls[index] for index in sorted(found))


def made_together(call: CallRecord, among: tuple[CallRecord, ...]) -> tuple[CallRecord, ...]:
    """The calls of the layers that the same line made: an edit there changes them all."""
    place = call.created if call.layer is not None else call.span
    return tuple(c for c in among if (c.created if c.layer is not None else c.span) == place)


@dataclass(frozen=True)
class Change:
    """One argument of a layer given another value.

    `added` says that the author had not written it: an omission, not a decision.
    """

    call: CallRecord
    argument: str
    text: str
    options: Options
    added: bool


def padding_changes(call: CallRecord) -> Iterator[Change]:
    """The layer with `padding="same"`."""
    options = call.options
    if (
        isinstance(options, arithmetic.WindowOptions)
        and options.padding == "valid"
        and max(arithmetic.kernel_sizes_of(options)) > 1
    ):
        word = '"same"' if call.layer else '"SAME"'
        yield Change(call, "padding", word, replace(options, padding="same"), added=True)


def stride_changes(call: CallRecord, strides: int) -> Iterator[Change]:
    """The layer with other strides."""
    options = call.options
    if isinstance(options, arithmetic.WindowOptions) and call.layer and set(options.strides) != {strides}:
        changed = replace(options, strides=(strides,) * len(options.strides))
        plain = set(options.strides) == {1} and not isinstance(options, PoolOptions)
        yield Change(call, "strides", str(strides), changed, added=plain)


def size_changes(call: CallRecord, strides: int) -> Iterator[Change]:
    """The enlarging layer with another factor: by `strides` less, or more."""
    options = call.options
    if not isinstance(options, UpSamplingOptions) or len(set(options.size)) != 1 or strides < 2:
        return
    for size in (options.size[0] // strides, options.size[0] * strides):
        if size > 1 and size != options.size[0]:
            yield Change(call, "size", str(size), replace(options, size=(size,) * len(options.size)), added=False)


def likewise(change: Change, call: CallRecord) -> Options | None:
    """The options of another call with the same argument set."""
    if change.argument == "size":
        return change.options if isinstance(call.options, UpSamplingOptions) else call.options
    found = padding_changes(call) if change.argument == "padding" else stride_changes(call, int(change.text))
    return next((other.options for other in found), call.options)


def changes_along(chain: tuple[CallRecord, ...], *strides: int) -> list[Change]:
    """The changes to the layers of a chain, one for each line that makes layers, the last layer first."""
    found: dict[object, Change] = {}
    for call in reversed(chain):
        sized = (c for s in strides for c in (*stride_changes(call, s), *size_changes(call, s)))
        for change in (*padding_changes(call), *sized):
            place = call.created if call.layer is not None else call.span
            found.setdefault((place, change.argument, change.text), change)
    return list(found.values())


def with_changes(changes: Sequence[Change], chain: tuple[CallRecord, ...]) -> dict[int, Options]:
    """The options of all calls that these changes reach: those whose layers the same lines make."""
    made: dict[int, Options] = {}
    for change in changes:
        for call in _reached(change.call, chain):
            options = likewise(change, replace(call, options=made.get(call.index, call.options)))
            if options is not None:
                made[call.index] = options
    return made


def _reached(call: CallRecord, chain: tuple[CallRecord, ...]) -> tuple[CallRecord, ...]:
    """The calls that a line makes; only this one where a helper's callers chose different paddings for theirs."""
    together = made_together(call, chain)
    paddings = {getattr(other.options, "padding", None) for other in together}
    return together if len(paddings) == 1 else (call,)
