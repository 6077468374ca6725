"""Compare the contracts of a run's cells with the shapes that their lines made."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from conv_magic.analysis.operands import codes_of
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.capture.following import is_answered, statement_at
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.naming import counted
from conv_magic.model.positions import Span
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.model.values import AssignedValue
from conv_magic.text.contract_matching import Bound, Mismatch, Names, Scopes
from conv_magic.text.contracts import Contract, Malformed, contracts_in
from conv_magic.text.source import Code, called_name
from conv_magic.text.targets import targets_given

Shapes = tuple[Shape | None, ...]
"""Of each value of a line its shape."""


@dataclass(frozen=True)
class Broken:
    """A contract that does not hold.

    call   the last call that made the value, where one did
    name   the name that the value was given to, where it was given to one
    names  what the names of the cell's contracts stand for
    """

    code: Code
    mismatch: Mismatch
    call: CallRecord | None
    name: str | None
    names: Names


def broken_contracts(trace: Trace) -> Iterator[Broken]:
    """Yield the contracts that do not hold, each once, in the order of the cells' texts."""
    for code in codes_of(trace):
        scopes = Scopes()
        for contract in contracts_in(code.text, code.cell):
            broken = _broken_contract(contract, code, trace, scopes) if isinstance(contract, Contract) else None
            if broken is not None:
                yield broken


def malformed_contracts(trace: Trace) -> Iterator[Malformed]:
    """Yield the comments that look like a contract and cannot be read."""
    for code in codes_of(trace):
        yield from (found for found in contracts_in(code.text, code.cell) if isinstance(found, Malformed))


def unchecked_contracts(trace: Trace) -> Iterator[tuple[Contract, str]]:
    """Yield each contract that nothing was compared with, and why; lines that did not run are left out."""
    for code in codes_of(trace):
        for contract in contracts_in(code.text, code.cell):
            reason = _why_unchecked(contract, code, trace) if isinstance(contract, Contract) else None
            if isinstance(contract, Contract) and reason is not None:
                yield contract, reason


def _why_unchecked(contract: Contract, code: Code, trace: Trace) -> str | None:
    """Return why a contract was compared with nothing, None if it was compared or its line may have a value."""
    value = assigned_at(contract.span, trace)
    if value is not None:
        stated = len(contract.patterns)
        if stated > len(value.names):
            return f"it states {stated} shapes, the line gives {counted(len(value.names), 'value')}"
        columns = list(zip(*value.shapes, strict=True))[:stated]
        without = [name for name, shapes in zip(value.names, columns, strict=False) if set(shapes) == {None}]
        verb = "is" if len(without) == 1 else "are"
        return f"{' and '.join(without)} {verb} no tensor or array" if without else None
    if calls_stated(contract.line, code, trace) or _could_have_value(contract.line, code):
        return None
    return "the line gives no value to a name"


def _could_have_value(line: int, code: Code) -> bool:
    """Check whether the line of a contract would have a value that the contract can describe, should it run."""
    statement = statement_at(line, code)
    if statement is None:  # inside a statement: of a layer in a list of several lines
        calls = [node for node in code.nodes if isinstance(node, ast.Call) and node.end_lineno == line]
        return any(_is_last_of_line(code, call, line) for call in calls)
    if isinstance(statement, ast.Expr) and not isinstance(statement.value, ast.NamedExpr):
        value = statement.value
        return is_answered(value, code) or (isinstance(value, ast.Call) and called_name(value) == "add")
    return isinstance(statement, ast.Return) or bool(targets_given(statement))


def names_bound(code: Code, trace: Trace) -> Mapping[str, tuple[Bound, ...]]:
    """Return what the names of one cell's contracts stand for, as far as the contracts hold."""
    scopes = Scopes()
    for contract in contracts_in(code.text, code.cell):
        if isinstance(contract, Contract):
            _broken_contract(contract, code, trace, scopes)
    return scopes.meanings


def _broken_contract(contract: Contract, code: Code, trace: Trace, scopes: Scopes) -> Broken | None:
    """Check one contract against every value of its line; return how it is broken, None if it holds."""
    value = assigned_at(contract.span, trace)
    for shapes, call in _shapes_made(contract, value, code, trace):
        mismatch = scopes.check(contract, shapes)
        if mismatch is not None:
            producer = call or (_producer_in(value, code, mismatch.actual, trace) if value else None)
            name = value.names[mismatch.index] if value else _target_on_line(contract.line, code)
            return Broken(code, mismatch, producer, name, scopes.names)
    return None


def _shapes_made(
    contract: Contract, value: AssignedValue | None, code: Code, trace: Trace
) -> list[tuple[Shapes, CallRecord | None]]:  # fmt: skip
    """Return the shapes that the line of a contract made: those it assigned, else the outputs of its calls."""
    if value is not None:
        return [(shapes, None) for shapes in value.shapes]
    return [((call.output,), call) for call in calls_stated(contract.line, code, trace)]


def shapes_at(contract: Span, trace: Trace) -> Shapes:
    """Return the shapes of the values that a contract describes, those of the line's first run."""
    code = next(code for code in codes_of(trace) if code.cell == contract.cell)
    value = assigned_at(contract, trace)
    if value is not None:
        return value.shapes[0]
    return tuple(call.output for call in calls_stated(contract.line, code, trace)[:1])


def assigned_at(contract: Span, trace: Trace) -> AssignedValue | None:
    """Return what the last statement that ends on a contract's line assigned, None if it assigned nothing."""
    values = graph_of(trace).assigned_on(contract.cell, contract.line)
    return max(values, key=lambda value: (value.span.line, value.span.column), default=None)


def calls_stated(line: int, code: Code, trace: Trace) -> list[CallRecord]:
    """Return the calls whose result a contract on that line describes."""
    found = []
    for call in graph_of(trace).on_line(code, line):
        span = call.span if call.direct else call.created
        if call.output is not None and span is not None and is_value_of_line(code, line, span):
            found.append(call)
    return found


def is_value_of_line(code: Code, line: int, call: Span) -> bool:
    """Check whether a contract at the end of a line describes what the call at the span `call` gives.

    It is about the value that the line's last statement assigns, returns or is; or about a layer that stands in a list
    on lines of its own, or is added to a model.
    """
    node = code.call_at(call)
    statement = code.statement_of(node) if node else None
    if node is None or statement is None:
        return False
    if call.end_line == line and statement.end_lineno != line:
        return not hasattr(statement, "body") and _is_last_of_line(code, node, line)
    value = getattr(statement, "value", None)
    if statement.end_lineno != line or not isinstance(statement, ast.Assign | ast.AnnAssign | ast.Return | ast.Expr):
        return False
    return value is node or (isinstance(statement, ast.Expr) and _is_added_layer(value, node))


def _is_last_of_line(code: Code, node: ast.Call, line: int) -> bool:
    """Check whether a call is an element of a list or tuple and the last one that ends on its line."""
    around = list(code.around(node))
    parent = around[1] if len(around) > 1 else None
    if not isinstance(parent, ast.List | ast.Tuple):
        return False
    return all(other is node or other.end_lineno != line or other.end_col_offset < node.col_offset
               for other in parent.elts if other.end_col_offset is not None)  # fmt: skip


def _is_added_layer(call: ast.expr | None, layer: ast.Call) -> bool:
    """Check whether a call is `model.add(layer)`."""
    return isinstance(call, ast.Call) and called_name(call) == "add" and call.args == [layer]


def _producer_in(value: AssignedValue, code: Code, shape: Shape, trace: Trace) -> CallRecord | None:
    """Return the last direct call inside an assignment that gave this shape, None if none did."""
    for call in reversed(graph_of(trace).giving(shape)):
        inside = call.span is not None and value.span.contains(call.span)
        if inside and call.direct and call.outcome is Outcome.RETURNED:
            return call
    return None


def _target_on_line(line: int, code: Code) -> str | None:
    """Return the name that the statement which ends on a line assigns, None if it assigns no plain name."""
    ending = [n for n in code.nodes if isinstance(n, ast.Assign) and n.end_lineno == line]
    targets: Sequence[ast.expr] = ending[-1].targets if ending else ()
    return targets[0].id if targets and isinstance(targets[0], ast.Name) else None
