"""Find where the text declares the shape of a model's input: `Input(shape)`, `input_shape=`, `input_dim=`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.operands import codes_of
from conv_magic.model.naming import spelled
from conv_magic.model.positions import Edit
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.text.source import Code, argument, called_name

_INPUT_MAKERS = {"Input", "InputLayer"}


@dataclass(frozen=True)
class Declaration:
    """A call that declares an input.

    value   the expression for the shape; it holds the batch size as well where `batched`
    sizes   what it comes to, without the batch axis; None where they are not known
    number  the whole number that stands where a shape should
    """

    code: Code
    call: ast.Call
    value: ast.expr
    sizes: Shape | None
    batched: bool
    number: int | None = None


def declarations(trace: Trace) -> Iterator[Declaration]:
    """Yield every declaration of an input in the cells, in the order of the text."""
    for code in codes_of(trace):
        for call, given, batched in _declaring_calls(code):
            yield _declaration(code, call, given, trace, batched=batched)


def declaration_of(code: Code, call: ast.Call, trace: Trace) -> Declaration | None:
    """Return what one call declares, None if it declares no input shape."""
    found = _declared_shape(call)
    return _declaration(code, call, found[0], trace, batched=found[1]) if found else None


@lru_cache(maxsize=64)
def _declaring_calls(code: Code) -> tuple[tuple[ast.Call, ast.expr, bool], ...]:
    """Return the calls that declare an input, each with its `_declared_shape`, in the order of the text.

    The result is kept, since it is asked for each call of a trace and the text stays the same.
    """
    calls = (node for node in code.nodes if isinstance(node, ast.Call))
    found = [(call, *declared) for call in calls if (declared := _declared_shape(call))]
    return tuple(sorted(found, key=lambda each: (each[0].lineno, each[0].col_offset)))


def _declared_shape(call: ast.Call) -> tuple[ast.expr, bool] | None:
    """Return the expression for the shape that a call declares, and whether it holds the batch size as well."""
    for name, batched in (("batch_shape", True), ("batch_input_shape", True), ("input_shape", False)):
        given = argument(call, None, name)
        if given is not None:
            return given, batched
    given = argument(call, 0, "shape") if called_name(call) in _INPUT_MAKERS else None
    return (given, False) if given is not None else None


def _declaration(code: Code, call: ast.Call, value: ast.expr, trace: Trace, *, batched: bool) -> Declaration:
    """Evaluate the declared shape."""
    sizes = Evaluator(code, trace).value(value)
    shape = sizes if isinstance(sizes, tuple) else None
    number = sizes if isinstance(sizes, int) else None
    return Declaration(code, call, value, shape[1:] if shape and batched else shape, batched, number)


def declaration_for(trace: Trace, sizes: Shape, value: ast.expr | None = None) -> Declaration | None:
    """Return the declaration of an input of these sizes; `value` is the expression of that input, if known.

    A sole declaration is returned too where its sizes are not known from the text.
    """
    known = list(declarations(trace))
    matching = [d for d in known if d.sizes == sizes]
    if not matching and len(known) == 1 and known[0].sizes is None and known[0].number is None:
        return known[0]
    if value is not None:
        definitions = {id(origin) for d in matching for origin in definitions_of(d.code, value)}
        direct = [d for d in matching if id(d.call) in definitions]
        matching = direct or matching
    return matching[0] if matching else None


def with_more_sizes(code: Code, value: ast.expr, *sizes: int) -> Edit:
    """Return the edit that adds sizes to a shape: `(28, 28)` to `(28, 28, 1)`, `(128)` to `(128, 1)`."""
    more = ", ".join(map(str, sizes))
    text = code.text_of(value)
    if isinstance(value, ast.Tuple | ast.List) and value.elts:
        start, end = text[0], text[-1]
        return code.replace(value, f"{start}{text[1:-1].rstrip().rstrip(',')}, {more}{end}")
    if isinstance(value, ast.Constant) or not _is_shape(value):
        return code.replace(value, f"{text}, {more}" if _in_brackets(code, value) else f"({text}, {more})")
    return code.replace(value, f"(*{text}, {more})")


def as_tuple(code: Code, value: ast.expr) -> Edit:
    """Return the edit that makes a number a shape of one size: `(128)` to `(128,)`."""
    text = code.text_of(value)
    return code.replace(value, f"{text}," if _in_brackets(code, value) else f"({text},)")


def _is_shape(value: ast.expr) -> bool:
    """Check whether an expression is a shape rather than a number, by its form."""
    if isinstance(value, ast.Subscript):
        return isinstance(value.slice, ast.Slice)
    return isinstance(value, ast.Attribute | ast.Name | ast.BinOp)


def _in_brackets(code: Code, value: ast.expr) -> bool:
    """Check whether an expression has brackets of its own: `shape=(128)`, but not `Input(128)`."""
    span = code.span(value)
    before, after = code.code_line(span.line)[: span.column], code.code_line(span.end_line)[span.end_column :]
    return before.endswith(("=(", "((", ", (")) and after.startswith(")")


def with_sizes(code: Code, value: ast.expr, have: Shape, want: Shape, trace: Trace) -> list[Edit]:
    """Return the edits that change a shape from `have` to `want`, number by number where it is written out."""
    if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(want) == len(have):
        triples = zip(value.elts, have, want, strict=True)
        edits = (code.replace(_number_literal(code, node), str(size)) for node, old, size in triples if old != size)
        return list(dict.fromkeys(edits))
    for origin in definitions_of(code, value)[1:]:
        if isinstance(origin, ast.Tuple | ast.List) and Evaluator(code, trace).value(origin) == have:
            return with_sizes(code, origin, have, want, trace)
    return [code.replace(value, spelled(want))]


def _number_literal(code: Code, node: ast.expr) -> ast.expr:
    """Return the number that a name in a shape stands for, where it is written; else the expression itself."""
    origins = definitions_of(code, node) if isinstance(node, ast.Name) else []
    return next((o for o in origins if isinstance(o, ast.Constant)), node)


_DIMENSIONS = re.compile(r"([123])D$")
_RECURRENT = {"LSTM", "GRU", "SimpleRNN", "RNN", "Bidirectional"}


def rank_needed(code: Code, declared: Declaration) -> int | None:
    """Return how many sizes the layer after a declared input needs, by its name: 3 for `Conv2D`, 1 for `Dense`."""
    consumer = _consumer_of(code, declared.call)
    if consumer is None:
        return None
    match = _DIMENSIONS.search(called_name(consumer))
    if match:
        return int(match[1]) + 1
    return 2 if called_name(consumer) in _RECURRENT else 1 if called_name(consumer) in ("Dense", "Embedding") else None


def _consumer_of(code: Code, declared: ast.Call) -> ast.Call | None:
    """Return the layer that a declared input goes to, None if it is not known."""
    if called_name(declared) not in _INPUT_MAKERS:
        return declared
    around = code.parent(declared)
    if isinstance(around, ast.List | ast.Tuple):
        after = around.elts[around.elts.index(declared) + 1 :]
        return after[0] if after and isinstance(after[0], ast.Call) else None
    if isinstance(around, ast.Call):
        return _layer_added_after(code, around)
    return _layer_called_on(code, declared)


def _layer_added_after(code: Code, add: ast.Call) -> ast.Call | None:
    """Return the layer that the next `.add(...)` on the same model adds."""
    for node in ast.walk(code.tree):
        same = isinstance(node, ast.Call) and ast.unparse(node.func) == ast.unparse(add.func)
        if same and isinstance(node, ast.Call) and node.lineno > add.lineno and node.args:
            return node.args[0] if isinstance(node.args[0], ast.Call) else None
    return None


def _layer_called_on(code: Code, declared: ast.Call) -> ast.Call | None:
    """Return the layer that is called on the name which the input was given."""
    for node in ast.walk(code.tree):
        layer = node.func if isinstance(node, ast.Call) and isinstance(node.func, ast.Call) and node.args else None
        if layer is not None and isinstance(node, ast.Call) and declared in definitions_of(code, node.args[0]):
            return layer
    return None
