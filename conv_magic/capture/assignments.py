"""Calls of `note` put behind a cell's assignments, so that the shapes of all its values are seen.

Only at the cell's own level: what stands in a function, a class or a lambda outlives the run, and is left alone.  The
inserted statements stand on the line of the assignment and bind no name, so that tracebacks, line numbers and the
namespace are those of the plain cell.  The last statement stays the last, whose value the notebook shows.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from conv_magic.model.positions import Span
from conv_magic.text.source import Code
from conv_magic.text.targets import Target, attribute, entry, owner_of, target_text, targets_given

_PACKAGE = "__import__('conv_magic')"
"""A look-up in the interpreter's own table of modules; a name of ours would be in the user's way."""
_NOTE = f"{_PACKAGE}.capture.assigned.note()"


@dataclass(frozen=True, slots=True)
class Assignment:
    """A statement that gives values to targets; of a `for` or `with`, its head does."""

    statement: ast.stmt
    targets: tuple[Target, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The targets as they are written."""
        return tuple(map(target_text, self.targets))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a note goes: before the statement `index` of `body`."""

    body: list[ast.stmt]
    index: int
    assignment: Assignment


def noted(tree: ast.Module, register: Callable[[Assignment], int], wanted: Collection[int] = ()) -> ast.Module:
    """`tree`, changed so that each assignment is noted under the number that `register` gives it.

    In a loop that is done where the right side calls or takes a part of something, or its last line is in `wanted`.
    """
    places = list(_places(tree.body, False, wanted))
    last = tree.body[-1] if tree.body else None
    noted = [p for p in reversed(places) if p.assignment.statement is not last or p.body is not tree.body]
    notes = [_note(register(place.assignment), place.assignment) for place in noted]
    for place, note in zip(noted, notes, strict=True):  # not before all are made: the tree is changed whole or not
        place.body.insert(place.index, note)
    return tree


def last_assignment(tree: ast.Module) -> Assignment | None:
    """The assignment that is the last statement; its values are read when the cell has ended."""
    last = tree.body[-1] if tree.body else None
    targets = targets_given(last) if last is not None and not hasattr(last, "body") else ()
    return Assignment(last, targets) if last is not None and targets else None


def lines_above(tree: ast.Module, code: Code) -> int | None:
    """How many lines of the cell stand above `tree`, which was compiled from the cell's end; None if it was not.

    Right or None: every assignment must stand in the cell's text as it does in the tree.
    """
    if not tree.body or not code.tree.body:
        return None
    above = (code.tree.body[-1].end_lineno or 0) - (tree.body[-1].end_lineno or 0)
    own = {_key(node, 0) for node in code.nodes if isinstance(node, ast.stmt)}
    places = (_key(place.assignment.statement, above) for place in _places(tree.body, False, ()))
    return above if above >= 0 and all(key in own for key in places) else None


def _key(statement: ast.stmt, above: int) -> tuple[type[ast.stmt], int, int, int, int | None]:
    last = (statement.end_lineno or 0) + above
    return type(statement), statement.lineno + above, statement.col_offset, last, statement.end_col_offset


def span_of(statement: ast.stmt, code: Code, above: int) -> Span:
    """The place of an assignment in the cell's text, of a `for` or `with` that of its head."""
    end: ast.stmt | ast.expr = statement
    if isinstance(statement, ast.For | ast.AsyncFor):
        end = statement.iter
    elif isinstance(statement, ast.With | ast.AsyncWith):
        end = statement.items[-1].optional_vars or statement.items[-1].context_expr
    last = (end.end_lineno or statement.lineno) + above
    return code.span_of_bytes(statement.lineno + above, statement.col_offset, last, end.end_col_offset or 0)


def _places(body: list[ast.stmt], loop: bool, wanted: Collection[int]) -> Iterator[_Place]:
    """Where notes go in a block that is run at the cell's own level; `loop` says that it may run many times."""
    for index, statement in enumerate(body):
        targets = targets_given(statement)
        head = hasattr(statement, "body")
        if targets and (head or not loop or statement.end_lineno in wanted or _computes(statement)):
            inside = getattr(statement, "body", body)
            yield _Place(inside, 0 if head else index + 1, Assignment(statement, targets))
        if not isinstance(statement, _OUTLIVING):
            loops = loop or isinstance(statement, ast.For | ast.AsyncFor | ast.While)
            for block in _blocks(statement):
                yield from _places(block, loops, wanted)


_OUTLIVING = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The blocks inside a compound statement."""
    for name in ("body", "orelse", "finalbody"):
        yield getattr(statement, name, [])
    for part in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        yield part.body


def _computes(statement: ast.stmt) -> bool:
    """Whether the right side is more than names, literals and operators."""
    value = getattr(statement, "value", None)
    return value is not None and any(isinstance(node, ast.Call | ast.Subscript) for node in ast.walk(value))


def _note(number: int, assignment: Assignment) -> ast.stmt:
    """The statement that notes the values; it stands where the first target stands, so that no line is passed twice."""
    statement = ast.parse(_NOTE).body[0]
    assert isinstance(statement, ast.Expr)
    assert isinstance(statement.value, ast.Call)
    statement.value.args = [ast.Constant(number), *map(_read, assignment.targets)]
    at = _first_target(assignment.statement)
    for node in ast.walk(statement):
        if isinstance(node, ast.expr | ast.stmt):
            ast.copy_location(node, at)
    return statement


def _read(target: Target) -> ast.expr:
    """The expression that reads a target, as `targets.read` does."""
    owner: ast.expr = ast.Name(owner_of(target), ast.Load())
    match target:
        case ast.Attribute(attr=name):
            return _call_of(attribute, owner, name)
        case ast.Subscript(slice=ast.Constant(value=str() | int() as key)):
            return _call_of(entry, owner, key)
        case _:
            return owner


def _call_of(function: Callable[..., object], owner: ast.expr, key: str | int) -> ast.Call:
    """Return a call of a function of this package, found by way of its module wherever that lies."""
    path = f"{function.__module__}.{function.__name__}".partition(".")[2]
    return ast.Call(ast.parse(f"{_PACKAGE}.{path}", mode="eval").body, [owner, ast.Constant(key)], [])


def _first_target(statement: ast.stmt) -> ast.expr | ast.stmt:
    match statement:
        case ast.Assign(targets=[target, *_]):
            return target
        case ast.For(target=target) | ast.AsyncFor(target=target):
            return target
        case ast.With(items=items) | ast.AsyncWith(items=items):
            return next(item.optional_vars for item in items if item.optional_vars)
        case _:
            return statement
