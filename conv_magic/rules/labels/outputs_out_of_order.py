"""The labels of a model with several outputs are in another order than the outputs.

What: a list of labels is matched with the outputs by position; those given fit only in another order.
Why: the outputs were listed in another order when the model was made.
Example:

    model = Model(image, [age, kind])
    model.fit(images, [kinds, ages])

Use instead:

    model.fit(images, [ages, kinds])

Fix safety: nothing but the order is changed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import permutations

from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.analysis.training import Training, labels_fit, training_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import name_of, spelled
from conv_magic.model.options import FitOptions
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix

code = "outputs-out-of-order"

_MODEL = (
    "import keras, numpy as np\nfrom keras import layers\n"
    "image = keras.Input((8, 8, 1))\n"
    "x = layers.GlobalMaxPooling2D()(layers.Conv2D(4, 3)(image))\n"
    "model = keras.Model(image, [layers.Dense(4)(x), layers.Dense(2, activation='softmax')(x)])\n"
    "model.compile('sgd', ['mse', 'categorical_crossentropy'])\n"
    "images, boxes, kinds = np.zeros((6, 8, 8, 1)), np.zeros((6, 4)), np.eye(2)[[0, 1, 0, 1, 1, 0]]\n"
)
VALID: tuple[str, ...] = (_MODEL + "model.fit(images, [boxes, kinds], verbose=0)\n",)
INVALID: tuple[str, ...] = (
    _MODEL + "model.fit(images, [kinds, boxes], verbose=0)\n",
    _MODEL + "labels = [kinds, boxes]\nmodel.evaluate(images, y=labels, verbose=0)\n",
)

_MOST_OUTPUTS = 6
"""More have too many orders to try."""


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where the labels that a failed loss met fit the outputs in another order."""
    training = training_of(call, trace) if call.outcome is Outcome.RAISED else None
    given = training.given if training is not None else None
    if training is None or training.labels is None or given is None or not 1 < len(given.y) <= _MOST_OUTPUTS:
        return
    outputs = _outputs_met(call, trace, len(given.y))
    order = _order_of_labels(given, outputs) if outputs else None
    fixes = tuple(_fixes(training, order)) if order else ()
    if not fixes:
        return
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} compares an output of {spelled(training.y_pred)} with labels of {spelled(training.y_true)}",
        reasons=(f"the outputs are {' and '.join(map(spelled, outputs))}, in this order",),
        expected=training.y_pred,
        actual=training.y_true,
        fixes=fixes,
    )


def _outputs_met(call: CallRecord, trace: Trace, count: int) -> tuple[Shape, ...]:
    """Return the model's outputs in order; empty where they are not known.

    They are known as far as losses met them, and one more from what the layers gave.
    """
    met = [c.inputs[1] for c in graph_of(trace).beside(call) if c.op == call.op and len(c.inputs) == 2]
    rest = list(_unread_outputs(call, trace))
    for shape in met if len(met) < count else ():
        if shape not in rest:
            return ()
        rest.remove(shape)
    if len(met) == count:
        return tuple(met)
    return (*met, *rest) if len(met) + len(rest) == count and len(rest) == 1 else ()


def _unread_outputs(call: CallRecord, trace: Trace) -> Iterator[Shape]:
    """Yield what the layers inside the model gave that no other layer was given; in no order."""
    inside = [c for c in trace.calls if c.parent is not None and trace.calls[c.parent].parent == call.parent]
    read = {producer for c in inside for producer in c.producers}
    return (c.output for c in inside if c.index not in read and c.output is not None)


def _order_of_labels(given: FitOptions, outputs: tuple[Shape, ...]) -> tuple[int, ...] | None:
    """Return the one order in which the labels have the outputs' shapes; None if they do already, or if several do."""
    pairs = zip(given.y, outputs, strict=True)
    if all(labels_fit(have, want) for have, want in pairs):
        return None
    fitting = [
        order
        for order in permutations(range(len(given.y)))
        if all(labels_fit(given.y[index], want) for index, want in zip(order, outputs, strict=True))
    ]
    return fitting[0] if len(fitting) == 1 else None


def _fixes(training: Training, order: tuple[int, ...]) -> Iterator[Fix]:
    cell = training.code
    for origin in definitions_of(cell, training.labels) if training.labels is not None else ():
        if isinstance(origin, ast.List | ast.Tuple) and len(origin.elts) == len(order):
            texts = [cell.text_of(origin.elts[index]) for index in order]
            pairs = zip(origin.elts, texts, strict=True)
            edits = [cell.replace(node, text) for node, text in pairs if cell.text_of(node) != text]
            yield fix("put the labels into the order of the outputs", cell, edits, Applicability.SURE)
            return
