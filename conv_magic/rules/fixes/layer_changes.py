"""Edits of the lines that make layers: another argument, one more layer before or behind."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from conv_magic.analysis.arguments import option_of, with_option
from conv_magic.analysis.definitions import calls_of
from conv_magic.analysis.operands import code_of
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.analysis.what_if import Change
from conv_magic.model.calls import CallRecord, Mode
from conv_magic.model.positions import Edit, Span
from conv_magic.model.trace import Trace
from conv_magic.text.edits import with_argument
from conv_magic.text.layer_edits import layer_name
from conv_magic.text.source import Code

Edits = tuple[Code, list[Edit]]


def changed(change: Change, trace: Trace) -> Edits | None:
    """The line that makes a layer with one argument set; `**kwargs` there are set by the helper's caller."""
    where = change.call.created if change.call.layer is not None else change.call.span
    cell = code_of(trace, where)
    made = cell.call_at(where) if cell else None
    if cell is None or made is None:
        return None
    op = change.call.op
    if option_of(made, change.argument, op) is None and any(k.arg is None for k in made.keywords):
        callers = _callers_without(cell, made, change.argument)
        if not callers:
            return None
        return cell, [with_argument(cell, call, None, change.argument, change.text) for call in callers]
    return cell, [with_option(cell, made, change.argument, change.text, op)]


def changed_all(changes: Sequence[Change], trace: Trace) -> Edits | None:
    """Several lines changed, all of one cell; None where one of them cannot be."""
    every = [changed(change, trace) for change in changes]
    done = [edits for edits in every if edits is not None]
    if len(done) < len(every) or len({cell.cell for cell, _ in done}) != 1:
        return None
    return done[0][0], list(dict.fromkeys(edit for _, edits in done for edit in edits))


def _callers_without(cell: Code, made: ast.Call, name: str) -> list[ast.Call]:
    """The calls of the function around a layer's making that do not give this argument."""
    function = cell.scope_of(made)
    if not isinstance(function, ast.FunctionDef):
        return []
    return [call for call in calls_of(cell, function) if all(k.arg != name for k in call.keywords)]


def added_behind(call: CallRecord, trace: Trace, layer: str, arguments: str) -> Edits | None:
    """One more layer behind this one, written as this one was: around its call, next in the list, by `add`."""
    return _added(call, trace, layer, arguments, behind=True)


def added_before(call: CallRecord, trace: Trace, layer: str, arguments: str) -> Edits | None:
    """One more layer before this one."""
    return _added(call, trace, layer, arguments, behind=False)


def removed(call: CallRecord, trace: Trace) -> Edits | None:
    """The text without this layer: its `add`, its place in a list, or its call around what it was given."""
    cell = code_of(trace, call.created)
    made = cell.call_at(call.created) if cell else None
    if cell is None or made is None or sum(c.created == call.created for c in _built(call, trace)) > 1:
        return None
    applied = _application(call, trace, cell)
    if applied is not None:
        return cell, [cell.replace(applied, cell.text_of(applied.args[0]))]
    around = list(cell.around(made))
    parent = around[1] if len(around) > 1 else None
    if isinstance(parent, ast.List | ast.Tuple):
        return cell, [_out_of(cell, parent, made)]
    statement = cell.statement_of(made)
    if not isinstance(parent, ast.Call) or not isinstance(statement, ast.Expr) or statement.value is not parent:
        return None
    at = cell.span(statement)
    if cell.code_line(at.line).strip() != cell.text_of(statement) or not isinstance(parent.func, ast.Attribute):
        return None
    return cell, [Edit(Span(at.cell, at.line, 0, at.end_line + 1, 0), "")]


def _out_of(cell: Code, listed: ast.List | ast.Tuple, element: ast.expr) -> Edit:
    """One element taken out of a list, with the comma behind it, or before it where it is the last."""
    place, own = listed.elts.index(element), cell.span(element)
    if place + 1 < len(listed.elts):
        after = cell.span(listed.elts[place + 1])
        return Edit(Span(own.cell, own.line, own.column, after.line, after.column), "")
    before = cell.span(listed.elts[place - 1])
    return Edit(Span(own.cell, before.end_line, before.end_column, own.end_line, own.end_column), "")


def _added(call: CallRecord, trace: Trace, layer: str, arguments: str, *, behind: bool) -> Edits | None:
    cell = code_of(trace, call.created)
    made = cell.call_at(call.created) if cell else None
    if cell is None or made is None or sum(c.created == call.created for c in _built(call, trace)) > 1:
        return None
    named = layer_name(cell, made, layer)
    if named is None:
        return None
    name, imports = named
    text = f"{name}({arguments})"
    applied = _application(call, trace, cell)
    if applied is not None:
        target = applied if behind else applied.args[0]
        return cell, [cell.replace(target, f"{text}({cell.text_of(target)})"), *imports]
    edit = _beside(cell, made, text, behind=behind)
    return (cell, [edit, *imports]) if edit is not None else None


def _built(call: CallRecord, trace: Trace) -> list[CallRecord]:
    """The calls in which the model that holds this layer was built or ran once."""
    return [c for c in graph_of(trace).beside(call) if c.mode == call.mode]


def _application(call: CallRecord, trace: Trace, cell: Code) -> ast.Call | None:
    """The user's own call of the layer."""
    for made in graph_of(trace).of_layer(call.layer):
        if made.direct and (made.mode is Mode.SYMBOLIC or made.index == call.index):
            found = cell.call_at(made.span)
            return found if found is not None and found.args else None
    return None


def _beside(cell: Code, made: ast.Call, text: str, *, behind: bool) -> Edit | None:
    around = list(cell.around(made))
    parent = around[1] if len(around) > 1 else None
    if isinstance(parent, ast.List | ast.Tuple):
        own = cell.text_of(made)
        return cell.replace(made, f"{own}, {text}" if behind else f"{text}, {own}")
    statement = cell.statement_of(made)
    if not isinstance(parent, ast.Call) or not isinstance(statement, ast.Expr) or statement.value is not parent:
        return None
    if not isinstance(parent.func, ast.Attribute) or parent.func.attr != "add":
        return None
    at = cell.span(statement)
    line = f"{cell.text_of(parent.func)}({text})"
    indent = cell.code_line(at.line)[: at.column]
    if indent.strip():
        return None  # more than one statement on the line
    if behind:
        return Edit(Span(at.cell, at.end_line, at.end_column, at.end_line, at.end_column), f"\n{indent}{line}")
    return Edit(Span(at.cell, at.line, at.column, at.line, at.column), f"{line}\n{indent}")
