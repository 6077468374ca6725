"""A file of weights was saved from a model whose layers have other sizes.

What: `load_weights` needs the same layers with the same shapes; one of them has another.
Why: a network for five classes is to be refined for four: its head has another size, the rest is the same.
Example:

    model = build(n_classes=4)
    model.load_weights("five_classes.weights.h5")

Use instead:

    model.load_weights("five_classes.weights.h5", skip_mismatch=True)

Fix safety: the layers that differ keep their fresh weights and must be trained; all others are loaded.  The file's
shapes are read from Keras' message: the file itself is not opened again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from conv_magic.model import Applicability, CallRecord, Diagnosis, Outcome, Trace
from conv_magic.repair.edits import fix, with_argument
from conv_magic.rules.provenance import code_of
from conv_magic.rules.rule import diagnosed
from conv_magic.source import argument, called_name

code = "weights-of-another-model"

_NET = (
    "import os, tempfile, keras\nfrom keras import layers\n"
    "def net(n):\n"
    "    return keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D({filters}, 3, name='c'), layers.Flatten(),\n"
    "                             layers.Dense(n, name='out')])\n"
    "file = os.path.join(tempfile.mkdtemp(), 'net.weights.h5')\n"
)
VALID: tuple[str, ...] = (_NET.format(filters=2) + "net(3).save_weights(file)\nnet(3).load_weights(file)\n",)
INVALID: tuple[str, ...] = (
    _NET.format(filters=2) + "net(3).save_weights(file)\nother = net(7)\nother.load_weights(file)\n",
    _NET.format(filters="n") + "net(3).save_weights(file)\nother = net(6)\nother.load_weights(filepath=file)\n",
)
_LAYER = re.compile(r"<(\w+) name=([\w.]+), built")
_SHAPES = re.compile(r"variable\.shape=(\([\d, ]*\)), Received: value\.shape=(\([\d, ]*\))")


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """One diagnosis where Keras says that a loaded weight has another shape than the layer's."""
    found = _SHAPES.search(call.error or "")
    cell = code_of(trace, call.span)
    node = cell.call_at(call.span) if cell else None
    if call.outcome is Outcome.RETURNED or found is None or cell is None or node is None:
        return
    if called_name(node) != "load_weights" or argument(node, 1, "skip_mismatch") is not None:
        return
    layer = _LAYER.search(call.error or "")
    who = layer[2] if layer else "a layer"
    edit = with_argument(cell, node, 1, "skip_mismatch", "True")
    yield diagnosed(
        code,
        call,
        f"the file holds weights of {found[2]} for {who}, whose own are {found[1]}",
        layer=who,
        reasons=("a layer takes only weights of its own shape",),
        fixes=(fix("load all layers that fit, and leave this one as it is", cell, [edit], Applicability.SURE),),
    )
