"""Where the text declares the shape of a model's input: `Input(shape)`, `input_shape=`, `input_dim=`."""

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
from conv_magic.text.layer_edits import parent_of
from conv_magic.text.source import Code, argument, called_name

_INPUT_MAKERS = {"Input", "InputLayer"}


@dataclass(frozen=True)
class Declaration:
    """A call that declares an input.

    value   the expression for the shape; it holds the batch size as well where `batched`
    sizes   what it comes to, without the batch axis; None where that cannot be told
    number  the whole number that stands where a shape should
    """

    code: Code
    call: ast.Call
    value: ast.expr
    sizes: Shape | None
    batched: bool
    number: int | None = None


def declarations(trace: Trace) -> Iterator[Declaration]:
    """Every declaration of an input in the cells, in the order of the text."""
    for code in codes_of(trace):
        for call, given, batched in _declaring(code):
            yield _declaration(code, call, given, trace, batched=batched)


def declaration_of(code: Code, call: ast.Call, trace: Trace) -> Declaration | None:
    """What one call declares, if it declares an input's shape."""
    found = _declared(call)
    return _declaration(code, call, found[0], trace, batched=found[1]) if found else None


@lru_cache(maxsize=64)
def _declaring(code: Code) -> tuple[tuple[ast.Call, ast.expr, bool], ...]:
    """The calls that declare an input, with what `_declared` says of them, in the order of the text.

    Asked for each call of a trace; the text stays the same.
    """
    calls = (node for node in code.nodes if isinstance(node, ast.Call))
    found = [(call, *declared) for call in calls if (declared := _declared(call))]
    return tuple(sorted(found, key=lambda each: (each[0].lineno, each[0].col_offset)))


def _declared(call: ast.Call) -> tuple[ast.expr, bool] | None:
    """The expression for the shape that a call declares, and whether it holds the batch size as well."""
    for name, batched in (("batch_shape", True), ("batch_input_shape", True), ("input_shape", False)):
        given = next((k.value for k in call.keywords if k.arg == name), None)
        if given is not None:
            return given, batched
    given = argument(call, 0, "shape") if called_name(call) in _INPUT_MAKERS else None
    return (given, False) if given is not None else None


def _declaration(code: Code, call: ast.Call, value: ast.expr, trace: Trace, *, batched: bool) -> Declaration:
    sizes = Evaluator(code, trace).value(value)
    shape = sizes if isinstance(sizes, tuple) else None
    number = sizes if isinstance(sizes, int) else None
    return Declaration(code, call, value, shape[1:] if shape and batched else shape, batched, number)


def declaring(trace: Trace, sizes: Shape, value: ast.expr | None = None) -> Declaration | None:
    """The declaration that led to an input of these sizes; `value` is the expression of that input, if known.

    The only one there is will do where its sizes cannot be told from the text.
    """
    known = list(declarations(trace))
    every = [d for d in known if d.sizes == sizes]
    if not every and len(known) == 1 and known[0].sizes is None and known[0].number is None:
        return known[0]
    if value is not None:
        made = {id(origin) for d in every for origin in definitions_of(d.code, value)}
        direct = [d for d in every if id(d.call) in made]
        every = direct or every
    return every[0] if every else None


def with_more_sizes(code: Code, value: ast.expr, *sizes: int) -> Edit:
    """A shape's expression with further sizes: `(28, 28)` to `(28, 28, 1)`, `(128)` to `(128, 1)`."""
    more = ", ".join(map(str, sizes))
    text = code.text_of(value)
    if isinstance(value, ast.Tuple | ast.List) and value.elts:
        start, end = text[0], text[-1]
        return code.replace(value, f"{start}{text[1:-1].rstrip().rstrip(',')}, {more}{end}")
    if isinstance(value, ast.Constant) or not _is_shape(value):
        return code.replace(value, f"{text}, {more}" if _in_brackets(code, value) else f"({text}, {more})")
    return code.replace(value, f"(*{text}, {more})")


def as_tuple(code: Code, value: ast.expr) -> Edit:
    """A number made a shape of one size: `(128)` to `(128,)`."""
    text = code.text_of(value)
    return code.replace(value, f"{text}," if _in_brackets(code, value) else f"({text},)")


def _is_shape(value: ast.expr) -> bool:
    """Whether an expression is a shape rather than a number, by its form."""
    if isinstance(value, ast.Subscript):
        return isinstance(value.slice, ast.Slice)
    return isinstance(value, ast.Attribute | ast.Name | ast.BinOp)


def _in_brackets(code: Code, value: ast.expr) -> bool:
    """Whether brackets of its own stand around an expression: `shape=(128)`, but not `Input(128)`."""
    at = code.span(value)
    before, after = code.code_line(at.line)[: at.column], code.code_line(at.end_line)[at.end_column :]
    return before.endswith(("=(", "((", ", (")) and after.startswith(")")


def with_sizes(code: Code, value: ast.expr, have: Shape, want: Shape, trace: Trace) -> list[Edit]:
    """A shape's expression changed to other sizes, number by number where it is spelled out."""
    if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(want) == len(have):
        changed = zip(value.elts, have, want, strict=True)
        edits = (code.replace(_written(code, node), str(size)) for node, old, size in changed if old != size)
        return list(dict.fromkeys(edits))
    for origin in definitions_of(code, value)[1:]:
        if isinstance(origin, ast.Tuple | ast.List) and Evaluator(code, trace).value(origin) == have:
            return with_sizes(code, origin, have, want, trace)
    return [code.replace(value, spelled(want))]


def _written(code: Code, node: ast.expr) -> ast.expr:
    """The number that a name in a shape stands for, where it is written; else the expression itself."""
    origins = definitions_of(code, node) if isinstance(node, ast.Name) else []
    return next((o for o in origins if isinstance(o, ast.Constant)), node)


_DIMENSIONS = re.compile(r"([123])D$")
_RECURRENT = {"LSTM", "GRU", "SimpleRNN", "RNN", "Bidirectional"}


def rank_taken(code: Code, declared: Declaration) -> int | None:
    """How many sizes the layer that a declared input goes to needs, told by its name: 3 for `Conv2D`, 1 for `Dense`."""
    taker = _taker(code, declared.call)
    if taker is None:
        return None
    found = _DIMENSIONS.search(called_name(taker))
    if found:
        return int(found[1]) + 1
    return 2 if called_name(taker) in _RECURRENT else 1 if called_name(taker) in ("Dense", "Embedding") else None


def _taker(code: Code, declared: ast.Call) -> ast.Call | None:
    if called_name(declared) not in _INPUT_MAKERS:
        return declared
    around = parent_of(code, declared)
    if isinstance(around, ast.List | ast.Tuple):
        after = around.elts[around.elts.index(declared) + 1 :]
        return after[0] if after and isinstance(after[0], ast.Call) else None
    if isinstance(around, ast.Call):
        return _added_next(code, around)
    return _called_on(code, declared)


def _added_next(code: Code, add: ast.Call) -> ast.Call | None:
    """The layer that the next `.add(...)` on the same model adds."""
    for node in ast.walk(code.tree):
        same = isinstance(node, ast.Call) and ast.unparse(node.func) == ast.unparse(add.func)
        if same and isinstance(node, ast.Call) and node.lineno > add.lineno and node.args:
            return node.args[0] if isinstance(node.args[0], ast.Call) else None
    return None


def _called_on(code: Code, declared: ast.Call) -> ast.Call | None:
    """The layer that is called on the name which the input was given."""
    for node in ast.walk(code.tree):
        layer = node.func if isinstance(node, ast.Call) and isinstance(node.func, ast.Call) and node.args else None
        if layer is not None and isinstance(node, ast.Call) and declared in definitions_of(code, node.args[0]):
            return layer
    return None
