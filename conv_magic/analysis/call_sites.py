"""Which layer set a size: from a call back along its producers, into models, and to the text that made each layer."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.input_declarations import declarations
from conv_magic.analysis.operands import code_of, module_alias
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.options import (
    ConvOptions,
    ConvTransposeOptions,
    CroppingOptions,
    DenseOptions,
    DepthwiseConvOptions,
    GlobalPoolOptions,
    PoolOptions,
    SameShapeOptions,
    UpSamplingOptions,
    ZeroPaddingOptions,
)
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.text.edits import bracketed
from conv_magic.text.source import Code, called_name

_KEEPING_CHANNELS = (
    SameShapeOptions | PoolOptions | GlobalPoolOptions | UpSamplingOptions | ZeroPaddingOptions | CroppingOptions
)
_SETTING_CHANNELS = ConvOptions | ConvTransposeOptions | DepthwiseConvOptions | DenseOptions
_MOST_STEPS = 500


def call_site_of(call: CallRecord, trace: Trace) -> tuple[Code, ast.Call] | None:
    """The call in the text that decides the options: the one that made the layer, or that of the function itself."""
    where = call.created if call.layer is not None else call.span
    code = code_of(trace, where)
    if code is None or where is None:
        return None
    made = code.call_at(where)
    if made is None and (statement := code.node_at(where, ast.stmt)) is not None:  # AutoGraph tells the line only
        named = [n for n in ast.walk(statement) if isinstance(n, ast.Call) and called_name(n) == call.op]
        made = named[0] if len(named) == 1 else None
    return (code, made) if made is not None else None


def producer_chain(call: CallRecord, trace: Trace, which: int = 0) -> list[CallRecord]:
    """The calls that made an input, the first one first, as far back as each has one input; models are looked into."""
    chain: list[CallRecord] = []
    producer = call.producers[which] if which < len(call.producers) else None
    while producer is not None and len(chain) < _MOST_STEPS:
        made = last_layer_of(trace.calls[producer], trace)
        chain.insert(0, made)
        producer = made.producers[0] if len(made.producers) == 1 else None
    return chain


def last_layer_of(call: CallRecord, trace: Trace) -> CallRecord:
    """The innermost call whose output is that of `call`: the last layer of a model."""
    inside = [c for c in graph_of(trace).inside(call) if c.output == call.output]
    if not inside and call.options is None and call.layer is not None:
        inside = _built_as(call, trace)
    return last_layer_of(inside[-1], trace) if inside and inside[-1] is not call else call


def _built_as(model: CallRecord, trace: Trace) -> list[CallRecord]:
    """The layer with which a model that is called symbolically ends: Keras shows no layers inside, but it was built."""
    found = []
    for call in graph_of(trace).giving(model.output):
        if call.index < model.index and call.options is not None and call.outcome is Outcome.RETURNED:
            first = (producer_chain(call, trace) or [call])[0]
            if first.inputs[:1] == (model.accepts,) and first.producers == (None,):
                found.append(call)
    return found[-1:]


def layer_setting_channels(chain: list[CallRecord]) -> CallRecord | None:
    """The layer of a chain that decided how many channels come out; None where the data did, or it cannot be told."""
    for call in reversed(chain):
        if isinstance(call.options, _SETTING_CHANNELS):
            return call
        if not _keeps_channels(call):
            return None
    return None


def has_channels_of_data(chain: list[CallRecord]) -> bool:
    """Whether the channels at the end of a chain are those of the data at its start."""
    return all(map(_keeps_channels, chain))


def _keeps_channels(call: CallRecord) -> bool:
    return isinstance(call.options, _KEEPING_CHANNELS) and not getattr(call.options, "over_channels", ())


def shape_literals(code: Code, trace: Trace, expression: ast.expr, shape: Shape) -> Iterator[ast.Tuple | ast.List]:
    """The tuples and lists behind an expression whose numbers come to exactly this shape."""
    reader = Evaluator(code, trace)
    for origin in definitions_of(code, expression):
        for node in ast.walk(origin):
            if isinstance(node, ast.Tuple | ast.List) and len(node.elts) == len(shape) and reader.value(node) == shape:
                yield node


def size_expressions(code: Code, trace: Trace, expression: ast.expr, shape: Shape) -> Iterator[list[ast.expr]]:
    """The expressions of each size of a shape: in a tuple or list, or as the arguments of a function of the user's."""
    yield from (list(literal.elts) for literal in shape_literals(code, trace, expression, shape))
    reader = Evaluator(code, trace)
    functions = {node.name for node in ast.walk(code.tree) if isinstance(node, ast.FunctionDef)}
    for origin in definitions_of(code, expression):
        for node in ast.walk(origin):
            own = isinstance(node, ast.Call) and called_name(node) in functions
            if own and isinstance(node, ast.Call) and tuple(map(reader.value, node.args)) == shape:
                yield list(node.args)


def declared_literals(trace: Trace, sizes: Shape) -> Iterator[tuple[Code, ast.Tuple | ast.List]]:
    """The tuples that declare a model's input of exactly these sizes, also by way of names and parameters."""
    seen: list[ast.expr] = []
    for declared in declarations(trace):
        for literal in shape_literals(declared.code, trace, declared.value, sizes) if not declared.batched else ():
            if literal not in seen:
                seen.append(literal)
                yield declared.code, literal


def transposing(code: Code, order: tuple[int, ...], *, array: bool = False) -> tuple[str, str] | None:
    """What to write before and after an expression to reorder its axes, with a library that the cell has."""
    modules = (("tensorflow", "{}"), ("numpy", "{}"), ("keras", "{}.ops"))
    for module, spelling in (modules[1], modules[0], modules[2]) if array else modules:
        name = module_alias(code, module)
        if name:
            return f"{spelling.format(name)}.transpose(", f", {list(order)})"
    return None


def reordered(code: Code, literal: ast.Tuple | ast.List, order: tuple[int, ...]) -> str:
    """The text of a tuple or list with its elements in another order."""
    return bracketed(literal, (code.text_of(literal.elts[index]) for index in order))
