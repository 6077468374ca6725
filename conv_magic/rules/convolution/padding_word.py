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


Padding = str | int | tuple[int | None, ...]
"""What an expression for a padding stands for: a word, or one number or several."""


@dataclass(frozen=True)
class _Convolution:
    """A convolution in the text: the call that makes it, its spatial rank, kernel size and dilation."""

    cell: Code
    node: ast.Call
    n: int
    kernel: tuple[int, ...] | None
    dilation: tuple[int, ...]


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Diagnose a failed call that was given a padding which it does not know."""
    if call.outcome is Outcome.RETURNED:
        return
    site = call_site_of(call, trace)
    function = call.layer is None and function_signature(call.op) is not None
    if site is None or not (function or _is_convolution(call.op)):
        return
    padding = option_of(site[1], "padding", call.op)
    value = _padding_value(site[0], trace, padding) if padding is not None else None
    if padding is None or value is None or _is_valid(value, call.op, function=function):
        return
    fixes = _function_fixes(site[0], padding, value) if function else _layer_fixes(trace, site, padding, value)
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} knows no padding {value!r}",
        reasons=(_valid_words(call.op, function=function),),
        actual=call.inputs[0] if call.inputs else None,
        origin=origin_of(call, trace),
        fixes=fixes,
    )


def _is_convolution(name: str) -> bool:
    """Check whether a Keras layer has a kernel that moves over its input; a recurrent one has two."""
    signature = layer_signature(name) if "LSTM" not in name else None
    return signature is not None and signature.find("kernel_size") is not None


def _padding_value(cell: Code, trace: Trace, padding: ast.expr) -> Padding | None:
    for origin in definitions_of(cell, padding):
        if isinstance(origin, ast.Constant) and isinstance(origin.value, str):
            return origin.value
    return Evaluator(cell, trace).value(padding)


def _is_valid(value: Padding, op: str, *, function: bool) -> bool:
    if function:
        return value in ("SAME", "VALID") or not isinstance(value, str)
    return isinstance(value, str) and value.lower() in {"same", "valid", *(["causal"] if op == "Conv1D" else [])}


def _valid_words(op: str, *, function: bool) -> str:
    if function:
        return 'tf.nn takes "SAME" or "VALID", in capitals'
    return 'it takes "valid", "same" or "causal"' if op == "Conv1D" else 'it takes "valid" or "same"'


def _function_fixes(cell: Code, padding: ast.expr, value: Padding) -> Iterator[Fix]:
    word = str(value).upper().strip()
    near = [word] if word in ("SAME", "VALID") else get_close_matches(word, ("SAME", "VALID"), 1)
    for choice in near or ("SAME", "VALID"):
        sure = Applicability.SURE if near else Applicability.CHOICE
        yield fix(f'use padding="{choice}"', cell, [_with_word(cell, padding, choice)], sure)


def _with_word(cell: Code, padding: ast.expr, word: str) -> Edit:
    literal = next((o for o in definitions_of(cell, padding) if isinstance(o, ast.Constant)), padding)
    return cell.replace(literal, f'"{word}"')


def _layer_fixes(trace: Trace, site: tuple[Code, ast.Call], padding: ast.expr, value: Padding) -> Iterator[Fix]:
    cell, node = site
    layer = _convolution_at(trace, cell, node)
    if isinstance(value, str):
        near = get_close_matches(value.lower().strip(), ("same", "valid"), 1)
        if value.lower() == "causal" and layer.n == 2:
            edits = _zero_padding_first(layer, padding, _causal_padding(layer))
            title = "pad the first axis causally, the other evenly"
            yield from [fix(title, cell, edits, Applicability.SURE)] if edits else []
        for choice in near or ["same"]:
            sure = Applicability.SURE if near else Applicability.CHOICE
            yield fix(f'use padding="{choice}"', cell, [_with_word(cell, padding, choice)], sure)
        return
    nodes = [node for node in ast.walk(cell.tree) if _pads_by_number(node, cell, trace)]
    alike = [_convolution_at(trace, cell, node) for node in nodes]
    for title, repair in (('use padding="same"', _word_for_number), ("pad with zeros first", _zeros_for_number)):
        repairs = [repair(other, trace) or _zeros_for_number(other, trace) for other in alike]
        if repair(layer, trace) and all(repairs):
            yield fix(title, cell, [edit for edits in repairs for edit in edits], Applicability.SURE)


def _pads_by_number(node: ast.AST, cell: Code, trace: Trace) -> TypeGuard[ast.Call]:
    """Check for a convolution with a number for its padding: a habit, so the cell may have several."""
    if not isinstance(node, ast.Call) or not _is_convolution(called_name(node)):
        return False
    given = option_of(node, "padding")
    return given is not None and isinstance(_padding_value(cell, trace, given), int | tuple)


def _padding_of(layer: _Convolution, trace: Trace) -> tuple[ast.expr, tuple[int, ...]]:
    """Return the expression of a padding and its numbers, one for each spatial axis."""
    given = option_of(layer.node, "padding")
    assert given is not None
    value = Evaluator(layer.cell, trace).value(given)
    return given, _per_axis(value, layer.n) or (0,) * layer.n


def _word_for_number(layer: _Convolution, trace: Trace) -> list[Edit]:
    """Put "same" for a padding that pads by just that much, "valid" for 0; no edits for another."""
    stated, sizes = _padding_of(layer, trace)
    if not any(sizes):
        return [layer.cell.replace(stated, '"valid"')]
    spans = zip(sizes, layer.kernel or (), layer.dilation, strict=False)
    if layer.kernel and all(2 * padding == (size - 1) * rate for padding, size, rate in spans):
        return [layer.cell.replace(stated, '"same"')]
    return []


def _zeros_for_number(layer: _Convolution, trace: Trace) -> list[Edit]:
    """Put a `ZeroPadding` layer for the padding, "valid" for 0; no edits where that cannot be written."""
    padding, sizes = _padding_of(layer, trace)
    if not any(sizes):
        return [layer.cell.replace(padding, '"valid"')]
    plain = isinstance(padding, ast.Name | ast.Constant | ast.Tuple)
    return _zero_padding_first(layer, padding, layer.cell.text_of(padding) if plain else str(sizes))


def _convolution_at(trace: Trace, cell: Code, node: ast.Call) -> _Convolution:
    n = spatial_rank_of(called_name(node))
    reader = Evaluator(cell, trace)
    size, rate = option_of(node, "kernel_size"), option_of(node, "dilation_rate")
    kernel = _per_axis(reader.value(size), n) if size is not None else None
    dilation = _per_axis(reader.value(rate), n) if rate is not None else None
    return _Convolution(cell, node, n, kernel, dilation or (1,) * n)


def _per_axis(value: int | tuple[int | None, ...] | None, n: int) -> tuple[int, ...] | None:
    if isinstance(value, int):
        return (value,) * n
    return tuple(v or 0 for v in value) if value is not None and len(value) == n else None


def _causal_padding(layer: _Convolution) -> str | None:
    """Return the padding, as text, that is causal on the first of two axes and even on the other."""
    if layer.kernel is None:
        return None
    first, second = ((size - 1) * rate for size, rate in zip(layer.kernel, layer.dilation, strict=True))
    return f"(({first}, 0), ({second // 2}, {second - second // 2}))"


def _zero_padding_first(layer: _Convolution, given: ast.expr, padding: str | None) -> list[Edit]:
    """Put a `ZeroPadding` layer before this one: around its input, before it in a list, or by `add`."""
    cell, node = layer.cell, layer.node
    spelled = _imported_as(cell, node, f"ZeroPadding{layer.n}D")
    if padding is None or spelled is None:
        return []
    layer_text = f"{spelled}({padding})"
    parent = cell.parent(node)
    valid = cell.replace(given, '"valid"')
    if isinstance(parent, ast.Call) and parent.func is node and len(parent.args) == 1:
        return [valid, wrapped(cell, parent.args[0], f"{layer_text}(", ")")]
    if isinstance(parent, ast.List):
        span = cell.span(node)
        return [Edit(Span(span.cell, span.line, span.column, span.line, span.column), f"{layer_text}, "), valid]
    if isinstance(parent, ast.Call) and called_name(parent) == "add" and isinstance(parent.func, ast.Attribute):
        span = cell.span(parent)
        before = f"{cell.text_of(parent.func)}({layer_text}); "
        return [Edit(Span(span.cell, span.line, span.column, span.line, span.column), before), valid]
    return []


def _imported_as(cell: Code, beside: ast.Call, name: str) -> str | None:
    """Return how the cell can spell another Keras layer beside one, None where it is not imported."""
    if isinstance(beside.func, ast.Attribute):
        return f"{cell.text_of(beside.func.value)}.{name}"
    imported = {a.asname or a.name for n in ast.walk(cell.tree) if isinstance(n, ast.ImportFrom) for a in n.names}
    return name if name in imported else None
