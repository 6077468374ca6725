"""A network that was built on images of one size is called on another, and its dense layer counts the values.

What: a convolution takes images of any size, a dense layer behind `Flatten` one number of values only.
Why: the first call decides that number; a second call brings larger or smaller images.
Example:

    net = SmallNet()                        # Conv2D, Flatten, Dense
    net(tf.zeros((1, 32, 32, 3)))
    net(tf.zeros((1, 48, 48, 3)))

Use instead:

    net(tf.image.resize(tf.zeros((1, 48, 48, 3)), (32, 32)))

Fix safety: resizing keeps the network and what it has learnt; averaging over the maps lets it take any size, with fewer
weights.
"""

from __future__ import annotations

from collections.abc import Iterator

from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.operands import module_alias, operand_of, origin_of
from conv_magic.analysis.producers import producer_chain
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import name_of, spelled
from conv_magic.model.options import DenseOptions, FlattenOptions
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, wrapped
from conv_magic.text.layer_edits import layer_name

code = "built-at-another-size"

_NET = (
    "import tensorflow as tf\nfrom keras import Model, layers\n"
    "class Net(Model):\n"
    "    def __init__(self):\n"
    "        super().__init__()\n"
    "        self.look, self.{name}, self.say = layers.Conv2D(3, 3), layers.{layer}(), layers.Dense(2)\n"
    "    def call(self, images):\n"
    "        return self.say(self.{name}(self.look(images)))\n"
    "net = Net()\n"
    "small = net(tf.zeros((1, 10, 10, 1)))\n"
)
VALID: tuple[str, ...] = (
    _NET.format(name="mean", layer="GlobalAveragePooling2D") + "large = net(tf.zeros((1, 12, 12, 1)))\n",
)
INVALID: tuple[str, ...] = (
    _NET.format(name="flat", layer="Flatten") + "photos = tf.zeros((2, 14, 14, 1))\nlarge = net(photos)\n",
)


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where a dense layer behind a flattened map ran before, on a map of another size."""
    if call.outcome is not Outcome.RAISED or not isinstance(call.options, DenseOptions) or call.kernel is None:
        return
    flat = next((c for c in reversed(producer_chain(call, trace)) if isinstance(c.options, FlattenOptions)), None)
    have, want = call.inputs[0][-1], call.kernel[0]
    if flat is None or flat.output is None or flat.output[-1] != have or have == want or len(call.inputs[0]) != 2:
        return
    outer = _outermost_model(call, trace)
    earlier = _earlier_input(outer, trace)
    if earlier is None:
        return
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} was built for {want} values; this map, flattened, has {have}",
        reasons=(
            f"{name_of(outer)} was built on {spelled(earlier)}; it is called on {spelled(outer.inputs[0])}",
            "the dense layer behind the flattened map takes one number of values only",
        ),
        expected=(call.inputs[0][0], want),
        actual=call.inputs[0],
        axes=(1,),
        axis_names=("batch", "features"),
        origin=origin_of(outer, trace),
        fixes=(*_resize_fixes(outer, earlier, trace), *_average_fixes(flat, trace)),
    )


def _outermost_model(call: CallRecord, trace: Trace) -> CallRecord:
    """Return the outermost model of one input around the call, called by the user's own line or by `fit`."""
    while (
        call.parent is not None
        and trace.calls[call.parent].layer is not None
        and _is_in_model_of_one_input(call, trace)
    ):
        call = trace.calls[call.parent]
    return call


def _is_in_model_of_one_input(call: CallRecord, trace: Trace) -> bool:
    """Check whether the call around is that of a model with one input."""
    around = graph_of(trace).parent_of(call)
    return around is not None and around.options is None and len(around.inputs) == 1


def _earlier_input(outer: CallRecord, trace: Trace) -> Shape | None:
    """Return what the same model was given when it ran before, in another size than now."""
    for call in graph_of(trace).of_layer(outer.layer):
        same = call.index < outer.index and call.op == outer.op and call.outcome is Outcome.RETURNED
        if same and call.inputs and len(call.inputs[0]) == len(outer.inputs[0]) and call.inputs != outer.inputs:
            return call.inputs[0]
    return None


def _resize_fixes(outer: CallRecord, earlier: Shape, trace: Trace) -> Iterator[Fix]:
    """Yield a fix that resizes the images to the earlier size."""
    operand = operand_of(outer, trace)
    tensorflow = module_alias(operand.code, "tensorflow") if operand else None
    if operand is None or tensorflow is None or len(earlier) != 4 or None in earlier[1:3]:
        return
    if earlier[-1] != outer.inputs[0][-1]:
        return
    edit = wrapped(operand.code, operand.value, f"{tensorflow}.image.resize(", f", ({earlier[1]}, {earlier[2]}))")
    title = f"resize the images to {earlier[1]} x {earlier[2]}"
    yield fix(title, operand.code, [edit], Applicability.SURE)


def _average_fixes(flat: CallRecord, trace: Trace) -> Iterator[Fix]:
    """Yield a fix that averages over the map in place of flattening it."""
    call_site = call_site_of(flat, trace)
    if call_site is None or len(flat.inputs[0]) < 3:
        return
    cell, creation = call_site
    spelling = layer_name(cell, creation, f"GlobalAveragePooling{len(flat.inputs[0]) - 2}D")
    if spelling is not None and not creation.args and not creation.keywords:
        edits = [cell.replace(creation.func, spelling[0]), *spelling[1]]
        yield fix("average over the map, whatever its size", cell, edits, Applicability.CHOICE)
