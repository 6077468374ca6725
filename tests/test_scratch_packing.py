"""What travels to the scratch process, in what form, and that looking at it changes nothing."""

from __future__ import annotations

import itertools
import linecache
import pickle
import random
import textwrap
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from conv_magic.sandbox import packing
from conv_magic.sandbox.names import names_needed
from conv_magic.sandbox.packing import FEW, pack_names
from conv_magic.sandbox.scratch import Scratch
from conv_magic.sandbox.trial import Ended

_cells = itertools.count(1)


def run_cell(source: str, namespace: dict[str, Any]) -> None:
    """Run a cell as a notebook does: Python can find its text again."""
    text, filename = textwrap.dedent(source), f"<packing cell {next(_cells)}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    exec(compile(text, filename, "exec", dont_inherit=True), namespace)


@pytest.fixture(scope="module")
def scratch() -> Iterator[Scratch]:
    with Scratch() as warm:
        yield warm


@pytest.fixture
def notebook() -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    run_cell("import numpy as np, tensorflow as tf\nfrom tensorflow import keras\nfrom keras import layers", namespace)
    return namespace


def holds(scratch: Scratch, source: str, namespace: dict[str, Any]) -> None:
    packed = pack_names(textwrap.dedent(source), namespace)
    assert packed.missing == ()
    trial = scratch.try_cell(textwrap.dedent(source), packed.names, filename="<cell>", limit=60)
    assert trial.ended is Ended.RAN, (trial.line, trial.error)


@pytest.mark.parametrize(
    ("source", "needed"),
    [
        ("y = x + 1", {"x"}),
        ("x = x[..., None]", {"x"}),
        ("x += 1", {"x"}),
        ("import numpy as np\nnp.zeros(n)", {"n"}),
        ("import keras.layers\nkeras.Model", set()),
        ("x = 1\ndef f(a, b=c): return a + x + d", {"c", "d"}),
        ("def f(): return g()\ndef g(): return h", {"h"}),
        ("f(); f = 1", {"f"}),
        ("images = [images[i] for i in order]", {"images", "order"}),
        ("y = [i for i in range(3)]\nprint(i)", {"range", "print", "i"}),
        ("if a:\n    x = 1\nx", {"a", "x"}),
        ("if a:\n    x = 1\nelse:\n    x = 2\nx", {"a"}),
        ("for i in a:\n    x = i\nx", {"a"}),
        ("try:\n    import m\nexcept ImportError:\n    m = None\nm", {"ImportError"}),
        ("with a as b:\n    b", {"a"}),
        ("class A(B):\n    c = 1\n    d = c + e\n    def f(self): return g", {"B", "e", "g"}),
        ("f = lambda x: x + y", {"y"}),
        ("if (n := a) > 1: n", {"a"}),
        ("match a:\n    case [b, *c]: b, c\n    case _: d", {"a", "d"}),
        ("%%convshapes\n!ls\nx", {"x"}),
        ("await a", {"a"}),
        ("del x", set()),
        ("x = (", set()),
    ],
)
def test_names_needed(source: str, needed: set[str]) -> None:
    assert names_needed(source) == needed


def test_only_what_is_needed_travels(notebook: dict[str, Any]) -> None:
    run_cell("a = 1\nb = a\nsecret = open(__import__('os').devnull)\n", notebook)
    packed = pack_names("b + len([unknown])", notebook)
    assert set(packed.names) == {"b"}
    assert packed.missing == ()


def test_what_cannot_travel_is_missing(notebook: dict[str, Any]) -> None:
    run_cell("file = open(__import__('os').devnull)\ndef f(): return file\nnumbers = (i for i in range(9))", notebook)
    packed = pack_names("f(), numbers", notebook)
    assert packed.missing == ("file", "numbers")
    assert list(notebook["numbers"]) == list(range(9))
    notebook["file"].close()


def test_too_large_a_value_is_missing(notebook: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "_MOST", 1000)
    notebook["words"] = [str(i) for i in range(1000)]
    assert pack_names("words", notebook).missing == ("words",)


def test_functions_of_earlier_cells(scratch: Scratch, notebook: dict[str, Any]) -> None:
    run_cell(
        """
        import functools
        kernel = tf.ones((3, 3, 1, 4))
        twice = lambda x: 2 * x
        def convolve(x, stride=1):
            return twice(tf.nn.conv2d(x, kernel, stride, "SAME"))
        @tf.function
        def step(x):
            if tf.reduce_sum(x) > 0:  # AutoGraph needs the text
                x = -x
            return convolve(x, 2)
        plain_step = tf.function(convolve)
        @functools.lru_cache
        def size():
            return SIZE
        """,
        notebook,
    )
    run_cell("SIZE = 28", notebook)
    holds(
        scratch,
        """
        x = tf.zeros((1, size(), 28, 1))
        assert convolve(x).shape == (1, 28, 28, 4)
        assert step(x).shape == (1, 14, 14, 4) and plain_step(x).shape == (1, 28, 28, 4)
        kernel = tf.ones((3, 3, 1, 8))
        assert convolve(x).shape == (1, 28, 28, 8), "a function sees the names of the cell"
        """,
        notebook,
    )


LAYERS = """
class Block(layers.Layer):
    def __init__(self, filters, **options):
        super().__init__(**options)
        self.filters = filters
        self.conv = layers.Conv2D(filters, 3)
    def call(self, x):
        return tf.nn.relu(self.conv(x))
    def get_config(self):
        return {**super().get_config(), "filters": self.filters}
class Bare(layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.parts = [layers.Dense(units), layers.Dense(units)]
    def call(self, x):
        for part in self.parts:
            x = part(x)
        return x
class Net(keras.Model):
    def __init__(self, filters, classes):
        super().__init__()
        self.block, self._flatten, self.head = Block(filters), layers.Flatten(), Bare(classes)
        self.classes = classes
    def call(self, x):
        return self.head(self._flatten(self.block(x)))
def own_loss(y, p):
    return tf.reduce_mean((y - p) ** 2)
"""


def test_keras_objects(scratch: Scratch, notebook: dict[str, Any]) -> None:
    run_cell(LAYERS, notebook)
    run_cell(
        """
        images, labels = np.zeros((20, 8, 8, 1), "float32"), np.zeros((20, 3), "float32")
        conv = layers.Conv2D(5, 3, name="mine")
        conv(images)
        sequential = keras.Sequential([keras.Input((8, 8, 1)), Block(2), layers.Flatten(), Bare(3)])
        sequential.compile(keras.optimizers.SGD(0.5), own_loss, metrics=["mae"])
        net = Net(2, 3)
        net.compile("adam", "mse")
        net.fit(images, labels, verbose=0)
        """,
        notebook,
    )
    holds(
        scratch,
        """
        assert conv.name == "mine" and conv.built and conv.kernel.shape == (3, 3, 1, 5)
        try:
            conv(tf.zeros((1, 8, 8, 2)))
            raise AssertionError("the layer forgot the channels it was built for")
        except ValueError:
            pass
        assert sequential.output_shape == (None, 3)
        assert float(sequential.optimizer.learning_rate) == 0.5
        sequential.fit(images, labels)
        assert net(images).shape == (20, net.classes)
        net.fit(images, labels)
        """,
        notebook,
    )


def test_symbolic_tensors_stay_in_one_graph(scratch: Scratch, notebook: dict[str, Any]) -> None:
    run_cell("i = keras.Input((8, 8, 1))\nh = layers.Conv2D(4, 3, name='first')(i)\nk = layers.ReLU()(h)", notebook)
    holds(
        scratch,
        """
        model = keras.Model(i, [layers.Flatten()(k), h])
        assert model.output_shape == [(None, 144), (None, 6, 6, 4)]
        assert model.get_layer("first").filters == 4
        """,
        notebook,
    )


def test_a_dataset_travels_as_its_element_spec(scratch: Scratch, notebook: dict[str, Any]) -> None:
    run_cell(
        """
        read = 0
        def rows():
            global read
            while True:
                read += 1
                yield np.zeros((8, 8, 1)), 1
        spec = (tf.TensorSpec((8, 8, 1)), tf.TensorSpec((), tf.int32))
        train = tf.data.Dataset.from_generator(rows, output_signature=spec).batch(16)
        train.class_names = ["cat", "dog"]
        """,
        notebook,
    )
    holds(
        scratch,
        """
        for x, y in train:
            assert x.shape == (2, 8, 8, 1) and y.shape == (2,) and y.dtype == tf.int32
        assert len(train.class_names) == 2
        """,
        notebook,
    )
    assert notebook["read"] == 0


def test_plain_data_and_instances(scratch: Scratch, notebook: dict[str, Any]) -> None:
    run_cell(
        """
        class Settings:
            def __init__(self):
                self.sizes = [3, 5]
        settings = Settings()
        nested = {"image": tf.zeros((28, 28, 1)), "layer": layers.Dense(3), "weights": [tf.Variable(tf.ones((2, 2)))]}
        name, shape = "é", (None, 3)
        """,
        notebook,
    )
    holds(
        scratch,
        """
        assert isinstance(settings, Settings) and settings.sizes == [3, 5]
        assert nested["image"].shape == (28, 28, 1) and nested["layer"].units == 3
        nested["weights"][0].assign_add(tf.ones((2, 2)))
        assert (name, shape) == ("é", (None, 3))
        """,
        notebook,
    )


def test_long_arrays_send_a_few_samples_and_keep_their_length(scratch: Scratch, notebook: dict[str, Any]) -> None:
    run_cell("x = np.ones((60000, 28, 28), 'uint8')\ny = np.arange(60000) % 10\nt = tf.zeros((9000, 32, 32))", notebook)
    packed = pack_names("x, y, t", notebook)
    assert len(packed.names["x"]) < 28 * 28 * FEW + 1000
    holds(
        scratch,
        """
        assert x.reshape(60000, 28, 28, 1).all() and x.dtype == "uint8" and x.flags.writeable
        assert y.shape == (60000,) and set(y) == set(range(10))
        assert t.shape == (9000, 32, 32)
        """,
        notebook,
    )


def test_huge_arrays_are_cut_with_their_labels(
    scratch: Scratch, notebook: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "_HUGE", 1_000_000)
    run_cell("x = np.zeros((2000, 32, 32, 1))\ny = np.zeros(2000)\nw = np.zeros((784, 10))\n", notebook)
    holds(scratch, f"assert len(x) == len(y) == {FEW} and w.shape == (784, 10)", notebook)


def automatic_number() -> int:
    """The number in the next layer's automatic name, which this advances."""
    return int(keras.layers.Conv2D(1, 1).name.removeprefix("conv2d").lstrip("_") or 0)


def test_nothing_is_touched(notebook: dict[str, Any]) -> None:
    run_cell(LAYERS, notebook)
    run_cell(
        """
        net = Net(2, 3)
        unbuilt = layers.Conv2D(3, 3)
        i = keras.Input((8, 8, 1))
        h = layers.Conv2D(4, 3)(i)
        x = np.zeros((2000, 32, 32, 1))
        """,
        notebook,
    )
    keras.utils.set_random_seed(7)
    expected = (random.random(), np.random.rand(), float(tf.random.uniform(())), float(keras.random.uniform(())))
    number = automatic_number()
    before, nodes = dict(notebook), len(notebook["h"]._keras_history.operation._outbound_nodes)

    keras.utils.set_random_seed(7)
    packed = pack_names("net, unbuilt, i, h, x, Net, own_loss", notebook)
    assert packed.missing == ()
    assert (
        random.random(),
        np.random.rand(),
        float(tf.random.uniform(())),
        float(keras.random.uniform(())),
    ) == expected
    assert automatic_number() == number + 1
    assert {n: id(v) for n, v in notebook.items()} == {n: id(v) for n, v in before.items()}
    assert not notebook["unbuilt"].built
    assert not notebook["net"].block.conv.built
    assert len(notebook["h"]._keras_history.operation._outbound_nodes) == nodes


def test_a_namespace_that_is_not_main(scratch: Scratch) -> None:
    namespace: dict[str, Any] = {}
    run_cell("class A:\n    def f(self): return size\nsize = 3\na = A()", namespace)
    assert pickle.loads(pack_names("size", namespace).names["size"]) == 3
    holds(scratch, "assert a.f() == 3 and type(a).__name__ == 'A'", namespace)
