"""Put calls of `note` behind a cell's assignments, so that the shapes of all its values are seen.

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
_NOTE_CALL = f"{_PACKAGE}.capture.assigned.note()"


@dataclass(frozen=True, slots=True)
class Assignment:
    """A statement that gives values to targets; of a `for` or `with`, its head does."""

    statement: ast.stmt
    targets: tuple[Target, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the targets as they are written."""
        return tuple(map(target_text, self.targets))


@dataclass(frozen=True, slots=True)
class _Insertion:
    """Where a note is inserted: before the statement `index` of `body`."""

    body: list[ast.stmt]
    index: int
    assignment: Assignment


def noted(tree: ast.Module, register: Callable[[Assignment], int], wanted: Collection[int] = ()) -> ast.Module:
    """Change `tree` so that each assignment is noted under the number that `register` gives it, and return it.

    In a loop only where the right side calls or indexes something, or its last line is in `wanted`.
    """
    insertions = list(_insertions(tree.body, False, wanted))
    last = tree.body[-1] if tree.body else None
    kept = [p for p in reversed(insertions) if p.assignment.statement is not last or p.body is not tree.body]
    notes = [_note_statement(register(insertion.assignment), insertion.assignment) for insertion in kept]
    for insertion, note in zip(kept, notes, strict=True):  # not before all are made: the tree is changed whole or not
        insertion.body.insert(insertion.index, note)
    return tree


def last_assignment(tree: ast.Module) -> Assignment | None:
    """Return the assignment that is the last statement, None if it is none; its values are read at the cell's end."""
    last = tree.body[-1] if tree.body else None
    targets = targets_given(last) if last is not None and not hasattr(last, "body") else ()
    return Assignment(last, targets) if last is not None and targets else None


def lines_above(tree: ast.Module, code: Code) -> int | None:
    """Return how many lines of the cell stand above `tree`, None if `tree` is not the cell's end.

    Right or None: every assignment must stand in the cell's text as it does in the tree.
    """
    if not tree.body or not code.tree.body:
        return None
    above = (code.tree.body[-1].end_lineno or 0) - (tree.body[-1].end_lineno or 0)
    cell_keys = {_position_key(node, 0) for node in code.nodes if isinstance(node, ast.stmt)}
    keys = (_position_key(insertion.assignment.statement, above) for insertion in _insertions(tree.body, False, ()))
    return above if above >= 0 and all(key in cell_keys for key in keys) else None


def _position_key(statement: ast.stmt, above: int) -> tuple[type[ast.stmt], int, int, int, int | None]:
    last = (statement.end_lineno or 0) + above
    return type(statement), statement.lineno + above, statement.col_offset, last, statement.end_col_offset


def span_of(statement: ast.stmt, code: Code, above: int) -> Span:
    """Return the span of an assignment in the cell's text, of a `for` or `with` that of its head."""
    end: ast.stmt | ast.expr = statement
    if isinstance(statement, ast.For | ast.AsyncFor):
        end = statement.iter
    elif isinstance(statement, ast.With | ast.AsyncWith):
        end = statement.items[-1].optional_vars or statement.items[-1].context_expr
    last = (end.end_lineno or statement.lineno) + above
    return code.span_of_bytes(statement.lineno + above, statement.col_offset, last, end.end_col_offset or 0)


def _insertions(body: list[ast.stmt], loop: bool, wanted: Collection[int]) -> Iterator[_Insertion]:
    """Yield where notes go in a block that runs at the cell's own level; `loop` says that it may run many times."""
    for index, statement in enumerate(body):
        targets = targets_given(statement)
        head = hasattr(statement, "body")
        if targets and (head or not loop or statement.end_lineno in wanted or _computes(statement)):
            inside = getattr(statement, "body", body)
            yield _Insertion(inside, 0 if head else index + 1, Assignment(statement, targets))
        if not isinstance(statement, _OUTLIVING):
            loops = loop or isinstance(statement, ast.For | ast.AsyncFor | ast.While)
            for block in _blocks_in(statement):
                yield from _insertions(block, loops, wanted)


_OUTLIVING = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _blocks_in(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    """Yield the blocks inside a compound statement."""
    for name in ("body", "orelse", "finalbody"):
        yield getattr(statement, name, [])
    for part in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        yield part.body


def _computes(statement: ast.stmt) -> bool:
    """Check whether the right side is more than names, literals and operators."""
    value = getattr(statement, "value", None)
    return value is not None and any(isinstance(node, ast.Call | ast.Subscript) for node in ast.walk(value))


def _note_statement(number: int, assignment: Assignment) -> ast.stmt:
    """Return the statement that notes the values, placed at the first target so that no line runs twice."""
    statement = ast.parse(_NOTE_CALL).body[0]
    assert isinstance(statement, ast.Expr)
    assert isinstance(statement.value, ast.Call)
    statement.value.args = [ast.Constant(number), *map(_reading, assignment.targets)]
    target = _first_target(assignment.statement)
    for node in ast.walk(statement):
        if isinstance(node, ast.expr | ast.stmt):
            ast.copy_location(node, target)
    return statement


def _reading(target: Target) -> ast.expr:
    """Return the expression that reads a target, as `targets.value_of` does."""
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
    """Return the node whose position a note takes: the first target, else the statement."""
    match statement:
        case ast.Assign(targets=[target, *_]):
            return target
        case ast.For(target=target) | ast.AsyncFor(target=target):
            return target
        case ast.With(items=items) | ast.AsyncWith(items=items):
            return next(item.optional_vars for item in items if item.optional_vars)
        case _:
            return statement
