"""A convolution whose shape is right and whose numbers may not be.

What: a 2-D or 3-D convolution of several one-channel images whose output is one wide, though its stride along the
width is more than 1.
Why: TensorFlow's oneDNN kernels then write rows to the wrong positions and leave others unwritten.  Found by comparing
calls with TensorFlow without oneDNN (`TF_ENABLE_ONEDNN_OPTS=0`), which computes them rightly; in most such
calls the numbers differ, in the rest the memory happened to hold the right ones.
Example:

    y = tf.nn.conv2d(tf.ones((2, 3, 3, 1)), kernel, (1, 2), "VALID")     # kernel is (1, 2, 1, 1)

Use instead:

    y = tf.nn.conv2d(tf.ones((2, 3, 3, 1))[:, :, :2], kernel, 1, "VALID")

Fix safety: only columns that no window reached are left out; a stride along one position changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from conv_magic.analysis.arguments import option_of, with_option
from conv_magic.analysis.operands import code_of
from conv_magic.capture import capability
from conv_magic.model.calls import CallRecord, Mode, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import name_of, spelled
from conv_magic.model.options import ConvOptions
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import Pinned, diagnosed
from conv_magic.text.edits import fix, indexed

code = "unreliable-numbers"

_ROWS = (
    "import tensorflow as tf\n"
    "rows = tf.ones((2, 3, 3, 1))\n"
    "y = tf.nn.conv2d(rows, tf.ones((1, 2, 1, 1)), (1, 2), 'VALID')\n"
)
VALID: tuple[str, ...] = (
    Pinned(_ROWS, onednn=False),
    "import tensorflow as tf\ny = tf.nn.conv2d(tf.ones((1, 3, 3, 1)), tf.ones((1, 2, 1, 1)), (1, 2), 'VALID')\n",
    "import tensorflow as tf\ny = tf.nn.conv2d(tf.ones((2, 3, 5, 1)), tf.ones((1, 2, 1, 1)), (1, 2), 'VALID')\n",
    "import tensorflow as tf\ny = tf.nn.conv2d(tf.ones((2, 9, 5, 1)), tf.ones((3, 5, 1, 4)), 1, 'VALID')\n",
)
INVALID: tuple[str, ...] = (
    Pinned(_ROWS, onednn=True),
    Pinned(
        "import keras, numpy as np\n"
        "words = np.ones((2, 9, 5, 1), 'float32')\n"
        "y = keras.layers.Conv2D(4, (3, 5), strides=(1, 5))(words)\n",
        onednn=True,
    ),
)


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a warning where a call that returned is of the kind described above."""
    if call.outcome is not Outcome.RETURNED or not _is_affected(call):
        return
    if not capability.onednn() or capability.gpu():
        return
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} has the right shape, but its numbers may be wrong",
        reasons=(
            f"the output {spelled(call.output)} is one wide, with one input channel and a stride of {_stride(call)}",
            "TensorFlow's oneDNN kernels mistake the distance between the rows of such a call",
        ),
        fixes=_fixes(call, trace),
    )


def _is_affected(call: CallRecord) -> bool:
    """Check whether an eager convolution has the shapes and strides that the kernels get wrong."""
    options, output = call.options, call.output
    if not isinstance(options, ConvOptions) or len(options.kernel_size) not in (2, 3) or call.mode is not Mode.EAGER:
        return False
    rank = len(options.kernel_size) + 2
    if output is None or len(output) != rank or len(call.inputs[0]) != rank or options.data_format == "channels_first":
        return False
    batch, rows = output[0], output[-3]
    has_several_images = rows is not None and rows > 1 and (rank == 5 or (batch is not None and batch > 1))
    has_steps = options.strides[-2] == 1 and options.strides[-1] > 1 and options.kernel_size[-1] > 1
    return has_several_images and output[-2] == 1 and call.inputs[0][-1] == 1 and has_steps


def _stride(call: CallRecord) -> int:
    """Return the stride along the width."""
    return call.options.strides[-1] if isinstance(call.options, ConvOptions) else 1


def _fixes(call: CallRecord, trace: Trace) -> Iterator[Fix]:
    """Yield a fix that takes a stride of 1, and only as much width as the one window covers."""
    span = call.span if call.layer is None else call.created
    cell, options, width = code_of(trace, span), call.options, call.inputs[0][2]
    node = cell.call_at(span) if cell else None
    if cell is None or node is None or not isinstance(options, ConvOptions) or options.padding != "valid":
        return
    if len(options.kernel_size) != 2:  # other strides would have to be kept
        return
    edits = [with_option(cell, node, "strides", "1", call.op)]
    covered = (options.kernel_size[1] - 1) * options.dilation_rate[1] + 1
    if width != covered:
        given = option_of(node, "input", call.op) if call.layer is None else None
        if given is None:
            return
        edits.append(indexed(cell, given, f"[:, :, :{covered}]"))
    yield fix("take a stride of 1 over the one window there is", cell, edits, Applicability.SURE, call.output)
