"""The scratch process with the real TensorFlow: what a trial says, what it may not do, and how everything ends."""

from __future__ import annotations

import contextlib
import glob
import itertools
import os
import select
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import CodeType

import pytest

import conv_magic
from conv_magic.sandbox import landlock
from conv_magic.sandbox.scratch import Scratch, ScratchUnavailable, shared_scratch
from conv_magic.sandbox.trial import Ended, Trial
from shared import SECONDS

CONV = "import tensorflow as tf\ntf.nn.conv2d(tf.zeros((1, 28, 28, 1)), tf.zeros((3, 3, 1, 4)), 1, 'SAME')"
FIT = """
import keras, numpy as np
model = keras.Sequential([keras.layers.Conv2D(4, 3), keras.layers.Flatten(), keras.layers.Dense(2)])
model.compile("adam", "mse")
history = model.fit(np.zeros((640, 8, 8, 1)), np.zeros((640, 2)), epochs=7)
"""
TRAINING = f"""{FIT}
history = model.fit(np.zeros((640, 8, 8, 1)), np.zeros((640, 2)), epochs=7, validation_split=0.5, validation_freq=3)
assert len(history.history["val_loss"]) == len(history.epoch) == 7
assert model.optimizer.iterations.numpy() == 2
model.evaluate(np.zeros((640, 8, 8, 1)), np.zeros((640, 2)))
assert model.predict(np.zeros((640, 8, 8, 1))).shape == (640, 2)
model.save("model.keras")
"""


@pytest.fixture(scope="module")
def scratch() -> Iterator[Scratch]:
    with Scratch() as warm:
        yield warm


def tried(scratch: Scratch, source: str, limit: float = SECONDS, names: Mapping[str, bytes] | None = None) -> Trial:
    return scratch.try_cell(textwrap.dedent(source), names or {}, filename="<cell>", limit=limit)


class Gate:
    """A cell that tells when it has come there, by a file of its own, and stays; when its process is gone is known."""

    def __init__(self) -> None:
        name = f"gate-{next(_gates)}-{os.getpid()}"
        self._files = f"{tempfile.gettempdir()}/conv-magic-*/**/{name}"
        self.cell = (
            "import os, tempfile, time\n"
            f"with open(os.path.join(tempfile.gettempdir(), {name!r}), 'w') as file: print(os.getpid(), file=file)\n"
            "while True: time.sleep(60)"
        )

    def wait_for_cell(self) -> None:
        while not (told := [Path(file).read_text() for file in glob.glob(self._files, recursive=True)]) or not told[0]:
            time.sleep(0.01)
        self._process = os.pidfd_open(int(told[0]))

    def cell_is_gone(self) -> bool:
        poll = select.poll()
        poll.register(self._process, select.POLLIN)
        gone = bool(poll.poll(1000 * SECONDS))
        os.close(self._process)
        return gone


_gates = itertools.count(1)


@pytest.fixture
def gate() -> Gate:
    return Gate()


@contextlib.contextmanager
def in_background(act: Callable[[], object]) -> Iterator[None]:
    thread = threading.Thread(target=act)
    thread.start()
    yield
    thread.join()


def has_ended(pid: int) -> bool:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    ended = bool(poll.poll(1000 * SECONDS))
    os.close(handle)
    return ended


def test_a_cell_that_runs(scratch: Scratch) -> None:
    trial = tried(scratch, CONV)
    assert (trial.ended, trial.error, trial.needs, trial.held) == (Ended.RAN, None, None, True)


def test_a_cell_that_raises(scratch: Scratch) -> None:
    trial = tried(scratch, "def f():\n    return 1 / 0\n\nx = 2\nf()\n")
    assert (trial.ended, trial.error_type, trial.error) == (Ended.RAISED, "ZeroDivisionError", "division by zero")
    assert trial.line == 2
    assert not trial.held


def test_a_cell_that_does_not_parse(scratch: Scratch) -> None:
    trial = tried(scratch, "x = 1\ny = (\n")
    assert (trial.ended, trial.error_type, trial.line) == (Ended.RAISED, "SyntaxError", 2)


def test_a_cell_is_run_as_a_notebook_would(scratch: Scratch) -> None:
    source = """\
    %%convshapes
    import asyncio, inspect, sys
    !ls
    def f(): return "ä"
    print("→", __name__)
    assert __name__ == "__main__" and sys.modules["__main__"].f is f
    assert inspect.getsource(f).strip() == 'def f(): return "ä"'
    if f():
        %time
    assert await asyncio.sleep(0.001, "done") == "done"
    1 / 0"""
    trial = tried(scratch, source)
    assert (trial.error_type, trial.line) == ("ZeroDivisionError", 11)


def test_training_is_cut_to_one_step(scratch: Scratch) -> None:
    trial = tried(scratch, TRAINING)
    assert trial.ended is Ended.RAN, trial.error


def test_the_one_step_is_traced_once(scratch: Scratch) -> None:
    """Not again for the optimizer's variables; what a step of the user's own trains is its own affair."""
    begin = """
        import keras, numpy as np, tensorflow as tf
        seen = []
        class Own(keras.layers.Layer):
            def call(self, x):
                seen.append(x.shape)
                return x
        """
    fitted = """
        model.compile("adam", "mse")
        seen.clear()
        model.fit(np.zeros((9, 3)), np.zeros((9, 2)))
        """
    model = "model = keras.Sequential([keras.Input((3,)), Own(), keras.layers.Dense(2)])\n"
    trial = tried(scratch, textwrap.dedent(begin) + model + textwrap.dedent(fitted) + "assert len(seen) == 1, seen")
    assert trial.ended is Ended.RAN, trial.error
    apart = """
        apart = tf.Variable(1.0)
        class Stepping(keras.Sequential):
            def train_step(self, data):
                with tf.GradientTape() as tape:
                    loss = apart * apart
                self.optimizer.apply_gradients([(tape.gradient(loss, apart), apart)])
                return {"loss": loss}
        model = Stepping([keras.Input((3,)), Own(), keras.layers.Dense(2)])
        """
    trial = tried(scratch, textwrap.dedent(begin) + textwrap.dedent(apart) + textwrap.dedent(fitted))
    assert trial.ended is Ended.RAN, trial.error


def test_users_callbacks_run_and_keras_own_do_not(scratch: Scratch) -> None:
    trial = tried(
        scratch,
        """
        import keras, numpy as np
        class Own(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                raise LookupError(f"epoch {epoch}")
        model = keras.Sequential([keras.layers.Dense(2)])
        model.compile("adam", "mse")
        model.fit(np.zeros((9, 3)), np.zeros((9, 2)), callbacks=[keras.callbacks.TerminateOnNaN(), Own()])
        """,
    )
    assert (trial.error_type, trial.error, trial.line) == ("LookupError", "epoch 0", 5)


def test_each_trial_starts_fresh(scratch: Scratch) -> None:
    cell = "import keras, random\nassert keras.layers.Conv2D(1, 1).name == 'conv2d'\nassert 'x' not in globals()\nx = 1"
    assert [tried(scratch, cell).ended for _ in range(2)] == [Ended.RAN, Ended.RAN]


@pytest.mark.parametrize(
    ("cell", "needs"),
    [
        ("input('size: ')", "needs user input"),
        ("import urllib.request as r\nr.urlopen('http://localhost:9')", "needs the network"),
        ("import socket\nsocket.create_connection(('127.0.0.1', 9))", "needs the network"),
        ("import keras\nkeras.utils.get_file('x.npz', 'http://localhost:9/x.npz')", "needs the network"),
        ("import numpy as np\nnp.load('images.npy')", "needs a file"),
        ("import tensorflow as tf\ntf.io.read_file('image.png')", "needs a file"),
        ("import keras\nkeras.utils.image_dataset_from_directory('images')", "needs a file"),
        ("import subprocess\nsubprocess.run(['ls'])", "needs another program"),
        ("import os\nos.system('ls')", "needs another program"),
    ],
)
def test_what_no_trial_has_is_named(scratch: Scratch, cell: str, needs: str) -> None:
    trial = tried(scratch, cell)
    assert (trial.ended, trial.needs) == (Ended.RAISED, needs), trial.error


def beyond_python(cell: str) -> object:
    """A cell whose library writes files without Python's knowing: only the system can refuse that."""
    return pytest.param(cell, marks=pytest.mark.skipif(not landlock.available(), reason="the system has no Landlock"))


@pytest.mark.parametrize(
    "cell",
    [
        "open(path, 'w')",
        "import os; os.remove(path)",
        "import os; os.rename(path, 'here')",
        "import shutil; shutil.rmtree(os.path.dirname(path))",
        beyond_python("import tensorflow as tf; tf.io.write_file(path, 'new')"),
        beyond_python("import tensorflow as tf; tf.io.gfile.remove(path)"),
        beyond_python("import h5py; h5py.File(path, 'w')"),
        beyond_python(
            "import keras; keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(path + '.weights.h5')"
        ),
    ],
)
def test_users_files_are_not_written(scratch: Scratch, cell: str, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_text("old")
    trial = tried(scratch, f"import os\npath = {str(mine)!r}\nassert open(path).read() == 'old'\n{cell}")
    assert (trial.ended, trial.line) == (Ended.RAISED, 4)
    assert trial.needs == "writes a file outside the working folder"
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("mine", "old")]


def test_files_of_a_trial_go_with_it(scratch: Scratch) -> None:
    trial = tried(scratch, "import tempfile, os\nopen('x', 'w').write('1')\nraise RuntimeError(os.getcwd())")
    assert trial.error is not None
    assert not Path(trial.error).exists()
    assert Path(trial.error).parents[1].name.startswith("conv-magic-")


def test_a_gpu_is_never_taken(scratch: Scratch) -> None:
    cell = """
    import os
    os.environ["CUDA_VISIBLE_DEVICES"] = "0"
    import tensorflow as tf
    tf.zeros(1) + 1
    assert not tf.config.get_visible_devices("GPU") and not tf.config.list_logical_devices("GPU")
    """
    assert tried(scratch, cell).ended is Ended.RAN


def test_an_aborting_trial_costs_nothing(scratch: Scratch) -> None:
    before = scratch.pid
    lost = tried(scratch, CONV.replace("(1, 28, 28, 1)", "(28, 28, 1)"))
    assert lost.ended in (Ended.DIED, Ended.RAISED)  # TensorFlow up to 2.21 aborts, later ones raise
    gone = tried(scratch, "import os\nos.abort()")
    assert (gone.ended, gone.error_type) == (Ended.DIED, "SIGABRT")
    assert tried(scratch, CONV).held
    assert scratch.pid == before


def test_it_ends_on_its_limit(scratch: Scratch, gate: Gate) -> None:
    started = time.monotonic()
    with in_background(gate.wait_for_cell):
        trial = tried(scratch, gate.cell, limit=1.0)
    assert trial.ended is Ended.TIMED_OUT
    assert time.monotonic() - started >= 1.0
    assert gate.cell_is_gone()
    assert tried(scratch, "x = 1").held


def codes_of(thread: int) -> list[CodeType]:
    """What a thread runs now."""
    return [frame.f_code for frame, _ in traceback.walk_stack(sys._current_frames()[thread])]


def test_its_limit_is_one_of_computing(scratch: Scratch) -> None:
    """What waits is not cut short, as when the machine is busy; what computes is, long before the clock's limit."""
    waits = scratch.try_cell("import time\ntime.sleep(1.5)", {}, filename="<cell>", limit=1.0, wall=600)
    assert waits.ended is Ended.RAN
    assert waits.seconds < 1.0
    computes = scratch.try_cell("while True: pass", {}, filename="<cell>", limit=0.2, wall=600)
    assert computes.ended is Ended.TIMED_OUT


def test_it_ends_on_an_interrupt(scratch: Scratch, gate: Gate) -> None:
    before = scratch.pid

    def interrupt() -> None:
        gate.wait_for_cell()
        main = threading.main_thread().ident
        assert main is not None
        while Scratch._await_trial.__code__ not in codes_of(main):  # it is still sending the cell
            time.sleep(0.01)
        signal.pthread_kill(main, signal.SIGINT)

    with in_background(interrupt), pytest.raises(KeyboardInterrupt):
        tried(scratch, gate.cell)
    assert gate.cell_is_gone()
    assert tried(scratch, "x = 1").held
    assert scratch.pid == before


def test_it_ends_when_stopped(gate: Gate) -> None:
    with Scratch() as scratch:
        ended: list[Trial] = []
        with in_background(lambda: ended.append(tried(scratch, gate.cell))):
            gate.wait_for_cell()
            pid = scratch.pid
            assert pid is not None
            scratch.stop()
        assert ended[0].ended is Ended.DIED
        assert gate.cell_is_gone()
        assert has_ended(pid)


OWNER = """
import os, sys
from conv_magic.sandbox.scratch import Scratch
scratch = Scratch()
scratch.start()
scratch.try_cell("x = 1", {}, filename="<cell>", limit=240)
if os.fork() == 0:
    sys.stdin.read()  # a forked owner that lives on
    os._exit(0)
print(scratch.pid, flush=True)
scratch.try_cell(sys.argv[1], {}, filename="<cell>", limit=600)
"""


def test_it_ends_when_its_owner_is_killed(gate: Gate) -> None:
    package = Path(conv_magic.__file__).parent.parent
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, gate.cell],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(package)},
    )
    with owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        gate.wait_for_cell()
        owner.kill()
        assert gate.cell_is_gone()
        assert has_ended(pid)


def test_a_forked_owner_has_its_own(scratch: Scratch) -> None:
    shared = shared_scratch()
    shared.start()
    child = os.fork()
    if child == 0:
        fine = False
        try:
            own = shared_scratch()
            fresh = own.pid is None and scratch.pid is None
            fine = fresh and tried(own, "x = 1").held and own.pid is not None
            own.stop()
        finally:
            os._exit(0 if fine else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert tried(shared, "x = 1").held
    assert tried(scratch, "x = 1").held
    shared.stop()


def test_where_there_is_no_fork_it_is_replaced() -> None:
    with Scratch(forks=False) as scratch:
        assert tried(scratch, CONV).held
        first = scratch.pid
        assert tried(scratch, "while True: pass", limit=0.5).ended is Ended.TIMED_OUT
        assert scratch.pid not in (None, first)


def test_starting_does_not_wait_and_stopping_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folders, python, gate = (tmp_path / name for name in ("folders", "python", "gate"))
    folders.mkdir()
    os.mkfifo(gate)
    python.write_text(f"#!/bin/sh\nread go < '{gate}'\nexec '{sys.executable}' \"$@\"\n")  # starts when it is told
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setattr(tempfile, "tempdir", str(folders))
    scratch = Scratch()
    assert scratch.pid is None
    scratch.start()
    assert not scratch.ready()
    pid = scratch.pid
    assert pid is not None
    assert len(list(folders.iterdir())) == 1
    gate.write_text("go\n")
    scratch.stop()
    assert has_ended(pid)
    assert not list(folders.iterdir())


def test_one_that_cannot_start_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(ScratchUnavailable, match="the scratch process did not start"):
        tried(Scratch(), "x = 1")
