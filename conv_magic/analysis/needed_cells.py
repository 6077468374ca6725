"""Which earlier cells a cell depends on: those that made or changed what it needs, and what these need in turn.

A long notebook has hundreds of cells; one that fails has to do with few of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from conv_magic.model.trace import Source
from conv_magic.sandbox.names import names_in
from conv_magic.sandbox.replay import changed_in_place, only_trains
from conv_magic.text.source import parse

_MOST_CHARACTERS = 50_000
"""So much text is taken, from the newest cells on."""
_MOST_CHANGES = 30
"""So many cells are taken that only change a value."""
_BINDINGS = 3
"""So many of the last cells that give a name its value: the last ones may have failed before they did."""


@dataclass(frozen=True, slots=True)
class _Uses:
    """The names that a cell needs of those before it, binds, binds in any case, and changes the values of."""

    needed: frozenset[str]
    bound: frozenset[str]
    surely: frozenset[str]
    changed: frozenset[str]


@lru_cache(maxsize=2048)
def _uses(text: str) -> _Uses | None:
    """Return what a cell does with names; None for one that is no Python.  Holds no tree."""
    tree = parse(text)
    if tree is None:
        return None
    names = names_in(tree.body)
    changed = frozenset().union(*(changed_in_place(each) for each in tree.body if not only_trains(each)))
    return _Uses(names.now | (names.late - names.bound), names.bound, names.surely, changed - names.imported)


def needed_cells(known: Sequence[Source], earlier: Sequence[Source]) -> tuple[Source, ...]:
    """Return those of the earlier cells that the first of `known` depends on, and those that are in `known` themselves.

    `earlier` are in the order in which they ran.
    """
    left: dict[str, int] = {}
    cells = {source.cell for source in known}

    def need(uses: _Uses) -> None:
        left.update(dict.fromkeys(uses.needed, _BINDINGS))

    for source in known:
        if (uses := _uses(source.text)) is not None:
            need(uses)
    kept: list[Source] = []
    characters = changes = 0
    for source in reversed(earlier):
        uses = _uses(source.text)
        if uses is None:
            continue
        binds = not left.keys().isdisjoint(uses.bound)
        only_changes = not binds and changes < _MOST_CHANGES and not left.keys().isdisjoint(uses.changed)
        taken = (binds or only_changes) and characters < _MOST_CHARACTERS
        if not taken and source.cell not in cells:
            continue
        kept.append(source)
        changes += only_changes
        characters += len(source.text)
        for name in uses.surely & left.keys():
            left[name] -= 1
            if not left[name]:
                del left[name]
        need(uses)
    return tuple(reversed(kept))
