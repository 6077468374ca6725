"""A contract stands where there is no value to compare it with.

What: `# shape: (...)` behind a line that gives no value to a name, or gives one that is no tensor or array.
Why: the comment stands at the head of an `if`, behind a `print`, or behind a list of tensors.
Example:

    parts = [x[:2], x[2:]]  # shape: (2, 28, 28)

Use instead:

    first, second = x[:2], x[2:]  # shape: (2, 28, 28), (2, 28, 28)

Fix safety: a note only; the fix makes it a comment like any other.
"""

from __future__ import annotations

from collections.abc import Iterator

from conv_magic.analysis.contract_checks import unchecked_contracts
from conv_magic.analysis.operands import code_of
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.positions import Edit
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import noted
from conv_magic.text.contracts import Contract
from conv_magic.text.edits import fix

code = "contract-unchecked"

_X = "import numpy as np\nx = np.zeros((4, 28, 28))\n"
VALID: tuple[str, ...] = (
    _X + "first, second = x[:2], x[2:]  # shape: (2, 28, 28), (2, 28, 28)\n",
    _X + "parts = {}\nparts['all'] = x  # shape: (4, 28, 28)\n",
    _X + "if x.ndim == 2:\n    y = x.T  # shape: (28, 28)\n",
    "import keras\nfrom keras import layers\nmodel = keras.Sequential([\n    keras.Input((5,)),\n"
    "    layers.Dense(3),  # shape: (B, 3)\n])\nmodel.add(layers.Dense(2))  # shape: (B, 2)\n",
)
INVALID: tuple[str, ...] = (
    _X + "parts = [x[:2], x[2:]]  # shape: (2, 28, 28)\n",
    _X + "print(x)  # shape: (4, 28, 28)\n",
    _X + "if (y := x[0]).any():  # shape: (28, 28)\n    pass\n",
    _X + "y = x[0]  # shape: (28, 28), (28,)\n",
)


def check_cell(trace: Trace) -> Iterator[Diagnosis]:
    """Note each contract that no value was compared with."""
    for contract, reason in unchecked_contracts(trace):
        headline = f"this contract is not checked: {reason}"
        yield noted(code, contract.span, headline, _fixes(contract, trace))


def _fixes(contract: Contract, trace: Trace) -> Iterator[Fix]:
    """Make it a plain comment: without its colon it is no contract."""
    cell, span = code_of(trace, contract.span), contract.span
    if cell is None:
        return
    plain = "# shape " + cell.text_in(span).partition(":")[2].strip()
    yield fix("make it a plain comment", cell, [Edit(span, plain)], Applicability.CHOICE)
