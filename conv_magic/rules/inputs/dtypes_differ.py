"""Two operands, or an image and its filter, have different dtypes.

What: TensorFlow converts no dtype on its own: both operands of an op must have the same one.
Why: NumPy computes in float64 and images are read as uint8, while variables, filters and layers are float32.
Example:

    image = tf.constant(np.random.rand(1, 20, 20, 1))      # float64
    tf.nn.conv2d(image, tf.random.normal((3, 3, 1, 4)), 1, "SAME")

Use instead:

    tf.nn.conv2d(tf.cast(image, tf.float32), tf.random.normal((3, 3, 1, 4)), 1, "SAME")

Fix safety: the data is converted to the dtype of the weights; values stay, float64 loses digits beyond the seventh.
The two dtypes are read from TensorFlow's message; where it has another wording, nothing is reported.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.definitions import definitions_of, is_parameter
from conv_magic.analysis.operands import code_of, module_alias, origin_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import name_of
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, indexed, wrapped
from conv_magic.text.source import Code, argument

code = "dtypes-differ"

VALID: tuple[str, ...] = (
    "import numpy as np, tensorflow as tf\nimage = np.random.rand(1, 8, 8, 1).astype('float32')\n"
    "y = tf.nn.conv2d(image, tf.random.normal((3, 3, 1, 4)), 1, 'SAME')\n",
)
INVALID: tuple[str, ...] = (
    "import numpy as np, tensorflow as tf\n"
    "image = tf.constant(np.random.rand(1, 8, 8, 1))\n"
    "y = tf.nn.conv2d(image, tf.random.normal((3, 3, 1, 4)), 1, 'SAME')\n",
    "import numpy as np, tensorflow as tf\n"
    "photo = tf.constant(np.zeros((1, 8, 8, 3), 'uint8'))\nw = tf.Variable(tf.zeros((3, 3, 3, 2)))\n"
    "y = tf.nn.conv2d(photo, w, 2, padding='VALID')\n",
    "import numpy as np, tensorflow as tf\n"
    "edges = np.array([[1.0, 0.0, -1.0]] * 3)[:, :, None, None]\n"
    "y = tf.nn.conv2d(tf.zeros((1, 8, 8, 1)), tf.constant(edges), 1, 'SAME')\n",
    "import numpy as np, tensorflow as tf\n"
    "kernel = tf.ones((3, 3, 1, 1))\n"
    "@tf.function\n"
    "def smooth(image):\n    return tf.nn.conv2d(image, kernel, 1, 'SAME')\n"
    "y = smooth(tf.constant(np.ones((2, 8, 8, 1))))\n",
    "import numpy as np, tensorflow as tf\n"
    "features = tf.ones((2, 4, 4, 3))\nscale = tf.constant(np.linspace(0, 1, 3))\n"
    "y = features * scale\n",
)
_EXPECTED = re.compile(r"input #(\d+)\S* was expected to be a (\w+) tensor but is a (\w+) tensor")
_IN_GRAPH = re.compile(r"Input '\w+' of '\w+' Op has type (\w+) that does not match type (\w+) of argument '\w+'")
_REFUSED = re.compile(r"Value for attr 'T' of (\w+) is not in the list of allowed values: ([\w, ]+)")
_NAMES = {"double": "float64", "float": "float32", "half": "float16"}
_WIDTHS = {"float16": 1, "bfloat16": 1, "float32": 2, "float64": 3}


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where TensorFlow reports that operands have different dtypes, or one that it does not take."""
    if call.outcome is Outcome.RETURNED or call.layer is not None or not call.error:
        return
    reported = _dtypes_reported(call.error)
    cell = code_of(trace, call.span)
    if reported is None or cell is None or call.span is None:
        return
    index, dtypes, wanted = reported
    operands = _operand_expressions(cell, call, trace)
    yield diagnosed(
        code,
        call,
        _headline(call, dtypes, wanted),
        reasons=("TensorFlow converts no dtype on its own",) if len(dtypes) > 1 else (),
        actual=call.inputs[0] if call.inputs else None,
        origin=origin_of(call, trace),
        fixes=_fixes(cell, operands[index], wanted, trace) if index < len(operands) else (),
    )


def _dtypes_reported(error: str) -> tuple[int, tuple[str, ...], str] | None:
    """Return the index of the operand to convert, the dtypes that met, and the dtype to convert it to.

    None where the message tells none.
    """
    if met := _EXPECTED.search(error):
        index, first, second = int(met[1]), _NAMES.get(met[2], met[2]), _NAMES.get(met[3], met[3])
        if _is_first_converted(first, second):
            return 0, (first, second), second
        return index, (first, second), first
    if met := _IN_GRAPH.search(error):
        second, first = met[1], met[2]
        return (0, (first, second), second) if _is_first_converted(first, second) else (1, (first, second), first)
    refused = _REFUSED.search(error)
    if refused and "float" in refused[2]:
        dtype = _NAMES.get(refused[1], refused[1])
        return 0, (dtype,), "float32"
    return None


def _is_first_converted(first: str, second: str) -> bool:
    """Check whether the first dtype is the one to convert.

    Integers become floats, the wider of two floats becomes the narrower.
    """
    first_width, second_width = _WIDTHS.get(first), _WIDTHS.get(second)
    if first_width is None or second_width is None:
        return first_width is None and second_width is not None
    return first_width > second_width


def _headline(call: CallRecord, dtypes: tuple[str, ...], wanted: str) -> str:
    if len(dtypes) == 1:
        return f"{name_of(call)} does not compute in {dtypes[0]}; it takes {wanted}"
    return f"{name_of(call)} was given {dtypes[0]} and {dtypes[1]}; it takes one dtype"


def _operand_expressions(cell: Code, call: CallRecord, trace: Trace) -> list[ast.expr]:
    """Return the expressions of an operation's tensors, in order."""
    call_site = call_site_of(call, trace)  # also where AutoGraph tells the line only
    node = (cell.node_at(call.span, ast.expr) if call.span else None) or (call_site[1] if call_site else None)
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    if isinstance(node, ast.Call):
        second = argument(node, 1, "filters", "filter", "b", "y", "depthwise_filter")
        operands = [argument(node, 0, "input", "value", "x", "a"), second]
        return [operand for operand in operands if operand is not None]
    statement = cell.node_at(call.span, ast.AugAssign) if call.span else None
    return [statement.target, statement.value] if statement is not None else []


def _fixes(cell: Code, operand: ast.expr, wanted: str, trace: Trace) -> Iterator[Fix]:
    tensors = {value.name for value in trace.values if value.kind == "tensor"}
    arrays = {value.name for value in trace.values if value.kind == "array"} - tensors
    tensorflow = module_alias(cell, "tensorflow")
    title = f"convert {cell.text_of(operand)[:40]} to {wanted}"
    passed = definitions_of(cell, operand)[1:] if is_parameter(cell, operand) else []
    if passed and tensorflow is not None:
        edit = wrapped(cell, passed[0], f"{tensorflow}.cast(", f", {tensorflow}.{wanted})")
        yield fix(f"hand over {cell.text_of(passed[0])[:40]} as {wanted}", cell, [edit], Applicability.SURE)
    if isinstance(operand, ast.Name) and operand.id in arrays:
        yield fix(title, cell, [indexed(cell, operand, f'.astype("{wanted}")')], Applicability.SURE)
    elif tensorflow is not None:
        edit = wrapped(cell, operand, f"{tensorflow}.cast(", f", {tensorflow}.{wanted})")
        yield fix(title, cell, [edit], Applicability.SURE)
    binding = cell.binding(operand) if isinstance(operand, ast.Name) else None
    if binding is not None and binding.value is not None and tensorflow is not None:
        name = binding.name
        edit = wrapped(cell, binding.value, f"{tensorflow}.cast(", f", {tensorflow}.{wanted})")
        yield fix(f"make {name} of {wanted} on line {binding.statement.lineno}", cell, [edit], Applicability.CHOICE)
