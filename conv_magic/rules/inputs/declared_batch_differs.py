"""A model is declared for batches of one size, and the data does not come in such batches.

What: `batch_shape=(16, ...)` fixes the number of samples in each batch; `fit` cuts 50 samples into 16, 16, 16 and 2.
Why: a stateful layer needs a fixed batch; the number of samples is not a multiple of it, or `batch_size` is another.
Example:

    model = Sequential([Input(batch_shape=(16, 12, 3)), LSTM(8, stateful=True), Dense(1)])
    model.fit(series, targets, batch_size=16)               # 50 samples

Use instead:

    model.fit(series[:48], targets[:48], batch_size=16)

Fix safety: the samples of the last, smaller batch are left out; where nothing is stateful the batch may have any size.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.input_declarations import Declaration, declarations
from conv_magic.analysis.operands import Operand, operand_of
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import counted, name_of
from conv_magic.model.options import FitOptions
from conv_magic.model.positions import Edit
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, indexed, with_argument
from conv_magic.text.source import Code, argument

code = "declared-batch-differs"

_STATEFUL = (
    "import keras, numpy as np\nfrom keras import layers\n"
    "net = keras.Sequential([keras.Input(batch_shape=(4, 6, 2)), layers.LSTM(3, stateful=True), layers.Dense(1)])\n"
    "net.compile('sgd', 'mse')\nx, y = np.zeros(({n}, 6, 2)), np.zeros(({n}, 1))\n"
)
VALID: tuple[str, ...] = (_STATEFUL.format(n=8) + "net.fit(x, y, batch_size=4, verbose=0)\n",)
INVALID: tuple[str, ...] = (
    _STATEFUL.format(n=10) + "net.fit(x, y, batch_size=4, verbose=0)\n",
    _STATEFUL.format(n=12) + "net.fit(x, y, verbose=0)\n",
)

_DEFAULT = 32
"""https://keras.io/api/models/model_training_apis/#fit-method"""


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where a failed `fit` or `predict` makes batches of another size than the declared one."""
    call = _training_or_outermost(call, trace)
    options = call.options
    if call.outcome is not Outcome.RAISED or not isinstance(options, FitOptions) or options.dataset:
        return
    operand = operand_of(call, trace)
    if operand is None or call.op not in ("fit", "evaluate", "predict"):
        return
    fixed = next(_fixed_batches(trace, options), None)
    count = options.x[0][0] if options.x and options.x[0] else None
    expression = next((k.value for k in operand.call.keywords if k.arg == "batch_size"), None)
    size = Evaluator(operand.code, trace).value(expression) if expression is not None else _DEFAULT
    if fixed is None or not isinstance(count, int) or not isinstance(size, int):
        return
    declared, batch = fixed
    if size == batch and count % batch == 0:
        return
    last = count % batch if size == batch else min(size, count)
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} is declared for batches of {batch}; here one has {counted(last, 'sample')}",
        reasons=(f"{counted(count, 'sample')} are given in batches of {size}",),
        origin=(declared.code.span(declared.call), f"the batch of {batch} is declared here"),
        fixes=tuple(_fixes(operand, declared, count, batch, size)),
    )


def _training_or_outermost(call: CallRecord, trace: Trace) -> CallRecord:
    """Return the `fit`, `evaluate` or `predict` around a call, else the outermost call around it."""
    *_, outermost = (call, *graph_of(trace).ancestors(call))
    return graph_of(trace).training_around(call) or outermost


def _fixed_batches(trace: Trace, options: FitOptions) -> Iterator[tuple[Declaration, int]]:
    """Yield the declarations with a fixed batch size, for samples of the shape that is given; and that size."""
    for declared in declarations(trace):
        shape = Evaluator(declared.code, trace).value(declared.value) if declared.batched and options.x else None
        if isinstance(shape, tuple) and isinstance(shape[0], int) and declared.sizes == options.x[0][1:]:
            yield declared, shape[0]


def _fixes(operand: Operand, declared: Declaration, count: int, batch: int, size: int) -> Iterator[Fix]:
    cell = operand.code
    if not _is_stateful(declared.code) and isinstance(declared.value, ast.Tuple | ast.List):
        edit = declared.code.replace(declared.value.elts[0], "None")
        yield fix("let the batch have any size: None", declared.code, [edit], Applicability.SURE)
    whole = count // batch * batch
    edits: list[Edit] = []
    if size != batch:
        edits.append(with_argument(cell, operand.call, None, "batch_size", str(batch)))
    if whole != count:
        labels = argument(operand.call, 1, "y")
        edits += [indexed(cell, data, f"[:{whole}]") for data in (operand.value, labels) if data is not None]
    if whole:
        title = f"give batches of {batch}" + (f", {whole} samples in all" if whole != count else "")
        yield fix(title, cell, edits, Applicability.SURE)


def _is_stateful(cell: Code) -> bool:
    """Check whether the text sets `stateful` anywhere."""
    return any(isinstance(node, ast.keyword) and node.arg == "stateful" for node in ast.walk(cell.tree))
