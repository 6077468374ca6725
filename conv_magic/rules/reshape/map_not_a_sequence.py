"""A recurrent layer was given maps; it works on (batch, steps, features).

What: `LSTM`, `GRU` and their kin take one vector for each step; a map has height, width and channels.
Why: in a model that reads text lines or spectrograms the convolutions' maps go on to a recurrent layer without being
made a sequence; frames of a clip were not flattened.
Example:

    x = layers.MaxPooling2D()(x)                    # (None, 32, 10, 16)
    x = layers.LSTM(64)(x)

Use instead:

    x = layers.TimeDistributed(layers.Flatten())(x)     # (None, 32, 160)
    x = layers.LSTM(64)(x)

Fix safety: the first axis behind the batch becomes the steps, all numbers of a step stay.  Where time runs along
another axis of the map, move it there first (`Permute`).
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.operands import origin_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import name_of, spelled
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.fixes.layer_changes import added_before
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix
from conv_magic.text.layer_edits import layer_name

code = "map-not-a-sequence"

VALID: tuple[str, ...] = (
    "from keras import Input, layers\nx = layers.Conv2D(4, 3)(Input((16, 12, 1)))\n"
    "y = layers.LSTM(5)(layers.Reshape((14, 40))(x))\n",
)
INVALID: tuple[str, ...] = (
    "from keras import Input, layers\nx = layers.Conv2D(4, 3)(Input((16, 12, 1)))\ny = layers.LSTM(5)(x)\n",
    "import keras\nfrom keras.layers import GRU, Conv2D, TimeDistributed\n"
    "model = keras.Sequential([keras.Input((5, 9, 9, 1)), TimeDistributed(Conv2D(3, 3)), GRU(4)])\n",
    "import keras\nfrom keras import layers\nmodel = keras.Sequential()\nmodel.add(keras.Input((20, 8, 2)))\n"
    "model.add(layers.MaxPooling2D((1, 2)))\nmodel.add(layers.Bidirectional(layers.LSTM(4)))\n",
)

_RECURRENT = {"LSTM", "GRU", "SimpleRNN", "Bidirectional", "RNN"}


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where a failed recurrent layer was given an input with more than (batch, steps, features)."""
    if call.outcome is not Outcome.RAISED or call.op not in _RECURRENT or not call.inputs:
        return
    shape = call.inputs[0]
    if len(shape) < 4 or call.producers[:1] == (None,):
        return
    fixes = tuple(_fixes(call, trace, shape))
    if fixes:
        yield diagnosed(
            code,
            call,
            f"{name_of(call)} needs (batch, steps, features); it was given maps of {spelled(shape)}",
            reasons=(f"each of the {shape[1] or 'first'} steps has {' x '.join(map(str, shape[2:]))} numbers",),
            expected=_steps_flattened(shape),
            actual=shape,
            origin=origin_of(call, trace),
            fixes=fixes,
        )


def _steps_flattened(shape: Shape) -> Shape:
    """Return the shape with each step's numbers in one row."""
    return (*shape[:2], None if None in shape[2:] else prod(size or 0 for size in shape[2:]))


def _fixes(call: CallRecord, trace: Trace, shape: Shape) -> Iterator[Fix]:
    call_site = call_site_of(call, trace)
    layer = "Flatten" if None not in shape[2:] else f"GlobalAveragePooling{len(shape) - 3}D"
    spelling = layer_name(*call_site, layer) if call_site else None
    if spelling is None:
        return
    edits = added_before(call, trace, "TimeDistributed", f"{spelling[0]}()")
    if edits is not None:
        all_edits = list(dict.fromkeys((*edits[1], *spelling[1])))
        title = "flatten each step by itself" if layer == "Flatten" else "average each step by itself"
        predicted = _steps_flattened(shape) if layer == "Flatten" else None
        yield fix(f"{title}: TimeDistributed({layer})", edits[0], all_edits, Applicability.SURE, predicted)
