"""A number in the text was worked out for images of another size.

What: a weight or a target has as many entries as images of one size need (patches, positions); the images have another.
Why: the size stands as a constant at the top and was not changed with the data.
Example:

    SIDE, PATCH = 72, 6
    positions = tf.Variable(tf.zeros((1, (SIDE // PATCH) ** 2, 32)))        # 144
    tokens = cut(images_of_96) + positions                                  # 256

Use instead:

    SIDE, PATCH = 96, 6

Fix safety: one written number is changed to a size that the data have, and only where the arithmetic of the text then
gives the number that is needed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from itertools import islice

from conv_magic.analysis.evaluation import Evaluator, expressions_in
from conv_magic.analysis.operands import code_of
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import name_of, spelled
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix
from conv_magic.text.source import Code, called_name

code = "number-for-another-size"

_CELL = (
    "import tensorflow as tf\n"
    "SIDE = 24\n"
    "PATCH = 4\n"
    "cut = tf.keras.layers.Conv2D(8, PATCH, strides=PATCH)\n"
    "positions = tf.Variable(tf.zeros((1, (SIDE // PATCH) ** 2, 8)))\n"
    "def tokens(images):\n"
    "    grid = cut(images)\n"
    "    flat = tf.reshape(grid, (grid.shape[0], grid.shape[1] * grid.shape[2], 8))\n"
    "    return flat + positions\n"
)
VALID: tuple[str, ...] = (_CELL + "y = tokens(tf.zeros((2, 24, 24, 3)))\n",)
INVALID: tuple[str, ...] = (
    _CELL + "y = tokens(tf.zeros((2, 32, 32, 3)))\n",
    _CELL.replace("(SIDE // PATCH) ** 2", "SIDE // PATCH") + "y = tokens(tf.zeros((2, 24, 24, 3)))\n",
    "import tensorflow as tf\n"
    "class Tokens(tf.keras.layers.Layer):\n"
    "    def __init__(self, count, depth):\n"
    "        super().__init__()\n"
    "        self.head = self.add_weight(shape=(1, 1, depth))\n"
    "        self.places = self.add_weight(shape=(1, count, depth))\n"
    "    def call(self, x):\n"
    "        heads = tf.repeat(self.head, x.shape[0], axis=0)\n"
    "        return tf.concat([heads, x], axis=1) + self.places\n"
    "y = Tokens(9, 4)(tf.zeros((2, 9, 4)))\n",
    "import tensorflow as tf\nplaces = tf.Variable(tf.zeros((1, 9 + 1, 4)))\ny = tf.zeros((2, 9, 4)) + places\n",
)

_MOST_FIXES = 3
_WEIGHTS = {"add_weight", "Variable", "Embedding"}
_NUMBERS = (ast.Constant, ast.Name, ast.Attribute, ast.BinOp)
_MERGING = {"add", "sub", "mult", "multiply", "subtract", "Add", "Multiply", "Subtract"}


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where changing one written number to a size of the data makes two operands agree."""
    if call.outcome is not Outcome.RAISED or call.op not in _MERGING or len(call.inputs) != 2:
        return
    cell = code_of(trace, call.span)
    pair = _sizes_differing(*call.inputs)
    if cell is None or pair is None:
        return
    fixes = tuple(islice(_fixes(cell, trace, pair, _sizes_of_data(call, trace)), _MOST_FIXES))
    if not fixes:
        return
    span = fixes[0].edits[0].span
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} cannot join {spelled(call.inputs[0])} and {spelled(call.inputs[1])}",
        reasons=_reasons(pair),
        expected=call.inputs[1],
        actual=call.inputs[0],
        origin=(span, f"the number on line {span.line} is for {_purpose(pair)}"),
        fixes=fixes,
    )


def _purpose(pair: tuple[int, int]) -> str:
    """Return what the written number is for, in words."""
    return "another number of tokens" if abs(pair[0] - pair[1]) == 1 else "images of another size"


def _reasons(pair: tuple[int, int]) -> tuple[str, ...]:
    small, large = sorted(pair)
    if large == small + 1:
        return (f"{large} is one more than {small}: one of them counts a token in front of the others",)
    if small**2 == large:
        return (f"{large} is {small} x {small}: one counts a whole image, the other one side of it",)
    return (f"{pair[0]} and {pair[1]} come from images of two sizes",)


def _sizes_differing(first: Shape, second: Shape) -> tuple[int, int] | None:
    """Return the two sizes that differ, counted from the last axis; None unless there is just one such pair."""
    pairs = zip(reversed(first), reversed(second), strict=False)
    found = [(a, b) for a, b in pairs if a is not None and b is not None and a != b and 1 not in (a, b)]
    return found[0] if len(found) == 1 else None


def _sizes_of_data(call: CallRecord, trace: Trace) -> list[int]:
    """Return the heights, widths and lengths of the inputs of the calls around, and of the cell's own arrays."""
    shapes: list[Shape] = [v.shape for v in trace.values if v.shape is not None and len(v.shape) > 2]
    for around in graph_of(trace).ancestors(call):
        shapes = [*around.inputs, *shapes]
    return list(dict.fromkeys(size for shape in shapes for size in shape[1:-1] if size is not None and size > 1))


def _fixes(cell: Code, trace: Trace, pair: tuple[int, int], sizes: list[int]) -> Iterator[Fix]:
    evaluator = Evaluator(cell, trace)
    expressions = [node for node in expressions_in(cell) if isinstance(node, ast.BinOp)]
    yield from _square_fixes(cell, evaluator, pair, expressions)
    yield from _token_fixes(cell, evaluator, pair)
    for written, wanted in (pair, pair[::-1]):
        affected = [node for node in expressions if evaluator.value(node) == written]
        for constant, old in _constants_assigned(cell):
            for size in sizes if affected else ():
                changed = Evaluator(cell, trace, {constant: size})
                if size != old and any(changed.value(node) == wanted for node in affected):
                    edit = cell.replace(constant, str(size))
                    yield fix(f"write {size} in place of {old}", cell, [edit], Applicability.SURE)


def _square_fixes(
    cell: Code, evaluator: Evaluator, pair: tuple[int, int], expressions: Sequence[ast.expr]
) -> Iterator[Fix]:  # fmt: skip
    """Yield a fix where the patches of one side are counted and those of the image are needed: `side // patch`."""
    for written, wanted in (pair, pair[::-1]):
        for node in expressions if written**2 == wanted else ():
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv) and evaluator.value(node) == written:
                parent = next((n for n in cell.around(node) if n is not node), None)
                if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Pow | ast.Mult):
                    continue
                edit = cell.replace(node, f"({cell.text_of(node)}) ** 2")
                yield fix(f"count the patches of both sides: {written} x {written}", cell, [edit], Applicability.SURE)


def _token_fixes(cell: Code, evaluator: Evaluator, pair: tuple[int, int]) -> Iterator[Fix]:
    """Yield a fix where a weight counts the patches and a class token came in front of them, or the reverse."""
    small, large = sorted(pair)
    for node in ast.walk(cell.tree) if large == small + 1 else ():
        if not isinstance(node, ast.Call) or called_name(node) not in _WEIGHTS:
            continue
        for inner in (n for n in ast.walk(node) if isinstance(n, ast.expr)):
            is_element = isinstance(cell.parent(inner), ast.Tuple | ast.List | ast.Call | ast.keyword)
            if is_element and isinstance(inner, _NUMBERS) and evaluator.value(inner) == small:
                text = str(large) if isinstance(inner, ast.Constant) else f"{cell.text_of(inner)} + 1"
                title = f"make the weight for {large}, the class token included"
                yield fix(title, cell, [cell.replace(inner, text)], Applicability.SURE)
                return
            match inner:
                case ast.BinOp(left=left, op=ast.Add(), right=ast.Constant(value=1)) if evaluator.value(inner) == large:
                    edit = cell.replace(inner, cell.text_of(left))
                    yield fix(f"make the weight for {small}", cell, [edit], Applicability.SURE)
                    return


def _constants_assigned(cell: Code) -> Iterator[tuple[ast.Constant, int]]:
    """Yield the whole numbers that names are given, each with its value."""
    for node in ast.walk(cell.tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant | ast.Tuple):
            for inner in ast.walk(node.value):
                if isinstance(inner, ast.Constant) and type(inner.value) is int and inner.value > 1:
                    yield inner, inner.value
