"""Two tensors are multiplied along sizes that differ.

What: a matrix product sums over the last size of the first factor and the one before the last of the second; these are
not equal.
Why: a Gram matrix or a table of attention scores is a product with the transposed: `flat` and `flat` cannot be
multiplied as they are.  A weight was made (out, in), as PyTorch keeps it.  An equation or `axes` names the wrong axis.
Example:

    scores = tf.matmul(queries, keys)                       # (2, 49, 24) and (2, 49, 24)

Use instead:

    scores = tf.matmul(queries, keys, transpose_b=True)     # (2, 49, 49)

Fix safety: one factor is transposed, and only where the sizes then agree.  Of a product with itself the sum goes over
the positions and leaves the channels, as a Gram matrix does.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations, product

from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.operands import code_of, module_alias, origin_of
from conv_magic.model.calls import CallRecord, Mode, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import name_of, spelled
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, indexed, with_argument, wrapped
from conv_magic.text.source import Code, argument

code = "inner-sizes-differ"

_TF = "import tensorflow as tf\n"
VALID: tuple[str, ...] = (
    _TF + "q = tf.ones((2, 9, 6))\nw = tf.matmul(q, q, transpose_b=True)\ny = tf.einsum('bqk,bkd->bqd', w, q)\n",
)
INVALID: tuple[str, ...] = (
    _TF + "flat = tf.reshape(tf.ones((1, 7, 8, 5)), (7 * 8, 5))\ngram = tf.matmul(flat, flat)\n",
    _TF + "rows = tf.transpose(tf.reshape(tf.ones((1, 7, 8, 5)), (56, 5)))\ngram = rows @ rows\n",
    _TF + "q, k = tf.ones((2, 9, 6)), tf.ones((2, 9, 6))\nweights = tf.nn.softmax(q @ k)\n",
    _TF + "maps, one = tf.ones((4, 4, 12)), tf.ones(12)\nheat = maps @ one\n",
    _TF + "q, k = tf.ones((2, 9, 6)), tf.ones((2, 7, 6))\nscores = tf.einsum('bqd,bdk->bqk', q, k)\n",
    _TF + "image, grey = tf.ones((2, 8, 9, 3)), tf.constant([0.3, 0.6, 0.1])\n"
    "y = tf.tensordot(image, grey, axes=[[1], [0]])\n",
    "import numpy as np\nfeatures, torch_weight = np.ones((5, 12)), np.ones((3, 12))\n"
    "scores = np.matmul(features, torch_weight)\n",
    "from keras import Input, layers\na, b = Input((10, 16)), Input((12, 16))\ny = layers.Dot(axes=(2, 1))([a, b])\n",
)
_PRODUCTS = {"matmul", "matmult", "dot"}
_FLAGS = ("transpose_a", "transpose_b")


@dataclass(frozen=True)
class _Product:
    """A product in the text: the expressions of its factors and their shapes."""

    call: CallRecord
    trace: Trace
    code: Code
    node: ast.expr
    factors: tuple[ast.expr, ast.expr]
    shapes: tuple[Shape, Shape]


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where the factors of a failed product agree once one of them is transposed."""
    found = _product_of(call, trace) if call.outcome is Outcome.RAISED and len(call.inputs) == 2 else None
    fixes = tuple(_fixes(found)) if found is not None else ()
    if found is None or not fixes:
        return
    first, second = found.shapes
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} cannot multiply {spelled(first)} and {spelled(second)}",
        reasons=(_reason_of_product(found),),
        expected=(*second[:-2], first[-1], second[-1]) if call.op in _PRODUCTS and len(second) > 1 else None,
        actual=second,
        axes=(len(second) - 2,) if call.op in _PRODUCTS and len(second) > 1 else (),
        origin=origin_of(call, trace, 1),
        fixes=fixes,
    )


def _reason_of_product(found: _Product) -> str:
    """Return which sizes must be equal."""
    first, second = found.shapes
    if found.call.op in _PRODUCTS and len(second) > 1 and len(first) > 1:
        return f"it sums over the {first[-1]} of the first and the {second[-2]} of the second, which must be equal"
    return "the sizes that it sums over must be equal"


def _product_of(call: CallRecord, trace: Trace) -> _Product | None:
    """Return the product in the text with its factors and shapes; None where they are not written one by one."""
    cell = code_of(trace, call.span)
    node = cell.node_at(call.span, ast.expr) if cell and call.span else None
    if cell is None or node is None:
        return None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        factors: list[ast.expr] = [node.left, node.right]
    elif isinstance(node, ast.Call):
        factors = _factors(node, call.op)
    else:
        return None
    if len(factors) != 2 or any(isinstance(factor, ast.Starred) for factor in factors):
        return None
    return _Product(call, trace, cell, node, (factors[0], factors[1]), (call.inputs[0], call.inputs[1]))


def _factors(node: ast.Call, op: str) -> list[ast.expr]:
    """Return the expressions of the factors that a call lists."""
    if op in ("Dot", "dot") and node.args and isinstance(node.args[0], ast.List | ast.Tuple):
        return node.args[0].elts
    if op == "einsum":
        return node.args[1:]
    named = {keyword.arg: keyword.value for keyword in node.keywords}
    given = [*node.args[:2], *(named[name] for name in ("a", "b", "x1", "x2") if name in named)]
    return given if op in (*_PRODUCTS, "tensordot") else []


def _fixes(found: _Product) -> Iterator[Fix]:
    if found.call.op == "einsum":
        yield from _equation_fixes(found)
    elif found.call.op == "tensordot":
        yield from _axes_fixes(found, 2, 0)
    elif found.call.op == "Dot" or found.call.layer is not None:
        yield from _axes_fixes(found, 0, 1)
    elif len(found.shapes[1]) == 1 and len(found.shapes[0]) > 1 and found.shapes[0][-1] == found.shapes[1][0]:
        edit = indexed(found.code, found.factors[1], "[..., None]")
        yield fix("make the vector a column", found.code, [edit], Applicability.SURE)
    elif min(map(len, found.shapes)) > 1:
        yield from _transposition_fixes(found)


def _transposition_fixes(found: _Product) -> Iterator[Fix]:
    """Yield fixes that transpose one factor: by its flag where there is one, else by a function."""
    first, second = found.shapes
    flags = _flags(found)
    have = (first[-2:][::-1] if flags[0] else first[-2:], second[-2:][::-1] if flags[1] else second[-2:])
    indices = [
        index
        for index, (a, b) in enumerate(((have[0][::-1], have[1]), (have[0], have[1][::-1])))
        if a[1] is not None and a[1] == b[0] and have[0][1] != have[1][0]
    ]
    if not _may_transpose_first(found):
        indices = [index for index in indices if index]
    if len(indices) == 2:
        indices = [0, 1] if _is_gram_of_columns(found, have[0]) else [1, 0]
    for rank, index in enumerate(indices):
        yield from _transpose_factor(found, index, flags, Applicability.CHOICE if rank else Applicability.SURE)


def _may_transpose_first(found: _Product) -> bool:
    """Check whether the first factor is no batch of rows: a product with itself, or of two stacks of matrices."""
    ranks = [len(shape) for shape in found.shapes]
    return found.code.text_of(found.factors[0]) == found.code.text_of(found.factors[1]) or min(ranks) > 2


def _is_gram_of_columns(found: _Product, have: Shape) -> bool:
    """Check whether it is a product of one matrix with itself whose channels are its columns."""
    texts = {found.code.text_of(factor) for factor in found.factors}
    if len(texts) != 1:
        return False
    channels = {v.shape[-1] for v in found.trace.values if v.shape is not None and len(v.shape) in (3, 4)}
    if (have[0] in channels) != (have[1] in channels):
        return have[1] in channels
    return (have[1] or 0) <= (have[0] or 0)


def _flags(found: _Product) -> tuple[bool, bool]:
    """Return whether each factor is transposed by a flag already."""
    if not isinstance(found.node, ast.Call):
        return False, False
    given = [argument(found.node, 2 + index, name) for index, name in enumerate(_FLAGS)]
    first, second = (isinstance(value, ast.Constant) and value.value is True for value in given)
    return first, second


def _transpose_factor(found: _Product, index: int, flags: tuple[bool, bool], how: Applicability) -> Iterator[Fix]:
    """Yield the fix that transposes one factor, or takes its flag back."""
    title = f"transpose the {('first', 'second')[index]} factor"
    if isinstance(found.node, ast.Call) and _takes_flags(found):
        text = str(not flags[index])
        edit = with_argument(found.code, found.node, 2 + index, _FLAGS[index], text)
        yield fix(title if text == "True" else f"leave the {('first', 'second')[index]} factor as it is",
                  found.code, [edit], how)  # fmt: skip
        return
    texts = _transposing_texts(found, len(found.shapes[index]))
    if texts is not None:
        yield fix(title, found.code, [wrapped(found.code, found.factors[index], *texts)], how)


def _takes_flags(found: _Product) -> bool:
    """Check whether it is TensorFlow's own `matmul`, which can transpose."""
    name, tensorflow = ast.unparse(found.node).split("(")[0], module_alias(found.code, "tensorflow")
    return tensorflow is not None and name in (f"{tensorflow}.matmul", f"{tensorflow}.linalg.matmul")


def _transposing_texts(found: _Product, rank: int) -> tuple[str, str] | None:
    """Return the texts to put before and after a factor to transpose it, with a library that the cell has."""
    tensorflow, numpy, keras = (module_alias(found.code, name) for name in ("tensorflow", "numpy", "keras"))
    if found.call.mode is not Mode.SYMBOLIC and tensorflow and not _has_arrays(found):
        return (f"{tensorflow}.transpose(", ")") if rank == 2 else (f"{tensorflow}.linalg.matrix_transpose(", ")")
    library = numpy if _has_arrays(found) else f"{keras}.ops" if keras else None
    if library is None:
        return None
    return (f"{library}.transpose(", ")") if rank == 2 else (f"{library}.swapaxes(", ", -1, -2)")


def _has_arrays(found: _Product) -> bool:
    """Check whether all factors that are names are NumPy's arrays."""
    names = {factor.id for factor in found.factors if isinstance(factor, ast.Name)}
    arrays = {v.name for v in found.trace.values if v.kind == "array"}
    return bool(names) and names <= arrays


def _equation_fixes(found: _Product) -> Iterator[Fix]:
    """Yield fixes that name the axes of one factor in another order in the equation, the second factor first."""
    text = found.node.args[0] if isinstance(found.node, ast.Call) and found.node.args else None
    if not isinstance(text, ast.Constant) or not isinstance(text.value, str) or "." in text.value:
        return
    given, arrow, result = text.value.replace(" ", "").partition("->")
    terms = given.split(",")
    if len(terms) != 2 or any(len(t) != len(s) for t, s in zip(terms, found.shapes, strict=True)):
        return
    for index in (1, 0):
        for letters in permutations(terms[index]):
            changed = list(terms)
            changed[index] = "".join(letters)
            if changed != terms and _letters_agree(changed, found.shapes):
                new = f"{','.join(changed)}{arrow}{result}"
                edit = found.code.replace(text, repr(new) if "'" in found.code.text_of(text) else f'"{new}"')
                title = f"name the axes of the {('first', 'second')[index]} factor {changed[index]}"
                yield fix(title, found.code, [edit], Applicability.SURE if index else Applicability.CHOICE)
                break


def _letters_agree(terms: list[str], shapes: tuple[Shape, Shape]) -> bool:
    """Check whether each letter stands for one size."""
    sizes: dict[str, int | None] = {}
    for letter, size in (
        (x, n) for term, shape in zip(terms, shapes, strict=True) for x, n in zip(term, shape, strict=True)
    ):
        if sizes.setdefault(letter, size) != size and None not in (sizes[letter], size):
            return False
    return True


def _axes_fixes(found: _Product, position: int, first: int) -> Iterator[Fix]:
    """Yield a fix that sums over two axes of one length, the last ones first; axes before `first` do not count."""
    call_site = found.code.call_at(found.call.created) if found.call.created else found.node
    given = argument(call_site, position, "axes") if isinstance(call_site, ast.Call) else None
    if given is None or not isinstance(call_site, ast.Call):
        return
    left, right = found.shapes
    pairs = product(range(len(left) - 1, first - 1, -1), range(len(right) - 1, first - 1, -1))
    fitting = [(a, b) for a, b in pairs if left[a] is not None and left[a] == right[b]]
    if not fitting or Evaluator(found.code, found.trace).value(given) == fitting[0]:
        return
    a, b = fitting[0]
    text = f"[[{a}], [{b}]]" if found.call.op == "tensordot" else f"({a}, {b})"
    sure = Applicability.SURE if len(fitting) == 1 else Applicability.CHOICE
    yield fix(
        f"sum over the axes of length {left[a]}: axes={text}", found.code, [found.code.replace(given, text)], sure
    )
