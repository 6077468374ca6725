"""`pad` was given pairs that do not suit the axes of the tensor.

What: `tf.pad`, `np.pad` take one (before, after) pair for each axis, batch and channels among them; a reflected border
must be shorter than the image.
Why: the pairs were written for one picture and the batch came later; only height and width were thought of.
Example:

    tf.pad(images, [[2, 2], [2, 2], [0, 0]])                       # images: (8, 28, 28, 3)

Use instead:

    tf.pad(images, [[0, 0], [2, 2], [2, 2], [0, 0]])

Fix safety: the pairs are kept as written; what is added pads nothing.  A border too wide to be reflected is filled with
what fits: the edge itself included, else zeros.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.operands import origin_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import axis_names, counted, name_of, spelled
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import bracketed, fix, with_argument
from conv_magic.text.source import Code, argument

code = "padding-pairs-differ"

_TF = "import tensorflow as tf\n"
VALID: tuple[str, ...] = (
    _TF + "y = tf.pad(tf.ones((2, 6, 6, 3)), [[0, 0], [2, 2], [2, 2], [0, 0]], 'REFLECT')\n",
    "import numpy as np\ny = np.pad(np.ones((6, 6)), ((1, 1), (2, 2)))\n",
)
INVALID: tuple[str, ...] = (
    _TF + "x = tf.ones((2, 6, 6, 3))\ny = tf.pad(x, [[1, 1], [1, 1], [0, 0]])\n",
    _TF + "x = tf.ones((2, 6, 6, 3))\nborder = [[1, 1], [2, 2]]\ny = tf.pad(x, border, 'REFLECT')\n",
    _TF + "x = tf.ones((2, 6, 6, 3))\ny = tf.pad(x, tf.constant([[0, 0], [1, 1], [1, 1]]))\n",
    _TF + "picture = tf.ones((6, 6, 3))\ny = tf.pad(picture, [[0, 0], [1, 1], [1, 1], [0, 0]])\n",
    "import numpy as np\nx = np.ones((2, 6, 6, 3))\ny = np.pad(x, ((1, 1), (1, 1), (0, 0)), mode='edge')\n",
    _TF + "x = tf.ones((1, 4, 4, 3))\ny = tf.pad(x, [[0, 0], [4, 4], [4, 4], [0, 0]], 'REFLECT')\n",
    _TF + "x = tf.ones((1, 3, 3, 3))\ny = tf.pad(x, [[0, 0], [5, 5], [5, 5], [0, 0]], mode='SYMMETRIC')\n",
)
Pairs = tuple[tuple[int, int], ...]


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Diagnose a failed `pad` that got too few or too many pairs, or a border wider than the image."""
    site = call_site_of(call, trace) if call.op == "pad" and call.layer is None else None
    if call.outcome is not Outcome.RAISED or site is None or not call.inputs:
        return
    given = argument(site[1], 1, "paddings", "pad_width")
    found = _list_of_pairs(site[0], trace, given) if given is not None else None
    if found is None:
        return
    node, pairs = found
    shape = call.inputs[0]
    if len(pairs) == len(shape):
        yield from _border_too_wide(call, trace, site, shape, pairs)
        return
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} takes a pair for each of the {len(shape)} axes of {spelled(shape)}",
        reasons=(f"it was given {counted(len(pairs), 'pair')}",),
        actual=shape,
        axis_names=axis_names(len(shape)),
        origin=origin_of(call, trace),
        fixes=_fixes(site[0], node, pairs, len(shape)),
    )


def _list_of_pairs(cell: Code, trace: Trace, given: ast.expr) -> tuple[ast.Tuple | ast.List, Pairs] | None:
    """Return the display of the pairs, also inside `tf.constant(...)`, and their values; None if one is unknown."""
    reader = Evaluator(cell, trace)
    for origin in definitions_of(cell, given):
        inner = origin.args[0] if isinstance(origin, ast.Call) and origin.args else origin
        if isinstance(inner, ast.List | ast.Tuple):
            values = [reader.value(element) for element in inner.elts]
            pairs = [(v[0] or 0, v[1] or 0) for v in values if isinstance(v, tuple) and len(v) == 2]
            return (inner, tuple(pairs)) if len(pairs) == len(values) else None
    return None


def _fixes(cell: Code, node: ast.Tuple | ast.List, pairs: Pairs, rank: int) -> Iterator[Fix]:
    texts = [cell.text_of(element) for element in node.elts]
    no_padding = "(0, 0)" if isinstance(node.elts[0], ast.Tuple) else "[0, 0]"
    lacking = rank - len(pairs)
    if lacking == -1 and not (any(pairs[0]) and any(pairs[-1])):
        new, title = (texts[:-1] if any(pairs[0]) else texts[1:]), "leave out the pair of an axis that is not there"
    elif lacking == 1:
        front = any(pairs[0])  # pairs for height, width and channels; else for batch, height and width
        new = [no_padding, *texts] if front else [*texts, no_padding]
        title = f"add a pair for the {'batch' if front else 'channels'}"
    elif lacking == 2:
        new, title = [no_padding, *texts, no_padding], "add pairs for the batch and the channels"
    else:
        return
    yield fix(title, cell, [cell.replace(node, bracketed(node, new))], Applicability.SURE)


def _border_too_wide(
    call: CallRecord, trace: Trace, site: tuple[Code, ast.Call], shape: Shape, pairs: Pairs
) -> Iterator[Diagnosis]:
    """Diagnose a border that would be mirrored from further away than the image goes."""
    cell, node = site
    mode = argument(node, 2, "mode")
    word = mode.value if isinstance(mode, ast.Constant) and isinstance(mode.value, str) else ""
    edge = {"REFLECT": 1, "SYMMETRIC": 0}.get(word.upper())
    if edge is None or word.islower():
        return
    sizes = [(max(pair), size) for pair, size in zip(pairs, shape, strict=True) if size is not None]
    border, size = next(((border, size) for border, size in sizes if border > size - edge), (0, 0))
    if border == 0:
        return
    other = "SYMMETRIC" if all(border <= size for border, size in sizes) else "CONSTANT"
    edit = with_argument(cell, node, 2, "mode", f'"{other}"')
    title = {"SYMMETRIC": "mirror the edge as well", "CONSTANT": "fill the border with zeros"}[other]
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} cannot mirror {border} values of an axis of {size}",
        reasons=(f"mode {word} takes at most {size - edge} here",),
        actual=shape,
        axis_names=axis_names(len(shape)),
        origin=origin_of(call, trace),
        fixes=(fix(f'{title}: mode="{other}"', cell, [edit], Applicability.SURE),),
    )
