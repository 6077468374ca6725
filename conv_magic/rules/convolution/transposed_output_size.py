"""A transposed convolution makes another size than is asked of it.

What: a convolution with strides of 2 makes 12 of 23 and of 24; its transpose does not know which to go back to.
Keras takes `output_padding` for that, `tf.nn.conv2d_transpose` the whole `output_shape`.
Why: an odd size is halved and doubled; a stated output shape lacks its batch, or its sizes do not suit the strides.
Example:

    layers.Conv2D(16, 3, strides=2, padding="same")         # 23 becomes 12
    layers.Conv2DTranspose(1, 3, strides=2, padding="same") # 12 becomes 24

Use instead:

    layers.Conv2DTranspose(1, 3, strides=2, padding="same", output_padding=0)

Fix safety: no weight changes; the sizes are those that the arithmetic says will come out.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, groupby, product

from conv_magic import arithmetic
from conv_magic.analysis.arguments import option_of, with_option
from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.definitions import sequence_behind
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.expected_outputs import problem_of
from conv_magic.analysis.operands import module_alias, origin_of
from conv_magic.analysis.producers import producer_chain
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import axis_names, data_format_of, name_of, spelled
from conv_magic.model.options import ConvTransposeOptions, LossOptions
from conv_magic.model.positions import Span
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import bracketed, fix
from conv_magic.text.source import Code

code = "transposed-output-size"

VALID: tuple[str, ...] = (
    "import tensorflow as tf\n"
    "y = tf.nn.conv2d_transpose(tf.zeros((1, 5, 5, 3)), tf.zeros((3, 3, 2, 3)), [1, 9, 9, 2], 2)\n",
)
INVALID: tuple[str, ...] = (
    "import keras, numpy as np\nfrom keras import layers\n"
    "x = np.zeros((4, 15, 15, 2), 'float32')\n"
    "net = keras.Sequential([\n"
    "    keras.Input((15, 15, 2)),\n"
    "    layers.Conv2D(8, 3, strides=2, padding='same'),\n"
    "    layers.Conv2DTranspose(4, 3, strides=2, padding='same'),\n"
    "    layers.Conv2D(2, 3, padding='same'),\n"
    "])\n"
    "net.compile('adam', 'mse')\n"
    "net.fit(x, x, verbose=0)\n",
    "import keras, numpy as np\nfrom keras import layers\n"
    "waves = np.zeros((4, 30, 1), 'float32')\n"
    "i = keras.Input((30, 1))\n"
    "h = layers.Conv1D(8, 3, strides=2)(i)\n"
    "o = layers.Conv1DTranspose(1, 3, strides=2)(h)\n"
    "net = keras.Model(i, o)\nnet.compile('adam', 'mae')\nnet.evaluate(waves, waves, verbose=0)\n",
    "import tensorflow as tf\n"
    "y = tf.nn.conv2d_transpose(tf.zeros((1, 5, 5, 3)), tf.zeros((3, 3, 2, 3)), [1, 15, 15, 2], 2)\n",
    "import tensorflow as tf\nside, several = 5, 4\n"
    "for maps in tf.data.Dataset.from_tensor_slices(tf.zeros((9, side, side, 3))).batch(several):\n"
    "    y = tf.nn.conv2d_transpose(maps, tf.zeros((3, 3, 2, 3)), [several, 10, 10, 2], 2)\n",
    "import tensorflow as tf\nside, depth = 10, 2\n"
    "y = tf.nn.conv2d_transpose(tf.zeros((4, 5, 5, 3)), tf.zeros((3, 3, 2, 3)), (1, side, side, depth), 2)\n",
    "import keras\nlayer = keras.layers.Conv2DTranspose(4, 3, strides=2, output_padding=2)\n",
    "import tensorflow as tf\n"
    "y = tf.nn.conv2d_transpose(tf.zeros((3, 6, 6, 4)), tf.zeros((3, 3, 2, 4)), [3, 12, 12, 2], 2, 'VALID')\n",
    "import tensorflow as tf\n"
    "y = tf.nn.conv1d_transpose(tf.zeros((2, 20, 6)), tf.zeros((5, 3, 6)), (2, 40, 3), strides=4, padding='SAME')\n",
)
_MOST_LAYERS = 5
_MOST_TRIES = 200
_REASONS = {
    arithmetic.Reason.OUTPUT_SIZE,
    arithmetic.Reason.SIZES,
    arithmetic.Reason.RANK,
    arithmetic.Reason.CHANNELS,
}


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Diagnose labels of another size than a transposed convolution makes, or a stated size that it cannot make."""
    if call.outcome not in (Outcome.RAISED, Outcome.GUARDED):
        return
    if isinstance(call.options, LossOptions):
        yield from _beside_labels(call, trace)
    elif isinstance(call.options, ConvTransposeOptions) and call.layer is None:
        yield from _as_stated(call, call.options, trace)
    elif call.op.endswith("DTranspose") and not call.inputs:
        yield from _padding_too_large(call, trace)


def _beside_labels(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Diagnose an output of a transposed convolution that is of another size than the labels."""
    if len(call.inputs) != 2 or len({len(shape) for shape in call.inputs}) != 1 or len(call.inputs[0]) < 3:
        return
    labels, output = call.inputs
    axes = tuple(i for i, (a, b) in enumerate(zip(labels, output, strict=True)) if a != b and None not in (a, b))
    chain = producer_chain(call, trace, 1)
    fixes = tuple(_output_padding_set(chain, trace, labels))
    if not axes or not fixes:
        return
    origin = next((c.created for c in reversed(chain) if _is_transposed(c)), None)
    yield diagnosed(
        code,
        call,
        f"the output is {spelled(output)} and the labels are {spelled(labels)}",
        reasons=_sizes_along(chain, axes[0]),
        expected=labels,
        actual=output,
        axes=axes,
        axis_names=axis_names(len(output)),
        origin=(
            origin,
            f"the size is made again by the transposed convolution on line {origin.line}" if origin else None,
        ),
        fixes=fixes,
    )


def _is_transposed(call: CallRecord) -> bool:
    return isinstance(call.options, ConvTransposeOptions) and call.options.output_shape is None


def _sizes_along(chain: list[CallRecord], axis: int) -> Iterator[str]:
    """Yield in words how one size changes on its way: 23 -> 12 -> 24."""
    sizes = [call.inputs[0][axis] for call in chain[:1] if len(call.inputs[0]) > axis]
    sizes += [call.output[axis] for call in chain if call.output is not None and len(call.output) > axis]
    steps = [size for size, _ in groupby(sizes)]
    yield " -> ".join(map(str, steps)) + ": both sizes are halved to the same one, and it goes back to the larger"


def _output_padding_set(chain: list[CallRecord], trace: Trace, wanted: Shape) -> Iterator[Fix]:
    """Set `output_padding` at the fewest transposed convolutions with which the wanted size comes out."""
    created = [c.created for c in chain if _is_transposed(c) and c.created is not None]
    layers = list(dict.fromkeys(created))[-_MOST_LAYERS:]
    for count in range(1, len(layers) + 1):
        found = list(_paddings_that_fit(chain, layers, count, wanted))
        for setting in found[:3]:
            edits, cell = [], None
            for span, padding in setting.items():
                layer = next(c for c in chain if c.created == span)
                if (site := call_site_of(layer, trace)) is not None:
                    cell = site[0]
                    edits.append(with_option(*site, "output_padding", str(padding), layer.op))
            if cell is not None and len(edits) == len(setting):
                paddings = " and ".join(str(p) for p in setting.values())
                yield fix(f"set output_padding={paddings}", cell, edits, Applicability.SURE, (None, *wanted[1:]))
        if found:
            return


def _paddings_that_fit(
    chain: list[CallRecord], layers: list[Span], count: int, wanted: Shape
) -> Iterator[dict[Span, int]]:
    """Yield a value of `output_padding`, below the strides, for each of `count` layers, so that `wanted` comes out."""
    strides = {c.created: min(c.options.strides) for c in chain if isinstance(c.options, ConvTransposeOptions)}
    tries = 0
    for chosen in combinations(layers, count):
        for paddings in product(*(range(strides[span]) for span in chosen)):
            tries += 1
            setting = dict(zip(chosen, paddings, strict=True))
            if tries < _MOST_TRIES and _leads_to(chain, setting, wanted):
                yield setting


def _leads_to(chain: list[CallRecord], setting: dict[Span, int], wanted: Shape) -> bool:
    """Check whether a chain gives the wanted shape, all but the batch, with `output_padding` set."""
    start = next(i for i, call in enumerate(chain) if call.created in setting)
    shape: Shape | None = chain[start].inputs[0]
    for call in chain[start:]:
        options = call.options
        if isinstance(options, ConvTransposeOptions) and call.created in setting:
            options = replace(options, output_padding=(setting[call.created],) * len(options.kernel_size))
        try:
            shape = arithmetic.expected_shape(options, (shape,), call.kernel) if shape else None
        except arithmetic.ShapeProblem:
            return False
    return shape is not None and shape[1:] == wanted[1:]


def _as_stated(call: CallRecord, options: ConvTransposeOptions, trace: Trace) -> Iterator[Diagnosis]:
    """`tf.nn`: diagnose an `output_shape` that this call cannot make."""
    problem = problem_of(call, _REASONS)
    # without a problem of these the options may have no meaning
    possible = _possible_output(call, options) if problem is not None else None
    site = call_site_of(call, trace)
    given = option_of(site[1], "output_shape", call.op) if site else None
    if problem is None or possible is None or site is None or given is None or options.output_shape is None:
        return
    if options.output_shape == possible:
        return
    shape = call.inputs[0]
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} cannot make {spelled(options.output_shape)} of {spelled(shape)}",
        reasons=(problem.message,),
        actual=shape,
        axis_names=axis_names(len(shape), data_format_of(call)),
        origin=origin_of(call, trace),
        fixes=(
            *_with_other_padding(call, options, *site),
            _with_possible_shape(site[0], option_of(site[1], "input", call.op), given, options.output_shape, possible),
        ),
    )


def _with_other_padding(call: CallRecord, options: ConvTransposeOptions, cell: Code, node: ast.Call) -> Iterator[Fix]:
    """Offer the other word for the padding where it makes the stated shape."""
    word = {"valid": "SAME", "same": "VALID"}.get(options.padding if isinstance(options.padding, str) else "")
    if word is not None and problem_of(call, _REASONS, replace(options, padding=word.lower())) is None:
        edit = with_option(cell, node, "padding", f'"{word}"', call.op)
        title = f'make the shape that is stated: padding="{word}"'
        yield fix(title, cell, [edit], Applicability.SURE, options.output_shape)


def _possible_output(call: CallRecord, options: ConvTransposeOptions) -> Shape | None:
    """Return the output shape nearest to the stated one that the call can make; None where it is not known."""
    shape, stated, n = call.inputs[0], options.output_shape, len(options.kernel_size)
    if stated is None or len(shape) != n + 2 or None in shape or call.kernel is None or call.kernel[-1] not in shape:
        return None
    first = 2 if options.data_format == "channels_first" else 1
    wishes = (stated[-n - 1 : -1] if first == 1 else stated[-n:]) if len(stated) > n else (None,) * n
    sizes = []
    for window, size, wish in zip(arithmetic.windows_of(options), shape[first : first + n], wishes, strict=True):
        assert size is not None
        largest = window.transposed_size(size, None)
        near = [v for v in range(1, largest + window.stride) if window.output_size(v) == size]
        if not near:
            return None
        if wish in near or (wish is not None and near[0] - 1 <= wish <= near[-1] + 1):
            sizes.append(min(near, key=lambda v: abs(v - (wish or 0))))
        else:  # nowhere near: what the strides are there for
            sizes.append(size * window.stride if size * window.stride in near else largest)
    filters = call.kernel[-2]
    return (shape[0], filters, *sizes) if first == 2 else (shape[0], *sizes, filters)


def _with_possible_shape(cell: Code, batch: ast.expr | None, given: ast.expr, stated: Shape, possible: Shape) -> Fix:
    """Change the wrong entries of the stated shape, where it is written."""
    tensorflow = module_alias(cell, "tensorflow")
    node = sequence_behind(cell, given) or given
    texts = [str(size) for size in possible]
    if isinstance(node, ast.List | ast.Tuple) and not any(isinstance(e, ast.Starred) for e in node.elts):
        written = [cell.text_of(element) for element in node.elts]
        lacking = len(possible) - len(written)
        for index, text in enumerate(written):
            if lacking in (0, 1) and stated[index] == possible[index + lacking]:
                texts[index + lacking] = text
    same_rank = len(stated) == len(possible)
    if same_rank and stated[0] != possible[0] and isinstance(batch, ast.Name) and tensorflow is not None:
        texts[0] = f"{tensorflow}.shape({batch.id})[0]"  # it was written as a number, and batches differ
    edit = cell.replace(node, bracketed(node, texts))
    return fix(f"state {spelled(possible)}", cell, [edit], Applicability.SURE, possible)


def _padding_too_large(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Keras: diagnose an `output_padding` that is not below the strides."""
    site = call_site_of(call, trace)
    if site is None:
        return
    cell, node = site
    given, strides = (option_of(node, option, call.op) for option in ("output_padding", "strides"))
    reader = Evaluator(cell, trace)
    padding = reader.value(given) if given is not None else None
    stride = reader.value(strides) if strides is not None else 1
    if given is None or not isinstance(padding, int) or not isinstance(stride, int) or padding < stride:
        return
    edit = cell.replace(given, str(stride - 1))
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} cannot have output_padding={padding} with strides={stride}",
        reasons=("a stride of 2 leaves one size in doubt, so output_padding is at most stride - 1",),
        fixes=(fix(f"use output_padding={stride - 1}", cell, [edit], Applicability.SURE),),
    )
