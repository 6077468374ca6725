"""The kernel's width stands where the strides belong.

What: `Conv2D(32, 5, 5)` is a 5 x 5 kernel that moves by 5; the third argument is `strides`.
Why: until Keras 1 the rows and columns of a kernel were two arguments, and much code and many books have it so.
Example:

    layers.Conv2D(32, 5, 5, activation="relu")

Use instead:

    layers.Conv2D(32, (5, 5), activation="relu")

Fix safety: the kernel stays and moves by 1, at every layer of the cell that is written so.  Where the cell ran, this is
said only of an odd kernel followed by an activation or a pooling: cutting an image into patches is written otherwise.
A cell that speaks of patches is left alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from conv_magic import arithmetic
from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.operands import origin_of
from conv_magic.analysis.producers import producer_chain
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import name_of
from conv_magic.model.options import ConvOptions, PoolOptions
from conv_magic.model.positions import Edit, Span
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix
from conv_magic.text.source import Code

code = "kernel-size-as-strides"

VALID: tuple[str, ...] = (
    "import keras\ny = keras.layers.Conv2D(8, 3, 2, activation='relu')(keras.Input((32, 32, 3)))\n",
    "import keras\ny = keras.layers.Conv2D(48, 4, 4)(keras.Input((32, 32, 3)))\n",
    "import keras\ny = keras.layers.Conv2D(48, 7, 7)(keras.Input((28, 28, 3)))\n",
    "import keras\ny = keras.layers.Conv2D(8, 3, strides=3, activation='relu')(keras.Input((32, 32, 3)))\n",
)
INVALID: tuple[str, ...] = (
    "import keras\nfrom keras import layers\n"
    "net = keras.Sequential([keras.Input((40, 40, 1))])\n"
    "net.add(layers.Conv2D(4, 3, 3, activation='relu'))\n"
    "net.add(layers.MaxPooling2D())\n"
    "net.add(layers.Conv2D(8, 3, 3, activation='relu'))\n"
    "net.add(layers.Conv2D(8, 3, 3, activation='relu'))\n",
    "import keras\nfrom keras import layers\nside = 5\n"
    "x = keras.Input((64, 64, 3))\n"
    "y = layers.MaxPooling2D()(layers.Conv2D(16, side, side)(x))\n",
    "import keras\nfrom keras import layers\n"
    "net = keras.Sequential([keras.Input((8, 20, 20, 1)), layers.Conv3D(4, 3, 3, 3, activation='relu')])\n",
)


@dataclass(frozen=True)
class _Written:
    """A convolution whose kernel size is written once for each axis."""

    cell: Code
    made: ast.Call
    size: int
    n: int


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """One diagnosis where a window has nothing left to stand on, or where the cell ran on a fraction of its image."""
    ran = call.outcome is Outcome.RETURNED
    if ran:
        found = _written(call, trace)
        if found is None or not _is_near_certain(call, trace, found) or not _is_first(call, trace):
            return
    else:
        found = _culprit(call, trace)
        if found is None:
            return
    at = found.cell.span(found.made)
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} moves its {_by(found)} kernel by {found.size}" if ran else _headline(call, found),
        span=at if ran else None,
        reasons=_reasons(call, found),
        actual=call.inputs[0] if call.inputs else None,
        origin=origin_of(call, trace) if ran else (at, f"strides are {found.size} on line {found.made.lineno}"),
        fixes=(_fix(found, trace),),
    )


def _by(found: _Written) -> str:
    return " x ".join([str(found.size)] * found.n)


def _headline(call: CallRecord, found: _Written) -> str:
    if not call.inputs:
        return f"{name_of(call)} takes one kernel size, then strides and padding"
    return f"{name_of(call)} is left with too small an input: a {_by(found)} kernel before it moves by {found.size}"


def _reasons(call: CallRecord, found: _Written) -> Iterator[str]:
    text = found.cell.text_of(found.made).split("\n")[0]
    yield f"in {text} the third argument is strides={found.size}, not the kernel's width"
    if call.outcome is Outcome.RETURNED and call.output is not None:
        yield f"the output is {call.output[1:-1]} where a kernel that moves by 1 makes {_unmoved(call)}"


def _unmoved(call: CallRecord) -> tuple[int | None, ...]:
    options = call.options
    if not isinstance(options, ConvOptions):
        return ()
    n = len(options.kernel_size)
    shape = arithmetic.conv_output_shape(call.inputs[0], options.kernel_size, options.filters, 1, options.padding)
    return shape[1 : n + 1]


def _written(call: CallRecord, trace: Trace) -> _Written | None:
    """The layer's call, if it repeats its kernel size by position."""
    made = call_site_of(call, trace)
    n = {"Conv2D": 2, "Conv3D": 3}.get(call.op)
    if made is None or n is None or len(made[1].args) < n + 1:
        return None
    reader = Evaluator(made[0], trace)
    sizes = {reader.value(node) for node in made[1].args[1 : n + 1]}
    size = sizes.pop() if len(sizes) == 1 else None
    return _Written(*made, size, n) if isinstance(size, int) and size > 1 else None


def _is_near_certain(call: CallRecord, trace: Trace, found: _Written) -> bool:
    """An odd kernel with an activation, or a pooling or activation after it."""
    options = call.options
    if not isinstance(options, ConvOptions) or found.size % 2 == 0 or options.data_format != "channels_last":
        return False
    if None in call.inputs[0][1:-1] or "patch" in found.cell.text.lower():
        return False
    if any(keyword.arg == "activation" for keyword in found.made.keywords):
        return True
    after = graph_of(trace).consumers_of(call)
    return any(isinstance(c.options, PoolOptions) or c.op in ("Activation", "ReLU", "LeakyReLU") for c in after)


def _is_first(call: CallRecord, trace: Trace) -> bool:
    """Whether no other layer before it is written so: it is one habit, told once."""
    return not any(_written(c, trace) for c in trace.calls[: call.index] if isinstance(c.options, ConvOptions))


def _culprit(call: CallRecord, trace: Trace) -> _Written | None:
    """The first convolution written so before a call whose window does not fit, or the one that could not be made."""
    if call.layer is None and not call.inputs:
        return _written(call, trace)
    try:
        arithmetic.expected_shape(call.options, call.inputs, call.kernel)
    except arithmetic.ShapeProblem as problem:
        if problem.reason is arithmetic.Reason.WINDOW:
            written = (_written(each, trace) for each in (*producer_chain(call, trace), call))
            return next(filter(None, written), None)
    return None


def _fix(found: _Written, trace: Trace) -> Fix:
    """Kernel sizes as one tuple, at every layer of the cell that is written so."""
    edits = []
    for node in ast.walk(found.cell.tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == ast.unparse(found.made.func):
            edits += _as_tuple(found, node, trace)
    sizes = ", ".join([str(found.size)] * found.n)
    title = f"give the kernel size as one argument: ({sizes})"
    return fix(title, found.cell, edits, Applicability.SURE)


def _as_tuple(found: _Written, node: ast.Call, trace: Trace) -> list[Edit]:
    given = node.args[1 : found.n + 1]
    reader = Evaluator(found.cell, trace)
    values = {reader.value(each) for each in given}
    if len(given) < found.n or len(values) != 1 or not isinstance(values.pop(), int):
        return []
    first, last = found.cell.span(given[0]), found.cell.span(given[-1])
    text = ", ".join(found.cell.text_of(each) for each in given)
    return [Edit(Span(first.cell, first.line, first.column, last.end_line, last.end_column), f"({text})")]
