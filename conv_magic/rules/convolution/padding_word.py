"""A padding that this layer or function does not know.

What: Keras layers take "valid" or "same", `Conv1D` "causal" too; `tf.nn` takes "VALID" or "SAME" in capitals.
Why: PyTorch takes a number, older libraries "full", and causal padding is known from sequences, which have one axis.
Example:

    layers.Conv2D(16, 3, padding=1)(x)

Use instead:

    layers.Conv2D(16, 3, padding="same")(x)

Fix safety: "same" is offered for a number where it pads by just that much; else a `ZeroPadding` layer pads first.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeGuard

from conv_magic.analysis.arguments import option_of
from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.operands import origin_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import name_of
from conv_magic.model.positions import Edit, Span
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.signatures.table import function_signature, layer_signature, spatial_rank_of
from conv_magic.text.edits import fix, wrapped
from conv_magic.text.source import Code, called_name

code = "padding-word"

VALID: tuple[str, ...] = (
    "import keras\ny = keras.layers.Conv1D(4, 3, padding='causal')(keras.Input((20, 2)))\n",
    "import tensorflow as tf\ny = tf.nn.max_pool2d(tf.zeros((1, 4, 4, 1)), 2, 2, padding='VALID')\n",
)
INVALID: tuple[str, ...] = (
    "import keras\nfrom keras import layers\ny = layers.Conv2D(4, 5, padding=2)(keras.Input((20, 20, 1)))\n",
    "import keras\nfrom keras import layers\ny = layers.Conv2D(4, 3, padding=2)(keras.Input((20, 20, 1)))\n",
    "import keras\nfrom keras import layers\n"
    "net = keras.Sequential([keras.Input((30, 8, 1)), layers.Conv2D(4, (5, 3), padding='causal')])\n",
    "import keras\nfrom keras import layers\n"
    "net = keras.Sequential([keras.Input((24, 24, 1)), layers.Conv2D(4, 3, padding=1)])\n"
    "net.add(layers.Conv2D(8, 5, strides=2, padding=1))\n",
    "import keras\ny = keras.layers.Conv2D(4, 3, padding='smae')(keras.Input((20, 20, 1)))\n",
    "import tensorflow as tf\ny = tf.nn.conv2d(tf.zeros((1, 9, 9, 3)), tf.zeros((3, 3, 3, 2)), 1, 'same')\n",
)


@dataclass(frozen=True)
class _Layer:
    """A convolution as written."""

    cell: Code
    made: ast.Call
    n: int
    kernel: tuple[int, ...] | None
    dilation: tuple[int, ...]


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """One diagnosis where a failed call was given a padding that it does not know."""
    if call.outcome is Outcome.RETURNED:
        return
    made = call_site_of(call, trace)
    function = call.layer is None and function_signature(call.op) is not None
    if made is None or not (function or _is_convolution(call.op)):
        return
    given = option_of(made[1], "padding", call.op)
    value = _value(made[0], trace, given) if given is not None else None
    if given is None or value is None or _is_known(value, call.op, function=function):
        return
    fixes = _of_function(made[0], given, value) if function else _of_layer(trace, made, given, value)
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} knows no padding {value!r}",
        reasons=(_known(call.op, function=function),),
        actual=call.inputs[0] if call.inputs else None,
        origin=origin_of(call, trace),
        fixes=fixes,
    )


def _is_convolution(name: str) -> bool:
    """Return whether a Keras layer has a kernel that moves over its input; a recurrent one has two."""
    signature = layer_signature(name) if "LSTM" not in name else None
    return signature is not None and signature.find("kernel_size") is not None


def _value(cell: Code, trace: Trace, given: ast.expr) -> str | int | tuple[int | None, ...] | None:
    for origin in definitions_of(cell, given):
        if isinstance(origin, ast.Constant) and isinstance(origin.value, str):
            return origin.value
    return Evaluator(cell, trace).value(given)


def _is_known(value: str | int | tuple[int | None, ...], op: str, *, function: bool) -> bool:
    if function:
        return value in ("SAME", "VALID") or not isinstance(value, str)
    return isinstance(value, str) and value.lower() in {"same", "valid", *(["causal"] if op == "Conv1D" else [])}


def _known(op: str, *, function: bool) -> str:
    if function:
        return 'tf.nn takes "SAME" or "VALID", in capitals'
    return 'it takes "valid", "same" or "causal"' if op == "Conv1D" else 'it takes "valid" or "same"'


def _of_function(cell: Code, given: ast.expr, value: str | int | tuple[int | None, ...]) -> Iterator[Fix]:
    word = str(value).upper().strip()
    near = [word] if word in ("SAME", "VALID") else get_close_matches(word, ("SAME", "VALID"), 1)
    for choice in near or ("SAME", "VALID"):
        sure = Applicability.SURE if near else Applicability.CHOICE
        yield fix(f'use padding="{choice}"', cell, [_word(cell, given, choice)], sure)


def _word(cell: Code, given: ast.expr, word: str) -> Edit:
    literal = next((o for o in definitions_of(cell, given) if isinstance(o, ast.Constant)), given)
    return cell.replace(literal, f'"{word}"')


def _of_layer(
    trace: Trace,
    written: tuple[Code, ast.Call],
    given: ast.expr,
    value: str | int | tuple[int | None, ...],
) -> Iterator[Fix]:
    cell, made = written
    layer = _layer(trace, cell, made)
    if isinstance(value, str):
        near = get_close_matches(value.lower().strip(), ("same", "valid"), 1)
        if value.lower() == "causal" and layer.n == 2:
            edits = _zeros_first(layer, given, _causal(layer))
            title = "pad the first axis causally, the other evenly"
            yield from [fix(title, cell, edits, Applicability.SURE)] if edits else []
        for choice in near or ["same"]:
            sure = Applicability.SURE if near else Applicability.CHOICE
            yield fix(f'use padding="{choice}"', cell, [_word(cell, given, choice)], sure)
        return
    numbered = [_layer(trace, cell, node) for node in ast.walk(cell.tree) if _is_numbered(node, cell, trace)]
    for title, how in (('use padding="same"', _same), ("pad with zeros first", _zeros)):
        each = [how(one, trace) or _zeros(one, trace) for one in numbered]
        if how(layer, trace) and all(each):
            sure = Applicability.SURE
            yield fix(title, cell, [edit for edits in each for edit in edits], sure)


def _is_numbered(node: ast.AST, cell: Code, trace: Trace) -> TypeGuard[ast.Call]:
    """A convolution with a number for its padding: a habit, so the cell may have several."""
    if not isinstance(node, ast.Call) or not _is_convolution(called_name(node)):
        return False
    given = option_of(node, "padding")
    return given is not None and isinstance(_value(cell, trace, given), int | tuple)


def _padding_of(layer: _Layer, trace: Trace) -> tuple[ast.expr, tuple[int, ...]]:
    given = option_of(layer.made, "padding")
    assert given is not None
    value = Evaluator(layer.cell, trace).value(given)
    return given, _each(value, layer.n) or (0,) * layer.n


def _same(layer: _Layer, trace: Trace) -> list[Edit]:
    """A word for the number: "same" where it pads by just that much, "valid" for 0."""
    given, sizes = _padding_of(layer, trace)
    if not any(sizes):
        return [layer.cell.replace(given, '"valid"')]
    spans = zip(sizes, layer.kernel or (), layer.dilation, strict=False)
    if layer.kernel and all(2 * padding == (size - 1) * rate for padding, size, rate in spans):
        return [layer.cell.replace(given, '"same"')]
    return []


def _zeros(layer: _Layer, trace: Trace) -> list[Edit]:
    given, sizes = _padding_of(layer, trace)
    if not any(sizes):
        return [layer.cell.replace(given, '"valid"')]
    plain = isinstance(given, ast.Name | ast.Constant | ast.Tuple)
    return _zeros_first(layer, given, layer.cell.text_of(given) if plain else str(sizes))


def _layer(trace: Trace, cell: Code, made: ast.Call) -> _Layer:
    n = spatial_rank_of(called_name(made))
    reader = Evaluator(cell, trace)
    size, rate = option_of(made, "kernel_size"), option_of(made, "dilation_rate")
    kernel = _each(reader.value(size), n) if size is not None else None
    return _Layer(cell, made, n, kernel, (_each(reader.value(rate), n) if rate is not None else None) or (1,) * n)


def _each(value: int | tuple[int | None, ...] | None, n: int) -> tuple[int, ...] | None:
    if isinstance(value, int):
        return (value,) * n
    return tuple(v or 0 for v in value) if value is not None and len(value) == n else None


def _causal(layer: _Layer) -> str | None:
    if layer.kernel is None:
        return None
    first, second = ((size - 1) * rate for size, rate in zip(layer.kernel, layer.dilation, strict=True))
    return f"(({first}, 0), ({second // 2}, {second - second // 2}))"


def _zeros_first(layer: _Layer, given: ast.expr, padding: str | None) -> list[Edit]:
    """A `ZeroPadding` layer before this one: around its input, or as the element before it in a list."""
    cell, made = layer.cell, layer.made
    name = f"ZeroPadding{layer.n}D"
    spelled = _beside(cell, made, name)
    if padding is None or spelled is None:
        return []
    layer_text = f"{spelled}({padding})"
    parent = next((node for node in list(cell.around(made))[1:2]), None)
    valid = cell.replace(given, '"valid"')
    if isinstance(parent, ast.Call) and parent.func is made and len(parent.args) == 1:
        return [valid, wrapped(cell, parent.args[0], f"{layer_text}(", ")")]
    if isinstance(parent, ast.List):
        at = cell.span(made)
        return [Edit(Span(at.cell, at.line, at.column, at.line, at.column), f"{layer_text}, "), valid]
    if isinstance(parent, ast.Call) and called_name(parent) == "add" and isinstance(parent.func, ast.Attribute):
        at = cell.span(parent)
        before = f"{cell.text_of(parent.func)}({layer_text}); "
        return [Edit(Span(at.cell, at.line, at.column, at.line, at.column), before), valid]
    return []


def _beside(cell: Code, made: ast.Call, name: str) -> str | None:
    """How the cell can call another Keras layer: from where this one comes, or by its own name if that is imported."""
    if isinstance(made.func, ast.Attribute):
        return f"{cell.text_of(made.func.value)}.{name}"
    imported = {a.asname or a.name for n in ast.walk(cell.tree) if isinstance(n, ast.ImportFrom) for a in n.names}
    return name if name in imported else None
