"""Keep the shapes of a cell's assigned values, as `note` reads them while the cell runs; no value is kept."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from conv_magic.boundary import Part, begun, hidden, keep_of_hook
from conv_magic.capture.assignments import Assignment, last_assignment, lines_above, noted, span_of
from conv_magic.capture.hooks.tensors import shape_of_value, shape_reader
from conv_magic.model.positions import Span
from conv_magic.model.shapes import Shape
from conv_magic.model.values import AssignedValue
from conv_magic.text.contracts import contracts_in
from conv_magic.text.source import Code
from conv_magic.text.targets import owner_of, value_of

RUNNING = "c0"
"""The key of the cell that runs."""
_MOST_SHAPES = 64
"""Different shapes that are kept of one statement."""

_Seen = dict[Hashable, list[int]]
"""How often each shape came, a shape for one name, a tuple of shapes for several; a list is counted in, unhashed."""
_seen: dict[int, _Seen] = {}
_stated: set[int] = set()
"""Statements with a contract: also that their value had no shape is noted."""
_numbers = itertools.count()


class _Readers(dict[type[Any], Callable[[Any], Shape | None] | None]):
    """What reads a shape, by the value's type; found out once for each type."""

    def __missing__(self, kind: type[Any]) -> Callable[[Any], Shape | None] | None:
        reader = self[kind] = shape_reader(kind)
        return reader


_readers = _Readers()


def _note(number: int, value: object, *others: object) -> None:
    try:
        seen = _seen.get(number)
        if seen is None:  # the run is over
            return
        reader = _readers[type(value)]
        key: Hashable
        if others:
            key = tuple(
                [
                    reader_of_other(other) if (reader_of_other := _readers[type(other)]) else None
                    for other in (value, *others)
                ]
            )
        elif reader is None:
            if number not in _stated:
                return
            key = None
        else:
            key = reader(value)
        times = seen.get(key)
        if times is not None:
            times[0] += 1
        elif len(seen) < _MOST_SHAPES:
            seen[key] = [1]
    except BaseException as fault:
        keep_of_hook("the values of lines", fault)


note: Callable[..., None] = hidden(_note)  # off the traceback of an interrupt that comes here
"""Note the shapes of the values that one statement has given to names.  Below a microsecond; never raises."""


def awaited() -> int:
    """Return how many assignments would be noted if they ran now, 0 whenever nothing is traced."""
    return len(_seen)


@dataclass(frozen=True, slots=True)
class _NotedAssignment:
    span: Span
    names: tuple[str, ...]
    seen: _Seen

    @property
    def shapes(self) -> tuple[tuple[Shape | None, ...], ...]:
        """Return for each outcome the shape for each name."""
        keys: Any = tuple(self.seen)
        return keys if len(self.names) > 1 else tuple((key,) for key in keys)


def _noting_until_closed(noted: dict[int, _NotedAssignment]) -> Part:
    """Note assignments until closed."""
    try:
        yield
    finally:
        interrupt: BaseException | None = None
        while True:
            try:
                for number in noted:
                    _seen.pop(number, None)
                    _stated.discard(number)
                break
            except KeyboardInterrupt as raised:
                interrupt = raised
        if interrupt is not None:
            raise interrupt


@dataclass
class Assignments:
    """The assignments of one run of a cell with this text.  Closing `part` ends it."""

    text: str
    _noted: dict[int, _NotedAssignment] = field(default_factory=dict)
    _last: tuple[Span, Assignment] | None = None
    part: Part = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.part = begun(_noting_until_closed(self._noted))

    @cached_property
    def code(self) -> Code:
        """Return the cell, under the key that the running cell has in every trace."""
        return Code(RUNNING, self.text)

    @cached_property
    def _contract_lines(self) -> frozenset[int]:
        """Return the lines on which a comment states a shape."""
        return frozenset(contract.span.line for contract in contracts_in(self.text, RUNNING))

    def instrument(self, tree: ast.Module) -> ast.Module:
        """Return the cell's tree, or its last part, with notes added; unchanged if it is another cell's."""
        above = lines_above(tree, self.code)
        if above is None:
            return tree

        def register(assignment: Assignment) -> int:
            number = next(_numbers)
            seen: _Seen = {}
            span = span_of(assignment.statement, self.code, above)
            self._noted[number] = _NotedAssignment(
                span, assignment.names, seen
            )  # first: what is known here is taken out again
            _seen[number] = seen
            if span.end_line in self._contract_lines:
                _stated.add(number)
            return number

        last = last_assignment(tree)
        if last is not None:
            self._last = span_of(last.statement, self.code, above), last
        return noted(tree, register, {line - above for line in self._contract_lines})

    def values(self, namespace: Mapping[str, Any] | None) -> tuple[AssignedValue, ...]:
        """Return the values noted so far; with the `namespace` of an ended cell also those of its last statement."""
        found = [
            AssignedValue(noted.span, noted.names, noted.shapes, sum(times for (times,) in noted.seen.values()))
            for noted in self._noted.values()
        ]
        if namespace is not None and self._last is not None:
            span, last = self._last
            if all(owner_of(target) in namespace for target in last.targets):
                shapes = tuple(shape_of_value(value_of(target, namespace)) for target in last.targets)
                found.append(AssignedValue(span, last.names, (shapes,), 1))
        kept = [
            value
            for value in found
            if value.has_shape or (value.shapes and value.span.end_line in self._contract_lines)
        ]
        return tuple(sorted(kept, key=lambda value: value.span))
