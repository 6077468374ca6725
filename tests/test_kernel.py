"""`%%convshapes` in a real kernel, over the messages that a front end gets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from conv_magic.engine.report import Report
from conv_magic.views.wire import MIME
from notebook_kernel import ANSI, Cell, Kernel, report_in, running_kernel
from own_code import names_own_code
from shared import SECONDS, Shared

WIDGET = "application/vnd.jupyter.widget-view+json"
CONV = "tf.nn.conv2d(tf.zeros((1, 8, 8, 3)), tf.zeros((3, 3, 3, 4)), 1, 'VALID')"
ABORTING = "%%convshapes\nimage = tf.zeros((28, 28, 1))\ny = tf.nn.conv2d(image, tf.zeros((3, 3, 1, 8)), 1, 'SAME')"


@contextmanager
def kernel_in(folder: Path) -> Iterator[Kernel]:
    with running_kernel(folder) as kernel:
        kernel.check(
            "from conv_magic.notebook import live\nlive.FIRST = 3600"
        )  # on a busy machine any cell may be a long one
        yield kernel


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared[Kernel]]:
    folder = tmp_path_factory.mktemp("kernel")
    with Shared(lambda: kernel_in(folder)) as kernels:
        yield kernels


@pytest.fixture
def kernel(kernels: Shared[Kernel], request: pytest.FixtureRequest) -> Iterator[Kernel]:
    with kernels.lent_to(request.node, Kernel.check_nothing_patched) as kernel:
        yield kernel


# -- what is shown -----------------------------------------------------------------------------------------------------


def test_one_display_holds_every_view(kernel: Kernel) -> None:
    cell = kernel.run(f"%%convshapes\ny = {CONV}", cell_id="the-cell")
    (data,) = cell.shown
    assert set(data) == {MIME, WIDGET, "text/html", "text/plain"}
    assert len(cell.of_type("display_data")) == 1
    assert cell.of_type("stream", "error") == []
    (source,) = cell.report.trace.sources
    assert (source.cell_id, source.text) == ("the-cell", f"%%convshapes\ny = {CONV}")
    (call,) = cell.report.trace.calls
    assert (call.op, call.output, call.span and call.span.line) == ("conv2d", (1, 6, 6, 4), 2)
    assert "(1, 6, 6, 4)" in data["text/html"]
    assert "(1, 6, 6, 4)" in data["text/plain"]


def test_the_widget_can_be_left_out(kernel: Kernel) -> None:
    (data,) = kernel.run(f"%%convshapes --text\ny = {CONV}").shown
    assert set(data) == {MIME, "text/html", "text/plain"}


def test_without_its_front_end_the_static_table_is_shown(kernel: Kernel) -> None:
    kernel.check(
        "from pathlib import Path\nfrom conv_magic.views import widget\n"
        "there, widget.FRONT_END = widget.FRONT_END, Path('nowhere.js')"
    )
    try:
        first, second = (kernel.run(f"%%convshapes\ny = {CONV}") for _ in range(2))
    finally:
        kernel.check("widget.FRONT_END = there")
    assert [set(data) for data in (*first.shown, *second.shown)] == [{MIME, "text/html", "text/plain"}] * 2
    assert first.text.startswith("conv_magic: no interactive table (")
    assert (first.text.count("\n"), second.text) == (1, "")


def test_quiet_shows_the_shapes_in_the_editor_only(kernel: Kernel) -> None:
    cell = kernel.run(f"%%convshapes --quiet\ny = {CONV}")
    (shown,) = cell.of_type("display_data")
    assert set(shown["data"]) == {MIME, "text/plain"}
    assert shown["data"]["text/plain"] == ""
    assert shown["metadata"][MIME] == {"inline_only": True}
    assert len(cell.report.trace.calls) == 1


def test_the_front_end_is_asked_to_put_the_written_shapes_into_the_cell(kernel: Kernel) -> None:
    cell = kernel.run(f"%%convshapes --write\ny = {CONV}\ny.shape")
    (payload,) = [payload for payload in cell.reply["payload"] if payload["source"] == "set_next_input"]
    assert payload["replace"] is True
    assert payload["text"] == f"%%convshapes\ny = {CONV}  # shape: {cell.report.trace.calls[0].output}\ny.shape"


def test_running_a_cell_again_lets_its_old_widget_go(kernel: Kernel) -> None:
    text = f"%%convshapes\ny = {CONV}"
    first, second = (kernel.run(text, cell_id="again") for _ in range(2))
    opened = {content["comm_id"] for content in first.of_type("comm_open")}
    assert opened
    assert opened == {content["comm_id"] for content in second.of_type("comm_close")}


def test_the_report_comes_after_everything_the_cell_shows(kernel: Kernel) -> None:
    cell = kernel.run(f"%%convshapes\nprint('out')\ndisplay('one')\n{CONV}.shape.rank")
    kinds = [kind for kind, _ in cell.messages if kind in ("stream", "display_data", "execute_result")]
    assert kinds == ["stream", "display_data", "execute_result", "display_data"]
    assert MIME in cell.of_type("display_data")[1]["data"]


def test_a_function_names_its_own_cell(kernel: Kernel) -> None:
    kernel.run("def block(x):\n    return tf.nn.conv2d(x, tf.zeros((3, 3, 3, 4)), 1, 'SAME')", cell_id="older")
    report = kernel.run("%%convshapes\ny = block(tf.zeros((1, 8, 8, 3)))", cell_id="newer").report
    assert [source.cell_id for source in report.trace.sources] == ["newer", "older"]
    (call,) = report.trace.calls
    assert call.span is not None
    assert (call.span.cell, call.span.line) == (report.trace.sources[1].cell, 2)


def test_on_shows_shapes_and_a_table_only_where_something_is_wrong(kernel: Kernel) -> None:
    kernel.check("%convshapes on")
    try:
        right = kernel.run(f"y = {CONV}", cell_id="on")
        nothing = kernel.run("y = 1")
        wrong = kernel.run("layers.Conv2D(2, 3)(tf.zeros((8, 8, 1)))")
    finally:
        kernel.check("%convshapes off")
    assert [set(data) for data in right.shown] == [{MIME, "text/plain"}]
    assert right.report.trace.sources[0].cell_id == "on"
    assert right.report.trace.calls[0].span is not None
    assert nothing.shown == []
    assert [set(data) for data in wrong.shown] == [{MIME, WIDGET, "text/html", "text/plain"}]


# -- the cell behaves as without us ------------------------------------------------------------------------------------

SAME = {
    "a value": f"{CONV}.shape.rank",
    "no value": f"{CONV};",
    "streams": "import sys\nprint('a')\nprint('b', file=sys.stderr)\n1",
    "displays": "from IPython.display import HTML, clear_output\ndisplay(HTML('<b>1</b>'))\nclear_output()\nHTML('2')",
    "await": f"await asyncio.sleep(0)\n{CONV}\nawait asyncio.sleep(0, 'slept')",
    "await and a failure": f"await asyncio.sleep(0)\n{CONV}\n1/0",
    "a failure": "def f(x):\n    return x / 0\nf(1)",
    "a failing layer": "layers.Conv2D(2, 9, name='conv')(tf.zeros((1, 8, 8, 1)))",
    "a syntax error": "x = (",
    "an exit": "raise SystemExit('out')",
    "an interrupt": "raise KeyboardInterrupt",
    "a shell line": "!echo heard",
    "a nested cell": "get_ipython().run_cell('nested = 2')\nnested",
}


def _as_seen(cell: Cell) -> list[Any]:
    """What a front end sees of a cell, without our own display and without what differs from run to run."""
    seen: list[Any] = [cell.reply["status"], cell.reply.get("ename"), _without_counts(cell.reply.get("evalue", ""))]
    for kind, content in cell.messages:
        if kind == "execute_input" or MIME in content.get("data", {}) or kind.startswith("comm"):
            continue
        told = {key: value for key, value in content.items() if key not in ("execution_count", "transient")}
        seen.append((kind, _without_counts(json.dumps(told))))
    return seen


def _without_counts(text: str) -> str:
    text = text.replace("\\u001b", "\x1b")
    return re.sub(r"In ?\[\d+\]|\d+\.py|0x[0-9a-f]+|object at [0-9a-f]+", "-", ANSI.sub("", text))


@pytest.mark.parametrize("body", SAME.values(), ids=SAME)
def test_a_front_end_sees_the_same(kernel: Kernel, body: str) -> None:
    plain = "# %%convshapes -V"
    _, plain, traced = [kernel.run(f"{first}\n{body}") for first in (plain, plain, "%%convshapes -V")]
    assert _as_seen(traced) == _as_seen(plain)
    if body != "x = (":
        assert len(traced.shown) == 1


@pytest.fixture
def release(kernel: Kernel, tmp_path: Path) -> Callable[[], None]:
    """Lets go a kernel that is held: what is sent before that waits in its queue, as in "Run All"."""
    file = tmp_path / "go"
    kernel.send(f"import pathlib, time\nwhile not pathlib.Path({str(file)!r}).exists(): time.sleep(0.05)")
    return file.touch


@pytest.mark.parametrize("body", ["1/0", "layers.Conv2D(2, 9)(tf.zeros((1, 8, 8, 1)))", "await asyncio.sleep(0)\n1/0"])
def test_run_all_stops_at_a_failure(kernel: Kernel, release: Callable[[], None], body: str) -> None:
    failing = kernel.send(f"%%convshapes -V\n{body}")
    following = kernel.send("ran_all_the_same = True")
    release()
    assert kernel.wait(failing).reply["status"] == "error"
    assert len(failing.of_type("error")) == 1
    assert kernel.wait(following).reply["status"] == "aborted"
    kernel.check("assert 'ran_all_the_same' not in globals()")


def test_a_wrong_option_stops_run_all_too(kernel: Kernel, release: Callable[[], None]) -> None:
    failing = kernel.send("%%convshapes --nonsense\nran_all_the_same = True")
    following = kernel.send("ran_all_the_same = True")
    release()
    assert kernel.wait(failing).reply["ename"] == "UsageError"
    assert kernel.wait(following).reply["status"] == "aborted"
    assert failing.text.count("\n") == 1
    assert "--nonsense" in failing.text
    assert failing.shown == []
    kernel.check("assert 'ran_all_the_same' not in globals()")


def test_a_silent_cell_shows_nothing(kernel: Kernel) -> None:
    cell = kernel.run(f"%%convshapes\ny = {CONV}\n1", silent=True, store_history=False)
    assert cell.reply["status"] == "ok"
    assert cell.of_type("display_data", "execute_result", "stream") == []


def test_a_cell_outside_the_history_is_shown(kernel: Kernel) -> None:
    assert len(kernel.run(f"%%convshapes\ny = {CONV}", store_history=False).shown) == 1


@pytest.mark.parametrize(
    "loop",
    [
        "while told(): y = tf.nn.conv2d(x, k, 1, 'SAME')",
        "while told(): y = layer(x)",
        "told()\ntime.sleep(600)",
    ],
)
def test_an_interrupt_ends_the_cell_and_leaves_nothing(kernel: Kernel, loop: str) -> None:
    kernel.check(
        "import itertools, time\n"
        "x, k, layer = tf.zeros((1, 8, 8, 1)), tf.zeros((3, 3, 1, 2)), layers.Conv2D(2, 3)\n"
        "steps = itertools.count()\n"
        "def told():\n"
        "    if next(steps) == 0: print('started')\n"
        "    return True"
    )
    cell = kernel.send(f"%%convshapes\n{loop}")
    kernel.pump(lambda: "started" in cell.text)
    kernel.manager.interrupt_kernel()
    kernel.wait(cell)
    assert cell.reply["status"] == "error"
    assert cell.reply["ename"] in ("KeyboardInterrupt", "CancelledError")
    assert not names_own_code(cell.traceback)
    assert cell.report.diagnoses == ()
    kernel.check_nothing_patched()
    assert len(kernel.run(f"%%convshapes\ny = {CONV}").shown) == 1


def test_nbclient_stops_at_the_failing_cell(tmp_path: Path) -> None:
    sources = ["%load_ext conv_magic", "%%convshapes\nx = 1\nx / 0", "after = 1"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    client = NotebookClient(notebook, timeout=SECONDS, resources={"metadata": {"path": str(tmp_path)}})
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        client.execute()
    loaded, failing, after = notebook.cells
    assert loaded.outputs == []
    assert [output.output_type for output in failing.outputs] == ["error", "display_data"]
    assert after.execution_count is None


# -- a fault, and its repair -------------------------------------------------------------------------------------------


def _updates(cell: Cell) -> list[Report]:
    return [report_in(content["data"]) for content in cell.of_type("update_display_data")]


def test_a_call_that_kills_a_kernel_is_stopped_and_repaired(kernel: Kernel) -> None:
    cell = kernel.run(ABORTING, cell_id="aborting")
    assert cell.reply["status"] == "error"
    (diagnosis,) = cell.report.diagnoses
    assert diagnosis.line == 3
    assert cell.report.trying
    meanwhile = kernel.run("1 + 1")  # the kernel lives, and is not waiting for the trials
    assert meanwhile.of_type("execute_result")[0]["data"]["text/plain"] == "2"

    kernel.pump(lambda: bool(_updates(cell)))
    (report,) = _updates(cell)
    (shown,) = cell.of_type("display_data")
    (update,) = cell.of_type("update_display_data")
    assert update["transient"] == shown["transient"]
    assert set(update["data"]) == set(shown["data"])
    assert not report.trying
    (diagnosis,) = report.diagnoses
    first = diagnosis.fixes[0]
    assert first.verified

    repaired = first.apply(ABORTING)
    again = kernel.run(repaired, cell_id="aborting")
    assert again.reply["status"] == "ok", again.reply
    assert again.report.diagnoses == ()
    assert [call.output for call in again.report.trace.calls if call.op == "conv2d"] == [first.predicted]


def test_the_name_and_the_widget_get_the_tried_report(kernel: Kernel) -> None:
    text = "%%convshapes found\nx = tf.zeros((1, 8, 8, 1))\ny = layers.Conv2D(2, 3)(x)\nz = layers.Conv2D(2, 9)(y)"
    cell = kernel.run(text)
    last = kernel.run("%convshapes last")  # waits for the trials
    kernel.pump(lambda: bool(_updates(cell)))
    (result,) = last.of_type("execute_result")
    (report,) = _updates(cell)
    assert report_in(result["data"]) == report
    assert len(report.diagnoses) == 1
    assert report.diagnoses[0].fixes[0].verified
    widget = cell.shown[0][WIDGET]["model_id"]
    sent = [c["data"]["state"]["report"] for c in cell.of_type("comm_msg") if c["comm_id"] == widget]
    assert sent[-1] == cell.of_type("update_display_data")[0]["data"][MIME]
    kernel.check("import conv_magic\nassert found is conv_magic.last_report()\nassert found.error is not None")
    kernel.check("assert found.diagnoses[0].fixes[0].verified")


def test_a_fix_of_an_earlier_cell_is_tried_and_its_cells_run_again(kernel: Kernel) -> None:
    cells = {
        "net": "class Net(keras.Model):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.conv = layers.Conv2D(8, 3)\n"
        "        self.head = layers.Dense(5)\n"
        "    def call(self, x):\n"
        "        return self.head(self.conv(x))",
        "made": "%%convshapes -V\nnet = Net()\n"
        "net.compile('adam', keras.losses.SparseCategoricalCrossentropy(from_logits=True))",
        "data": "images, labels = np.zeros((32, 8, 8, 1)), np.zeros(32, int)",
    }
    for cell_id, text in cells.items():
        assert kernel.run(text, cell_id).reply["status"] == "ok"
    cell = kernel.run("%%convshapes\nnet.fit(images, labels, verbose=0)", "fit")
    kernel.pump(lambda: bool(_updates(cell)))
    (report,) = _updates(cell)
    fix = report.diagnoses[0].fixes[0]
    assert fix.verified, fix.untried
    of = {source.cell: source for source in report.trace.sources}
    assert of[fix.cell].cell_id == "net"
    assert [of[key].cell_id for key in fix.reruns] == ["net", "made"]
    again = " and ".join(of[key].label for key in fix.reruns)
    assert f"tried: with {again} run again, the cell runs to its end" in report.to_text()

    cells["net"] = fix.apply(cells["net"])
    for key in fix.reruns:
        cell_id = str(of[key].cell_id)
        assert kernel.run(cells[cell_id], cell_id).reply["status"] == "ok"
    repaired = kernel.run("%%convshapes\nnet.fit(images, labels, verbose=0)", "fit")
    assert repaired.reply["status"] == "ok", repaired.reply
    assert repaired.report.diagnoses == ()


def test_two_faults_below_magics_are_repaired_together(kernel: Kernel) -> None:
    text = (
        "%%convshapes\n"
        "x, y = np.zeros((32, 12, 12, 1)), np.arange(32) % 10\n"
        "here = %pwd\n"
        "model = keras.Sequential([keras.Input((12, 12, 1)), layers.Conv2D(4, 3), layers.Dense(9, 'softmax')])\n"
        "model.compile('adam', 'sparse_categorical_crossentropy')\n"
        "model.fit(x, y, verbose=0)"
    )
    cell = kernel.run(text, "two")
    kernel.pump(lambda: bool(_updates(cell)))
    (diagnosis,) = _updates(cell)[-1].diagnoses
    first = diagnosis.fixes[0]
    assert (first.verified, ", and give dense" in first.title) == (True, True), first
    repaired = kernel.run(first.apply(text), "two")
    assert repaired.reply["status"] == "ok", repaired.reply
    assert repaired.report.diagnoses == ()
