"""A layer for one number of spatial axes works on an input with another.

What: `Conv1D`, `MaxPooling2D`, `SpatialDropout3D` and their kin each need exactly that many spatial axes.
Why: a layer was left over when a model moved from series to images or to volumes; sequences went to a layer for images;
frames of a video went to one as well.
Example:

    x = layers.Conv2D(8, 3)(images)
    x = layers.SpatialDropout1D(0.1)(x)

Use instead:

    x = layers.SpatialDropout2D(0.1)(x)

Fix safety: the layer's own numbers stay; its namesake for the input's number of axes takes its place.  Where the extra
axis is time, the layers can be applied to each frame instead.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from conv_magic.analysis.operands import code_of, origin_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import axis_names, name_of, spelled
from conv_magic.model.positions import Edit
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix
from conv_magic.text.layer_edits import layer_name
from conv_magic.text.source import Code, called_name

code = "dimensionality-differs"

VALID: tuple[str, ...] = (
    "from keras import Input, layers\nx = layers.SpatialDropout2D(0.1)(layers.Conv2D(4, 3)(Input((12, 12, 1))))\n",
    "from keras import Input, layers\nx = layers.TimeDistributed(layers.Conv2D(4, 3))(Input((5, 12, 12, 1)))\n",
)
INVALID: tuple[str, ...] = (
    "from keras import Input, layers\n"
    "x = layers.Conv2D(4, 3)(Input((12, 12, 1)))\n"
    "y = layers.SpatialDropout1D(0.1)(x)\n",
    "import keras\nfrom keras.layers import Conv2D, GlobalMaxPooling1D\n"
    "model = keras.Sequential([keras.Input((12, 12, 1)), Conv2D(4, 3), GlobalMaxPooling1D()])\n",
    "from keras import Input, layers\n"
    "words = layers.Embedding(50, 8)(Input((20,)))\n"
    "y = layers.GlobalAveragePooling2D()(layers.Conv1D(4, 3)(words))\n",
    "import keras\nfrom keras.layers import LSTM, Conv2D, Flatten, MaxPooling2D, TimeDistributed\n"
    "model = keras.Sequential()\n"
    "model.add(keras.Input((6, 12, 12, 3)))\n"
    "model.add(Conv2D(4, 3))\n"
    "model.add(MaxPooling2D())\n"
    "model.add(TimeDistributed(Flatten()))\n"
    "model.add(LSTM(5))\n",
    "from keras import Input, layers\n"
    "clip = Input((6, 12, 12, 3))\n"
    "x = layers.Conv2D(4, 3)(clip)\n"
    "x = layers.GlobalAveragePooling2D()(x)\n"
    "y = layers.GRU(5)(x)\n",
    "import keras\nfrom keras import layers\n"
    "model = keras.Sequential([\n"
    "    keras.Input((40, 6)),\n"
    "    layers.Conv2D(8, 5),\n"
    "    layers.MaxPooling1D(2),\n"
    "    layers.LSTM(4),\n"
    "])\n",
)

_DIMENSIONS = re.compile(r"([123])D$")
_OVER_TIME = {"LSTM", "GRU", "SimpleRNN", "RNN", "Bidirectional", "TimeDistributed", "ConvLSTM2D", "ConvLSTM1D"}
_SEQUENCES = {"Embedding", "LSTM", "GRU", "SimpleRNN", "Bidirectional", "Conv1D", "MaxPooling1D", "SeparableConv1D"}


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where a failed layer's name tells another number of spatial axes than its input has."""
    found = _DIMENSIONS.search(call.op)
    if call.outcome is not Outcome.RAISED or not call.inputs or found is None or call.layer is None:
        return
    have, want = len(call.inputs[0]) - 2, int(found[1])
    if have == want or not 1 <= have <= 3 or (have < want and not _layer_is_wrong_kind(call, trace, have)):
        return
    fixes = tuple(_fixes(call, trace, have, want))
    if have < want and not fixes:
        return
    names = axis_names(want + 2)
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} works on {want} spatial {'axis' if want == 1 else 'axes'}; "
        f"{spelled(call.inputs[0])} has {have}",
        reasons=(f"a {call.op} needs ({', '.join(names)})",),
        expected=(None,) * (want + 2),
        actual=call.inputs[0],
        axis_names=names,
        origin=origin_of(call, trace),
        fixes=fixes,
    )


def _layer_is_wrong_kind(call: CallRecord, trace: Trace, have: int) -> bool:
    """Check whether the layer is of the wrong kind, rather than the data lacking an axis."""
    return _comes_from_layer(call, trace) or _later_layers_match(call, trace, have)


def _later_layers_match(call: CallRecord, trace: Trace, have: int) -> bool:
    """Check whether the layers behind it in the text are for as many axes as the input has."""
    cell = code_of(trace, call.created)
    creation = cell.call_at(call.created) if cell else None
    later = [called_name(node) for node in _layers_from(cell, creation)[1:]] if cell and creation else []
    kinds = [found[1] for found in map(_DIMENSIONS.search, later) if found]
    over_steps = have == 1 and any(name in _OVER_TIME - {"TimeDistributed"} for name in later)
    fitting = str(have) in kinds or over_steps
    return fitting and not any("Reshape" in name or "Time" in name for name in later)


def _comes_from_layer(call: CallRecord, trace: Trace) -> bool:
    """Check whether layers of sequences or images made the input."""
    producer = call.producers[0] if call.producers else None
    while producer is not None:
        producer_call = trace.calls[producer]
        if producer_call.op in _SEQUENCES or _DIMENSIONS.search(producer_call.op):
            return True
        producer = producer_call.producers[0] if len(producer_call.producers) == 1 else None
    return False


def _fixes(call: CallRecord, trace: Trace, have: int, want: int) -> Iterator[Fix]:
    cell = code_of(trace, call.created)
    creation = cell.call_at(call.created) if cell else None
    if cell is None or creation is None:
        return
    if have == want + 1 and any(called_name(n) in _OVER_TIME for n in ast.walk(cell.tree) if isinstance(n, ast.Call)):
        edits = _over_frames(cell, creation)
        if edits:
            yield fix("apply the layers to each frame: TimeDistributed", cell, edits, Applicability.SURE)
            return
    edits = _layer_renamed(cell, creation, have)
    edits_of_all = _layers_renamed(cell, creation, want, have) if edits else []
    if len(edits_of_all) > len(edits):
        yield fix(f"use the {have}-D layers from here on", cell, edits_of_all, Applicability.SURE)
    elif edits:
        yield fix(f"use {_DIMENSIONS.sub(f'{have}D', called_name(creation))}", cell, edits, Applicability.SURE)


def _layer_renamed(cell: Code, creation: ast.Call, have: int) -> list[Edit]:
    """Return the edits that put the layer for `have` axes in its place; none where a tuple counts the old axes."""
    name = _DIMENSIONS.sub(f"{have}D", called_name(creation))
    arguments = [*creation.args, *(k.value for k in creation.keywords if k.arg != "input_shape")]
    spelling = layer_name(cell, creation, name)
    if name == called_name(creation) or spelling is None or any(isinstance(a, ast.Tuple | ast.List) for a in arguments):
        return []
    return [cell.replace(creation.func, spelling[0]), *spelling[1]]


def _layers_renamed(cell: Code, creation: ast.Call, want: int, have: int) -> list[Edit]:
    """Return the edits that rename all layers of the function for `want` axes, from this one on."""
    edits: dict[Edit, None] = {}
    for node in _layers_from(cell, creation):
        if called_name(node).endswith(f"{want}D"):
            edits.update(dict.fromkeys(_layer_renamed(cell, node, have)))
    return list(edits)


def _over_frames(cell: Code, creation: ast.Call) -> list[Edit]:
    """Return the edits that wrap the layers of images from this one on in TimeDistributed.

    The first layer that works over time, and those behind it, stay.
    """
    spelling = layer_name(cell, creation, "TimeDistributed")
    if spelling is None:
        return []
    edits: list[Edit] = [*spelling[1]]
    for node in _layers_from(cell, creation):
        if called_name(node) in _OVER_TIME - {"TimeDistributed"}:
            break
        is_wrapped = any(isinstance(n, ast.Call) and called_name(n) == "TimeDistributed" for n in cell.around(node))
        if not is_wrapped and (_DIMENSIONS.search(called_name(node)) or called_name(node) == "Flatten"):
            edits.append(cell.replace(node, f"{spelling[0]}({cell.text_of(node)})"))
    return edits


def _layers_from(cell: Code, creation: ast.Call) -> list[ast.Call]:
    """Return the calls in the same function that make layers, from this one on in the order of the text."""
    scope = cell.scope_of(creation)
    calls = (n for n in ast.walk(scope) if isinstance(n, ast.Call) and cell.scope_of(n) is scope)
    layers = (n for n in calls if called_name(n)[:1].isupper() and not isinstance(n.func, ast.Call))
    start = (creation.lineno, creation.col_offset)
    return sorted((n for n in layers if (n.lineno, n.col_offset) >= start), key=lambda n: (n.lineno, n.col_offset))
