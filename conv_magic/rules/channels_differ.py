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
from conv_magic.model import Applicability, CallRecord, Diagnosis, Fix, Outcome, Severity, Shape, Trace
from conv_magic.repair.edits import fix, indexed, wrapped
from conv_magic.rules.provenance import (
    Supply,
    alias_of,
    declared_inputs,
    origin_of,
    shape_literals,
    supply_of,
)
from conv_magic.rules.rule import axis_names, channel_axis, counted, data_format_of, name_of, place_of, spelled
from conv_magic.source import Code, argument

code = "channels-differ"

VALID: tuple[str, ...] = (
    "import tensorflow as tf\ny = tf.nn.conv2d(tf.zeros((1, 28, 28, 3)), tf.zeros((3, 3, 3, 4)), 1, 'SAME')\n",
)
INVALID: tuple[str, ...] = (
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
    "frames = tf.zeros((2, 3, 32, 32))\n"
    "y = tf.nn.conv2d(frames, tf.zeros((5, 5, 3, 8)), 2, 'SAME')\n",
)


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """One diagnosis where the failed call's input has other channels than the call accepts."""
    if call.outcome is not Outcome.RAISED or not call.inputs or call.accepts is None:
        return
    actual, needed = call.inputs[0], call.accepts
    if len(actual) != len(needed) or len(actual) < 3:
        return
    axis = channel_axis(call, len(actual))
    have, want = actual[axis], needed[axis]
    if have is None or want is None or have == want:
        return
    origin, note = origin_of(call, trace)
    yield Diagnosis(
        code=code,
        severity=Severity.ERROR,
        call=call.index,
        span=place_of(call),
        layer=name_of(call),
        headline=f"{name_of(call)} cannot take {counted(have, 'channel')} with a kernel made for {want}"
        if call.kernel
        else f"{name_of(call)} takes {counted(want, 'channel')}; this input has {have}",
        reasons=_reasons(call),
        expected=_with(actual, axis, want),
        actual=actual,
        axes=(axis,),
        axis_names=axis_names(len(actual), data_format_of(call)),
        origin=origin,
        origin_note=note,
        fixes=tuple(_fixes(call, trace, axis, have, want)),
    )


def _reasons(call: CallRecord) -> tuple[str, ...]:
    if call.kernel is None:
        return ()
    return (f"the kernel is {spelled(call.kernel)}: the size before its last is its number of input channels",)


def _with(shape: Shape, axis: int, size: int) -> Shape:
    return (*shape[:axis], size, *shape[axis + 1 :])


def _fixes(call: CallRecord, trace: Trace, axis: int, have: int, want: int) -> Iterator[Fix]:
    supply = supply_of(call, trace)
    if supply is not None:
        yield from _of_data(call, supply, axis, have, want)
        yield from _of_kernel(call, supply, have)
        yield from _of_layer(call, trace, supply)
    yield from _of_declaration(call, trace, axis, have)


def _of_data(call: CallRecord, supply: Supply, axis: int, have: int, want: int) -> Iterator[Fix]:
    cell, value = supply.code, supply.value
    predicted = _output(call, _with(call.inputs[0], axis, want))
    if axis != 1 and call.inputs[0][1] == want:
        yield from _moved(call, supply, predicted)
    library = _repeating(cell)
    if have == 1 and library:
        edit = wrapped(cell, value, f"{library}.repeat(", f", {want}, axis={_axis(axis)})")
        yield fix(f"repeat the one channel {want} times", cell, [edit], Applicability.SURE, predicted)
    if have == 4 and want == 3 and axis != 1:
        edit = indexed(cell, value, "[..., :3]")
        yield fix("leave out the fourth channel (transparency)", cell, [edit], Applicability.SURE, predicted)
    if have == 3 and want == 1 and axis != 1 and (tensorflow := alias_of(cell, "tensorflow")):
        edit = wrapped(cell, value, f"{tensorflow}.image.rgb_to_grayscale(", ")")
        yield fix("turn the colours to grayscale", cell, [edit], Applicability.SURE, predicted)


def _axis(axis: int) -> int:
    return 1 if axis == 1 else -1


def _repeating(cell: Code) -> str | None:
    """A library the cell has that can repeat along an axis, for tensors of any kind first."""
    for module, spelling in (("tensorflow", "{}"), ("keras", "{}.ops"), ("numpy", "{}")):
        name = alias_of(cell, module)
        if name:
            return spelling.format(name)
    return None


def _moved(call: CallRecord, supply: Supply, predicted: Shape | None) -> Iterator[Fix]:
    rank = len(call.inputs[0])
    order = [0, *range(2, rank), 1]
    shape = tuple(call.inputs[0][axis] for axis in order)
    for module, spelling in (("tensorflow", "{}"), ("numpy", "{}"), ("keras", "{}.ops")):
        name = alias_of(supply.code, module)
        if name:
            edit = wrapped(supply.code, supply.value, f"{spelling.format(name)}.transpose(", f", {order})")
            title = "move the channels from axis 1 to the last"
            yield fix(title, supply.code, [edit], Applicability.SURE, _output(call, shape))
            return


def _of_kernel(call: CallRecord, supply: Supply, have: int) -> Iterator[Fix]:
    """`tf.nn`: a kernel made for this input, where its shape is written down."""
    given = argument(supply.call, 1, "filters", "filter")
    if call.layer is not None or call.kernel is None or given is None:
        return
    made = (*call.kernel[:-2], have, call.kernel[-1])
    for literal in shape_literals(supply.code, given, call.kernel):
        edit = supply.code.replace(literal.elts[-2], str(have))
        title = f"make the kernel for {counted(have, 'channel')}"
        yield fix(title, supply.code, [edit], Applicability.CHOICE, _output(call, call.inputs[0], made))
        return


def _of_layer(call: CallRecord, trace: Trace, supply: Supply) -> Iterator[Fix]:
    """Keras: a new layer in place of one that was built on another input."""
    made = supply.code.call_at(call.created)
    callee = supply.call.func
    if made is None or not isinstance(callee, ast.Name):
        return
    edit = supply.code.replace(callee, supply.code.text_of(made))
    title = f"build a new {call.op} for this input"
    yield fix(title, supply.code, [edit], Applicability.CHOICE, _output(call, call.inputs[0], None))


def _of_declaration(call: CallRecord, trace: Trace, axis: int, have: int) -> Iterator[Fix]:
    """A model whose declared input has the other number of channels."""
    declared = (call.accepts or ())[1:]
    for cell, literal in declared_inputs(trace, declared):
        edit = cell.replace(literal.elts[axis - 1], str(have))
        title = f"declare the model's input with {counted(have, 'channel')}"
        yield fix(title, cell, [edit], Applicability.CHOICE)


def _output(call: CallRecord, shape: Shape, kernel: Shape | None = None) -> Shape | None:
    if call.options is None:
        return None
    try:
        return arithmetic.expected_shape(call.options, (shape,), kernel or call.kernel)
    except arithmetic.ShapeProblem:
        return None
