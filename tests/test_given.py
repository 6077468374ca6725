"""Which of the user's own arrays a call was given: right by name and line, or nothing said."""

from __future__ import annotations

import pytest

import conv_magic
from conv_magic.model.calls import CallRecord

_HEAD = (
    "import keras, numpy as np, tensorflow as tf\n"
    "from keras import layers\n"
    "x_train, labels = np.zeros((64, 8, 8, 3), 'float32'), np.zeros((64, 2))\n"
    "conv = layers.Conv2D(4, 3)\n"
)


def _calls(source: str, namespace: dict[str, object] | None = None) -> tuple[CallRecord, ...]:
    report = conv_magic.run(source, namespace)
    assert report.error is None
    return report.trace.calls


def _told(call: CallRecord) -> list[tuple[str, int] | None]:
    return [(given.name, given.span.line) if given else None for given in call.given]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("conv(x_train)", [("x_train", 3)]),
        ("conv(x_train[:32])", [("x_train", 3)]),
        ("conv(x_train.astype('float32') / 255)", [("x_train", 3)]),
        (
            "conv(tf.data.Dataset.from_tensors(x_train).take(1).get_single_element())",
            [("tf.data.Dataset.from_tensors", 5)],
        ),
        ("conv(inputs=-x_train[None, 0])", [("x_train", 3)]),
        ("batch = x_train[:32]\nconv(batch)", [("batch", 5)]),
        ("conv(tf.constant(x_train))", [("tf.constant", 5)]),
        ("conv(\n    tf.zeros((1, 8, 8, 3)))", [("tf.zeros", 6)]),
        ("image = keras.Input((8, 8, 3))\nconv(image)", [("image", 5)]),
        ("tf.nn.max_pool2d(x_train, 2, 2, 'VALID')", [("x_train", 3)]),
        ("for batch in tf.data.Dataset.from_tensors(x_train):\n    conv(batch)", [("batch", 5)]),
        ("with tf.GradientTape() as tape:\n    batch = x_train\nconv(batch)", [("batch", 6)]),
        ("mask = tf.ones((64, 8, 8, 3))\nlayers.Add()([x_train, mask])", [("x_train", 3), ("mask", 5)]),
        ("pair = [x_train, x_train[:]]\nlayers.Add()(pair)", [("x_train", 3), ("x_train", 3)]),
        ("def block(image):\n    return conv(image)\nblock(x_train)", [("x_train", 3)]),
        ("def block():\n    return conv(x_train)\nblock()", [("x_train", 3)]),
        ("batch = 0; batch = x_train; conv(batch)", [("batch", 5)]),
        ("@tf.function\ndef block(image):\n    return conv(image)\nblock(x_train)", [("x_train", 3)]),
        ("keras.losses.MeanSquaredError()(labels, labels + 1)", [("labels", 3), ("labels", 3)]),
    ],
)
def test_a_call_names_the_array_that_it_was_given(lines: str, told: list[tuple[str, int]]) -> None:
    assert _told(_calls(f"{_HEAD}{lines}\n")[0]) == told


@pytest.mark.parametrize(
    "lines",
    [
        "if len(x_train) > 3:\n    batch = x_train\nelse:\n    batch = x_train[:1]\nconv(batch)",
        "batch = x_train\nfor _ in range(2):\n    y = conv(batch)\n    batch = batch * 2",
        "try:\n    batch = x_train\nexcept ValueError:\n    batch = None\nconv(batch)",
        "def block(image):\n    return conv(image)\nblock(x_train)\nblock(np.zeros((1, 8, 8, 3), 'float32'))",
        "batch = x_train\ny = [conv(batch) for batch in (x_train,)]",
        "batch = x_train\nif (batch := x_train[:1]) is not None:\n    conv(batch)",
    ],
)
def test_where_the_text_leaves_a_choice_nothing_is_said(lines: str) -> None:
    assert next(call.given for call in _calls(f"{_HEAD}{lines}\n") if call.op == "Conv2D") == ()


def test_a_producer_that_was_seen_is_the_answer() -> None:
    calls = _calls(_HEAD + "h = conv(x_train)\nh = layers.Multiply()([h, tf.ones((64, 6, 6, 4))])\n")
    assert calls[1].producers == (0, None)
    assert _told(calls[1]) == [None, ("tf.ones", 6)]


def test_what_fit_is_given_reaches_the_layers_and_the_loss() -> None:
    calls = _calls(
        _HEAD + "model = keras.Sequential([layers.Flatten(), layers.Dense(2)])\n"
        "model.compile('sgd', 'mse')\n"
        "model.fit(x_train, labels, verbose=0)\n"
        "data = tf.data.Dataset.from_tensor_slices((x_train, labels)).batch(8)\n"
        "model.evaluate(data, verbose=0)\n"
    )
    told = {(call.op, call.span.line if call.span else None): _told(call) for call in calls}
    assert told["fit", 7] == [("x_train", 3), ("labels", 3)]
    assert told["Flatten", 7] == [("x_train", 3)]
    assert told["Dense", 7] == []
    assert told["loss", 7] == [("labels", 3), None]
    assert told["evaluate", 9] == [("data", 8)]
    assert told["Flatten", 9] == [("data", 8)]


def test_the_input_before_a_layer_and_the_call_around_it() -> None:
    calls = _calls(
        _HEAD + "first = keras.Sequential([\n    keras.Input((8, 8, 3)),\n    layers.Conv2D(2, 3),\n])\n"
        "class Net(keras.Model):\n"
        "    def call(self, images):\n"
        "        return first(images)\n"
        "y = Net()(x_train)\n"
    )
    assert [(call.op, *_told(call)) for call in calls] == [
        ("Conv2D", ("keras.Input", 6)),
        ("Net", ("x_train", 3)),
        ("Sequential", ("x_train", 3)),
        ("Conv2D", ("x_train", 3)),
    ]


def test_an_array_of_an_earlier_cell_is_named_with_its_cell() -> None:
    namespace: dict[str, object] = {}
    conv_magic.run(_HEAD, namespace)
    conv_magic.run("x_train = x_train[:2]\n", namespace)
    conv_magic.run("def block(image):\n    return conv(image)\nx_test = x_train\nblock(x_test)\n", namespace)
    report = conv_magic.run("conv(x_train)\nblock(x_train)\n", namespace)
    sources = {source.cell: source.text for source in report.trace.sources}
    first, second = report.trace.calls
    for call in (first, second):
        (given,) = call.given
        assert given is not None
        assert (given.name, sources[given.span.cell]) == ("x_train", "x_train = x_train[:2]\n")
    assert report.frame()["producers"].tolist() == [("x_train (line 1 of an earlier cell)",)] * 2


def test_a_fault_says_where_its_array_is_made() -> None:
    report = conv_magic.run(_HEAD + "def prepare(images):\n    return conv(images)\nprepare(x_train[0])\n")
    (diagnosis,) = report.diagnoses
    assert diagnosis.line == 6
    assert "x_train is made on line 3" in report.to_text()
