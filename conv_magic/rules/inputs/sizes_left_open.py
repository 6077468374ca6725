"""A layer needs to know sizes that the model leaves open.

What: with `Input((None, None, 3))` height and width are unknown; a layer whose weights count pixels cannot be built.
Why: `PReLU` learns one slope a pixel, a dense layer behind Flatten one weight a pixel; a convolution needs its number
of input channels.
Example:

    x = PReLU()(Conv2D(16, 9)(Input((None, None, 3))))

Use instead:

    x = PReLU(shared_axes=[1, 2])(Conv2D(16, 9)(Input((None, None, 3))))

Fix safety: the input stays open; the layer shares its weights over height and width, or a global pooling comes before.
"""

from __future__ import annotations

from collections.abc import Iterator

from conv_magic.analysis.operands import code_of, origin_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import name_of, spelled
from conv_magic.model.options import DenseOptions, FlattenOptions
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, with_argument
from conv_magic.text.layer_edits import layer_name

code = "sizes-left-open"

VALID: tuple[str, ...] = (
    "from keras import Input, layers\n"
    "y = layers.PReLU(shared_axes=[1, 2])(layers.Conv2D(4, 3)(Input((None, None, 3))))\n",
)
INVALID: tuple[str, ...] = (
    "from keras import Input, layers\nx = layers.Conv2D(4, 3)(Input((None, None, 3)))\ny = layers.PReLU()(x)\n",
    "from keras import Sequential, layers\n"
    "model = Sequential([layers.Input((None, 3)), layers.Conv1D(4, 3), layers.PReLU('zeros')])\n",
    "from keras import Input\nfrom keras.layers import Conv2D, Dense, Flatten\n"
    "x = Flatten()(Conv2D(4, 3)(Input((None, None, 3))))\n"
    "y = Dense(5)(x)\n",
)


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where a layer could not be built because a size is not known."""
    if call.outcome is not Outcome.RAISED or call.layer is None or not call.inputs:
        return
    fixes = tuple(_fixes(call, trace)) if None in call.inputs[0][1:] else ()
    if not fixes:
        return
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} has a weight for each place of {spelled(call.inputs[0])}, whose sizes are not known",
        reasons=("the model's input is declared with None, any size",),
        actual=call.inputs[0],
        origin=origin_of(call, trace),
        fixes=fixes,
    )


def _fixes(call: CallRecord, trace: Trace) -> Iterator[Fix]:
    if call.op == "PReLU":
        yield from _sharing_fixes(call, trace)
    producer = call.producers[0] if call.producers else None
    flat = trace.calls[producer] if producer is not None else None
    if isinstance(call.options, DenseOptions) and flat is not None and isinstance(flat.options, FlattenOptions):
        yield from _pooling_fixes(flat, trace)


def _sharing_fixes(call: CallRecord, trace: Trace) -> Iterator[Fix]:
    """Yield a fix that lets PReLU share its slopes over the spatial axes."""
    cell = code_of(trace, call.created)
    creation = cell.call_at(call.created) if cell else None
    if cell is not None and creation is not None:
        axes = list(range(1, len(call.inputs[0]) - 1))
        edit = with_argument(cell, creation, None, "shared_axes", str(axes))
        title = f"share the slopes over the map: shared_axes={axes}"
        yield fix(title, cell, [edit], Applicability.SURE, call.inputs[0])


def _pooling_fixes(flat: CallRecord, trace: Trace) -> Iterator[Fix]:
    """Yield fixes that put a global pooling in place of Flatten: its size does not depend on that of the image."""
    cell = code_of(trace, flat.created)
    creation = cell.call_at(flat.created) if cell else None
    spatial = len(flat.inputs[0]) - 2
    if cell is None or creation is None or not 1 <= spatial <= 3:
        return
    for kind in ("Average", "Max"):
        name = f"Global{kind}Pooling{spatial}D"
        spelling = layer_name(cell, creation, name)
        if spelling is not None:
            edits = [cell.replace(creation.func, spelling[0]), *spelling[1]]
            yield fix(f"use {name} in place of Flatten", cell, edits, Applicability.CHOICE)
