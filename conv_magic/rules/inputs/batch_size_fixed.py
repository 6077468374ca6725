"""A reshape states the batch size as a number.

What: the first size of the target is a number; a batch of any other size cannot be reshaped to it.
Why: the last batch of an epoch is smaller, `predict` cuts in batches of 32, one image comes alone.
Example:

    tf.reshape(x, [10, 12 * 12])

Use instead:

    tf.reshape(x, [-1, 12 * 12])

Fix safety: the other sizes stay, so that one sample still becomes what the author wrote; the batch takes what is left.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from math import prod

from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.operands import code_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix
from conv_magic.text.source import Code, called_name

code = "batch-size-fixed"

VALID: tuple[str, ...] = (
    "import tensorflow as tf\n"
    "def flat(x):\n"
    "    return tf.reshape(x, [-1, 36])\n"
    "a, b = flat(tf.zeros((4, 6, 6))), flat(tf.zeros((3, 6, 6)))\n",
)
INVALID: tuple[str, ...] = (
    "import tensorflow as tf\n"
    "def flat(x):\n"
    "    return tf.reshape(x, [4, 36])\n"
    "a, b = flat(tf.zeros((4, 6, 6))), flat(tf.zeros((3, 6, 6)))\n",
    "import tensorflow as tf\n"
    "@tf.function\n"
    "def scores(x):\n"
    "    return tf.reshape(x, (8, 36))\n"
    "y = scores(tf.zeros((5, 6, 6)))\n",
    "import keras, numpy as np, tensorflow as tf\n"
    "BATCH = 8\n"
    "class Flat(keras.layers.Layer):\n"
    "    def call(self, x):\n"
    "        x = tf.reshape(x, (BATCH, 6 * 6))\n"
    "        return x * 2.0\n"
    "    def compute_output_shape(self, shape):\n"
    "        return (shape[0], 36)\n"
    "model = keras.Sequential([Flat()])\n"
    "model.predict(np.zeros((20, 6, 6), 'float32'), batch_size=BATCH, verbose=0)\n",
)

_COUNTS = (
    re.compile(r"tensor with (\d+) values, but the requested shape has (\d+)"),
    re.compile(r"tensor with (\d+) elements to shape \[[\d,]*\] \((\d+) elements\)"),
)


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where, of a reshape's target, only the number written for the batch size is wrong."""
    if call.outcome is not Outcome.RAISED or call.span is None:
        return
    match = next((searched for pattern in _COUNTS if (searched := pattern.search(call.error or ""))), None)
    cell = code_of(trace, call.span)
    statement = cell.statement_at(call.span.line) if cell else None
    if match is None or cell is None or statement is None:
        return
    values_given, values_asked = int(match[1]), int(match[2])
    evaluator = Evaluator(cell, trace)
    for target in _reshape_targets(statement):
        sizes = evaluator.value(target)
        if not isinstance(sizes, tuple) or prod(s or 0 for s in sizes) != values_asked:
            continue
        if call.inputs and call.inputs[0][:1] == sizes[:1]:
            continue  # it is the batch that came: another size is wrong
        sample_values = prod(s or 0 for s in sizes[1:])
        if sample_values and values_given % sample_values == 0 and values_given != values_asked:
            yield _diagnosis(call, cell, target, sizes[0] or 0, values_given // sample_values)
            return


def _diagnosis(call: CallRecord, cell: Code, target: ast.Tuple | ast.List, stated: int, given: int) -> Diagnosis:
    """Return the diagnosis; its fix writes -1 in every reshape of the function that states the same batch size."""
    scope = cell.scope_of(target)
    first = cell.text_of(target.elts[0])
    targets = [t for t in _reshape_targets(scope) if t.elts and cell.text_of(t.elts[0]) == first]
    edits = [cell.replace(t.elts[0], "-1") for t in targets if not any("-1" in cell.text_of(e) for e in t.elts)]
    return diagnosed(
        code,
        call,
        f"the reshape is written for batches of {stated}; this batch has {given}",
        reasons=("the last batch, and every batch of another size, has to fit as well",),
        origin=(cell.span(target), "the batch size is written here"),
        fixes=(fix("let the batch have any size: -1", cell, edits, Applicability.SURE),),
    )


def _reshape_targets(node: ast.AST) -> Iterator[ast.Tuple | ast.List]:
    """Yield the tuples and lists that the reshapes below a node are given as their target."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and called_name(call) == "reshape":
            arguments = [*call.args[-1:], *(k.value for k in call.keywords if k.arg in ("shape", "newshape"))]
            yield from (a for a in arguments if isinstance(a, ast.Tuple | ast.List) and len(a.elts) > 1)
