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

from conv_magic import arithmetic
from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.definitions import arguments_for, definitions_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.operands import Operand, code_of, module_alias, operand_of, origin_of
from conv_magic.analysis.producers import has_channels_of_data, layer_setting_channels, producer_chain
from conv_magic.analysis.shape_literals import declared_literals, reordered, size_expressions, transposing
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.analysis.training import with_number, with_units
from conv_magic.model.calls import CallRecord, Mode, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import axis_names, channel_axis, counted, data_format_of, name_of, spelled
from conv_magic.model.options import ConvTransposeOptions, DepthwiseConvOptions
from conv_magic.model.positions import Edit
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.fixes import channel_repairs
from conv_magic.rules.fixes.axis_order import of_order
from conv_magic.rules.fixes.data_formats import of_format
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, wrapped
from conv_magic.text.layer_edits import layer_name
from conv_magic.text.source import Code, argument, called_name

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
    """One diagnosis where the failed call's input has other channels than the call accepts."""
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
        expected=_with(actual, axis, want),
        actual=actual,
        axes=(axis,),
        axis_names=axis_names(len(actual), data_format_of(call)),
        origin=origin_of(call, trace),
        fixes=_fixes(call, trace, axis, have, want),
    )


def _reasons(call: CallRecord) -> tuple[str, ...]:
    if call.kernel is None:
        return ()
    where = "its last size" if isinstance(call.options, ConvTransposeOptions) else "the size before its last"
    return (f"the kernel is {spelled(call.kernel)}: {where} is its number of input channels",)


def _with(shape: Shape, axis: int, size: int) -> Shape:
    return (*shape[:axis], size, *shape[axis + 1 :])


def _fixes(call: CallRecord, trace: Trace, axis: int, have: int, want: int) -> Iterator[Fix]:
    supply = operand_of(call, trace)
    chain = producer_chain(call, trace)
    setter = layer_setting_channels(chain)
    turned = [
        *of_order(call, trace, want),
        *_of_turned_declaration(call, trace, axis),
        *of_format(call, trace, axis, want),
    ]
    yield from turned or _of_repeated_kernel(call, trace, have)
    if turned:
        yield from _of_turned_data(call, trace, supply)
        return
    gray = have == 1 and supply is not None and _is_grayed(supply)
    if gray:
        yield from _of_declaration(call, trace, axis, have, Applicability.SURE)
    if has_channels_of_data(chain) and supply is not None:
        yield from channel_repairs.of_data(call, trace, supply, axis, have, want)
    yield from _of_layer(call, trace, supply)
    if setter is not None:
        yield from _of_setter(setter, trace, want)
    yield from _of_kernel(call, trace, have)
    if not gray:
        yield from _of_declaration(call, trace, axis, have)
    if have == 1 and want > 1:
        yield from _of_repeated_input(call, trace, axis, have, want)


def _of_repeated_input(call: CallRecord, trace: Trace, axis: int, have: int, want: int) -> Iterator[Fix]:
    """One's own model hands a single channel on to a model that takes several: repeated before that."""
    for around in graph_of(trace).ancestors(call):
        if around.accepts is None or len(around.accepts) <= axis or around.accepts[axis] != want:
            break
        for made in trace.calls:
            cell = code_of(trace, made.span) if made.layer == around.layer and made.direct else None
            node = cell.call_at(made.span) if cell else None
            named = layer_name(cell, maker, "Concatenate") if cell and (maker := _a_layer(cell, trace)) else None
            if made.mode is Mode.SYMBOLIC and cell and node and node.args and named:
                text = cell.text_of(node.args[0])
                edit = cell.replace(node.args[0], f"{named[0]}()([{', '.join([text] * want)}])")
                title = f"repeat the one channel {want} times before {name_of(around)}"
                yield fix(title, cell, [edit, *named[1]], Applicability.CHOICE)
                return


def _a_layer(cell: Code, trace: Trace) -> ast.Call | None:
    """Some call in the text that makes a layer."""
    made = ((c.op, cell.call_at(c.created)) for c in trace.calls if c.created is not None)
    return next((node for op, node in made if node is not None and called_name(node) == op), None)


def _of_setter(setter: CallRecord, trace: Trace, want: int) -> Iterator[Fix]:
    """The layer further up that decided how many channels there are."""
    for code_, edit in with_units(setter, trace, want):
        title = f"let {name_of(setter)} make {counted(want, 'channel')}"
        yield fix(title, code_, [edit], Applicability.CHOICE)
        return


def _of_kernel(call: CallRecord, trace: Trace, have: int) -> Iterator[Fix]:
    """`tf.nn`: a kernel made for this input, where its shape is written down."""
    made = call_site_of(call, trace)
    given = argument(made[1], 1, "filters", "filter", "depthwise_filter") if made else None
    if call.layer is not None or call.kernel is None or made is None or given is None:
        return
    transposed = isinstance(call.options, ConvTransposeOptions)
    place = len(call.kernel) - (1 if transposed else 2)
    kernel = _with(call.kernel, place, have)
    yield from _of_other_axis(call, made[0], place)
    for sizes in size_expressions(made[0], trace, given, call.kernel):
        named = _named_size(made[0], sizes[place], have, trace)
        edits = [named] if named is not None else with_number(made[0], trace, sizes[place], have)
        for edit in edits:
            title = f"make the kernel for {counted(have, 'channel')}"
            yield fix(title, made[0], [edit], Applicability.CHOICE, _output(call, call.inputs[0], kernel))
            return
    yield from _of_constructor(*made, trace, call.kernel[place], have)


def _of_constructor(cell: Code, failed: ast.Call, trace: Trace, want: int | None, have: int) -> Iterator[Fix]:
    """A number given to the user's class that the channels of its kernels come from: `Net(in_channels=4)`."""
    around = next((n for n in cell.around(failed) if isinstance(n, ast.ClassDef)), None)
    made = [n for n in cell.nodes if isinstance(n, ast.Call) and around and called_name(n) == around.name]
    given = [*made[0].args, *(k.value for k in made[0].keywords)] if len(made) == 1 else []
    reader = Evaluator(cell, trace)
    fitting = [node for node in given if reader.value(node) == want]
    if around is not None and len(fitting) == 1:
        title = f"make {around.name} for {counted(have, 'channel')}"
        yield fix(title, cell, [cell.replace(fitting[0], str(have))], Applicability.CHOICE)


def _of_other_axis(call: CallRecord, cell: Code, place: int) -> Iterator[Fix]:
    """A kernel whose shape takes the channels from another axis of the input: `input_shape[1]`."""
    shape, kernel = call.inputs[0], call.kernel or ()
    found: list[ast.expr] = []
    for node in cell.nodes:
        if isinstance(node, ast.Tuple | ast.List) and len(node.elts) == len(kernel):
            match node.elts[place]:
                case ast.Subscript(value=owner, slice=ast.Constant(value=int(axis)) as index) if (
                    0 < axis < len(shape) - 1 and shape[axis] == kernel[place] and "shape" in ast.unparse(owner)
                ):
                    found.append(index)
    if len(found) == 1 and channel_axis(call, len(shape)) == len(shape) - 1:
        title = "make the kernel for the channels, which are the input's last axis"
        yield fix(title, cell, [cell.replace(found[0], "-1")], Applicability.SURE)


def _named_size(cell: Code, size: ast.expr, want: int, trace: Trace) -> Edit | None:
    """A parameter beside another one of the same function that is this number: `out_channels` for `in_channels`."""
    scope = cell.scope_of(size)
    if not isinstance(size, ast.Name) or not isinstance(scope, ast.FunctionDef):
        return None
    for parameter in (*scope.args.posonlyargs, *scope.args.args, *scope.args.kwonlyargs):
        given = list(arguments_for(cell, scope, parameter.arg)) if parameter.arg not in (size.id, "self") else []
        if given and all(Evaluator(cell, trace).value(value) == want for value in given):
            return cell.replace(size, parameter.arg)
    return None


def _of_repeated_kernel(call: CallRecord, trace: Trace, have: int) -> Iterator[Fix]:
    """A depthwise kernel of one channel, as image processing has it, used on each channel."""
    made = call_site_of(call, trace)
    given = argument(made[1], 1, "filter", "depthwise_filter") if made else None
    tensorflow = module_alias(made[0], "tensorflow") if made else None
    depthwise = call.layer is None and isinstance(call.options, DepthwiseConvOptions)
    if not depthwise or made is None or given is None or tensorflow is None or call.kernel is None:
        return
    yield from _of_repetitions(call, trace, *made, given, have)
    if call.kernel[-2] == 1:
        edit = wrapped(made[0], given, f"{tensorflow}.repeat(", f", {have}, axis=2)")
        kernel = _with(call.kernel, 2, have)
        title = f"use the kernel on each of the {have} channels"
        yield fix(title, made[0], [edit], Applicability.SURE, _output(call, call.inputs[0], kernel))


def _of_repetitions(
    call: CallRecord, trace: Trace, cell: Code, node: ast.Call, given: ast.expr, have: int
) -> Iterator[Fix]:  # fmt: skip
    """A kernel repeated or tiled for another number of channels: that number."""
    want = (call.kernel or (None, None))[-2]
    for origin in definitions_of(cell, given):
        for made in (n for n in ast.walk(origin) if isinstance(n, ast.Call) and called_name(n) in ("repeat", "tile")):
            times = argument(made, 1, "repeats", "multiples", "reps")
            listed = times.elts[2] if isinstance(times, ast.List | ast.Tuple) and len(times.elts) == 4 else times
            if listed is None or Evaluator(cell, trace).value(listed) != want:
                continue
            for edit in with_number(cell, trace, listed, have):
                title = f"repeat the kernel for {counted(have, 'channel')}"
                yield fix(title, cell, [edit], Applicability.SURE)
                return


def _of_layer(call: CallRecord, trace: Trace, supply: Operand | None) -> Iterator[Fix]:
    """Keras: a new layer in place of one that was built on another input."""
    if call.parent is not None and trace.calls[call.parent].span == call.span:
        return  # the line calls a model that it is a layer of
    made = supply.code.call_at(call.created) if supply else None
    callee = supply.call.func if supply else None
    same = graph_of(trace).same_layer(call)
    used = any(c.outcome is Outcome.RETURNED for c in same)
    if supply is None or made is None or not used or not isinstance(callee, ast.Name) or called_name(made) != call.op:
        return
    edit = supply.code.replace(callee, supply.code.text_of(made))
    title = f"build a new {call.op} for this input"
    yield fix(title, supply.code, [edit], Applicability.CHOICE, _output(call, call.inputs[0], None))


def _is_grayed(supply: Operand) -> bool:
    """Whether the author turns colours to grayscale on purpose, in the cell that brings the data."""
    calls = [node for node in ast.walk(supply.code.tree) if isinstance(node, ast.Call)]
    return any(called_name(node) in ("rgb_to_grayscale", "rgb2gray") for node in calls)


def _of_declaration(
    call: CallRecord, trace: Trace, axis: int, have: int, sure: Applicability = Applicability.CHOICE
) -> Iterator[Fix]:
    """A model whose declared input has the other number of channels."""
    model = _model_around(call, trace)
    declared = (model.accepts or ())[1:] if model else ()
    if call.inputs[0][1] == (call.accepts or (None,))[axis]:
        yield from _of_shifted_declaration(call, trace, declared)
        return  # the channels are there, on axis 1
    for cell, literal in declared_literals(trace, declared) if declared else ():
        edit = cell.replace(literal.elts[axis - 1], str(have))
        title = f"declare the model's input with {counted(have, 'channel')}"
        yield fix(title, cell, [edit], sure)


def _of_shifted_declaration(call: CallRecord, trace: Trace, declared: Shape) -> Iterator[Fix]:
    """A declared shape read off an array from its first axis, the samples, on: `(x.shape[0], x.shape[1])`."""
    for cell, literal in declared_literals(trace, declared) if declared else ():
        edits = []
        for place, element in enumerate(literal.elts):
            match element:
                case ast.Subscript(value=ast.Attribute(attr="shape"), slice=ast.Constant(value=int(axis)) as index):
                    edits += [cell.replace(index, str(axis + 1))] if axis == place else []
        if edits and len(edits) == len(literal.elts):
            title = "declare the shape of one sample: its first axis is that of the array after the samples"
            yield fix(title, cell, edits, Applicability.SURE)


def _of_turned_data(call: CallRecord, trace: Trace, supply: Operand | None) -> Iterator[Fix]:
    """The data turned as the model was declared: of sequences either may be the one that is meant."""
    order = (0, *range(2, len(call.inputs[0])), 1)
    around = transposing(supply.code, order, array=True) if supply is not None and len(order) == 3 else None
    if supply is not None and around is not None:
        edit = wrapped(supply.code, supply.value, *around)
        yield fix("turn the data: steps first, then features", supply.code, [edit], Applicability.CHOICE)


def _of_turned_declaration(call: CallRecord, trace: Trace, axis: int) -> Iterator[Fix]:
    """A model declared channels-first for data that is channels-last."""
    model = _model_around(call, trace)
    declared, given = (model.accepts or ())[1:] if model else (), call.inputs[0][1:]
    if not declared or axis != len(given) or given != (*declared[1:], declared[0]):
        return
    for cell, literal in declared_literals(trace, declared):
        edit = cell.replace(literal, reordered(cell, literal, (*range(1, len(declared)), 0)))
        title = f"declare the model's input channels-last: {spelled(given)}"
        yield fix(title, cell, [edit], Applicability.SURE)
        return


def _model_around(call: CallRecord, trace: Trace) -> CallRecord | None:
    """The model whose own input it is that `call` was given: `call` itself, or one around it."""
    found = call if call.options is None else None
    for around in graph_of(trace).ancestors(call):
        if around.inputs[:1] != call.inputs[:1]:
            break
        found = around if around.accepts is not None else found
    return found


def _output(call: CallRecord, shape: Shape, kernel: Shape | None = None) -> Shape | None:
    if call.options is None:
        return None
    try:
        return arithmetic.expected_shape(call.options, (shape,), kernel or call.kernel)
    except arithmetic.ShapeProblem:
        return None
