"""A declared input shape is a number.

What: `Input(shape=...)` or `input_shape=` was given one number where it needs a tuple of sizes.
Why: `(128)` is the number 128; only the comma of `(128,)` makes a tuple.  Sizes side by side are no tuple either.
Example:

    wave = Input(shape=(128))
    layers.Conv1D(8, 5)(wave)

Use instead:

    wave = Input(shape=(128, 1))
    layers.Conv1D(8, 5)(wave)

Fix safety: the number is kept; a channel axis of length 1 is added where the next layer needs one, as its name tells.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.input_declarations import Declaration, as_tuple, declarations, rank_needed, with_more_sizes
from conv_magic.analysis.operands import code_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.positions import Edit, Span
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix
from conv_magic.text.source import called_name

code = "shape-is-a-number"

VALID: tuple[str, ...] = ("from keras import Input, layers\ny = layers.Conv1D(8, 5)(Input((128, 1)))\n",)
INVALID: tuple[str, ...] = (
    "from keras import Input, layers\nwave = Input(shape=(128))\ny = layers.Conv1D(8, 5)(wave)\n",
    "import numpy as np\nfrom keras import Sequential, layers\n"
    "table = np.zeros((50, 20))\n"
    "model = Sequential()\n"
    "model.add(layers.Dense(8, input_shape=table.shape[1]))\n",
    "from keras import Sequential, layers\nmodel = Sequential([layers.Input(28, 28, 1), layers.Conv2D(4, 3)])\n",
    "from keras import Sequential, layers\n"
    "first = layers.Conv1D(4, 3, input_shape=(64))\nmodel = Sequential()\nmodel.add(first)\n",
)


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where the statement that failed declares a number for a shape, or names a layer that does."""
    if call.outcome is not Outcome.RAISED:
        return
    declared = next((d for d in declarations(trace) if d.number is not None and _is_declared_by(call, d, trace)), None)
    if declared is None:
        return
    yield diagnosed(
        code,
        call,
        f"an input's shape is a tuple of sizes; this one is the number {declared.number}",
        reasons=("brackets alone make no tuple, a comma does",) if not _has_sizes_side_by_side(declared.call) else (),
        expected=(None, *_shape_meant(declared)),
        origin=(declared.code.span(declared.value), "the shape is declared here"),
        fixes=_fixes(declared),
    )


def _is_declared_by(call: CallRecord, declared: Declaration, trace: Trace) -> bool:
    """Check whether the statement of a call declares that input, or names the layer that does."""
    cell = code_of(trace, call.span)
    node = cell.node_at(call.span, ast.expr) if cell is not None and call.span is not None else None
    statement = cell.statement_of(node) if cell is not None and node is not None else None
    if cell is None or statement is None or cell.cell != declared.code.cell:
        return False
    names = (name for name in ast.walk(statement) if isinstance(name, ast.Name))
    return declared.call in ast.walk(statement) or any(declared.call in definitions_of(cell, name) for name in names)


def _has_sizes_side_by_side(call: ast.Call) -> bool:
    """Check whether several numbers are given side by side: `Input(28, 28, 1)`."""
    if called_name(call) not in ("Input", "InputLayer") or len(call.args) < 2:
        return False
    return all(isinstance(argument, ast.Constant) and isinstance(argument.value, int) for argument in call.args)


def _shape_meant(declared: Declaration) -> tuple[int, ...]:
    """Return the shape that was meant: the number for each spatial axis, one channel where the next layer needs it."""
    number, rank = declared.number or 0, rank_needed(declared.code, declared) or 1
    return (number,) if rank == 1 else (*(number,) * (rank - 1), 1)


def _fixes(declared: Declaration) -> Iterator[Fix]:
    cell, value = declared.code, declared.value
    if _has_sizes_side_by_side(declared.call):
        first, last = cell.span(declared.call.args[0]), cell.span(declared.call.args[-1])
        arguments = Span(first.cell, first.line, first.column, last.end_line, last.end_column)
        edits = [Edit(arguments, f"({cell.text_in(arguments)})")]
        yield fix("put the sizes into a tuple", cell, edits, Applicability.SURE)
        return
    sizes = _shape_meant(declared)
    if len(sizes) == 1:
        yield fix("make it a tuple", cell, [as_tuple(cell, value)], Applicability.SURE)
    else:
        edit = with_more_sizes(cell, value, *sizes[1:])
        sure = Applicability.SURE if len(sizes) == 2 else Applicability.CHOICE
        yield fix("make it a tuple with a channel axis", cell, [edit], sure)
