"""Find where layers were made in cells that ran before tracing: the one call in their texts that can have made each.

Right or none: a layer whose class, name and sizes fit several calls gets no span, unless layers and calls are as many
and pair off in their order.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.operands import codes_of
from conv_magic.model.calls import CallRecord
from conv_magic.model.options import (
    ConvOptions,
    ConvTransposeOptions,
    DenseOptions,
    Options,
    PoolOptions,
    ReshapeOptions,
)
from conv_magic.model.positions import Span
from conv_magic.model.trace import Trace
from conv_magic.text.source import Code, argument, called_name

_NUMBER = re.compile(r"_(\d+)$")
_SPELLINGS = (("Pooling", "Pool"), ("Average", "Avg"), ("Convolution", "Conv"), ("Deconv", "Conv"))


@dataclass(frozen=True)
class _Creation:
    """A call in the text that makes a layer; `name` is its argument `name`, None if it is not written."""

    code: Code
    call: ast.Call
    name: ast.expr | None

    @property
    def span(self) -> Span:
        return self.code.span(self.call)


def with_creations(trace: Trace) -> Trace:
    """Return the trace with a span for each layer that had none and whose creation its texts show."""
    without_span = {c.layer: c for c in trace.calls if c.layer is not None and c.created is None and not c.op.islower()}
    if not without_span:
        return trace
    creations = list(_creations_in(trace))
    taken = {c.created for c in trace.calls}
    found: dict[str | None, Span] = {}
    for kind in dict.fromkeys(_normalised(c.op) for c in without_span.values()):
        layers = sorted((c for c in without_span.values() if _normalised(c.op) == kind), key=_number_of)
        free = [c for c in creations if _normalised(called_name(c.call)) == kind and c.span not in taken]
        found.update(_paired(layers, free, trace))
    calls = (replace(c, created=found[c.layer]) if c.layer in found and c.created is None else c for c in trace.calls)
    return replace(trace, calls=tuple(calls))


def _creations_in(trace: Trace) -> Iterator[_Creation]:
    """Yield all calls of the texts that may make a layer, in their order."""
    for code in codes_of(trace):
        calls = [node for node in code.nodes if isinstance(node, ast.Call) and called_name(node)[:1].isupper()]
        for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
            yield _Creation(code, call, argument(call, None, "name"))


def _paired(layers: list[CallRecord], creations: list[_Creation], trace: Trace) -> Iterator[tuple[str | None, Span]]:
    """Yield the span of each layer that only one call can have made; the rest in their order, if they are as many."""
    rest: list[CallRecord] = []
    used: set[Span] = set()
    for layer in layers:
        fitting = [creation for creation in creations if _may_have_made(layer, creation, trace)]
        if len(fitting) == 1:
            used.add(fitting[0].span)
            yield layer.layer, fitting[0].span
        elif fitting:
            rest.append(layer)
    free = (creation for creation in creations if creation.span not in used)
    left = [creation for creation in free if any(_may_have_made(layer, creation, trace) for layer in rest)]
    pairs = list(zip(rest, left, strict=False))
    if len(rest) == len(left) and all(_may_have_made(layer, creation, trace) for layer, creation in pairs):
        yield from ((layer.layer, creation.span) for layer, creation in pairs)


def _may_have_made(layer: CallRecord, creation: _Creation, trace: Trace) -> bool:
    """Check whether the name and the sizes of a layer agree with a call in the text."""
    if isinstance(creation.name, ast.Constant):
        if creation.name.value != layer.layer:
            return False
    elif (creation.name is None) != _is_automatic(layer):
        return False
    return _sizes_agree(layer.options, creation, trace)


def _sizes_agree(options: Options | None, creation: _Creation, trace: Trace) -> bool:
    """Check whether the sizes written in a call, as far as they can be evaluated, are those of the layer."""
    evaluator = Evaluator(creation.code, trace)
    for position, names, size in _sizes_made_with(options):
        given = argument(creation.call, position, *names)
        value = evaluator.value(given) if given is not None else None
        if value is None:
            continue
        whole = (value,) * len(size) if isinstance(value, int) and isinstance(size, tuple) else value
        if whole != size:
            return False
    return True


def _sizes_made_with(options: Options | None) -> Iterator[tuple[int, tuple[str, ...], int | tuple[int, ...] | None]]:
    """Yield position, names and value of each argument that decides a layer's sizes."""
    match options:
        case DenseOptions(units=units):
            yield 0, ("units",), units
        case ConvOptions(filters=filters, kernel_size=size) | ConvTransposeOptions(filters=filters, kernel_size=size):
            yield 0, ("filters",), filters
            yield 1, ("kernel_size",), size
        case PoolOptions(pool_size=size):
            yield 0, ("pool_size",), size
        case ReshapeOptions(target_shape=shape):
            yield 0, ("target_shape",), shape


def _normalised(name: str) -> str:
    """Return one spelling for a class that has several: `MaxPool2D` for `MaxPooling2D`."""
    for long, short in _SPELLINGS:
        name = name.replace(long, short)
    return name


def _is_automatic(layer: CallRecord) -> bool:
    """Check whether Keras chose the layer's name, as `conv2d_3` for a `Conv2D`."""
    return _NUMBER.sub("", layer.layer or "") == _snake(layer.op)


def _snake(name: str) -> str:
    """Return a class name in snake case, as Keras does.

    https://github.com/keras-team/keras/blob/master/keras/src/utils/naming.py
    """
    spaced = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", spaced).lower()


def _number_of(layer: CallRecord) -> int:
    """Return the number at the end of a layer's automatic name, else 0."""
    number = _NUMBER.search(layer.layer or "")
    return int(number[1]) if number and _is_automatic(layer) else 0
