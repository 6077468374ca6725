"""A network from image to image gives back a smaller image than it was given.

What: each valid convolution takes a border off; after four of 3 x 3 the image is 8 pixels smaller each way.
Why: `padding` is "valid" by default, and nothing compares the sizes while the network only predicts.
Example:

    model = keras.Sequential([keras.Input((None, None, 1)), layers.Conv2D(8, 3), layers.Conv2D(1, 3)])
    clean = model.predict(noisy)

Use instead:

    layers.Conv2D(8, 3, padding="same"), layers.Conv2D(1, 3, padding="same")

Fix safety: `padding="same"` at each layer that takes a border off; weights keep their shapes.  Reported only for
networks for images of any size that make as many channels as they take, of two or more such convolutions and nothing
that pools, strides or crops, where no padding is written at all.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.arguments import option_of
from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.producers import last_layer_of, producer_chain
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability
from conv_magic.model.naming import axis_names, name_of
from conv_magic.model.options import ConvOptions, FitOptions, SameShapeOptions
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, with_argument
from conv_magic.text.source import Code

code = "image-shrinks"

VALID: tuple[str, ...] = (
    "import keras, numpy as np\nfrom keras import layers\n"
    "net = keras.Sequential([keras.Input((None, None, 1)), layers.Conv2D(4, 9, padding='valid'),\n"
    "                        layers.Conv2D(1, 5, padding='valid')])\n"
    "y = net.predict(np.zeros((1, 32, 32, 1)), verbose=0)\n",
    "import keras, numpy as np\nfrom keras import layers\n"
    "net = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(8, 3), layers.Conv2D(5, 3)])\n"
    "y = net.predict(np.zeros((1, 32, 32, 3)), verbose=0)\n",
)
INVALID: tuple[str, ...] = (
    "import keras, numpy as np\nfrom keras import layers\n"
    "x = inputs = keras.Input((None, None, 3))\n"
    "for width in (8, 8):\n"
    "    x = layers.ReLU()(layers.Conv2D(width, 5)(x))\n"
    "net = keras.Model(inputs, layers.Conv2D(3, 3)(x))\n"
    "restored = net.predict(np.zeros((2, 40, 40, 3), 'float32'), verbose=0)\n",
)


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Warn where a prediction is smaller than its image because of unpadded convolutions alone."""
    if call.outcome is not Outcome.RETURNED or call.op != "predict" or not isinstance(call.options, FitOptions):
        return
    model = next((c for c in graph_of(trace).inside(call) if c.output is not None), None)
    layers = _layers_of(model, trace) if model is not None else []
    shrinking = [c for c in layers if isinstance(c.options, ConvOptions) and max(c.options.kernel_size) > 1]
    if model is None or len(shrinking) < 2 or not _is_from_image_to_image(layers, trace):
        return
    site = _unpadded(shrinking, trace)
    if site is None:
        return
    given, output = model.inputs[0], model.output or ()
    lost = [(a or 0) - (b or 0) for a, b in zip(given[1:-1], output[1:-1], strict=True)]
    cell, nodes = site
    edits = [with_argument(cell, node, None, "padding", '"same"') for node in nodes]
    yield diagnosed(
        code,
        call,
        f"{name_of(model)} gives back images {' x '.join(map(str, lost))} smaller than it was given"
        if None not in (*given[1:-1], *output[1:-1])
        else f"{name_of(model)} gives back smaller images than it was given",
        span=call.span,
        layer=name_of(model),
        reasons=_reasons(shrinking),
        expected=(*given[:-1], output[-1]),
        actual=output,
        axes=tuple(range(1, len(output) - 1)),
        axis_names=axis_names(len(output)),
        origin=(shrinking[0].created, f"{name_of(shrinking[0])} has no padding"),
        fixes=(fix('pad each convolution: padding="same"', cell, edits, Applicability.SURE),),
    )


def _layers_of(model: CallRecord, trace: Trace) -> list[CallRecord]:
    last = last_layer_of(model, trace)
    return [*producer_chain(last, trace), last] if last is not model else []


def _is_from_image_to_image(layers: list[CallRecord], trace: Trace) -> bool:
    """Check for unstrided convolutions alone between an image of any size and one of as many channels."""
    for call in layers:
        options = call.options
        if isinstance(options, ConvOptions):
            if options.padding != "valid" or max(options.strides) > 1 or options.data_format != "channels_last":
                return False
        elif not isinstance(options, SameShapeOptions):
            return False
    first, last = layers[0], layers[-1]
    built = graph_of(trace).same_layer(first)
    any_size = any(set(c.inputs[0][1:-1]) == {None} for c in built)
    return any_size and last.output is not None and first.inputs[0][-1] == last.output[-1]


def _reasons(shrinking: list[CallRecord]) -> Iterator[str]:
    options = [c.options for c in shrinking if isinstance(c.options, ConvOptions)]
    taken = [(o.kernel_size[0] - 1) * o.dilation_rate[0] for o in options]
    yield f"each valid convolution takes its kernel's size - 1: {' + '.join(map(str, taken))} = {sum(taken)}"


def _unpadded(shrinking: list[CallRecord], trace: Trace) -> tuple[Code, list[ast.Call]] | None:
    """Return the cell and the calls that make the layers; None if one states its padding or the cell crops."""
    sites = {site: call.op for call in shrinking if (site := call_site_of(call, trace)) is not None}
    cells = {code.cell for code, _ in sites}
    if len(cells) != 1 or any(call_site_of(call, trace) is None for call in shrinking):
        return None
    cell = next(iter(sites))[0]
    padded = any(option_of(node, "padding", op) is not None for (_, node), op in sites.items())
    if padded or any(word in cell.text.lower() for word in ("crop", "valid")):
        return None
    return cell, [node for _, node in sites]
