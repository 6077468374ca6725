"""A layer for images follows a ready-made network that already ends in a vector.

What: the networks of `keras.applications` end with their own classifier unless `include_top=False`, and with a global
pooling where `pooling=` asks for one; what comes out has no height and width any more.
Why: `include_top` is True where nothing is said.
Example:

    base = MobileNet(weights=None, input_shape=(96, 96, 3))
    x = layers.GlobalAveragePooling2D()(base.output)

Use instead:

    base = MobileNet(weights=None, input_shape=(96, 96, 3), include_top=False)

Fix safety: the network is used as a feature extractor, as the layers after it show that it was meant.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.networks import is_network
from conv_magic.analysis.operands import code_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability
from conv_magic.model.naming import name_of, spelled
from conv_magic.model.positions import Edit
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, with_argument
from conv_magic.text.source import Code, called_name

code = "backbone-ends-in-vector"

VALID: tuple[str, ...] = (
    "import keras\nfrom keras import layers\n"
    "base = keras.applications.MobileNet(weights=None, alpha=0.25, input_shape=(32, 32, 3), include_top=False)\n"
    "x = layers.GlobalAveragePooling2D()(base.output)\n",
)
INVALID: tuple[str, ...] = (
    "import keras\nfrom keras import layers\n"
    "base = keras.applications.MobileNet(weights=None, alpha=0.25, input_shape=(32, 32, 3))\n"
    "x = layers.GlobalAveragePooling2D()(base.output)\n",
    "import keras\nfrom keras import layers\nfrom keras.applications import MobileNet\n"
    "model = keras.Sequential([\n"
    "    MobileNet(weights=None, alpha=0.25, input_shape=(32, 32, 3), include_top=True),\n"
    "    layers.Conv2D(4, 1),\n"
    "])\n",
    "import keras\nfrom keras import layers\nfrom keras.applications import MobileNet\n"
    "image = keras.Input((32, 32, 3))\n"
    "base = MobileNet(weights=None, alpha=0.25, input_shape=(32, 32, 3), include_top=False, pooling='avg')\n"
    "x = layers.GlobalMaxPooling2D()(base(image))\n",
)


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where a failed layer of images was given the vector of a ready-made network."""
    producer = call.producers[0] if call.producers else None
    if call.outcome is not Outcome.RAISED or producer is None or len(call.inputs[0]) != 2 or call.accepts is None:
        return
    before = trace.calls[producer]
    creation = _network_creation(before, trace)
    if len(call.accepts) < 3 or creation is None:
        return
    cell, node = creation
    edit, title = _map_output(cell, node)
    span = cell.span(node)
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} works on images; {called_name(node)} already ends in {spelled(call.inputs[0])}",
        reasons=("include_top is True where nothing is said",) if "include_top" in edit.text else (),
        expected=call.accepts,
        actual=call.inputs[0],
        origin=(span, f"{called_name(node)} is made on line {span.line}"),
        fixes=(fix(title, cell, [edit], Applicability.SURE),),
    )


def _network_creation(call: CallRecord, trace: Trace) -> tuple[Code, ast.Call] | None:
    """Return the call in the text that makes the network: of a layer inside it, or of the network called as a whole."""
    for span in (call.created, call.span):
        cell = code_of(trace, span)
        node = cell.call_at(span) if cell else None
        if cell is not None and node is not None and is_network(called_name(node)):
            return cell, node
    return None


def _map_output(cell: Code, node: ast.Call) -> tuple[Edit, str]:
    """Return the edit that makes the network end in a map, and its title."""
    for keyword in node.keywords:
        if keyword.arg == "include_top" and isinstance(keyword.value, ast.Constant) and keyword.value.value is False:
            pooling = next((k for k in node.keywords if k.arg == "pooling"), None)
            if pooling is not None:
                return cell.replace(pooling.value, "None"), "leave out the network's own pooling"
    return with_argument(cell, node, None, "include_top", "False"), "leave out the network's classifier"
