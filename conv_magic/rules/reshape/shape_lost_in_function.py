"""A dataset's elements have lost their shape in a Python function.

What: of what `tf.numpy_function` or `tf.py_function` returns TensorFlow knows no shape; a model needs at least the
number of axes.
Why: the function runs outside the graph, so that nobody knows what it will return.
Example:

    image = tf.numpy_function(read, [path], tf.float32)

Use instead:

    image = tf.numpy_function(read, [path], tf.float32)
    image.set_shape((48, 48, 1))

Fix safety: no value changes; an element of another shape is refused where it comes.  The shape is the one that the
function reshapes to, else that of the model's declared input.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.input_declarations import declarations
from conv_magic.analysis.operands import codes_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import name_of
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import after, fix
from conv_magic.text.source import Code, called_name

code = "shape-lost-in-function"

_CELL = (
    "import keras\nimport numpy as np\nimport tensorflow as tf\n"
    "def read(number):\n    return np.full(36, number, 'float32'){}\n"
    "def load(number, kind):\n"
    "    image = tf.numpy_function(read, [number], tf.float32){}\n"
    "    return image, kind\n"
    "data = tf.data.Dataset.from_tensor_slices((np.arange(6), np.zeros(6))).map(load).batch(3)\n"
    "model = keras.Sequential([{}keras.layers.Conv2D(2, 3), keras.layers.Flatten(), keras.layers.Dense(1)])\n"
    "model.compile('sgd', 'mse')\nmodel.fit(data, verbose=0)\n"
)
VALID: tuple[str, ...] = (_CELL.format(".reshape(6, 6, 1)", "\n    image.set_shape((6, 6, 1))", ""),)
INVALID: tuple[str, ...] = (
    _CELL.format(".reshape(6, 6, 1)", "", ""),
    _CELL.format(".reshape((6, 6, -1))", "", "keras.Input((6, 6, 1)), "),
    _CELL.format(".reshape(6, 6, 1)", "", "").replace("tf.numpy_function", "tf.py_function"),
)
_MESSAGES = ("unknown TensorShape", "unknown rank", "unknown_rank")
_FUNCTIONS = {"numpy_function", "py_function"}


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where an unknown shape stopped a call, and the text has such a function."""
    if call.outcome is not Outcome.RAISED or not any(words in (call.error or "") for words in _MESSAGES):
        return
    for cell in codes_of(trace):
        for node in cell.nodes:
            if isinstance(node, ast.Call) and called_name(node) in _FUNCTIONS:
                yield _diagnosis(call, trace, cell, node)
                return


def _diagnosis(call: CallRecord, trace: Trace, cell: Code, node: ast.Call) -> Diagnosis:
    span = cell.span(node)
    return diagnosed(
        code,
        call,
        f"{name_of(call)} cannot tell the shape of its input: {called_name(node)} has lost it",
        reasons=("what a Python function returns has no known shape until it is stated",),
        origin=(span, f"the shape is lost on line {span.line}"),
        fixes=_fixes(trace, cell, node),
    )


def _fixes(trace: Trace, cell: Code, node: ast.Call) -> Iterator[Fix]:
    statement = cell.statement_of(node)
    shape = _shape_returned(trace, cell, node)
    if shape is None or not isinstance(statement, ast.Assign) or statement.value is not node:
        return
    target = statement.targets[0]
    names = [t.id for t in getattr(target, "elts", [target]) if isinstance(t, ast.Name)]
    indent = " " * statement.col_offset
    others = "".join(f"\n{indent}{name}.set_shape(())" for name in names[1:])
    if names:
        edit = after(cell, statement, f"\n{indent}{names[0]}.set_shape({shape}){others}")
        yield fix(f"state the shape of {names[0]}: {shape}", cell, [edit], Applicability.SURE)


def _shape_returned(trace: Trace, cell: Code, node: ast.Call) -> Shape | None:
    """Return the shape that the function reshapes to at its end, else that of a declared input in the text."""
    argument = node.args[0] if node.args else None
    function = next((n for n in cell.nodes if isinstance(n, ast.FunctionDef) and _is_named(argument, n.name)), None)
    evaluator = Evaluator(cell, trace)
    found: list[Shape] = []
    for inner in ast.walk(function) if function is not None else ():
        if isinstance(inner, ast.Call) and called_name(inner) == "reshape":
            literal = next((a for a in inner.args if isinstance(a, ast.Tuple | ast.List)), None)
            sizes = [evaluator.value(size) for size in (literal.elts if literal is not None else inner.args)]
            known = tuple(size for size in sizes if isinstance(size, int) and size > 0)
            found += [known] if len(known) == len(sizes) > 1 else []
    declared = [d.sizes for d in declarations(trace) if d.sizes is not None]
    return next(iter([*found[-1:], *declared[:1]]), None)


def _is_named(given: ast.expr | None, name: str) -> bool:
    """Check whether an expression is that name."""
    return isinstance(given, ast.Name) and given.id == name
