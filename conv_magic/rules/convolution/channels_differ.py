"""The channels of the input differ from those the kernel was made for.

What: a convolution's kernel has a fixed number of input channels, and the input has another.
Why: grayscale images meet a filter made for RGB (or the reverse), a PNG brings a fourth channel, the channels stand
on axis 1, or a layer that was built on one input is used on another.
Example:

    gray = tf.zeros((1, 28, 28, 1))
    tf.nn.conv2d(gray, tf.random.normal((3, 3, 3, 64)), 1, "SAME")

Use instead:

    tf.nn.conv2d(tf.repeat(gray, 3, axis=-1), tf.random.normal((3, 3, 3, 64)), 1, "SAME")

Fix safety: the data is repaired first and the kernel kept; a kernel made for this input is the other choice.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.expected_outputs import output_for
from conv_magic.analysis.operands import Operand, code_of, operand_of, origin_of
from conv_magic.analysis.producers import has_channels_of_data, layer_setting_channels, producer_chain
from conv_magic.analysis.shape_literals import declared_literals, reordered, transposing
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.analysis.training import with_units
from conv_magic.arithmetic.axes import replaced
from conv_magic.model.calls import CallRecord, Mode, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import axis_names, channel_axis, counted, data_format_of, name_of, spelled
from conv_magic.model.options import ConvTransposeOptions
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.fixes import channel_repairs
from conv_magic.rules.fixes.axis_order import transpose_reordered
from conv_magic.rules.fixes.data_formats import data_format_repaired
from conv_magic.rules.fixes.kernel_repairs import kernel_for_channels, kernel_repeated
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, wrapped
from conv_magic.text.layer_edits import layer_name
from conv_magic.text.source import Code, called_name

code = "channels-differ"

VALID: tuple[str, ...] = (
    "import tensorflow as tf\ny = tf.nn.conv2d(tf.zeros((1, 28, 28, 3)), tf.zeros((3, 3, 3, 4)), 1, 'SAME')\n",
)
INVALID: tuple[str, ...] = (
    "import keras, tensorflow as tf\n"
    "class Own(keras.layers.Layer):\n"
    "    def build(self, input_shape):\n"
    "        self.kernel = self.add_weight(shape=(5, 5, input_shape[1], 6))\n"
    "    def call(self, x):\n"
    "        return tf.nn.conv2d(x, 2.0 * self.kernel, 1, 'SAME')\n"
    "y = Own()(tf.zeros((2, 9, 11, 4)))\n",
    "import tensorflow as tf\n"
    "class Net(tf.Module):\n"
    "    def __init__(self, depth, widths):\n"
    "        sizes = [depth, *widths]\n"
    "        self.kernels = [tf.ones((3, 3, a, b)) for a, b in zip(sizes[:-1], sizes[1:])]\n"
    "    def __call__(self, x):\n"
    "        for kernel in self.kernels:\n"
    "            x = tf.nn.conv2d(x, kernel, 1, 'SAME')\n"
    "        return x\n"
    "y = Net(4, (6, 8))(tf.zeros((2, 9, 9, 5)))\n",
    "import numpy as np\nimport keras\n"
    "signals = np.zeros((40, 30, 6), 'float32')\n"
    "net = keras.Sequential([keras.layers.Conv1D(3, 5, input_shape=(signals.shape[0], signals.shape[1]))])\n"
    "y = net.predict(signals, verbose=0)\n",
    "import tensorflow as tf\n"
    "kernels = {'first': tf.ones((3, 3, 2, 5)), 'second': tf.ones((3, 3, 7, 4))}\n"
    "def block(maps, kernel):\n    return tf.nn.relu(tf.nn.conv2d(maps, kernel, 1, 'SAME'))\n"
    "y = block(block(tf.zeros((1, 8, 8, 2)), kernels['first']), kernels['second'])\n",
    "import tensorflow as tf\n"
    "def weights(*sizes):\n    return tf.Variable(tf.random.normal(sizes, stddev=0.1))\n"
    "second = weights(3, 3, 12, 20)\n"
    "y = tf.nn.conv2d(tf.nn.conv2d(tf.zeros((1, 9, 9, 3)), weights(3, 3, 3, 8), 1, 'SAME'), second, 1, 'SAME')\n",
    "import tensorflow as tf\n"
    "class Block(tf.Module):\n"
    "    def __init__(self, inside, outside):\n"
    "        self.deep = tf.Variable(tf.ones((3, 3, outside, 1)))\n"
    "        self.flat = tf.Variable(tf.ones((1, 1, inside, outside)))\n"
    "    def __call__(self, maps):\n"
    "        maps = tf.nn.depthwise_conv2d(maps, self.deep, [1, 1, 1, 1], 'SAME')\n"
    "        return tf.nn.conv2d(maps, self.flat, 1, 'SAME')\n"
    "y = Block(5, 10)(tf.zeros((1, 8, 8, 5)))\n",
    "import tensorflow as tf\n"
    "gray = tf.zeros((1, 28, 28, 1))\n"
    "kernel = tf.random.normal([3, 3, 3, 8])\n"
    "y = tf.nn.conv2d(gray, kernel, 1, 'SAME')\n",
    "import numpy as np\nfrom keras import layers\n"
    "conv = layers.Conv2D(8, 3)\n"
    "a = conv(np.zeros((1, 28, 28, 3), 'float32'))\n"
    "b = conv(np.zeros((1, 28, 28, 1), 'float32'))\n",
    "import keras, numpy as np\n"
    "model = keras.Sequential([keras.Input((24, 24, 3)), keras.layers.Conv2D(4, 3)])\n"
    "pngs = np.zeros((5, 24, 24, 4), 'float32')\n"
    "model.predict(pngs, verbose=0)\n",
    "import tensorflow as tf\n"
    "images = tf.transpose(tf.zeros((2, 3, 30, 20)), [0, 3, 1, 2])\n"
    "y = tf.nn.conv2d(images, tf.zeros((3, 3, 3, 4)), 1, 'SAME')\n",
    "import tensorflow as tf\n"
    "blur = tf.tile(tf.ones((3, 3, 1, 1)), [1, 1, 4, 1])\n"
    "y = tf.nn.depthwise_conv2d(tf.zeros((1, 20, 20, 3)), blur, [1, 1, 1, 1], 'SAME')\n",
    "import tensorflow as tf\n"
    "blur = tf.ones((3, 3, 1, 1)) / 9.0\n"
    "y = tf.nn.depthwise_conv2d(tf.zeros((1, 20, 20, 4)), blur, [1, 1, 1, 1], 'SAME')\n",
    "import keras\nfrom keras import layers\n"
    "def make(size, depth):\n"
    "    return keras.Sequential([keras.Input((size, size, depth)), layers.Conv2D(4, 3), layers.Flatten()])\n"
    "x = keras.Input((9, 9, 2))\n"
    "h = layers.Conv2DTranspose(6, 2, strides=2)(x)\n"
    "y = make(18, 5)(layers.ReLU()(h))\n",
    "import numpy as np\nimport keras\n"
    "def shot(i, gray=True):\n    return np.full((20, 20, 1 if gray else 3), i, 'float32')\n"
    "pile = np.stack([shot(i) for i in range(4)])\n"
    "net = keras.Sequential([keras.Input((20, 20, 3)), keras.layers.Conv2D(4, 3)])\n"
    "out = net.predict(pile, verbose=0)\n",
    "import tensorflow as tf\n"
    "frames = tf.zeros((2, 3, 32, 32))\n"
    "y = tf.nn.conv2d(frames, tf.zeros((5, 5, 3, 8)), 2, 'SAME')\n",
    "import tensorflow as tf\n"
    "picture, filters = tf.zeros((1, 7, 9, 3)), tf.zeros((3, 3, 4, 9))\n"
    "y = tf.nn.conv2d(picture, filters, 1, 'SAME')\n",
    "import tensorflow as tf\n"
    "def gray(photo, kind):\n    return tf.image.rgb_to_grayscale(photo), kind\n"
    "data = tf.data.Dataset.from_tensor_slices((tf.zeros((4, 9, 9, 3)), tf.zeros(4))).map(gray).batch(2)\n"
    "net = tf.keras.Sequential([tf.keras.Input((9, 9, 3)), tf.keras.layers.Conv2D(2, 3), tf.keras.layers.Flatten()])\n"
    "net.add(tf.keras.layers.Dense(1))\nnet.compile('sgd', 'mse')\nnet.fit(data, verbose=0)\n",
    "import tensorflow as tf\n"
    "pictures, bank = tf.zeros((2, 22, 24, 5)), tf.zeros((3, 3, 5, 7))\n"
    "y = tf.nn.conv2d(pictures, bank, strides=[1, 1, 2, 2], padding='VALID', data_format='NCHW')\n",
)


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Diagnose a failed call whose input has another number of channels than the call accepts."""
    if call.outcome is Outcome.RETURNED or not call.inputs or call.accepts is None:
        return
    actual, needed = call.inputs[0], call.accepts
    if len(actual) != len(needed) or len(actual) < 3:
        return
    axis = channel_axis(call, len(actual))
    have, want = actual[axis], needed[axis]
    if have is None or want is None or have == want:
        return
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} cannot take {counted(have, 'channel')} with a kernel made for {want}"
        if call.kernel
        else f"{name_of(call)} takes {counted(want, 'channel')}; this input has {have}",
        reasons=_reasons(call),
        expected=replaced(actual, (axis,), (want,)),
        actual=actual,
        axes=(axis,),
        axis_names=axis_names(len(actual), data_format_of(call)),
        origin=origin_of(call, trace),
        fixes=_fixes(call, trace, axis, have, want),
    )


def _reasons(call: CallRecord) -> tuple[str, ...]:
    if call.kernel is None:
        return ()
    axis = "its last size" if isinstance(call.options, ConvTransposeOptions) else "the size before its last"
    return (f"the kernel is {spelled(call.kernel)}: {axis} is its number of input channels",)


def _fixes(call: CallRecord, trace: Trace, axis: int, have: int, want: int) -> Iterator[Fix]:
    operand = operand_of(call, trace)
    chain = producer_chain(call, trace)
    setter = layer_setting_channels(chain)
    reordered_axes = [
        *transpose_reordered(call, trace, want),
        *_declared_channels_last(call, trace, axis),
        *data_format_repaired(call, trace, axis, want),
    ]
    yield from reordered_axes or kernel_repeated(call, trace, have)
    if reordered_axes:
        yield from _turned_data(call, trace, operand)
        return
    gray = have == 1 and operand is not None and _turns_to_grayscale(operand)
    if gray:
        yield from _declared_channels(call, trace, axis, have, Applicability.SURE)
    if has_channels_of_data(chain) and operand is not None:
        yield from channel_repairs.data_repaired(call, trace, operand, axis, have, want)
    yield from _new_layer(call, trace, operand)
    if setter is not None:
        yield from _other_filters_before(setter, trace, want)
    yield from kernel_for_channels(call, trace, have)
    if not gray:
        yield from _declared_channels(call, trace, axis, have)
    if have == 1 and want > 1:
        yield from _repeated_before_model(call, trace, axis, have, want)


def _repeated_before_model(call: CallRecord, trace: Trace, axis: int, have: int, want: int) -> Iterator[Fix]:
    """Repeat the one channel that the user's own model passes on to a model that takes several."""
    for around in graph_of(trace).ancestors(call):
        if around.accepts is None or len(around.accepts) <= axis or around.accepts[axis] != want:
            break
        for use in trace.calls:
            cell = code_of(trace, use.span) if use.layer == around.layer and use.direct else None
            node = cell.call_at(use.span) if cell else None
            creation = _any_creation(cell, trace) if cell else None
            named = layer_name(cell, creation, "Concatenate") if cell and creation else None
            if use.mode is Mode.SYMBOLIC and cell and node and node.args and named:
                text = cell.text_of(node.args[0])
                edit = cell.replace(node.args[0], f"{named[0]}()([{', '.join([text] * want)}])")
                title = f"repeat the one channel {want} times before {name_of(around)}"
                yield fix(title, cell, [edit, *named[1]], Applicability.CHOICE)
                return


def _any_creation(cell: Code, trace: Trace) -> ast.Call | None:
    """Return the call that makes some layer in a cell, to spell another layer like it; None where there is none."""
    created = ((c.op, cell.call_at(c.created)) for c in trace.calls if c.created is not None)
    return next((node for op, node in created if node is not None and called_name(node) == op), None)


def _other_filters_before(setter: CallRecord, trace: Trace, want: int) -> Iterator[Fix]:
    """Offer `want` filters or units of the layer that set the number of channels."""
    for cell, edit in with_units(setter, trace, want):
        title = f"let {name_of(setter)} make {counted(want, 'channel')}"
        yield fix(title, cell, [edit], Applicability.CHOICE)
        return


def _new_layer(call: CallRecord, trace: Trace, operand: Operand | None) -> Iterator[Fix]:
    """Keras: offer a new layer in place of one that was built on another input."""
    if call.parent is not None and trace.calls[call.parent].span == call.span:
        return  # the line calls a model that it is a layer of
    creation = operand.code.call_at(call.created) if operand else None
    callee = operand.call.func if operand else None
    uses = graph_of(trace).same_layer(call)
    used = any(c.outcome is Outcome.RETURNED for c in uses)
    if (
        operand is None
        or creation is None
        or not used
        or not isinstance(callee, ast.Name)
        or called_name(creation) != call.op
    ):
        return
    edit = operand.code.replace(callee, operand.code.text_of(creation))
    title = f"build a new {call.op} for this input"
    yield fix(title, operand.code, [edit], Applicability.CHOICE, output_for(call, call.inputs[0]))


def _turns_to_grayscale(operand: Operand) -> bool:
    """Check whether the cell that gives the data turns colours to grayscale on purpose."""
    calls = [node for node in ast.walk(operand.code.tree) if isinstance(node, ast.Call)]
    return any(called_name(node) in ("rgb_to_grayscale", "rgb2gray") for node in calls)


def _declared_channels(
    call: CallRecord, trace: Trace, axis: int, have: int, sure: Applicability = Applicability.CHOICE
) -> Iterator[Fix]:
    """Declare the model's input with `have` channels."""
    model = _model_given_input(call, trace)
    declared = (model.accepts or ())[1:] if model else ()
    if call.inputs[0][1] == (call.accepts or (None,))[axis]:
        yield from _declared_without_samples(call, trace, declared)
        return  # the channels are there, on axis 1
    for cell, literal in declared_literals(trace, declared) if declared else ():
        edit = cell.replace(literal.elts[axis - 1], str(have))
        title = f"declare the model's input with {counted(have, 'channel')}"
        yield fix(title, cell, [edit], sure)


def _declared_without_samples(call: CallRecord, trace: Trace, declared: Shape) -> Iterator[Fix]:
    """Repair a declared shape that was read off an array, its samples included: `(x.shape[0], x.shape[1])`."""
    for cell, literal in declared_literals(trace, declared) if declared else ():
        edits = []
        for index_in_shape, element in enumerate(literal.elts):
            match element:
                case ast.Subscript(value=ast.Attribute(attr="shape"), slice=ast.Constant(value=int(axis)) as index):
                    edits += [cell.replace(index, str(axis + 1))] if axis == index_in_shape else []
        if edits and len(edits) == len(literal.elts):
            title = "declare the shape of one sample: its first axis is that of the array after the samples"
            yield fix(title, cell, edits, Applicability.SURE)


def _turned_data(call: CallRecord, trace: Trace, operand: Operand | None) -> Iterator[Fix]:
    """Transpose sequences to the order that the model declares; either order may be the one meant."""
    order = (0, *range(2, len(call.inputs[0])), 1)
    around = transposing(operand.code, order, array=True) if operand is not None and len(order) == 3 else None
    if operand is not None and around is not None:
        edit = wrapped(operand.code, operand.value, *around)
        yield fix("turn the data: steps first, then features", operand.code, [edit], Applicability.CHOICE)


def _declared_channels_last(call: CallRecord, trace: Trace, axis: int) -> Iterator[Fix]:
    """Declare channels-last a model that was declared channels-first, where its data is channels-last."""
    model = _model_given_input(call, trace)
    declared, given = (model.accepts or ())[1:] if model else (), call.inputs[0][1:]
    if not declared or axis != len(given) or given != (*declared[1:], declared[0]):
        return
    for cell, literal in declared_literals(trace, declared):
        edit = cell.replace(literal, reordered(cell, literal, (*range(1, len(declared)), 0)))
        title = f"declare the model's input channels-last: {spelled(given)}"
        yield fix(title, cell, [edit], Applicability.SURE)
        return


def _model_given_input(call: CallRecord, trace: Trace) -> CallRecord | None:
    """Return the outermost model that was given the input of `call`, which may be `call`; None without one."""
    found = call if call.options is None else None
    for around in graph_of(trace).ancestors(call):
        if around.inputs[:1] != call.inputs[:1]:
            break
        found = around if around.accepts is not None else found
    return found
