"""The channels are no multiple of the square of the block that `depth_to_space` spreads them over.

What: `tf.nn.depth_to_space(x, 2)` makes of 4 channels a block of 2 x 2 with one: it needs four times
the channels that it returns.
Why: the convolution before it was given the channels of the image, not those of all the blocks.
Example:

    x = layers.Conv2D(3, 3, padding="same")(x)
    tf.nn.depth_to_space(x, 2)

Use instead:

    x = layers.Conv2D(3 * 2 ** 2, 3, padding="same")(x)

Fix safety: the convolution makes more filters, the image that comes out has the channels that were written.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.arguments import option_of
from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.evaluation import Evaluator, factors_of
from conv_magic.analysis.producers import layer_setting_channels, producer_chain
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import axis_names, counted, name_of
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix
from conv_magic.text.source import Code, called_name

code = "depth-to-space-channels"

VALID: tuple[str, ...] = ("import tensorflow as tf\ny = tf.nn.depth_to_space(tf.zeros((1, 4, 4, 12)), 2)\n",)
INVALID: tuple[str, ...] = (
    "import tensorflow as tf\nfrom tensorflow.keras import layers\n"
    "conv = layers.Conv2D(1, 3, padding='same')\n"
    "y = tf.nn.depth_to_space(conv(tf.zeros((1, 6, 6, 2))), 3)\n",
    "import tensorflow as tf\nfrom tensorflow.keras import layers\nscale = 2\n"
    "x = layers.Conv2D(5, 3, padding='same')(layers.Input((6, 6, 2)))\n"
    "y = layers.Lambda(lambda t: tf.nn.depth_to_space(t, scale))(x)\n",
    "import tensorflow as tf\nfrom tensorflow.keras import layers\n"
    "class Up(layers.Layer):\n"
    "    def __init__(self, colours, factor):\n"
    "        super().__init__()\n"
    "        self.conv = layers.Conv2D(colours, 5, padding='same')\n"
    "        self.factor = factor\n"
    "    def call(self, x):\n"
    "        features = self.conv(x)\n"
    "        return tf.nn.depth_to_space(features, self.factor)\n"
    "y = Up(3, 4)(tf.zeros((2, 5, 5, 8)))\n",
    "import tensorflow as tf\nfrom tensorflow.keras import layers\nfactor, colours = 2, 3\n"
    "x = layers.Conv2D(colours * factor, 3, padding='same')(tf.zeros((1, 6, 6, 2)))\n"
    "y = tf.nn.depth_to_space(x, factor)\n",
    "import tensorflow as tf\nfrom tensorflow.keras import layers\nfactor = 5\n"
    "x = layers.Conv2D(2 * factor * 2, 3, padding='same')(tf.zeros((1, 6, 6, 2)))\n"
    "y = tf.nn.depth_to_space(x, factor)\n",
)


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Diagnose a failed `depth_to_space` whose channels are no multiple of the square of its block."""
    found = _depth_to_space_in_text(call, trace) if call.outcome is not Outcome.RETURNED else None
    block = option_of(found[1], "block_size", "depth_to_space") if found else None
    if found is None or block is None:
        return
    cell = found[0]
    size = Evaluator(cell, trace).value(block)
    setter = _channel_setter(call, trace)
    shape = call.inputs[0] if call.inputs else setter.output if setter else None
    channels = shape[-1] if shape else None
    if not isinstance(size, int) or channels is None or shape is None:
        return
    if size < 2 or channels % size**2 == 0:
        return
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} cannot spread {counted(channels, 'channel')} over blocks of {size} x {size}",
        reasons=(
            f"for {counted(channels, 'channel')} in the result it needs "
            f"{channels} x {size} x {size} = {channels * size**2}",
        ),
        expected=(*shape[:-1], channels * size**2),
        actual=shape,
        axes=(len(shape) - 1,),
        axis_names=axis_names(len(shape)),
        origin=(setter.created, f"{name_of(setter)} makes {counted(channels, 'channel')}") if setter else (None, None),
        fixes=_fixes(setter, trace, cell, block, size) if setter else (),
    )


def _depth_to_space_in_text(call: CallRecord, trace: Trace) -> tuple[Code, ast.Call] | None:
    """Return the `depth_to_space` in the text: the failed call's, or one inside of a failed `Lambda`."""
    if call.op == "depth_to_space" and call.layer is None:
        return call_site_of(call, trace)
    site = call_site_of(call, trace) if call.op == "Lambda" else None
    for node in ast.walk(site[1]) if site else ():
        if site and isinstance(node, ast.Call) and called_name(node) == "depth_to_space":
            return site[0], node
    return None


def _channel_setter(call: CallRecord, trace: Trace) -> CallRecord | None:
    """Return the layer that set the channels: among the producers, else the last one before the failure."""
    if chain := producer_chain(call, trace):
        return layer_setting_channels(chain)
    done = [c for c in graph_of(trace).beside(call) if c.index < call.index and c.outcome is Outcome.RETURNED]
    matching = [c for c in done if not call.inputs or c.output == call.inputs[0]]
    return layer_setting_channels(matching[-1:])


def _fixes(setter: CallRecord, trace: Trace, cell: Code, block: ast.expr, size: int) -> Iterator[Fix]:
    site = call_site_of(setter, trace)
    filters = option_of(site[1], "filters", setter.op) if site else None
    if site is None or filters is None:
        return
    of_layer, node = site
    squared = _squared(of_layer, filters, cell, block, trace)
    if squared is not None:
        edits = [of_layer.replace(filters, squared)]
        yield fix(f"let {name_of(setter)} make {size} x {size} channels for each", of_layer, edits, Applicability.SURE)
        return
    simple = isinstance(filters, ast.Constant | ast.Name | ast.Attribute)
    text = of_layer.text_of(filters) if simple else f"({of_layer.text_of(filters)})"
    times = cell.text_of(block) if _is_in_scope(block, cell, node, of_layer) else str(size)
    title = f"let {name_of(setter)} make {size} x {size} times the channels"
    yield fix(title, of_layer, [of_layer.replace(filters, f"{text} * {times} ** 2")], Applicability.SURE)


def _squared(of_layer: Code, filters: ast.expr, cell: Code, block: ast.expr, trace: Trace) -> str | None:
    """Return filters that were multiplied by the block once, `colours * factor`, with its square; else None."""
    if not isinstance(filters, ast.BinOp) or not isinstance(filters.op, ast.Mult) or _has_power(filters):
        return None
    size = Evaluator(cell, trace).value(block)
    factors = factors_of(filters)
    values = [Evaluator(of_layer, trace).value(factor) for factor in factors]
    if values.count(size) != 1:
        return None
    index = values.index(size)
    texts = [f"({of_layer.text_of(f)})" if isinstance(f, ast.BinOp) else of_layer.text_of(f) for f in factors]
    texts[index] += " ** 2"
    if size != 2 and values[index + 1 : index + 2] == [2]:  # `scale * 2` was meant for `scale ** 2`
        del texts[index + 1]
    return " * ".join(texts)


def _has_power(node: ast.expr) -> bool:
    return any(isinstance(n, ast.Pow) for n in ast.walk(node))


def _is_in_scope(block: ast.expr, cell: Code, node: ast.Call, of_layer: Code) -> bool:
    """Check whether the block's size has the same name where the layer is made."""
    if isinstance(block, ast.Constant):
        return True
    if not isinstance(block, ast.Name):
        return False
    return (of_layer is cell and cell.scope_of(node) is cell.scope_of(block)) or _is_global(cell, block)


def _is_global(code: Code, name: ast.Name) -> bool:
    bound = code.binding(name)
    return bound is not None and code.scope_of(bound.statement) is code.tree
