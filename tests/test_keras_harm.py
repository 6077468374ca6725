"""What a program computes, saves, raises and warns of is the same inside `conv_magic.trace()` and outside of it."""

from __future__ import annotations

import asyncio
import copy
import gc
import inspect
import os
import pickle
import random
import re
import subprocess
import sys
import threading
import warnings
import weakref
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import conv_magic

Scenario = Callable[[Path], object]
SAME: list[Scenario] = []


def same(scenario: Scenario) -> Scenario:
    """A program that must give the same answer traced as plain; it gets a folder of its own."""
    SAME.append(scenario)
    return scenario


def _bits(value: object) -> object:
    """The value with each array as its bytes, to be compared exactly."""
    if isinstance(value, list | tuple):
        return [_bits(element) for element in value]
    if isinstance(value, dict):
        return {key: _bits(element) for key, element in value.items()}
    if hasattr(value, "numpy") or isinstance(value, np.ndarray):
        array = np.asarray(value)
        return str(array.dtype), array.shape, array.tobytes()
    return value


def _ran(scenario: Scenario, folder: Path) -> object:
    """The scenario's answer from a known start, and where it leaves names and random numbers."""
    folder.mkdir()
    keras.utils.clear_session()
    keras.utils.set_random_seed(7)
    answer = _bits(scenario(folder))
    after = random.random(), np.random.rand(), float(tf.random.uniform(())), layers.Dense(1).name
    return answer, after


@pytest.fixture(autouse=True)
def _settings_as_they_were() -> Iterator[None]:
    yield
    keras.config.set_dtype_policy("float32")
    keras.config.enable_traceback_filtering()
    tf.config.run_functions_eagerly(False)


def _images(count: int = 4) -> Any:
    return np.random.default_rng(0).random((count, 8, 8, 1), dtype="float32")


def _labels(count: int = 4) -> Any:
    return np.random.default_rng(1).random((count, 2), dtype="float32")


def _model() -> Any:
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(3, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )


@keras.saving.register_keras_serializable("conv_magic_tests")
class Gated(layers.Layer):
    """A layer of the user's own, with layers of Keras in it and a keyword named `layer`."""

    def __init__(self, filters: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.inner = layers.Conv2D(filters, 3, padding="same")

    def call(self, x: Any, layer: Any = 1.0) -> Any:
        return self.inner(x) * tf.sigmoid(x) * layer

    def build(self, shape: Any) -> None:
        self.inner.build(shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "filters": self.filters}


class Net(keras.Model):
    """A subclassed model."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.gated = Gated(1)
        self.out = layers.Dense(2)

    def call(self, x: Any) -> Any:
        return self.out(layers.Flatten()(self.gated(x, layer=tf.constant(0.5))))


# --- training ---------------------------------------------------------------------------------------------------


def _fitted(model: Any, **options: Any) -> Any:
    model.compile("adam", "mse", metrics=["mae"], **options)
    history = model.fit(_images(8), _labels(8), epochs=2, batch_size=4, verbose=0).history
    return history, model.get_weights()


@same
def fit_evaluate_predict(folder: Path) -> object:
    model = _model()
    model.compile("adam", "mse")
    history = model.fit(_images(8), _labels(8), verbose=0, validation_split=0.25).history
    told = model.evaluate(_images(), _labels(), verbose=0), model.predict(_images(), verbose=0)
    return history, told, model.get_weights()


@same
def fit_of_a_subclassed_model(folder: Path) -> object:
    return _fitted(Net())


@same
def fit_run_eagerly(folder: Path) -> object:
    return _fitted(_model(), run_eagerly=True)


@same
def fit_compiled_by_xla(folder: Path) -> object:
    model = keras.Sequential([layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(2)])
    model.compile("sgd", "mse", jit_compile=True)
    return model.fit(_images(), _labels(), verbose=0).history, model.get_weights()


@same
def fit_in_mixed_precision(folder: Path) -> object:
    keras.config.set_dtype_policy("mixed_bfloat16")
    return _fitted(_model())


@same
def fit_with_a_train_step_of_ones_own(folder: Path) -> object:
    class Own(Net):
        def train_step(self, data: Any) -> Any:
            x, y = data
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((self(x, training=True) - y) ** 2)
            self.optimizer.apply_gradients(
                zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables, strict=True)
            )
            for metric in self.metrics:
                metric.update_state(y, self(x)) if metric.name != "loss" else metric.update_state(loss)
            return {metric.name: metric.result() for metric in self.metrics}

    return _fitted(Own())


@same
def fit_with_callbacks(folder: Path) -> object:
    model, told = _model(), []
    model.compile(keras.optimizers.SGD(use_ema=True), "mse", steps_per_execution=2)
    callbacks = [
        keras.callbacks.ModelCheckpoint(folder / "best.keras"),
        keras.callbacks.EarlyStopping("loss"),
        keras.callbacks.ReduceLROnPlateau("loss"),
        keras.callbacks.BackupAndRestore(str(folder / "backup")),
        keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: told.append((epoch, logs))),
    ]
    model.fit(_images(8), _labels(8), epochs=3, batch_size=2, verbose=0, callbacks=callbacks)
    return told, model.get_weights(), keras.saving.load_model(folder / "best.keras").get_weights()


@same
def layers_around_layers(folder: Path) -> object:
    recurrent = [layers.ConvLSTM2D(1, 3, return_sequences=True), layers.TimeDistributed(layers.Conv2D(1, 3))]
    model = keras.Sequential([*recurrent, layers.Reshape((3, 16)), layers.Bidirectional(layers.GRU(2))])
    lines: list[str] = []
    answer = model(np.ones((1, 3, 8, 8, 1), "float32"))
    model.summary(print_fn=lambda line, **_: lines.append(line))
    state = model.stateless_call(model.trainable_variables, model.non_trainable_variables, tf.ones((1, 3, 8, 8, 1)))
    return answer, lines, state[0], [layer.name for layer in model.layers]


@same
def a_session(folder: Path) -> object:
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, (None, 8, 8, 1))
        y = v1.nn.avg_pool2d(v1.nn.conv2d(x, np.ones((2, 2, 1, 1)), strides=[1, 1, 1, 1], padding="SAME"), 2, 2, "SAME")
        return session.run([y, v1.gradients(y, x)], {x: _images()})


@same
def batches(folder: Path) -> object:
    model = _model()
    model.compile("sgd", keras.losses.Huber(), metrics=[keras.metrics.MeanSquaredError()])
    train = [model.train_on_batch(_images(), _labels()) for _ in range(3)]
    return train, model.test_on_batch(_images(), _labels()), model.predict_on_batch(_images())


@same
def a_tape_loop(folder: Path) -> object:
    model = _model()
    optimizer = keras.optimizers.Adam()
    kernel = tf.Variable(tf.random.normal((3, 3, 1, 1)))
    told = []
    for _ in range(3):
        with tf.GradientTape(persistent=True) as tape:
            x = tf.nn.conv2d(_images(), kernel, 1, "SAME")
            loss = keras.losses.mean_squared_error(_labels(), model(x, training=True))
        gradients = tape.gradient(loss, [kernel, *model.trainable_variables])
        optimizer.apply_gradients(zip(gradients[1:], model.trainable_variables, strict=True))
        told += [loss, gradients]
    return told, optimizer.variables


@same
def derivatives_of_every_kind(folder: Path) -> object:
    x, kernel = tf.constant(_images(1)), tf.ones((3, 3, 1, 2))

    def conv(value: Any) -> Any:
        return tf.nn.conv2d(value, kernel, 1, "SAME")

    with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as forward:
        y = conv(x)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            z = tf.reduce_sum(conv(x) ** 3)
        first = inner.gradient(z, x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        again = tf.recompute_grad(conv)(x)
    second = outer.gradient(first, x), tape.gradient(again, x)
    return forward.jvp(y), first, second, tf.vectorized_map(lambda image: conv(image[None]), x)


# --- graphs -----------------------------------------------------------------------------------------------------


@same
def counts_of_tracing(folder: Path) -> object:
    model, layer = _model(), Gated(1)

    @tf.function
    def step(x: Any, factor: float = 1.0) -> Any:
        return model(x) * factor + tf.reduce_sum(tf.nn.max_pool2d(layer(x), 2, 2, "SAME"))

    given = tf.function(lambda op, x: op(x, tf.ones((2, 2, 1, 1)), 1, "SAME"))
    relaxed = tf.function(model.__call__, reduce_retracing=True)
    told = []
    for count in (1, 2, 2, 3, 1):
        told += [step(_images(count)), step(tf.constant(_images(count)), factor=2.0)]
        told += [given(tf.nn.conv2d, tf.constant(_images(count))), relaxed(tf.constant(_images(count)))]
    return told, [f.experimental_get_tracing_count() for f in (step, given, relaxed)]


@same
def graph_control_flow(folder: Path) -> object:
    layer = layers.Conv2D(1, 3, padding="same")

    @tf.function
    def loop(x: Any) -> Any:
        for _ in tf.range(3):
            x = layer(x) if tf.reduce_sum(x) > 0 else tf.nn.avg_pool2d(x, 3, 1, "SAME")
        return tf.map_fn(lambda image: layer(image[None])[0], x)

    return loop(tf.constant(_images()))


@same
def an_output_shape_known_when_the_graph_runs(folder: Path) -> object:
    shape = tf.Variable([1, 8, 8, 1])

    @tf.function
    def up(x: Any, size: Any) -> Any:
        kernel = tf.ones((2, 2, 1, 1))
        return [
            tf.nn.conv2d_transpose(x, kernel, shape, 2, "SAME"),
            tf.nn.conv2d_transpose(x, kernel, tf.stack([1, size, size, 1]), 2, "SAME"),
            tf.nn.conv2d_transpose(x, kernel, [1, size, 8, 1], 2, "SAME"),
        ]

    return up(tf.ones((1, 4, 4, 1)), tf.constant(8))


@same
def datasets(folder: Path) -> object:
    layer = layers.Conv2D(2, 3)
    layer.build((None, 8, 8, 1))
    data = tf.data.Dataset.from_tensor_slices(_images(6)).batch(2)
    mapped = data.map(layer, num_parallel_calls=2).map(lambda x: tf.nn.max_pool2d(x, 2, 2, "VALID")).prefetch(1)
    called = data.map(lambda x: tf.py_function(lambda y: tf.nn.relu(layer(y)), [x], tf.float32))
    return list(mapped), list(called), str(mapped.element_spec)


@same
def fit_of_generators(folder: Path) -> object:
    class Sequence(keras.utils.PyDataset):
        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int) -> Any:
            return _images(), _labels() * index

    def generated() -> Iterator[Any]:
        while True:
            yield _images(), _labels()

    model = _model()
    model.compile("sgd", "mse")
    given = (Sequence(), generated(), tf.data.Dataset.from_tensors((_images(), _labels())).repeat(2))
    return [model.fit(each, steps_per_epoch=2, verbose=0).history for each in given], model.get_weights()


# --- saving and copying -----------------------------------------------------------------------------------------


def _functional() -> Any:
    first, second = keras.Input((8, 8, 1), name="first"), keras.Input((8, 8, 1), name="second")
    shared = layers.Conv2D(2, 3, padding="same")
    x = layers.Concatenate()([shared(first), shared(second), keras.ops.max_pool(first, 2, 1, "same")])
    return keras.Model([first, second], layers.GlobalAveragePooling2D()(Gated(5)(x)))


@same
def saved_and_loaded(folder: Path) -> object:
    model = _functional()
    model.save(folder / "model.keras")
    model.save_weights(folder / "model.weights.h5")
    again = keras.saving.load_model(folder / "model.keras")
    with zipfile.ZipFile(folder / "model.keras") as archive:
        config = re.sub(rb'"shared_object_id": \d+', b"", archive.read("config.json"))  # the object's address
    again.load_weights(folder / "model.weights.h5")
    rebuilt = keras.models.model_from_json(model.to_json())
    return config, again.predict([_images(), _images()], verbose=0), rebuilt.count_params()


@same
def copies(folder: Path) -> object:
    model = _model()
    made = [pickle.loads(pickle.dumps(model)), copy.deepcopy(model), copy.copy(model), keras.models.clone_model(model)]
    shared = keras.models.clone_model(_functional(), clone_function=lambda layer: copy.deepcopy(layer))
    conv = layers.Conv2D(2, 3)
    conv(_images())
    twins = [copy.deepcopy(conv), pickle.loads(pickle.dumps(conv)), layers.Conv2D.from_config(conv.get_config())]
    return [m.predict(_images(), verbose=0) for m in made], shared.count_params(), [t(_images()) for t in twins]


@same
def exported(folder: Path) -> object:
    model = Net()
    model(_images())
    model.export(folder / "exported", verbose=False)
    tf.saved_model.save(model, str(folder / "saved"))
    tf.train.Checkpoint(model=model).write(str(folder / "checkpoint"))
    served = tf.saved_model.load(str(folder / "exported"))
    wrapped = layers.TFSMLayer(folder / "exported", call_endpoint="serve")
    return served.serve(_images()), wrapped(_images()), sorted(path.name for path in folder.rglob("*"))


@same
def serialized_functions(folder: Path) -> object:
    functions = [tf.nn.relu, tf.nn.conv2d, keras.ops.conv, keras.losses.Loss.__call__, keras.Model.train_on_batch]
    told: list[object] = [pickle.loads(pickle.dumps(function)) is function for function in functions]
    told += [str(inspect.signature(function)) for function in [*functions, layers.Layer, layers.Conv2D, keras.Model]]
    told += [function.__qualname__ for function in functions]
    told.append(keras.saving.serialize_keras_object(layers.Activation(tf.nn.relu))["config"])
    return told


def test_what_was_saved_in_one_way_is_loaded_in_the_other(tmp_path: Path) -> None:
    with conv_magic.trace():
        traced = _functional()
        traced.save(tmp_path / "traced.keras")
        pickled = pickle.dumps(traced)
    plain = _functional()
    plain.save(tmp_path / "plain.keras")
    given = [_images(), _images()]
    for again in (keras.saving.load_model(tmp_path / "traced.keras"), pickle.loads(pickled), copy.deepcopy(traced)):
        np.testing.assert_array_equal(again.predict(given, verbose=0), traced.predict(given, verbose=0))
    with conv_magic.trace():
        loaded = keras.saving.load_model(tmp_path / "plain.keras")
        np.testing.assert_array_equal(loaded.predict(given, verbose=0), plain.predict(given, verbose=0))


# --- errors and warnings ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Frozen(Exception):
    """An error that nothing may be set on."""

    code: int


class Mute(Exception):
    """An error without words."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


def _raising(error: BaseException) -> Any:
    class Raises(layers.Layer):
        def call(self, x: Any) -> Any:
            raise error

    return Raises()


ERRORS = (Frozen(3), Mute(), KeyError("a"), StopIteration(1), KeyboardInterrupt(), SystemExit(2), RecursionError())


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("filtered", [True, False])
def test_the_blocks_own_error_comes_out(error: BaseException, filtered: bool) -> None:
    if not filtered:
        keras.config.disable_traceback_filtering()
    layer = _raising(error)
    with pytest.raises(BaseException) as plain:  # noqa: PT011  of every kind
        layer(_images())
    with pytest.raises(BaseException) as inner, conv_magic.trace():  # noqa: PT011
        layer(_images())
    assert type(inner.value) is type(plain.value)
    assert (inner.value is error) == (plain.value is error)


@same
def errors_that_are_caught(folder: Path) -> object:
    told = []
    attempts: list[Callable[[], object]] = [
        lambda: layers.Conv2D(2, 3)(tf.zeros((8, 8, 1))),
        lambda: layers.Conv2D(2, 3)(layer=1),
        lambda: layers.Conv2D(2, 3, nonsense=1),
        lambda: tf.nn.conv2d(tf.zeros((1, 8, 8, 3)), tf.zeros((3, 3, 2, 4)), 1, "SAME"),
        lambda: tf.nn.conv2d(tf.zeros((1, 8, 8, 3)), tf.zeros((3, 3, 3, 4)), 1, "SAME", data_format=["NHWC"]),
        lambda: tf.nn.conv2d(),
        lambda: _raising(Frozen(1))(_images()),
        lambda: _model().fit(_images(), _labels()),
        lambda: _model()(_images(), nonsense=1),
    ]
    for filtered in (True, False):
        (keras.config.enable_traceback_filtering if filtered else keras.config.disable_traceback_filtering)()
        for attempt in attempts:
            try:
                attempt()
            except Exception as error:
                told.append((type(error).__name__, str(error)))
    return told


@same
def warnings_name_the_same_line(folder: Path) -> object:
    class Warns(layers.Layer):
        def call(self, x: Any) -> Any:
            for level in range(1, 9):
                warnings.warn(f"level {level}", stacklevel=level)
            return x

    class WarningLoss(keras.losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            for level in range(1, 5):
                warnings.warn(f"loss {level}", stacklevel=level)
            return y_pred

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Warns()(_images())
        WarningLoss()(_labels(), _labels())
    return [(str(each.message), each.filename, each.lineno) for each in caught]


# --- layers unlike others ---------------------------------------------------------------------------------------


@same
def layers_that_compare_by_value(folder: Path) -> object:
    class ByValue(layers.Layer):
        def __init__(self, value: int) -> None:
            super().__init__()
            self.value = value

        def __eq__(self, other: object) -> bool:
            return isinstance(other, ByValue) and self.value == other.value

        __hash__ = None  # type: ignore[assignment]  # what Python itself does beside an __eq__

        def call(self, x: Any) -> Any:
            return x * self.value

    return [ByValue(value)(tf.ones((2, 2))) for value in (1, 1, 2)]


@same
def layers_that_hash_what_they_are_given_later(folder: Path) -> object:
    class Late(layers.Layer):
        def __init__(self, value: int) -> None:
            super().__init__()
            self.value = value

        def __hash__(self) -> int:
            return hash(self.value)

        def __eq__(self, other: Any) -> bool:
            return bool(self.value == other.value)

        def call(self, x: Any) -> Any:
            return x * self.value

    return [Late(value)(tf.ones((2, 2))) for value in (1, 1, 2)]


@same
def layers_with_calls_and_constructors_of_their_own(folder: Path) -> object:
    class Own(layers.Layer):
        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            made = super().__new__(cls, *args, **kwargs)
            made.marked = True
            return made

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return super().__call__(*args, **kwargs) + 1

        def call(self, inputs: dict[str, Any], *, layer: Any = None, hook: Any = None, frame: Any = None) -> Any:
            return inputs["a"] + inputs["b"][0] + layer + hook + frame

    own = Own()
    ones = tf.ones((2, 2))
    return own({"a": ones, "b": [ones]}, layer=ones, hook=1, frame=np.ones((2, 2), "float32")), own.marked


@same
def arguments_unlike_tensors(folder: Path) -> object:
    class Odd:
        @property
        def shape(self) -> Any:
            raise RuntimeError("ask me later")

    class Counts:
        asked = 0

        @property
        def shape(self) -> Any:
            self.asked += 1
            return ("a", None)

    class Takes(layers.Layer):
        def call(self, x: Any, odd: Any = None, once: Any = None, nest: Any = None, sparse: Any = None) -> Any:
            return x

    once = iter(range(3))
    ragged = tf.ragged.constant([[1.0], [2.0, 3.0]])
    sparse = tf.sparse.from_dense(tf.eye(3))
    layer = Takes()
    counts = Counts()
    plain = layer(_images(), odd=Odd(), once=once, nest=[Odd(), {"a": counts, "b": {1, 2}}], sparse=sparse)
    return plain, list(once), layer(ragged, nest=[ragged]).to_list(), layers.Dense(1)(sparse)


def test_a_keyword_named_as_one_of_ours_is_an_argument_like_others() -> None:
    with conv_magic.trace() as tracing:
        Gated(1)(_images(), layer=tf.ones((1, 8, 8, 1)))
    assert tracing.report is not None
    outer = tracing.report.trace.calls[0]
    assert (outer.op, outer.inputs) == ("Gated", ((4, 8, 8, 1), (1, 8, 8, 1)))


def test_an_argument_that_contains_itself_is_no_fault_of_ours() -> None:
    endless: list[Any] = [tf.ones((2, 2))]
    endless.append(endless)
    model = _model()
    model.compile("sgd", "mse")
    with conv_magic.trace(), pytest.raises(RecursionError):
        model.fit(endless)


def test_the_guard_looks_at_an_output_shape_each_time() -> None:
    cell = (
        "import tensorflow as tf\nx, kernel = tf.ones((1, 4, 4, 1)), tf.ones((2, 2, 1, 1))\n"
        "for size in (8, 8, 8, 7, 7, -1):\n"
        "    tf.nn.conv2d_transpose(x, kernel, tf.constant([1, size, 8, 1]), 2, 'SAME')\n"
    )
    # in a process of its own, which TensorFlow would end
    told = f"import conv_magic\nreport = conv_magic.run({cell!r})\nprint([c.outcome.name for c in report.trace.calls])"
    for onednn, outcome in (("1", "GUARDED"), ("0", "RAISED")):
        environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": onednn}
        done = subprocess.run(
            [sys.executable, "-c", told], env=environment, capture_output=True, text=True, check=False
        )
        assert done.stdout.strip() == str(["RETURNED", "RETURNED", outcome]), done.stderr[-2000:]


# --- at the same time -------------------------------------------------------------------------------------------


@same
def threads(folder: Path) -> object:
    model = _model()
    kernels = [tf.fill((3, 3, 1, 2), float(number)) for number in range(8)]

    def work(number: int) -> Any:
        pooled = tf.nn.max_pool2d(tf.nn.conv2d(_images(), kernels[number], 1, "SAME"), 2, 2, "VALID")
        return pooled, model(_images() * number)

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(work, range(8)))


@same
def tasks(folder: Path) -> object:
    layer = layers.Conv2D(1, 3, padding="same")

    async def work(number: int) -> Any:
        x = tf.constant(_images()) * number
        for _ in range(3):
            x = layer(x)
            await asyncio.sleep(0)
        return x

    async def main() -> Any:
        return await asyncio.gather(*map(work, range(4)))

    return asyncio.run(main())


@same
def patched_by_the_program_itself(folder: Path) -> object:
    seen: list[str] = []
    original = keras.losses.Loss.__call__

    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(self.name)
        return original(self, *args, **kwargs)

    with mock.patch.object(keras.losses.Loss, "__call__", counted):
        value = keras.losses.MeanSquaredError()(_labels(), _labels() + 1)
    return value, seen, keras.losses.MeanSquaredError()(_labels(), _labels())


def test_nothing_of_the_blocks_is_kept_alive() -> None:
    held: list[weakref.ref[Any]] = []
    gc.collect()
    gc.disable()
    try:
        with conv_magic.trace():
            layer = Gated(1)
            layer(_images())  # the graph in which Keras builds it keeps its input
            x = tf.constant(_images())
            y = layer(x)
            z = tf.nn.conv2d(y, tf.ones((1, 1, 1, 1)), 1, "SAME")
            held += [weakref.ref(each) for each in (x, y, z)]
            del x, y, z
            assert [ref() for ref in held] == [None] * 3
            held.append(weakref.ref(layer))
            del layer
            gc.collect()  # a layer of Keras is part of cycles of its own
            assert held[-1]() is None
    finally:
        gc.enable()


def test_a_layer_made_in_a_block_works_on_after_it() -> None:
    with conv_magic.trace():
        model = _model()
        model.compile("sgd", "mse")
        model.fit(_images(), _labels(), verbose=0)
        step = tf.function(lambda x: model(x))
        step(tf.constant(_images()))
    traced = [model.fit(_images(count), _labels(count), verbose=0).history["loss"] for count in (4, 6)]
    step(tf.constant(_images(3)))
    assert all(np.isfinite(traced))
    assert step.experimental_get_tracing_count() == 2
    done: list[Any] = []
    thread = threading.Thread(target=lambda: done.append(model.predict(_images(), verbose=0)))
    thread.start()
    thread.join()
    np.testing.assert_array_equal(done[0], model.predict(_images(), verbose=0))


# --- the comparison ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scenario", SAME, ids=lambda scenario: scenario.__name__)
def test_it_is_the_same_traced_as_plain(scenario: Scenario, tmp_path: Path) -> None:
    plain = _ran(scenario, tmp_path / "plain")
    with conv_magic.trace() as tracing:
        traced = _ran(scenario, tmp_path / "traced")
    assert tracing.report is not None
    assert traced == plain
