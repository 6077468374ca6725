"""The model gives another number of values for each sample than the labels have.

What: the last layer's units and the labels' columns differ, or a class number is as large as the number of units.
Why: two classes can be one column or two; a model is taken from another task; a regression was given two units.
Example:

    keras.layers.Dense(4, activation="softmax")     # the labels are (n, 2)

Use instead:

    keras.layers.Dense(2, activation="softmax")

Fix safety: the labels say what there is to predict, so the layer follows them.  Where one unit meets two columns the
labels follow the layer: one column holds the same information.  Some regression losses repeat the single column without
an error; then this is a warning.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.operands import code_of
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.analysis.training import (
    Training,
    activation_of,
    compared_in,
    expression_to_edit,
    label_origin,
    loaders_of,
    loss_given,
    output_layer_of,
    own_part,
    repeats_silently,
    training_of,
    with_label_mode,
    with_number,
    with_units,
)
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import counted, name_of, spelled
from conv_magic.model.positions import Edit, Span
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, indexed, with_argument
from conv_magic.text.source import Code, argument, called_name

code = "output-units-differ"

_MODEL = (
    "import keras\nimport numpy as np\nfrom keras import layers\n"
    "def build(units, **how):\n"
    "    image = keras.Input((12, 12, 1))\n"
    "    features = layers.Flatten()(layers.Conv2D(3, 3)(image))\n"
    "    return keras.Model(image, layers.Dense(units, **how)(features))\n"
    "images = np.zeros((8, 12, 12, 1), 'float32')\n"
)
VALID: tuple[str, ...] = (
    _MODEL + "model = build(1)\nmodel.compile('sgd', 'mse')\nmodel.fit(images, np.zeros(8), verbose=0)\n",
    _MODEL + "model = build(3)\nmodel.compile('sgd', 'mse')\nmodel.fit(images, np.zeros((8, 3)), verbose=0)\n",
    _MODEL + "model = build(3)\nmodel.compile('sgd', 'mse')\nmodel.fit(images, np.zeros(8), batch_size=1, verbose=0)\n",
)
INVALID: tuple[str, ...] = (
    _MODEL + "model = build(6, activation='softmax')\nmodel.compile('sgd', 'categorical_crossentropy')\n"
    "model.fit(images, np.eye(4)[np.arange(8) % 4], verbose=0)\n",
    _MODEL + "model = build(1, activation='sigmoid')\nmodel.compile('sgd', 'binary_crossentropy')\n"
    "answers = np.eye(2)[np.arange(8) % 2]\nmodel.evaluate(images, answers, verbose=0)\n",
    _MODEL + "net = build(2)\nnet.compile('sgd', loss='mae')\nnet.fit(images, np.zeros((8, 1)), verbose=0)\n",
    _MODEL + "net = build(3)\nnet.compile('sgd', loss='mse')\nnet.fit(images, np.arange(8.0), verbose=0)\n",
    _MODEL + "net = build(4, activation='softmax')\nnet.compile('sgd', loss='sparse_categorical_crossentropy')\n"
    "net.train_on_batch(images, np.arange(8) % 5)\n",
)

_RANGE = re.compile(r"label value of (\d+) which is outside the valid range of \[0, (\d+)\)")


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """One diagnosis where a loss met an output with another number of columns than the labels have."""
    found = _out_of_range(call, trace)
    training = training_of(call, trace) or compared_in(call, trace)
    training = own_part(training) if training is not None else None
    if found is None and training is not None and _differ(training, call.outcome):
        found = training, _columns(training.y_true), None
    if found is None:
        return
    training, want, largest = found
    have = training.y_pred[-1]
    head = output_layer_of(training.call, trace)
    yield diagnosed(
        code,
        call,
        _headline(head, have, want, largest),
        layer=name_of(head) if head else name_of(call),
        reasons=_reasons(training, call),
        expected=(*training.y_pred[:-1], want),
        actual=training.y_pred,
        axes=(len(training.y_pred) - 1,),
        origin=_origin(head) if largest is not None or training.labels is None else label_origin(training),
        fixes=_fixes(training, head, want, largest),
    )


def _differ(training: Training, outcome: Outcome) -> bool:
    true, pred = training.y_true, training.y_pred
    if len(pred) != 2 or len(true) not in (1, 2) or pred[-1] is None or _columns(true) is None:
        return False
    # Labels without a column of their own are in many a sketch, Keras' documentation among them.
    if outcome is Outcome.RETURNED and (len(true) == 1 or not repeats_silently(training)):
        return False
    if "sparse" in name_of(training.call).lower() or (None not in (true[0], pred[0]) and true[0] != pred[0]):
        return False
    return _columns(true) != pred[-1]


def _columns(true: Shape) -> int | None:
    return true[-1] if len(true) > 1 else 1


def _out_of_range(call: CallRecord, trace: Trace) -> tuple[Training, int | None, int | None] | None:
    """A sparse loss that met a class number as large as the number of units, as TensorFlow reports it."""
    told = _RANGE.search(call.error or "") if call.outcome is Outcome.RAISED else None
    if told is None:
        return None
    inside = [call, *graph_of(trace).inside(call)]
    found = (training_of(made, trace) for made in reversed(inside))
    training = next((t for t in found if t is not None and len(t.y_pred) > 1), None)
    largest = int(told[1])
    return (training, largest + 1, largest) if training is not None else None


def _headline(head: CallRecord | None, have: int | None, want: int | None, largest: int | None) -> str:
    name = f"{name_of(head)} gives" if head else "the model gives"
    values = f"{counted(have, 'value')} for each sample"
    if largest is not None:
        return f"{name} {values}, but there is a class number {largest}"
    return f"{name} {values}, but the labels have {counted(want, 'column')}"


def _reasons(training: Training, call: CallRecord) -> Iterator[str]:
    yield f"the labels are {spelled(training.y_true)}, the output is {spelled(training.y_pred)}"
    if call.outcome is Outcome.RETURNED:
        yield f"{name_of(training.call)} repeats the single column over the others, so it ran all the same"


def _origin(head: CallRecord | None) -> tuple[Span | None, str | None]:
    if head is None or head.created is None:
        return None, None
    return head.created, f"{name_of(head)} is made on line {head.created.line}"


def _fixes(training: Training, head: CallRecord | None, want: int | None, largest: int | None) -> Iterator[Fix]:
    have = training.y_pred[-1]
    if head is None or want is None or have is None:
        return
    if largest is not None:
        yield from _for_class_numbers(training, head, want, have)
        return
    if have == 1 and want == 2 and _loss_is(training, "binary_crossentropy"):
        yield from _one_column(training)
        yield from _as_classes(training, head, want, "categorical_crossentropy", Applicability.CHOICE)
        return
    if have == 1 and want > 2 and _loss_is(training, "binary_crossentropy"):
        yield from _as_classes(training, head, want, "categorical_crossentropy", Applicability.SURE)
        return
    yield from _encoded_again(training, have, want, Applicability.SURE if want < have else Applicability.CHOICE)
    yield from _units(training.trace, head, want, have)


def _loss_is(training: Training, name: str) -> bool:
    return name in (training.call.layer, training.call.op) or training.call.op == "BinaryCrossentropy"


def _units(trace: Trace, head: CallRecord, want: int, have: int) -> Iterator[Fix]:
    title = f"give {name_of(head)} {counted(want, 'unit')}"
    for place, (cell, edit) in enumerate(with_units(head, trace, want)):
        yield fix(title, cell, [edit], Applicability.CHOICE if place else Applicability.SURE)


def _one_column(training: Training) -> Iterator[Fix]:
    """Labels of two columns as the one that says whether it is the second class."""
    for cell, loader in loaders_of(training):
        edit = with_label_mode(cell, loader, "binary")
        yield fix("load the labels as one column", cell, [edit], Applicability.SURE)
    if training.labels is not None:
        place = expression_to_edit(training.code, training.labels)
        edit = indexed(training.code, place, "[:, 1:]")
        title = "keep the second column of the labels: 1 for the second class"
        yield fix(title, training.code, [edit], Applicability.SURE)


def _as_classes(
    training: Training, head: CallRecord, want: int, loss: str, applicability: Applicability
) -> Iterator[Fix]:
    """The last layer and the loss changed from one yes or no to a choice among classes."""
    given = loss_given(training)
    cell = code_of(training.trace, head.created)
    made = cell.call_at(head.created) if cell else None
    if given is None or cell is None or made is None or given[0].cell != cell.cell:
        return
    word = _replaced_word(*given, loss)
    activation = next((k.value for k in made.keywords if k.arg == "activation"), None)
    for _, edit in with_units(head, training.trace, want):
        if word is not None and isinstance(activation, ast.Constant) and edit.span != word.span:
            edits = [edit, cell.replace(activation, '"softmax"'), word]
            yield fix(f"choose among {want} classes with softmax", cell, edits, applicability)
        return


def _replaced_word(cell: Code, given: ast.expr, word: str) -> Edit | None:
    return cell.replace(given, f'"{word}"') if isinstance(given, ast.Constant) else None


def _encoded_again(training: Training, have: int, want: int, applicability: Applicability) -> Iterator[Fix]:
    """One-hot labels made with as many columns as the model has units, where the labels' own number was left out."""
    if training.labels is None:
        return
    for origin in definitions_of(training.code, training.labels):
        if not isinstance(origin, ast.Call) or called_name(origin) != "to_categorical" or not origin.args:
            continue
        given = argument(origin, 1, "num_classes")
        if given is None and want < have:
            edit = with_argument(training.code, origin, 1, "num_classes", str(have))
            yield fix(f"make the labels for {have} classes", training.code, [edit], applicability)
        elif given is not None and want != have:
            for edit in with_number(training.code, training.trace, given, have):
                yield fix(f"make the labels for {have} classes", training.code, [edit], Applicability.CHOICE)
                return


def _for_class_numbers(training: Training, head: CallRecord, want: int, have: int) -> Iterator[Fix]:
    """More units for the largest class number; one sigmoid unit for two classes keeps its unit and gets its loss."""
    given = loss_given(training)
    word = _replaced_word(*given, "binary_crossentropy") if given is not None else None
    if have == 1 and activation_of(head, training.trace) == "sigmoid" and given is not None and word is not None:
        yield fix("use the loss for one yes or no", given[0], [word], Applicability.SURE)
        return
    yield from _units(training.trace, head, want, have)
