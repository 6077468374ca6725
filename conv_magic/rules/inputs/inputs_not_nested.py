"""A dataset gives a model of several inputs its data and labels side by side.

What: Keras reads an element of a dataset as (inputs, labels, weights); several inputs are a tuple of their own.
Why: the arrays were given to `from_tensor_slices` one beside the other.
Example:

    data = tf.data.Dataset.from_tensor_slices((photos, notes, prices))
    model.fit(data.batch(8))                         # the model takes photos and notes

Use instead:

    data = tf.data.Dataset.from_tensor_slices(((photos, notes), prices))

Fix safety: only brackets are put in; the order of the arrays stays.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.operands import codes_of
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import counted, name_of
from conv_magic.model.options import FitOptions
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import after, before, fix
from conv_magic.text.source import Code, called_name

code = "inputs-not-nested"

_CELL = (
    "import keras\nimport tensorflow as tf\nfrom keras import layers\n"
    "photo, note = keras.Input((8, 8, 1)), keras.Input((5,))\n"
    "flat = layers.Flatten()(layers.Conv2D(2, 3)(photo))\n"
    "model = keras.Model([photo, note], layers.Dense(1)(layers.concatenate([flat, note])))\n"
    "model.compile('sgd', 'mse')\n"
    "photos, notes, prices = tf.zeros((6, 8, 8, 1)), tf.zeros((6, 5)), tf.zeros((6, 1))\n"
)
VALID: tuple[str, ...] = (
    _CELL
    + "data = tf.data.Dataset.from_tensor_slices(((photos, notes), prices)).batch(2)\nmodel.fit(data, verbose=0)\n",
)
INVALID: tuple[str, ...] = (
    _CELL + "data = tf.data.Dataset.from_tensor_slices((photos, notes, prices)).batch(2)\nmodel.fit(data, verbose=0)\n",
    _CELL + "def made():\n    return tf.data.Dataset.from_tensor_slices((photos, notes, prices)).shuffle(6).batch(3)\n"
    "model.evaluate(made(), verbose=0)\n",
    _CELL + "parts = [tf.data.Dataset.from_tensor_slices(each) for each in (photos, notes, prices)]\n"
    "data = tf.data.Dataset.zip((parts[0], parts[1], parts[2])).batch(2)\nmodel.fit(data, verbose=0)\n",
)
_DATASET_FUNCTIONS = {"from_tensor_slices", "from_tensors", "zip"}


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where a model in training got one tensor for several inputs."""
    around = graph_of(trace).parent_of(call)
    if call.outcome is not Outcome.RAISED or around is None or not isinstance(around.options, FitOptions):
        return
    wanted = max((len(value.parts) for value in trace.values if value.kind == "model"), default=0)
    if wanted < 2 or len(call.inputs) != 1 or call.options is not None or call.layer is None:
        return
    fixes = [candidate for cell in codes_of(trace) for candidate in _fixes(cell, wanted)]
    if not fixes:
        return
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} takes {wanted} inputs; the dataset gives it one, and the next as its labels",
        reasons=(f"an element of a dataset is (inputs, labels): {counted(wanted, 'input')} are a tuple of their own",),
        actual=call.inputs[0],
        fixes=fixes[:1],
    )


def _fixes(cell: Code, wanted: int) -> Iterator[Fix]:
    edits = []
    for node in cell.nodes:
        if isinstance(node, ast.Call) and called_name(node) in _DATASET_FUNCTIONS and len(node.args) == 1:
            components = node.args[0]
            if isinstance(components, ast.Tuple) and len(components.elts) > wanted and not _is_nested(components):
                first, last = components.elts[0], components.elts[wanted - 1]
                edits += [before(cell, first, "("), after(cell, last, ")")]
    if edits:
        title = "put the inputs into a tuple of their own"
        yield fix(title, cell, edits, Applicability.SURE)


def _is_nested(components: ast.Tuple) -> bool:
    """Check whether some component is a tuple, list or dictionary already."""
    return any(isinstance(element, ast.Tuple | ast.List | ast.Dict) for element in components.elts)
