"""Rows that hold one colour plane after the other are reshaped as if they held pixels.

What: `reshape(n, 32, 32, 3)` takes each three numbers in a row for one pixel; CIFAR's files hold 1024 red values, then
1024 green ones, then 1024 blue ones.
Why: reshape gives the right shape whatever the order is, so nothing fails; the images are scrambled.
Example:

    images = rows.reshape(len(rows), 32, 32, 3)            # rows of CIFAR's data_batch_1

Use instead:

    images = rows.reshape(len(rows), 3, 32, 32).transpose(0, 2, 3, 1)

Fix safety: the shape stays.  Reported only where the cell itself names CIFAR's files or says that rows hold planes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache

from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.operands import module_alias, operand_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import axis_names, spelled
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import before, fix, indexed
from conv_magic.text.source import Code, called_name

code = "planes-read-as-pixels"

VALID: tuple[str, ...] = (
    "import numpy as np\nfrom keras import layers\n"
    "rows = np.zeros((4, 192), 'float32')                  # 8 x 8 pixels of red, green, blue\n"
    "y = layers.Conv2D(2, 3)(rows.reshape(4, 8, 8, 3))\n",
    "import numpy as np\nfrom keras import layers\n"
    "rows = np.zeros((4, 192), 'float32')                  # 64 red, 64 green, 64 blue\n"
    "y = layers.Conv2D(2, 3)(rows.reshape(4, 3, 8, 8).transpose(0, 2, 3, 1))\n",
)
INVALID: tuple[str, ...] = (
    "import numpy as np\nfrom keras import layers\n"
    "rows = np.zeros((4, 192), 'float32')                  # planar: 64 red, 64 green, 64 blue\n"
    "pictures = rows.reshape(-1, 8, 8, 3)\n"
    "y = layers.Conv2D(2, 3)(pictures)\n",
    "import numpy as np, tensorflow as tf\n"
    "def unpickled(name):\n    return {'data': np.zeros((5, 3072), 'uint8')}\n"
    "batch = unpickled('cifar-10-batches-py/data_batch_2')['data'].astype('float32')\n"
    "x = np.reshape(batch, (len(batch), 32, 32, 3))\n"
    "y = tf.nn.conv2d(x, tf.zeros((3, 3, 3, 4)), 1, 'SAME')\n",
)
_SAYS_PLANES = re.compile(
    r"data_batch|\b\d+ (?:values? )?(?:of )?reds?\b|\bplanar\b|colou?r planes?|channel planes?|plane by plane"
)
_MAKING_ROWS = {"reshape", "flatten", "ravel", "predict", "load_data"}


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a warning where a call's data is such a reshape."""
    first = call.outcome is Outcome.RETURNED and call.producers[:1] == (None,) and call.direct
    operand = operand_of(call, trace) if first else None
    if operand is None or len(call.inputs[0]) != 4 or not _says_planes(operand.code.text):
        return
    cell = operand.code
    origins = definitions_of(cell, operand.value)
    found = next((f for origin in origins if (f := _reshape_to_images(cell, trace, origin))), None)
    if found is None:
        return
    node, elements, rows = found
    shape = call.inputs[0]
    height, width, channels = shape[-3:]
    yield diagnosed(
        code,
        call,
        f"reshaping {operand.code.text_of(rows)[:30]} to {spelled(shape)} takes colour planes for pixels",
        span=operand.code.span(node),
        reasons=(
            f"each row holds {channels} planes of {height} x {width} after one another, as the cell itself says",
            f"reshape fills the last axis first: {channels} numbers in a row become one pixel",
        ),
        actual=shape,
        axes=(len(shape) - 1,),
        axis_names=axis_names(len(shape)),
        fixes=_fixes(operand.code, node, elements),
    )


@lru_cache(maxsize=64)
def _says_planes(text: str) -> bool:
    """Check whether a text names CIFAR's files, or says that rows hold planes."""
    return _SAYS_PLANES.search(text.lower()) is not None


def _reshape_to_images(cell: Code, trace: Trace, node: ast.expr) -> tuple[ast.Call, list[ast.expr], ast.expr] | None:
    """Return a reshape of rows to images: the call, the sizes, and the rows; None for another expression."""
    if not isinstance(node, ast.Call) or called_name(node) != "reshape" or not isinstance(node.func, ast.Attribute):
        return None
    is_method = len(node.args) == 4 or (len(node.args) == 1 and isinstance(node.args[0], ast.Tuple | ast.List))
    rows = node.func.value if is_method else node.args[0] if node.args else None
    arguments = node.args if is_method else node.args[1:]
    first = arguments[0] if len(arguments) == 1 else None
    elements = first.elts if isinstance(first, ast.Tuple | ast.List) else list(arguments)
    if rows is None or len(elements) != 4:
        return None
    evaluator = Evaluator(cell, trace)
    height, width, channels = (evaluator.value(element) for element in elements[1:])
    shape = evaluator.shape_of(rows)
    if not (isinstance(height, int) and isinstance(width, int) and channels == 3):
        return None
    if shape is None or len(shape) != 2 or shape[1] != height * width * 3 or _is_made_of_images(cell, rows):
        return None
    return node, elements, rows


def _is_made_of_images(cell: Code, rows: ast.expr) -> bool:
    """Check whether the cell itself made the rows of images."""
    calls = [node for origin in definitions_of(cell, rows) for node in ast.walk(origin) if isinstance(node, ast.Call)]
    return any(called_name(call) in _MAKING_ROWS for call in calls)


def _fixes(cell: Code, node: ast.Call, elements: list[ast.expr]) -> Iterator[Fix]:
    _, height, width, channels = (cell.text_of(element) for element in elements)
    edits = [cell.replace(e, text) for e, text in zip(elements[1:], (channels, height, width), strict=True)]
    tensorflow = module_alias(cell, "tensorflow")
    if tensorflow is not None and cell.text_of(node.func) == f"{tensorflow}.reshape":
        edits.insert(0, before(cell, node, f"{tensorflow}.transpose("))
        edits.append(indexed(cell, node, ", [0, 2, 3, 1])"))
    else:
        edits.append(indexed(cell, node, ".transpose(0, 2, 3, 1)"))
    yield fix("reshape to planes, then move the channels last", cell, edits, Applicability.SURE)
