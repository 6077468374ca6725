"""The branches that are to be joined have different sizes.

What: `Add`, `Concatenate` and similar layers, `a + b`, `tf.concat` need equal sizes on all axes but the joined one; two
branches differ.
Why: one branch pads and the other does not, one is strided or pooled once more, a shortcut keeps its channels, an odd
size was halved and doubled again.
Example:

    a = layers.Conv2D(8, 3, padding="same")(x)
    b = layers.Conv2D(8, 3)(x)
    layers.Add()([a, b])

Use instead:

    b = layers.Conv2D(8, 3, padding="same")(x)

Fix safety: an argument that was left out is added before one that the author wrote is changed, and only where the
arithmetic says that the branches then agree; a projection, a crop or a resize at the merge changes no layer.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.merges import Merge, merge_of, merged
from conv_magic.analysis.operands import code_of, origin_of
from conv_magic.analysis.what_if import before
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import axis_names, data_format_of, name_of, spelled
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.fixes.merge_fixes import merge_fixes
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, with_argument
from conv_magic.text.source import called_name

code = "sizes-differ"

_IMPORTS = "from keras import Input, layers\nx = Input((16, 16, 3))\n"
VALID: tuple[str, ...] = (
    _IMPORTS + "a = layers.Conv2D(8, 3, padding='same')(x)\nb = layers.Conv2D(4, 1)(x)\n"
    "y = layers.Concatenate()([a, b])\n",
    _IMPORTS + "u = layers.Conv2D(8, 3)(x)\n"
    "gate = layers.Dense(8)(layers.GlobalAveragePooling2D(keepdims=True)(u))\ny = layers.Multiply()([u, gate])\n",
)
_LEVELS = (
    "from keras import Input, layers\n"
    "def join(low, maps):\n    return layers.concatenate([layers.UpSampling2D()(low), maps])\n"
    "back, kept = Input((16, 16, 2)), []\n"
    "for depth in (4, 8):\n"
    "    back = layers.Conv2D(depth, 3, padding='same')(back)\n"
    "    kept.append(back)\n"
    "    back = layers.MaxPooling2D()(back)\n"
    "{}"
)
INVALID: tuple[str, ...] = (
    _IMPORTS + "a = layers.Conv2D(8, 3, padding='same')(x)\nb = layers.Conv2D(8, 3)(x)\ny = layers.Add()([a, b])\n",
    "import numpy as np\nfrom keras import layers\nx = np.zeros((2, 16, 16, 3), 'float32')\n"
    "a = layers.MaxPooling2D(3, strides=1)(layers.Conv2D(8, 3, padding='same')(x))\n"
    "b = layers.Conv2D(4, 1)(x)\n"
    "y = layers.Concatenate()([a, b])\n",
    "from keras import Input, layers\n"
    "def unit(x, filters, strides=1):\n"
    "    h = layers.Conv2D(filters, 3, strides=strides, padding='same')(x)\n"
    "    h = layers.Conv2D(filters, 3, padding='same')(layers.ReLU()(h))\n"
    "    if x.shape[-1] != filters:\n"
    "        x = layers.Conv2D(filters, 1)(x)\n"
    "    return h + x\n"
    "y = unit(unit(Input((32, 32, 8)), 8), 16, strides=2)\n",
    "from keras import Input, layers\n"
    "x = Input((24, 24, 16))\n"
    "h = layers.Conv2D(32, 3, padding='same', activation='relu')(x)\n"
    "h = layers.Conv2D(32, 3, padding='same')(h)\n"
    "y = layers.add([x, h])\n",
    "import tensorflow as tf\nfrom tensorflow.keras import layers\n"
    "class Join(tf.keras.layers.Layer):\n"
    "    def __init__(self):\n"
    "        super().__init__()\n"
    "        self.down = layers.MaxPooling2D()\n"
    "        self.up = layers.UpSampling2D()\n"
    "    def call(self, image):\n"
    "        back = self.up(self.down(image))\n"
    "        return tf.concat([image, back], -1)\n"
    "y = Join()(tf.zeros((1, 33, 20, 3)))\n",
    "from tensorflow.keras import Model\n"
    "from tensorflow.keras.layers import Concatenate, Conv2D, Input, MaxPool2D, UpSampling2D\n"
    "size = 50\n"
    "image = Input((size, size, 1))\n"
    "one = Conv2D(4, 3, padding='same')(image)\n"
    "two = Conv2D(4, 3, padding='same')(MaxPool2D()(one))\n"
    "three = Conv2D(4, 3, padding='same')(MaxPool2D()(two))\n"
    "back = Concatenate()([UpSampling2D()(three), two])\n"
    "model = Model(image, Conv2D(1, 1)(Concatenate()([UpSampling2D()(back), one])))\n",
    _IMPORTS + "u = layers.Conv2D(12, 3)(x)\n"
    "gate = layers.GlobalAveragePooling2D(keepdims=True)(u)\n"
    "gate = layers.Dense(3, activation='relu')(gate)\n"
    "gate = layers.Dense(x.shape[-1], activation='sigmoid')(gate)\n"
    "y = u * gate\n",
    _IMPORTS + "h = layers.Conv2D(9, 3, padding='same')(x)\ny = layers.concatenate([x, h], axis=1)\n",
    _IMPORTS + "a = layers.Conv2D(6, 3, strides=2, padding='same')(x)\n"
    "y = layers.Concatenate()([x, layers.UpSampling2D(4)(a)])\n",
    "from keras import Input, Model, layers\n"
    "def net(shape, depth):\n"
    "    scan = Input(shape)\n"
    "    low = layers.Conv3D(depth, 3, padding='same')(layers.MaxPool3D()(scan))\n"
    "    both = layers.concatenate([layers.UpSampling3D()(low), scan])\n"
    "    return Model(scan, layers.Conv3D(1, 1)(both))\n"
    "model = net((9, 12, 12, 1), 4)\n",
    _IMPORTS + "def up(maps, skip):\n"
    "    return layers.concatenate([layers.UpSampling2D()(maps), skip])\n"
    "s1 = layers.Conv2D(4, 3, padding='same')(x)\n"
    "s2 = layers.Conv2D(6, 3, padding='same')(layers.MaxPooling2D()(s1))\n"
    "low = layers.MaxPooling2D()(s2)\n"
    "u1 = up(low, s1)\nu2 = up(u1, s2)\n",
    _IMPORTS + "maps = layers.Conv2D(6, 3, padding='same')(x)\n"
    "gate = layers.Conv2D(1, 3, strides=4, padding='same')(x)\ny = layers.multiply([maps, gate])\n",
    "import tensorflow as tf\na, b = tf.zeros((2, 7, 7, 4)), tf.zeros((2, 7, 7, 6))\ny = tf.concat([a, b], 2)\n",
    "from keras import Input, layers\n"
    "maps = Input((10, 10, 24))\n"
    "gate = layers.Dense(4, activation='relu')(layers.GlobalMaxPooling2D()(maps))\n"
    "gate = layers.Dense(12, activation='sigmoid')(gate)\n"
    "gate = layers.Reshape(target_shape=(1, 1, 12))(gate)\n"
    "scaled = layers.multiply([maps, gate])\n",
    "import tensorflow as tf\ncount = 4\n"
    "for real in tf.data.Dataset.from_tensor_slices(tf.zeros((10, 6, 6, 1))).batch(count):\n"
    "    noise = tf.random.normal((count, 6, 6, 1))\n"
    "    mixed = real * noise\n",
    "from keras import Input, layers\ndef stage(x, filters, step):\n"
    "    y = layers.Conv2D(filters, 3, strides=step, padding='same')(x)\n"
    "    x = layers.BatchNormalization()(layers.Conv2D(filters, 1)(x))\n"
    "    return layers.Add()([x, y])\n"
    "y = stage(stage(Input((12, 12, 3)), 4, 1), 8, 2)\n",
    "from keras import Input, layers\n"
    "x = Input((3, 20, 20))\n"
    "h = layers.Conv2D(7, 3, padding='same', data_format='channels_first')(x)\n"
    "y = layers.Concatenate()([x, h])\n",
    *(
        _LEVELS.format(loop)
        for loop in (
            "for maps in kept:\n    back = join(back, maps)\n",
            "for depth, maps in zip((8, 4), kept):\n    back = join(back, maps)\n",
            "for depth in (8, 4):\n    maps = kept.pop(0)\n    back = join(back, maps)\n",
            "for i in range(2):\n    back = join(back, kept[i])\n",
            "for i in range(2):\n    back = join(back, kept[-i])\n",
            "kept.append(back)\nfor i, maps in enumerate(reversed(kept)):\n    back = join(back, maps)\n",
        )
    ),
)


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Diagnose a failed merge of shapes of one rank that do not agree."""
    merge = merge_of(call, trace) if call.outcome is Outcome.RAISED else None
    if merge is None or len({len(shape) for shape in call.inputs}) != 1:
        return
    pair = _input_that_differs(merge)
    if pair is None:
        return
    which, axes = pair
    other = call.inputs[0 if which else 1]
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} cannot join {spelled(call.inputs[0])} and {spelled(call.inputs[which or 1])}",
        reasons=(_requirement(merge),),
        expected=tuple(None if i == merge.joined else size for i, size in enumerate(other)),
        actual=call.inputs[which],
        axes=axes,
        axis_names=axis_names(len(other)),
        origin=origin_of(call, trace, which),
        fixes=(
            *_last_batch_left_out(merge, trace, axes),
            *_joined_along_channels(merge, trace),
            *merge_fixes(merge, trace, which, axes),
        )[:6],
    )


def _last_batch_left_out(merge: Merge, trace: Trace, axes: tuple[int, ...]) -> Iterator[Fix]:
    """Leave out a last batch, smaller than the others, that meets something made for a whole one."""
    sizes = [shape[0] or 0 for shape in merge.call.inputs]
    if axes != (0,) or min(sizes) == max(sizes):
        return
    reader = Evaluator(merge.code, trace)
    batched = (n for n in merge.code.nodes if isinstance(n, ast.Call) and called_name(n) == "batch")
    for node in (n for n in batched if len(n.args) == 1 and not n.keywords):
        if reader.value(node.args[0]) == max(sizes):
            edit = with_argument(merge.code, node, 1, "drop_remainder", "True")
            title = "leave out the last batch, which is smaller: drop_remainder=True"
            yield fix(title, merge.code, [edit], Applicability.CHOICE)


def _joined_along_channels(merge: Merge, trace: Trace) -> Iterator[Fix]:
    """Join maps along the channels, which alone differ, in place of another axis."""
    call, last = merge.call, len(merge.call.inputs[0]) - 1
    first = any(data_format_of(earlier) == "channels_first" for earlier in before(call, trace))
    channels = 1 if first else last
    if merge.axis is None or merge.joined == channels or last < 2:
        return
    output = merged(replace(merge, axis=channels), call.inputs)
    cell = code_of(trace, call.created or call.span)
    node = cell.call_at(call.created or call.span) if cell else None
    if output is None or cell is None or node is None:
        return
    position = 0 if called_name(node) == "Concatenate" else 1
    text = "1" if first else "-1"
    edit = with_argument(cell, node, position, "axis", text)
    title = f"join them along the channels: axis={text}"
    yield fix(title, cell, [edit], Applicability.SURE, output if call.layer else None)


def _requirement(merge: Merge) -> str:
    besides = "" if merge.axis is None else f" but that of axis {merge.axis}"
    return f"all sizes{besides} must be equal"


def _input_that_differs(merge: Merge) -> tuple[int, tuple[int, ...]] | None:
    """Return the input that differs and the axes in which it does; None where all agree.

    Of two inputs the smaller one differs, of several that which differs from the most.
    """
    inputs = merge.call.inputs
    for index, shape in enumerate(inputs[1:], 1):
        first = inputs[0]
        axes = _differing_axes(first, shape, merge)
        if axes and len(inputs) > 2 and sum(not _differing_axes(first, other, merge) for other in inputs) == 1:
            return 0, axes
        if axes:
            smaller = all((shape[axis] or 0) <= (first[axis] or 0) for axis in axes)
            return (index if smaller or len(inputs) > 2 else 0), axes
    return None


def _differing_axes(one: Shape, other: Shape, merge: Merge) -> tuple[int, ...]:
    """Return the axes whose sizes the merge cannot join; unknown sizes, and where it broadcasts those of 1, it can."""
    allowed = {None, 1} if merge.axis is None else {None}
    pairs = enumerate(zip(one, other, strict=True))
    return tuple(i for i, (a, b) in pairs if i != merge.joined and a != b and a not in allowed and b not in allowed)
