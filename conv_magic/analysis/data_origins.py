"""Which array of the user's own a call was given: by the name that the text calls it, and the line that bound the name.

Right or None: where branches, loops or several callers leave more than one answer there is none.
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
_LONGEST = 40
_FIRST = ("input", "inputs", "value", "x", "images", "tensor")
_Inputs = Sequence[ast.expr | None]


def with_data_origins(calls: tuple[CallRecord, ...], codes: Sequence[Code]) -> tuple[CallRecord, ...]:
    """The calls, each input without a producer with what of the user's it was.

    `codes` are the cells, the one that ran first, then the others from the newest on.
    """
    if not calls or not codes:
        return calls
    known = _Known(codes)
    made: list[CallRecord] = []
    for call in calls:
        given = _given(call, made, known) if None in call.producers or _on_dataset(call) else ()
        made.append(replace(call, given=given) if any(given) else call)
    return tuple(made)


def cells_of(calls: Iterable[CallRecord]) -> set[str]:
    """The cells in which what the calls were given was bound."""
    return {given.span.cell for call in calls for given in call.given if given is not None}


@dataclass
class _Known:
    """The cells, and what was found in them already."""

    codes: Sequence[Code]
    found: dict[tuple[Span, int], tuple[Given | None, ...]] = field(default_factory=dict)

    def code_of(self, span: Span | None) -> Code | None:
        return next((code for code in self.codes if span is not None and code.cell == span.cell), None)


def _on_dataset(call: CallRecord) -> bool:
    return isinstance(call.options, FitOptions) and call.options.dataset


def _given(call: CallRecord, made: Sequence[CallRecord], known: _Known) -> tuple[Given | None, ...]:
    if _on_dataset(call):
        return (_dataset(call, known),)
    count = len(call.inputs)
    around = made[call.parent] if call.parent is not None else None
    found: list[Given | None] = [None] * count
    if call.direct and call.span is not None:
        key = (call.span, count)
        if key not in known.found:
            known.found[key] = tuple(_written(call, known))
        found = list(known.found[key])
    elif around is None and (declared := _declared_before(call, known)) is not None:
        found[:1] = [declared]
    for place in range(count):
        if call.producers[place] is not None:
            found[place] = None
        elif found[place] is None and around is not None:
            found[place] = _from_around(call, place, around)
    return tuple(found)


def _written(call: CallRecord, known: _Known) -> Iterator[Given | None]:
    """For each input what the call's own arguments say."""
    code = known.code_of(call.span)
    expressions = _expressions(call, code) if code is not None else None
    for place in range(len(call.inputs)):
        expression = expressions[place] if expressions is not None else None
        yield _from(expression, code, known) if expression is not None and code is not None else None


def _expressions(call: CallRecord, code: Code) -> _Inputs | None:
    """The expression for each input, where their number leaves no doubt."""
    node = _node(call, code)
    if isinstance(node, ast.BinOp):
        both = [node.left, node.right]
        return both if len(call.inputs) == 2 else None
    if node is None:
        return None
    if call.layer is None:
        first = argument(node, 0, *_FIRST)
        return [first] if len(call.inputs) == 1 else _matching(node.args, len(call.inputs))
    if isinstance(call.options, FitOptions):
        handed = [argument(node, 0, "x"), argument(node, 1, "y")]
        return _matching([part for part in handed if part is not None], len(call.inputs))
    return _matching([*node.args, *(keyword.value for keyword in node.keywords)], len(call.inputs), code)


def _node(call: CallRecord, code: Code) -> ast.Call | ast.BinOp | None:
    if call.span is None:
        return None
    found = code.call_at(call.span) or code.node_at(call.span, ast.BinOp)
    if found is not None:
        return found
    statement = code.node_at(call.span, ast.stmt)  # AutoGraph tells the statement only
    calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call)] if statement is not None else []
    named = [node for node in calls if called_name(node) in (call.op, call.layer)] if len(calls) > 1 else calls
    return named[0] if len(named) == 1 else None


def _matching(expressions: Sequence[ast.expr], count: int, code: Code | None = None) -> list[ast.expr] | None:
    """The expressions with lists and dicts taken apart and constants left out, if there are as many as inputs."""
    parts = [part for expression in expressions for part in _parts(expression, code)]
    return parts if len(parts) == count and not any(isinstance(part, ast.Starred) for part in parts) else None


def _parts(expression: ast.expr, code: Code | None) -> Iterator[ast.expr]:
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


def _from(expression: ast.expr, code: Code, known: _Known, steps: int = 0) -> Given | None:
    """What an expression hands over: the name at its root, else the call or the text itself."""
    if steps > _MOST_STEPS:
        return None
    root = _root(expression)
    match root:
        case ast.Name():
            return _named(root, code, known, steps)
        case ast.Attribute():
            assigned = sole_assignment(code, root)
            return Given(ast.unparse(root), code.span(assigned)) if assigned is not None else None
        case ast.Call():
            return Given(_short(ast.unparse(root.func)), code.span(root))
    return Given(_short(" ".join(code.text_of(root).split())), code.span(root))


def _root(expression: ast.expr) -> ast.expr:
    """What an index, a method or a number beside it was applied to: `x` of `x[:32]`, `x.astype(int)`, `x / 255`."""
    while True:
        match expression:
            case ast.Subscript(value=inner) | ast.UnaryOp(operand=inner):
                expression = inner
            case ast.BinOp(left=inner, right=ast.Constant()) | ast.BinOp(left=ast.Constant(), right=inner):
                expression = inner
            case ast.Call(func=ast.Attribute(value=ast.Subscript() | ast.Call() as inner)):
                expression = inner
            case ast.Call(func=ast.Attribute(value=ast.Name() as inner, attr=method)) if method in _METHODS:
                expression = inner
            case _:
                return expression


_METHODS = {
    *("astype", "reshape", "transpose", "copy", "squeeze", "numpy", "to_numpy", "swapaxes", "repeat", "to_tensor"),
    *("batch", "take", "skip", "map", "shuffle", "prefetch", "cache"),
}
"""Of an array or a dataset: what gives the same data in another form."""


def _named(name: ast.Name, code: Code, known: _Known, steps: int) -> Given | None:
    bound = only_binding(code, name)
    if bound is not None:
        return Given(bound.name, _place(code, bound))
    function = parameter_of(code, name)
    if function is not None:
        return _handed(function, name.id, code, known, steps)
    if code.is_bound(name) or is_otherwise_bound(code, name):
        return None
    for other in known.codes:
        if other is not code and name.id in other.text:
            earlier = other.binding_at_end(name.id)
            if earlier is not None:
                return Given(earlier.name, _place(other, earlier))
    return None


def _handed(function: Function, parameter: str, code: Code, known: _Known, steps: int) -> Given | None:
    """What the callers of a function hand over; of one of an earlier cell the callers in the cell that runs."""
    running = known.codes[0]
    if code is not running and code.scope_of(function) is not code.tree:
        return None
    handed = arguments_for(running, function, parameter)
    found = {_from(argument, running, known, steps + 1) for argument in handed}
    return found.pop() if len(found) == 1 else None


def _place(code: Code, bound: Binding) -> Span:
    """The statement, of a loop or a `with` its first line only."""
    whole = code.span(bound.statement)
    match bound.statement:
        case ast.For(iter=last) | ast.AsyncFor(iter=last):
            end = code.span(last)
        case ast.With(items=[*_, ast.withitem(optional_vars=ast.expr() as last)]):
            end = code.span(last)
        case _:
            return whole
    return replace(whole, end_line=end.end_line, end_column=end.end_column)


def _declared_before(call: CallRecord, known: _Known) -> Given | None:
    """The `Input` that stands before a layer in the list of a `Sequential`."""
    code = known.code_of(call.created)
    node = code.call_at(call.created) if code is not None else None
    if code is None or node is None:
        return None
    around = next((n for n in code.around(node) if n is not node), None)
    before = around.elts[: around.elts.index(node)] if isinstance(around, ast.List) else []
    if len(before) == 1 and isinstance(before[0], ast.Call) and called_name(before[0]) in ("Input", "InputLayer"):
        return Given(ast.unparse(before[0].func), code.span(before[0]))
    return None


def _from_around(call: CallRecord, place: int, around: CallRecord) -> Given | None:
    """What the call around this one was given, where its shape says that it was handed on: also batch by batch."""
    if isinstance(call.options, LossOptions) and place:
        return None
    if _on_dataset(around):
        return around.given[0] if around.given else None
    shape = call.inputs[place]
    candidates = [
        given
        for given, handed, producer in zip(around.given, around.inputs, around.producers, strict=False)
        if producer is None and _handed_on(handed, shape)
    ]
    return candidates[0] if len(candidates) == 1 else None


def _dataset(fit: CallRecord, known: _Known) -> Given | None:
    code = known.code_of(fit.span)
    node = code.call_at(fit.span) if code is not None and fit.direct else None
    given = argument(node, 0, "x") if node is not None else None
    return _from(given, code, known) if given is not None and code is not None else None


def _handed_on(handed: Shape, shape: Shape) -> bool:
    """Whether the shapes agree but for the number of samples."""
    pairs = zip(handed[1:], shape[1:], strict=False)
    return len(handed) == len(shape) and all(a == b or a is None or b is None for a, b in pairs)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
