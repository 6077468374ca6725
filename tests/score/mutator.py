"""What a mutator is: one mistake that people make, applied wherever its pattern occurs."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from score.cell import Cell, argument, called


@dataclass(frozen=True)
class Mutation:
    """A faulty text.  `knowable` says whether a perfect reader could tell the repair, `because` by what rule."""

    text: str | None
    knowable: bool = True
    because: str = ""


Find = Callable[[Cell], Iterator[Mutation]]


@dataclass(frozen=True)
class Mutator:
    """One mistake.

    `family` is the class of the fault.  `silent`: a faulty cell that runs counts too, since what it computes shows
    that it is wrong; of every other mutator only the cells that raise are kept, for nothing in a cell that runs says
    that, for instance, its stride is not meant.
    """

    name: str
    family: str
    mistake: str
    find: Find
    silent: bool = False


def mutator(family: str, *, silent: bool = False) -> Callable[[Find], Mutator]:
    """Make a mutator of a function: its name, and the first line of its docstring as the mistake."""

    def made(find: Find) -> Mutator:
        mistake = (find.__doc__ or "").strip().splitlines()[0]
        return Mutator(find.__name__, family, mistake, find, silent)

    return made


def twin(cell: Cell, value: int | str) -> bool:
    """Whether the cell states `value` at least once more, so that a reader who finds one wrong can look at another."""
    if isinstance(value, int):
        return cell.literals().count(value) > 1
    return cell.text.count(value) > 1


def twin_argument(cell: Cell, call: ast.Call, name: str, position: int | None = None) -> bool:
    """Whether another call of the same function has the same argument."""
    told = argument(call, name, position)
    others = [argument(other, name, position) for other in cell.calls(called(call)) if other is not call]
    return told is not None and cell.part(told) in [cell.part(other) for other in others if other is not None]
