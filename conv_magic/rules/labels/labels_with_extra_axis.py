"""The labels have one axis of length 1 that the output lacks.

What: the labels are (n, 1, 3) where the output is (n, 3).
Why: class numbers were kept as a column, (n, 1), and `tf.one_hot` puts the classes behind all axes there are.
Example:

    rows = tf.one_hot(labels, 10)                    # labels are (n, 1)
    model.fit(images, rows)

Use instead:

    model.fit(images, rows[:, 0])

Fix safety: an axis of length 1 is taken out, no value is lost.
"""

from __future__ import annotations

from collections.abc import Iterator

from conv_magic.analysis.training import (
    Training,
    expression_to_edit,
    label_origin,
    own_part,
    repeats_silently,
    training_of,
)
from conv_magic.arithmetic import shapes_agree
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import name_of, spelled
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, indexed

code = "labels-with-extra-axis"

_MODEL = (
    "import keras, numpy as np, tensorflow as tf\nfrom keras import layers\n"
    "net = keras.Sequential([keras.Input((9, 9, 1)), layers.Flatten(), layers.Dense(4, activation='softmax')])\n"
    "images, kinds = np.zeros((6, 9, 9, 1)), np.array([[0], [1], [2], [3], [0], [1]])\n"
)
VALID: tuple[str, ...] = (
    _MODEL + "net.compile('sgd', 'categorical_crossentropy')\nnet.fit(images, tf.one_hot(kinds[:, 0], 4), verbose=0)\n",
)
INVALID: tuple[str, ...] = (
    _MODEL + "rows = tf.one_hot(kinds, 4)\nnet.compile('sgd', 'categorical_crossentropy')\n"
    "net.fit(images, rows, verbose=0)\n",
    _MODEL + "rows = keras.utils.to_categorical(kinds[..., None], 4)\nnet.compile('sgd', 'mse')\n"
    "net.fit(images, rows, verbose=0)\n",
    _MODEL + "net.compile('sgd', 'categorical_crossentropy')\n"
    "data = tf.data.Dataset.from_tensor_slices((images, tf.one_hot(kinds, 4))).batch(2)\n"
    "net.fit(data, verbose=0)\n",
)


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where labels without one of their axes of length 1 have the output's shape."""
    training = training_of(call, trace)
    training = own_part(training) if training is not None else None
    axis = _axis_too_many(training.y_true, training.y_pred) if training is not None else None
    if training is None or axis is None or training.call.op == "metrics":
        return
    if call.outcome is Outcome.RETURNED and not repeats_silently(training):
        return
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} compares labels of {spelled(training.y_true)} with an output of {spelled(training.y_pred)}",
        reasons=(f"the labels have an axis of length 1 more, at place {axis}",),
        expected=training.y_pred,
        actual=training.y_true,
        origin=label_origin(training),
        fixes=_fixes(training, axis),
    )


def _axis_too_many(labels: Shape, output: Shape) -> int | None:
    """Return the axis to be taken out; None where that does not make the shapes agree."""
    if len(labels) != len(output) + 1 or len(output) < 2 or output[-1] in (1, None):
        return None
    for axis in range(1, len(labels) - 1):
        rest = (*labels[:axis], *labels[axis + 1 :])
        if labels[axis] == 1 and shapes_agree(rest, output):
            return axis
    return None


def _fixes(training: Training, axis: int) -> Iterator[Fix]:
    index = f"[{':, ' * axis}0]"
    title = "take the axis of length 1 out of the labels"
    cell = training.code
    if training.labels is not None:
        yield fix(title, cell, [indexed(cell, expression_to_edit(cell, training.labels), index)], Applicability.SURE)
    elif training.data is not None and training.given is not None and training.given.dataset:
        edit = indexed(cell, training.data, f".map(lambda x, y: (x, y{index}))")
        yield fix(title, cell, [edit], Applicability.SURE)
