"""Compare shape contracts with the shapes that came, and track what the names in them stand for."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from conv_magic.model.positions import Span
from conv_magic.model.shapes import Shape
from conv_magic.text.contracts import OPERATORS, Contract, Pattern, Size


@dataclass(frozen=True, slots=True)
class Bound:
    """The size that a name stands for, and the span of the contract that gave it."""

    size: int
    span: Span


Names = Mapping[str, Bound]


@dataclass(frozen=True, slots=True)
class Match:
    """A pattern compared with a shape.

    expected  the pattern in sizes, with its gap as wide as the shape needs; None where any size will do
    axes      the places in `expected` that differ; all that one of the two lacks where the ranks differ
    names     the names known after it, also those that it bound itself without holding
    """

    expected: Shape
    axes: tuple[int, ...]
    names: Names
    holds: bool


def match(pattern: Pattern, shape: Shape, names: Names, span: Span) -> Match:
    """Compare a pattern with a shape; `span` is the contract that binds new names. An unknown size matches any."""
    aligned = _sizes_by_axis(pattern, len(shape))
    if aligned is None:
        expected = tuple(_number_of(size, names) for size in pattern.sizes)
        shorter, longer = sorted((len(expected), len(shape)))
        return Match(expected, tuple(range(shorter, longer)), names, holds=False)
    known = dict(names)
    for size, actual in zip(aligned, shape, strict=True):
        if size is not None and size.name is not None and actual is not None and size.name not in known:
            known[size.name] = Bound(actual, span)
    expected = tuple(_number_of(size, known) for size in aligned)
    pairs = enumerate(zip(expected, shape, strict=True))
    axes = tuple(index for index, (needed, given) in pairs if None not in (needed, given) and needed != given)
    return Match(expected, axes, known, not axes)


def _sizes_by_axis(pattern: Pattern, rank: int) -> list[Size | None] | None:
    """Return the sizes axis by axis, None in the gap; None for all if the ranks cannot agree."""
    missing = rank - len(pattern.sizes)
    if missing < 0 or (missing and pattern.gap is None):
        return None
    gap = pattern.gap or 0
    return [*pattern.sizes[:gap], *[None] * missing, *pattern.sizes[gap:]]


def _number_of(size: Size | None, names: Names) -> int | None:
    """Return the number that a size stands for, None if it is not known."""
    if size is None or size.expression is None:
        return None
    return _computed(size.expression, names)


def _computed(node: ast.expr, names: Names) -> int | None:
    """Evaluate an expression of integers and bound names, None if a name is not bound or a divisor is zero."""
    match node:
        case ast.Constant(value=int(value)):
            return value
        case ast.Name(id=name):
            return names[name].size if name in names else None
        case ast.BinOp(left=left, op=operator, right=right):
            values = _computed(left, names), _computed(right, names)
            if values[0] is None or values[1] is None:
                return None
            try:
                return OPERATORS[type(operator)](values[0], values[1])
            except ZeroDivisionError:
                return None
        case _:
            return None


def names_in(pattern: Pattern) -> tuple[str, ...]:
    """Return the names that a pattern mentions, in order."""
    expressions = [size.expression for size in pattern.sizes if size.expression is not None]
    found = [node.id for expression in expressions for node in ast.walk(expression) if isinstance(node, ast.Name)]
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A contract that does not hold: its pattern at `index`, the shape that came, and the comparison."""

    contract: Contract
    pattern: Pattern
    index: int
    actual: Shape
    match: Match


_MOST_SCOPES = 32


class Scopes:
    """The sizes that the names of one cell's contracts stand for.

    A line that binds a name and runs again with another size binds it anew: the last batch is smaller, a block is
    called on another image.  Which of the bindings a later line belongs to is not known then, so it holds if it
    holds under one of them.
    """

    def __init__(self) -> None:
        self._scopes: list[Names] = [{}]

    @property
    def names(self) -> Names:
        """Return the latest meaning of each name."""
        return {name: bound for scope in self._scopes for name, bound in scope.items()}

    @property
    def meanings(self) -> Mapping[str, tuple[Bound, ...]]:
        """Return every meaning of each name, in order."""
        found: dict[str, dict[Bound, None]] = {}
        for scope in self._scopes:
            for name, bound in scope.items():
                found.setdefault(name, {})[bound] = None
        return {name: tuple(bounds) for name, bounds in found.items()}

    def check(self, contract: Contract, shapes: Sequence[Shape | None]) -> Mismatch | None:
        """Compare a contract with the shapes of its line's values (None: no shape); return the first mismatch."""
        pairs = [(p, s) for p, s in zip(contract.patterns, shapes, strict=False) if s is not None]
        for number, scope in reversed(list(enumerate(self._scopes))):
            after = _names_after(pairs, scope, contract.span)
            if after is not None:
                self._scopes[number] = after
                return None
        for scope in reversed(self._scopes):
            after = _names_after(pairs, _names_not_bound_at(scope, contract.span), contract.span)
            if after is not None:
                self._scopes = [*self._scopes[1 - _MOST_SCOPES :], after]
                return None
        return _first_mismatch(contract, shapes, self._scopes[-1])


_Pairs = Sequence[tuple[Pattern, Shape]]


def _names_after(pairs: _Pairs, names: Names, span: Span) -> Names | None:
    """Return the names after all pairs, None if one does not match."""
    for pattern, shape in pairs:
        found = match(pattern, shape, names, span)
        if not found.holds:
            return None
        names = found.names
    return names


def _names_not_bound_at(names: Names, span: Span) -> Names:
    """Return the names that the contract at `span` did not bind."""
    return {name: bound for name, bound in names.items() if bound.span != span}


def _first_mismatch(contract: Contract, shapes: Sequence[Shape | None], names: Names) -> Mismatch | None:
    """Return the first pattern that does not match its shape, None if all match."""
    for index, (pattern, shape) in enumerate(zip(contract.patterns, shapes, strict=False)):
        if shape is None:
            continue
        found = match(pattern, shape, names, contract.span)
        if not found.holds:
            return Mismatch(contract, pattern, index, shape, found)
        names = found.names
    return None
