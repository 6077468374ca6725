"""A reshape asks for another number of values than there are.

What: a reshape moves values, it makes and drops none; the product of the sizes must stay.
Why: the image size, the number of classes or the filters changed, and a number that was worked out from them did not;
a decoder has an upsampling less than its encoder has poolings.
Example:

    x = layers.Conv2D(125, 1)(x)                     # (None, 13, 13, 125)
    x = layers.Reshape((13, 13, 5, 5 + 3))(x)

Use instead:

    x = layers.Conv2D(5 * (5 + 3), 1)(x)

Fix safety: where the target follows the map's own height and width, the layer before it gets the channels that the
target needs; else the one size that does not fit is worked out from the others.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from math import isqrt, prod

from conv_magic.analysis.arguments import option_of
from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.input_declarations import declarations
from conv_magic.analysis.operands import code_of, is_method_call, origin_of
from conv_magic.analysis.training import with_units
from conv_magic.analysis.what_if import before
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import counted, name_of, spelled
from conv_magic.model.options import ConvOptions, DenseOptions, ReshapeOptions, SameShapeOptions
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.fixes.layer_changes import added_before
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix
from conv_magic.text.source import Code, argument

code = "reshape-total-differs"

_LARGEST = 2049

_IMPORTS = "import keras\nfrom keras import layers\n"
VALID: tuple[str, ...] = (
    _IMPORTS + "y = layers.Reshape((4, -1))(layers.Conv2D(6, 3, padding='same')(keras.Input((4, 4, 2))))\n",
)
INVALID: tuple[str, ...] = (
    _IMPORTS + "anchors, kinds = 3, 7\n"
    "x = layers.Conv2D(75, 1)(keras.Input((6, 6, 16)))\n"
    "y = layers.Reshape((6, 6, anchors, 5 + kinds))(x)\n",
    _IMPORTS + "make = keras.Sequential([keras.Input((16,)), layers.Dense(5 * 5 * 12), layers.Reshape((5, 5, 16))])\n",
    _IMPORTS + "rows, columns = 32, 24\n"
    "x = keras.Input((rows, columns, 3))\n"
    "h = layers.UpSampling2D()(layers.MaxPooling2D(4)(x))\n"
    "h = layers.Conv2D(5, 1)(h)\n"
    "y = layers.Reshape((rows * columns, 5))(h)\n",
    "import tensorflow as tf\nflat = tf.zeros((5, 784))\npictures = tf.reshape(flat, [-1, 28, 28, 3])\n",
    "import tensorflow as tf\nCELLS, BOXES = 5, 2\nmaps = tf.zeros((3, 4, 4, 2 * 6))\n"
    "boxes = tf.reshape(maps, (-1, CELLS, CELLS, BOXES, 6))\n",
    "import tensorflow as tf\n"
    "def merge(tokens, rows, columns):\n"
    "    n, _, depth = tokens.shape\n    return tf.reshape(tokens, [n, rows, columns, depth])\n"
    "maps = merge(tf.zeros((2, 7 * 7, 6)), 14, 14)\n",
    "import tensorflow as tf\n"
    "def shuffle(x, parts):\n"
    "    n, h, w, c = x.shape\n    return tf.reshape(x, (n, h, w, parts, c // parts))\n"
    "y = shuffle(tf.zeros((2, 4, 4, 10)), 4)\n",
    "import numpy as np\npixels = np.zeros((6, 300))\npictures = pixels.reshape(pixels.shape[0], 10, 10, 1)\n",
)


@dataclass(frozen=True)
class _Target:
    """The target of a reshape: its sizes, and their expressions where the text lists them."""

    code: Code
    sizes: Shape
    elements: tuple[ast.expr, ...]


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where a failed reshape was given another number of values than its target holds."""
    if call.outcome is not Outcome.RAISED or not call.inputs:
        return
    target = _target_of(call, trace)
    have = call.inputs[0][1:] if call.layer is not None else call.inputs[0]
    if target is None or None in have or not _differs(prod(size or 0 for size in have), target.sizes):
        return
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} cannot make {spelled(target.sizes)} of {spelled(have)}",
        reasons=(f"{_product_spelled(have)} values were given, {_product_spelled(target.sizes)} are wanted",),
        expected=target.sizes,
        actual=have,
        origin=origin_of(call, trace),
        fixes=_fixes(call, trace, target, have),
    )


def _target_of(call: CallRecord, trace: Trace) -> _Target | None:
    """Return the target of the reshape; None where its sizes are not known."""
    layer = isinstance(call.options, ReshapeOptions)
    span = call.created if layer else call.span
    cell = code_of(trace, span)
    node = cell.call_at(span) if cell else None
    if cell is None or node is None or (not layer and (call.op != "reshape" or call.layer is not None)):
        return None
    method = not layer and is_method_call(node, trace)
    given = argument(node, 0 if layer or method else 1, "target_shape", "shape", "newshape")
    if given is None:
        return None
    literals = [o for o in definitions_of(cell, given) if isinstance(o, ast.Tuple | ast.List)]
    elements = tuple(literals[0].elts) if literals else tuple(node.args) if method else ()
    if isinstance(call.options, ReshapeOptions):
        return _Target(cell, call.options.target_shape, elements)
    sizes = tuple(Evaluator(cell, trace).value(element) for element in elements)
    known = tuple(size if isinstance(size, int) else None for size in sizes)
    return _Target(cell, known, elements) if known and None not in known else None


def _differs(total: int, sizes: Shape) -> bool:
    """Check whether sizes, of which one may be -1, cannot hold that many values."""
    known = prod(size for size in sizes if size is not None and size != -1)
    return known == 0 or total % known != 0 if -1 in sizes else total != known


def _product_spelled(sizes: Shape) -> str:
    """Return the product of the sizes in words: `7 x 7 = 49`."""
    parts = [str(size) for size in sizes if size != -1]
    if len(parts) == 1:
        return parts[0]
    whole = f"{' x '.join(parts)} = {prod(size for size in sizes if size is not None and size != -1)}"
    return f"a multiple of {whole}" if -1 in sizes else whole


def _fixes(call: CallRecord, trace: Trace, target: _Target, have: Shape) -> Iterator[Fix]:
    if call.layer is not None and -1 not in target.sizes:
        yield from _channel_fixes(call, trace, target, have)
        yield from _upsampling_fixes(call, trace, target, have)
    literal = list(_size_fixes(call, trace, target, prod(size or 0 for size in have)))
    yield from (*_constant_fixes(trace, target, have), *literal) if call.layer is None else literal


def _constant_fixes(trace: Trace, target: _Target, have: Shape) -> Iterator[Fix]:
    """Yield a fix that changes one number, or equal ones of one line, so that the target holds the values."""
    if len(target.elements) != len(target.sizes):
        return
    cell, found = target.code, []
    for index, constants in _constants_behind(target):
        old = constants[0].value
        for number in range(1, _LARGEST) if isinstance(old, int) else ():
            evaluator = Evaluator(cell, trace, dict.fromkeys(constants, number))
            sizes = tuple(evaluator.value(element) for element in target.elements)
            known = tuple(size for size in sizes if isinstance(size, int))
            if number != old and isinstance(old, int) and len(known) == len(sizes) and _holds_samples(have, known):
                found.append((abs(number - old), -index, number, constants))
    for _, _, number, constants in sorted(found, key=lambda entry: entry[:3])[:1]:
        edits = [cell.replace(constant, str(number)) for constant in constants]
        title = f"write {number} in place of {cell.text_of(constants[0])}"
        yield fix(title, cell, edits, Applicability.SURE)


def _holds_samples(have: Shape, sizes: Shape) -> bool:
    """Check whether these sizes hold the values, and with -1 in front as many samples as there are."""
    total = prod(size or 0 for size in have)
    if _differs(total, sizes) or 0 in sizes:
        return False
    rest = prod(size for size in sizes if size is not None and size != -1)
    return sizes[:1] != (-1,) or total // rest == have[0]


def _constants_behind(target: _Target) -> Iterator[tuple[int, list[ast.Constant]]]:
    """Yield the numbers behind each size but the first, with its index.

    Each comes alone, and with the equal ones of the same statement behind other sizes.
    """
    numbers_by_size = [_numbers_behind(target.code, element) for element in target.elements]
    for index, numbers in enumerate(numbers_by_size):
        for number in numbers if index else ():  # the first size is the number of samples
            statement = target.code.statement_of(number)
            others = (n for more in numbers_by_size for n in more if n.value == number.value and n is not number)
            alike = [n for n in dict.fromkeys(others) if target.code.statement_of(n) is statement]
            yield index, [number]
            if alike:
                yield index, [number, *alike]


def _numbers_behind(cell: Code, element: ast.expr) -> list[ast.Constant]:
    """Return the whole numbers that a size is worked out from, where names hold them."""
    found: list[ast.Constant] = []
    names = [n for n in ast.walk(element) if isinstance(n, ast.Name | ast.Attribute)]
    for origin in (o for name in names for o in definitions_of(cell, name)[1:]):
        if isinstance(origin, ast.Constant) and type(origin.value) is int and origin not in found:
            found.append(origin)
    return found


def _channel_fixes(call: CallRecord, trace: Trace, target: _Target, have: Shape) -> Iterator[Fix]:
    """Yield a fix that gives the convolution or Dense before it the channels that the target needs."""
    spatial = len(have) - 1
    source = next((c for c in reversed(before(call, trace)) if not isinstance(c.options, SameShapeOptions)), None)
    if source is None or not isinstance(source.options, ConvOptions | DenseOptions):
        return
    if target.sizes[:spatial] != have[:spatial] or source.output is None or source.output[1:] != have:
        return
    want = prod(size or 0 for size in target.sizes[spatial:])
    text = _product_as_written(target, spatial, source, trace)
    cell = code_of(trace, source.created)
    creation = cell.call_at(source.created) if cell else None
    given = option_of(creation, "filters", source.op) if creation is not None else None
    title = f"give {name_of(source)} {counted(want, 'unit' if isinstance(source.options, DenseOptions) else 'filter')}"
    if text is not None and cell is not None and given is not None:
        yield fix(title, cell, [cell.replace(given, text)], Applicability.SURE, (call.inputs[0][0], *target.sizes))
        return
    for edited_cell, edit in with_units(source, trace, want):
        yield fix(title, edited_cell, [edit], Applicability.SURE, (call.inputs[0][0], *target.sizes))
        return


def _product_as_written(target: _Target, spatial: int, source: CallRecord, trace: Trace) -> str | None:
    """Return the product of the target's own expressions, where all their names are known at the layer before."""
    cell, elements = target.code, target.elements[spatial:]
    creation = cell.call_at(source.created)
    if not elements or len(target.elements) != len(target.sizes) or creation is None:
        return None
    for element in elements:
        for name in (n for n in ast.walk(element) if isinstance(n, ast.Name)):
            binding = cell.binding(name)
            if cell.scope_of(name) is not cell.scope_of(creation) or binding is None:
                if name.id != "len":
                    return None
            elif binding.statement.lineno >= creation.lineno:
                return None
    texts = [cell.text_of(e) for e in elements]
    if len(texts) == 1:
        return texts[0]
    return " * ".join(f"({t})" if isinstance(e, ast.BinOp) else t for t, e in zip(texts, elements, strict=True))


def _upsampling_fixes(call: CallRecord, trace: Trace, target: _Target, have: Shape) -> Iterator[Fix]:
    """Yield a fix that enlarges the map, where the target counts all positions of the model's own input."""
    if len(have) != 3 or target.sizes[-1] != have[-1]:
        return
    positions = prod(size or 0 for size in target.sizes[:-1])
    input_positions = {
        prod(size or 0 for size in d.sizes[:2]) for d in declarations(trace) if d.sizes and len(d.sizes) == 3
    }
    ratio = positions // prod(size or 0 for size in have[:2])
    factor = isqrt(ratio)
    if (
        positions not in input_positions
        or factor < 2
        or factor * factor * prod(size or 0 for size in have[:2]) != positions
    ):
        return
    edits = added_before(call, trace, "UpSampling2D", str(factor))
    if edits is not None:
        title = f"enlarge the map {factor} times before, back to the input's size"
        yield fix(title, edits[0], edits[1], Applicability.SURE, (call.inputs[0][0], *target.sizes))


def _size_fixes(call: CallRecord, trace: Trace, target: _Target, total: int) -> Iterator[Fix]:
    """Yield fixes that change one size so that the product is right; -1 where it is written as no literal."""
    if len(target.elements) != len(target.sizes):
        return
    for index in reversed(range(len(target.sizes))):
        others = [size or 0 for i, size in enumerate(target.sizes) if i != index and size != -1]
        if target.sizes[index] == -1 or not prod(others) or total % prod(others):
            continue
        want = total // prod(others)
        is_literal = isinstance(target.elements[index], ast.Constant)
        text = str(want) if is_literal else "-1"
        if -1 in target.sizes:
            text = _size_beside_batch(call, target, index) or ""
        if text:
            title = f"make size {index + 1} of the target {text}"
            if text == "-1":
                title = f"let the reshape work out size {index + 1}"
            edit = target.code.replace(target.elements[index], text)
            yield fix(title, target.code, [edit], Applicability.CHOICE)


def _size_beside_batch(call: CallRecord, target: _Target, index: int) -> str | None:
    """Return the size that keeps as many samples as were given, beside a -1 for the batch; None where there is none."""
    if target.sizes[0] != -1 or not call.inputs[0]:
        return None
    rest = prod(size or 0 for size in call.inputs[0][1:])
    others = prod(size or 0 for i, size in enumerate(target.sizes) if i not in (0, index))
    return str(rest // others) if others and rest % others == 0 else None
