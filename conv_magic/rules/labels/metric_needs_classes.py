"""A metric that compares class numbers is given the probabilities of all classes.

What: `MeanIoU` and its kin take one class number for each pixel; a softmax output holds one value for each class.
Why: `accuracy` finds the largest class by itself, these metrics do so only when told.
Example:

    model.compile("adam", "sparse_categorical_crossentropy", metrics=[keras.metrics.MeanIoU(num_classes=4)])

Use instead:

    keras.metrics.MeanIoU(num_classes=4, sparse_y_pred=False)

Fix safety: only the metric changes; labels that are one-hot rows are announced in the same way.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.operands import codes_of
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import spelled
from conv_magic.model.options import FitOptions, LossOptions
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, with_argument
from conv_magic.text.source import Code, called_name

code = "metric-needs-classes"

_START = (
    "import keras\nimport numpy as np\n"
    "net = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(5, 1, activation='softmax')])\n"
    "x = np.zeros((2, 8, 8, 3))\n"
)
VALID: tuple[str, ...] = (
    _START + "net.compile('sgd', 'sparse_categorical_crossentropy', metrics=[keras.metrics.MeanIoU(5, "
    "sparse_y_pred=False)])\nnet.evaluate(x, np.zeros((2, 8, 8, 1)), verbose=0)\n",
)
INVALID: tuple[str, ...] = (
    _START + "net.compile('sgd', 'sparse_categorical_crossentropy', metrics=[keras.metrics.MeanIoU(5)])\n"
    "net.fit(x, np.zeros((2, 8, 8, 1)), verbose=0)\n",
    _START + "overlap = keras.metrics.IoU(num_classes=5, target_class_ids=[1])\n"
    "labels = np.zeros((2, 8, 8))\noverlap.update_state(labels, net(x))\n",
)

_METRICS = {"MeanIoU", "IoU"}


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where such a metric failed on an output with an axis of classes."""
    shapes = _shapes_compared(call, trace) if call.outcome is Outcome.RAISED else None
    if shapes is None:
        return
    labels, output = shapes
    metrics = [(cell, node) for cell in codes_of(trace) for node in _metrics_in(cell)]
    if not metrics or len(output) < 2 or output[-1] in (None, 1):
        return
    cell, node = metrics[0]
    origin = cell.span(node)
    yield diagnosed(
        code,
        call,
        f"{called_name(node)} takes class numbers, but the output {spelled(output)} has {output[-1]} values for each",
        layer=called_name(node),
        reasons=(f"the labels are {spelled(labels)}",),
        expected=(*output[:-1], 1),
        actual=output,
        axes=(len(output) - 1,),
        origin=(origin, f"{called_name(node)} is made on line {origin.line}"),
        fixes=(_largest_class_fix(cell, node, one_hot=labels == output),),
    )


def _shapes_compared(call: CallRecord, trace: Trace) -> tuple[tuple[int | None, ...], tuple[int | None, ...]] | None:
    """Return the shapes of labels and output of the metrics that failed: in `fit`, or in their own `update_state`."""
    if isinstance(call.options, FitOptions):
        inside = [c for c in graph_of(trace).inside(call) if c.op == "metrics"]
        call = inside[-1] if inside else call
    if isinstance(call.options, LossOptions) and call.op != "metrics":
        return None
    direct = call.op == "update_state" and call.layer is None
    return (call.inputs[0], call.inputs[1]) if len(call.inputs) == 2 and (call.op == "metrics" or direct) else None


def _metrics_in(cell: Code) -> Iterator[ast.Call]:
    """Yield the calls that make such metrics without `sparse_y_pred`."""
    for node in ast.walk(cell.tree):
        if not isinstance(node, ast.Call) or called_name(node) not in _METRICS:
            continue
        if all(keyword.arg != "sparse_y_pred" for keyword in node.keywords):
            yield node


def _largest_class_fix(cell: Code, node: ast.Call, *, one_hot: bool) -> Fix:
    """Return the fix that lets the metric take the largest class."""
    text = "False, sparse_y_true=False" if one_hot else "False"
    edit = with_argument(cell, node, None, "sparse_y_pred", text)
    return fix("let the metric take the largest class", cell, [edit], Applicability.SURE)
