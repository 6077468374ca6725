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
    """One diagnosis where maps reached labels of one a sample, or an input declared for vectors of as many numbers."""
    if call.outcome is not Outcome.RAISED and not _is_repeated(call, trace):
        return
    loss = _loss(call, trace)
    if loss is not None:
        yield from _before_dense(call, trace, "labels are", *loss.inputs)
    elif call.layer is None and call.options is None and len(call.inputs) == 2:
        vectors, maps = sorted(call.inputs, key=len)
        if len(vectors) <= 2 and _keeps_map(maps, trace):
            yield from _before_dense(call, trace, "other side is", vectors, maps)
    elif len(call.inputs) == 1 and call.accepts and len(call.accepts) == 2:
        yield from _of_data(call, trace, call.inputs[0], call.accepts)


def _loss(call: CallRecord, trace: Trace) -> CallRecord | None:
    """The loss of a failed training step, with maps for output and vectors for labels."""
    inside = [c for c in graph_of(trace).inside(call) if isinstance(c.options, LossOptions)]
    found = call if isinstance(call.options, LossOptions) else None
    if isinstance(call.options, FitOptions) and inside:
        found = inside[-1]
    if found is None or len(found.inputs) != 2 or len(found.inputs[1]) < 3 or len(found.inputs[0]) > 2:
        return None
    return found


def _is_repeated(call: CallRecord, trace: Trace) -> bool:
    """Whether one number a sample was silently compared with the outputs of every step."""
    training = training_of(call, trace) if call.outcome is Outcome.RETURNED else None
    if training is None or not repeats_silently(training):
        return False
    true, pred = training.y_true, training.y_pred
    return len(true) == 2 and true[-1] == 1 and len(pred) == 3 and pred[-1] == 1 and pred[1] not in (None, 1)


def _keeps_map(shape: Shape, trace: Trace) -> bool:
    """Whether what a model gave has the height and width of the map that its first dense layer was given."""
    dense = _first_dense(trace)
    sizes = dense.inputs[0][:-1] if dense is not None else ()
    return len(sizes) > 2 and shape[: len(sizes)] == sizes and None not in sizes


def _before_dense(call: CallRecord, trace: Trace, other: str, labels: Shape, output: Shape) -> Iterator[Diagnosis]:
    dense = _first_dense(trace)
    cell = code_of(trace, dense.created) if dense else None
    made = cell.call_at(dense.created) if dense and cell else None
    if dense is None or cell is None or made is None:
        return
    at = cell.span(made)
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
        origin=(at, f"{name_of(dense)} is made on line {at.line}"),
        fixes=_flattened(cell, made, dense, trace),
    )


def _first_dense(trace: Trace) -> CallRecord | None:
    """The first dense layer, fed with maps, behind which nothing but dense and shape-keeping layers follow."""
    found: CallRecord | None = None
    for call in trace.calls:
        if call.layer is None or call.created is None or call.options is None:
            continue
        if isinstance(call.options, DenseOptions) and len(call.inputs[0]) > 2:
            found = found or call
        elif not isinstance(call.options, DenseOptions | SameShapeOptions | LossOptions | FitOptions):
            found = None
    return found


def _last_step(dense: CallRecord, trace: Trace) -> Iterator[Fix]:
    """A recurrent layer before the dense one that returns all its steps, made to return the last."""
    for call in reversed(producer_chain(dense, trace)):
        if isinstance(call.options, SameShapeOptions | DenseOptions):
            continue
        made = call_site_of(call, trace)
        inside = [n for n in ast.walk(made[1]) if isinstance(n, ast.keyword)] if made is not None else []
        given = [k.value for k in inside if k.arg == "return_sequences"]
        if made is not None and len(given) == 1 and isinstance(given[0], ast.Constant) and given[0].value is True:
            edit = made[0].replace(given[0], "False")
            yield fix(f"let {name_of(call)} return its last step only", made[0], [edit], Applicability.SURE)
        return


def _flattened(cell: Code, made: ast.Call, dense: CallRecord, trace: Trace) -> Iterator[Fix]:
    yield from _last_step(dense, trace)
    pooling = f"GlobalAveragePooling{len(dense.inputs[0]) - 2}D"
    wanted = [("Flatten", Applicability.SURE), (pooling, Applicability.CHOICE)]
    for layer, sure in wanted:
        spelling = layer_name(cell, made, layer)
        edit = _put(cell, made, dense, f"{spelling[0]}()", trace) if spelling else None
        if spelling is not None and edit is not None:
            title = "flatten before the first dense layer" if layer == "Flatten" else "average over the map instead"
            yield fix(title, cell, [edit, *spelling[1]], sure)


def _put(cell: Code, made: ast.Call, dense: CallRecord, layer: str, trace: Trace) -> Edit | None:
    """The layer put where the dense one is made; where that is only kept in an attribute, where it is called."""
    before = layer_before(cell, made, layer)
    supply = operand_of(dense, trace)
    if before is not None or supply is None or supply.code.cell != cell.cell or not dense.direct:
        return before
    return wrapped(cell, supply.value, f"{layer}(", ")")


def _of_data(call: CallRecord, trace: Trace, actual: Shape, needed: Shape) -> Iterator[Diagnosis]:
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
        fixes=_reshaped(call, trace, actual, size),
    )


def _reshaped(call: CallRecord, trace: Trace, actual: Shape, size: int) -> Iterator[Fix]:
    supply = operand_of(call, trace, 0)
    if supply is None:
        return
    cell = supply.code
    for origin in definitions_of(cell, supply.value)[1:]:
        for literal in _targets(cell, origin, actual, trace):
            first = cell.text_of(literal.elts[0])
            edit = cell.replace(literal, f"({first}, {size})")
            yield fix("reshape it to vectors where it is made", cell, [edit], Applicability.SURE, None)
    library = module_alias(cell, "numpy") or module_alias(cell, "tensorflow")
    keras = module_alias(cell, "keras")
    library = library or (f"{keras}.ops" if keras else None)
    if library is not None:
        edit = wrapped(cell, supply.value, f"{library}.reshape(", f", (-1, {size}))")
        yield fix("flatten each sample", cell, [edit], Applicability.SURE)


def _targets(cell: Code, origin: ast.expr, actual: Shape, trace: Trace) -> Iterator[ast.Tuple | ast.List]:
    """The shape that a reshape in the text spells out."""
    if isinstance(origin, ast.Call) and called_name(origin) == "reshape":
        for given in origin.args:
            value = Evaluator(cell, trace).value(given)
            if isinstance(given, ast.Tuple | ast.List) and isinstance(value, tuple) and value[1:] == actual[1:]:
                yield given
