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
    """One warning where a residual sum repeats the single channel of its shortcut."""
    if call.outcome is not Outcome.RETURNED or call.op not in _ADDING or len(call.inputs) != 2:
        return
    place = _repeated(call)
    merge = merge_of(call, trace)
    if place is None or merge is None or not _is_shortcut(call, place, trace):
        return
    have, want = call.inputs[place], call.inputs[1 - place]
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
        origin=_origin(merge, place),
        fixes=_fixes(merge, place, want[-1]),
    )


def _repeated(call: CallRecord) -> int | None:
    """Which of two inputs has one channel where the other, of the same size, has many."""
    one, two = call.inputs
    if len(one) != len(two) or len(one) < 3 or one[1:-1] != two[1:-1] or set(one[1:-1]) <= {1}:
        return None
    for place, (have, want) in enumerate(((one, two), (two, one))):
        if have[-1] == 1 and want[-1] not in (1, None):
            return place
    return None


def _is_shortcut(call: CallRecord, place: int, trace: Trace) -> bool:
    """Whether the branch was made from that very input, by layers that were all seen."""
    start = producer_of(call, place, trace)
    at = producer_of(call, 1 - place, trace)
    while at is not None and at != start:
        made = trace.calls[at]
        if len(made.inputs) != 1:
            return False
        before = producer_of(made, 0, trace)
        if before is None:
            return start is None and made.inputs[0] == call.inputs[place]
        at = before
    return at is not None


def _origin(merge: Merge, place: int) -> tuple[Span | None, str | None]:
    """Where the shortcut got its name."""
    part = merge.parts[place] if merge.parts else None
    bound = merge.code.binding(part) if isinstance(part, ast.Name) else None
    if bound is None:
        return None, None
    span = merge.code.span(bound.statement)
    return span, f"{bound.name} is made on line {span.line}"


def _fixes(merge: Merge, place: int, channels: int | None) -> Iterator[Fix]:
    cell, call = merge.code, merge.call
    beside = next((n for n in ast.walk(cell.tree) if isinstance(n, ast.Call) and cell.span(n) == call.created), None)
    beside = beside if beside is not None else merge.node if isinstance(merge.node, ast.Call) else None
    named = layer_name(cell, beside, f"Conv{len(call.inputs[0]) - 2}D") if beside is not None else None
    if named is None or not merge.parts:
        return
    part = merge.parts[place]
    title = f"project the shortcut to {counted(channels, 'channel')}"
    for where in _places(merge, part):
        edits = [wrapped(cell, where, f"{named[0]}({channels}, 1)(", ")"), *named[1]]
        yield fix(title, cell, edits, Applicability.SURE)


def _places(merge: Merge, part: ast.expr) -> Iterator[ast.expr]:
    """Where the shortcut got its own name, if it serves nothing else; then the merge itself."""
    cell = merge.code
    if isinstance(part, ast.Name):
        uses = [n for n in ast.walk(cell.tree) if isinstance(n, ast.Name) and n.id == part.id]
        bound = cell.binding(part)
        if bound is not None and isinstance(bound.value, ast.Name) and len(uses) == 2:
            yield bound.value
    yield part
