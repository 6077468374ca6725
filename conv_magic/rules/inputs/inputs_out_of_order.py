"""The inputs of a model with several are in another order, or all in one array.

What: each input was declared with its own shape; those given fit only in another order, or as slices of one array.
Why: a list of inputs is matched by position; pairs are often kept in one array.
Example:

    model = Model([image, table], price)
    model.fit([numbers, photos], prices)

Use instead:

    model.fit([photos, numbers], prices)

Fix safety: nothing but the order, or the list around the slices, is changed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import permutations

from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.input_declarations import declaration_of
from conv_magic.analysis.operands import Operand, operand_of, origin_of
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.arithmetic import shapes_agree
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import name_of, spelled
from conv_magic.model.options import FitOptions
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import exchanged, fix
from conv_magic.text.source import Code, argument, called_name

code = "inputs-out-of-order"

_MODEL = (
    "import keras, numpy as np\nfrom keras import layers\n"
    "image, table = keras.Input((12, 12, 3)), keras.Input((5,))\n"
    "both = layers.concatenate([layers.Flatten()(image), table])\n"
    "model = keras.Model([image, table], layers.Dense(1)(both))\n"
    "photos, numbers = np.zeros((4, 12, 12, 3)), np.zeros((4, 5))\n"
)
_TWINS = (
    "import keras, numpy as np\nfrom keras import layers\n"
    "left, right = keras.Input((12, 12, 1)), keras.Input((12, 12, 1))\n"
    "model = keras.Model([left, right], layers.Subtract()([left, right]))\n"
)
VALID: tuple[str, ...] = (_MODEL + "model.predict([photos, numbers], verbose=0)\n",)
INVALID: tuple[str, ...] = (
    _MODEL + "model.predict([numbers, photos], verbose=0)\n",
    _MODEL + "image, table = keras.Input((12, 12, 3), name='a'), keras.Input((5,), name='b')\n"
    "both = layers.concatenate([layers.Flatten()(image), table])\n"
    "model = keras.Model([image, table], layers.Dense(1)(both))\n"
    "model.predict({'a': numbers, 'b': photos}, verbose=0)\n",
    _MODEL + "given = (numbers, photos)\ny = model(given)\n",
    _TWINS + "pairs = np.zeros((6, 2, 12, 12, 1))\nmodel.predict(pairs, verbose=0)\n",
    _TWINS + "pairs = np.zeros((2, 6, 12, 12, 1), 'float32')\nmodel.predict(pairs, verbose=0)\n",
)

_MOST_INPUTS = 6
"""More have too many orders to try."""
_MODELS = {"Model", "Functional"}
_PAIR = 2


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where a failed model's inputs fit what it declares once reordered or taken apart."""
    if call.outcome is not Outcome.RAISED or not call.inputs or call.layer is None:
        return
    operand = operand_of(call, trace)
    if operand is None:
        return
    for declared in _declared_inputs(operand, trace):
        fixes = tuple(_fixes(call, trace, operand, declared))
        if fixes:
            yield _diagnosis(call, trace, declared, fixes)
            return


def _diagnosis(call: CallRecord, trace: Trace, declared: tuple[Shape, ...], fixes: tuple[Fix, ...]) -> Diagnosis:
    given = " and ".join(spelled(shape) for shape in call.inputs)
    return diagnosed(
        code,
        call,
        f"{name_of(call)} takes {' and '.join(map(spelled, declared))}, in this order; it was given {given}",
        expected=declared[0],
        actual=call.inputs[0],
        origin=origin_of(call, trace),
        fixes=fixes,
    )


def _declared_inputs(operand: Operand, trace: Trace) -> Iterator[tuple[Shape, ...]]:
    """Yield the input shapes of models with several inputs: of the one that is called, else of all known models."""
    callee = operand.call.func
    owner = callee.value if isinstance(callee, ast.Attribute) else callee
    models = [model for model in trace.values if model.kind == "model" and len(model.parts) > 1]
    called = [model.parts for model in models if isinstance(owner, ast.Name) and model.name == owner.id]
    yield from called or [model.parts for model in models]
    if not models:
        yield from _inputs_in_text(operand.code, trace)


def _inputs_in_text(cell: Code, trace: Trace) -> Iterator[tuple[Shape, ...]]:
    """Yield the input shapes of the models that the text builds from a list of inputs."""
    for node in ast.walk(cell.tree):
        if isinstance(node, ast.Call) and called_name(node) in _MODELS:
            inputs = argument(node, 0, "inputs")
            shapes = (
                [_input_shape(cell, e, trace) for e in inputs.elts] if isinstance(inputs, ast.List | ast.Tuple) else []
            )
            known = tuple(shape for shape in shapes if shape is not None)
            if len(shapes) > 1 and len(known) == len(shapes):
                yield known


def _input_shape(cell: Code, node: ast.expr, trace: Trace) -> Shape | None:
    """Return the shape, with the batch, of the input that an expression stands for."""
    for origin in definitions_of(cell, node):
        declared = declaration_of(cell, origin, trace) if isinstance(origin, ast.Call) else None
        if declared is not None and declared.sizes is not None:
            return (None, *declared.sizes)
    return None


def _fixes(call: CallRecord, trace: Trace, operand: Operand, declared: tuple[Shape, ...]) -> Iterator[Fix]:
    if len(call.inputs) == len(declared):
        yield from _order_fixes(operand, call.inputs, declared)
    elif len(call.inputs) == 1:
        yield from _slicing_fixes(operand, _input_as_passed(call, trace), declared)


def _input_as_passed(call: CallRecord, trace: Trace) -> Shape:
    """Return the one input as the user passed it, before Keras cut it into batches."""
    parent = graph_of(trace).parent_of(call)
    given = parent.options.x if parent is not None and isinstance(parent.options, FitOptions) else ()
    return given[0] if len(given) == 1 else call.inputs[0]


def _order_fixes(operand: Operand, given: tuple[Shape, ...], declared: tuple[Shape, ...]) -> Iterator[Fix]:
    """Yield a fix that puts the inputs into the model's order, where exactly their order is wrong."""
    cell = operand.code
    if _all_agree(given, declared) or len(given) > _MOST_INPUTS:
        return
    orders = (o for o in permutations(range(len(given))) if _all_agree(tuple(given[i] for i in o), declared))
    order = next(orders, None)
    for origin in definitions_of(cell, operand.value) if order is not None else ():
        if isinstance(origin, ast.Dict) and len(origin.values) == len(given) == _PAIR:
            edits = exchanged(cell, origin.values[0], origin.values[1])
            yield fix("exchange what the two inputs are given", cell, edits, Applicability.SURE)
            return
        if order is not None and isinstance(origin, ast.List | ast.Tuple) and len(origin.elts) == len(order):
            texts = [cell.text_of(origin.elts[i]) for i in order]
            pairs = zip(origin.elts, texts, strict=True)
            edits = [cell.replace(node, text) for node, text in pairs if cell.text_of(node) != text]
            yield fix("put the inputs into the model's order", cell, edits, Applicability.SURE)
            return


def _slicing_fixes(operand: Operand, given: Shape, declared: tuple[Shape, ...]) -> Iterator[Fix]:
    """Yield a fix that gives the slices of one array as the inputs."""
    count = len(declared)
    for axis in (1, 0):
        if len(given) <= axis or given[axis] != count:
            continue
        sample = (*given[:axis], *given[axis + 1 :])
        if _all_agree((sample,) * count, declared):
            text = operand.code.text_of(operand.value)
            parts = ", ".join(f"{text}[{':, ' * axis}{i}]" for i in range(count))
            edit = operand.code.replace(operand.value, f"[{parts}]")
            yield fix(f"give the {count} inputs one by one", operand.code, [edit], Applicability.SURE)
            return


def _all_agree(given: tuple[Shape, ...], declared: tuple[Shape, ...]) -> bool:
    """Check whether each shape agrees with the one declared for its position, but for the batch."""
    pairs = zip(given, declared, strict=True)
    return all(len(have) == len(want) and shapes_agree(have[1:], want[1:]) for have, want in pairs)
