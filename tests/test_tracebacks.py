"""What a failing cell prints under `%%convshapes` is, letter by letter, what it prints without."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from ipython_shell import Notebook, make_shell, without_addresses
from own_code import is_own_file, names_own_code

MAGIC = "%%convshapes --no-verify --quiet"

OLD_CELL = """
def half(x):
    return layers.Conv2D(2, 9)(x)

def divide(a):
    return a / 0
"""
OWN_MODEL = """
class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.conv = layers.Conv2D(2, 3)
        self.dense = layers.Dense(4)
    def call(self, x):
        return self.dense(self.conv(x)) + tf.zeros((5, 7))
"""
SMALL = """
m = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(3)])
m.compile('sgd', {loss!r})
"""

FAILURES = {
    "a division": "x = 1\nx / 0",
    "in a called function": "def f(x):\n    return g(x)\ndef g(x):\n    return x / 0\nf(1)",
    "in a function of an earlier cell": "half(tf.zeros((1, 8, 8, 1)))",
    "a plain error of an earlier cell": "divide(1)",
    "channels in tf.nn": "tf.nn.conv2d(tf.zeros((1, 8, 8, 3)), tf.zeros((3, 3, 2, 4)), 1, 'SAME')",
    "channels in tf.nn by an alias": "x = tf.zeros((1, 8, 8, 3))\n"
    "conv2d(\n    x,\n    tf.zeros((3, 3, 2, 4)),\n    1, 'SAME')",
    "wrong arguments in tf.nn": "tf.nn.conv2d(tf.zeros((1, 8, 8, 3)), nonsense=3)",
    "a rank in Keras": "layers.Conv2D(2, 3)(tf.zeros((8, 8, 1)))",
    "a layer's own arguments": "layers.Conv2D(2, 3, nonsense=1)",
    "a window in Keras": "layers.Conv2D(2, 9)(tf.zeros((1, 8, 8, 1)))",
    "a built layer": "c = layers.Conv2D(2, 3)\nc(tf.zeros((1, 8, 8, 1)))\nc(tf.zeros((1, 8, 8, 3)))",
    "a functional build": "i = keras.Input((8, 8, 1))\nx = layers.Conv2D(2, 3)(i)\nx = layers.Conv2D(2, 7)(x)",
    "a functional merge": "i = keras.Input((8, 8, 1))\nx = layers.Conv2D(1, 3)(i)\nx = layers.Add()([x, i])",
    "a Sequential build": "keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(2, 9)])",
    "a Sequential call": "m = keras.Sequential([layers.Conv2D(2, 3), layers.Conv2D(2, 9)])\nm(tf.zeros((1, 8, 8, 1)))",
    "a subclassed model": OWN_MODEL + "Own()(tf.zeros((1, 8, 8, 1)))",
    "a custom layer": "class L(layers.Layer):\n    def call(self, x):\n        return tf.matmul(x, x)\n"
    "L()(tf.zeros((2, 3)))",
    "fit on a wrong input": SMALL.format(loss="mse") + "m.fit(np.zeros((4, 9, 9, 1)), np.zeros((4, 3)), verbose=0)",
    "fit on wrong targets": SMALL.format(loss="categorical_crossentropy")
    + "m.fit(np.zeros((4, 8, 8, 1)), np.zeros((4, 5)), verbose=0)",
    "fit with labels out of range": SMALL.format(loss="sparse_categorical_crossentropy")
    + "m.fit(np.zeros((4, 8, 8, 1)), np.full((4,), 7), verbose=0)",
    "fit of a subclassed model": OWN_MODEL + "m = Own()\nm.compile('sgd', 'mse')\n"
    "m.fit(np.zeros((4, 8, 8, 1)), np.zeros((4, 3)), verbose=0)",
    "predict": SMALL.format(loss="mse") + "m.predict(np.zeros((4, 8, 8, 3)), verbose=0)",
    "a user's callback": SMALL.format(loss="mse") + "class Stop(keras.callbacks.Callback):\n"
    "    def on_epoch_end(self, epoch, logs=None):\n"
    "        raise RuntimeError('stop')\n"
    "m.fit(np.zeros((4, 8, 8, 1)), np.zeros((4, 3)), verbose=0, callbacks=[Stop()])",
    "raised from": "try:\n    layers.Conv2D(2, 3)(tf.zeros((8, 8, 1)))\nexcept ValueError as error:\n"
    "    raise RuntimeError('outer') from error",
    "raised while another was handled": "try:\n    conv2d(tf.zeros((1, 8, 8, 3)), tf.zeros((3, 3, 2, 4)), 1, 'SAME')\n"
    "except Exception:\n    layers.Conv2D(2, 9)(tf.zeros((1, 8, 8, 1)))",
    "an interrupt in a layer": "class L(layers.Layer):\n    def call(self, x):\n        raise KeyboardInterrupt\n"
    "L()(tf.zeros((1, 8, 8, 1)))",
    "an exit in a layer": "class L(layers.Layer):\n    def call(self, x):\n        raise SystemExit(2)\n"
    "L()(tf.zeros((1, 8, 8, 1)))",
    "tracing a tf.function": "@tf.function\ndef step(x):\n    if tf.reduce_sum(x) > 0:\n        x = x + 1\n"
    "    return tf.nn.conv2d(x, tf.zeros((3, 3, 2, 4)), 1, 'SAME')\nstep(tf.zeros((1, 8, 8, 3)))",
    "running a tf.function": "@tf.function\ndef step(x):\n    y = tf.nn.conv2d(x, tf.ones((3, 3, 3, 4)), 1, 'SAME')\n"
    "    tf.debugging.assert_greater(y, 1.0, message='too small')\n    return y\nstep(tf.zeros((1, 8, 8, 3)))",
    "a convolution in a graph that runs": "@tf.function(input_signature=[tf.TensorSpec([None] * 4)])\n"
    "def step(x):\n    return tf.nn.conv2d(x, tf.zeros((3, 3, 2, 4)), 1, 'SAME')\nstep(tf.zeros((1, 8, 8, 3)))",
    "a layer in a graph that runs": "inner = tf.function(lambda x: tf.reshape(x, (-1, 7)), "
    "input_signature=[tf.TensorSpec(None)])\n"
    "m = keras.Sequential([layers.Lambda(lambda x: inner(x))])\n"
    "m.compile('sgd', 'mse')\nm.fit(np.zeros((4, 3)), np.zeros((4, 7)), verbose=0)",
    "a dataset's map": "d = tf.data.Dataset.from_tensors(tf.zeros((1, 8, 8, 3)))\n"
    "d = d.map(lambda x: tf.nn.conv2d(x, tf.zeros((3, 3, 2, 4)), 1, 'SAME'))",
    "a gradient": "with tf.GradientTape() as tape:\n"
    "    y = conv2d(tf.zeros((1, 8, 8, 3)), tf.zeros((3, 3, 3, 4)), 1, 'SAME')\n"
    "    tf.zeros((2, 3)) @ tf.zeros((2, 3))",
    "a syntax error": "x = 1\nfor:\n    pass",
    "a syntax error found late": "x = 1\nbreak",
    "an unknown name after calls": "y = layers.Conv2D(2, 3)(tf.zeros((1, 8, 8, 1)))\nunknown",
    "an error in keras.ops": "keras.ops.conv(tf.zeros((1, 8, 8, 3)), tf.zeros((3, 3, 2, 4)))",
    "a comprehension": "[layers.Conv2D(2, k)(tf.zeros((1, 8, 8, 1))) for k in (3, 9)]",
    "a group of errors": "raise ExceptionGroup('two', [ValueError('a'), TypeError('b')])",
}
WITHOUT_FILTER = (
    "channels in tf.nn",
    "a rank in Keras",
    "a subclassed model",
    "fit on a wrong input",
    "a layer's own arguments",
)


pytestmark = [
    pytest.mark.filterwarnings("ignore:To exit. use:UserWarning"),  # IPython's own, of a cell that exits
    pytest.mark.filterwarnings("ignore:The model does not have any trainable weights:UserWarning"),
]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    yield from make_shell(tmp_path_factory.mktemp("ipython"))


@pytest.fixture
def notebook(shell: Any, capfd: pytest.CaptureFixture[str]) -> Notebook:
    return Notebook(shell, capfd)


def _run(notebook: Notebook, first: str, body: str) -> tuple[list[str], BaseException | None]:
    notebook.fresh(count=4)
    notebook.run(OLD_CELL)
    ran = notebook.run(f"{first}\n{body}")
    return [without_addresses(text) for text in ran.tracebacks] or [without_addresses(ran.err)], ran.error


def frames_of(error: BaseException | None) -> Iterator[str]:
    """The files of every frame of an error and of those that it came of."""
    waiting, seen = [error], set()
    while waiting:
        at = waiting.pop()
        if at is None or id(at) in seen:
            continue
        seen.add(id(at))
        yield from (frame.filename for frame in traceback.extract_tb(at.__traceback__))
        waiting += [at.__cause__, at.__context__]


def _assert_same(notebook: Notebook, body: str) -> None:
    # from one line of this file: TensorFlow tells where a graph was made
    (plain, plain_error), (traced, error) = [_run(notebook, first, body) for first in (f"# {MAGIC}", MAGIC)]
    assert error is not None
    assert plain[0].strip()
    assert traced == plain
    assert type(error) is type(plain_error)
    assert [file for file in frames_of(error) if is_own_file(file)] == []
    plain_files = [without_addresses(file) for file in frames_of(plain_error)]
    assert [without_addresses(file) for file in frames_of(error)] == plain_files


@pytest.mark.parametrize("body", FAILURES.values(), ids=FAILURES)
def test_the_traceback_is_the_one_without_us(notebook: Notebook, body: str) -> None:
    _assert_same(notebook, body)


@pytest.mark.parametrize("body", [FAILURES[name] for name in WITHOUT_FILTER], ids=WITHOUT_FILTER)
def test_the_traceback_is_the_same_where_filtering_is_disabled(notebook: Notebook, body: str) -> None:
    import keras
    import tensorflow as tf

    tf.debugging.disable_traceback_filtering()
    keras.config.disable_traceback_filtering()
    try:
        _assert_same(notebook, body)
    finally:
        tf.debugging.enable_traceback_filtering()
        keras.config.enable_traceback_filtering()


@pytest.mark.parametrize("filtering", [True, False])
def test_the_users_own_handler_sees_no_frame_of_ours(notebook: Notebook, filtering: bool) -> None:
    switch = "enable" if filtering else "disable"
    body = (
        f"keras.config.{switch}_traceback_filtering(); tf.debugging.{switch}_traceback_filtering()\n"
        "import traceback\n"
        "try:\n"
        f"    {FAILURES['channels in tf.nn']}\n"
        "except Exception:\n"
        "    first = traceback.format_exc()\n"
        "try:\n"
        f"    {FAILURES['a rank in Keras']}\n"
        "except Exception:\n"
        "    second = traceback.format_exc()\n"
        "keras.config.enable_traceback_filtering(); tf.debugging.enable_traceback_filtering()\n"
    )
    told = []
    for first in (f"# {MAGIC}", MAGIC):
        notebook.fresh()
        assert notebook.run(f"{first}\n{body}").error is None
        told.append(without_addresses(notebook.ns["first"] + notebook.ns["second"]))
    assert told[0] == told[1]
    assert not names_own_code(told[1])


AT_THE_DOOR = (
    "import sys\n"
    "def interrupt(frame, event, argument):\n"
    "    if 'importlib_bootstrap' in frame.f_code.co_filename or frame.f_code is told.__code__:\n"
    "        raise KeyboardInterrupt\n"
    "def told(): pass\n"
    "sys.settrace(interrupt)\n"
)


@pytest.mark.parametrize("call", ["layers.ReLU()(x)", "layers.ReLU()", "tf.nn.conv2d(x, x, 1, 'SAME')"])
def test_an_interrupt_before_the_first_instruction_of_a_hook_shows_none_of_it(notebook: Notebook, call: str) -> None:
    """A trace function that raises as a frame is entered does what a signal does there."""
    notebook.fresh()
    notebook.run("x = tf.zeros((1, 3, 3, 1))")
    before = notebook.shell.custom_exceptions, notebook.shell.CustomTB
    ran = notebook.run(f"{MAGIC}\n{AT_THE_DOOR}{call}\ntold()")
    assert isinstance(ran.error, KeyboardInterrupt)
    assert not [file for file in frames_of(ran.error) if is_own_file(file)]
    assert call in ran.tracebacks[0]  # it was not `told`
    assert not names_own_code(ran.tracebacks[0])
    assert "Custom TB Handler" not in ran.tracebacks[0]
    assert (notebook.shell.custom_exceptions, notebook.shell.CustomTB) == before


def test_a_handler_of_the_users_own_is_left_alone(notebook: Notebook) -> None:
    notebook.fresh()
    put_in = "get_ipython().set_custom_exc((KeyboardInterrupt,), lambda *a, **k: mine.append(1))"
    assert notebook.run(f"mine = []\n{put_in}").error is None
    try:
        notebook.run(f"{MAGIC}\nraise KeyboardInterrupt")
        notebook.run("get_ipython().set_custom_exc((), None)")
        notebook.run(f"{MAGIC}\n{put_in}\nraise KeyboardInterrupt")
        notebook.run("raise KeyboardInterrupt")
        assert notebook.ns["mine"] == [1, 1, 1]
    finally:
        notebook.shell.set_custom_exc((), None)


def test_an_interrupt_of_our_own_code_shows_none_of_it(notebook: Notebook) -> None:
    notebook.fresh()
    ran = notebook.run(
        f"{MAGIC}\n"
        "class Interrupting:\n"
        "    @property\n"
        "    def shape(self):\n"
        "        raise KeyboardInterrupt\n"
        "layers.ReLU()(Interrupting())"
    )
    assert isinstance(ran.error, KeyboardInterrupt)
    files = list(frames_of(ran.error))
    assert files
    assert not [file for file in files if is_own_file(file)]
    assert not names_own_code(ran.tracebacks[0])
