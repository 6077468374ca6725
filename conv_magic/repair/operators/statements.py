"""Statements taken away, exchanged with the next, moved out of a loop."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.case import Case
from conv_magic.repair.operators.operator import Candidate

Offered = tuple[str, float, Candidate]
"""The operator's name, its cost, the edit."""

_COST = 2.8
_SECOND_TURN = 1.2
"""Less where the failure came in the second turn of the loop: the first one went well."""
_FIXED = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)


def statement_changes(case: Case, statement: ast.stmt) -> Iterator[Offered]:
    """Yield the edits of one whole statement."""
    program = case.program
    block = program.block(statement)
    start, end = program.span(statement)
    if _renews(case, statement) or isinstance(statement, ast.AugAssign):
        yield "take a statement away", _COST, Candidate(((start, end, "pass"),))
    place = block.index(statement) if statement in block else len(block)
    following = block[place + 1] if place + 1 < len(block) else None
    if following is not None and not isinstance(statement, _FIXED) and not isinstance(following, (*_FIXED, ast.Return)):
        other = program.span(following)
        changes = ((start, end, program.text_of(following)), (*other, program.text_of(statement)))
        yield "swap statements", _COST, Candidate(changes)
    loop = program.parent(statement)
    last = len(block) > 1 and statement is block[-1]
    if isinstance(loop, ast.For) and last and isinstance(statement, ast.Expr | ast.Assign):
        before = program.span(block[-2])[1]
        text = f"\n{' ' * loop.col_offset}{program.text_of(statement)}"
        again = any(loop in case.program.around(node) for node in case.open) and _turns(case, loop) > 1
        yield "move out of the loop", _COST - _SECOND_TURN * again, Candidate(((before, end, text),))


def _turns(case: Case, loop: ast.For) -> int:
    return max((case.program.count(node) for node in ast.walk(loop.body[0]) if isinstance(node, ast.expr)), default=0)


def _renews(case: Case, statement: ast.stmt) -> bool:
    """Whether it makes a new value from an old one, or adds to one: without it there still is one."""
    match statement:
        case ast.Assign(targets=[ast.Name() | ast.Attribute() as target], value=value):
            name = case.program.text_of(target)
            read = (n for n in ast.walk(value) if isinstance(n, ast.Name | ast.Attribute))
            return any(case.program.text_of(node) == name for node in read)
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr="add" | "append" | "extend" | "insert"))):
            return True
    return False
