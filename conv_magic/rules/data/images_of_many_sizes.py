"""Images of different sizes are to be made one array.

What: an array or tensor has one shape; a list of images has as many as there are sizes among them.
Why: photographs come as they were taken; nothing resized them before they were put together.
Example:

    np.array([np.zeros((50, 60, 3)), np.zeros((48, 60, 3))])

Use instead:

    np.array([tf.image.resize(image, (50, 60)).numpy() for image in images])

Fix safety: resizing changes the pixels; to what size is the author's choice.  The size that a model in the cell was
declared for comes first, else the square of the first image's shorter side.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from conv_magic.analysis.input_declarations import declarations
from conv_magic.analysis.operands import code_of, module_alias, origin_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import name_of, spelled
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix
from conv_magic.text.source import Code, argument

code = "images-of-many-sizes"

VALID: tuple[str, ...] = (
    "import numpy as np\nphotos = [np.zeros((6, 8, 3)), np.zeros((6, 8, 3))]\nbatch = np.stack(photos)\n",
)
INVALID: tuple[str, ...] = (
    "import numpy as np\nimport tensorflow as tf\n"
    "photos = [np.zeros((height, 20, 3)) for height in (20, 24, 20)]\n"
    "batch = np.array(photos)\n",
    "import tensorflow as tf\nphotos = [tf.zeros((30, 40, 1)), tf.zeros((36, 40, 1))]\nbatch = tf.stack(photos)\n",
    "import keras\nimport numpy as np\nimport tensorflow as tf\n"
    "model = keras.Sequential([keras.Input((24, 24, 3)), keras.layers.Conv2D(2, 3)])\n"
    "photos = [np.zeros((30, 24, 3)), np.zeros((24, 24, 3))]\n"
    "scores = model(tf.convert_to_tensor(photos))\n",
)

_JOINING = {"array": True, "asarray": True, "stack": True, "convert_to_tensor": False, "constant": False,
           "from_tensor_slices": False, "vstack": True}  # fmt: skip
"""The functions that make one array of many, and whether NumPy has one of that name."""


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where a list of images of several sizes was to become one array."""
    if call.outcome is not Outcome.RAISED or call.op not in _JOINING or len(set(call.inputs)) < 2:
        return
    if {len(shape) for shape in call.inputs} != {3} or len({shape[2] for shape in call.inputs}) != 1:
        return
    sizes = list(dict.fromkeys(shape[:2] for shape in call.inputs))
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} cannot make one array of images of {len(sizes)} sizes",
        reasons=(f"among them are {spelled(call.inputs[0])} and {spelled(_differing_shape(call))}",),
        expected=call.inputs[0],
        actual=_differing_shape(call),
        axis_names=("height", "width", "channels"),
        origin=origin_of(call, trace),
        fixes=_fixes(call, trace),
    )


def _differing_shape(call: CallRecord) -> Shape:
    """Return the first shape that differs from that of the first image."""
    return next(shape for shape in call.inputs if shape != call.inputs[0])


def _fixes(call: CallRecord, trace: Trace) -> Iterator[Fix]:
    cell = code_of(trace, call.span)
    node = cell.call_at(call.span) if cell else None
    value = argument(node, 0, "object", "arrays", "values", "value", "tensors") if node is not None else None
    if cell is None or node is None or value is None:
        return
    resize = _resizing_texts(cell, numpy=_is_of_numpy(cell, node))
    name = _free_name(cell)
    text = cell.text_of(value)
    if resize is None:
        yield _cutting_fix(call, cell, value, name)
        return
    before, after = resize
    for rank, (height, width) in enumerate(_sizes_offered(call, trace)):
        resized = f"[{before}{name}, ({height}, {width}){after} for {name} in {text}]"
        title = f"resize the images to {height} x {width}"
        yield fix(title, cell, [cell.replace(value, resized)], Applicability.CHOICE if rank else Applicability.SURE)


def _cutting_fix(call: CallRecord, cell: Code, value: ast.expr, name: str) -> Fix:
    """Return the fix that cuts all images to the smallest, where the cell has no library that resizes."""
    height, width = (min(shape[axis] or 0 for shape in call.inputs) for axis in (0, 1))
    cut = f"[{name}[:{height}, :{width}] for {name} in {cell.text_of(value)}]"
    return fix(f"cut the images to {height} x {width}", cell, [cell.replace(value, cut)], Applicability.CHOICE)


def _is_of_numpy(cell: Code, node: ast.Call) -> bool:
    """Check whether a call is of NumPy's function."""
    numpy = module_alias(cell, "numpy")
    return isinstance(node.func, ast.Attribute) and cell.text_of(node.func.value) == numpy


def _resizing_texts(cell: Code, *, numpy: bool) -> tuple[str, str] | None:
    """Return the texts to put before and after an image to resize it, with a library that the cell has.

    With `numpy` the result is made an array again.
    """
    tensorflow, keras = module_alias(cell, "tensorflow"), module_alias(cell, "keras")
    if tensorflow:
        return f"{tensorflow}.image.resize(", ").numpy()" if numpy else ")"
    if keras:
        start = f"{keras}.ops.convert_to_numpy(" if numpy else ""
        return f"{start}{keras}.ops.image.resize(", "))" if numpy else ")"
    return None


def _free_name(cell: Code) -> str:
    """Return a name for an image that the cell does not use."""
    taken = {node.id for node in ast.walk(cell.tree) if isinstance(node, ast.Name)}
    return next(name for name in ("image", "picture", "each", "_image") if name not in taken or name == "_image")


def _sizes_offered(call: CallRecord, trace: Trace) -> list[tuple[int, int]]:
    """Return the sizes to offer: the models', else a square and the commonest."""
    declared: list[Shape] = [d.sizes[:2] for d in declarations(trace) if d.sizes is not None and len(d.sizes) == 3]
    height, width = call.inputs[0][:2]
    side = min(height or 1, width or 1)
    square: Shape = (side, side)
    common = Counter(shape[:2] for shape in call.inputs).most_common(1)[0][0]
    sizes: list[Shape] = declared or [square, common]
    return [(a, b) for a, b in dict.fromkeys(sizes) if a is not None and b is not None]
