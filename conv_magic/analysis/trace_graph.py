"""The calls of one trace as a graph: by parent, layer, span and producer.

Each look-up is made once for a trace, so that no rule looks at all calls for each call.
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
    """The calls of one trace by parent, layer, place and producer, each in the order of the calls."""

    def __init__(self, trace: Trace) -> None:
        self.calls, self.assigned = trace.calls, trace.assigned
        self._lines: dict[str, dict[int, Calls]] = {}

    def is_of(self, trace: Trace) -> bool:
        """Whether it was made from this trace, or from one with the very same calls and assignments."""
        return self.calls is trace.calls and self.assigned is trace.assigned

    @cached_property
    def all_returned(self) -> bool:
        """Whether no call failed."""
        return all(call.outcome is Outcome.RETURNED for call in self.calls)

    def numbered(self, number: int | None) -> CallRecord | None:
        """Return the call with that index, None where the trace has none."""
        return self._by_number.get(number)

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
        return next((each for each in around if isinstance(each.options, FitOptions)), None)

    def inside(self, call: CallRecord) -> Calls:
        """The calls that ran directly inside a call."""
        return self._by_parent.get(call.index, ())

    def beside(self, call: CallRecord) -> Calls:
        """The calls that ran inside the same call as this one, itself among them."""
        return self._by_parent.get(call.parent, ())

    def has_inside(self, call: CallRecord) -> bool:
        """Whether calls ran inside a call."""
        return call.index in self._by_parent

    def of_layer(self, layer: str | None) -> Calls:
        """The calls of the layer of that name, or of a traced function; for None those without one."""
        return self._by_layer.get(layer, ())

    def made_at(self, place: Span | None) -> Calls:
        """The calls of layers that were made at a place; for None those of which that was not seen."""
        return self._by_creation.get(place, ())

    def same_layer(self, call: CallRecord) -> Calls:
        """The calls of the layer of that name made at the same place."""
        return self._by_layer_and_creation.get((call.layer, call.created), ())

    def readers(self, call: CallRecord) -> Calls:
        """The calls that were given what a call made."""
        return self._by_producer.get(call.index, ())

    def at(self, place: Span | None) -> Calls:
        """The calls made from a place."""
        return self._by_place.get(place, ())

    def giving(self, output: tuple[int | None, ...] | None) -> Calls:
        """The calls with that output."""
        return self._by_output.get(output, ())

    def on_line(self, code: Code, line: int) -> Calls:
        """The calls that a line of a cell may tell: those that end there, or whose statement does.

        A layer that a library ran is told where it was made.
        """
        lines = self._lines.get(code.cell)
        if lines is None:
            lines = self._lines[code.cell] = _grouped(self.calls, lambda call: _ends(call, code))
        return lines.get(line, ())

    def assigned_on(self, cell: str, line: int) -> tuple[AssignedValue, ...]:
        """What statements gave to names that end on a line of a cell."""
        return self._assigned_by_line.get((cell, line), ())

    @cached_property
    def _by_number(self) -> dict[int | None, CallRecord]:
        return {call.index: call for call in self.calls}

    @cached_property
    def _by_parent(self) -> dict[int | None, Calls]:
        return _grouped(self.calls, lambda call: [call.parent])

    @cached_property
    def _by_layer(self) -> dict[str | None, Calls]:
        return _grouped(self.calls, lambda call: [call.layer])

    @cached_property
    def _by_creation(self) -> dict[Span | None, Calls]:
        return _grouped(self.calls, lambda call: [call.created])

    @cached_property
    def _by_layer_and_creation(self) -> dict[tuple[str | None, Span | None], Calls]:
        return _grouped(self.calls, lambda call: [(call.layer, call.created)])

    @cached_property
    def _by_producer(self) -> dict[int, Calls]:
        return _grouped(self.calls, lambda call: {made for made in call.producers if made is not None})

    @cached_property
    def _by_place(self) -> dict[Span | None, Calls]:
        return _grouped(self.calls, lambda call: [call.span])

    @cached_property
    def _by_output(self) -> dict[tuple[int | None, ...] | None, Calls]:
        return _grouped(self.calls, lambda call: [call.output])

    @cached_property
    def _assigned_by_line(self) -> dict[tuple[str, int], tuple[AssignedValue, ...]]:
        return _grouped(self.assigned, lambda value: [(value.span.cell, value.span.end_line)])


def latest_before(calls: Calls, end: int | None) -> Iterator[CallRecord]:
    """Those of the calls that were entered before the one with index `end`, the last first; all for None."""
    last = len(calls) if end is None else bisect_left(calls, end, key=lambda call: call.index)
    return (calls[place] for place in range(last - 1, -1, -1))


def _ends(call: CallRecord, code: Code) -> set[int]:
    """The lines of a cell on which a call that is told there ends, or its statement."""
    where = call.span if call.direct else call.created
    if where is None or where.cell != code.cell:
        return set()
    node = code.call_at(where)
    statement = code.statement_of(node) if node is not None else None
    return {where.end_line, (statement.end_lineno or 0) if statement is not None else where.end_line}


def _grouped(items: Iterable[Item], keys: Callable[[Item], Iterable[Key]]) -> dict[Key, tuple[Item, ...]]:
    found: dict[Key, list[Item]] = {}
    for item in items:
        for key in keys(item):
            found.setdefault(key, []).append(item)
    return {key: tuple(group) for key, group in found.items()}


_latest: tuple[TraceGraph, ...] = ()


def graph_of(trace: Trace) -> TraceGraph:
    """The index of a trace's calls, made once: those of the latest traces are kept."""
    global _latest
    latest = _latest  # at once: other threads may ask for another trace's
    for index in latest:
        if index.is_of(trace):
            return index
    index = TraceGraph(trace)
    _latest = (index, *latest[: _MOST_KEPT - 1])
    return index
