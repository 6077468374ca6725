"""Ways to call beyond the columns of the capture matrix: each is a row, in the right mode, at its line."""

from __future__ import annotations

import pytest

import conv_magic
from conv_magic.model.calls import Mode
from conv_magic.model.shapes import Shape

_HEAD = """
import functools, os, tempfile
import keras, numpy as np, tensorflow as tf
from keras import layers
image, kernel = tf.ones((4, 8, 8, 3)), tf.ones((3, 3, 3, 2))
x, y = np.zeros((8, 8, 8, 3), 'float32'), np.zeros((8, 2), 'float32')
def pooled(t):
    return tf.nn.avg_pool2d(t, 2, 2, 'SAME')
def small(**options):
    made = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(2)])
    made.compile('sgd', 'mse', **options)
    return made
"""
_LINES = _HEAD.count("\n")
_POOLED = 8 - _LINES
"""The line of the pooling in `pooled`, counted as all lines are here: from the first after the head."""
_HALF, _BATCH = (4, 4, 4, 3), (None, 6, 6, 4)

Way = tuple[str, str, Mode, int, Shape]
_WAYS: dict[str, Way] = {
    "partial": (
        "functools.partial(tf.nn.conv2d, filters=kernel, strides=1, padding='SAME')(image)",
        "conv2d", Mode.EAGER, 1, (4, 8, 8, 2),
    ),
    "map_fn": ("tf.map_fn(lambda t: pooled(t[None])[0], image)", "avg_pool2d", Mode.EAGER, _POOLED, (1, 4, 4, 3)),
    "vectorized_map": (
        "tf.vectorized_map(lambda t: pooled(t[None])[0], image)", "avg_pool2d", Mode.GRAPH, _POOLED, (1, 4, 4, 3),
    ),
    "while_loop": (
        "tf.while_loop(lambda i, t: i < 2, lambda i, t: (i + 1, tf.nn.avg_pool2d(t, 2, 1, 'SAME')), (0, image))",
        "avg_pool2d", Mode.EAGER, 1, (4, 8, 8, 3),
    ),
    "while loop in a graph": (
        "@tf.function\ndef f(t):\n    for _ in tf.range(3):\n        t = tf.nn.avg_pool2d(t, 2, 1, 'SAME')\n"
        "    return t\nf(image)",
        "avg_pool2d", Mode.GRAPH, 4, (4, 8, 8, 3),
    ),
    "scan": ("tf.scan(lambda a, t: pooled(t), tf.stack([image] * 3), tf.zeros((4, 4, 4, 3)))",
             "avg_pool2d", Mode.EAGER, _POOLED, _HALF),
    "cond": ("tf.cond(tf.reduce_sum(image) > 0, lambda: pooled(image), lambda: pooled(-image))",
             "avg_pool2d", Mode.EAGER, _POOLED, _HALF),
    "keras.ops.fori_loop": (
        "keras.ops.fori_loop(0, 3, lambda i, t: keras.ops.average_pool(t, 2, 1, 'same'), image)",
        "average_pool", Mode.EAGER, 1, (4, 8, 8, 3),
    ),
    "exported and loaded": (
        "folder = tempfile.mkdtemp()\nsmall().export(folder, verbose=False)\n"
        "layers.TFSMLayer(folder, call_endpoint='serve')(image)",
        "TFSMLayer", Mode.EAGER, 3, (4, 2),
    ),
    "saved and loaded": (
        "path = os.path.join(tempfile.mkdtemp(), 'm.keras')\nsmall().save(path)\n"
        "keras.models.load_model(path)(image)",
        "Conv2D", Mode.EAGER, 3, (4, 6, 6, 4),
    ),
    "cloned": ("keras.models.clone_model(small())(image)", "Conv2D", Mode.EAGER, 1, (4, 6, 6, 4)),
    "predict_step": (
        "class M(keras.Sequential):\n    def predict_step(self, data):\n        return pooled(data)\n"
        "M([layers.Flatten()]).predict(x, verbose=0)",
        "avg_pool2d", Mode.GRAPH, _POOLED, (8, 4, 4, 3),
    ),
    "train_step": (
        "class M(keras.Sequential):\n    def train_step(self, data):\n        with tf.GradientTape():\n"
        "            told = keras.losses.MeanSquaredError()(data[1], self(data[0]))\n        return {'loss': told}\n"
        "m = M([layers.Flatten(), layers.Dense(2)])\nm.compile('sgd')\nm.fit(x, y, verbose=0)",
        "MeanSquaredError", Mode.GRAPH, 4, (),
    ),
    "mixed precision": (
        "keras.mixed_precision.set_global_policy('mixed_float16')\nh = layers.Conv2D(4, 3)(image)\n"
        "keras.mixed_precision.set_global_policy('float32')",
        "Conv2D", Mode.EAGER, 2, (4, 6, 6, 4),
    ),
    "run_eagerly": ("small(run_eagerly=True).fit(x, y, verbose=0)", "Conv2D", Mode.EAGER, 1, (8, 6, 6, 4)),
    "functions run eagerly": (
        "tf.config.run_functions_eagerly(True)\ntf.function(pooled)(image)\ntf.config.run_functions_eagerly(False)",
        "avg_pool2d", Mode.EAGER, _POOLED, _HALF,
    ),
    "steps_per_execution": (
        "small(steps_per_execution=2).fit(x, y, batch_size=2, verbose=0)", "Conv2D", Mode.GRAPH, 1, (2, 6, 6, 4),
    ),
    "a callback": (
        "class C(keras.callbacks.Callback):\n    def on_epoch_end(self, epoch, logs=None):\n"
        "        self.model(x[:3])\nsmall().fit(x, y, verbose=0, callbacks=[C()])",
        "Sequential", Mode.EAGER, 3, (3, 2),
    ),
    "a dict of inputs": (
        "a = keras.Input((8, 8, 3), name='a')\nm = keras.Model({'a': a}, {'out': layers.Conv2D(4, 3)(a)})\n"
        "m({'a': image})",
        "Conv2D", Mode.EAGER, 3, (4, 6, 6, 4),
    ),
    "a sparse input": ("layers.Dense(3)(tf.sparse.from_dense(tf.ones((2, 5))))", "Dense", Mode.EAGER, 1, (2, 3)),
    "a PyDataset with workers": (
        "class D(keras.utils.PyDataset):\n    def __len__(self):\n        return 2\n"
        "    def __getitem__(self, i):\n        return tf.nn.avg_pool2d(x[:2], 1, 1, 'SAME').numpy(), y[:2]\n"
        "small().fit(D(workers=2), verbose=0)",
        "avg_pool2d", Mode.EAGER, 5, (2, 8, 8, 3),
    ),
    "a generator": (
        "def batches():\n    while True:\n        yield x[:2], y[:2]\n"
        "small().fit(batches(), steps_per_epoch=2, verbose=0)",
        "Conv2D", Mode.GRAPH, 4, _BATCH,
    ),
    "py_function": ("tf.py_function(pooled, [image], tf.float32)", "avg_pool2d", Mode.EAGER, _POOLED, _HALF),
    "recompute_grad": ("tf.recompute_grad(pooled)(image)", "avg_pool2d", Mode.EAGER, _POOLED, _HALF),
    "remat": ("keras.remat(layers.Conv2D(4, 3))(image)", "Conv2D", Mode.EAGER, 1, (4, 6, 6, 4)),
    "a pool of threads": (
        "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(2) as threads:\n"
        "    list(threads.map(pooled, [image, image]))",
        "avg_pool2d", Mode.EAGER, _POOLED, _HALF,
    ),
    "await": ("import asyncio\nh = await asyncio.to_thread(pooled, image)", "avg_pool2d", Mode.EAGER, _POOLED, _HALF),
    "a concrete function": (
        "f = tf.function(pooled).get_concrete_function(tf.TensorSpec((None, 8, 8, 3)))\nf(image)",
        "avg_pool2d", Mode.GRAPH, _POOLED, (None, 4, 4, 3),
    ),
    "a graph of TensorFlow 1": (
        "with tf.Graph().as_default():\n    pooled(tf.compat.v1.placeholder(tf.float32, (None, 8, 8, 3)))",
        "avg_pool2d", Mode.GRAPH, _POOLED, (None, 4, 4, 3),
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", _WAYS)
def test_a_call_in_this_way_is_a_row(way: str) -> None:
    lines, op, mode, line, output = _WAYS[way]
    report = conv_magic.run(f"{_HEAD}{lines}\n")
    assert report.error is None
    assert report.diagnoses == ()
    rows = [
        (call.mode, call.span.line - _LINES if call.span else None, call.output)
        for call in report.trace.calls
        if call.op == op
    ]
    assert (mode, line, output) in rows
