"""The layer's own weight was made for another axis of the input, or for another number of features.

What: a product over the last axis needs a weight with as many rows as that axis has values; it has another number.
Why: `build` took the number from another axis (`input_shape[1]` is the height of an image), or the number was written.
Example:

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[1], self.units))
    def call(self, x):
        return tf.matmul(x, self.w)

Use instead:

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], self.units))

Fix safety: the weight follows the input; the number of outputs stays.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.operands import code_of
from conv_magic.analysis.training import with_number
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import name_of, spelled
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix
from conv_magic.text.source import Code, argument, called_name

code = "own-weight-differs"

_LAYER = (
    "import keras, tensorflow as tf\n"
    "class Mix(keras.layers.Layer):\n"
    "    def build(self, input_shape):\n"
    "        self.w = self.add_weight(shape=({}, 3))\n"
    "        self.b = self.add_weight(shape=(3,))\n"
    "    def call(self, x):\n"
    "        return {} + self.b\n"
)
VALID: tuple[str, ...] = (
    _LAYER.format("input_shape[-1]", "tf.matmul(x, self.w)") + "y = Mix()(tf.zeros((2, 6, 6, 5)))\n",
)
INVALID: tuple[str, ...] = (
    _LAYER.format("input_shape[1]", "tf.matmul(x, self.w)") + "y = Mix()(tf.zeros((2, 6, 6, 5)))\n",
    _LAYER.format("input_shape[1]", "x @ self.w") + "y = Mix()(tf.zeros((2, 7, 5)))\n",
    _LAYER.format("8", "tf.matmul(x, self.w)") + "y = Mix()(keras.Input((7, 5)))\n",
)

_MATRIX = 2
_PRODUCTS = {"matmul", "matmult", "dot", "tensordot"}


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where a failed product goes back to the size a layer's own weight was made with."""
    if call.outcome is not Outcome.RAISED or call.op not in _PRODUCTS or len(call.inputs) != 2:
        return
    have, weight = call.inputs
    cell = code_of(trace, call.span)
    if cell is None or not have or len(weight) != 2 or have[-1] == weight[0] or None in (have[-1], weight[0]):
        return
    fixes = tuple(_fixes(cell, call, trace, have[-1] or 0))
    if fixes:
        yield diagnosed(
            code,
            call,
            f"{name_of(call)} cannot multiply {spelled(have)} by a weight of {spelled(weight)}",
            reasons=(f"the last axis has {have[-1]} values, the weight has {weight[0]} rows",),
            expected=(*have[:-1], weight[0]),
            actual=have,
            axes=(len(have) - 1,),
            origin=(fixes[0].edits[0].span, f"the weight is made on line {fixes[0].edits[0].span.line}"),
            fixes=fixes,
        )


def _fixes(cell: Code, call: CallRecord, trace: Trace, want: int) -> Iterator[Fix]:
    for node in (n for n in _second_factors(cell, call) if isinstance(n, ast.Attribute)):
        for origin in definitions_of(cell, node):
            shape = _shape_of_weight(origin) if isinstance(origin, ast.Call) else None
            if shape is None or not shape.elts:
                continue
            rows = shape.elts[0]
            if isinstance(rows, ast.Subscript):
                edit = cell.replace(rows.slice, "-1")
                yield fix("make the weight for the last axis", cell, [edit], Applicability.SURE)
            elif len(call.inputs[0]) > _MATRIX and call.inputs[1][1] != want:
                # of two axes it is a flattened map, and a weight of the right size behind is turned: other rules'
                for edit in with_number(cell, trace, rows, want):
                    yield fix(f"make the weight for {want} values", cell, [edit], Applicability.SURE)
                    break
            return


def _second_factors(cell: Code, call: CallRecord) -> Iterator[ast.expr]:
    """Yield the second factors of the products in the failed statement."""
    node = cell.node_at(call.span, ast.expr) if call.span is not None else None
    statement = cell.node_at(call.span, ast.stmt) if call.span is not None and node is None else node
    for inner in ast.walk(statement) if statement is not None else ():
        if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.MatMult):
            yield inner.right
        elif isinstance(inner, ast.Call) and called_name(inner) in _PRODUCTS and len(inner.args) > 1:
            yield inner.args[1]


def _shape_of_weight(node: ast.Call) -> ast.Tuple | ast.List | None:
    """Return the literal shape given to `add_weight`, or to the values of a `tf.Variable`; None where there is none."""
    if called_name(node) == "Variable" and node.args and isinstance(node.args[0], ast.Call):
        return _shape_of_weight(node.args[0])
    given = argument(node, 0, "shape")
    return given if isinstance(given, ast.Tuple | ast.List) else None
