"""Real TensorFlow and Keras: a call that the user made is a row, however it was made."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
import tensorflow as tf

import conv_magic
from conv_magic.engine.report import Report
from conv_magic.model.calls import CallRecord, Mode, Outcome
from conv_magic.model.options import PoolOptions
from conv_magic.model.positions import text_at


def _run(source: str) -> Report:
    report = conv_magic.run(source)
    assert report.error is None
    return report


def _code(report: Report, call: CallRecord) -> str | None:
    return text_at(report.trace.sources[0].text, call.span) if call.span else None


_CONV = "tf.nn.conv2d(tf.zeros((1, 8, 8, 3)), tf.zeros((3, 3, 3, 4)), 1, 'SAME')"


@pytest.mark.parametrize(
    "source",
    [
        f"import tensorflow as tf\ny = {_CONV}",
        f"import tensorflow as tf\nfrom tensorflow.nn import conv2d\ny = {_CONV.replace('tf.nn.conv2d', 'conv2d')}",
        f"import tensorflow as tf\nf = tf.nn.conv2d\ny = {_CONV.replace('tf.nn.conv2d', 'f')}",
        f"import tensorflow as tf\nnn = tf.nn\ndef g():\n    return {_CONV.replace('tf.nn', 'nn')}\ng()",
        f"import tensorflow as tf\nwith tf.GradientTape() as tape:\n    y = {_CONV}",
        f"import tensorflow as tf, threading\nt = threading.Thread(target=lambda: {_CONV})\nt.start(); t.join()",
    ],
)
def test_conv2d_is_seen_by_every_name(source: str) -> None:
    report = _run(source)
    (call,) = report.trace.calls
    assert (call.op, call.mode, call.output, call.expected) == ("conv2d", Mode.EAGER, (1, 8, 8, 4), (1, 8, 8, 4))
    assert "conv2d" in str(_code(report, call)) or "f(" in str(_code(report, call))


def test_an_alias_taken_before_the_trace_is_seen() -> None:
    import tensorflow as tf
    from tensorflow.nn import conv2d

    namespace = {"conv2d": conv2d, "alias": tf.nn.conv2d, "tf": tf}
    report = conv_magic.run("a = conv2d(tf.zeros((1, 8, 8, 3)), tf.zeros((3, 3, 3, 4)), 1, 'SAME')\n"
                            "b = alias(a, tf.zeros((3, 3, 4, 2)), 2, 'VALID')\n", namespace)  # fmt: skip
    assert [call.output for call in report.trace.calls] == [(1, 8, 8, 4), (1, 3, 3, 2)]
    assert [call.producers for call in report.trace.calls] == [(None,), (0,)]


def test_a_function_traced_by_tensorflow_has_its_own_lines() -> None:
    report = _run(
        "import tensorflow as tf\n"
        "@tf.function\n"
        "def step(x):\n"
        "    h = tf.nn.conv2d(x, tf.zeros((3, 3, 3, 4)), 1, 'SAME')\n"
        "    if tf.reduce_sum(h) > 0:\n"
        "        h = tf.nn.max_pool2d(h, 2, 2, 'VALID')\n"
        "    else:\n"
        "        h = tf.nn.avg_pool2d(h, 2, 2, 'VALID')\n"
        "    return h\n"
        "for _ in range(3):\n"
        "    step(tf.zeros((1, 8, 8, 3)))\n"
    )
    found = [(call.op, call.mode, call.span.line if call.span else None, call.count) for call in report.trace.calls]
    assert found == [
        ("tf.function", Mode.GRAPH, 11, 1),
        ("conv2d", Mode.GRAPH, 4, 1),
        ("max_pool2d", Mode.GRAPH, 6, 1),
        ("avg_pool2d", Mode.GRAPH, 8, 1),
    ]


def test_each_trace_of_a_function_is_counted_with_what_it_was_for() -> None:
    report = _run(
        "import tensorflow as tf\n"
        "@tf.function\n"
        "def step(x, n):\n"
        "    return tf.nn.max_pool2d(x, 2, 2, 'VALID') * n\n"
        "for n in (1, 2, 1, 2):\n"
        "    y = step(tf.zeros((1, 8, 8, 3)), n)\n"
        "y = step(tf.zeros((1, 6, 6, 3)), 2)\n"
        "step.get_concrete_function(tf.TensorSpec((None, 8, 8, 3)), 3)\n"
    )
    rows = [call for call in report.trace.calls if call.op == "tf.function"]
    assert [(call.layer, call.inputs, call.output, call.direct) for call in rows] == [
        ("step", ((1, 8, 8, 3),), (1, 4, 4, 3), True),
        ("step", ((1, 6, 6, 3),), (1, 3, 3, 3), True),
        ("step", ((None, 8, 8, 3),), (None, 4, 4, 3), True),
    ]
    assert [call.tracing and (call.tracing.times, call.tracing.functions) for call in rows] == [(2, 1), (1, 1), (1, 1)]
    assert rows[0].tracing is not None
    assert rows[0].tracing.numbers == (("n", ("1", "2")),)
    assert report.frame()["traces"].dropna().tolist() == [2, 1, 1]
    assert "traced 2 times, for n = 1, 2 " in report.to_text()


def test_lines_that_autograph_rewrote_have_rows_and_notes_of_their_own() -> None:
    report = _run(
        "import tensorflow as tf\n"
        "@tf.function\n"
        "def twice(x):\n"
        "    x = tf.nn.avg_pool2d(x, 3, 1, 'SAME')\n"
        "    return tf.nn.avg_pool2d(x, 3, 1, 'SAME')\n"
        "y = twice(tf.zeros((1, 8, 8, 3)))\n"
    )
    assert [(note.line, note.text) for note in report.notes] == [(n, "(1, 8, 8, 3)") for n in (4, 5, 6)]


def test_a_graph_that_fits_is_not_traced_again() -> None:
    namespace: dict[str, object] = {}
    conv_magic.run(
        "import tensorflow as tf\n@tf.function\ndef f(x):\n    return tf.nn.relu(x)\nf(tf.zeros(3))\n", namespace
    )
    assert conv_magic.run("y = f(tf.zeros(3))\n", namespace).trace.calls == ()


def test_a_loss_that_is_made_at_each_step_is_one_row() -> None:
    report = _run(
        "import keras, numpy as np\n"
        "for _ in range(3):\n"
        "    loss = keras.losses.MeanSquaredError()(np.zeros((4, 2)), np.zeros((4, 2)))\n"
    )
    assert [(call.op, call.count) for call in report.trace.calls] == [("MeanSquaredError", 3)]


@pytest.mark.parametrize(
    "made",
    [
        "def make():\n    f = tf.function(lambda x: x if x.shape[0] == 3 else later(x))\n    y = f(tf.zeros(3))\n"
        "    later = None\nmake()\n",
        "f = tf.function(functools.partial(tf.add, 1.0))\nf(tf.zeros(3))\n",
        "class Adder:\n    def __call__(self, x):\n        return x + 1\nf = tf.function(Adder())\nf(tf.zeros(3))\n",
        "@tf.function\ndef f(x, *more, key=None, **others):\n    return x\nf(tf.zeros(3), 1, [2], key={'a': 3})\n",
    ],
)
def test_whatever_is_traced_is_left_alone(made: str) -> None:
    _run(f"import functools\nimport tensorflow as tf\n{made}")


def test_an_object_that_is_traced_is_a_row_by_its_name() -> None:
    report = _run(
        "import keras, tensorflow as tf\n"
        "class Adder:\n    def __call__(self, x):\n        return x + 1\n"
        "tf.function(Adder())(tf.zeros(3))\n"
        "tf.function(keras.layers.Flatten(name='flat'))(tf.zeros((1, 2, 3)))\n"
    )
    rows = [(call.layer, call.output) for call in report.trace.calls if call.op == "tf.function"]
    assert rows == [("Adder", (3,)), ("flat", (1, 6))]


def test_fit_counts_the_graphs_of_its_step() -> None:
    report = _run(
        "import keras, numpy as np\n"
        "model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(2)])\n"
        "x, y = np.zeros((4, 8, 8)), np.zeros((4, 2))\n"
        "model.compile('sgd', 'mse')\n"
        "for rate in (0.1, 0.01):\n"
        "    model.fit(x, y, verbose=0)\n"
        "for rate in (0.1, 0.01):\n"
        "    model.compile(keras.optimizers.SGD(rate), 'mse')\n"
        "    model.fit(x, y, verbose=0)\n"
        "model.compile('sgd', 'mse', run_eagerly=True)\n"
        "model.fit(x, y, verbose=0)\n"
    )
    fits = [call for call in report.trace.calls if call.op == "fit"]
    assert [call.tracing.functions if call.tracing else None for call in fits] == [1, 2, None]


def test_a_functional_model_is_seen_as_it_is_built() -> None:
    report = _run(
        "import keras\nfrom keras import layers\n"
        "x = keras.Input((28, 28, 3))\n"
        "h = layers.Conv2D(8, 3, strides=2, name='first')(x)\n"
        "h = layers.Dense(5)(layers.Flatten()(h))\n"
        "model = keras.Model(x, h)\n"
    )
    calls = report.trace.calls
    assert [(c.op, c.mode, c.output) for c in calls] == [
        ("Conv2D", Mode.SYMBOLIC, (None, 13, 13, 8)),
        ("Flatten", Mode.SYMBOLIC, (None, 1352)),
        ("Dense", Mode.SYMBOLIC, (None, 5)),
    ]
    assert [c.producers for c in calls] == [(None,), (0,), (1,)]
    assert calls[0].layer == "first"
    assert calls[0].kernel == (3, 3, 3, 8)
    assert calls[0].cost.params == 3 * 3 * 3 * 8 + 8
    assert calls[0].cost.macs == 13 * 13 * 3 * 3 * 3 * 8
    assert calls[0].cost.receptive_field == (3, 3)
    assert _code(report, calls[0]) == "layers.Conv2D(8, 3, strides=2, name='first')(x)"
    created = calls[0].created
    assert created is not None
    assert text_at(report.trace.sources[0].text, created) == "layers.Conv2D(8, 3, strides=2, name='first')"


def test_each_layer_of_a_sequential_is_noted_at_its_own_line() -> None:
    report = _run(
        "import keras\nfrom keras import layers\n"
        "model = keras.Sequential([\n"
        "    keras.Input((8, 8, 1)),\n"
        "    layers.Conv2D(4, 3),\n"
        "    layers.MaxPooling2D(),\n"
        "])\n"
    )
    assert [(note.line, note.text) for note in report.notes] == [(5, "(None, 6, 6, 4)"), (6, "(None, 3, 3, 4)")]


def test_layers_added_one_by_one_are_one_row_each() -> None:
    report = _run(
        "import keras\nfrom keras import layers\n"
        "model = keras.Sequential()\nmodel.add(keras.Input((8, 8, 1)))\n"
        "model.add(layers.Conv2D(4, 3))\nmodel.add(layers.Flatten())\nmodel.add(layers.Dense(2))\n"
    )
    assert [(call.op, call.count) for call in report.trace.calls] == [("Conv2D", 1), ("Flatten", 1), ("Dense", 1)]
    assert [(note.line, note.text) for note in report.notes] == [
        (5, "(None, 6, 6, 4)"),
        (6, "(None, 144)"),
        (7, "(None, 2)"),
    ]


_SUBCLASSED = (
    "import keras, numpy as np\nfrom keras import layers\n"
    "class Net(keras.Model):\n"
    "    def __init__(self):\n"
    "        super().__init__()\n"
    "        self.conv = layers.Conv2D(4, 3)\n"
    "        self.out = layers.Dense(2)\n"
    "    def call(self, x):\n"
    "        h = self.conv(x)\n"
    "        return self.out(layers.Flatten()(h))\n"
)


def test_a_subclassed_model_is_shown_with_what_it_calls() -> None:
    report = _run(_SUBCLASSED + "y = Net()(np.zeros((2, 8, 8, 1), 'float32'))\n")
    found = [(call.op, call.parent, call.span.line if call.span else None, call.mode) for call in report.trace.calls]
    assert found == [
        ("Net", None, 11, Mode.EAGER),
        ("Conv2D", 0, 9, Mode.EAGER),
        ("Flatten", 0, 10, Mode.EAGER),
        ("Dense", 0, 10, Mode.EAGER),
    ]
    created = report.trace.calls[1].created
    assert created is not None
    assert created.line == 6


@pytest.mark.parametrize("jit", ["False", "True", "'auto'"])
def test_fit_shows_its_layers(jit: str) -> None:
    report = _run(
        "import keras, numpy as np\nfrom keras import layers\n"
        "model = keras.Sequential([layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(2)])\n"
        f"model.compile('sgd', 'mse', jit_compile={jit})\n"
        "history = model.fit(np.zeros((4, 8, 8, 1)), np.zeros((4, 2)), verbose=0)\n"
    )
    calls = report.trace.calls
    assert [(call.op, call.parent) for call in calls] == [
        ("fit", None),
        ("Sequential", 0),
        ("Conv2D", 1),
        ("Flatten", 1),
        ("Dense", 1),
        ("loss", 0),
    ]
    assert {call.mode for call in calls[1:]} == {Mode.GRAPH}
    assert calls[0].inputs == ((4, 8, 8, 1), (4, 2))
    assert calls[-1].inputs == ((None, 2), (None, 2))


def test_the_call_that_fails_inside_fit_is_a_row_at_both_its_lines() -> None:
    report = conv_magic.run(
        "import keras, numpy as np\nfrom keras import layers\n"
        "model = keras.Sequential([\n    layers.Conv2D(4, 3),\n    layers.Flatten(),\n])\n"
        "model.compile('sgd', 'mse')\n"
        "model.fit(np.zeros((4, 8, 8)), np.zeros((4, 2)), verbose=0)\n"
    )
    failed = [call for call in report.trace.calls if call.outcome is Outcome.RAISED and call.op == "Conv2D"]
    assert failed
    assert failed[0].inputs == ((None, 8, 8),)
    assert failed[0].span is not None
    assert failed[0].created is not None
    assert (failed[0].span.line, failed[0].created.line) == (8, 4)
    assert report.diagnoses[0].line == 8
    assert type(report.error) is ValueError


def test_a_recurrent_layer_is_one_row() -> None:
    report = _run("import keras, numpy as np\ny = keras.layers.LSTM(3)(np.zeros((2, 5, 4), 'float32'))\n")
    assert [call.op for call in report.trace.calls] == ["LSTM"]


def test_a_loop_over_sizes_is_one_note_with_its_range() -> None:
    report = _run(
        "import tensorflow as tf\n"
        "for size in (8, 16, 32):\n"
        "    y = tf.nn.conv2d(tf.zeros((1, size, size, 1)), tf.zeros((3, 3, 1, 2)), 1, 'VALID')\n"
    )
    assert [note.text for note in report.notes] == ["(1, 6..30, 6..30, 2) ×3"]


@pytest.mark.onednn
@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("tf.nn.conv2d(tf.zeros((28, 28, 1)), tf.zeros((3, 3, 1, 4)), 1, 'SAME')", "has 3 axes"),
        ("tf.nn.conv2d(tf.zeros((28, 28)), tf.zeros((3, 3, 1, 4)), 1, 'SAME')", "has 2 axes"),
        ("tf.nn.conv1d(tf.zeros((28, 1)), tf.zeros((3, 1, 4)), 1, 'SAME')", "has 2 axes"),
        ("tf.nn.conv3d(tf.zeros((8, 8, 8, 1)), tf.zeros((3, 3, 3, 1, 4)), [1] * 5, 'SAME')", "has 4 axes"),
        ("tf.nn.depthwise_conv2d(tf.zeros((8, 8, 1)), tf.zeros((3, 3, 1, 4)), [1] * 4, 'SAME')", "has 3 axes"),
        ("tf.nn.max_pool2d(tf.zeros((1, 2, 2, 1)), 3, 1, 'VALID')", "does not fit"),
    ],
)
def test_a_call_that_ends_the_process_is_an_ordinary_error(call: str, message: str) -> None:
    report = conv_magic.run(f"import tensorflow as tf\ny = {call}\n")
    assert isinstance(report.error, ValueError)
    assert message in str(report.error)
    assert report.trace.calls[0].outcome is Outcome.GUARDED
    assert report.diagnoses[0].line == 2


def test_results_and_random_state_are_bit_equal_with_and_without() -> None:
    source = (
        "import keras, numpy as np, random, tensorflow as tf\n"
        "keras.utils.set_random_seed(7)\n"
        "model = keras.Sequential([keras.layers.Conv2D(4, 3), keras.layers.Dropout(0.5), keras.layers.Flatten(),\n"
        "                          keras.layers.Dense(2)])\n"
        "model.compile('adam', 'mse')\n"
        "x = np.random.rand(16, 8, 8, 1)\n"
        "losses = model.fit(x, np.random.rand(16, 2), epochs=2, verbose=0).history['loss']\n"
        "after = random.random(), np.random.rand(), tf.random.uniform(()).numpy()\n"
        "weights = [w.tobytes() for w in model.get_weights()]\n"
    )
    plain: dict[str, object] = {}
    exec(compile(source, "<plain>", "exec"), plain)
    traced: dict[str, object] = {}
    conv_magic.run(source, traced)
    for name in ("losses", "after", "weights"):
        assert traced[name] == plain[name]


def test_trace_is_a_context_that_lets_errors_pass() -> None:
    import keras
    import numpy as np

    with pytest.raises(ValueError, match="expected min_ndim=4"), conv_magic.trace() as tracing:
        keras.layers.Conv2D(2, 3)(np.zeros((8, 8), "float32"))
    assert tracing.report is not None
    assert tracing.report.diagnoses[0].code == "missing-axis"
    assert conv_magic.last_report() is tracing.report


def test_a_function_of_an_earlier_run_has_its_own_lines() -> None:
    namespace: dict[str, object] = {"__name__": "__main__"}
    conv_magic.run("import keras\ndef block(x):\n    return keras.layers.Conv2D(4, 3)(x)\n", namespace)
    report = conv_magic.run("block(keras.Input((8, 8, 3)))\n", namespace)
    (call,) = report.trace.calls
    assert call.span is not None
    assert (call.span.line, report.trace.sources[1].label) == (3, "an earlier cell")


def test_a_traced_function_that_stands_in_two_cells_is_found_in_the_one_that_runs() -> None:
    function = (
        "import tensorflow as tf\n@tf.function\ndef f(x):\n"
        "    return tf.nn.conv2d(x, tf.zeros((3, 3, 3, 4)), 1, 'SAME')\n"
    )
    for size in (8, 9):
        report = _run(f"{function}y = f(tf.zeros((1, {size}, {size}, 3)))\n")
        _, call = report.trace.calls
        assert call.span is not None
        assert (call.span.cell, call.span.line) == ("c0", 4)


def test_a_list_of_numbers_keeps_its_shape_after_a_list_was_no_tensor() -> None:
    from conv_magic.capture.hooks.tensors import shape_of, shape_of_argument

    assert shape_of([1, 2]) is None
    assert shape_of_argument([1, 2]) == (2,)


@pytest.mark.onednn
def test_a_layer_whose_settings_change_is_described_and_guarded_anew() -> None:
    """What is known of a layer is kept from run to run, but only as long as the layer stays as it was."""
    names: dict[str, Any] = {"pool": tf.keras.layers.MaxPooling2D(2), "x": tf.zeros((1, 2, 2, 1))}
    for _ in range(2):
        (call,) = conv_magic.run("pool(x)", names).trace.calls
        assert isinstance(call.options, PoolOptions)
        assert (call.options.pool_size, call.outcome) == ((2, 2), Outcome.RETURNED)
    report = conv_magic.run("pool.pool_size = (3, 3)\npool(x)", names)
    (call,) = report.trace.calls
    assert isinstance(call.options, PoolOptions)
    assert (call.options.pool_size, call.outcome) == ((3, 3), Outcome.GUARDED)
    assert conv_magic.run("pool.pool_size, pool.name = (1, 1), 'other'\npool(x)", names).trace.calls[0].layer == "other"


def test_what_is_known_of_a_layer_keeps_it_not_alive() -> None:
    names: dict[str, Any] = {"dense": tf.keras.layers.Dense(2), "x": tf.zeros((1, 3))}
    conv_magic.run("dense(x)", names)
    layer = weakref.ref(names.pop("dense"))
    conv_magic.run("x + 1")
    gc.collect()
    assert layer() is None


def test_the_parameters_of_a_model_that_grows_are_counted_anew() -> None:
    names: dict[str, Any] = {}
    conv_magic.run(
        "import keras\nfrom keras import layers\n"
        "class Pair(layers.Layer):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.inner = layers.Dense(2)\n"
        "    def call(self, x):\n"
        "        return self.inner(x)\n"
        "model, x = keras.Sequential([keras.Input((3,)), Pair()]), keras.ops.zeros((1, 3))",
        names,
    )
    assert [conv_magic.run("model(x)", names).trace.calls[0].cost.params for _ in range(2)] == [8, 8]
    grown = conv_magic.run("model.add(layers.Dense(5))\nmodel(x)", names).trace.calls
    assert [call.cost.params for call in grown if call.op == "Sequential" and call.mode is Mode.EAGER] == [8 + 15]
