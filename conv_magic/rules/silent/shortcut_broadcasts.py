"""A shortcut of one channel is repeated over all channels of the branch it is added to.

What: adding (.., 1) to (.., 24) raises no error: the one channel is added to each of the 24.
Why: the block was written for inputs that have the block's own number of channels already; its first input, a grayscale
image or a single series, has one.
Example:

    h = layers.Conv1D(24, 3, padding="same")(series)      # series is (None, 64, 1)
    layers.Add()([series, h])

Use instead:

    layers.Add()([layers.Conv1D(24, 1)(series), h])

Fix safety: a projection adds weights to the shortcut, as residual networks do where channels change.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.merges import Merge, merge_of
from conv_magic.analysis.what_if import producer_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import axis_names, counted, name_of, spelled
from conv_magic.model.positions import Span
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, wrapped
from conv_magic.text.layer_edits import layer_name

code = "shortcut-broadcasts"

_START = "import keras\nfrom keras import layers\n"
VALID: tuple[str, ...] = (
    _START + "x = keras.Input((16, 16, 8))\nmask = layers.Conv2D(1, 1)(x)\ny = layers.Multiply()([x, mask])\n",
    _START + "a, b = keras.Input((16, 16, 8)), keras.Input((16, 16, 1))\ny = layers.Add()([a, b])\n",
)
INVALID: tuple[str, ...] = (
    _START + "x = keras.Input((16, 16, 1))\nh = layers.Conv2D(8, 3, padding='same')(x)\ny = layers.Add()([h, x])\n",
    _START + "x = keras.Input((40, 1))\n"
    "skip = x\n"
    "for _ in range(2):\n"
    "    x = layers.Conv1D(6, 3, padding='causal')(x)\n"
    "total = layers.add([skip, x])\n",
)

_ADDING = {"Add", "Average", "Subtract"}


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a warning where a residual sum repeats the single channel of its shortcut."""
    if call.outcome is not Outcome.RETURNED or call.op not in _ADDING or len(call.inputs) != 2:
        return
    index = _index_repeated(call)
    merge = merge_of(call, trace)
    if index is None or merge is None or not _is_shortcut(call, index, trace):
        return
    have, want = call.inputs[index], call.inputs[1 - index]
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} adds the one channel of its shortcut to each of {want[-1]}",
        reasons=(
            f"the shortcut is {spelled(have)}, the branch is {spelled(want)}",
            "a residual sum adds channel to channel",
        ),
        expected=(*have[:-1], want[-1]),
        actual=have,
        axes=(len(have) - 1,),
        axis_names=axis_names(len(have)),
        origin=_origin_of_shortcut(merge, index),
        fixes=_fixes(merge, index, want[-1]),
    )


def _index_repeated(call: CallRecord) -> int | None:
    """Return the index of the input that has one channel where the other, of the same size, has many."""
    first, second = call.inputs
    if len(first) != len(second) or len(first) < 3 or first[1:-1] != second[1:-1] or set(first[1:-1]) <= {1}:
        return None
    for index, (have, want) in enumerate(((first, second), (second, first))):
        if have[-1] == 1 and want[-1] not in (1, None):
            return index
    return None


def _is_shortcut(call: CallRecord, index: int, trace: Trace) -> bool:
    """Check whether the branch was made from that very input, by layers that were all seen."""
    start = producer_of(call, index, trace)
    producer = producer_of(call, 1 - index, trace)
    while producer is not None and producer != start:
        layer_call = trace.calls[producer]
        if len(layer_call.inputs) != 1:
            return False
        before = producer_of(layer_call, 0, trace)
        if before is None:
            return start is None and layer_call.inputs[0] == call.inputs[index]
        producer = before
    return producer is not None


def _origin_of_shortcut(merge: Merge, index: int) -> tuple[Span | None, str | None]:
    """Return where the shortcut got its name, and that in words."""
    part = merge.parts[index] if merge.parts else None
    binding = merge.code.binding(part) if isinstance(part, ast.Name) else None
    if binding is None:
        return None, None
    span = merge.code.span(binding.statement)
    return span, f"{binding.name} is made on line {span.line}"


def _fixes(merge: Merge, index: int, channels: int | None) -> Iterator[Fix]:
    cell, call = merge.code, merge.call
    example = next((n for n in ast.walk(cell.tree) if isinstance(n, ast.Call) and cell.span(n) == call.created), None)
    example = example if example is not None else merge.node if isinstance(merge.node, ast.Call) else None
    spelling = layer_name(cell, example, f"Conv{len(call.inputs[0]) - 2}D") if example is not None else None
    if spelling is None or not merge.parts:
        return
    part = merge.parts[index]
    title = f"project the shortcut to {counted(channels, 'channel')}"
    for expression in _expressions_of_shortcut(merge, part):
        edits = [wrapped(cell, expression, f"{spelling[0]}({channels}, 1)(", ")"), *spelling[1]]
        yield fix(title, cell, edits, Applicability.SURE)


def _expressions_of_shortcut(merge: Merge, part: ast.expr) -> Iterator[ast.expr]:
    """Yield what the shortcut got its own name from, if it serves nothing else; then the operand of the merge."""
    cell = merge.code
    if isinstance(part, ast.Name):
        uses = [n for n in ast.walk(cell.tree) if isinstance(n, ast.Name) and n.id == part.id]
        binding = cell.binding(part)
        if binding is not None and isinstance(binding.value, ast.Name) and len(uses) == 2:
            yield binding.value
    yield part
