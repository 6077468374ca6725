"""The input is declared or stored channels-first, the layers are channels-last.

What: of (4, 84, 84) a channels-last convolution sees an image 4 high and 84 wide with 84 channels.
Why: PyTorch, old Keras with Theano, and stacks of video frames put the channels first.
Example:

    screens = keras.Input((4, 84, 84))
    layers.Conv2D(32, 8, strides=4)(screens)

Use instead:

    screens = keras.Input((84, 84, 4))

Fix safety: the declared sizes are reordered, and with them arrays of that shape in the cell; no number changes.  Where
the cell ran, it is reported only of 1 or 3 square planes under a kernel larger than 1 in height and width.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic import arithmetic
from conv_magic.analysis.input_declarations import declarations
from conv_magic.analysis.operands import module_alias
from conv_magic.analysis.producers import producer_chain
from conv_magic.analysis.shape_literals import declared_literals, reordered, shape_literals
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import axis_names, name_of, spelled
from conv_magic.model.options import PoolOptions
from conv_magic.model.positions import Edit
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import after, fix, wrapped
from conv_magic.text.source import Binding, Code

code = "channels-first-input"

VALID: tuple[str, ...] = (
    "import keras\ny = keras.layers.Conv2D(4, 3, data_format='channels_first')(keras.Input((3, 32, 32)))\n",
    "import keras\ny = keras.layers.Conv2D(4, (1, 5))(keras.Input((1, 64, 64)))\n",
    "import keras\ny = keras.layers.Conv2D(4, 3, padding='same')(keras.Input((3, 40, 16)))\n",
)
INVALID: tuple[str, ...] = (
    "import keras\nfrom keras import layers\nframes, side = 3, 48\n"
    "x = keras.Input((frames, side, side))\n"
    "y = layers.Conv2D(4, 5, strides=2)(x)\n",
    "import keras, numpy as np\nfrom keras import layers\n"
    "x = np.zeros((6, 1, 20, 20), 'float32')\n"
    "net = keras.Sequential([keras.Input((1, 20, 20)), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(2)])\n"
    "out = net.predict(x, verbose=0)\n",
    "import keras, numpy as np\nfrom keras import layers\n"
    "images = np.arange(2 * 3 * 32 * 32.0).reshape(2, 3, 32, 32)\n"
    "net = keras.Sequential([keras.Input((3, 32, 32)), layers.Conv2D(8, 3, padding='same')])\n"
    "out = net.predict(images, verbose=0)\n",
    "import keras, numpy as np\nfrom keras import layers\n"
    "def load():\n    return (np.zeros((6, 3, 40, 40)), np.zeros(6)), (np.zeros((4, 3, 40, 40)), np.zeros(4))\n"
    "(x, y), (other, others) = load()\n"
    "net = keras.Sequential([keras.Input(x.shape[1:]), layers.Conv2D(4, 5), layers.GlobalMaxPooling2D()])\n"
    "net.add(layers.Dense(1))\nnet.compile('sgd', 'mse')\n"
    "net.fit(x, y, validation_data=(other, others), verbose=0)\n",
)
_LEAST_SIDE = 16
_MOST_CHANNELS = 16


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where the declared axes, in the other order, would suit the layers."""
    options = call.options
    if not isinstance(options, arithmetic.SlidingOptions) or not call.inputs or options.data_format != "channels_last":
        return
    ran = call.outcome is Outcome.RETURNED
    if ran and (call.producers[:1] != (None,) or not _is_square_channels_first(options, call.inputs[0])):
        return
    if ran and not _is_first_run(call, trace):
        return
    chain = producer_chain(call, trace)
    shape = (chain[0] if chain else call).inputs[0]
    if not ran and not (
        _fails_by_window(call) and _looks_channels_first(shape) and _suits(chain, call, _channels_last(shape))
    ):
        return
    fixes = tuple(_fixes(call, trace, shape))
    if not fixes:
        return
    names = axis_names(len(shape))
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} is channels-last; of {spelled(shape)} it sees an image of "
        f"{shape[1]} x {shape[2]} with {shape[3]} channels",
        reasons=(f"channels-last, it would be {spelled(_channels_last(shape))}",),
        expected=_channels_last(shape),
        actual=shape,
        axes=(1, len(shape) - 1),
        axis_names=names,
        origin=(fixes[0].edits[0].span, f"the sizes are declared on line {fixes[0].edits[0].span.line}"),
        fixes=fixes,
    )


def _channels_last(shape: Shape) -> Shape:
    """Return the shape with its channels, axis 1, moved to the last axis."""
    return (shape[0], *shape[2:], shape[1])


def _looks_channels_first(shape: Shape) -> bool:
    """Check for a small size before two larger ones that are equal, or for 1 or 3 before two that are not."""
    if len(shape) != 4 or None in shape[1:]:
        return False
    channels, height, width = (size or 0 for size in shape[1:])
    if channels >= min(height, width) or channels > _MOST_CHANNELS or min(height, width) < 8:
        return False
    return height == width or (channels in (1, 3) and width > _MOST_CHANNELS)


def _is_square_channels_first(options: arithmetic.SlidingOptions, shape: Shape) -> bool:
    """Check whether a square image lies channels-first before a kernel larger than 1 in both directions."""
    if isinstance(options, PoolOptions) or len(shape) != 4 or len(options.kernel_size) != 2:
        return False
    square = shape[2] == shape[3] and (shape[3] or 0) >= _LEAST_SIDE
    return shape[1] in (1, 3) and square and min(options.kernel_size) > 1


def _is_first_run(call: CallRecord, trace: Trace) -> bool:
    """Check whether the layer is seen for the first time: it is built, then called on data."""
    return not any(earlier.index < call.index for earlier in graph_of(trace).same_layer(call)[:1])


def _fails_by_window(call: CallRecord) -> bool:
    """Check whether the call failed because its window does not fit into the input."""
    if call.outcome not in (Outcome.RAISED, Outcome.GUARDED):
        return False
    try:
        arithmetic.expected_shape(call.options, call.inputs, None)
    except arithmetic.ShapeProblem as problem:
        return problem.reason is arithmetic.Reason.WINDOW
    return False


def _suits(chain: list[CallRecord], call: CallRecord, shape: Shape) -> bool:
    """Check whether all layers up to the failing one take the shape."""
    current: Shape | None = shape
    for layer in [*chain, call]:
        try:
            current = arithmetic.expected_shape(layer.options, (current,), None) if current is not None else None
        except arithmetic.ShapeProblem:
            return False
    return current is not None


def _fixes(call: CallRecord, trace: Trace, shape: Shape) -> Iterator[Fix]:
    order = (*range(1, len(shape) - 1), 0)
    for cell, literal in declared_literals(trace, shape[1:]):
        edit = cell.replace(literal, reordered(cell, literal, order))
        data = _data_edits(cell, trace, shape, order)
        title = f"declare the input as {spelled(_channels_last(shape)[1:])}"
        if data:
            title += ", and move the channels of the data"
        yield fix(title, cell, [edit, *data], Applicability.SURE)
        return
    for declared in declarations(trace):  # `Input(x.shape[1:])` follows the data
        data = _data_edits(declared.code, trace, shape, order) if declared.sizes == shape[1:] else []
        if data:
            title = "move the channels of the data to the last axis"
            yield fix(title, declared.code, data, Applicability.SURE)
            return


def _data_edits(cell: Code, trace: Trace, shape: Shape, order: tuple[int, ...]) -> list[Edit]:
    """Return the edits that move the channels of the arrays of the declared shape, where they are made."""
    edits = []
    unpacked: dict[ast.stmt, str] = {}
    for value in trace.values:
        if value.kind not in ("array", "tensor") or value.shape is None or value.type == "KerasTensor":
            continue
        binding = cell.binding_at_end(value.name) if value.shape[1:] == shape[1:] and not value.scope else None
        if binding is None or not isinstance(binding.statement, ast.Assign):
            continue
        if binding.value is None:  # `x, y = load()`
            text = _moving_statement(cell, binding, array=value.kind == "array")
            unpacked[binding.statement] = unpacked.get(binding.statement, "") + text
            continue
        edits += _channels_moved(cell, trace, binding.value, value.shape, array=value.kind == "array")
    return [*edits, *(after(cell, statement, text) for statement, text in unpacked.items() if text)]


def _moving_statement(cell: Code, binding: Binding, *, array: bool) -> str:
    """Return one more statement, which moves the channels of an array that was unpacked; empty without a library."""
    numpy, tensorflow, name = module_alias(cell, "numpy"), module_alias(cell, "tensorflow"), binding.name
    start = f"\n{' ' * binding.statement.col_offset}{name} = "
    if array and numpy:
        return f"{start}{numpy}.moveaxis({name}, 1, -1)"
    return f"{start}{tensorflow}.transpose({name}, [0, 2, 3, 1])" if tensorflow else ""


def _channels_moved(cell: Code, trace: Trace, value: ast.expr, shape: Shape, *, array: bool) -> list[Edit]:
    """Return the edits that make a value channels-last: its shape reordered, or its axes moved."""
    if shape[1] == 1:  # one channel: where it is reshaped anyway, another shape will do
        for literal in shape_literals(cell, trace, value, shape):
            return [cell.replace(literal, reordered(cell, literal, (0, *range(2, len(shape)), 1)))]
    numpy, tensorflow = module_alias(cell, "numpy"), module_alias(cell, "tensorflow")
    order = (0, *range(2, len(shape)), 1)
    if array and numpy:
        return [wrapped(cell, value, f"{numpy}.moveaxis(", ", 1, -1)")]
    return [wrapped(cell, value, f"{tensorflow}.transpose(", f", {list(order)})")] if tensorflow else []
