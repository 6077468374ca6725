"""Fixes that add an axis of length 1: to a declared input, at a reduction that dropped it, to data, to a dataset."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from conv_magic import arithmetic
from conv_magic.analysis.datasets import dataset_fixes
from conv_magic.analysis.definitions import call_around, definitions_of
from conv_magic.analysis.input_declarations import declaration_for, with_more_sizes
from conv_magic.analysis.model_data import other_data_of_model
from conv_magic.analysis.operands import Operand, code_of, data_operand_of
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.model.calls import CallRecord
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.options import FitOptions, GlobalPoolOptions
from conv_magic.model.positions import Edit
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.text.edits import fix, indexed, with_argument
from conv_magic.text.source import Code, called_name

_MOST_FIXES = 6
_REDUCTIONS = {
    "reduce_mean", "reduce_max", "reduce_min", "reduce_sum", "reduce_prod", "reduce_std", "reduce_variance",
    "mean", "max", "min", "sum", "amax", "amin", "std", "var", "argmax", "argmin", "median",
}  # fmt: skip
_JOINS = {"concat", "concatenate", "stack", "Concatenate"}


@dataclass(frozen=True)
class Widening:
    """Axes of length 1 put into a shape, at their places in the result."""

    axes: tuple[int, ...]
    shape: Shape
    channels_first: bool

    @property
    def result(self) -> Shape:
        """The shape that comes of it."""
        sizes = list(self.shape)
        for axis in self.axes:
            sizes.insert(axis, 1)
        return tuple(sizes)

    @property
    def names(self) -> list[str]:
        """What the axes are called."""
        channel = 1 if self.channels_first else len(self.result) - 1
        return ["batch" if a == 0 else "channel" if a == channel else "time" for a in self.axes]

    @property
    def title(self) -> str:
        """The change in words."""
        return f"add the {' and the '.join(self.names)} axis"

    @property
    def index(self) -> str:
        """The index that does it."""
        last = len(self.result) - 1
        if self.axes == (0,):
            return "[None, ...]"
        if self.axes == (0, last):
            return "[None, ..., None]"
        if self.axes == (last,):
            return "[..., None]"
        return f"[{', '.join('None' if axis in self.axes else ':' for axis in range(self.axes[-1] + 1))}]"


def widening_fixes(call: CallRecord, trace: Trace, ways: list[Widening]) -> Iterator[Fix]:
    """The fixes for each of the ways, the likeliest way first."""
    yield from islice(_fixes(call, trace, ways), _MOST_FIXES)


def _fixes(call: CallRecord, trace: Trace, ways: list[Widening]) -> Iterator[Fix]:
    sure = Applicability.SURE if len(ways) == 1 else Applicability.CHOICE
    supply = data_operand_of(call, trace, 0)
    if any(0 not in way.axes for way in ways) or after_global_pool(call, trace):
        yield from _kept(call, trace, supply)
    for way in ways if not after_global_pool(call, trace) else ():
        predicted = _predicted(call, trace, way.result)
        if 0 not in way.axes:
            yield from _declared(call, trace, way, supply, sure, predicted)
        if supply is not None and (options := _dataset_options(call, trace)) is not None:
            yield from dataset_fixes(supply, options, trace, way.axes, way.index, way.title)
        elif supply is not None:
            yield from _indexed(call, trace, way, supply, sure, predicted)


def _dataset_options(call: CallRecord, trace: Trace) -> tuple[FitOptions, bool] | None:
    """What the innermost `fit` or `evaluate` around was given, if a dataset; and whether that is validation data."""
    training = graph_of(trace).training_around(call)
    if training is None or not isinstance(training.options, FitOptions) or not training.options.dataset:
        return None
    outer = graph_of(trace).parent_of(training)
    return training.options, outer is not None and isinstance(outer.options, FitOptions)


def _declared(
    call: CallRecord, trace: Trace, way: Widening, supply: Operand | None, sure: Applicability, predicted: Shape | None
) -> Iterator[Fix]:
    """The declared input of a model that is being built."""
    if way.shape[:1] != (None,) or way.axes != (len(way.result) - 1,) or call.producers[:1] != (None,):
        return
    found = declaration_for(trace, way.shape[1:], supply.value if supply else None)
    if found is not None:
        edit = with_more_sizes(found.code, found.value, 1)
        yield fix(f"{way.title} to the declared input", found.code, [edit], sure, predicted)


def after_global_pool(call: CallRecord, trace: Trace) -> bool:
    """Whether a global pooling made the input, and so dropped its spatial axes."""
    producer = call.producers[0] if call.producers else None
    return producer is not None and isinstance(trace.calls[producer].options, GlobalPoolOptions)


def _kept(call: CallRecord, trace: Trace, supply: Operand | None) -> Iterator[Fix]:
    """The reductions that dropped the axis, told to keep it."""
    edits: dict[Edit, None] = {}
    producer = call.producers[0] if call.producers else None
    made = trace.calls[producer] if producer is not None else None
    cell = supply.code if supply else None
    if made is not None and isinstance(made.options, GlobalPoolOptions):
        cell = code_of(trace, made.created)
        node = cell.call_at(made.created) if cell else None
        if cell is not None and node is not None:
            edits[with_argument(cell, node, None, "keepdims", "True")] = None
    elif supply is not None:
        for node in _reductions(supply.code, supply.value):
            edits[with_argument(supply.code, node, None, "keepdims", "True")] = None
    if edits and cell is not None:
        title = "keep the axis where it is reduced: keepdims=True"
        yield fix(title, cell, list(edits), Applicability.SURE)


def _reductions(code: Code, value: ast.expr, depth: int = 3) -> Iterator[ast.Call]:
    """The reductions along an axis that make a value, also where several are joined."""
    for origin in definitions_of(code, value):
        for node in ast.walk(origin):
            if isinstance(node, ast.Call) and called_name(node) in _REDUCTIONS and _drops_axis(node):
                yield node
            elif isinstance(node, ast.Call) and called_name(_made(node)) in _JOINS and depth:
                for part in node.args[:1]:
                    for name in part.elts if isinstance(part, ast.List | ast.Tuple) else ():
                        yield from _reductions(code, name, depth - 1) if isinstance(name, ast.Name) else ()


def _made(call: ast.Call) -> ast.Call:
    """Of `Concatenate()([a, b])` the call that makes the layer, else the call."""
    return call.func if isinstance(call.func, ast.Call) else call


def _drops_axis(call: ast.Call) -> bool:
    keeps = any(k.arg in ("keepdims", "keep_dims") and getattr(k.value, "value", None) is True for k in call.keywords)
    return not keeps and (len(call.args) > 1 or any(k.arg == "axis" for k in call.keywords))


def _indexed(
    call: CallRecord, trace: Trace, way: Widening, supply: Operand, sure: Applicability, predicted: Shape | None
) -> Iterator[Fix]:
    """The data, where it is handed over; with it the other data that the same model is handed."""
    cell = supply.code
    others = other_data_of_model(supply, len(way.shape), trace)
    if others:
        edits = [indexed(cell, value, way.index) for value in (supply.value, *others)]
        yield fix(f"{way.title} wherever this model is given data", cell, edits, sure, predicted)
    here = fix(way.title, cell, [indexed(cell, supply.value, way.index)], sure, predicted)
    origins = definitions_of(cell, supply.value)[1:] if call.producers[:1] == (None,) else []
    taker = call_around(cell, origins[0]) if origins else None
    if taker is not None:
        title = f"{way.title} to what {called_name(taker) or ast.unparse(taker.func)} is given"
        yield fix(title, cell, [indexed(cell, origins[0], way.index)], sure, predicted)
    yield here
    for origin in origins:
        if not isinstance(origin, ast.Name) and call_around(cell, origin) is None:
            title = f"{way.title} where {cell.text_of(supply.value)} is made"
            yield fix(title, cell, [indexed(cell, origin, way.index)], Applicability.CHOICE, predicted)
            return


def _predicted(call: CallRecord, trace: Trace, shape: Shape) -> Shape | None:
    in_batches = call.parent is not None and any(isinstance(c.options, FitOptions) for c in trace.calls)
    if call.options is None or in_batches:
        return None
    try:
        return arithmetic.expected_shape(call.options, (shape,), call.kernel)
    except arithmetic.ShapeProblem:
        return None
