"""Samples were given in a list: Keras takes each element for an input of its own.

What: `predict([one, two, three])` is a call with three inputs, not with a batch of three.
Why: images were collected in a list and the list was not made an array.
Example:

    model.predict([photo for photo in photos])

Use instead:

    model.predict(np.stack([photo for photo in photos]))

Fix safety: no number is changed; the samples get the batch axis that the model needs.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.operands import module_alias, operand_of, origin_of
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.arithmetic import shapes_agree
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability
from conv_magic.model.naming import axis_names, counted, name_of, spelled
from conv_magic.model.options import FitOptions
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, wrapped

code = "samples-in-a-list"

_MODEL = (
    "import keras, numpy as np\nfrom keras import layers\n"
    "model = keras.Sequential([keras.Input((6, 6, 1)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(1)])\n"
)
VALID: tuple[str, ...] = (_MODEL + "model.predict(np.stack([np.ones((6, 6, 1))] * 3), verbose=0)\n",)
INVALID: tuple[str, ...] = (
    _MODEL + "pictures = [np.ones((6, 6, 1)) for _ in range(4)]\nmodel.predict(pictures, verbose=0)\n",
    _MODEL + "model.predict([np.ones((6, 6, 1))], verbose=0)\n",
)


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where a failed model with one input was given a list of single samples."""
    if call.outcome is not Outcome.RAISED:
        return
    call, given = _model_in_training(call, trace)
    if not given or call.accepts is None:
        return
    if len(set(given)) != 1 or not shapes_agree(given[0], call.accepts[1:]):
        return
    operand = operand_of(call, trace)
    numpy = module_alias(operand.code, "numpy") if operand else None
    if operand is None or numpy is None or not isinstance(operand.code.resolve(operand.value), ast.List | ast.ListComp):
        return
    edit = wrapped(operand.code, operand.value, f"{numpy}.stack(", ")")
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} takes one array of samples; it was given a list of {counted(len(given), 'array')}",
        reasons=(f"each element of a list counts as an input of its own, here of {spelled(given[0])}",),
        expected=call.accepts,
        actual=given[0],
        axis_names=axis_names(len(call.accepts)),
        origin=origin_of(call, trace),
        fixes=(fix("stack the samples to one array", operand.code, [edit], Applicability.SURE),),
    )


def _model_in_training(call: CallRecord, trace: Trace) -> tuple[CallRecord, tuple[Shape, ...]]:
    """Return the model that `fit` or `predict` called, and the shapes that these were given."""
    for ancestor in graph_of(trace).ancestors(call):
        if isinstance(ancestor.options, FitOptions):
            return call, () if ancestor.options.dataset else ancestor.options.x
        call = ancestor
    return call, ()
