"""The kernel's width stands where the strides belong.

What: `Conv2D(32, 5, 5)` is a 5 x 5 kernel that moves by 5; the third argument is `strides`.
Why: until Keras 1 the rows and columns of a kernel were two arguments, and much code and many books have it so.
Example:

    layers.Conv2D(32, 5, 5, activation="relu")

Use instead:

    layers.Conv2D(32, (5, 5), activation="relu")

Fix safety: the kernel stays and moves by 1, at every layer of the cell that is written so.  Where the cell ran, this is
reported only for an odd kernel followed by an activation or a pooling: cutting an image into patches is written
otherwise. A cell that mentions patches is left alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from conv_magic import arithmetic
from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.expected_outputs import problem_of
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
class _Spread:
    """A convolution whose kernel size is given by position once for each axis."""

    cell: Code
    node: ast.Call
    size: int
    n: int


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Diagnose a window too large for an input that such a layer left small, or a cell that ran with such a layer."""
    ran = call.outcome is Outcome.RETURNED
    if ran:
        layer = _spread_kernel_size(call, trace)
        if layer is None or not _is_near_certain(call, trace, layer) or not _is_first_of_its_kind(call, trace):
            return
    else:
        layer = _cause_of(call, trace)
        if layer is None:
            return
    span = layer.cell.span(layer.node)
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} moves its {_kernel_in_words(layer)} kernel by {layer.size}"
        if ran
        else _headline(call, layer),
        span=span if ran else None,
        reasons=_reasons(call, layer),
        actual=call.inputs[0] if call.inputs else None,
        origin=origin_of(call, trace) if ran else (span, f"strides are {layer.size} on line {layer.node.lineno}"),
        fixes=(_as_one_argument(layer, trace),),
    )


def _kernel_in_words(layer: _Spread) -> str:
    return " x ".join([str(layer.size)] * layer.n)


def _headline(call: CallRecord, layer: _Spread) -> str:
    if not call.inputs:
        return f"{name_of(call)} takes one kernel size, then strides and padding"
    kernel = _kernel_in_words(layer)
    return f"{name_of(call)} is left with too small an input: a {kernel} kernel before it moves by {layer.size}"


def _reasons(call: CallRecord, layer: _Spread) -> Iterator[str]:
    text = layer.cell.text_of(layer.node).split("\n")[0]
    yield f"in {text} the third argument is strides={layer.size}, not the kernel's width"
    if call.outcome is Outcome.RETURNED and call.output is not None:
        yield f"the output is {call.output[1:-1]} where a kernel that moves by 1 makes {_sizes_by_single_steps(call)}"


def _sizes_by_single_steps(call: CallRecord) -> tuple[int | None, ...]:
    """Return the spatial sizes of the output that a kernel with strides of 1 gives."""
    options = call.options
    if not isinstance(options, ConvOptions):
        return ()
    n = len(options.kernel_size)
    shape = arithmetic.conv_output_shape(call.inputs[0], options.kernel_size, options.filters, 1, options.padding)
    return shape[1 : n + 1]


def _spread_kernel_size(call: CallRecord, trace: Trace) -> _Spread | None:
    """Return the layer's call if it repeats its kernel size by position, else None."""
    site = call_site_of(call, trace)
    n = {"Conv2D": 2, "Conv3D": 3}.get(call.op)
    if site is None or n is None or len(site[1].args) < n + 1:
        return None
    reader = Evaluator(site[0], trace)
    sizes = {reader.value(node) for node in site[1].args[1 : n + 1]}
    size = sizes.pop() if len(sizes) == 1 else None
    return _Spread(*site, size, n) if isinstance(size, int) and size > 1 else None


def _is_near_certain(call: CallRecord, trace: Trace, layer: _Spread) -> bool:
    """Check for an odd kernel with an activation, or with a pooling or activation after it."""
    options = call.options
    if not isinstance(options, ConvOptions) or layer.size % 2 == 0 or options.data_format != "channels_last":
        return False
    if None in call.inputs[0][1:-1] or "patch" in layer.cell.text.lower():
        return False
    if any(keyword.arg == "activation" for keyword in layer.node.keywords):
        return True
    after = graph_of(trace).consumers_of(call)
    return any(isinstance(c.options, PoolOptions) or c.op in ("Activation", "ReLU", "LeakyReLU") for c in after)


def _is_first_of_its_kind(call: CallRecord, trace: Trace) -> bool:
    """Check that no layer before it is written so: it is one habit, diagnosed once."""
    return not any(
        _spread_kernel_size(c, trace) for c in trace.calls[: call.index] if isinstance(c.options, ConvOptions)
    )


def _cause_of(call: CallRecord, trace: Trace) -> _Spread | None:
    """Return the first layer written so before a call whose window does not fit, or the layer that was not made."""
    if call.layer is None and not call.inputs:
        return _spread_kernel_size(call, trace)
    if problem_of(call, {arithmetic.Reason.WINDOW}) is None:
        return None
    convolutions = (_spread_kernel_size(c, trace) for c in (*producer_chain(call, trace), call))
    return next(filter(None, convolutions), None)


def _as_one_argument(layer: _Spread, trace: Trace) -> Fix:
    """Give the kernel size as one tuple at every layer of the cell that is written so."""
    edits = []
    for node in ast.walk(layer.cell.tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == ast.unparse(layer.node.func):
            edits += _as_tuple(layer, node, trace)
    sizes = ", ".join([str(layer.size)] * layer.n)
    title = f"give the kernel size as one argument: ({sizes})"
    return fix(title, layer.cell, edits, Applicability.SURE)


def _as_tuple(layer: _Spread, node: ast.Call, trace: Trace) -> list[Edit]:
    sizes = node.args[1 : layer.n + 1]
    reader = Evaluator(layer.cell, trace)
    values = set(map(reader.value, sizes))
    if len(sizes) < layer.n or len(values) != 1 or not isinstance(values.pop(), int):
        return []
    first, last = layer.cell.span(sizes[0]), layer.cell.span(sizes[-1])
    text = ", ".join(map(layer.cell.text_of, sizes))
    return [Edit(Span(first.cell, first.line, first.column, last.end_line, last.end_column), f"({text})")]
