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
from conv_magic.analysis.operands import module_alias
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
    """One diagnosis where a failed call lists a size that is None."""
    if call.outcome is Outcome.RETURNED or call.layer is not None:
        return
    made = call_site_of(call, trace)
    found = next(_unknown(call, trace, *made), None) if made is not None else None
    if made is None or found is None:
        return
    listed, element, owner, axis = found
    shape = Evaluator(made[0], trace).shape_of(owner) or (call.inputs[0] if call.inputs else ())
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} needs numbers, and size {axis + 1} of {ast.unparse(owner)} is not known yet",
        reasons=(f"{ast.unparse(owner)} is {spelled(shape)} while the model is built",),
        actual=shape,
        axes=(axis,),
        axis_names=axis_names(len(shape)),
        fixes=_fixes(call, made[0], listed, element, owner, axis),
    )


_Found = tuple[ast.Tuple | ast.List, ast.expr, ast.expr, int]


def _unknown(call: CallRecord, trace: Trace, cell: Code, node: ast.Call) -> Iterator[_Found]:
    """The lists of sizes among the arguments, with an entry that is an unknown size of a tensor, and that tensor."""
    for given in (*node.args, *(keyword.value for keyword in node.keywords)):
        for listed in (o for o in definitions_of(cell, given) if isinstance(o, ast.Tuple | ast.List)):
            for element in listed.elts:
                part = _part(cell, element)
                if part is not None and _is_open(call, trace, cell, *part):
                    yield listed, element, *part


def _part(cell: Code, element: ast.expr) -> tuple[ast.expr, int] | None:
    """The tensor and the axis that `x.shape[0]`, or a name unpacked from `x.shape`, stands for."""
    if isinstance(element, ast.Subscript) and isinstance(element.slice, ast.Constant):
        owner = _owner(element.value)
        return (owner, element.slice.value) if owner is not None and isinstance(element.slice.value, int) else None
    bound = cell.binding(element) if isinstance(element, ast.Name) else None
    statement = bound.statement if bound is not None else None
    if bound is not None and bound.value is not None:
        return _part(cell, bound.value) if not isinstance(bound.value, ast.Name) else None
    if isinstance(statement, ast.Assign) and (owner := _owner(statement.value)) is not None:
        for target in (t for t in statement.targets if isinstance(t, ast.Tuple | ast.List)):
            names = [t.id if isinstance(t, ast.Name) else None for t in target.elts]
            if isinstance(element, ast.Name) and element.id in names:
                return owner, names.index(element.id)
    return None


def _owner(node: ast.expr) -> ast.expr | None:
    """`x` of `x.shape`, `x.get_shape()`, `x.shape.as_list()`."""
    while isinstance(node, ast.Call) and not node.args:
        node = node.func
    if isinstance(node, ast.Attribute) and node.attr == "as_list":
        return _owner(node.value)
    return node.value if isinstance(node, ast.Attribute) and node.attr in ("shape", "get_shape") else None


def _is_open(call: CallRecord, trace: Trace, cell: Code, owner: ast.expr, axis: int) -> bool:
    around = trace.calls[call.parent].inputs if call.parent is not None else ()
    known = Evaluator(cell, trace).shape_of(owner)
    shapes = [known] if known is not None else [*call.inputs[:1], *around[:1]]
    return any(-len(shape) <= axis < len(shape) and shape[axis] is None for shape in shapes)


def _fixes(
    call: CallRecord, cell: Code, listed: ast.Tuple | ast.List, element: ast.expr, owner: ast.expr, axis: int
) -> Iterator[Fix]:
    tensorflow, keras = module_alias(cell, "tensorflow"), module_alias(cell, "keras")
    others = [cell.text_of(other) for other in listed.elts if other is not element]
    if call.op == "reshape" and "-1" not in others:
        edit = cell.replace(element, "-1")
        yield fix("let the reshape work that size out", cell, [edit], Applicability.SURE)
        return
    library = tensorflow or (f"{keras}.ops" if keras else None)
    if library is not None:
        edit = cell.replace(element, f"{library}.shape({cell.text_of(owner)})[{axis}]")
        yield fix("ask for that size when the model runs", cell, [edit], Applicability.SURE)
