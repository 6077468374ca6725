"""The labels are class numbers where the loss wants one-hot rows, or the reverse.

What: `categorical_crossentropy` compares rows of as many numbers as there are classes; its sparse sister takes one
class number for each sample; the labels come in the other form.
Why: data loaders differ in what they give by default, and the two losses differ by one word.
Example:

    model.compile("adam", loss="sparse_categorical_crossentropy")
    model.fit(images, keras.utils.to_categorical(ids, 10))

Use instead:

    model.compile("adam", loss="categorical_crossentropy")

Fix safety: both forms hold the same information; the model stays as it is.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from conv_magic.analysis.definitions import definitions_of, sequence_behind
from conv_magic.analysis.operands import code_of, module_alias
from conv_magic.analysis.training import (
    Training,
    activation_of,
    expression_to_edit,
    label_origin,
    loaders_of,
    loss_given,
    output_layer_of,
    own_part,
    training_of,
    with_label_mode,
)
from conv_magic.arithmetic import shapes_agree
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import name_of, spelled
from conv_magic.model.options import FitOptions
from conv_magic.model.positions import Edit
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, wrapped
from conv_magic.text.source import Code, called_name

code = "labels-encoded-otherwise"

VALID: tuple[str, ...] = (
    "import keras, numpy as np\n"
    "model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3, 'softmax')])\n"
    "model.compile('adam', 'sparse_categorical_crossentropy')\n"
    "model.train_on_batch(np.zeros((4, 8, 8, 1)), np.zeros((4, 1), int))\n",
)
_MODEL = (
    "import keras\nimport numpy as np\nimport tensorflow as tf\nfrom keras import layers\n"
    "net = keras.Sequential([keras.Input((12, 12, 3)), layers.Conv2D(4, 3), layers.GlobalMaxPooling2D()])\n"
    "net.add(layers.Dense(5, activation='softmax'))\n"
    "pictures, kinds = np.zeros((6, 12, 12, 3)), np.arange(6) % 5\n"
)
INVALID: tuple[str, ...] = (
    _MODEL + "net.compile('sgd', loss='categorical_crossentropy', metrics=['accuracy'])\n"
    "net.fit(pictures, kinds, verbose=0)\n",
    _MODEL + "net.compile('sgd', keras.losses.SparseCategoricalCrossentropy())\n"
    "net.evaluate(pictures, keras.utils.to_categorical(kinds, 5), verbose=0)\n",
    _MODEL + "measure = keras.losses.CategoricalCrossentropy()\nvalue = measure(kinds, net(pictures))\n",
    _MODEL + "net.compile('sgd', loss='categorical_crossentropy')\n"
    "rows = keras.utils.to_categorical(kinds, 5)\n"
    "net.fit(pictures, rows, validation_data=(pictures, kinds), verbose=0)\n",
    _MODEL + "net.compile('sgd', loss='categorical_crossentropy')\n"
    "rows = keras.utils.to_categorical(kinds, 5)\nrows = keras.utils.to_categorical(rows, 5)\n"
    "net.evaluate(pictures, rows, verbose=0)\n",
    _MODEL + "losses = tf.nn.softmax_cross_entropy_with_logits(kinds, net(pictures))\n",
    _MODEL + "losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.one_hot(kinds, 5), net(pictures))\n",
    _MODEL + "@tf.function\n"
    "def cost(ids, scores):\n"
    "    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(ids, scores))\n"
    "total = cost(tf.Variable(kinds), net(pictures))\n",
    _MODEL + "x = keras.Input((12, 12, 3))\nh = layers.Flatten()(x)\nkind = layers.Dense(5, activation='softmax')(h)\n"
    "two = keras.Model(x, {'kind': kind, 'size': layers.Dense(1)(h)})\n"
    "two.compile('sgd', loss={'kind': 'categorical_crossentropy', 'size': 'mse'})\n"
    "two.fit(pictures, {'kind': kinds, 'size': np.zeros(6)}, verbose=0)\n",
    _MODEL + "rows = tf.one_hot(kinds, 5)\n"
    "net.compile('sgd', loss='sparse_categorical_crossentropy')\n"
    "net.fit(tf.data.Dataset.from_tensor_slices((pictures, rows)).batch(2), verbose=0)\n",
)

_SPARSE_OF_DENSE = {
    "categorical_crossentropy": "sparse_categorical_crossentropy",
    "CategoricalCrossentropy": "SparseCategoricalCrossentropy",
    "softmax_cross_entropy_with_logits": "sparse_softmax_cross_entropy_with_logits",
}
_DENSE_OF_SPARSE = {sparse: dense for dense, sparse in _SPARSE_OF_DENSE.items()}
_FUNCTIONS = {"softmax_cross_entropy_with_logits": "sparse_softmax_cross_entropy_with_logits"}
_OTHER_FUNCTIONS = {**_FUNCTIONS, **{sparse: dense for dense, sparse in _FUNCTIONS.items()}}
_SIZES = re.compile(r"logits_size=\[(\d+),(\d+)\] labels_size=\[1,(\d+)\]")
_RESHAPED = re.compile(
    r"node softmax_cross_entropy_with_logits/Reshape(?s:.*)Input to reshape is a tensor with \d+ values"
    r"|\{\{node softmax_cross_entropy_with_logits\}\}(?s:.*)input shapes: \[(?P<n>\d+),\d+\], \[1,(?P=n)\]"
)
_SPARSE = re.compile(r"(?:labels|logits)\.shape=(\([\d, ]+\))")
_ONE_HOT = {"to_categorical", "one_hot"}


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where a failed loss met labels in the other encoding."""
    function = _function_that_failed(call, trace) if call.outcome is Outcome.RAISED else None
    if function is not None:
        yield from _check_function(call, *function)
        return
    training = training_of(call, trace) if call.outcome is Outcome.RAISED else None
    training = own_part(training) if training is not None else None
    if training is None or not training.y_pred:
        return
    twice = tuple(_encoded_twice(training))
    if twice:
        yield diagnosed(
            code,
            call,
            f"{name_of(call)} was given labels that were turned into one-hot rows twice",
            reasons=(f"the labels are {spelled(training.y_true)}, the output is {spelled(training.y_pred)}",),
            expected=training.y_pred,
            actual=training.y_true,
            origin=label_origin(training),
            fixes=twice,
        )
        return
    found = _other_form(training)
    if found is None:
        return
    have, headline, expected = found
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} {headline}",
        reasons=(
            f"the labels are {spelled(training.y_true)}, the output is {spelled(training.y_pred)}: "
            f"{training.y_pred[-1]} classes",
        ),
        expected=expected,
        actual=training.y_true,
        axes=(len(expected) - 1,),
        origin=label_origin(training),
        fixes=_fixes(training, have),
    )


def _other_form(training: Training) -> tuple[str, str, Shape] | None:
    """Return which form the labels have, what is wrong in words, and the shape that they should have.

    None where the shapes and the loss agree, or show something else.
    """
    labels, output = training.y_true, training.y_pred
    classes = output[-1]
    if classes is None or classes < 2:
        return None
    word = _loss_word(training)
    if word in _DENSE_OF_SPARSE and shapes_agree(labels, output):
        return "one-hot", "wants class numbers, but the labels are one-hot rows", (*output[:-1], 1)
    are_numbers = shapes_agree(labels, output[:-1]) or shapes_agree(labels, (*output[:-1], 1))
    if are_numbers and (word in _SPARSE_OF_DENSE or _is_softmax_with_binary_loss(training, word)):
        return "ids", "wants one-hot rows, but the labels are class numbers", output
    return None


def _function_that_failed(call: CallRecord, trace: Trace) -> tuple[Code, ast.Call] | None:
    """Return the failed call of a function of `tf.nn` that compares labels.

    In a graph it is the one that TensorFlow's message names.
    """
    cell = code_of(trace, call.span)
    if cell is None or call.span is None or call.layer is not None:
        return None
    if call.op in _OTHER_FUNCTIONS:
        node = cell.call_at(call.span)
        return (cell, node) if node is not None else None
    if "node softmax_cross_entropy_with_logits" not in (call.error or ""):
        return None
    statement = cell.node_at(call.span, ast.stmt) or cell.tree
    calls = [n for n in ast.walk(statement) if isinstance(n, ast.Call) and called_name(n) in _FUNCTIONS]
    return (cell, calls[0]) if len(calls) == 1 else None


def _check_function(call: CallRecord, cell: Code, node: ast.Call) -> Iterator[Diagnosis]:
    """Yield a diagnosis where a function of `tf.nn` takes the other form, by the sizes in the error message."""
    sizes = _SIZES.search(call.error or "")
    are_numbers = (sizes is not None and sizes[1] == sizes[3]) or bool(_RESHAPED.search(call.error or ""))
    are_rows = not are_numbers and not sizes and len(set(_SPARSE.findall(call.error or ""))) == 1
    name = called_name(node)
    other = _OTHER_FUNCTIONS.get(name)
    if other is None or not isinstance(node.func, ast.Attribute) or are_numbers != (name in _FUNCTIONS):
        return
    if are_numbers or are_rows:
        edit = cell.replace(node.func, f"{cell.text_of(node.func.value)}.{other}")
        yield diagnosed(
            code,
            call,
            f"{name} wants one-hot rows, but the labels are class numbers"
            if are_numbers
            else f"{name} wants class numbers, but the labels are one-hot rows",
            reasons=(f"{other} takes the labels as they are",),
            fixes=(fix(f"use {other}", cell, [edit], Applicability.SURE),),
        )


def _encoded_twice(training: Training) -> Iterator[Fix]:
    """Yield a fix where a `to_categorical` or `one_hot` encodes the result of another."""
    labels, output, cell = training.y_true, training.y_pred, training.code
    if (
        training.labels is None
        or len(labels) != len(output) + 1
        or labels[-1] != output[-1]
        or labels[-2] != output[-1]
    ):
        return
    for origin in definitions_of(cell, training.labels):
        if isinstance(origin, ast.Call) and called_name(origin) in _ONE_HOT and origin.args:
            edit = cell.replace(origin, cell.text_of(origin.args[0]))
            yield fix("encode the labels once", cell, [edit], Applicability.SURE)
            return


def _loss_word(training: Training) -> str:
    """Return the loss as Keras calls it: by its name, or by its class."""
    call = training.call
    words = {*_SPARSE_OF_DENSE, *_DENSE_OF_SPARSE}
    return next((word for word in (call.op, call.layer or "") if word in words), call.layer or "")


def _is_softmax_with_binary_loss(training: Training, word: str) -> bool:
    """Check whether a softmax output meets the binary loss."""
    head = output_layer_of(training.call, training.trace)
    return word == "binary_crossentropy" and head is not None and activation_of(head, training.trace) == "softmax"


def _fixes(training: Training, have: str) -> Iterator[Fix]:
    words = _DENSE_OF_SPARSE if have == "one-hot" else _SPARSE_OF_DENSE
    title = "use the loss for one-hot labels" if have == "one-hot" else "use the loss for class numbers"
    given = loss_given(training)
    if given is not None and not _is_validation(training):
        for edits in _loss_renamed(*given, words, sparse=have == "ids"):
            yield fix(title, given[0], edits, Applicability.SURE)
    for cell, loader in loaders_of(training):
        edit = with_label_mode(cell, loader, "ids" if have == "one-hot" else "one-hot")
        yield fix("load the labels in the form the loss wants", cell, [edit], Applicability.CHOICE)
    yield from _label_fixes(training, have)


def _loss_renamed(cell: Code, given: ast.expr, words: dict[str, str], *, sparse: bool) -> Iterator[list[Edit]]:
    """Yield the edits that write the loss' other word as the old one is written: a string, a class, a function."""
    if isinstance(given, ast.Constant) and isinstance(given.value, str):
        quote = cell.text_of(given)[-1]
        word = words.get(given.value) or ("sparse_categorical_crossentropy" if sparse else None)
        if word:
            yield [cell.replace(given, f"{quote}{word}{quote}")]
        return
    callee = given.func if isinstance(given, ast.Call) else given
    if isinstance(callee, ast.Attribute) and callee.attr in words:
        start = cell.text_of(callee.value)
        yield [cell.replace(callee, f"{start}.{words[callee.attr]}")]
    elif isinstance(callee, ast.Name) and callee.id in words:
        imports = list(_imports_of(cell, callee.id))
        yield [cell.replace(callee, words[callee.id]), *(cell.replace(name, words[callee.id]) for name in imports)]


def _imports_of(cell: Code, name: str) -> Iterator[ast.alias]:
    """Yield the imports of a name under that very name."""
    for node in ast.walk(cell.tree):
        if isinstance(node, ast.ImportFrom):
            yield from (alias for alias in node.names if alias.name == name and alias.asname is None)


def _label_fixes(training: Training, have: str) -> Iterator[Fix]:
    """Yield fixes that turn the labels into the other form, where the text names them."""
    labels, cell = training.labels, training.code
    if labels is None:
        return
    if _is_validation(training):
        yield from _validation_label_fixes(training, have)
        return
    source = expression_to_edit(cell, labels)
    if have == "one-hot":
        for numbers in _class_numbers(source):
            edit = cell.replace(source, cell.text_of(numbers))
            yield fix("leave the labels class numbers", cell, [edit], Applicability.CHOICE)
            return
        numpy = module_alias(cell, "numpy")
        if numpy:
            edit = wrapped(cell, source, f"{numpy}.argmax(", ", axis=-1)")
            yield fix("turn the rows into class numbers", cell, [edit], Applicability.CHOICE)
        return
    encoder = _to_categorical(cell)
    if encoder:
        edit = wrapped(cell, source, f"{encoder}(", f", {training.y_pred[-1]})")
        yield fix("turn the class numbers into one-hot rows", cell, [edit], Applicability.CHOICE)


def _is_validation(training: Training) -> bool:
    """Check whether the validation data's labels failed, while those of the training had passed."""
    options = training.given
    fit = next((c for c in training.trace.calls if c.options is options), None)
    return (
        fit is not None and fit.parent is not None and isinstance(training.trace.calls[fit.parent].options, FitOptions)
    )


def _validation_label_fixes(training: Training, have: str) -> Iterator[Fix]:
    """Yield a fix that brings the validation labels to the form of those that the model was trained on."""
    cell = training.code
    validation = next((k.value for k in training.node.keywords if k.arg == "validation_data"), None)
    pair = sequence_behind(cell, validation)
    if pair is None or len(pair.elts) < 2:
        return
    labels = pair.elts[1]
    encoder, numpy = _to_categorical(cell), module_alias(cell, "numpy")
    if have == "ids" and encoder:
        edit = wrapped(cell, labels, f"{encoder}(", f", {training.y_pred[-1]})")
        yield fix("turn the validation labels into one-hot rows too", cell, [edit], Applicability.SURE)
    elif have == "one-hot" and numpy:
        edit = wrapped(cell, labels, f"{numpy}.argmax(", ", axis=-1)")
        yield fix("turn the validation labels into class numbers too", cell, [edit], Applicability.SURE)


def _class_numbers(labels: ast.expr) -> Iterator[ast.expr]:
    """Yield the class numbers that a one-hot encoding is given."""
    if isinstance(labels, ast.Call) and called_name(labels) in _ONE_HOT and labels.args:
        yield labels.args[0]


def _to_categorical(cell: Code) -> str | None:
    """Return how the cell spells `keras.utils.to_categorical`; None where it has no Keras."""
    for module, spelling in (("keras", "{}"), ("tensorflow.keras", "{}"), ("tensorflow", "{}.keras")):
        name = module_alias(cell, module)
        if name:
            return spelling.format(name) + ".utils.to_categorical"
    return None
