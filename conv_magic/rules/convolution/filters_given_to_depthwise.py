"""A depthwise convolution was given filters, as `Conv2D` is.

What: `DepthwiseConv2D(kernel_size, strides)` has no filters: with `(96, 3)` it moves a kernel of 96 x 96 in steps of 3.
Why: a `Conv2D(96, 3)` was turned into a depthwise one, and the number of its filters stayed.
Example:

    layers.DepthwiseConv2D(96, 3, padding="same")(x)      # x is (None, 24, 24, 96)

Use instead:

    layers.DepthwiseConv2D(3, padding="same")(x)

Fix safety: there are as many filters as channels, which is what was written; the kernel is the small one.
Reported only where the first number is that of the input's channels and such a kernel is larger than the map.
"""

from __future__ import annotations

from collections.abc import Iterator

from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability
from conv_magic.model.naming import channel_axis, counted, name_of
from conv_magic.model.options import DepthwiseConvOptions
from conv_magic.model.positions import Edit, Span
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix

code = "filters-given-to-depthwise"

VALID: tuple[str, ...] = (
    "import keras\ny = keras.layers.DepthwiseConv2D(3, 2)(keras.Input((9, 9, 3)))\n",
    "import keras\ny = keras.layers.DepthwiseConv2D(9)(keras.Input((9, 9, 9)))\n",
)
INVALID: tuple[str, ...] = (
    "import keras\nfrom keras import layers\nx = keras.Input((12, 12, 32))\n"
    "y = layers.Add()([x, layers.DepthwiseConv2D(32, 3, padding='same')(x)])\n",
    "import keras\nfrom keras import layers\nwide = 24\nx = layers.Conv2D(wide, 1)(keras.Input((12, 12, 3)))\n"
    "y = layers.DepthwiseConv2D(wide, 5)(x)\n",
    "import keras\nfrom keras import layers\n"
    "net = keras.Sequential([keras.Input((20, 16)), layers.Conv1D(40, 3), layers.DepthwiseConv1D(40, 3)])\n",
    "import keras\ny = keras.layers.DepthwiseConv2D(16, 3, padding='same')(keras.Input((8, 8, 16)))\n",
)
_LARGEST_KERNEL = 11


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Diagnose such a layer at the failed call after it, or at the layer itself where all calls returned."""
    failed = call.outcome is not Outcome.RETURNED
    if failed:
        layer = next((c for c in (*trace.calls[: call.index], call) if _has_filters_as_kernel(c, trace)), None)
    else:
        layer = call if _has_filters_as_kernel(call, trace) and graph_of(trace).all_returned else None
    site = call_site_of(layer, trace) if layer is not None else None
    if layer is None or site is None:
        return
    cell, node = site
    filters, kernel = (cell.text_of(argument) for argument in node.args[:2])
    before, after = cell.span(node.args[0]), cell.span(node.args[1])
    edit = Edit(Span(before.cell, before.line, before.column, after.line, after.column), "")
    origin = layer.created or layer.span
    channels = layer.inputs[0][channel_axis(layer, len(layer.inputs[0]))] or 0
    yield diagnosed(
        code,
        call,
        f"{name_of(layer)} takes no filters: it lays a kernel of {filters} in steps of {kernel}",
        reasons=(f"its arguments are kernel_size and strides; it makes {counted(channels, 'channel')} by itself",),
        actual=layer.inputs[0],
        origin=(origin, f"the layer is made on line {origin.line}") if origin is not None else (None, None),
        fixes=(fix(f"give the kernel only: {kernel}", cell, [edit], Applicability.SURE),),
    )


def _has_filters_as_kernel(call: CallRecord, trace: Trace) -> bool:
    """Check for a kernel as large as the number of channels and larger than the map, with the strides of a kernel."""
    site = call_site_of(call, trace) if isinstance(call.options, DepthwiseConvOptions) and call.layer else None
    if site is None or len(site[1].args) < 2 or not call.inputs or not call.op.startswith("Depthwise"):
        return False
    shape, strides = call.inputs[0], Evaluator(site[0], trace).value(site[1].args[1])
    last = channel_axis(call, len(shape))
    sizes = [size for axis, size in enumerate(shape[1:], 1) if axis != last and size is not None]
    kernel = call.options.kernel_size[0] if isinstance(call.options, DepthwiseConvOptions) else 0
    small = isinstance(strides, int) and 1 < strides <= _LARGEST_KERNEL
    return small and kernel == shape[last] and any(kernel > size for size in sizes)
