"""A generator or decoder starts from a size that does not lead to the one that is needed.

What: `Dense`, `Reshape((7, 7, c))` and two doublings make 28 x 28; a discriminator or labels of 32 x 32 need 8 x 8.
Why: the start is written for one data set (28 x 28 digits) and the model is moved to another.
Example:

    x = layers.Dense(7 * 7 * 32)(noise)
    x = layers.Reshape((7, 7, 32))(x)
    image = layers.UpSampling2D(4)(x)                      # 28 x 28, needed is 32 x 32

Use instead:

    x = layers.Dense(8 * 8 * 32)(noise)
    x = layers.Reshape((8, 8, 32))(x)

Fix safety: no layer is added and the number of channels stays; the `Dense` before the `Reshape` changes with it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from conv_magic import arithmetic
from conv_magic.analysis.arguments import option_of
from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.definitions import definitions_of, sequence_behind
from conv_magic.analysis.evaluation import Evaluator, factors_of
from conv_magic.analysis.producers import producer_chain
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import axis_names, name_of, spelled
from conv_magic.model.options import DenseOptions, LossOptions, ReshapeOptions, SameShapeOptions
from conv_magic.model.positions import Edit
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix
from conv_magic.text.source import Code

code = "start-size-differs"

VALID: tuple[str, ...] = (
    "import keras\nfrom keras import layers\n"
    "g = keras.Sequential([keras.Input((10,)), layers.Dense(4 * 4 * 6), layers.Reshape((4, 4, 6)),\n"
    "                      layers.UpSampling2D(4)])\n"
    "d = keras.Sequential([keras.Input((16, 16, 6)), layers.Conv2D(1, 3)])\n"
    "y = d(g(keras.Input((10,))))\n",
)
INVALID: tuple[str, ...] = (
    "import keras\nfrom keras import layers\n"
    "z = keras.Input((10,))\n"
    "h = layers.Reshape((5, 5, 6))(layers.Dense(5 * 5 * 6)(z))\n"
    "h = layers.Conv2DTranspose(3, 4, strides=4, padding='same')(h)\n"
    "g = keras.Model(z, h)\n"
    "d = keras.Sequential([keras.Input((24, 24, 3)), layers.Conv2D(1, 3), layers.Flatten()])\n"
    "y = d(g(z))\n",
    "import keras, numpy as np\nfrom keras import layers\n"
    "g = keras.Sequential([keras.Input((9,)), layers.Dense(3 * 3 * 8), layers.ReLU(), layers.Reshape((3, 3, 8))])\n"
    "g.add(layers.Conv2DTranspose(1, 4, strides=2, padding='same'))\n"
    "d = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(1)])\n"
    "y = d(g(np.zeros((5, 9))))\n",
    "import keras, numpy as np\nfrom keras import layers\n"
    "start, depth = 3, 4\n"
    "net = keras.Sequential([\n"
    "    keras.Input((8,)),\n"
    "    layers.Dense(start * start * depth),\n"
    "    layers.Reshape((start, start, depth)),\n"
    "    layers.UpSampling2D(2),\n"
    "    layers.Conv2D(1, 3, padding='same'),\n"
    "])\n"
    "net.compile('adam', 'mse')\n"
    "net.fit(np.zeros((6, 8)), np.zeros((6, 8, 8, 1)), verbose=0)\n",
)
_LARGEST = 512


@dataclass(frozen=True)
class _Start:
    """The `Dense` and `Reshape` that a decoder starts with, and the layers after them."""

    dense: CallRecord
    reshape: CallRecord
    rest: list[CallRecord]

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the start as it is, without the batch."""
        options = self.reshape.options
        return options.target_shape if isinstance(options, ReshapeOptions) else ()


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where another start would lead to just the size that a model or the labels need."""
    if call.outcome is Outcome.RETURNED or not call.inputs:
        return
    at_loss = isinstance(call.options, LossOptions) and len(call.inputs) == 2
    index = 1 if at_loss else 0
    call, wanted = (call, call.inputs[0]) if at_loss else _model_taking_other_sizes(call, trace)
    output = call.inputs[index]
    if wanted is None or not _spatial_differs(output, wanted):
        return
    start = _start_of(producer_chain(call, trace, index))
    needed = _start_needed(start, wanted) if start is not None else None
    if start is None or needed is None or needed == start.shape:
        return
    origin = start.reshape.created or start.reshape.span
    line = origin.line if origin else "?"
    axes = tuple(i for i in range(1, len(output)) if output[i] != wanted[i])
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} needs images of {_spatial_spelled(wanted)}; these are {_spatial_spelled(output)}",
        reasons=(
            f"they start as {_spatial_spelled((0, *start.shape))} on line {line}; "
            f"{_spatial_spelled((0, *needed))} leads to {_spatial_spelled(wanted)}",
        ),
        expected=wanted,
        actual=output,
        axes=axes,
        axis_names=axis_names(len(output)),
        origin=(origin, f"they start as {spelled(start.shape)} on line {line}"),
        fixes=_fixes(trace, start, needed),
    )


def _model_taking_other_sizes(call: CallRecord, trace: Trace) -> tuple[CallRecord, Shape | None]:
    """Return the model around that takes other sizes, and those sizes; else the call and what it accepts.

    A model takes what it was declared for, or what it was first called on.
    """
    for ancestor in graph_of(trace).ancestors(call):
        same = (c for c in graph_of(trace).same_layer(ancestor) if c.index < ancestor.index)
        wanted = ancestor.accepts or next((c.inputs[0] for c in same if c.inputs), None)
        if ancestor.inputs and wanted is not None and _spatial_differs(ancestor.inputs[0], wanted):
            return ancestor, wanted
    return call, call.accepts


def _spatial_spelled(shape: Shape) -> str:
    """Return the spatial sizes in words: `7 x 7`."""
    return " x ".join(map(str, shape[1:-1]))


def _spatial_differs(shape: Shape, wanted: Shape) -> bool:
    """Check whether only the spatial sizes differ, and those wanted are known."""
    if len(shape) != len(wanted) or len(shape) < 3 or None in wanted[1:-1] or shape[-1] != wanted[-1]:
        return False
    return shape[1:-1] != wanted[1:-1]


def _start_of(chain: list[CallRecord]) -> _Start | None:
    """Return the last Dense and Reshape of a chain with the layers after them; None where it does not start so."""
    for index in range(len(chain) - 1, 0, -1):
        options = chain[index].options
        if isinstance(options, ReshapeOptions):
            enough = len(options.target_shape) >= 2 and min(options.target_shape) > 0
            setting = [c for c in chain[:index] if not isinstance(c.options, SameShapeOptions)]
            dense = bool(setting) and isinstance(setting[-1].options, DenseOptions)
            return _Start(setting[-1], chain[index], chain[index + 1 :]) if enough and dense else None
    return None


def _start_needed(start: _Start, wanted: Shape) -> tuple[int, ...] | None:
    """Return the start from which the layers after it make the wanted sizes; each axis is tried on its own."""
    sizes = list(start.shape)
    for axis in range(len(sizes) - 1):
        fitting = (size for size in range(1, _LARGEST) if _size_at_end(start, axis, size) == wanted[axis + 1])
        found = next(fitting, None)
        if found is None:
            return None
        sizes[axis] = found
    return tuple(sizes)


def _size_at_end(start: _Start, axis: int, size: int) -> int | None:
    """Return the size of an axis at the end of the chain, for one of the start; None where it is not possible."""
    shape: Shape | None = (None, *start.shape[:axis], size, *start.shape[axis + 1 :])
    for call in start.rest:
        try:
            shape = arithmetic.expected_shape(call.options, (shape,), None) if shape is not None else None
        except arithmetic.ShapeProblem:
            return None
    return shape[axis + 1] if shape is not None and len(shape) > axis + 1 else None


def _fixes(trace: Trace, start: _Start, needed: tuple[int, ...]) -> Iterator[Fix]:
    reshape, dense = call_site_of(start.reshape, trace), call_site_of(start.dense, trace)
    given = option_of(reshape[1], "target_shape", start.reshape.op) if reshape else None
    units = option_of(dense[1], "units", start.dense.op) if dense else None
    if reshape is None or dense is None or given is None or units is None or reshape[0] is not dense[0]:
        return
    cell = reshape[0]
    title = f"start from {' x '.join(map(str, needed[:-1]))}"
    target = sequence_behind(cell, given)
    if target is None:
        return
    edits = _literal_edit(cell, trace, target, units, needed) or _size_edits(cell, trace, target, units, start, needed)
    if edits:
        yield fix(title, cell, edits, Applicability.SURE)


def _literal_edit(
    cell: Code, trace: Trace, target: ast.List | ast.Tuple, units: ast.expr, needed: tuple[int, ...]
) -> list[Edit]:
    """Return the edit of the one literal behind all sizes and the units, where there is such: `start = 7`."""
    literal = definitions_of(cell, target.elts[0])[-1]
    if not isinstance(literal, ast.Constant) or literal in target.elts:
        return []
    evaluator = Evaluator(cell, trace, {literal: needed[0]})
    if evaluator.value(target) == needed and evaluator.value(units) == prod(needed):
        return [cell.replace(literal, str(needed[0]))]
    return []


def _size_edits(
    cell: Code, trace: Trace, target: ast.List | ast.Tuple, units: ast.expr, start: _Start, needed: tuple[int, ...]
) -> list[Edit]:
    """Return the edits of every size in the tuple, and of the factors of the units."""
    if len(target.elts) != len(needed):
        return []
    evaluator = Evaluator(cell, trace)
    pairs = zip(target.elts, start.shape, needed, strict=True)
    edits = [cell.replace(element, str(new)) for element, old, new in pairs if old != new]
    unchanged = [(old, new) for old, new in zip(start.shape, needed, strict=True) if old != new]
    changed = []
    for factor in factors_of(units):
        match = next((pair for pair in unchanged if evaluator.value(factor) == pair[0]), None)
        if match is not None and factor is not units:
            unchanged.remove(match)
            changed.append(cell.replace(factor, str(match[1])))
    return edits + (changed if not unchanged else [cell.replace(units, str(prod(needed)))])
