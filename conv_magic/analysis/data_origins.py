"""Find which of the user's own arrays a call was given: its name in the text, and the line that bound the name.

The answer is right or None: None where branches, loops or several callers leave more than one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from conv_magic.analysis.bindings import is_otherwise_bound, only_binding, parameter_of, sole_assignment
from conv_magic.analysis.definitions import Function, arguments_for
from conv_magic.model.calls import CallRecord, Given
from conv_magic.model.options import FitOptions, LossOptions
from conv_magic.model.positions import Span
from conv_magic.model.shapes import Shape
from conv_magic.text.source import Binding, Code, argument, called_name

_MOST_STEPS = 6
_LONGEST_TEXT = 40
_INPUT_PARAMETERS = ("input", "inputs", "value", "x", "images", "tensor")
_Expressions = Sequence[ast.expr | None]


def with_data_origins(calls: tuple[CallRecord, ...], codes: Sequence[Code]) -> tuple[CallRecord, ...]:
    """Return the calls with the origin of each input that no recorded call produced.

    `codes` are the cells, the one that ran first, then the others from the newest on.
    """
    if not calls or not codes:
        return calls
    cells = _Cells(codes)
    traced: list[CallRecord] = []
    for call in calls:
        given = _origins_of(call, traced, cells) if None in call.producers or _takes_dataset(call) else ()
        traced.append(replace(call, given=given) if any(given) else call)
    return tuple(traced)


def cells_of(calls: Iterable[CallRecord]) -> set[str]:
    """Return the keys of the cells in which the data of these calls was bound."""
    return {given.span.cell for call in calls for given in call.given if given is not None}


@dataclass
class _Cells:
    """The cells, and the origins found in them so far."""

    codes: Sequence[Code]
    found: dict[tuple[Span, int], tuple[Given | None, ...]] = field(default_factory=dict)

    def code_of(self, span: Span | None) -> Code | None:
        """Return the cell that a span lies in, None if it is not known."""
        return next((code for code in self.codes if span is not None and code.cell == span.cell), None)


def _takes_dataset(call: CallRecord) -> bool:
    """Check whether a call is a `fit` or its like that was given a dataset."""
    return isinstance(call.options, FitOptions) and call.options.dataset


def _origins_of(call: CallRecord, traced: Sequence[CallRecord], cells: _Cells) -> tuple[Given | None, ...]:
    """Return the origin of each input of a call, None for those of producers and those not known."""
    if _takes_dataset(call):
        return (_dataset_origin(call, cells),)
    count = len(call.inputs)
    parent = traced[call.parent] if call.parent is not None else None
    found: list[Given | None] = [None] * count
    if call.direct and call.span is not None:
        key = (call.span, count)
        if key not in cells.found:
            cells.found[key] = tuple(_origins_in_text(call, cells))
        found = list(cells.found[key])
    elif parent is None and (declared := _input_before(call, cells)) is not None:
        found[:1] = [declared]
    for index in range(count):
        if call.producers[index] is not None:
            found[index] = None
        elif found[index] is None and parent is not None:
            found[index] = _origin_from_parent(call, index, parent)
    return tuple(found)


def _origins_in_text(call: CallRecord, cells: _Cells) -> Iterator[Given | None]:
    """Yield for each input its origin according to the call's own arguments."""
    code = cells.code_of(call.span)
    expressions = _input_expressions(call, code) if code is not None else None
    for index in range(len(call.inputs)):
        expression = expressions[index] if expressions is not None else None
        yield _origin_of(expression, code, cells) if expression is not None and code is not None else None


def _input_expressions(call: CallRecord, code: Code) -> _Expressions | None:
    """Return the expression of each input, None if their number does not match."""
    node = _node_of(call, code)
    if isinstance(node, ast.BinOp):
        both = [node.left, node.right]
        return both if len(call.inputs) == 2 else None
    if node is None:
        return None
    if call.layer is None:
        first = argument(node, 0, *_INPUT_PARAMETERS)
        return [first] if len(call.inputs) == 1 else _one_per_input(node.args, len(call.inputs))
    if isinstance(call.options, FitOptions):
        data = [argument(node, 0, "x"), argument(node, 1, "y")]
        return _one_per_input([part for part in data if part is not None], len(call.inputs))
    return _one_per_input([*node.args, *(keyword.value for keyword in node.keywords)], len(call.inputs), code)


def _node_of(call: CallRecord, code: Code) -> ast.Call | ast.BinOp | None:
    """Return the call or operation in the text, None if there are several candidates."""
    if call.span is None:
        return None
    found = code.call_at(call.span) or code.node_at(call.span, ast.BinOp)
    if found is not None:
        return found
    statement = code.node_at(call.span, ast.stmt)  # AutoGraph tells the statement only
    calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call)] if statement is not None else []
    named = [node for node in calls if called_name(node) in (call.op, call.layer)] if len(calls) > 1 else calls
    return named[0] if len(named) == 1 else None


def _one_per_input(expressions: Sequence[ast.expr], count: int, code: Code | None = None) -> list[ast.expr] | None:
    """Return the expressions with lists and dicts taken apart and constants left out; None if not one per input."""
    parts = [part for expression in expressions for part in _parts(expression, code)]
    return parts if len(parts) == count and not any(isinstance(part, ast.Starred) for part in parts) else None


def _parts(expression: ast.expr, code: Code | None) -> Iterator[ast.expr]:
    """Yield the elements of lists, tuples and dicts, also behind a name; constants are left out."""
    if isinstance(expression, ast.Name) and code is not None:
        bound = only_binding(code, expression)
        if bound is not None and isinstance(bound.value, ast.List | ast.Tuple | ast.Dict):
            expression = bound.value
    match expression:
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            for element in elements:
                yield from _parts(element, None)
        case ast.Dict(values=values):
            for value in values:
                yield from _parts(value, None)
        case ast.Constant():
            return
        case _:
            yield expression


def _origin_of(expression: ast.expr, code: Code, cells: _Cells, steps: int = 0) -> Given | None:
    """Return the origin of an expression: the name at its root, else the call or the text itself."""
    if steps > _MOST_STEPS:
        return None
    root = _root_of(expression)
    match root:
        case ast.Name():
            return _origin_of_name(root, code, cells, steps)
        case ast.Attribute():
            assigned = sole_assignment(code, root)
            return Given(ast.unparse(root), code.span(assigned)) if assigned is not None else None
        case ast.Call():
            return Given(_shortened(ast.unparse(root.func)), code.span(root))
    return Given(_shortened(" ".join(code.text_of(root).split())), code.span(root))


def _root_of(expression: ast.expr) -> ast.expr:
    """Return what an index, a method or a constant operand is applied to: `x` of `x[:32]`, `x.astype(int)`."""
    while True:
        match expression:
            case ast.Subscript(value=inner) | ast.UnaryOp(operand=inner):
                expression = inner
            case ast.BinOp(left=inner, right=ast.Constant()) | ast.BinOp(left=ast.Constant(), right=inner):
                expression = inner
            case ast.Call(func=ast.Attribute(value=ast.Subscript() | ast.Call() as inner)):
                expression = inner
            case ast.Call(func=ast.Attribute(value=ast.Name() as inner, attr=method)) if method in _KEEPING_DATA:
                expression = inner
            case _:
                return expression


_KEEPING_DATA = {
    *("astype", "reshape", "transpose", "copy", "squeeze", "numpy", "to_numpy", "swapaxes", "repeat", "to_tensor"),
    *("batch", "take", "skip", "map", "shuffle", "prefetch", "cache"),
}
"""Of an array or a dataset: what gives the same data in another form."""


def _origin_of_name(name: ast.Name, code: Code, cells: _Cells, steps: int) -> Given | None:
    """Return where a name was bound: in this cell, by a caller, or in an earlier cell; None if not unique."""
    bound = only_binding(code, name)
    if bound is not None:
        return Given(bound.name, _span_of_binding(code, bound))
    function = parameter_of(code, name)
    if function is not None:
        return _origin_of_parameter(function, name.id, code, cells, steps)
    if code.is_bound(name) or is_otherwise_bound(code, name):
        return None
    for other in cells.codes:
        if other is not code and name.id in other.text:
            earlier = other.binding_at_end(name.id)
            if earlier is not None:
                return Given(earlier.name, _span_of_binding(other, earlier))
    return None


def _origin_of_parameter(function: Function, parameter: str, code: Code, cells: _Cells, steps: int) -> Given | None:
    """Return the one origin that all callers give; None if they give several.

    For a function of an earlier cell the callers are those in the cell that runs.
    """
    running = cells.codes[0]
    if code is not running and code.scope_of(function) is not code.tree:
        return None
    arguments = arguments_for(running, function, parameter)
    found = {_origin_of(argument, running, cells, steps + 1) for argument in arguments}
    return found.pop() if len(found) == 1 else None


def _span_of_binding(code: Code, bound: Binding) -> Span:
    """Return the statement's span; of a loop or a `with` its first line only."""
    whole = code.span(bound.statement)
    match bound.statement:
        case ast.For(iter=last) | ast.AsyncFor(iter=last):
            end = code.span(last)
        case ast.With(items=[*_, ast.withitem(optional_vars=ast.expr() as last)]):
            end = code.span(last)
        case _:
            return whole
    return replace(whole, end_line=end.end_line, end_column=end.end_column)


def _input_before(call: CallRecord, cells: _Cells) -> Given | None:
    """Return the `Input` that stands before a layer in the list of a `Sequential`."""
    code = cells.code_of(call.created)
    node = code.call_at(call.created) if code is not None else None
    if code is None or node is None:
        return None
    around = next((n for n in code.around(node) if n is not node), None)
    before = around.elts[: around.elts.index(node)] if isinstance(around, ast.List) else []
    if len(before) == 1 and isinstance(before[0], ast.Call) and called_name(before[0]) in ("Input", "InputLayer"):
        return Given(ast.unparse(before[0].func), code.span(before[0]))
    return None


def _origin_from_parent(call: CallRecord, index: int, parent: CallRecord) -> Given | None:
    """Return the origin that the parent call passed on, recognised by its shape, also batch by batch."""
    if isinstance(call.options, LossOptions) and index:
        return None
    if _takes_dataset(parent):
        return parent.given[0] if parent.given else None
    shape = call.inputs[index]
    candidates = [
        given
        for given, received, producer in zip(parent.given, parent.inputs, parent.producers, strict=False)
        if producer is None and _may_be_same_data(received, shape)
    ]
    return candidates[0] if len(candidates) == 1 else None


def _dataset_origin(fit: CallRecord, cells: _Cells) -> Given | None:
    """Return the origin of the dataset that a `fit` was given."""
    code = cells.code_of(fit.span)
    node = code.call_at(fit.span) if code is not None and fit.direct else None
    given = argument(node, 0, "x") if node is not None else None
    return _origin_of(given, code, cells) if given is not None and code is not None else None


def _may_be_same_data(received: Shape, shape: Shape) -> bool:
    """Check whether two shapes agree but for the number of samples."""
    pairs = zip(received[1:], shape[1:], strict=False)
    return len(received) == len(shape) and all(a == b or a is None or b is None for a, b in pairs)


def _shortened(text: str) -> str:
    """Return a text cut to the longest that is shown."""
    return text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 3]}..."
