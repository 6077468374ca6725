"""What must run again when an earlier cell is edited: the statements that the edit reaches, and no others.

An earlier cell may have loaded data or trained for an hour, so it is never run again whole.  Its statements are a
program slice (https://en.wikipedia.org/wiki/Program_slicing): forward, all that reads what the edit changes;
backward, what remakes a value that was given anew or changed in place since; of those, only what the cell that is
tried needs.  Everything else is taken as it stands.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from conv_magic.model.trace import Source
from conv_magic.sandbox.names import Names, names_in
from conv_magic.sandbox.trial import Again
from conv_magic.text import source as cell_source
from conv_magic.text.kept import kept_by_text

_ONLY_TRAINS = {
    "fit", "evaluate", "predict", "train_on_batch", "test_on_batch", "predict_on_batch", "summary", "save",
    "save_weights", "export",
}  # fmt: skip
"""Methods of a model that change no shape in it."""


@dataclass(frozen=True)
class _Statement:
    """A statement of an earlier cell.  `changes` are names whose values it may change in place."""

    cell: int
    place: int
    node: ast.stmt
    names: Names
    changes: frozenset[str]
    edited: bool

    @property
    def sets(self) -> frozenset[str]:
        return self.names.bound | self.changes

    @property
    def touches(self) -> frozenset[str]:
        return self.names.now | self.names.late | self.changes


def to_run_again(cells: Sequence[Source], cell: str, edited: str, wanted: set[str]) -> tuple[Again, ...]:
    """Return the statements of earlier cells to run so that the names `wanted` are what they would be after an edit.

    `cells` are in the order in which they last ran; `edited` is the new text of the one whose key is `cell`.
    Empty where the edit does not reach a wanted name, or where a value on the way cannot be made again.
    """
    texts = [edited if each.cell == cell else each.text for each in cells]
    statements = list(_statements(cells, texts, cell))
    kept = _slice(statements, wanted)
    if not any(statements[number].sets & wanted for number in kept):
        return ()
    again = []
    for number, each in enumerate(cells):
        places = tuple(s.place for k, s in enumerate(statements) if k in kept and s.cell == number)
        if places:
            again.append(Again(each.cell, each.label, texts[number], places))
    return tuple(again)


def nodes_of(again: Again) -> list[ast.stmt]:
    """Return the statements to run again."""
    tree = cell_source.parse(again.text)
    return [tree.body[place] for place in again.places] if tree is not None else []


def _statements(cells: Sequence[Source], texts: Sequence[str], edited: str) -> Iterator[_Statement]:
    read = [_read(text) for text in texts]
    values = frozenset().union(*(names.bound for cell in read for node, names, _ in cell if not _imports(node)))
    for number, cell in enumerate(read):
        new = _new_places(cells[number].text, texts[number]) if cells[number].cell == edited else set()
        for place, (node, names, changes) in enumerate(cell):
            yield _Statement(number, place, node, names, changes & values, place in new)


@kept_by_text(200_000)
def _read(text: str) -> tuple[tuple[ast.stmt, Names, frozenset[str]], ...]:
    """Return the statements of a cell, with the names in each and those that it may change in place."""
    tree = cell_source.parse(text)
    return tuple((node, names_in([node]), changed_in_place(node)) for node in (tree.body if tree is not None else ()))


def _imports(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Import | ast.ImportFrom)


def _new_places(before: str, after: str) -> set[int]:
    """Return the statements of the edited cell that were not there before, by their places."""
    old, new = ([ast.dump(node) for node, _, _ in _read(text)] for text in (before, after))
    changes = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return {place for tag, _, _, start, end in changes if tag != "equal" for place in range(start, end)}


def changed_in_place(statement: ast.stmt) -> frozenset[str]:
    """Names whose values a statement may change: `model.add(...)`, `options["size"] = 3`, not `y = x.reshape(...)`."""
    found: set[str | None] = set()
    for node in _outside_functions(statement):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            found.add(_owner(node.value.func))
        elif isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            found.add(_owner(node))
        elif isinstance(node, ast.AugAssign):
            found.add(getattr(node.target, "id", None))
    return frozenset(name for name in found if name is not None)


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            yield from _outside_functions(child)


def _owner(node: ast.AST) -> str | None:
    """`model` of `model.layers[0].kernel`; None where that is no name, or the name itself is called."""
    at = node
    while isinstance(at, ast.Attribute | ast.Subscript):
        at = at.value
    return at.id if isinstance(at, ast.Name) and at is not node else None


def _slice(statements: Sequence[_Statement], wanted: set[str]) -> set[int]:
    """Return the statements from the edited ones to the wanted names; none where a value cannot be made again."""
    included = {number for number, statement in enumerate(statements) if statement.edited}
    while True:
        kept = _needed(statements, set(_forward(statements, included)), wanted)
        makers = _makers(statements, kept)
        if makers is None:
            return set()
        if makers <= included:
            return kept
        included |= makers


def _forward(statements: Sequence[_Statement], included: set[int]) -> Iterator[int]:
    """Yield the included statements, and those that touch what one of them sets."""
    changed: set[str] = set()
    for number, statement in enumerate(statements):
        if number in included or statement.touches & changed:
            changed |= statement.sets
            yield number
        else:
            changed -= statement.names.bound


def _makers(statements: Sequence[_Statement], kept: set[int]) -> set[int] | None:
    """Return what makes the values that statements start from, where these have changed since; None if unknown."""
    found: set[int] = set()
    for number in kept:
        statement = statements[number]
        for name in statement.names.now | statement.changes:
            if not any(name in later.sets for later in statements[number:]):
                continue
            makers = _made_by(statements[:number], name)
            if makers is None:
                return None
            found |= makers
    return found


def _made_by(before: Sequence[_Statement], name: str) -> set[int] | None:
    """Return the last statement that bound a name, and those that changed its value since."""
    bound = [number for number, statement in enumerate(before) if name in statement.names.bound]
    if not bound:
        return None
    changed = {number for number in range(bound[-1], len(before)) if name in before[number].changes}
    return {bound[-1], *changed}


def _needed(statements: Sequence[_Statement], reached: set[int], wanted: set[str]) -> set[int]:
    """Those of the reached statements that the edited ones and the wanted names depend on."""
    needed = set(wanted)
    kept: set[int] = set()
    for number in sorted(reached, reverse=True):
        statement = statements[number]
        changes = bool(statement.changes & needed) and not only_trains(statement.node)
        makes = changes or bool(statement.names.bound & needed)
        if statement.edited or makes:
            kept.add(number)
            needed |= statement.touches
    return kept


def only_trains(statement: ast.stmt) -> bool:
    """Return whether a statement calls a method of a model that changes no shape in it."""
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr=method))):
            return method in _ONLY_TRAINS
    return False
