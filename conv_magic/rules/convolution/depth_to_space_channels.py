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
from conv_magic.text.source import Code, argument, called_name

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
    """One diagnosis where a failed `depth_to_space` was given too few or uneven channels."""
    found = _spreading(call, trace) if call.outcome is not Outcome.RETURNED else None
    block = argument(found[1], 1, "block_size") if found else None
    if found is None or block is None:
        return
    cell = found[0]
    size = Evaluator(cell, trace).value(block)
    before = _before(call, trace)
    shape = call.inputs[0] if call.inputs else before.output if before else None
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
        origin=(before.created, f"{name_of(before)} makes {counted(channels, 'channel')}") if before else (None, None),
        fixes=_fixes(before, trace, cell, block, size) if before else (),
    )


def _spreading(call: CallRecord, trace: Trace) -> tuple[Code, ast.Call] | None:
    """The `depth_to_space` in the text: the failed call itself, or what a failed `Lambda` layer does."""
    if call.op == "depth_to_space" and call.layer is None:
        return call_site_of(call, trace)
    made = call_site_of(call, trace) if call.op == "Lambda" else None
    for node in ast.walk(made[1]) if made else ():
        if made and isinstance(node, ast.Call) and called_name(node) == "depth_to_space":
            return made[0], node
    return None


def _before(call: CallRecord, trace: Trace) -> CallRecord | None:
    """The layer that set the channels: the producer, else the last that returned before the failure."""
    if chain := producer_chain(call, trace):
        return layer_setting_channels(chain)
    done = [c for c in graph_of(trace).beside(call) if c.index < call.index and c.outcome is Outcome.RETURNED]
    matching = [c for c in done if not call.inputs or c.output == call.inputs[0]]
    return layer_setting_channels(matching[-1:])


def _fixes(before: CallRecord, trace: Trace, cell: Code, block: ast.expr, size: int) -> Iterator[Fix]:
    made = call_site_of(before, trace)
    given = argument(made[1], 0, "filters") if made else None
    if made is None or given is None:
        return
    meant = _squared(made[0], given, cell, block, trace)
    if meant is not None:
        edits = [made[0].replace(given, meant)]
        yield fix(f"let {name_of(before)} make {size} x {size} channels for each", made[0], edits, Applicability.SURE)
        return
    simple = isinstance(given, ast.Constant | ast.Name | ast.Attribute)
    text = made[0].text_of(given) if simple else f"({made[0].text_of(given)})"
    times = cell.text_of(block) if _is_seen(made[0], cell, made[1], block) else str(size)
    title = f"let {name_of(before)} make {size} x {size} times the channels"
    yield fix(title, made[0], [made[0].replace(given, f"{text} * {times} ** 2")], Applicability.SURE)


def _squared(there: Code, given: ast.expr, here: Code, block: ast.expr, trace: Trace) -> str | None:
    """Filters that were multiplied by the block once, `colours * factor` or `... * factor * 2`, with its square."""
    if not isinstance(given, ast.BinOp) or not isinstance(given.op, ast.Mult) or _has_square(given):
        return None
    size = Evaluator(here, trace).value(block)
    factors = factors_of(given)
    values = [Evaluator(there, trace).value(factor) for factor in factors]
    if size not in values:
        return None
    place = len(values) - 1 - values[::-1].index(size)
    if size in (values[:place] + values[place + 1 :]):
        return None  # it is there twice
    texts = [f"({there.text_of(f)})" if isinstance(f, ast.BinOp) else there.text_of(f) for f in factors]
    texts[place] += " ** 2"
    twice = place + 1
    if size != 2 and twice < len(values) and values[twice] == 2:  # `scale * 2` was meant for `scale ** 2`
        del texts[twice]
    return " * ".join(texts)


def _has_square(node: ast.expr) -> bool:
    return any(isinstance(n, ast.Pow) for n in ast.walk(node))


def _is_seen(there: Code, here: Code, made: ast.Call, block: ast.expr) -> bool:
    """Whether the block's size is known by the same words where the layer is made."""
    if isinstance(block, ast.Constant):
        return True
    return (there is here and isinstance(block, ast.Name) and there.scope_of(made) in (there.scope_of(block),)) or (
        isinstance(block, ast.Name) and _is_global(here, block)
    )


def _is_global(code: Code, name: ast.Name) -> bool:
    bound = code.binding(name)
    return bound is not None and code.scope_of(bound.statement) is code.tree
