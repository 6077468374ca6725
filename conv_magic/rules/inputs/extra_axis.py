"""The input has an axis of length 1 too many.

What: a model or layer was given data with one more axis than it takes.
Why: each image already had a batch axis when they were put into one array, an axis was added twice, a dataset was
batched twice.
Example:

    images = [np.expand_dims(read(i), 0) for i in range(10)]
    model.fit(np.array(images), labels)     # (10, 1, 32, 32, 3)

Use instead:

    model.fit(np.concatenate(images), labels)

Fix safety: only an axis of length 1 is taken out; no number of the data is lost.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.model_data import other_data_of_model
from conv_magic.analysis.operands import Operand, data_operand_of, origin_of
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.arithmetic import shapes_agree
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import axis_names, name_of, spelled
from conv_magic.model.options import FitOptions
from conv_magic.model.positions import Edit
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, indexed
from conv_magic.text.source import Code, called_name

code = "extra-axis"

VALID: tuple[str, ...] = (
    "import keras, numpy as np\n"
    "model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Conv2D(4, 3)])\n"
    "model.predict(np.zeros((3, 28, 28, 1, 1)), verbose=0)\n",
)
INVALID: tuple[str, ...] = (
    "import keras, numpy as np\n"
    "parts = [np.zeros((1, 12, 12, 3)) for _ in range(6)]\n"
    "images = np.array(parts)\n"
    "model = keras.Sequential([keras.Input((12, 12, 3)), keras.layers.Conv2D(4, 3)])\n"
    "model.predict(images, verbose=0)\n",
    "import keras, numpy as np\n"
    "net = keras.Sequential([keras.Input((12, 14, 3)), keras.layers.Conv2D(4, 3)])\n"
    "def one(i):\n    return np.full((1, 12, 14, 3), i, 'float32')\n"
    "net.predict(one(0), verbose=0)\nmany = np.array([one(i) for i in range(5)])\n"
    "y = net.predict(many, verbose=0)\n",
    "import numpy as np\nfrom keras import layers\n"
    "photo = np.zeros((1, 12, 12, 3), 'float32')\n"
    "y = layers.MaxPooling2D()(np.expand_dims(photo, 0))\n",
    "import keras, numpy as np, tensorflow as tf\nfrom keras import layers\n"
    "images, kinds = np.zeros((8, 12, 12, 3), 'float32'), np.zeros((8, 1))\n"
    "data = tf.data.Dataset.from_tensor_slices((images, kinds)).batch(4)\n"
    "data = data.shuffle(8).batch(2)\n"
    "model = keras.Sequential([keras.Input((12, 12, 3)), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(1)])\n"
    "model.compile('sgd', 'mse')\n"
    "model.fit(data, verbose=0)\n",
)

_DIMENSIONS = re.compile(r"([123])D$")
_STACKS = {"array": "concatenate", "asarray": "concatenate", "stack": "concatenate"}


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where the failed call's input would fit without one axis of length 1."""
    needed = _shape_needed(call)
    if call.outcome is Outcome.RAISED and not call.inputs and call.parent is not None:
        accepted = (other.accepts for other in graph_of(trace).same_layer(call) if other.inputs)
        call, needed = trace.calls[call.parent], next((accepts for accepts in accepted if accepts), None)
    if call.outcome is not Outcome.RAISED or len(call.inputs) != 1 or call.producers[:1] != (None,):
        return
    dataset = _options_of_dataset(call, trace)
    actual = call.inputs[0]
    if needed is None or len(actual) != len(needed) + 1:
        return
    operand = data_operand_of(call, trace, 0)
    extra = _extra_axis(actual, needed, dataset=dataset is not None)
    if extra is None or operand is None:
        return
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} takes {len(needed)} axes; {spelled(actual)} has {len(actual)}",
        reasons=(f"axis {extra} is one too many: without it the input is {spelled(_axis_removed(actual, extra))}",),
        expected=needed,
        actual=actual,
        axes=(),
        axis_names=axis_names(len(needed)),
        origin=origin_of(call, trace),
        fixes=_dataset_fixes(operand, dataset, extra) if dataset else _fixes(operand, trace, actual, extra),
    )


def _shape_needed(call: CallRecord) -> Shape | None:
    """Return the shape that the layer's name or its input specification asks for; None where neither does."""
    match = _DIMENSIONS.search(call.op)
    if match is None or call.layer is None:
        return call.accepts if call.options is None else None
    rank = int(match[1]) + 2
    return (*(None,) * (rank - 1), (call.accepts or (None,))[-1])


def _options_of_dataset(call: CallRecord, trace: Trace) -> FitOptions | None:
    """Return the options of the `fit` around where it was given a dataset."""
    training = graph_of(trace).training_around(call)
    options = training.options if training is not None else None
    return options if isinstance(options, FitOptions) and options.dataset else None


def _extra_axis(actual: Shape, needed: Shape, *, dataset: bool) -> int | None:
    """Return the axis to take out, None where no axis will do; axis 1, that of a list of batches, is tried first."""
    axes: list[int] = [1, 0, *range(2, len(actual))]
    lengths = (1, None) if dataset else (1,)
    for axis in axes:
        if actual[axis] in lengths and shapes_agree(_axis_removed(actual, axis)[1:], needed[1:]):
            return axis
    return None


def _axis_removed(shape: Shape, axis: int) -> Shape:
    """Return the shape without one axis."""
    return (*shape[:axis], *shape[axis + 1 :])


def _fixes(operand: Operand, trace: Trace, actual: Shape, extra: int) -> Iterator[Fix]:
    cell = operand.code
    origins = definitions_of(cell, operand.value)
    for origin in origins:
        edits = list(_edits_at_origin(cell, origin, extra))
        if edits:
            yield fix(_title_at_origin(origin, extra), cell, edits, Applicability.SURE)
            break
    values = [operand.value, *other_data_of_model(operand, len(actual), trace)]
    title = f"take axis {extra} out"
    index = "[..., 0]" if extra == len(actual) - 1 else f"[{':, ' * extra}0]"
    yield fix(title, cell, [indexed(cell, value, index) for value in values], Applicability.SURE)
    producer = next((o for o in origins[1:] if not isinstance(o, ast.Name)), None)
    if producer is not None:
        title_there = f"{title} where {cell.text_of(operand.value)} is made"
        yield fix(title_there, cell, [indexed(cell, producer, index)], Applicability.CHOICE)


def _title_at_origin(origin: ast.expr, extra: int) -> str:
    """Return the title of the fix where the value is made."""
    if isinstance(origin, ast.Call) and called_name(origin) in _STACKS and extra == 1:
        return "join the batches along their own batch axis"
    return "leave out the axis that is added a second time"


def _edits_at_origin(cell: Code, origin: ast.expr, extra: int) -> Iterator[Edit]:
    """Yield the edit where the value is made: stacked batches concatenated, or a second `expand_dims` left out."""
    if isinstance(origin, ast.Call) and isinstance(origin.func, ast.Attribute) and extra == 1:
        name = called_name(origin)
        library = cell.text_of(origin.func.value)
        if name in _STACKS and len(origin.args) == 1 and not origin.keywords:
            tensorflow = library in ("tf", "tensorflow")
            function = f"{library}.{'concat' if tensorflow else _STACKS[name]}"
            end = ", axis=0)" if tensorflow else ")"
            yield cell.replace(origin, f"{function}({cell.text_of(origin.args[0])}{end}")
            return
    inner = _widened_value(origin)
    if inner is not None:
        yield cell.replace(origin, cell.text_of(inner))


def _widened_value(node: ast.expr) -> ast.expr | None:
    """Return the `x` of `expand_dims(x, 0)` or `x[None]`."""
    if isinstance(node, ast.Call) and called_name(node) == "expand_dims" and node.args:
        return node.args[0]
    if isinstance(node, ast.Subscript) and "None" in ast.unparse(node.slice).replace("newaxis", "None"):
        return node.value
    return None


def _dataset_fixes(operand: Operand, options: FitOptions, extra: int) -> Iterator[Fix]:
    """Yield fixes of a dataset: batch it once, add no axis to each element, or take the axis out."""
    cell = operand.code
    nodes = list(_pipeline_nodes(cell, operand.value))
    batches = [node for node in nodes if isinstance(node, ast.Call) and called_name(node) == "batch"]
    if len(batches) > 1 and isinstance(batches[0].func, ast.Attribute):
        edit = cell.replace(batches[0], cell.text_of(batches[0].func.value))
        yield fix("batch the data once", cell, [edit], Applicability.SURE)
        return
    for node in nodes:
        inner = _widened_value(node) if isinstance(node, ast.expr) else None
        if inner is not None:
            edit = cell.replace(node, cell.text_of(inner))
            yield fix("do not add an axis to each element", cell, [edit], Applicability.SURE)
            break
    index = f"[{':, ' * extra}0]"
    step = f".map(lambda x, y: (x{index}, y))" if options.y else f".map(lambda x: x{index})"
    yield fix(f"take axis {extra} out", cell, [indexed(cell, operand.value, step)], Applicability.SURE)


def _pipeline_nodes(cell: Code, value: ast.expr, depth: int = 4) -> Iterator[ast.AST]:
    """Yield all nodes of what makes a pipeline and of the functions mapped over it, the last step first."""
    for origin in definitions_of(cell, value):
        yield from ast.walk(origin)
        for name in ast.walk(origin) if depth and origin is not value else ():
            if isinstance(name, ast.Name):
                yield from _function_nodes(cell, name)
                yield from _pipeline_nodes(cell, name, depth - 1) if name.id == getattr(value, "id", None) else ()


def _function_nodes(cell: Code, name: ast.Name) -> Iterator[ast.AST]:
    """Yield the nodes of the function that a name stands for."""
    binding = cell.binding(name)
    if binding is not None and isinstance(binding.statement, ast.FunctionDef):
        yield from ast.walk(binding.statement)
