"""One sample and its label were given where a batch of samples is needed.

What: `fit`, `evaluate` and their kin take the first axis for the samples; `x_test[i]` and `y_test[i]` have none.
Why: an index takes out one sample and drops its axis; a slice keeps it.
Example:

    model.evaluate(x_test[7], y_test[7])

Use instead:

    model.evaluate(x_test[7:8], y_test[7:8])

Fix safety: the same sample and label are used, as a batch of one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.operands import module_alias, operand_of
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import axis_names, name_of, spelled
from conv_magic.model.options import FitOptions
from conv_magic.model.positions import Edit
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, indexed, wrapped
from conv_magic.text.source import Code, argument

code = "one-sample-with-label"

_MODEL = (
    "import keras, numpy as np\nfrom keras import layers\n"
    "net = keras.Sequential([keras.Input((9, 9, 1)), layers.Flatten(), layers.Dense(4, activation='softmax')])\n"
    "net.compile('sgd', '{}')\n"
    "images, kinds = np.zeros((6, 9, 9, 1)), np.arange(6) % 4\n"
)
VALID: tuple[str, ...] = (
    "import keras, numpy as np\nfrom keras import layers\n"
    "net = keras.Sequential([keras.Input((None, 3)), layers.Conv1D(2, 3), layers.GlobalMaxPooling1D()])\n"
    "net.compile('sgd', 'mse')\nnet.fit(np.zeros((6, 9, 3)), np.zeros((6, 2)), verbose=0)\n",
    _MODEL.format("sparse_categorical_crossentropy") + "net.evaluate(images[2:3], kinds[2:3], verbose=0)\n",
)
INVALID: tuple[str, ...] = (
    _MODEL.format("sparse_categorical_crossentropy") + "i = 2\nnet.evaluate(images[i], kinds[i], verbose=0)\n",
    _MODEL.format("sparse_categorical_crossentropy") + "net.train_on_batch(images[0], kinds[0])\n",
    _MODEL.format("categorical_crossentropy") + "rows = np.eye(4)[kinds]\nnet.fit(images[3], rows[3], verbose=0)\n",
    _MODEL.format("sparse_categorical_crossentropy") + "picture = images[1]\nnet.evaluate(picture, 3, verbose=0)\n",
)


_LEAST_RANK = 2
"""A sample of fewer axes looks like a batch of numbers."""


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where a failed call was given a sample of the model's input shape, and a label."""
    options = call.options if isinstance(call.options, FitOptions) else _options_around(call, trace)
    operand = operand_of(call, trace) if options is not None else None
    labels = argument(operand.call, 1, "y") if operand else None
    if options is None or operand is None or labels is None or len(options.x) != 1 or options.dataset:
        return
    if options.y and options.y[0] and options.y[0][0] == options.x[0][0]:
        return  # as many labels as samples
    declared = _input_of_model(operand.call, trace)
    if call.outcome is not Outcome.RAISED or declared is None or not _is_one_sample(options.x[0], declared):
        return
    sample = options.x[0]
    fixes = tuple(_fixes(operand.code, operand.value, labels, options))
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} takes batches of {spelled(declared)}; it was given one sample of {spelled(sample)}",
        reasons=("the batch axis is missing from the sample and from its label",),
        expected=declared,
        actual=sample,
        axes=(0,),
        axis_names=axis_names(len(declared)),
        fixes=fixes,
    )


def _options_around(call: CallRecord, trace: Trace) -> FitOptions | None:
    """Return the options of the `fit` around a call; None where its place in the text is not known."""
    for ancestor in graph_of(trace).ancestors(call):
        if isinstance(ancestor.options, FitOptions):
            return ancestor.options if ancestor.span is not None else None
    return None


def _input_of_model(call: ast.Call, trace: Trace) -> Shape | None:
    """Return the input shape of the model whose method is called; None where it has several."""
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    models = [v for v in trace.values if v.kind == "model" and isinstance(owner, ast.Name) and v.name == owner.id]
    return models[0].parts[0] if models and len(models[0].parts) == 1 else None


def _is_one_sample(given: Shape, declared: Shape) -> bool:
    """Check whether a shape is that of one sample."""
    if len(given) != len(declared) - 1 or len(given) < _LEAST_RANK:
        return False
    return all(want in (None, have) for have, want in zip(given, declared[1:], strict=True))


def _fixes(cell: Code, sample: ast.expr, labels: ast.expr, options: FitOptions) -> Iterator[Fix]:
    numpy = module_alias(cell, "numpy")
    slices = [_sliced(cell, node) for node in (sample, labels)]
    if all(slices):
        yield fix("take a slice of one sample", cell, [edit for edit in slices if edit], Applicability.SURE)
    elif numpy is not None:
        is_number = not options.y or not options.y[0]
        label = wrapped(cell, labels, f"{numpy}.array([", "])") if is_number else indexed(cell, labels, "[None]")
        edits = [indexed(cell, sample, "[None]"), label]
        yield fix("add the batch axis to the sample and to its label", cell, edits, Applicability.SURE)


def _sliced(cell: Code, node: ast.expr) -> Edit | None:
    """Return the edit that makes `x[i]` a slice, `x[i : i + 1]`; None where it is no index."""
    if not isinstance(node, ast.Subscript):
        return None
    index = node.slice
    if isinstance(index, ast.Constant) and type(index.value) is int:
        return cell.replace(index, f"{index.value}:{index.value + 1}")
    return cell.replace(index, f"{index.id}:{index.id} + 1") if isinstance(index, ast.Name) else None
