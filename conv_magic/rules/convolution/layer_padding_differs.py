"""`ZeroPadding2D` or `Cropping2D` was given numbers that do not suit its axes.

What: the layers take one number, one for each spatial axis, or a (before, after) pair for each.
Why: PyTorch's `ZeroPad2d` takes four numbers, the last axis first; `tf.pad` takes a pair for the batch and the channels
as well; two numbers that are not in a tuple are `padding` and `data_format`.
Example:

    layers.ZeroPadding2D((3, 3, 1, 1))

Use instead:

    layers.ZeroPadding2D(((1, 1), (3, 3)))

Fix safety: the numbers are kept.  Four numbers are read in PyTorch's order (left, right, top, bottom:
https://docs.pytorch.org/docs/stable/generated/torch.nn.ZeroPad2d.html) before the order of Keras.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.arguments import option_of
from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.definitions import sequence_behind
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import counted, name_of
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix
from conv_magic.text.source import Code

code = "layer-padding-differs"

_KERAS = "import keras\nfrom keras import layers\n"
VALID: tuple[str, ...] = (
    _KERAS + "y = layers.ZeroPadding2D(((1, 0), (2, 2)))(keras.Input((9, 9, 2)))\n",
    _KERAS + "y = layers.Cropping3D((1, 2, 0))(keras.Input((9, 9, 9, 2)))\n",
)
INVALID: tuple[str, ...] = (
    _KERAS + "y = layers.ZeroPadding2D(padding=(2, 2, 0, 0))(keras.Input((9, 9, 2)))\n",
    _KERAS + "left, top = 1, 2\ny = layers.Cropping2D([left, left, top, top])(keras.Input((9, 9, 2)))\n",
    _KERAS + "border = ((0, 0), (1, 1), (1, 1), (0, 0))\ny = layers.ZeroPadding2D(border)(keras.Input((9, 9, 2)))\n",
    _KERAS + "net = keras.Sequential([keras.Input((9, 9, 2)), layers.ZeroPadding2D(1, 2)])\n",
    _KERAS + "y = layers.ZeroPadding3D((1, 1, 2, 2, 0, 0))(keras.Input((5, 9, 9, 2)))\n",
    _KERAS + "y = layers.Cropping2D((2,))(keras.Input((9, 9, 2)))\n",
)
_LAYERS = {f"{kind}{n}D": n for kind in ("ZeroPadding", "Cropping") for n in (1, 2, 3)}


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Diagnose such a layer that could not be made."""
    n = _LAYERS.get(call.op)
    site = call_site_of(call, trace) if n is not None and call.outcome is Outcome.RAISED and not call.inputs else None
    option = "cropping" if call.op.startswith("Cropping") else "padding"
    given = option_of(site[1], option, call.op) if site else None
    if n is None or site is None or given is None:
        return
    found = [*_as_one_tuple(*site, n), *_of_length(site[0], given, n)]
    if not found:
        return
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} takes one number, or {counted(n, 'pair')}" if n > 1 else f"{name_of(call)} takes one pair",
        reasons=(found[0][1],),
        fixes=[offered for offered, _ in found],
    )


def _as_one_tuple(cell: Code, node: ast.Call, n: int) -> Iterator[tuple[Fix, str]]:
    """Put the numbers for the axes, given as arguments of their own, into one tuple; with the reason."""
    numbers = node.args
    words = [number for number in numbers if isinstance(number, ast.Constant) and isinstance(number.value, str)]
    if len(numbers) != n or n == 1 or words:
        return
    texts = list(map(cell.text_of, numbers))
    edits = [cell.replace(numbers[0], f"({texts[0]}"), cell.replace(numbers[-1], f"{texts[-1]})")]
    why = "its second argument is data_format; the numbers for the axes are one tuple"
    yield fix(f"give the numbers as one: ({', '.join(texts)})", cell, edits, Applicability.SURE), why


def _of_length(cell: Code, given: ast.expr, n: int) -> Iterator[tuple[Fix, str]]:
    """Read a sequence of a wrong length in each way that has one entry for each axis; with the reason."""
    literal = sequence_behind(cell, given)
    if literal is None or len(literal.elts) == n or any(isinstance(e, ast.Starred) for e in literal.elts):
        return
    texts = [cell.text_of(element) for element in literal.elts]
    nested = any(isinstance(element, ast.Tuple | ast.List) for element in literal.elts)
    why = f"it was given {counted(len(texts), 'pair' if nested else 'number')}"
    for title, new in _readings(texts, n, nested=nested):
        text = new[0] if len(new) == 1 else f"({', '.join(new)})"
        yield fix(f"{title}: {text}", cell, [cell.replace(literal, text)], Applicability.CHOICE), why


def _readings(texts: list[str], n: int, *, nested: bool) -> Iterator[tuple[str, list[str]]]:
    if nested and len(texts) == n + 2:
        yield "leave out the batch and the channels", texts[1:-1]
    elif nested and len(texts) == n + 1:
        yield "leave out the channels", texts[:-1]
        yield "leave out the batch", texts[1:]
    elif len(texts) == 2 * n:
        pairs = [f"({texts[i]}, {texts[i + 1]})" for i in range(0, 2 * n, 2)]
        yield "read the numbers in the order of PyTorch, the last axis first", pairs[::-1]
        yield "read the numbers as pairs, the first axis first", pairs
    elif len(texts) == n + 2:
        yield "leave out the batch and the channels", texts[1:-1]
    elif len(texts) == 1:
        yield "use it for every axis", texts
