"""A comment has the form of a contract, and its sizes cannot be read.

What: `# shape: (...)` and nothing else behind a line is a contract; one of its sizes is not a size.
Why: a slash for a division, a call, an attribute, a word for a number.
Example:

    x = np.zeros((4, 28, 28))  # shape: (B, 28, x.shape[2])

Use instead:

    x = np.zeros((4, 28, 28))  # shape: (B, 28, 28)

Fix safety: a note only, and the fix changes the comment alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from conv_magic.analysis.contract_checks import malformed_contracts, shapes_at
from conv_magic.analysis.operands import code_of
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.positions import Edit
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import noted
from conv_magic.text.contracts import Malformed
from conv_magic.text.edits import fix

code = "contract-unreadable"

VALID: tuple[str, ...] = (
    "import numpy as np\nx = np.zeros((4, 28))  # shape (batch, features)\ny = x.T  # shape: [features, batch]\n"
    "z = x[0]  # shape: (features,) as before\n",
)
INVALID: tuple[str, ...] = (
    "import numpy as np\nx = np.zeros((4, 28, 28))  # shape: (B, 28, 56/2)\n",
    "import keras\ny = keras.layers.Dense(3)(keras.Input((5,)))  # shape: (B, 3 units)\n",
)


def check_cell(trace: Trace) -> Iterator[Diagnosis]:
    """Note each contract that cannot be read."""
    for malformed in malformed_contracts(trace):
        headline = f"this contract cannot be read: {malformed.problem}"
        yield noted(code, malformed.span, headline, _fixes(malformed, trace))


def _fixes(malformed: Malformed, trace: Trace) -> Iterator[Fix]:
    cell, shapes = code_of(trace, malformed.span), shapes_at(malformed.span, trace)
    known = [shape for shape in shapes if shape is not None]
    if cell is None or not known or len(known) < len(shapes):
        return
    text = ", ".join(str(shape).replace("None", "_") for shape in known)
    yield fix(f"state what came: {text}", cell, [Edit(malformed.span, f"# shape: {text}")], Applicability.CHOICE)
