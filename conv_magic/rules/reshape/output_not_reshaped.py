"""The output and the labels hold the same numbers of each sample, one of them as a row, the other as a map.

What: the model gives rows of 784 where the targets are 28 x 28 x 1, or the reverse.
Why: the decoder of an autoencoder ends in a dense layer; the targets were flattened, or were not, with the data.
Example:

    model = Sequential([Input((28, 28, 1)), Flatten(), Dense(32), Dense(784)])
    model.fit(images, images)

Use instead:

    model = Sequential([Input((28, 28, 1)), Flatten(), Dense(32), Dense(784), Reshape((28, 28, 1))])

Fix safety: every number keeps its place in the order; nothing is averaged or left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from conv_magic.analysis.operands import module_alias
from conv_magic.analysis.training import (
    Training,
    compared_in,
    expression_to_edit,
    label_origin,
    last_layer_before,
    own_part,
    training_of,
)
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import name_of, spelled
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.fixes.layer_changes import added_behind
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, wrapped

code = "output-not-reshaped"

_START = "import keras, numpy as np\nfrom keras import layers\nimages = np.zeros((6, 7, 7, 1))\n"
VALID: tuple[str, ...] = (
    _START + "net = keras.Sequential([keras.Input((7, 7, 1)), layers.Flatten(), layers.Dense(49)])\n"
    "net.compile('sgd', 'mse')\nnet.fit(images, images.reshape(6, 49), verbose=0)\n",
)
INVALID: tuple[str, ...] = (
    _START + "net = keras.Sequential([keras.Input((7, 7, 1)), layers.Flatten(), layers.Dense(49)])\n"
    "net.compile('sgd', 'binary_crossentropy')\nnet.fit(images, images, verbose=0)\n",
    _START + "net = keras.Sequential([keras.Input((7, 7, 1)), layers.Conv2D(1, 3, padding='same')])\n"
    "rows = images.reshape(6, 49)\nnet.compile('sgd', 'mse')\nnet.fit(images, rows, verbose=0)\n",
)


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where a failed loss met a row and a map of as many numbers."""
    training = training_of(call, trace) or compared_in(call, trace) if call.outcome is Outcome.RAISED else None
    training = own_part(training) if training is not None else None
    if training is None or not _have_same_numbers(training.y_true, training.y_pred):
        return
    fixes = tuple(_fixes(training))
    if fixes:
        yield diagnosed(
            code,
            call,
            f"{name_of(call)} cannot compare targets {spelled(training.y_true)} with {spelled(training.y_pred)}",
            reasons=("both hold the same numbers of each sample, once as a row and once as a map",),
            expected=training.y_pred,
            actual=training.y_true,
            origin=label_origin(training),
            fixes=fixes,
        )


def _have_same_numbers(first: Shape, second: Shape) -> bool:
    """Check whether one shape is a row and the other a map of as many numbers a sample."""
    sizes = [shape[1:] for shape in (first, second)]
    if min(map(len, sizes)) != 1 or max(map(len, sizes)) < 2 or None in (*sizes[0], *sizes[1]):
        return False
    counts = [prod(size or 0 for size in shape) for shape in sizes]
    return counts[0] == counts[1] > 1 and (max(sizes, key=len)[:-1] != (1,) * (max(map(len, sizes)) - 1))


def _fixes(training: Training) -> Iterator[Fix]:
    labels_shape, output = training.y_true, training.y_pred
    last = last_layer_before(training)
    if last is not None and len(labels_shape) > len(output):
        edits = added_behind(last, training.trace, "Reshape", spelled(labels_shape[1:]))
        if edits is not None:
            yield fix(f"reshape the output to {spelled(labels_shape[1:])}", *edits, Applicability.SURE)
    numpy = module_alias(training.code, "numpy")
    if training.labels is not None and numpy is not None:
        sizes = ", ".join(map(str, output[1:]))
        labels = (
            expression_to_edit(training.code, training.labels) if len(labels_shape) < len(output) else training.labels
        )
        edit = wrapped(training.code, labels, f"{numpy}.reshape(", f", (-1, {sizes}))")
        sure = Applicability.SURE if len(labels_shape) < len(output) else Applicability.CHOICE
        yield fix(f"reshape the targets to {spelled(output[1:])}", training.code, [edit], sure)
