"""The result has another shape than the arithmetic says.

What: an eager call returned, and its shape is not the one that its input and options give.
Why: TensorFlow's oneDNN kernels skip an empty input and hand back a tensor of the input's own shape
(https://github.com/tensorflow/tensorflow/issues/111453).  The last, empty batch of a loop over data is such an input.
A Keras layer then fails in its bias, with a message about something else.
Example:

    y = tf.nn.conv2d(batch, kernel, 1, "VALID")                 # batch is (0, 8, 8, 3)

Use instead:

    y = tf.nn.conv2d(batch, kernel, 1, "VALID") if batch.shape[0] else tf.zeros((0, 6, 6, 4))

Fix safety: a batch that is not empty goes the same way as before.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic import arithmetic
from conv_magic.analysis.operands import code_of, module_alias, origin_of
from conv_magic.capture import capability
from conv_magic.model.calls import CallRecord, Mode, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import axis_names, data_format_of, name_of, spelled
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import Pinned, diagnosed
from conv_magic.text.edits import fix
from conv_magic.text.source import Code, argument

code = "wrong-result-shape"

_BATCH = (
    "import tensorflow as tf\n"
    "batch = tf.zeros((10, 8, 8, 3))[10:]\n"
    "y = tf.nn.conv2d(batch, tf.zeros((3, 3, 3, 4)), 1, 'VALID')\n"
)
_REST = (
    "import keras, numpy as np\n"
    "rest = np.zeros((0, 8, 8, 3), 'float32')\n"
    "conv = keras.layers.Conv2D(4, 3)\n"
    "y = conv(rest)\n"
)
VALID: tuple[str, ...] = (
    Pinned(_BATCH, onednn=False),
    Pinned(_REST, onednn=False),
    "import tensorflow as tf\ny = tf.nn.conv2d(tf.zeros((1, 8, 8, 3)), tf.zeros((3, 3, 3, 4)), 1, 'VALID')\n",
    "import keras\ny = keras.layers.Conv2D(4, 3)(keras.Input((8, 8, 3), batch_size=0))\n",
    "import tensorflow as tf\nx = tf.zeros((0, 8, 8, 4))\ny = tf.nn.conv2d(x, tf.zeros((3, 3, 4, 4)), 1, 'SAME')\n",
)
INVALID: tuple[str, ...] = (Pinned(_BATCH, onednn=True), Pinned(_REST, onednn=True))


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where an eager call's result has an impossible shape, or a layer fails on an empty input."""
    if call.mode is not Mode.EAGER or call.expected is None or not call.inputs:
        return
    returned = call.outcome is Outcome.RETURNED and not arithmetic.shapes_agree(call.expected, call.output)
    if not returned and not _fails_on_empty_input(call):
        return
    actual = call.output if returned else call.inputs[0]
    yield diagnosed(
        code,
        call,
        _headline(call, returned),
        reasons=_reasons(call),
        expected=call.expected if returned else None,
        actual=actual,
        axes=_differing_axes(call) if returned else (call.inputs[0].index(0),),
        axis_names=axis_names(len(actual or ()), data_format_of(call)),
        origin=origin_of(call, trace),
        fixes=_fixes(call, trace),
    )


def _fails_on_empty_input(call: CallRecord) -> bool:
    """Check whether a layer failed on an empty input because of what oneDNN made of it."""
    windowed = isinstance(call.options, arithmetic.WindowOptions)
    empty = call.outcome is Outcome.RAISED and windowed and 0 in call.inputs[0]
    return empty and capability.onednn() is True and not capability.gpu()


def _headline(call: CallRecord, returned: bool) -> str:
    if returned:
        return f"{name_of(call)} gave {spelled(call.output)} where the arithmetic says {spelled(call.expected)}"
    return f"{name_of(call)} fails on the empty input {spelled(call.inputs[0])}"


def _reasons(call: CallRecord) -> Iterator[str]:
    if 0 in call.inputs[0]:
        yield f"the input {spelled(call.inputs[0])} is empty along axis {call.inputs[0].index(0)}"
        if capability.onednn() and (call.outcome is Outcome.RAISED or call.output == call.inputs[0]):
            yield "TensorFlow's oneDNN kernels then hand back a tensor of the input's own shape"
        if call.outcome is Outcome.RAISED:
            yield f"the result should be as empty: {spelled(call.expected)}"


def _differing_axes(call: CallRecord) -> tuple[int, ...]:
    """Return the axes in which the result differs from what is expected."""
    expected, output = call.expected or (), call.output or ()
    shared = min(len(expected), len(output))
    different = [axis for axis in range(shared) if expected[axis] != output[axis]]
    return (*different, *range(shared, len(expected)))


def _fixes(call: CallRecord, trace: Trace) -> Iterator[Fix]:
    """Yield a fix that makes the call only where there is something to compute, else gives the empty result."""
    cell = code_of(trace, call.span)
    node = cell.call_at(call.span) if cell else None
    given = argument(node, 0, "input", "inputs", "value") if node else None
    zeros = _zeros_function(cell) if cell else None
    if cell is None or node is None or not isinstance(given, ast.Name) or zeros is None or 0 not in call.inputs[0]:
        return
    empty = f"{zeros}({spelled(call.expected)}, {(call.dtype or 'float32')!r})"
    text = f"{cell.text_of(node)} if {given.id}.shape[{call.inputs[0].index(0)}] else {empty}"
    outer = list(cell.around(node))[1]
    if not isinstance(outer, ast.Assign | ast.Return | ast.Expr):
        text = f"({text})"
    title = f"where {given.id} is empty, take {spelled(call.expected)} without the call"
    yield fix(title, cell, [cell.replace(node, text)], Applicability.SURE)


def _zeros_function(cell: Code) -> str | None:
    """Return how the cell spells `tf.zeros`; None where it has no library for it."""
    for module, spelling in (("tensorflow", "{}.zeros"), ("keras", "{}.ops.zeros"), ("numpy", "{}.zeros")):
        name = module_alias(cell, module)
        if name is not None:
            return spelling.format(name)
    return None
