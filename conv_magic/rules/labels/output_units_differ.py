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
    """Yield a diagnosis where a loss met an output with another number of columns than the labels have."""
    found = _out_of_range(call, trace)
    training = training_of(call, trace) or compared_in(call, trace)
    training = own_part(training) if training is not None else None
    if found is None and training is not None and _columns_differ(training, call.outcome):
        found = training, _label_columns(training.y_true), None
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
        origin=_layer_origin(head) if largest is not None or training.labels is None else label_origin(training),
        fixes=_fixes(training, head, want, largest),
    )


def _columns_differ(training: Training, outcome: Outcome) -> bool:
    """Check whether labels and output have different numbers of columns, and nothing else explains it."""
    labels, output = training.y_true, training.y_pred
    if len(output) != 2 or len(labels) not in (1, 2) or output[-1] is None or _label_columns(labels) is None:
        return False
    # Labels without a column of their own are in many a sketch, Keras' documentation among them.
    if outcome is Outcome.RETURNED and (len(labels) == 1 or not repeats_silently(training)):
        return False
    if "sparse" in name_of(training.call).lower() or (None not in (labels[0], output[0]) and labels[0] != output[0]):
        return False
    return _label_columns(labels) != output[-1]


def _label_columns(labels: Shape) -> int | None:
    """Return the number of columns of the labels; 1 where they have no axis for them."""
    return labels[-1] if len(labels) > 1 else 1


def _out_of_range(call: CallRecord, trace: Trace) -> tuple[Training, int | None, int | None] | None:
    """Return a training whose class number is too large for the units, the units needed and that number.

    TensorFlow reports the number in its message; None where it does not.
    """
    match = _RANGE.search(call.error or "") if call.outcome is Outcome.RAISED else None
    if match is None:
        return None
    inside = [call, *graph_of(trace).inside(call)]
    trainings = (training_of(inner, trace) for inner in reversed(inside))
    training = next((t for t in trainings if t is not None and len(t.y_pred) > 1), None)
    largest = int(match[1])
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


def _layer_origin(head: CallRecord | None) -> tuple[Span | None, str | None]:
    """Return where the last layer is made, and that in words."""
    if head is None or head.created is None:
        return None, None
    return head.created, f"{name_of(head)} is made on line {head.created.line}"


def _fixes(training: Training, head: CallRecord | None, want: int | None, largest: int | None) -> Iterator[Fix]:
    have = training.y_pred[-1]
    if head is None or want is None or have is None:
        return
    if largest is not None:
        yield from _class_number_fixes(training, head, want, have)
        return
    if have == 1 and want == 2 and _loss_is(training, "binary_crossentropy"):
        yield from _one_column_fixes(training)
        yield from _softmax_fixes(training, head, want, "categorical_crossentropy", Applicability.CHOICE)
        return
    if have == 1 and want > 2 and _loss_is(training, "binary_crossentropy"):
        yield from _softmax_fixes(training, head, want, "categorical_crossentropy", Applicability.SURE)
        return
    yield from _encoding_fixes(training, have, want, Applicability.SURE if want < have else Applicability.CHOICE)
    yield from _unit_fixes(training.trace, head, want, have)


def _loss_is(training: Training, name: str) -> bool:
    """Check whether it is the loss of that name, or the binary one as a class."""
    return name in (training.call.layer, training.call.op) or training.call.op == "BinaryCrossentropy"


def _unit_fixes(trace: Trace, head: CallRecord, want: int, have: int) -> Iterator[Fix]:
    """Yield fixes that give the last layer the units wanted."""
    title = f"give {name_of(head)} {counted(want, 'unit')}"
    for rank, (cell, edit) in enumerate(with_units(head, trace, want)):
        yield fix(title, cell, [edit], Applicability.CHOICE if rank else Applicability.SURE)


def _one_column_fixes(training: Training) -> Iterator[Fix]:
    """Yield fixes that make labels of two columns the one that says whether it is the second class."""
    for cell, loader in loaders_of(training):
        edit = with_label_mode(cell, loader, "binary")
        yield fix("load the labels as one column", cell, [edit], Applicability.SURE)
    if training.labels is not None:
        source = expression_to_edit(training.code, training.labels)
        edit = indexed(training.code, source, "[:, 1:]")
        title = "keep the second column of the labels: 1 for the second class"
        yield fix(title, training.code, [edit], Applicability.SURE)


def _softmax_fixes(
    training: Training, head: CallRecord, want: int, loss: str, applicability: Applicability
) -> Iterator[Fix]:
    """Yield a fix that changes last layer and loss from one yes or no to a choice among classes."""
    given = loss_given(training)
    cell = code_of(training.trace, head.created)
    creation = cell.call_at(head.created) if cell else None
    if given is None or cell is None or creation is None or given[0].cell != cell.cell:
        return
    word = _loss_replaced(*given, loss)
    activation = next((k.value for k in creation.keywords if k.arg == "activation"), None)
    for _, edit in with_units(head, training.trace, want):
        if word is not None and isinstance(activation, ast.Constant) and edit.span != word.span:
            edits = [edit, cell.replace(activation, '"softmax"'), word]
            yield fix(f"choose among {want} classes with softmax", cell, edits, applicability)
        return


def _loss_replaced(cell: Code, given: ast.expr, word: str) -> Edit | None:
    """Return the edit that writes another word for a loss that is written as a word."""
    return cell.replace(given, f'"{word}"') if isinstance(given, ast.Constant) else None


def _encoding_fixes(training: Training, have: int, want: int, applicability: Applicability) -> Iterator[Fix]:
    """Yield fixes that make one-hot labels with as many columns as the model has units."""
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


def _class_number_fixes(training: Training, head: CallRecord, want: int, have: int) -> Iterator[Fix]:
    """Yield a fix for a class number that is too large.

    Two classes for one sigmoid unit need the binary loss; else the layer gets more units.
    """
    given = loss_given(training)
    word = _loss_replaced(*given, "binary_crossentropy") if given is not None else None
    if have == 1 and activation_of(head, training.trace) == "sigmoid" and given is not None and word is not None:
        yield fix("use the loss for one yes or no", given[0], [word], Applicability.SURE)
        return
    yield from _unit_fixes(training.trace, head, want, have)
