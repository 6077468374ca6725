"""A dense layer or its labels meet maps that were never flattened.

What: `Dense` works on the last axis only; without a Flatten or a global pooling before it, the output keeps height and
width and cannot be compared with one label a sample.  Data made for a dense model arrive as maps.
A regression loss repeats one label over all steps of a sequence without an error; then this is a warning.
Why: the layer was forgotten, a recurrent layer returns all its steps, or features were flattened for training and not
for prediction.
Example:

    model = Sequential([Input((32, 32, 3)), Conv2D(8, 3), Dense(10)])

Use instead:

    model = Sequential([Input((32, 32, 3)), Conv2D(8, 3), Flatten(), Dense(10)])

Fix safety: no layer is changed; Flatten keeps every number, a global pooling (the other choice) averages over the map.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from math import prod

from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.operands import code_of, module_alias, operand_of, origin_of
from conv_magic.analysis.producers import producer_chain
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.analysis.training import repeats_silently, training_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import name_of, spelled
from conv_magic.model.options import DenseOptions, FitOptions, LossOptions, SameShapeOptions
from conv_magic.model.positions import Edit
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, wrapped
from conv_magic.text.layer_edits import layer_before, layer_name
from conv_magic.text.source import Code, called_name

code = "flatten-missing"

VALID: tuple[str, ...] = (
    "import keras, numpy as np\nfrom keras import layers\n"
    "model = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(3)])\n"
    "model.compile('sgd', 'sparse_categorical_crossentropy')\n"
    "model.fit(np.zeros((4, 8, 8, 1)), np.zeros(4), verbose=0)\n",
)
INVALID: tuple[str, ...] = (
    "import keras, numpy as np\nfrom keras import layers\n"
    "model = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(4, 3), layers.Dense(6), layers.Dense(3)])\n"
    "model.compile('sgd', 'categorical_crossentropy')\n"
    "model.fit(np.zeros((4, 8, 8, 1)), np.zeros((4, 3)), verbose=0)\n",
    "import keras, numpy as np\nfrom keras.layers import Conv2D, Dense, Input\n"
    "image = Input((8, 8, 1))\n"
    "scores = Dense(3)(Conv2D(4, 3)(image))\n"
    "model = keras.Model(image, scores)\n"
    "model.compile('sgd', keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n"
    "model.fit(np.zeros((4, 8, 8, 1)), np.zeros(4), verbose=0)\n",
    "import keras, numpy as np\nfrom keras import layers\n"
    "class Net(keras.Model):\n"
    "    def __init__(self):\n"
    "        super().__init__()\n"
    "        self.look, self.decide = layers.Conv2D(4, 3), layers.Dense(3)\n"
    "    def call(self, x):\n"
    "        return self.decide(self.look(x))\n"
    "model = Net()\n"
    "model.compile('sgd', 'categorical_crossentropy')\n"
    "model.fit(np.zeros((4, 8, 8, 1)), np.zeros((4, 3)), verbose=0)\n",
    "import keras, numpy as np, tensorflow as tf\nfrom keras import layers\n"
    "net = keras.Sequential([keras.Input((9, 9, 1)), layers.Conv2D(4, 3), layers.Dense(5), layers.Dense(3)])\n"
    "best = tf.reduce_max(net(np.zeros((6, 9, 9, 1))), axis=-1)\n"
    "gain = np.zeros(6, 'float32') + best\n",
    "import keras, numpy as np\nfrom keras import layers\n"
    "net = keras.Sequential([keras.Input((9, 2)), layers.Bidirectional(layers.LSTM(3, return_sequences=True))])\n"
    "net.add(layers.Dense(1))\nnet.compile('sgd', 'mse')\n"
    "net.fit(np.zeros((6, 9, 2)), np.zeros((6, 1)), verbose=0)\n",
    "import keras, numpy as np\nfrom keras import layers\n"
    "top = keras.Sequential([keras.Input((72,)), layers.Dense(2)])\n"
    "maps = np.zeros((5, 3, 3, 8), 'float32')\n"
    "top.predict(maps, verbose=0)\n",
)


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where maps reached labels of one a sample, or an input for vectors of as many numbers."""
    if call.outcome is not Outcome.RAISED and not _is_repeated_over_steps(call, trace):
        return
    loss = _loss_with_maps(call, trace)
    if loss is not None:
        yield from _check_dense(call, trace, "labels are", *loss.inputs)
    elif call.layer is None and call.options is None and len(call.inputs) == 2:
        vectors, maps = sorted(call.inputs, key=len)
        if len(vectors) <= 2 and _keeps_map(maps, trace):
            yield from _check_dense(call, trace, "other side is", vectors, maps)
    elif len(call.inputs) == 1 and call.accepts and len(call.accepts) == 2:
        yield from _check_data(call, trace, call.inputs[0], call.accepts)


def _loss_with_maps(call: CallRecord, trace: Trace) -> CallRecord | None:
    """Return the loss of a failed training step with maps for output and vectors for labels."""
    inside = [c for c in graph_of(trace).inside(call) if isinstance(c.options, LossOptions)]
    loss = call if isinstance(call.options, LossOptions) else None
    if isinstance(call.options, FitOptions) and inside:
        loss = inside[-1]
    if loss is None or len(loss.inputs) != 2 or len(loss.inputs[1]) < 3 or len(loss.inputs[0]) > 2:
        return None
    return loss


def _is_repeated_over_steps(call: CallRecord, trace: Trace) -> bool:
    """Check whether one number a sample was silently compared with the outputs of every step."""
    training = training_of(call, trace) if call.outcome is Outcome.RETURNED else None
    if training is None or not repeats_silently(training):
        return False
    labels, output = training.y_true, training.y_pred
    return len(labels) == 2 and labels[-1] == 1 and len(output) == 3 and output[-1] == 1 and output[1] not in (None, 1)


def _keeps_map(shape: Shape, trace: Trace) -> bool:
    """Check whether an output has the height and width of the map that the first dense layer was given."""
    dense = _first_dense(trace)
    sizes = dense.inputs[0][:-1] if dense is not None else ()
    return len(sizes) > 2 and shape[: len(sizes)] == sizes and None not in sizes


def _check_dense(call: CallRecord, trace: Trace, other: str, labels: Shape, output: Shape) -> Iterator[Diagnosis]:
    """Yield the diagnosis at the first dense layer that was given a map."""
    dense = _first_dense(trace)
    cell = code_of(trace, dense.created) if dense else None
    creation = cell.call_at(dense.created) if dense and cell else None
    if dense is None or cell is None or creation is None:
        return
    span = cell.span(creation)
    yield diagnosed(
        code,
        call,
        f"the model gives {spelled(output)} where the {other} {spelled(labels)}",
        reasons=(
            f"{name_of(dense)} works on the last axis of {spelled(dense.inputs[0])}, which was not flattened before",
        ),
        expected=(None, output[-1]),
        actual=output,
        axes=(),
        origin=(span, f"{name_of(dense)} is made on line {span.line}"),
        fixes=_flatten_fixes(cell, creation, dense, trace),
    )


def _first_dense(trace: Trace) -> CallRecord | None:
    """Return the first dense layer, given a map, behind which only dense and shape-keeping layers follow."""
    found: CallRecord | None = None
    for call in trace.calls:
        if call.layer is None or call.created is None or call.options is None:
            continue
        if isinstance(call.options, DenseOptions) and len(call.inputs[0]) > 2:
            found = found or call
        elif not isinstance(call.options, DenseOptions | SameShapeOptions | LossOptions | FitOptions):
            found = None
    return found


def _last_step_fixes(dense: CallRecord, trace: Trace) -> Iterator[Fix]:
    """Yield a fix that lets a recurrent layer before the dense one return its last step only."""
    for call in reversed(producer_chain(dense, trace)):
        if isinstance(call.options, SameShapeOptions | DenseOptions):
            continue
        call_site = call_site_of(call, trace)
        if call_site is None:
            return
        cell, creation = call_site
        keywords = (n for n in ast.walk(creation) if isinstance(n, ast.keyword))
        given = [k.value for k in keywords if k.arg == "return_sequences"]
        if len(given) == 1 and isinstance(given[0], ast.Constant) and given[0].value is True:
            edit = cell.replace(given[0], "False")
            yield fix(f"let {name_of(call)} return its last step only", cell, [edit], Applicability.SURE)
        return


def _flatten_fixes(cell: Code, creation: ast.Call, dense: CallRecord, trace: Trace) -> Iterator[Fix]:
    """Yield the fixes that flatten, or average over, the map before the dense layer."""
    yield from _last_step_fixes(dense, trace)
    pooling = f"GlobalAveragePooling{len(dense.inputs[0]) - 2}D"
    layers = [("Flatten", Applicability.SURE), (pooling, Applicability.CHOICE)]
    for layer, sure in layers:
        spelling = layer_name(cell, creation, layer)
        edit = _layer_before_dense(cell, creation, dense, f"{spelling[0]}()", trace) if spelling else None
        if spelling is not None and edit is not None:
            title = "flatten before the first dense layer" if layer == "Flatten" else "average over the map instead"
            yield fix(title, cell, [edit, *spelling[1]], sure)


def _layer_before_dense(cell: Code, creation: ast.Call, dense: CallRecord, layer: str, trace: Trace) -> Edit | None:
    """Return the edit that puts the layer where the dense one is made.

    Where it is only kept in an attribute there, the layer is put where the dense one is called.
    """
    before = layer_before(cell, creation, layer)
    operand = operand_of(dense, trace)
    if before is not None or operand is None or operand.code.cell != cell.cell or not dense.direct:
        return before
    return wrapped(cell, operand.value, f"{layer}(", ")")


def _check_data(call: CallRecord, trace: Trace, actual: Shape, needed: Shape) -> Iterator[Diagnosis]:
    """Yield a diagnosis where a model for vectors was given the same numbers as a map."""
    size, sizes = needed[-1], actual[1:]
    if len(actual) < 3 or size is None or None in sizes or sizes[-1] == size or any(needed[1:-1]):
        return
    if prod(s for s in sizes if s) != size:
        return
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} takes vectors of {size}; this input is {spelled(actual)}",
        reasons=(f"{' * '.join(map(str, sizes))} = {size}: the same numbers, not flattened",),
        expected=(None, size),
        actual=actual,
        axes=(),
        origin=origin_of(call, trace),
        fixes=_data_flattened(call, trace, actual, size),
    )


def _data_flattened(call: CallRecord, trace: Trace, actual: Shape, size: int) -> Iterator[Fix]:
    """Yield fixes that flatten the data, where they are reshaped or where they are passed."""
    operand = operand_of(call, trace, 0)
    if operand is None:
        return
    cell = operand.code
    for origin in definitions_of(cell, operand.value)[1:]:
        for literal in _shapes_of_reshape(cell, origin, actual, trace):
            first = cell.text_of(literal.elts[0])
            edit = cell.replace(literal, f"({first}, {size})")
            yield fix("reshape it to vectors where it is made", cell, [edit], Applicability.SURE, None)
    library = module_alias(cell, "numpy") or module_alias(cell, "tensorflow")
    keras = module_alias(cell, "keras")
    library = library or (f"{keras}.ops" if keras else None)
    if library is not None:
        edit = wrapped(cell, operand.value, f"{library}.reshape(", f", (-1, {size}))")
        yield fix("flatten each sample", cell, [edit], Applicability.SURE)


def _shapes_of_reshape(cell: Code, origin: ast.expr, actual: Shape, trace: Trace) -> Iterator[ast.Tuple | ast.List]:
    """Yield the literals that a reshape in the text gives as the actual shape of each sample."""
    if isinstance(origin, ast.Call) and called_name(origin) == "reshape":
        for given in origin.args:
            value = Evaluator(cell, trace).value(given)
            if isinstance(given, ast.Tuple | ast.List) and isinstance(value, tuple) and value[1:] == actual[1:]:
                yield given
