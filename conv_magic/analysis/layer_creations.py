"""Where layers were made in cells that ran before anything was traced: the one call in their texts that can have been.

Right or none: a layer whose class, name and sizes fit several calls has no place, unless layers and calls are as many
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
class _Making:
    """A call in the text that makes a layer; `name` is what it is given as such, None where that is not written."""

    code: Code
    call: ast.Call
    name: ast.expr | None

    @property
    def span(self) -> Span:
        return self.code.span(self.call)


def with_creations(trace: Trace) -> Trace:
    """The trace with a place for each layer that had none and that its texts tell."""
    unplaced = {c.layer: c for c in trace.calls if c.layer is not None and c.created is None and not c.op.islower()}
    if not unplaced:
        return trace
    makings = list(_makings(trace))
    taken = {c.created for c in trace.calls}
    found: dict[str | None, Span] = {}
    for kind in dict.fromkeys(_plain(c.op) for c in unplaced.values()):
        layers = sorted((c for c in unplaced.values() if _plain(c.op) == kind), key=_place_in_order)
        calls = [m for m in makings if _plain(called_name(m.call)) == kind and m.span not in taken]
        found.update(_matched(layers, calls, trace))
    placed = (replace(c, created=found[c.layer]) if c.layer in found and c.created is None else c for c in trace.calls)
    return replace(trace, calls=tuple(placed))


def _makings(trace: Trace) -> Iterator[_Making]:
    """All calls of the texts that may make a layer, in their order."""
    for code in codes_of(trace):
        calls = [node for node in code.nodes if isinstance(node, ast.Call) and called_name(node)[:1].isupper()]
        for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
            yield _Making(code, call, next((k.value for k in call.keywords if k.arg == "name"), None))


def _matched(layers: list[CallRecord], makings: list[_Making], trace: Trace) -> Iterator[tuple[str | None, Span]]:
    """The place of each layer that only one call can have made; of the rest in their order, if they are as many."""
    rest: list[CallRecord] = []
    used: set[Span] = set()
    for layer in layers:
        fitting = [m for m in makings if _fits(layer, m, trace)]
        if len(fitting) == 1:
            used.add(fitting[0].span)
            yield layer.layer, fitting[0].span
        elif fitting:
            rest.append(layer)
    left = [m for m in makings if m.span not in used and any(_fits(layer, m, trace) for layer in rest)]
    pairs = list(zip(rest, left, strict=False))
    if len(rest) == len(left) and all(_fits(layer, making, trace) for layer, making in pairs):
        yield from ((layer.layer, making.span) for layer, making in pairs)


def _fits(layer: CallRecord, making: _Making, trace: Trace) -> bool:
    if isinstance(making.name, ast.Constant):
        if making.name.value != layer.layer:
            return False
    elif (making.name is None) != _is_automatic(layer):
        return False
    return _has_sizes(layer.options, making, trace)


def _has_sizes(options: Options | None, making: _Making, trace: Trace) -> bool:
    """Whether the sizes that are written in a call, as far as they can be read, are those of the layer."""
    reader = Evaluator(making.code, trace)
    for place, names, size in _sizes(options):
        given = argument(making.call, place, *names)
        value = reader.value(given) if given is not None else None
        if value is None:
            continue
        whole = (value,) * len(size) if isinstance(value, int) and isinstance(size, tuple) else value
        if whole != size:
            return False
    return True


def _sizes(options: Options | None) -> Iterator[tuple[int, tuple[str, ...], int | tuple[int, ...] | None]]:
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


def _plain(name: str) -> str:
    """One spelling for a class that has several: `MaxPool2D` for `MaxPooling2D`."""
    for long, short in _SPELLINGS:
        name = name.replace(long, short)
    return name


def _is_automatic(layer: CallRecord) -> bool:
    """Whether Keras made the name up, as `conv2d_3` for a `Conv2D`."""
    return _NUMBER.sub("", layer.layer or "") == _snake(layer.op)


def _snake(name: str) -> str:
    """As Keras does: https://github.com/keras-team/keras/blob/master/keras/src/utils/naming.py."""
    spaced = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", spaced).lower()


def _place_in_order(layer: CallRecord) -> int:
    number = _NUMBER.search(layer.layer or "")
    return int(number[1]) if number and _is_automatic(layer) else 0
