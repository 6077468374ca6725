"""`%%convshapes` in a real IPython shell: the cell behaves as without it, and what it did is recorded."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.error import UsageError

import conv_magic
from conv_magic.capture import tracer
from conv_magic.engine.report import Report
from conv_magic.model.calls import Outcome
from conv_magic.model.positions import text_at
from ipython_shell import Notebook, make_shell, without_addresses
from own_code import is_own_file

CONV = "tf.nn.conv2d(tf.zeros((1, 8, 8, 3)), tf.zeros((3, 3, 3, 4)), 1, 'VALID')"


pytestmark = [
    pytest.mark.filterwarnings("ignore:To exit. use:UserWarning"),  # IPython's own, of a cell that exits
    pytest.mark.filterwarnings("ignore:The model does not have any trainable weights:UserWarning"),
]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    yield from make_shell(tmp_path_factory.mktemp("ipython"))


@pytest.fixture
def notebook(shell: Any, capfd: pytest.CaptureFixture[str]) -> Iterator[Notebook]:
    book = Notebook(shell, capfd)
    book.fresh()
    yield book
    shell.run_cell("%convshapes off", silent=True)
    shell.set_custom_exc((), None)


def report_of(notebook: Notebook) -> Report:
    report = conv_magic.last_report()
    assert report is not None
    return report


def lines_of(report: Report) -> list[tuple[str, int | None]]:
    return [(call.op, call.span.line if call.span else None) for call in report.trace.calls]


# -- the cell behaves as without us ------------------------------------------------------------------------------------

SAME = {
    "a value": f"y = {CONV}\ny.shape.as_list()",
    "a value and prints": f"print('before')\n{CONV}.shape.rank\nprint('after')\n'last'",
    "no value": f"y = {CONV}",
    "a suppressed value": f"{CONV}.shape;",
    "every output": "from IPython.display import display\ndisplay('first')\nprint('second')\n'third'",
    "the last outputs": "_, __, Out",
    "await": "import asyncio\nawait asyncio.sleep(0)\nawait asyncio.sleep(0, 'slept')",
    "await and a call": f"import asyncio\nawait asyncio.sleep(0)\n{CONV}.shape.rank",
    "a future statement": "from __future__ import annotations\ndef f(x: undefined): return 1\nf(2), f.__annotations__",
    "a line magic": "%precision 3\nimport math\nmath.pi",
    "shell lines": "!echo shouted\nheard = !echo heard\nheard.n",
    "a captured cell": "%%capture held\nprint('kept')\ny = 1",
    "a cell of another language": "%%bash\necho from bash",
    "help": "print?",
    "getsource": "import inspect\ndef f():\n    return 1  # é\ninspect.getsource(f)",
    "a class": "class A:\n    def f(self): return __name__, __class__\nA().f()",
    "a nested cell": "get_ipython().run_cell('nested = 1 + 1\\nnested')\nnested",
    "a nested failing cell": "type(get_ipython().run_cell('1/0').error_in_exec)",
    "a comment only": "# nothing",
    "a text only": "'text'",
    "names with a star": "from math import *\npi",
    "random state": "import random\nrandom.seed(1); np.random.seed(2); tf.random.set_seed(3)\n"
    f"{CONV}; layers.Conv2D(2, 3)(tf.ones((1, 8, 8, 3)))\n"
    "random.random(), np.random.random(), float(tf.random.uniform(())), layers.Dense(1).name",
    "a trained model": "keras.utils.set_random_seed(1)\n"
    "m = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(1)])\n"
    "m.compile('sgd', 'mse')\n"
    "h = m.fit(np.ones((4, 8, 8, 1)), np.ones(4), epochs=2, verbose=0)\n"
    "h.history, [float(tf.reduce_sum(w)) for w in m.weights]",
    "every kind of assignment": "x = np.ones((2, 3))\na = b = x[:, 1:]; c: int = 3; c += 1\n"
    "(d, [e, *f]), g = (x, (1, 2, 3)), 4\nh = {}\nh['k'], x.flags.writeable = 1, True\n"
    "for i, (j, k) in enumerate([(1, x), (2, x)]): l = x[i]\nelse: m = x.T\n"
    "with open('/dev/null') as n, tf.GradientTape() as o: p = n.read()\n"
    "try:\n    q = 1 / 0\nexcept ZeroDivisionError as r: s = x.sum()\nfinally: t = x.mean()\n"
    "while i: i -= 1\nmatch x.shape:\n    case (u, v): w = x.ravel()\n"
    "sorted(name for name in globals() if len(name) == 1), dir() == sorted(globals())",
    "functions that are kept": "import inspect\ndef f(x):\n    y = x[1:]\n    return y\n"
    "class A:\n    z = np.zeros(3)\n    def g(self):\n        w = self.z[1:]\n        return w\n"
    "h = lambda x: (y := x[1:])\n"
    "[(c.co_code, c.co_names, c.co_consts, list(c.co_lines())) for c in (f.__code__, A.g.__code__, h.__code__)], "
    "inspect.getsource(f), inspect.getsource(A.g), list(vars(A))",
    "an asynchronous loop": "import asyncio\nasync def numbers():\n    for i in range(3):\n"
    "        await asyncio.sleep(0)\n        yield np.ones(i)\n"
    "async for x in numbers():\n    y = x[None]\nlast = await asyncio.sleep(0, x)\nlast.shape",
    "a shape that is the user's own affair": "class Asked:\n    @property\n    def shape(self): raise SystemExit\n"
    "x = Asked()\ny = x\ny is x",
    "the lines that a debugger passes": "import sys\nlines = []\n"
    "def follow(frame, event, argument):\n    lines.append((event, frame.f_lineno))\n    return follow\n"
    "sys._getframe().f_trace = follow\nsys.settrace(lambda *event: None)\n"
    "for x in (1, 2):\n    y = str(\n        x)\n    with open('/dev/null') as z: w = z.read()\n"
    "sys.settrace(None)\nlines",
    "an error": "x = 1\n1/0\nx = 2",
    "an error in a loop": "for x in (np.ones(2), np.ones(3)):\n    y = x[1]; z = (\n        x[2])",
    "an error in a layer": "layers.Conv2D(2, 3)(tf.zeros((8, 8, 1)))",
    "an assertion": "assert 1 == 2, 'told'",
    "a syntax error": "x = 1\nprint 'x'",
    "an indentation error": "x = 1\n  y = 2",
    "a naked return": "x = 1\nreturn x",
    "a system exit": "import sys\nsys.exit(3)",
    "an interrupt": "x = 1\nraise KeyboardInterrupt\nx = 2",
    "a group of errors": "raise ExceptionGroup('two', [ValueError('a'), TypeError('b')])",
}


def _run_as(notebook: Notebook, first: str, body: str) -> tuple[Any, ...]:
    notebook.fresh(count=3)
    ran = notebook.run(f"{first}\n{body}")
    names = {name: repr(value) for name, value in notebook.ns.items() if not name.startswith("_") and name != "In"}
    names.pop("heard", None)
    return (
        repr(ran.result.result),
        type(ran.error),
        without_addresses(str(ran.error)),
        [without_addresses(shown) for shown in ran.tracebacks],
        without_addresses(ran.out),
        without_addresses(ran.err),
        {name: without_addresses(text) for name, text in names.items()},
        repr(notebook.ns["_"]),
        notebook.shell.execution_count,
    )


@pytest.mark.parametrize("body", SAME.values(), ids=SAME)
def test_a_cell_does_what_it_does_without_us(notebook: Notebook, body: str) -> None:
    traced = _run_as(notebook, "%%convshapes --quiet", body)
    first = "" if body.startswith("%%") else "# %%convshapes --quiet"  # a cell magic must be the first line
    plain = _run_as(notebook, first, body)
    assert traced == plain


@pytest.mark.parametrize("shown", ["all", "last_expr_or_assign", "none", "last"])
def test_what_is_shown_of_a_cell_is_what_the_user_set(notebook: Notebook, shown: str) -> None:
    notebook.shell.ast_node_interactivity = shown
    try:
        body = "x = np.ones((2, 3))\nx.shape\ny = x[1:]\ny.shape\nfor i in y: z = i[1:]\nz = y[0]"
        assert _run_as(notebook, "%%convshapes --quiet", body) == _run_as(notebook, "# %%convshapes --quiet", body)
    finally:
        notebook.shell.ast_node_interactivity = "last_expr"


def test_the_exception_is_the_object_that_was_raised(notebook: Notebook) -> None:
    notebook.run("error = ValueError('mine')")
    ran = notebook.run("%%convshapes\nraise error")
    assert ran.error is notebook.ns["error"] is sys.last_value
    assert report_of(notebook).error is ran.error
    assert len(ran.tracebacks) == 1


def test_post_mortem_debugging_sees_the_users_frames(notebook: Notebook) -> None:
    notebook.run("%%convshapes -q\ndef f(x):\n    inner = 5\n    return keras.ops.conv(x, tf.zeros((3, 3, 2, 1)))\n"
                 "layers.Lambda(f)(tf.zeros((1, 8, 8, 1)))")  # fmt: skip
    at, names = sys.last_traceback, []
    while at is not None:
        names.append((at.tb_frame.f_code.co_filename, at.tb_frame.f_code.co_name))
        if at.tb_frame.f_code.co_name == "f":
            assert at.tb_frame.f_locals["inner"] == 5
        at = at.tb_next
    assert "f" in [name for _, name in names]
    assert not [file for file, _ in names if is_own_file(file)]
    assert "inner = 5" in notebook.run("%tb").out


def test_a_user_defined_error_display_is_used(notebook: Notebook) -> None:
    seen = []
    notebook.shell.set_custom_exc((ZeroDivisionError,), lambda shell, kind, error, tb, tb_offset=None: seen.append(tb))
    notebook.run("%%convshapes -q\n1/0")
    assert len(seen) == 1


# -- shapes written into the cell --------------------------------------------------------------------------------------

_UNWRITTEN = "x = np.zeros((4, 28, 28))\ny = x[:, ::2]  # halved\nz = y[0]; w = z.T"


def _next_cell(notebook: Notebook, cell: str) -> str | None:
    notebook.shell.rl_next_input = None
    assert notebook.run(cell).error is None
    text: str | None = notebook.shell.rl_next_input
    return text


def test_shapes_are_written_into_the_cell_and_taken_out_again(notebook: Notebook) -> None:
    written = _next_cell(notebook, f"%%convshapes --write -q\n{_UNWRITTEN}")
    assert written == (
        "%%convshapes -q\nx = np.zeros((4, 28, 28))  # shape: (4, 28, 28)\n"
        "y = x[:, ::2]  # halved  # shape: (4, 14, 28)\nz = y[0]; w = z.T  # shape: (28, 14)"
    )
    assert _next_cell(notebook, written or "") is None
    assert report_of(notebook).diagnoses == ()
    assert _next_cell(notebook, (written or "").replace("-q", "--unwrite")) == f"%%convshapes\n{_UNWRITTEN}"


def test_what_holds_stays_and_what_does_not_is_replaced_only_when_asked(notebook: Notebook) -> None:
    text = "x = np.zeros((4, 28))  # shape: (N, 28)\ny = x[1:]  # shape: (4, 28)\nz = x.T  # shape: (N, N)\nw = x[0]\nw"
    changed = _next_cell(notebook, f"%%convshapes --no-verify --write -q\n{text}")
    assert changed == f"%%convshapes --no-verify -q\n{text}".replace("w = x[0]", "w = x[0]  # shape: (28,)")
    changed = _next_cell(notebook, (changed or "").replace("-q", "-R -q"))
    assert changed is not None
    assert "y = x[1:]  # shape: (3, 28)\nz = x.T  # shape: (N, N)" in changed
    assert "x = np.zeros((4, 28))  # shape: (N, 28)" in changed


def test_contracts_of_an_earlier_cells_function_are_checked(notebook: Notebook) -> None:
    notebook.run("def rows(x):\n    x = x[::2]  # shape: (2, 3)\n    return x\n")
    ran = notebook.run("%%convshapes --no-verify\ny = rows(np.ones((6, 3)))\ny.shape")
    assert ran.result.result == (3, 3)
    (diagnosis,) = report_of(notebook).diagnoses
    assert (diagnosis.code, diagnosis.line) == ("contract-broken", 2)
    assert "line 2 of In [" in ran.out
    assert sys.gettrace() is None


# -- where calls stand -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"%%convshapes\ny = {CONV}", 2),
        (f"\n\n%%convshapes\n\ny = {CONV}", 5),
        (f"%%convshapes\n%%time\n\ny = {CONV}\ny.shape", 4),
        (f"%%convshapes\n%%time\n{CONV}", 3),
        (f"%%time\n%%convshapes\ny = {CONV}", 3),
        (f"%%capture held\n%%convshapes\n\ny = {CONV}", 4),
        (f"%%convshapes\n%%capture held\n\ny = {CONV}", 4),
        (f"%%convshapes\nz = 1\n%time y = {CONV}", 3),
        (f"%%convshapes\n%%time\nz = 1\n%time y = {CONV}", 2),
        (f"%%convshapes\nt = 'é𝛑'; y = {CONV}", 2),
        (f"%%convshapes\nimport asyncio\nawait asyncio.sleep(0)\ny = {CONV}", 4),
        (f"    %%convshapes\n    y = {CONV}", 2),
    ],
)
def test_lines_are_those_of_the_editor(notebook: Notebook, text: str, line: int) -> None:
    ran = notebook.run(text)
    report = report_of(notebook)
    assert ran.error is None
    assert lines_of(report) == [("conv2d", line)]
    (call,) = report.trace.calls
    (source,) = report.trace.sources
    assert source.text == text
    assert call.span is not None
    if not text.startswith(" ") and not text.split("\n")[line - 1].startswith("%"):
        assert text_at(text, call.span) == CONV
    assert call.span.end_column <= len(text.split("\n")[line - 1].encode("utf-16-le")) // 2


@pytest.mark.parametrize(
    "first",
    [
        "%%convshapes",
        "\n\n%%convshapes\n",
        "%%convshapes\n%%time",
        "%%time\n%%convshapes",
        "%%capture held\n%%convshapes",
        "%%convshapes\n%%capture held\n",
        "%%convshapes\n%time z = 1",
        "%%convshapes\nawait __import__('asyncio').sleep(0)",
        "%%convshapes\nt = 'é𝛑'",
    ],
)
def test_assigned_values_are_noted_at_their_lines(notebook: Notebook, first: str) -> None:
    text = f"{first}\nx = np.ones((4, 3))\nfor y in x: z = y[1:]\nlast = x[\n    :2]"
    assert notebook.run(text).error is None
    found = {value.names: (value.span, value.shapes) for value in report_of(notebook).trace.assigned}
    line = first.count("\n") + 2
    assert {names: (span.line, span.end_line, shapes) for names, (span, shapes) in found.items()} == {
        ("x",): (line, line, (((4, 3),),)),
        ("y",): (line + 1, line + 1, (((3,),),)),
        ("z",): (line + 1, line + 1, (((2,),),)),
        ("last",): (line + 2, line + 3, (((2, 3),),)),
    }
    assert text_at(text, found["x",][0]) == "x = np.ones((4, 3))"


def test_what_is_timed_again_and_again_is_not_noted(notebook: Notebook) -> None:
    notebook.run("%%convshapes\n%%timeit -n 2 -r 1\nx = np.ones(3)\ny = x[1:]\nz = y[1:]")
    assert report_of(notebook).trace.assigned == ()
    notebook.run("%%convshapes\nx = np.ones(3)\n%timeit -n 2 -r 1 y = x[1:]; z = y[1:]\nw = x[1:]")
    assert [value.names for value in report_of(notebook).trace.assigned] == [("x",), ("w",)]


def test_assignments_of_another_cell_are_not_taken_for_ours(notebook: Notebook) -> None:
    notebook.run("%%convshapes\nx = np.ones(3)\nget_ipython().run_cell('w = np.ones(5)\\nv = w[1:]')\ny = x[1:]")
    assert [value.names for value in report_of(notebook).trace.assigned] == [("x",), ("y",)]


def test_unloading_in_the_middle_ends_the_noting_too(notebook: Notebook) -> None:
    ran = notebook.run("%%convshapes\nx = np.ones(3)\n%unload_ext conv_magic\ny = x[1:]\nz = y[1:]")
    notebook.shell.run_line_magic("load_ext", "conv_magic")
    assert ran.error is None
    assert notebook.ns["z"].shape == (1,)


def test_a_function_of_an_earlier_cell_is_named_there(notebook: Notebook) -> None:
    notebook.run("\ndef block(x):\n    return tf.nn.conv2d(x, tf.zeros((3, 3, 3, 4)), 1, 'SAME')")
    notebook.run("%%convshapes NAME\nlayer = layers.Conv2D(2, 3)\ny = block(tf.zeros((1, 8, 8, 3)))")
    (call,) = notebook.ns["NAME"].trace.calls
    cell, old = notebook.ns["NAME"].trace.sources
    assert (cell.label, old.label) == ("this cell", "In [1]")
    assert call.span.cell == old.cell
    assert call.span.line == 3
    assert text_at(old.text, call.span).startswith("tf.nn.conv2d(x")
    notebook.run("%%convshapes NAME\nz = layer(tf.zeros((1, 8, 8, 3)))")
    (call,) = notebook.ns["NAME"].trace.calls
    assert (call.span.line, call.created.line) == (2, 2)
    assert call.span.cell != call.created.cell
    assert [s.label for s in notebook.ns["NAME"].trace.sources] == ["this cell", "In [2]"]


def test_a_cell_from_before_the_extension_is_known(notebook: Notebook) -> None:
    notebook.run("%unload_ext conv_magic")
    notebook.run("def old(x):\n    return tf.nn.conv2d(x, tf.zeros((3, 3, 3, 4)), 1, 'SAME')")
    notebook.run("%load_ext conv_magic")
    notebook.run("%%convshapes NAME\ny = old(tf.zeros((1, 8, 8, 3)))")
    assert [source.label for source in notebook.ns["NAME"].trace.sources] == ["this cell", "In [2]"]


def test_the_cell_is_known_by_the_front_ends_identifier(notebook: Notebook) -> None:
    notebook.run("def block(x):\n    return tf.nn.conv2d(x, tf.zeros((3, 3, 3, 4)), 1, 'SAME')", cell_id="first")
    notebook.run("%%convshapes NAME\ny = block(tf.zeros((1, 8, 8, 3)))", cell_id="second")
    assert [source.cell_id for source in notebook.ns["NAME"].trace.sources] == ["second", "first"]


def test_aliases_taken_before_are_seen(notebook: Notebook) -> None:
    notebook.run("alias = tf.nn.conv2d\nfrom tensorflow.nn import conv2d as other")
    x = "tf.zeros((1, 8, 8, 3)), tf.zeros((3, 3, 3, 4)), 1, 'VALID'"
    notebook.run(f"%%convshapes\na = alias({x})\nb = other({x})\nc = conv2d({x})")
    assert lines_of(report_of(notebook)) == [("conv2d", 2), ("conv2d", 3), ("conv2d", 4)]


def test_a_loop_is_one_row(notebook: Notebook) -> None:
    notebook.run(f"%%convshapes\nfor step in range(100):\n    y = {CONV}")
    (call,) = report_of(notebook).trace.calls
    assert (call.count, call.output) == (100, (1, 6, 6, 4))


def test_the_failing_call_is_a_row(notebook: Notebook) -> None:
    ran = notebook.run("%%convshapes\nx = tf.zeros((1, 8, 8, 3))\ny = layers.Conv2D(2, 9)(x)")
    report = report_of(notebook)
    (call,) = report.trace.calls
    assert call.outcome is Outcome.RAISED
    assert report.failure is not None
    assert report.failure.span is not None
    assert report.failure.span.line == 3
    assert report.failure.message == str(ran.error)


@pytest.mark.parametrize(
    "body",
    [
        "try:\n    layers.Conv2D(2, 9)(tf.zeros((1, 8, 8, 1)))\nexcept ValueError:\n    pass\n1/0",
        "class L(layers.Layer):\n    def call(self, x):\n        raise KeyboardInterrupt\nL()(tf.zeros((1, 8)))",
        "class L(layers.Layer):\n    def call(self, x):\n        raise SystemExit\nL()(tf.zeros((1, 8)))",
    ],
    ids=["another error", "an interrupt", "an exit"],
)
def test_what_did_not_end_the_cell_is_not_blamed(notebook: Notebook, body: str) -> None:
    notebook.run(f"%%convshapes\n{body}")
    report = report_of(notebook)
    assert report.failure is not None
    assert len(report.trace.calls) == 1
    assert report.diagnoses == ()


def test_a_fault_is_found_behind_the_error_raised_from_it(notebook: Notebook) -> None:
    notebook.run(
        "%%convshapes -V\ntry:\n    layers.Conv2D(2, 9)(tf.zeros((1, 8, 8, 1)))\n"
        "except ValueError as error:\n    raise RuntimeError('own words') from error"
    )
    (diagnosis,) = report_of(notebook).diagnoses
    assert diagnosis.line == 3


def test_an_aborting_call_is_stopped(notebook: Notebook) -> None:
    ran = notebook.run(
        "%%convshapes --no-verify\n\ntf.nn.conv2d(tf.zeros((28, 28, 1)), tf.zeros((3, 3, 1, 8)), 1, 'SAME')"
    )
    assert isinstance(ran.error, ValueError)
    (diagnosis,) = report_of(notebook).diagnoses
    assert diagnosis.line == 3
    assert diagnosis.fixes
    assert "error[missing-axis]" in ran.out


# -- options -----------------------------------------------------------------------------------------------------------

MODEL = (
    "class Own(layers.Layer):\n"
    "    def __init__(self):\n"
    "        super().__init__()\n"
    "        self.conv, self.act = layers.Conv2D(2, 3), layers.ReLU()\n"
    "    def call(self, x):\n"
    "        return self.act(self.conv(x))\n"
    "own = Own()\n"
    "y = own(tf.zeros((1, 8, 8, 3)))\n"
    "z = layers.Flatten()(y)\n"
)


@pytest.mark.parametrize(
    ("options", "ops"),
    [
        ("", ["Own", "Conv2D", "ReLU", "Flatten"]),
        ("--only layers", ["Own", "Conv2D", "ReLU", "Flatten"]),
        ("--only conv", ["Conv2D"]),
        ("-o conv", ["Conv2D"]),
        ("--depth 0", ["Own", "Flatten"]),
        ("-d 1", ["Own", "Conv2D", "ReLU", "Flatten"]),
    ],
)
def test_options_choose_the_rows(notebook: Notebook, options: str, ops: list[str]) -> None:
    notebook.run(f"%%convshapes {options}\n{MODEL}")
    assert [call.op for call in report_of(notebook).trace.calls] == ops


def test_the_number_of_rows_is_limited(notebook: Notebook) -> None:
    notebook.run(f"%%convshapes --max-calls 2\n{MODEL}")
    report = report_of(notebook)
    assert (len(report.trace.calls), report.trace.dropped > 0) == (2, True)


@pytest.mark.onednn
def test_the_guard_can_be_left_out(notebook: Notebook) -> None:
    empty = "tf.nn.conv2d(tf.zeros((1, 2, 2, 3)), tf.zeros((3, 3, 3, 4)), 1, 'VALID')"  # TensorFlow returns rubbish
    assert isinstance(notebook.run(f"%%convshapes -V\ny = {empty}").error, ValueError)
    assert notebook.run(f"%%convshapes --no-guard -V\ny = {empty}").error is None


def test_quiet_prints_nothing(notebook: Notebook) -> None:
    assert "conv2d" in notebook.run(f"%%convshapes\ny = {CONV}").out
    assert notebook.run(f"%%convshapes --quiet\ny = {CONV}").out == ""


def test_fixes_are_left_untried_if_so_wanted(notebook: Notebook) -> None:
    notebook.run("%%convshapes --no-verify\nlayers.Conv2D(2, 3)(tf.zeros((8, 8, 1)))")
    report = report_of(notebook)
    assert report.diagnoses
    assert not any(fix.verified or fix.untried for d in report.diagnoses for fix in d.fixes)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--nonsense", "--nonsense"),
        ("-z", "-z"),
        ("--only some", "some"),
        ("--depth much", "much"),
        ("--depth -1", "--depth"),
        ("--max-calls 0", "--max-calls"),
        ("one two", "two"),
        ("not-a-name", "not-a-name"),
        ("lambda", "lambda"),
        ("'open", "quotation"),
        ("--quiet --table", "--table"),
        ("--write --unwrite", "at a time"),
    ],
)
def test_a_wrong_option_is_told_in_one_sentence_and_nothing_runs(notebook: Notebook, options: str, words: str) -> None:
    before = conv_magic.last_report()
    ran = notebook.run(f"%%convshapes {options}\nran = True")
    assert isinstance(ran.error, UsageError)
    assert "ran" not in notebook.ns
    assert ran.tracebacks == []
    told = (ran.out + ran.err).strip()
    assert told.count("\n") == 0
    assert told.startswith("UsageError: %%convshapes: ")
    assert words in told
    assert conv_magic.last_report() is before


def test_the_help_names_every_option(notebook: Notebook) -> None:
    told = notebook.run("%%convshapes?")
    shown = told.out + told.err + str(notebook.shell.payload_manager.read_payload())
    notebook.shell.payload_manager.clear_payload()
    for option in (
        "NAME",
        "--only",
        "--depth",
        "--max-calls",
        "--no-guard",
        "--no-verify",
        "--quiet",
        "--text",
        "--table",
    ):
        assert option in shown


def test_the_name_is_bound(notebook: Notebook) -> None:
    notebook.run(f"%%convshapes\tseen\ny = {CONV}")
    assert notebook.ns["seen"] is conv_magic.last_report()
    notebook.run("%%convshapes seen\n1/0")
    assert notebook.ns["seen"].failure.type == "ZeroDivisionError"


@pytest.mark.parametrize("body", ["", "\n", "\n\n  \n", "\n# only this"])
def test_an_empty_cell_is_fine(notebook: Notebook, body: str) -> None:
    ran = notebook.run(f"%%convshapes seen{body}")
    assert ran.error is None
    assert "no calls were seen" in ran.out
    assert notebook.ns["seen"].trace.calls == ()


# -- %convshapes -------------------------------------------------------------------------------------------------------


def test_on_traces_every_following_cell(notebook: Notebook) -> None:
    assert "off" in notebook.run("%convshapes status").out
    notebook.run("%convshapes on --only conv")
    assert "on" in notebook.run("%convshapes status").out
    notebook.run(f"\n%precision 4\ny = {CONV}")
    assert lines_of(report_of(notebook)) == [("conv2d", 3)]
    last = conv_magic.last_report()
    assert notebook.run("print('no call')").out == "no call\n"
    assert conv_magic.last_report() is last
    notebook.run(f"%%time\nz = 1\ny = {CONV}")
    assert lines_of(report_of(notebook)) == [("conv2d", 3)]
    ran = notebook.run("layers.Conv2D(2, 3)(tf.zeros((8, 8, 1)))")
    assert "error[" in ran.out
    assert ran.out.count("error[") == 1
    assert "tried: the cell now runs" in ran.out.partition("fixes for")[2]
    notebook.run("%convshapes off")
    last = conv_magic.last_report()
    notebook.run(f"y = {CONV}")
    assert conv_magic.last_report() is last


def test_on_shows_the_table_of_every_cell_if_so_wanted(notebook: Notebook) -> None:
    notebook.run("%convshapes on")
    assert "conv2d  " not in notebook.run(f"y = {CONV}").out
    notebook.run("%convshapes on --table")
    assert "conv2d  " in notebook.run(f"y = {CONV}").out
    assert notebook.run("print('no call')").out == "no call\n"


def test_a_marked_cell_is_traced_once_while_on(notebook: Notebook) -> None:
    notebook.run("%convshapes on")
    ran = notebook.run(f"%%convshapes\ny = {CONV}")
    assert ran.out.count("as the arithmetic says") == 1


def test_a_nested_cell_while_on_belongs_to_its_outer_cell(notebook: Notebook) -> None:
    notebook.run("%convshapes on")
    notebook.run(f"x = 1\nget_ipython().run_cell({f'y = {CONV}'!r})")
    assert lines_of(report_of(notebook)) == [("conv2d", 2)]


def test_last_shows_the_last_report_with_its_fixes_tried(notebook: Notebook) -> None:
    notebook.run("%%convshapes NAME\nx = tf.zeros((8, 8, 3))\ny = layers.Conv2D(2, 3)(x)")
    ran = notebook.run("%convshapes last")
    assert ran.result.result is conv_magic.last_report() is notebook.ns["NAME"]
    (diagnosis,) = ran.result.result.diagnoses
    assert diagnosis.fixes[0].verified
    frame = notebook.run("%convshapes frame").result.result
    assert list(frame["line"]) == [3]


@pytest.mark.parametrize("line", ["", "nonsense", "on --nonsense", "on --write"])
def test_a_wrong_line_magic_is_told_in_one_sentence(notebook: Notebook, line: str) -> None:
    ran = notebook.run(f"%convshapes {line}")
    assert isinstance(ran.error, UsageError)
    assert (ran.out + ran.err).strip().count("\n") == 0


# -- coming and going --------------------------------------------------------------------------------------------------


def test_unloading_inside_a_traced_cell_leaves_nothing(notebook: Notebook) -> None:
    ran = notebook.run(f"%%convshapes\n%unload_ext conv_magic\ny = {CONV}\n1 + 1")
    assert (ran.error, ran.result.result) == (None, 2)
    assert not [t for t in notebook.shell.input_transformers_cleanup if "conv_magic" in t.__module__]
    callbacks = [c for each in notebook.shell.events.callbacks.values() for c in each]
    assert not [c for c in callbacks if "conv_magic" in c.__module__]
    for kind in ("line", "cell"):
        assert "convshapes" not in notebook.shell.magics_manager.magics[kind]
    assert "showtraceback" not in vars(notebook.shell)
    assert "not found" in notebook.run("%%convshapes\n1").err
    notebook.run("%load_ext conv_magic")
    assert notebook.run(f"%%convshapes\n{CONV}.shape.rank").result.result == 4


def test_reloading_inside_a_traced_cell_leaves_one_of_us(notebook: Notebook) -> None:
    notebook.run("%%convshapes\n%reload_ext conv_magic\n1 + 1")
    notebook.run("import conv_magic\nconv_magic.load_ipython_extension(get_ipython())")
    assert len([t for t in notebook.shell.input_transformers_cleanup if "conv_magic" in t.__module__]) == 1
    assert notebook.run(f"%%convshapes\n{CONV}.shape.rank").out.count("as the arithmetic says") == 1


_FORGET = """import sys
for name in [name for name in sys.modules if name.split(".")[0] == "conv_magic"]:
    del sys.modules[name]
"""


@pytest.mark.parametrize(
    "cells",
    [
        ("%reload_ext conv_magic",) * 3,
        ("%unload_ext conv_magic", "%load_ext conv_magic") * 3,
        (_FORGET, "%reload_ext conv_magic"),
        (_FORGET, "import conv_magic", "%reload_ext conv_magic"),
        (_FORGET, "import conv_magic\nconv_magic.load_ipython_extension(get_ipython())"),
    ],
    ids=["reloaded", "unloaded and loaded", "forgotten", "imported anew", "loaded anew by hand"],
)
def test_however_it_is_loaded_again_there_is_one_of_us(notebook: Notebook, cells: tuple[str, ...]) -> None:
    before = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "conv_magic"}
    registered = _registered_by_us(notebook.shell)
    assert [len(each) for each in registered] == [1, 1, 1, 1, 2]
    try:
        for cell in cells:
            assert notebook.run(cell).error is None
        assert _registered_by_us(notebook.shell) == registered
        assert notebook.run(f"%%convshapes -V\n{CONV}.shape.rank").out.count("as the arithmetic says") == 1
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == "conv_magic"]:
            del sys.modules[name]
        sys.modules.update(before)
        notebook.run("%reload_ext conv_magic")


def _registered_by_us(shell: Any) -> list[list[str]]:
    """The names of what is ours among the transformers and the callbacks."""
    events = shell.events.callbacks
    places = shell.input_transformers_cleanup, shell.ast_transformers
    return [
        sorted(repr(getattr(each, "__name__", "")) for each in place if _is_ours(each))
        for place in (*places, events["pre_run_cell"], events["post_execute"], events["post_run_cell"])
    ]


def _is_ours(thing: Any) -> bool:
    return str(getattr(thing, "__module__", type(thing).__module__)).split(".")[0] == "conv_magic"


@pytest.mark.parametrize("options", [{"store_history": False}, {"silent": True}, {"cell_id": "an-id"}])
def test_every_way_of_running_a_cell_leaves_nothing(notebook: Notebook, options: dict[str, Any]) -> None:
    ran = notebook.run(f"%%convshapes\ny = {CONV}\n1/0", **options)
    assert isinstance(ran.error, ZeroDivisionError)
    assert tracer.patched() == ()  # as after every cell
    if "silent" in options:
        assert "conv2d  " not in ran.out


def test_a_cell_whose_end_is_not_announced_leaves_nothing(notebook: Notebook) -> None:
    text = f"%%convshapes\ny = {CONV}"
    transformed = notebook.shell.transform_cell(text)
    asyncio.run(notebook.shell.run_cell_async(text, transformed_cell=transformed))  # fires no `post_run_cell` itself
    assert tracer.patched() == ()  # the loop went on, and we looked
    notebook.run("x = 1")
    notebook.run(f"%%convshapes NAME\ny = {CONV}")
    assert lines_of(notebook.ns["NAME"]) == [("conv2d", 2)]


def test_a_nested_traced_cell_is_its_own(notebook: Notebook) -> None:
    inner = f"%%convshapes inner\ny = {CONV}"
    notebook.run(f"%%convshapes outer\nx = {CONV}\nget_ipython().run_cell({inner!r})\nz = {CONV}")
    assert lines_of(notebook.ns["inner"]) == [("conv2d", 2)]
    assert lines_of(notebook.ns["outer"]) == [("conv2d", 2), ("conv2d", 3), ("conv2d", 4)]


def test_the_magic_can_be_called_by_name(notebook: Notebook) -> None:
    notebook.run(f"get_ipython().run_cell_magic('convshapes', 'seen', 'y = {CONV}')".replace("'VALID'", '"VALID"'))
    assert lines_of(notebook.ns["seen"]) == [("conv2d", 2)]


def test_an_incomplete_cell_is_not_run_while_it_is_typed(notebook: Notebook) -> None:
    manager = notebook.shell.input_transformer_manager
    assert manager.check_complete("%%convshapes\nfor x in y:")[0] == "incomplete"
    assert manager.check_complete("%%convshapes one two\nx = 1\n")[0] == manager.check_complete("%%time\nx = 1\n")[0]


# -- in a process of its own -------------------------------------------------------------------------------------------

SHELL = """
import sys
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
settings = Config()
settings.HistoryManager.enabled = False
shell = InteractiveShell.instance(config=settings)
def run(text):
    result = shell.run_cell(text, store_history=True)
    from conv_magic.capture import tracer
    assert tracer.patched() == (), tracer.patched()
    assert not [f for f in sys.meta_path if type(f).__module__.startswith("conv_magic")]
    return result
"""
HIDE_TENSORFLOW = """
from importlib.machinery import PathFinder
class WithoutTensorFlow(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.split(".")[0] in ("tensorflow", "keras") else PathFinder.find_spec(name, path, target)
sys.meta_path[sys.meta_path.index(PathFinder)] = WithoutTensorFlow
"""
FORBID_TENSORFLOW = """
class Forbidding:
    def find_spec(self, name, path=None, target=None):
        if name == "tensorflow":
            raise ImportError("not here")
sys.meta_path.insert(0, Forbidding())
"""


def run_script(script: str, folder: Path) -> tuple[str, str]:
    """The output of a script in a fresh process with an IPython shell."""
    environment = {**os.environ, "IPYTHONDIR": str(folder)}
    command = [sys.executable, "-P", "-c", SHELL + script]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


@pytest.mark.parametrize("without", [HIDE_TENSORFLOW, FORBID_TENSORFLOW], ids=["absent", "forbidden"])
def test_without_tensorflow_the_cell_runs_and_is_told_once(without: str, tmp_path: Path) -> None:
    script = f"""{without}
run("%load_ext conv_magic")
assert run("%%convshapes NAME\\nx = 1 + 1\\nx").result == 2
assert "NAME" not in shell.user_ns
run("%convshapes on")
assert run("x + 1").result == 3
assert type(run("%%convshapes\\nimport tensorflow").error_in_exec) in (ImportError, ModuleNotFoundError)
"""
    out, err = run_script(script, tmp_path)
    assert out.count("Traceback") == 1
    assert "conv_magic" not in out
    assert err.splitlines() == [NO_TENSORFLOW] * 2


NO_TENSORFLOW = "conv_magic: TensorFlow is not installed, so there is nothing to trace; `pip install tensorflow`"


def test_tensorflow_imported_by_the_cell_itself(tmp_path: Path) -> None:
    out, _ = run_script(
        """
run("%load_ext conv_magic")
text = '''%%convshapes NAME
from tensorflow.nn import conv2d
import tensorflow as tf
from keras import layers
y = conv2d(tf.zeros((1, 8, 8, 3)), tf.zeros((3, 3, 3, 4)), 1, "VALID")
z = layers.Conv2D(2, 3)(y)
'''
assert run(text).success
print([(call.op, call.span.line, call.output) for call in shell.user_ns["NAME"].trace.calls])
""",
        tmp_path,
    )
    assert out.splitlines()[-1] == "[('conv2d', 5, (1, 6, 6, 4)), ('Conv2D', 6, (1, 4, 4, 2))]"


def test_loading_imports_nothing_heavy(tmp_path: Path) -> None:
    heavy = {"numpy", "pandas", "pydantic", "ipywidgets", "anywidget", "keras", "tensorflow"}
    script = f"shell.run_line_magic('load_ext', 'conv_magic')\nprint(sorted(set(sys.modules) & {heavy!r}))\n"
    assert run_script(script, tmp_path)[0] == "[]\n"
