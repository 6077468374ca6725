"""A model with several outputs was given its labels in one array.

What: each output has a loss of its own and needs labels of its own; one array holds them all, column beside column, or
there is one that all outputs share.
Why: the labels were read as one table; a second output was added to the model later.
Example:

    model = Model(image, [age, gender])
    model.fit(faces, table)                          # table is (n, 2)

Use instead:

    model.fit(faces, [table[:, 0], table[:, 1]])

Fix safety: the outputs get the columns in their order, and only where the numbers agree.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.definitions import definitions_of, sequence_behind
from conv_magic.analysis.operands import codes_of, operand_of
from conv_magic.analysis.training import labels_fit
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import counted, name_of, spelled
from conv_magic.model.options import FitOptions
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix
from conv_magic.text.source import Code, argument, called_name

code = "labels-not-split"

_MODEL = (
    "import keras, numpy as np\nfrom keras import layers\n"
    "image = keras.Input((8, 8, 1))\n"
    "x = layers.GlobalMaxPooling2D()(layers.Conv2D(4, 3)(image))\n"
    "model = keras.Model(image, [layers.Dense({})(x), layers.Dense({}, activation='sigmoid')(x)])\n"
    "model.compile('sgd', ['mse', 'binary_crossentropy'])\n"
    "images = np.zeros((6, 8, 8, 1))\n"
)
VALID: tuple[str, ...] = (_MODEL.format(1, 1) + "model.fit(images, [np.zeros(6), np.zeros(6)], verbose=0)\n",)
INVALID: tuple[str, ...] = (
    _MODEL.format(1, 1) + "table = np.zeros((6, 2))\nmodel.fit(images, table, verbose=0)\n",
    _MODEL.format(4, 1) + "table = np.zeros((6, 5))\nmodel.evaluate(images, y=table, verbose=0)\n",
    _MODEL.format(1, 1) + "yes = np.zeros(6)\nmodel.fit(images, yes, verbose=0)\n",
)

_MESSAGE = "y_true and y_pred have different structures"
_MODELS = {"Model", "Functional"}
_MOST_OUTPUTS = 8


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where Keras found one array of labels for several outputs."""
    options = call.options
    if call.outcome is not Outcome.RAISED or not isinstance(options, FitOptions) or _MESSAGE not in (call.error or ""):
        return
    operand = operand_of(call, trace)
    labels = argument(operand.call, 1, "y") if operand else None
    outputs = _outputs_in_text(trace)
    if operand is None or labels is None or len(options.y) != 1 or not 1 < len(outputs) <= _MOST_OUTPUTS:
        return
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} has {counted(len(outputs), 'output')}; its labels are one array of {spelled(options.y[0])}",
        reasons=(f"the outputs are {' and '.join(map(spelled, outputs))}, in this order",),
        actual=options.y[0],
        fixes=_fixes(operand.code, labels, options.y[0], outputs),
    )


def _outputs_in_text(trace: Trace) -> tuple[Shape, ...]:
    """Return the outputs of the one model with several, as its text lists them and the calls there gave them."""
    for cell in codes_of(trace):
        for node in ast.walk(cell.tree):
            shapes = [_shape_made(cell, element, trace) for element in _output_expressions(cell, node)]
            known = tuple(shape for shape in shapes if shape is not None)
            if len(known) > 1 and len(known) == len(shapes):
                return known
    return ()


def _output_expressions(cell: Code, node: ast.AST) -> list[ast.expr]:
    """Return the outputs that a call lists, if it makes a model; else nothing."""
    outputs = argument(node, 1, "outputs") if isinstance(node, ast.Call) and called_name(node) in _MODELS else None
    sequence = sequence_behind(cell, outputs)
    return sequence.elts if sequence is not None else []


def _shape_made(cell: Code, element: ast.expr, trace: Trace) -> Shape | None:
    """Return the output of the call that made an expression; None where none is recorded."""
    spans = [cell.span(origin) for origin in definitions_of(cell, element)]
    return next((c.output for c in trace.calls if c.span in spans and c.output is not None), None)


def _fixes(cell: Code, labels: ast.expr, given: Shape, outputs: tuple[Shape, ...]) -> Iterator[Fix]:
    text = cell.text_of(labels)
    if not isinstance(labels, ast.Name | ast.Attribute | ast.Subscript):
        return
    widths = [shape[-1] or 0 for shape in outputs]
    if len(given) == 2 and all(len(shape) == 2 for shape in outputs) and sum(widths) == given[-1]:
        starts = [sum(widths[:index]) for index in range(len(widths))]
        pairs = zip(starts, widths, strict=True)
        parts = [f"{text}[:, {start}]" if n == 1 else f"{text}[:, {start}:{start + n}]" for start, n in pairs]
        edit = cell.replace(labels, f"[{', '.join(parts)}]")
        yield fix("give each output its columns", cell, [edit], Applicability.SURE)
    if all(labels_fit(given, shape) for shape in outputs):
        edit = cell.replace(labels, f"[{', '.join([text] * len(outputs))}]")
        yield fix("give each output the same labels", cell, [edit], Applicability.SURE)
