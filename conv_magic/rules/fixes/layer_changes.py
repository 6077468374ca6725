"""Edits of the lines that make layers: another argument, one more layer before or behind, one layer less."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from conv_magic.analysis.arguments import option_of, with_option
from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.definitions import calls_of
from conv_magic.analysis.operands import code_of
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.analysis.what_if import Change
from conv_magic.model.calls import CallRecord, Mode
from conv_magic.model.positions import Edit, Span
from conv_magic.model.trace import Trace
from conv_magic.text.edits import after, with_argument
from conv_magic.text.layer_edits import layer_name
from conv_magic.text.source import Code

Edits = tuple[Code, list[Edit]]


def changed(change: Change, trace: Trace) -> Edits | None:
    """Set an argument where a layer is made; where `**kwargs` may hold it, at the calls of the function around."""
    site = call_site_of(change.call, trace)
    if site is None:
        return None
    (cell, node), op = site, change.call.op
    if option_of(node, change.argument, op) is None and any(k.arg is None for k in node.keywords):
        callers = _callers_without(cell, node, change.argument)
        if not callers:
            return None
        return cell, [with_argument(cell, call, None, change.argument, change.text) for call in callers]
    return cell, [with_option(cell, node, change.argument, change.text, op)]


def changed_all(changes: Sequence[Change], trace: Trace) -> Edits | None:
    """Make several changes in one cell; None where one of them cannot be made."""
    found = [edits for change in changes if (edits := changed(change, trace)) is not None]
    if len(found) < len(changes) or len({cell.cell for cell, _ in found}) != 1:
        return None
    return found[0][0], list(dict.fromkeys(edit for _, edits in found for edit in edits))


def _callers_without(cell: Code, creation: ast.Call, name: str) -> list[ast.Call]:
    """Return the calls of the function around a layer's creation that do not give this argument."""
    function = cell.scope_of(creation)
    if not isinstance(function, ast.FunctionDef):
        return []
    return [call for call in calls_of(cell, function) if all(k.arg != name for k in call.keywords)]


def added_behind(call: CallRecord, trace: Trace, layer: str, arguments: str) -> Edits | None:
    """Put one more layer behind this one, written as it is: around its call, next in the list, by `add`."""
    return _added(call, trace, layer, arguments, behind=True)


def added_before(call: CallRecord, trace: Trace, layer: str, arguments: str) -> Edits | None:
    """Put one more layer before this one, written as it is."""
    return _added(call, trace, layer, arguments, behind=False)


def removed(call: CallRecord, trace: Trace) -> Edits | None:
    """Take this layer out: its `add`, its element of a list, or its call around what it was given."""
    creation = _sole_creation(call, trace)
    if creation is None:
        return None
    cell, node = creation
    applied = _application(call, trace, cell)
    if applied is not None:
        return cell, [cell.replace(applied, cell.text_of(applied.args[0]))]
    parent = cell.parent(node)
    if isinstance(parent, ast.List | ast.Tuple):
        return cell, [_without_element(cell, parent, node)]
    found = _method_statement(cell, node)
    if found is None:
        return None
    span = cell.span(found[0])
    if cell.code_line(span.line).strip() != cell.text_of(found[0]):
        return None
    return cell, [Edit(Span(span.cell, span.line, 0, span.end_line + 1, 0), "")]


def _sole_creation(call: CallRecord, trace: Trace) -> tuple[Code, ast.Call] | None:
    """Return the call in the text that made a layer, None where it is not known or made several layers of its model."""
    cell = code_of(trace, call.created)
    node = cell.call_at(call.created) if cell else None
    several = sum(c.created == call.created for c in _calls_of_model(call, trace)) > 1
    return None if cell is None or node is None or several else (cell, node)


def _method_statement(cell: Code, node: ast.Call) -> tuple[ast.Expr, ast.Attribute] | None:
    """Return the statement `model.add(...)` that passes a layer on, and its method; None where there is none."""
    parent, statement = cell.parent(node), cell.statement_of(node)
    if not isinstance(parent, ast.Call) or not isinstance(statement, ast.Expr) or statement.value is not parent:
        return None
    return (statement, parent.func) if isinstance(parent.func, ast.Attribute) else None


def _without_element(cell: Code, sequence: ast.List | ast.Tuple, element: ast.expr) -> Edit:
    """Take one element out of a list, with the comma behind it, or before it where it is the last."""
    index, span = sequence.elts.index(element), cell.span(element)
    if index + 1 < len(sequence.elts):
        following = cell.span(sequence.elts[index + 1])
        return Edit(Span(span.cell, span.line, span.column, following.line, following.column), "")
    before = cell.span(sequence.elts[index - 1])
    return Edit(Span(span.cell, before.end_line, before.end_column, span.end_line, span.end_column), "")


def _added(call: CallRecord, trace: Trace, layer: str, arguments: str, *, behind: bool) -> Edits | None:
    creation = _sole_creation(call, trace)
    named = layer_name(*creation, layer) if creation is not None else None
    if creation is None or named is None:
        return None
    (cell, node), (name, imports) = creation, named
    text = f"{name}({arguments})"
    applied = _application(call, trace, cell)
    if applied is not None:
        target = applied if behind else applied.args[0]
        return cell, [cell.replace(target, f"{text}({cell.text_of(target)})"), *imports]
    edit = _put_beside(cell, node, text, behind=behind)
    return (cell, [edit, *imports]) if edit is not None else None


def _calls_of_model(call: CallRecord, trace: Trace) -> list[CallRecord]:
    """Return the calls in which the model that holds this layer was built or ran once."""
    return [c for c in graph_of(trace).beside(call) if c.mode == call.mode]


def _application(call: CallRecord, trace: Trace, cell: Code) -> ast.Call | None:
    """Return the user's own call of the layer, None where there is none."""
    for use in graph_of(trace).of_layer(call.layer):
        if use.direct and (use.mode is Mode.SYMBOLIC or use.index == call.index):
            found = cell.call_at(use.span)
            return found if found is not None and found.args else None
    return None


def _put_beside(cell: Code, node: ast.Call, text: str, *, behind: bool) -> Edit | None:
    if isinstance(cell.parent(node), ast.List | ast.Tuple):
        own = cell.text_of(node)
        return cell.replace(node, f"{own}, {text}" if behind else f"{text}, {own}")
    found = _method_statement(cell, node)
    if found is None or found[1].attr != "add":
        return None
    statement, method = found
    span = cell.span(statement)
    line = f"{cell.text_of(method)}({text})"
    indent = cell.code_line(span.line)[: span.column]
    if indent.strip():
        return None  # more than one statement on the line
    if behind:
        return after(cell, statement, f"\n{indent}{line}")
    return Edit(Span(span.cell, span.line, span.column, span.line, span.column), f"{line}\n{indent}")
