"""A long cell is shown while it runs, and nothing of its own is changed by that; in a real kernel.

The cells wait for files that the tests make, so every test sees what it waits for and none depends on the clock.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from conv_magic.engine.report import Report
from conv_magic.model.calls import Outcome
from conv_magic.model.document import Training
from conv_magic.notebook.outputs import NOTHING
from conv_magic.views.wire import MIME
from notebook_kernel import Cell, Kernel, report_in, running_kernel
from shared import Shared

CONV = "tf.nn.conv2d(tf.zeros((1, 8, 8, 3)), tf.zeros((3, 3, 3, 4)), 1, 'VALID')"
WAIT = """
import pathlib, time
def wait(name):
    while not pathlib.Path(name).exists():
        time.sleep(0.01)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("live")


@contextmanager
def kernel_in(folder: Path) -> Iterator[Kernel]:
    with running_kernel(folder) as kernel:
        kernel.check(WAIT)
        kernel.check("from conv_magic.notebook import live\nlive.FIRST = 0.05")
        yield kernel


@pytest.fixture(scope="module")
def kernels(folder: Path) -> Iterator[Shared[Kernel]]:
    with Shared(lambda: kernel_in(folder)) as kernels:
        yield kernels


@pytest.fixture
def kernel(kernels: Shared[Kernel], folder: Path, request: pytest.FixtureRequest) -> Iterator[Kernel]:
    for file in folder.glob("go*"):
        file.unlink()
    with kernels.lent_to(request.node, check_nothing_left) as kernel:
        yield kernel


def check_nothing_left(kernel: Kernel) -> None:
    kernel.check_nothing_patched()
    kernel.check(
        "import threading\nassert not [t for t in threading.enumerate() if t.name == 'conv_magic shows calls']"
    )


def snapshots(cell: Cell) -> list[Report]:
    """What was shown while it ran."""
    return [report_in(c["data"]) for c in cell.of_type("update_display_data") if MIME in c["data"]]


def places(cell: Cell) -> list[str]:
    """The displays made while it ran, by identifier."""
    return [c["transient"]["display_id"] for c in cell.of_type("display_data") if not c["data"]]


def shown(kernel: Kernel, cell: Cell, wanted: Callable[[Report], bool]) -> Report:
    """The first snapshot in which that is so.  Snapshots are taken at any time: name all that is looked at."""
    found: list[Report] = []

    def came() -> bool:
        found[:] = [report for report in snapshots(cell) if wanted(report)][:1]
        return bool(found)

    kernel.pump(came)
    return found[0]


def ended_calls(report: Report) -> list[tuple[str, int]]:
    return [(call.op, call.count) for call in report.trace.calls if call.outcome is Outcome.RETURNED]


def notes_in(report: Report) -> list[tuple[int, str]]:
    return [(note.line, note.text) for note in report.notes]


def test_calls_appear_while_the_cell_runs(kernel: Kernel, folder: Path) -> None:
    cell = kernel.send(f"%%convshapes\ny = {CONV}\nwait('go1')\nz = layers.Flatten()(y)\nwait('go2')\nprint('after')")
    first = shown(kernel, cell, lambda report: bool(ended_calls(report) and report.notes))
    assert ended_calls(first) == [("conv2d", 1)]
    assert (first.running, first.diagnoses, first.failure) == (True, (), None)
    assert notes_in(first) == [(2, "(1, 6, 6, 4)")]
    assert first.to_text().startswith("running: 1 call so far\n")
    assert "<strong>running: 1 call so far</strong>" in first.to_html()
    (folder / "go1").touch()
    shown(kernel, cell, lambda report: ended_calls(report) == [("conv2d", 1), ("Flatten", 1)])
    (folder / "go2").touch()
    kernel.wait(cell)
    assert len(places(cell)) == 1
    assert not cell.report.running
    kinds = [kind for kind, content in cell.messages if kind == "stream" or MIME in content.get("data", {})]
    assert kinds[-2:] == ["stream", "display_data"]  # the table stands below all that the cell printed
    (last,) = [content for content in cell.of_type("update_display_data") if content["data"] == NOTHING]
    assert last["transient"]["display_id"] == places(cell)[0]  # nothing is left where it was shown before
    assert cell.messages.index(("update_display_data", last)) > kinds.index("display_data")


def test_a_call_that_has_not_returned_is_shown_as_running(kernel: Kernel, folder: Path) -> None:
    kernel.check("class Slow(layers.Layer):\n    def call(self, x):\n        wait('go1')\n        return x")
    cell = kernel.send("%%convshapes\ny = layers.Flatten()(tf.zeros((1, 8)))\nz = Slow(name='slow')(y)")
    report = shown(kernel, cell, lambda report: len(report.trace.calls) == 2)
    flatten, slow = report.trace.calls
    assert (flatten.outcome, slow.outcome, slow.layer) == (Outcome.RETURNED, Outcome.ENTERED, "slow")
    text = report.to_text()
    assert re.search(r"running +Layer slow", text)
    assert "failed" not in text
    (folder / "go1").touch()
    kernel.wait(cell)


def test_training_says_how_far_it_is(kernel: Kernel, folder: Path) -> None:
    kernel.check(
        "class Waiting(keras.callbacks.Callback):\n"
        "    def on_epoch_begin(self, epoch, logs=None): self.epoch = epoch\n"
        "    def on_train_batch_begin(self, step, logs=None):\n"
        "        if (self.epoch, step) == (1, 2): wait('go1')"
    )
    cell = kernel.send(
        "%%convshapes\nm = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(1, 3), layers.Flatten()])\n"
        "m.compile('sgd', 'mse')\n"
        "h = m.fit(np.zeros((8, 8, 8, 1)), np.zeros((8, 36)), 2, epochs=3, verbose=0, callbacks=[Waiting()])"
    )
    report = shown(kernel, cell, lambda report: report.training == Training("fit", 2, 3, 3, 4))
    assert "so far; fit is at epoch 2 of 3, step 3 of 4\n" in report.to_text()
    (folder / "go1").touch()
    assert kernel.wait(cell).reply["status"] == "ok"
    assert cell.report.training is None


PIECES = {
    "prints": "print('a')\nwait('go1')\nprint('b')\nprint('c', file=sys.stderr)",
    "a line in pieces": "print('a', end='', flush=True)\ntime.sleep(0.3)\nprint('b')\nwait('go1')\nprint('c')",
    "a bar": "for i in range(3):\n    print(f'\\r{i}/3', end='', flush=True)\n    if i == 1: wait('go1')\nprint()",
    "displays": "display('a')\nwait('go1')\ndisplay('b')\nprint('c')",
    "clear_output": "display('a')\nwait('go1')\nclear_output()\ndisplay('b')",
    "clear_output that waits": "display('a')\nwait('go1')\nclear_output(wait=True)\ndisplay('b')",
    "an error": "print('a')\nwait('go1')\n1/0",
    "a value": "print('a')\nwait('go1')\n'value'",
    "a thread": "t = threading.Thread(target=print, args=('a',))\nt.start(); t.join()\nwait('go1')\nprint('b')",
    "a captured cell": "%%capture held\nprint('a')\ndisplay('b')\nwait('go1')\nprint('c')",
}


def outputs_of(cell: Cell) -> list[Any]:
    """What a front end keeps of the cell, without our displays; texts that follow each other are one."""
    kept: list[Any] = []
    for kind, content in cell.messages:
        if kind == "stream" and kept and kept[-1][:2] == (kind, content["name"]):
            kept[-1] = (kind, content["name"], kept[-1][2] + content["text"])
        elif kind == "stream":
            kept.append((kind, content["name"], content["text"]))
        elif kind in ("display_data", "execute_result") and not is_ours(content):
            kept.append((kind, content["data"]))
        elif kind in ("clear_output", "error"):
            kept.append((kind, content.get("wait"), content.get("ename")))
    return kept


def is_ours(content: dict[str, Any]) -> bool:
    return not content["data"] or MIME in content["data"]


def text_before_place(cell: Cell) -> str:
    """The text right above the display made while the cell ran."""
    at = next(i for i, (kind, content) in enumerate(cell.messages) if kind == "display_data" and not content["data"])
    texts = [content["text"] for kind, content in cell.messages[:at] if kind == "stream"]
    return texts[-1] if texts else ""


@pytest.mark.parametrize("body", PIECES.values(), ids=PIECES)
def test_the_cells_own_outputs_are_as_without_us(kernel: Kernel, folder: Path, body: str) -> None:
    kernel.check("import sys, threading\nfrom IPython.display import clear_output")
    head, call = ("", f"y = {CONV}\n") if body.startswith("%%") else ("import sys\n", f"y = {CONV}\n")
    magic, _, rest = body.partition("\n") if body.startswith("%%") else (head.strip(), "", body)
    cell = kernel.send(f"%%convshapes\n{magic}\n{call}{rest}")
    kernel.pump(lambda: bool(snapshots(cell)))
    (folder / "go1").touch()
    kernel.wait(cell)
    held = kernel.run("held.stdout, len(held.outputs)") if body.startswith("%%") else None
    plain = kernel.run(f"{magic}\n{call}{rest}")
    if held is not None:
        again = kernel.run("held.stdout, len(held.outputs)")
        assert outputs_of(held) == outputs_of(again)
    assert outputs_of(cell) == outputs_of(plain)
    assert text_before_place(cell)[-1:] in ("", "\n")
    assert len(places(cell)) == 1


def test_a_cell_that_others_capture_is_not_shown_live(kernel: Kernel) -> None:
    kernel.check("from conv_magic.notebook import live\nlive._LOOK = 0.01")
    cell = kernel.run(f"%%capture held\n%%convshapes\ny = {CONV}\ntime.sleep(0.5)")
    assert (places(cell), snapshots(cell)) == ([], [])
    kernel.check("assert len(held.outputs) == 1, held.outputs")


def test_the_users_output_widget_is_theirs(kernel: Kernel, folder: Path) -> None:
    kernel.check("import ipywidgets\nout = ipywidgets.Output()")
    cell = kernel.send(f"%%convshapes\nwith out:\n    y = {CONV}\n    time.sleep(0.4)\nprint('out of it')\nwait('go1')")
    kernel.pump(lambda: bool(snapshots(cell)))
    (folder / "go1").touch()
    kernel.wait(cell)
    released = [i for i, (kind, c) in enumerate(cell.messages)
                if kind == "comm_msg" and c["data"].get("state", {}).get("msg_id") == ""]  # fmt: skip
    placed = next(i for i, (kind, c) in enumerate(cell.messages) if kind == "display_data" and not c["data"])
    assert released
    assert placed > released[-1]


def test_a_quiet_cell_stays_quiet(kernel: Kernel, folder: Path) -> None:
    cell = kernel.send(f"%%convshapes --quiet\ny = {CONV}\nwait('go1')\nprint('after')")
    kernel.pump(lambda: bool(snapshots(cell)))
    (folder / "go1").touch()
    kernel.wait(cell)
    assert len(cell.of_type("display_data")) == 1
    updates = cell.of_type("update_display_data")
    assert all(set(c["data"]) == {MIME, "text/plain"} and c["data"]["text/plain"] == "" for c in updates)
    assert all(c["metadata"] == {MIME: {"inline_only": True}} for c in updates)
    assert [report.running for report in snapshots(cell)][-1] is False  # it took that very place


def test_an_interrupt_ends_it(kernel: Kernel) -> None:
    cell = kernel.send(f"%%convshapes\ny = {CONV}\nwait('never')")
    kernel.pump(lambda: bool(snapshots(cell)))
    kernel.manager.interrupt_kernel()
    assert kernel.wait(cell).reply["status"] == "error"
    assert not cell.report.running
    assert cell.of_type("update_display_data")[-1]["data"] == NOTHING


def test_unloading_ends_it(kernel: Kernel, folder: Path) -> None:
    cell = kernel.send(f"%%convshapes\ny = {CONV}\nwait('go1')\n%unload_ext conv_magic\nprint('unloaded')\nwait('go2')")
    kernel.pump(lambda: bool(snapshots(cell)))
    (folder / "go1").touch()
    kernel.pump(lambda: "unloaded" in cell.text)
    assert cell.of_type("update_display_data")[-1]["data"] == NOTHING
    (folder / "go2").touch()
    kernel.wait(cell)
    assert cell.of_type("update_display_data")[-1]["data"] == NOTHING
    kernel.check("%load_ext conv_magic")


def test_nothing_is_shown_live_before_a_call_was_made(kernel: Kernel) -> None:
    cell = kernel.run("%%convshapes\ntime.sleep(0.4)")
    assert places(cell) == []
    assert len(cell.shown) == 1


def test_of_many_rows_the_first_are_shown(kernel: Kernel, folder: Path) -> None:
    cell = kernel.send("%%convshapes\nfor n in range(1, 701): y = layers.Flatten()(tf.zeros((1, n)))\nwait('go1')")
    report = shown(kernel, cell, lambda report: report.trace.dropped == 200)
    assert len(report.trace.calls) == 500
    assert "running: 500 calls and 200 more" in report.to_text()
    (folder / "go1").touch()
    assert len(kernel.wait(cell).report.trace.calls) == 700


def test_what_was_seen_stays_when_the_process_dies(kernels: Shared[Kernel], folder: Path) -> None:
    for file in folder.glob("go*"):
        file.unlink()
    kernel = kernels.get()
    try:
        cell = kernel.send(
            f"%%convshapes\nimport os\nx = {CONV}\ny = layers.Conv2D(2, 3, name='last')(x)\nwait('go1')\nos.abort()"
        )
        notes = [(3, "(1, 6, 6, 4)"), (4, "(1, 4, 4, 2)")]
        shown(kernel, cell, lambda report: notes_in(report) == notes)
        (folder / "go1").touch()
        with pytest.raises(AssertionError, match="the kernel died"):
            kernel.wait(cell)
    finally:
        kernels.discard()
    last = report_in(cell.of_type("update_display_data")[-1]["data"])
    assert last.running
    assert notes_in(last) == notes
