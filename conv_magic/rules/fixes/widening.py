"""Fixes that add an axis of length 1: to a declared input, at a reduction that dropped it, to data, to a dataset."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.datasets import dataset_fixes
from conv_magic.analysis.definitions import call_around, definitions_of
from conv_magic.analysis.expected_outputs import output_for
from conv_magic.analysis.input_declarations import declaration_for, with_more_sizes
from conv_magic.analysis.model_data import other_data_of_model
from conv_magic.analysis.operands import Operand, data_operand_of
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.model.calls import CallRecord
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.options import FitOptions, GlobalPoolOptions
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.text.edits import fix, indexed, with_argument
from conv_magic.text.source import Code, called_name

_MOST_FIXES = 6
_REDUCTIONS = {
    "reduce_mean", "reduce_max", "reduce_min", "reduce_sum", "reduce_prod", "reduce_std", "reduce_variance",
    "mean", "max", "min", "sum", "amax", "amin", "std", "var", "argmax", "argmin", "median",
}  # fmt: skip
_JOINING_NAMES = {"concat", "concatenate", "stack", "Concatenate"}


@dataclass(frozen=True)
class Widening:
    """Axes of length 1 put into a shape; `axes` are their indices in the result."""

    axes: tuple[int, ...]
    shape: Shape
    channels_first: bool

    @property
    def result(self) -> Shape:
        """Return the shape with the axes."""
        sizes = list(self.shape)
        for axis in self.axes:
            sizes.insert(axis, 1)
        return tuple(sizes)

    @property
    def names(self) -> list[str]:
        """Return what the axes are called."""
        channel = 1 if self.channels_first else len(self.result) - 1
        return ["batch" if a == 0 else "channel" if a == channel else "time" for a in self.axes]

    @property
    def title(self) -> str:
        """Return the change in words."""
        return f"add the {' and the '.join(self.names)} axis"

    @property
    def index(self) -> str:
        """Return the index that adds the axes: `[..., None]`."""
        last = len(self.result) - 1
        if self.axes == (0,):
            return "[None, ...]"
        if self.axes == (0, last):
            return "[None, ..., None]"
        if self.axes == (last,):
            return "[..., None]"
        return f"[{', '.join('None' if axis in self.axes else ':' for axis in range(self.axes[-1] + 1))}]"


def widening_fixes(call: CallRecord, trace: Trace, ways: list[Widening]) -> Iterator[Fix]:
    """Yield the fixes for each of the ways, the likeliest way first."""
    yield from islice(_fixes(call, trace, ways), _MOST_FIXES)


def _fixes(call: CallRecord, trace: Trace, ways: list[Widening]) -> Iterator[Fix]:
    applicability = Applicability.SURE if len(ways) == 1 else Applicability.CHOICE
    operand = data_operand_of(call, trace, 0)
    if any(0 not in way.axes for way in ways) or after_global_pool(call, trace):
        yield from _axis_kept(call, trace, operand)
    for way in ways if not after_global_pool(call, trace) else ():
        predicted = _predicted(call, trace, way.result)
        if 0 not in way.axes:
            yield from _declared_wider(call, trace, way, operand, applicability, predicted)
        if operand is not None and (options := _dataset_options(call, trace)) is not None:
            yield from dataset_fixes(operand, options, trace, way.axes, way.index, way.title)
        elif operand is not None:
            yield from _data_indexed(call, trace, way, operand, applicability, predicted)


def _dataset_options(call: CallRecord, trace: Trace) -> tuple[FitOptions, bool] | None:
    """Return the options of the `fit` or `evaluate` around, and whether its data is for validation.

    None where there is none, or it was not given a dataset.
    """
    training = graph_of(trace).training_around(call)
    if training is None or not isinstance(training.options, FitOptions) or not training.options.dataset:
        return None
    outer = graph_of(trace).parent_of(training)
    return training.options, outer is not None and isinstance(outer.options, FitOptions)


def _declared_wider(
    call: CallRecord,
    trace: Trace,
    way: Widening,
    operand: Operand | None,
    applicability: Applicability,
    predicted: Shape | None,
) -> Iterator[Fix]:
    """Declare the input of a model that is being built with one more axis."""
    if way.shape[:1] != (None,) or way.axes != (len(way.result) - 1,) or call.producers[:1] != (None,):
        return
    found = declaration_for(trace, way.shape[1:], operand.value if operand else None)
    if found is not None:
        edit = with_more_sizes(found.code, found.value, 1)
        yield fix(f"{way.title} to the declared input", found.code, [edit], applicability, predicted)


def after_global_pool(call: CallRecord, trace: Trace) -> bool:
    """Check whether a global pooling made the input, and so dropped its spatial axes."""
    producer = call.producers[0] if call.producers else None
    return producer is not None and isinstance(trace.calls[producer].options, GlobalPoolOptions)


def _axis_kept(call: CallRecord, trace: Trace, operand: Operand | None) -> Iterator[Fix]:
    """Let the reductions that dropped the axis keep it."""
    cell = operand.code if operand else None
    reductions: Iterable[ast.Call] = _reductions(operand.code, operand.value) if operand else ()
    if after_global_pool(call, trace) and call.producers[0] is not None:
        site = call_site_of(trace.calls[call.producers[0]], trace)
        cell, reductions = (site[0], [site[1]]) if site is not None else (None, ())
    edits = [with_argument(cell, node, None, "keepdims", "True") for node in reductions] if cell is not None else []
    if edits and cell is not None:
        title = "keep the axis where it is reduced: keepdims=True"
        yield fix(title, cell, list(dict.fromkeys(edits)), Applicability.SURE)


def _reductions(code: Code, value: ast.expr, depth: int = 3) -> Iterator[ast.Call]:
    """Yield the reductions along an axis that make a value, also where several are joined."""
    for origin in definitions_of(code, value):
        for node in ast.walk(origin):
            if isinstance(node, ast.Call) and called_name(node) in _REDUCTIONS and _drops_axis(node):
                yield node
            elif isinstance(node, ast.Call) and called_name(_layer_or_function(node)) in _JOINING_NAMES and depth:
                for part in node.args[:1]:
                    for name in part.elts if isinstance(part, ast.List | ast.Tuple) else ():
                        yield from _reductions(code, name, depth - 1) if isinstance(name, ast.Name) else ()


def _layer_or_function(call: ast.Call) -> ast.Call:
    """Return the call that makes the layer of `Concatenate()([a, b])`, of another call that call itself."""
    return call.func if isinstance(call.func, ast.Call) else call


def _drops_axis(call: ast.Call) -> bool:
    keeps = any(k.arg in ("keepdims", "keep_dims") and getattr(k.value, "value", None) is True for k in call.keywords)
    return not keeps and (len(call.args) > 1 or any(k.arg == "axis" for k in call.keywords))


def _data_indexed(
    call: CallRecord,
    trace: Trace,
    way: Widening,
    operand: Operand,
    applicability: Applicability,
    predicted: Shape | None,
) -> Iterator[Fix]:
    """Index the data where it is passed on, and with it the other data of the same model."""
    cell = operand.code
    others = other_data_of_model(operand, len(way.shape), trace)
    if others:
        edits = [indexed(cell, value, way.index) for value in (operand.value, *others)]
        yield fix(f"{way.title} wherever this model is given data", cell, edits, applicability, predicted)
    origins = definitions_of(cell, operand.value)[1:] if call.producers[:1] == (None,) else []
    consumer = call_around(cell, origins[0]) if origins else None
    if consumer is not None:
        title = f"{way.title} to what {called_name(consumer) or ast.unparse(consumer.func)} is given"
        yield fix(title, cell, [indexed(cell, origins[0], way.index)], applicability, predicted)
    yield fix(way.title, cell, [indexed(cell, operand.value, way.index)], applicability, predicted)
    for origin in origins:
        if not isinstance(origin, ast.Name) and call_around(cell, origin) is None:
            title = f"{way.title} where {cell.text_of(operand.value)} is made"
            yield fix(title, cell, [indexed(cell, origin, way.index)], Applicability.CHOICE, predicted)
            return


def _predicted(call: CallRecord, trace: Trace, shape: Shape) -> Shape | None:
    in_batches = call.parent is not None and any(isinstance(c.options, FitOptions) for c in trace.calls)
    return None if in_batches else output_for(call, shape)
