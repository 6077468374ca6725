"""A transposed convolution makes another size than is asked of it.

What: a convolution that moves by 2 makes 12 of 23 and of 24; the transposed one must be told which to go back to.
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
from itertools import combinations, product

from conv_magic import arithmetic
from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.definitions import sequence_behind
from conv_magic.analysis.evaluation import Evaluator
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
from conv_magic.text.edits import fix, with_argument
from conv_magic.text.source import Code, argument

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
    """One diagnosis where labels of another size meet a transposed convolution, or a stated size cannot be."""
    if call.outcome not in (Outcome.RAISED, Outcome.GUARDED):
        return
    if isinstance(call.options, LossOptions):
        yield from _at_loss(call, trace)
    elif isinstance(call.options, ConvTransposeOptions) and call.layer is None:
        yield from _as_stated(call, call.options, trace)
    elif call.op.endswith("DTranspose") and not call.inputs:
        yield from _padding_too_large(call, trace)


def _at_loss(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    if len(call.inputs) != 2 or len({len(shape) for shape in call.inputs}) != 1 or len(call.inputs[0]) < 3:
        return
    wanted, made = call.inputs
    axes = tuple(i for i, (a, b) in enumerate(zip(wanted, made, strict=True)) if a != b and None not in (a, b))
    fixes = tuple(_of_layers(producer_chain(call, trace, 1), trace, wanted))
    if not axes or not fixes:
        return
    origin = next((c.created for c in reversed(producer_chain(call, trace, 1)) if _is_transposed(c)), None)
    names = axis_names(len(made))
    yield diagnosed(
        code,
        call,
        f"the output is {spelled(made)} and the labels are {spelled(wanted)}",
        reasons=_sizes_along(producer_chain(call, trace, 1), axes[0]),
        expected=wanted,
        actual=made,
        axes=axes,
        axis_names=names,
        origin=(
            origin,
            f"the size is made again by the transposed convolution on line {origin.line}" if origin else None,
        ),
        fixes=fixes,
    )


def _is_transposed(call: CallRecord) -> bool:
    return isinstance(call.options, ConvTransposeOptions) and call.options.output_shape is None


def _sizes_along(chain: list[CallRecord], axis: int) -> Iterator[str]:
    """How one size changes on its way: 23 -> 12 -> 24."""
    sizes = [call.inputs[0][axis] for call in chain[:1] if len(call.inputs[0]) > axis]
    sizes += [call.output[axis] for call in chain if call.output is not None and len(call.output) > axis]
    steps = [size for place, size in enumerate(sizes) if place == 0 or size != sizes[place - 1]]
    yield " -> ".join(map(str, steps)) + ": both sizes are halved to the same one, and it goes back to the larger"


def _of_layers(chain: list[CallRecord], trace: Trace, wanted: Shape) -> Iterator[Fix]:
    """The fewest transposed convolutions that, with an `output_padding`, lead to the wanted size."""
    created = [c.created for c in chain if _is_transposed(c) and c.created is not None]
    places = list(dict.fromkeys(created))[-_MOST_LAYERS:]
    for count in range(1, len(places) + 1):
        found = list(_settings(chain, places, count, wanted))
        for setting in found[:3]:
            edits, cell = [], None
            for where, padding in setting.items():
                layer = next(c for c in chain if c.created == where)
                made = call_site_of(layer, trace)
                if made is not None:
                    cell = made[0]
                    edits.append(with_argument(made[0], made[1], None, "output_padding", str(padding)))
            if cell is not None and len(edits) == len(setting):
                paddings = " and ".join(str(p) for p in setting.values())
                yield fix(f"set output_padding={paddings}", cell, edits, Applicability.SURE, (None, *wanted[1:]))
        if found:
            return


def _settings(chain: list[CallRecord], places: list[Span], count: int, wanted: Shape) -> Iterator[dict[Span, int]]:
    strides = {c.created: min(c.options.strides) for c in chain if isinstance(c.options, ConvTransposeOptions)}
    tries = 0
    for chosen in combinations(places, count):
        for paddings in product(*(range(strides[where]) for where in chosen)):
            tries += 1
            setting = dict(zip(chosen, paddings, strict=True))
            if tries < _MOST_TRIES and _leads_to(chain, setting, wanted):
                yield setting


def _leads_to(chain: list[CallRecord], setting: dict[Span, int], wanted: Shape) -> bool:
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
    """`tf.nn`: an `output_shape` that this call cannot make."""
    problem = _problem(options, call)
    right = _possible(call, options) if problem is not None else None  # options without meaning make no problem
    made = call_site_of(call, trace)
    given = argument(made[1], 2, "output_shape") if made else None
    if problem is None or right is None or made is None or given is None or options.output_shape is None:
        return
    if options.output_shape == right:
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
            *_padded_otherwise(call, options, *made),
            _restated(*made, trace, given, options.output_shape, right),
        ),
    )


def _padded_otherwise(call: CallRecord, options: ConvTransposeOptions, cell: Code, made: ast.Call) -> Iterator[Fix]:
    """The stated shape with the other word for the padding, where that makes it."""
    word = {"valid": "SAME", "same": "VALID"}.get(options.padding if isinstance(options.padding, str) else "")
    if word is not None and _problem(replace(options, padding=word.lower()), call) is None:
        edit = with_argument(cell, made, 4, "padding", f'"{word}"')
        title = f'make the shape that is stated: padding="{word}"'
        yield fix(title, cell, [edit], Applicability.SURE, options.output_shape)


def _problem(options: ConvTransposeOptions, call: CallRecord) -> arithmetic.ShapeProblem | None:
    try:
        arithmetic.expected_shape(options, call.inputs, call.kernel)
    except arithmetic.ShapeProblem as problem:
        return problem if problem.reason in _REASONS else None
    return None


def _possible(call: CallRecord, options: ConvTransposeOptions) -> Shape | None:
    """The output shape nearest to the stated one that the call can make."""
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


def _restated(cell: Code, made: ast.Call, trace: Trace, given: ast.expr, stated: Shape, right: Shape) -> Fix:
    """The stated shape with the entries changed that are wrong, at the tuple that writes them."""
    batch, tensorflow = argument(made, 0, "input"), module_alias(cell, "tensorflow")
    node = sequence_behind(cell, given) or given
    texts = [str(size) for size in right]
    if isinstance(node, ast.List | ast.Tuple) and not any(isinstance(e, ast.Starred) for e in node.elts):
        written = [cell.text_of(element) for element in node.elts]
        lacking = len(right) - len(written)
        for place, text in enumerate(written):
            if lacking in (0, 1) and stated[place] == right[place + lacking]:
                texts[place + lacking] = text
    if len(stated) == len(right) and stated[0] != right[0] and isinstance(batch, ast.Name) and tensorflow is not None:
        texts[0] = f"{tensorflow}.shape({batch.id})[0]"  # it was written as a number, and batches differ
    opening, closing = ("(", ")") if isinstance(node, ast.Tuple) else ("[", "]")
    edit = cell.replace(node, f"{opening}{', '.join(texts)}{closing}")
    return fix(f"state {spelled(right)}", cell, [edit], Applicability.SURE, right)


def _padding_too_large(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Keras: an `output_padding` that is not below the stride."""
    made = call_site_of(call, trace)
    if made is None:
        return
    given = argument(made[1], 4, "output_padding")
    strides = argument(made[1], 2, "strides")
    reader = Evaluator(made[0], trace)
    padding = reader.value(given) if given is not None else None
    stride = reader.value(strides) if strides is not None else 1
    if given is None or not isinstance(padding, int) or not isinstance(stride, int) or padding < stride:
        return
    edit = made[0].replace(given, str(stride - 1))
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} cannot have output_padding={padding} with strides={stride}",
        reasons=("a stride of 2 leaves one size in doubt, so output_padding is at most stride - 1",),
        fixes=(fix(f"use output_padding={stride - 1}", made[0], [edit], Applicability.SURE),),
    )
