"""An array whose entries are arrays was given where one array of numbers is needed.

What: NumPy keeps arrays that were not joined as objects, and TensorFlow makes no tensor of objects.
Why: a column of a table holds an array in each row, or an array was made with `dtype=object`.
Example:

    spectra = table["spectrum"].to_numpy()      # 80 arrays of 200 numbers
    model.fit(spectra, labels)

Use instead:

    model.fit(np.stack(spectra), labels)

Fix safety: the numbers stay as they are; arrays of different sizes cannot be joined so, and the trial shows it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.operands import DATA_METHODS, module_alias, operand_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability
from conv_magic.model.naming import name_of
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, wrapped
from conv_magic.text.source import called_name

code = "array-of-arrays"

_CELL = (
    "import keras\nimport numpy as np\nimport pandas as pd\n"
    "table = pd.DataFrame({'wave': [np.ones((40, 2), 'float32') for _ in range(6)]})\n"
    "net = keras.Sequential([keras.Input((40, 2)), keras.layers.Conv1D(3, 5), keras.layers.Flatten()])\n"
    "waves = %s\n"
)
VALID: tuple[str, ...] = (_CELL % "np.stack(table['wave'].to_numpy())" + "y = net.predict(waves, verbose=0)\n",)
INVALID: tuple[str, ...] = (
    _CELL % "table['wave'].to_numpy()" + "y = net.predict(waves, verbose=0)\n",
    _CELL % "table['wave']" + "net.add(keras.layers.Dense(1))\nnet.compile('sgd', 'mse')\n"
    "net.fit(waves, np.zeros(6), verbose=0)\ny = net.predict(waves, verbose=0)\n",
    _CELL % "table['wave'].values" + "y = net(waves)\n",
)


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where a failed call was given such an array by its name."""
    operand = operand_of(call, trace) if call.outcome is Outcome.RAISED else None
    given = operand.value if operand is not None else None
    if operand is None or not isinstance(given, ast.Name):
        return
    objects = {v.name: v for v in trace.values if v.kind == "array" and v.dtype == "object" and not v.scope}
    if given.id not in objects:
        return
    cell, numpy = operand.code, module_alias(operand.code, "numpy")
    if numpy is None:
        return
    methods = (n for n in cell.nodes if isinstance(n, ast.Call) and called_name(n) in DATA_METHODS)
    first_arguments = [n.args[0] for n in methods if n.args]
    names = [given, *(n for n in first_arguments if isinstance(n, ast.Name) and n.id in objects and n is not given)]
    edits = [wrapped(cell, name, f"{numpy}.stack(", ")") for name in names]
    count = (objects[given.id].shape or (0,))[0]
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} was given {count} arrays as objects; it needs them joined into one",
        reasons=(f"the entries of {given.id} are arrays themselves, which NumPy keeps as objects",),
        actual=objects[given.id].shape,
        fixes=(fix(f"join them: {numpy}.stack({given.id})", cell, edits, Applicability.SURE),),
    )
