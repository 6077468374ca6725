"""Images are given as (width, height) to a model that was declared (height, width).

What: a model's declared input and its data have the same two sizes, in the other order.  Keras looks at the number of
axes only, so this runs: the pictures are seen on their side, or a later Dense fails on another size.
Why: PIL and OpenCV count width first, arrays and TensorFlow height first.
Example:

    model = keras.Sequential([keras.Input((HEIGHT, WIDTH, 3)), ...])
    model.predict(np.stack([tf.image.resize(i, (WIDTH, HEIGHT)) for i in images]))

Use instead:

    model.predict(np.stack([tf.image.resize(i, (HEIGHT, WIDTH)) for i in images]))

Fix safety: the two sizes are exchanged where the text writes them, at the side whose names are in the wrong order; the
declaration where the names do not tell.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise

from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.operands import operand_of
from conv_magic.analysis.shape_literals import declared_literals
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import axis_names, name_of, spelled
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import exchanged, fix
from conv_magic.text.source import Code

code = "height-width-swapped"

_CELL = (
    "import numpy as np\nimport keras\nfrom keras import layers\nROWS, COLUMNS = 12, 20\n"
    "model = keras.Sequential([keras.Input((ROWS, COLUMNS, 3)), layers.Conv2D(2, 3), layers.Flatten(), "
    "layers.Dense(4)])\n"
)
VALID: tuple[str, ...] = (
    _CELL + "y = model.predict(np.zeros((5, ROWS, COLUMNS, 3)), verbose=0)\n",
    "import numpy as np\nimport keras\n"
    "model = keras.Sequential([keras.Input((None, 20, 3)), keras.layers.Conv2D(2, 3)])\n"
    "y = model(np.zeros((5, 20, 12, 3)))\n",
    "import keras\nh, w = 12, 20\ny = keras.layers.Resizing(h, w)(keras.Input((30, 30, 3)))\n",
)
INVALID: tuple[str, ...] = (
    _CELL + "pictures = np.zeros((5, COLUMNS, ROWS, 3))\ny = model.predict(pictures, verbose=0)\n",
    "import numpy as np\nimport keras\nfrom keras import layers\nwidth, height = 20, 12\n"
    "image = keras.Input((width, height, 1))\n"
    "model = keras.Model(image, layers.Dense(2)(layers.Flatten()(layers.Conv2D(2, 3)(image))))\n"
    "y = model(np.zeros((5, 12, 20, 1)))\n",
    _CELL + "pictures = np.random.rand(5, COLUMNS, ROWS, 3)\ny = model.predict(pictures, verbose=0)\n",
    _CELL + "import tensorflow as tf\n"
    "def load(i):\n    return tf.image.resize(np.zeros((30, 50, 3)), (COLUMNS, ROWS)).numpy()\n"
    "y = model.predict(np.stack([load(i) for i in range(3)]), verbose=0)\n",
    "import keras\nimg_width, img_height = 64, 48\n"
    "x = keras.layers.Resizing(img_width, img_height)(keras.Input((90, 120, 3)))\n",
)
_HEIGHT_NAMES = ("h", "height", "rows", "row", "r", "img_h", "img_height", "image_height", "ny")
_WIDTH_NAMES = ("w", "width", "cols", "columns", "col", "c", "img_w", "img_width", "image_width", "nx")


_RESIZING = {"Resizing", "CenterCrop", "RandomCrop"}

_Site = tuple[Code, ast.expr, ast.expr]
"""A text, and two sizes that it writes one after the other."""


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where height and width stand in each other's place, whether the call failed or ran."""
    if call.op in _RESIZING and call.outcome is Outcome.RETURNED:
        yield from _check_resizing(call, trace)
        return
    if call.options is not None or call.layer is None or call.accepts is None or len(call.inputs) != 1:
        return
    given, declared = call.inputs[0], call.accepts
    if (
        len(declared) != 4
        or len(given) != 4
        or given[1:] != (declared[2], declared[1], declared[3])
        or given[1] == given[2]
    ):
        return
    if None in declared[1:] or call.outcome not in (Outcome.RETURNED, Outcome.RAISED):
        return
    fixes = tuple(_fixes(call, trace, given[1:], declared[1:]))
    if not fixes:
        return
    span = fixes[0].edits[0].span
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} is declared for {spelled(declared)} and given {spelled(given)}",
        reasons=(f"{declared[1]} and {declared[2]} stand in each other's place: arrays have the height first",),
        expected=declared,
        actual=given,
        axes=(1, 2),
        axis_names=axis_names(4),
        origin=(span, f"the sizes are written on line {span.line}"),
        fixes=fixes,
    )


def _check_resizing(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where a resizing layer is given a size named for the width, then one named for the height."""
    call_site = call_site_of(call, trace)
    if call_site is None or len(call_site[1].args) < 2 or not call.output or len(call.output) != 4:
        return
    cell, sizes = call_site[0], call_site[1].args[:2]
    words = [ast.unparse(size).lower().replace("_", "") for size in sizes]
    is_width_first = words[0].endswith(("w", "width")) and words[1].endswith(("h", "height"))
    values = tuple(map(Evaluator(cell, trace).value, sizes))
    if not is_width_first or values[0] == values[1] or call.output[1:3] != values:
        return
    edits = exchanged(cell, sizes[0], sizes[1])
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} takes height, then width, and is given {ast.unparse(sizes[0])}, then {ast.unparse(sizes[1])}",
        reasons=(f"the images come out {values[0]} high and {values[1]} wide",),
        actual=call.output,
        axes=(1, 2),
        axis_names=axis_names(4),
        fixes=(fix("give the height first, then the width", cell, edits, Applicability.SURE),),
    )


def _fixes(call: CallRecord, trace: Trace, given: Shape, declared: Shape) -> Iterator[Fix]:
    """Yield fixes at the data and at the declaration, first where the names tell that width comes first."""
    at_data = next(_sites_of_data(call, trace, given), None)
    at_input = next(_sites_of_declaration(trace, declared), None)
    found = [("the data", at_data), ("the input", at_input)]
    if (
        at_data is None
        or at_input is None
        or not (_order_of_names(at_data[1:]) < 0 or _order_of_names(at_input[1:]) > 0)
    ):
        found.reverse()
    for what, site in found:
        if site is not None:
            cell, first, second = site
            title = f"give {what} height first, then width"
            yield fix(title, cell, exchanged(cell, first, second), Applicability.SURE)


def _sites_of_declaration(trace: Trace, declared: Shape) -> Iterator[_Site]:
    """Yield where the text declares an input of this shape."""
    return ((c, x.elts[0], x.elts[1]) for c, x in declared_literals(trace, declared) if len(x.elts) == 3)


def _sites_of_data(call: CallRecord, trace: Trace, given: Shape) -> Iterator[_Site]:
    """Yield where the data's text writes these two sizes, one after the other."""
    operand = operand_of(call, trace)
    if operand is None:
        return
    evaluator = Evaluator(operand.code, trace)
    for node in _nodes_behind(operand.code, operand.value):
        sizes = node.args if isinstance(node, ast.Call) else getattr(node, "elts", [])
        for first, second in pairwise(sizes) if 2 <= len(sizes) <= 4 else ():
            if (evaluator.value(first), evaluator.value(second)) == given[:2]:
                yield operand.code, first, second


def _nodes_behind(cell: Code, value: ast.expr) -> Iterator[ast.AST]:
    """Yield all nodes of the expressions that make a value, and of the functions of the user's that they call."""
    functions = {node.name: node for node in ast.walk(cell.tree) if isinstance(node, ast.FunctionDef)}
    waiting: list[ast.AST] = list(definitions_of(cell, value))
    seen: list[ast.AST] = []
    while waiting:
        root = waiting.pop(0)
        if root in seen:
            continue
        seen.append(root)
        for node in ast.walk(root):
            yield node
            if isinstance(node, ast.Name) and node.id in functions:
                waiting.append(functions[node.id])
            elif isinstance(node, ast.Name) and node is not root:
                waiting.extend(definitions_of(cell, node)[1:])


def _order_of_names(sizes: tuple[ast.expr, ...]) -> int:
    """Return 1 where the names say height, then width; -1 for the other order; 0 where they do not tell."""
    first, second = (ast.unparse(size).lower().rpartition(".")[2] for size in sizes)
    if first in _WIDTH_NAMES or second in _HEIGHT_NAMES or first.endswith("width") or second.endswith("height"):
        return -1
    is_height_first = first in _HEIGHT_NAMES or second in _WIDTH_NAMES
    return 1 if is_height_first or first.endswith("height") or second.endswith("width") else 0
