"""A shape is built with a size that is not known yet.

What: inside a model the batch size is None until data comes; `x.shape[0]` is that None, and no shape can hold it.
Why: the sizes were unpacked from `x.shape`, which works on arrays and in eager code.
Example:

    b, h, w, c = x.shape                          # (None, 8, 8, 12)
    tf.reshape(x, [b, h * w, c])

Use instead:

    tf.reshape(x, [-1, h * w, c])

Fix safety: a reshape works the one unknown size out itself; elsewhere it is asked for when the model runs.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.operands import tensor_library
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import axis_names, name_of, spelled
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix
from conv_magic.text.source import Code

code = "unknown-size-in-shape"

_LAYER = (
    "import tensorflow as tf\n"
    "class Tokens(tf.keras.layers.Layer):\n"
    "    def call(self, maps):\n"
    "        n, h, w, c = maps.shape\n"
)
_MODEL = "y = Tokens()(tf.keras.Input((6, 6, 5)))\n"
VALID: tuple[str, ...] = (_LAYER + "        return tf.reshape(maps, [-1, h * w, c])\n" + _MODEL,)
INVALID: tuple[str, ...] = (
    _LAYER + "        return tf.reshape(maps, [n, h * w, c])\n" + _MODEL,
    _LAYER + "        return tf.reshape(maps, (maps.shape[0], -1, c))\n" + _MODEL,
    _LAYER + "        size = (n, 2 * h, 2 * w, 3)\n"
    "        return tf.nn.conv2d_transpose(maps, tf.ones((3, 3, 3, 5)), size, 2)\n" + _MODEL,
)


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where a failed call lists a size that is None."""
    if call.outcome is Outcome.RETURNED or call.layer is not None:
        return
    call_site = call_site_of(call, trace)
    unknown = next(_unknown_sizes(call, trace, *call_site), None) if call_site is not None else None
    if call_site is None or unknown is None:
        return
    sizes, element, tensor, axis = unknown
    shape = Evaluator(call_site[0], trace).shape_of(tensor) or (call.inputs[0] if call.inputs else ())
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} needs numbers, and size {axis + 1} of {ast.unparse(tensor)} is not known yet",
        reasons=(f"{ast.unparse(tensor)} is {spelled(shape)} while the model is built",),
        actual=shape,
        axes=(axis,),
        axis_names=axis_names(len(shape)),
        fixes=_fixes(call, call_site[0], sizes, element, tensor, axis),
    )


_UnknownSize = tuple[ast.Tuple | ast.List, ast.expr, ast.expr, int]


def _unknown_sizes(call: CallRecord, trace: Trace, cell: Code, node: ast.Call) -> Iterator[_UnknownSize]:
    """Yield each unknown size of a tensor in a list among the arguments: list, element, tensor and axis."""
    for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
        for sizes in (origin for origin in definitions_of(cell, argument) if isinstance(origin, ast.Tuple | ast.List)):
            for element in sizes.elts:
                size = _tensor_and_axis(cell, element)
                if size is not None and _is_unknown(call, trace, cell, *size):
                    yield sizes, element, *size


def _tensor_and_axis(cell: Code, element: ast.expr) -> tuple[ast.expr, int] | None:
    """Return the tensor and the axis that `x.shape[0]`, or a name unpacked from `x.shape`, stands for."""
    if isinstance(element, ast.Subscript) and isinstance(element.slice, ast.Constant):
        tensor = _tensor_of_shape(element.value)
        return (tensor, element.slice.value) if tensor is not None and isinstance(element.slice.value, int) else None
    binding = cell.binding(element) if isinstance(element, ast.Name) else None
    statement = binding.statement if binding is not None else None
    if binding is not None and binding.value is not None:
        return _tensor_and_axis(cell, binding.value) if not isinstance(binding.value, ast.Name) else None
    if isinstance(statement, ast.Assign) and (tensor := _tensor_of_shape(statement.value)) is not None:
        for target in (t for t in statement.targets if isinstance(t, ast.Tuple | ast.List)):
            names = [t.id if isinstance(t, ast.Name) else None for t in target.elts]
            if isinstance(element, ast.Name) and element.id in names:
                return tensor, names.index(element.id)
    return None


def _tensor_of_shape(node: ast.expr) -> ast.expr | None:
    """Return the `x` of `x.shape`, `x.get_shape()`, `x.shape.as_list()`."""
    while isinstance(node, ast.Call) and not node.args:
        node = node.func
    if isinstance(node, ast.Attribute) and node.attr == "as_list":
        return _tensor_of_shape(node.value)
    return node.value if isinstance(node, ast.Attribute) and node.attr in ("shape", "get_shape") else None


def _is_unknown(call: CallRecord, trace: Trace, cell: Code, tensor: ast.expr, axis: int) -> bool:
    """Check whether the size of that axis is unknown."""
    parent_inputs = trace.calls[call.parent].inputs if call.parent is not None else ()
    known = Evaluator(cell, trace).shape_of(tensor)
    shapes = [known] if known is not None else [*call.inputs[:1], *parent_inputs[:1]]
    return any(-len(shape) <= axis < len(shape) and shape[axis] is None for shape in shapes)


def _fixes(
    call: CallRecord, cell: Code, sizes: ast.Tuple | ast.List, element: ast.expr, tensor: ast.expr, axis: int
) -> Iterator[Fix]:
    others = [cell.text_of(other) for other in sizes.elts if other is not element]
    if call.op == "reshape" and "-1" not in others:
        edit = cell.replace(element, "-1")
        yield fix("let the reshape work that size out", cell, [edit], Applicability.SURE)
        return
    library = tensor_library(cell)
    if library is not None:
        edit = cell.replace(element, f"{library}.shape({cell.text_of(tensor)})[{axis}]")
        yield fix("ask for that size when the model runs", cell, [edit], Applicability.SURE)
