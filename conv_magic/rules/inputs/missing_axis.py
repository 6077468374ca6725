"""The input lacks an axis: its batch, its channels, or in a model of sequences its time.

What: a convolution, pooling or model was given a tensor with fewer axes than it needs.
Why: one image has no batch axis, a stack of grayscale images no channel axis (libraries that read images add
neither), a mean over the channels drops them, a window of numbers has no axis of features.
Example:

    images = np.random.rand(60, 28, 28).astype("float32")
    layers.Conv2D(8, 3)(images)

Use instead:

    layers.Conv2D(8, 3)(images[..., None])

Fix safety: an axis of length 1 is added, no number is changed.  Where either of two axes may be the missing one,
both fixes are offered.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import combinations

from conv_magic.analysis.operands import is_fed_in_batches, module_alias, operand_of, origin_of
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.arithmetic import shapes_agree
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability
from conv_magic.model.naming import axis_names, channel_axis, data_format_of, name_of
from conv_magic.model.options import FitOptions
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.fixes.widening import Widening, after_global_pool, widening_fixes
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix
from conv_magic.text.source import Code

code = "missing-axis"

VALID: tuple[str, ...] = (
    "import tensorflow as tf\ny = tf.nn.conv2d(tf.zeros((1, 28, 28, 1)), tf.zeros((3, 3, 1, 4)), 1, 'SAME')\n",
    "import keras, numpy as np\n"
    "model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Conv2D(4, 3)])\n"
    "model.predict(np.zeros((3, 28, 28)), verbose=0)\n",
)
INVALID: tuple[str, ...] = (
    "import keras, numpy as np\nfrom keras import layers\n"
    "model = keras.Sequential([keras.Input((10, 10, 3)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(1)])\n"
    "model.compile('sgd', 'mse')\n"
    "colour, gray = np.zeros((4, 10, 10, 3)), np.zeros((3, 10, 10))\n"
    "model.fit(colour, np.zeros((4, 1)), validation_data=(gray, np.zeros((3, 1))), verbose=0)\n",
    "import tensorflow as tf\n"
    "image = tf.zeros((28, 28, 1))\n"
    "y = tf.nn.conv2d(image, tf.zeros((3, 3, 1, 4)), 1, 'SAME')\n",
    "import numpy as np\nfrom keras import layers\n"
    "images = np.zeros((60, 28, 28), 'float32')\n"
    "y = layers.Conv2D(8, 3)(images)\n",
    "import keras, numpy as np\n"
    "model = keras.Sequential([keras.Input((24, 24, 3)), keras.layers.Conv2D(4, 3)])\n"
    "picture = np.zeros((24, 24, 3), 'float32')\n"
    "model.predict(picture, verbose=0)\n",
    "import keras\nmodel = keras.Sequential([keras.Input((28, 28)), keras.layers.Conv2D(4, 3)])\n",
    "from keras import Input, layers\nwave = Input(shape=(40,))\ny = layers.Conv1D(4, 5)(wave)\n",
    "import tensorflow as tf\n"
    "kernel = tf.zeros((3, 3, 3, 4))\n"
    "@tf.function\n"
    "def edges(image):\n"
    "    return tf.nn.relu(tf.nn.conv2d(image, kernel, 1, 'SAME'))\n"
    "photo = tf.zeros((20, 30, 3))\n"
    "y = edges(photo)\n",
    "import tensorflow as tf\nfrom keras import layers\n"
    "maps = tf.zeros((2, 16, 16, 8))\n"
    "strongest = tf.reduce_max(maps, axis=-1)\n"
    "y = layers.Conv2D(1, 3, padding='same')(strongest)\n",
    "import tensorflow as tf\nfrom keras import layers\n"
    "maps = tf.zeros((2, 16, 16, 8))\n"
    "weights = layers.GlobalAveragePooling2D()(maps)\n"
    "y = maps * layers.Conv2D(8, 1, activation='sigmoid')(weights)\n",
    "import numpy as np, tensorflow as tf\nfrom keras import Sequential, layers\n"
    "data = tf.data.Dataset.from_tensor_slices((np.zeros((8, 12, 12), 'float32'), np.zeros(8))).batch(4)\n"
    "model = Sequential([layers.Conv2D(4, 3), layers.GlobalMaxPooling2D(), layers.Dense(1)])\n"
    "model.compile('sgd', 'mse')\n"
    "model.fit(data, verbose=0)\n",
    "import keras, numpy as np\nfrom keras import layers\n"
    "digits, kinds = np.zeros((8, 12, 12), 'float32'), np.zeros(8)\n"
    "others = np.zeros((4, 12, 12), 'float32')\n"
    "model = keras.Sequential([layers.Conv2D(4, 3), layers.GlobalMaxPooling2D(), layers.Dense(3)])\n"
    "model.compile('sgd', 'sparse_categorical_crossentropy')\n"
    "model.fit(digits, kinds, verbose=0)\n"
    "model.predict(others, verbose=0)\n",
    "import keras, numpy as np\nfrom keras import layers\n"
    "model = keras.Sequential([\n"
    "    keras.Input((None, 8, 8, 1)),\n"
    "    layers.TimeDistributed(layers.MaxPooling2D(2)),\n"
    "    layers.TimeDistributed(layers.Flatten()),\n"
    "    layers.LSTM(2),\n"
    "])\n"
    "model.compile('sgd', 'mse')\n"
    "frames = np.zeros((6, 8, 8, 1), 'float32')\n"
    "model.train_on_batch(frames, np.zeros((6, 2)))\n",
    "import keras, numpy as np, tensorflow as tf\nfrom keras import layers\n"
    "pairs = tf.data.Dataset.from_tensor_slices((np.zeros((6, 14, 14), 'float32'), np.zeros(6))).batch(3)\n"
    "class Evaluator(keras.Model):\n"
    "    def __init__(self):\n"
    "        super().__init__()\n"
    "        self.look, self.mean, self.say = layers.Conv2D(4, 3), layers.GlobalAveragePooling2D(), layers.Dense(1)\n"
    "    def call(self, scans):\n"
    "        return self.say(self.mean(self.look(scans)))\n"
    "reader = Evaluator()\n"
    "reader.compile('sgd', 'mse')\n"
    "reader.fit(pairs, verbose=0)\n",
    "import keras\nimport tensorflow as tf\n"
    "def clips(count):\n"
    "    data = tf.data.Dataset.from_tensor_slices((tf.zeros((count, 5, 9, 9, 2)), tf.zeros(count)))\n"
    "    return data.shuffle(9).prefetch(2)\n"
    "net = keras.Sequential([keras.Input((5, 9, 9, 2)), keras.layers.Conv3D(3, 3)])\n"
    "net.add(keras.layers.GlobalMaxPooling3D())\nnet.add(keras.layers.Dense(1))\nnet.compile('sgd', 'mse')\n"
    "net.fit(clips(8), verbose=0)\n",
    "import keras\nimport tensorflow as tf\n"
    "waves = tf.data.Dataset.from_tensor_slices(tf.zeros((6, 20, 30))).batch(2)\n"
    "net = keras.Sequential([keras.Input(waves.element_spec.shape[1:]), keras.layers.Conv2D(2, 3)])\n"
    "y = net.predict(waves, verbose=0)\n",
)

_RANK = re.compile(r"(?:have|be|expected) rank (\d)")
_COLOURS = 3
_RANKS_IN_WORDS = {"either 3 or 4 dimensions": 3, "at least three-dimensional": 3, "rank 3 (single image)": 3}


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where the failed call's first input, or that of a call around it, has too few axes."""
    if call.outcome not in (Outcome.RAISED, Outcome.GUARDED) or not call.inputs:
        return
    call, needed = _outermost_lacking_axes(call, trace)
    actual = call.inputs[0]
    if needed is None or not actual or not len(needed) - 2 <= len(actual) < len(needed):
        return
    given = _first_input_as_passed(call, trace)
    candidates = _likeliest_first(given, list(_missing_axes(call, needed, given, _has_batch(call, trace))))
    if not candidates and _knows_sizes(needed):
        yield from _check_planes_for_colours(call, trace, needed, given)
        return
    channels_first = data_format_of(call) == "channels_first"
    widenings = [Widening(axes, given, channels_first) for axes in candidates or [(0,)]]
    names = axis_names(len(needed), data_format_of(call))
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} needs {_axes_in_brackets(names) or f'{len(needed)} axes'}; this input has {len(actual)} axes",
        reasons=_reasons(call, trace, widenings[0]),
        expected=needed,
        actual=actual,
        axes=widenings[0].axes,
        axis_names=names,
        origin=origin_of(call, trace),
        fixes=widening_fixes(call, trace, widenings if candidates else []),
    )


def _check_planes_for_colours(call: CallRecord, trace: Trace, needed: Shape, given: Shape) -> Iterator[Diagnosis]:
    """Yield a diagnosis where images of one plane are given to a model that takes colours."""
    if needed[-1] != _COLOURS or len(needed) != 4 or not shapes_agree(needed[:-1], given):
        return
    data, cell = _data_expression(call, trace)
    numpy = module_alias(cell, "numpy") if cell is not None else None
    if data is None or cell is None or numpy is None:
        return
    edit = cell.replace(data, f"{numpy}.repeat({_with_channel_axis(cell, data)}, {_COLOURS}, axis=-1)")
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} needs {_axes_in_brackets(axis_names(4))}; this input has {len(given)} axes",
        reasons=(f"the images have no channel axis; the model takes {_COLOURS} channels",),
        expected=needed,
        actual=call.inputs[0],
        axes=(3,),
        axis_names=axis_names(4),
        origin=origin_of(call, trace),
        fixes=(fix("repeat the one plane 3 times, as channels", cell, [edit], Applicability.SURE),),
    )


def _with_channel_axis(cell: Code, value: ast.expr) -> str:
    """Return the text of a value with a channel axis added."""
    text = cell.text_of(value)
    return f"{text}[..., None]" if isinstance(value, ast.Name | ast.Attribute | ast.Subscript | ast.Call) else (
        f"({text})[..., None]"
    )  # fmt: skip


def _data_expression(call: CallRecord, trace: Trace) -> tuple[ast.expr | None, Code | None]:
    """Return the expression that gave the model its data, and its cell.

    Of a `fit` that failed in its validation it is the validation data.
    """
    operand = operand_of(call, trace)
    if operand is None:
        return None, None
    calls = (call, *graph_of(trace).ancestors(call))
    if sum(isinstance(training.options, FitOptions) for training in calls) < 2:
        return operand.value, operand.code
    validation = next((k.value for k in operand.call.keywords if k.arg == "validation_data"), None)
    parts = validation.elts if isinstance(validation, ast.Tuple | ast.List) else []
    return (parts[0] if parts else None), operand.code


def _outermost_lacking_axes(call: CallRecord, trace: Trace) -> tuple[CallRecord, Shape | None]:
    """Return the outermost call whose input already had too few axes, and what it needs.

    A model reads past one missing axis: what fails then is a layer deep inside.
    """
    outermost = call, call.accepts or _rank_in_error(call)
    for ancestor in graph_of(trace).ancestors(call):
        if ancestor.accepts is not None and ancestor.inputs and not isinstance(ancestor.options, FitOptions):
            shape, needed = ancestor.inputs[0], ancestor.accepts
            if len(shape) < len(needed) and not shapes_agree(needed, (*shape, 1)):
                outermost = (ancestor, needed)
    return outermost


def _rank_in_error(call: CallRecord) -> Shape | None:
    """Return the rank that the error message speaks of, as a shape of unknown sizes; None where it speaks of none."""
    error = call.error or ""
    rank = next((rank for words, rank in _RANKS_IN_WORDS.items() if words in error), None)
    match = _RANK.search(error)
    rank = rank or (int(match[1]) if match else None)
    return (None,) * rank if rank else None


def _first_input_as_passed(call: CallRecord, trace: Trace) -> Shape:
    """Return the input as the user passed it, before Keras cut it into batches."""
    for ancestor in graph_of(trace).ancestors(call):
        if isinstance(ancestor.options, FitOptions):
            whole = ancestor.options.x[0] if ancestor.options.x else ()
            return whole if len(whole) == len(call.inputs[0]) else call.inputs[0]
    return call.inputs[0]


def _has_batch(call: CallRecord, trace: Trace) -> bool:
    """Check whether the first axis is known to be the batch: of unknown size, or as long as there are labels."""
    for ancestor in (call, *graph_of(trace).ancestors(call)):
        options = ancestor.options
        if isinstance(options, FitOptions) and options.x and options.x[0]:
            labels = options.y[0][:1] if options.y else ()
            return options.x[0][0] == labels[0] if labels else options.dataset and options.x[0][0] is None
    return call.inputs[0][0] is None and not is_fed_in_batches(call, trace)


def _axes_in_brackets(names: tuple[str, ...]) -> str:
    """Return the names of the axes in brackets; empty where they have none."""
    return f"({', '.join(names)})" if names else ""


def _reasons(call: CallRecord, trace: Trace, likeliest: Widening) -> tuple[str, ...]:
    axes = likeliest.names
    reasons = [f"the {axes[0]} axis is missing" if len(axes) == 1 else f"the {' and '.join(axes)} axes are missing"]
    if after_global_pool(call, trace):
        reasons = ["the global pooling before it dropped the spatial axes"]
    if call.outcome is Outcome.GUARDED:
        reasons.append("TensorFlow would have ended the whole process here, so the call was not made")
    return tuple(reasons)


def _missing_axes(call: CallRecord, needed: Shape, given: Shape, has_batch: bool) -> Iterator[tuple[int, ...]]:
    """Yield the sets of axes which, added with length 1, give what is needed."""
    axes = {channel_axis(call, len(needed))} if has_batch else {0, channel_axis(call, len(needed))}
    if _knows_sizes(needed):
        axes |= {axis for axis, size in enumerate(needed) if axis and size is None}
    for missing in combinations(sorted(axes), len(needed) - len(given)):
        if all(needed[axis] in (None, 1) for axis in missing) and shapes_agree(
            needed, Widening(missing, given, False).result
        ):
            yield missing


def _knows_sizes(needed: Shape) -> bool:
    """Check whether spatial sizes are asked for, as by a model with a declared input."""
    return any(size is not None for size in needed[1:-1])


def _likeliest_first(actual: Shape, candidates: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Return the sets of axes, the likeliest first.

    An unknown first size is a batch; a last size of 1, 3 or 4 is channels; else a stack of planes is likelier.
    """
    has_channels = actual[-1:] in ((1,), (3,), (4,)) and actual[:1] != (None,)
    return sorted(candidates, key=lambda missing: (0 in missing) != has_channels)
