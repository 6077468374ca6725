"""Look up the calls of one trace by parent, layer, span and producer.

Each look-up table is made once for a trace, so that no rule searches all calls for each call.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable, Iterator
from functools import cached_property
from typing import TypeVar

from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.options import FitOptions
from conv_magic.model.positions import Span
from conv_magic.model.trace import Trace
from conv_magic.model.values import AssignedValue
from conv_magic.text.source import Code

_MOST_KEPT = 2

Calls = tuple[CallRecord, ...]
Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")


class TraceGraph:
    """The calls of one trace by parent, layer, span and producer, each in the order of the calls."""

    def __init__(self, trace: Trace) -> None:
        self.calls, self.assigned = trace.calls, trace.assigned
        self._lines: dict[str, dict[int, Calls]] = {}

    def is_made_from(self, trace: Trace) -> bool:
        """Check whether the graph was made from this trace, or from one with the very same calls and assignments."""
        return self.calls is trace.calls and self.assigned is trace.assigned

    @cached_property
    def all_returned(self) -> bool:
        """Check whether no call failed."""
        return all(call.outcome is Outcome.RETURNED for call in self.calls)

    def numbered(self, number: int | None) -> CallRecord | None:
        """Return the call with that index, None where the trace has none."""
        return self._by_index.get(number)

    def parent_of(self, call: CallRecord) -> CallRecord | None:
        """Return the call inside which this one ran."""
        return self.numbered(call.parent)

    def ancestors(self, call: CallRecord) -> Iterator[CallRecord]:
        """Yield the calls inside which this one ran, the innermost first."""
        parent = self.parent_of(call)
        while parent is not None:
            yield parent
            parent = self.parent_of(parent)

    def training_around(self, call: CallRecord) -> CallRecord | None:
        """Return the innermost `fit`, `evaluate` or `predict`: the call itself, or one that it ran inside."""
        around = (call, *self.ancestors(call))
        return next((candidate for candidate in around if isinstance(candidate.options, FitOptions)), None)

    def inside(self, call: CallRecord) -> Calls:
        """Return the calls that ran directly inside a call."""
        return self._by_parent.get(call.index, ())

    def beside(self, call: CallRecord) -> Calls:
        """Return the calls that ran inside the same parent as this one, itself included."""
        return self._by_parent.get(call.parent, ())

    def has_inside(self, call: CallRecord) -> bool:
        """Check whether calls ran inside a call."""
        return call.index in self._by_parent

    def of_layer(self, layer: str | None) -> Calls:
        """Return the calls of the layer, or traced function, of that name; for None those without a layer."""
        return self._by_layer.get(layer, ())

    def made_at(self, span: Span | None) -> Calls:
        """Return the calls of layers that were made at a span; for None those whose creation was not seen."""
        return self._by_creation.get(span, ())

    def same_layer(self, call: CallRecord) -> Calls:
        """Return the calls of the layer of the same name made at the same span."""
        return self._by_layer_and_creation.get((call.layer, call.created), ())

    def consumers_of(self, call: CallRecord) -> Calls:
        """Return the calls that take what a call made: its consumers."""
        return self._by_producer.get(call.index, ())

    def at(self, span: Span | None) -> Calls:
        """Return the calls made at a span."""
        return self._by_span.get(span, ())

    def giving(self, output: tuple[int | None, ...] | None) -> Calls:
        """Return the calls with that output."""
        return self._by_output.get(output, ())

    def on_line(self, code: Code, line: int) -> Calls:
        """Return the calls that may be shown at the end of a line: those that end there, or whose statement does.

        A layer that a library ran is shown where it was made.
        """
        lines = self._lines.get(code.cell)
        if lines is None:
            lines = self._lines[code.cell] = _grouped_by(self.calls, lambda call: _end_lines(call, code))
        return lines.get(line, ())

    def assigned_on(self, cell: str, line: int) -> tuple[AssignedValue, ...]:
        """Return the assignments that end on a line of a cell."""
        return self._assigned_by_line.get((cell, line), ())

    @cached_property
    def _by_index(self) -> dict[int | None, CallRecord]:
        return {call.index: call for call in self.calls}

    @cached_property
    def _by_parent(self) -> dict[int | None, Calls]:
        return _grouped_by(self.calls, lambda call: [call.parent])

    @cached_property
    def _by_layer(self) -> dict[str | None, Calls]:
        return _grouped_by(self.calls, lambda call: [call.layer])

    @cached_property
    def _by_creation(self) -> dict[Span | None, Calls]:
        return _grouped_by(self.calls, lambda call: [call.created])

    @cached_property
    def _by_layer_and_creation(self) -> dict[tuple[str | None, Span | None], Calls]:
        return _grouped_by(self.calls, lambda call: [(call.layer, call.created)])

    @cached_property
    def _by_producer(self) -> dict[int, Calls]:
        return _grouped_by(self.calls, lambda call: {made for made in call.producers if made is not None})

    @cached_property
    def _by_span(self) -> dict[Span | None, Calls]:
        return _grouped_by(self.calls, lambda call: [call.span])

    @cached_property
    def _by_output(self) -> dict[tuple[int | None, ...] | None, Calls]:
        return _grouped_by(self.calls, lambda call: [call.output])

    @cached_property
    def _assigned_by_line(self) -> dict[tuple[str, int], tuple[AssignedValue, ...]]:
        return _grouped_by(self.assigned, lambda value: [(value.span.cell, value.span.end_line)])


def latest_before(calls: Calls, end: int | None) -> Iterator[CallRecord]:
    """Yield the calls that were entered before the one of index `end`, the last first; all of them for None."""
    last = len(calls) if end is None else bisect_left(calls, end, key=lambda call: call.index)
    return (calls[position] for position in range(last - 1, -1, -1))


def _end_lines(call: CallRecord, code: Code) -> set[int]:
    """Return the lines of a cell on which a call or its statement ends."""
    span = call.span if call.direct else call.created
    if span is None or span.cell != code.cell:
        return set()
    node = code.call_at(span)
    statement = code.statement_of(node) if node is not None else None
    return {span.end_line, (statement.end_lineno or 0) if statement is not None else span.end_line}


def _grouped_by(items: Iterable[Item], keys: Callable[[Item], Iterable[Key]]) -> dict[Key, tuple[Item, ...]]:
    found: dict[Key, list[Item]] = {}
    for item in items:
        for key in keys(item):
            found.setdefault(key, []).append(item)
    return {key: tuple(group) for key, group in found.items()}


_latest: tuple[TraceGraph, ...] = ()


def graph_of(trace: Trace) -> TraceGraph:
    """Return the graph of a trace; those of the latest traces are kept."""
    global _latest
    latest = _latest  # at once: other threads may ask for another trace's
    for graph in latest:
        if graph.is_made_from(trace):
            return graph
    graph = TraceGraph(trace)
    _latest = (graph, *latest[: _MOST_KEPT - 1])
    return graph
