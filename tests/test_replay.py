"""Fixes of earlier cells: which statements run again, and that real trials of them are right."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import pytest

import conv_magic
from conv_magic.engine import runner
from conv_magic.engine.report import Report
from conv_magic.model.positions import digest
from conv_magic.model.trace import Source
from conv_magic.sandbox.replay import nodes_of, to_run_again

SEQUENTIAL = "model = Sequential()\nmodel.add(Conv2D(8, 3))\nmodel.add(Dense(9))\nmodel.compile('adam')"
FUNCTIONAL = (
    "inputs = Input((28, 28, 1))\nside = Conv2D(4, 3)(inputs)\n"
    "x = Conv2D(8, 3)(inputs)\nx = Flatten()(x)\nx = Dense(9)(x)\nmodel = Model(inputs, x)"
)
NET = "class Net(Model):\n    def call(self, x):\n        return head(x)"


def run_again(cells: Mapping[str, str], edit: tuple[str, str, str], wanted: str) -> list[str]:
    """The first lines of what runs again after `edit` (cell, old, new), each with its cell."""
    name, old, new = edit
    assert old in cells[name]
    sources = [Source(label, text, digest(text), None, label) for label, text in cells.items()]
    again = to_run_again(sources, name, cells[name].replace(old, new, 1), set(wanted.split()))
    lines = [(each.cell, each.text.split("\n")[node.lineno - 1]) for each in again for node in nodes_of(each)]
    return [f"{cell}: {line}" for cell, line in lines]


@pytest.mark.parametrize(
    ("cells", "edit", "wanted", "expected"),
    [
        pytest.param(
            {"a": "data = load()\ndef block(x):\n    return x\nprint(1)"},
            ("a", "return x", "return x[None]"),
            "block tf",
            ["a: def block(x):"],
            id="a function alone",
        ),
        pytest.param(
            {"a": "def head(x):\n    return x", "b": NET + "\ndata = load()", "c": "net = Net()\nnet.compile('adam')"},
            ("a", "return x", "return x[None]"),
            "net data",
            ["a: def head(x):", "b: class Net(Model):", "c: net = Net()", "c: net.compile('adam')"],
            id="what an instance was made with",
        ),
        pytest.param(
            {"a": NET, "b": "net = Net()\nnet.fit(x, y)\nhistory = net.fit(x, y)"},
            ("a", "head(x)", "head(x[None])"),
            "net x",
            ["a: class Net(Model):", "b: net = Net()"],
            id="no training",
        ),
        pytest.param(
            {"a": NET, "b": "net = Net()\nhistory = net.fit(x, y)"},
            ("a", "head(x)", "head(x[None])"),
            "history",
            ["a: class Net(Model):", "b: net = Net()", "b: history = net.fit(x, y)"],
            id="training that is asked for",
        ),
        pytest.param(
            {"a": SEQUENTIAL},
            ("a", "Dense(9)", "Dense(10)"),
            "model x",
            [f"a: {line}" for line in SEQUENTIAL.split("\n")],
            id="a value changed in place is made anew",
        ),
        pytest.param(
            {"a": FUNCTIONAL},
            ("a", "Dense(9)", "Dense(10)"),
            "model",
            ["a: x = Conv2D(8, 3)(inputs)", "a: x = Flatten()(x)", "a: x = Dense(9)(x)", "a: model = Model(inputs, x)"],
            id="a name given anew starts from what it was",
        ),
        pytest.param(
            {"a": "x = load()\ny = labels()", "b": "x = x / 255"},
            ("b", "x / 255", "x[..., None] / 255"),
            "x y",
            ["a: x = load()", "b: x = x / 255"],
            id="data across cells",
        ),
        pytest.param(
            {"a": "def f():\n    return 1\nz = f()"},
            ("a", "return 1", "return 2"),
            "x",
            [],
            id="not what the cell needs",
        ),
        pytest.param({"a": "x = x + 1"}, ("a", "+ 1", "+ 2"), "x", [], id="made by nothing that is known"),
        pytest.param(
            {"a": "%load_ext x\ndef f():\n    return size", "b": "size = 3\ng = f()\nsize = 4"},
            ("a", "return size", "return 2 * size"),
            "f",
            ["a: def f():"],
            id="what a function reads late is as it is now",
        ),
        pytest.param(
            {"a": "from keras import layers\nmake = layers.Conv2D(3, 3)"},
            ("a", "3, 3)", "3, 5)"),
            "make",
            ["a: make = layers.Conv2D(3, 3)"],
            id="a module is not changed by use",
        ),
    ],
)
def test_what_runs_again(
    cells: Mapping[str, str], edit: tuple[str, str, str], wanted: str, expected: list[str]
) -> None:
    name, old, new = edit
    found = run_again(cells, edit, wanted)
    assert found == [line.replace(old, new) if line.startswith(f"{name}: ") else line for line in expected]


IMPORTS = "import numpy as np, tensorflow as tf, keras\nfrom keras import layers\n"
DATA = (
    "import os\nos.environ['LOADED'] = str(int(os.environ.get('LOADED', 0)) + 1)\nimages = np.zeros((64, 28, 28, 1))\n"
)


def run_cells(*cells: str) -> tuple[Report, list[str]]:
    """The last cell's report with its fixes tried, in one namespace; and the texts."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    texts = [textwrap.dedent(cell) for cell in cells]
    for text in texts[:-1]:
        assert conv_magic.run(text, namespace).error is None
    return conv_magic.run(texts[-1], namespace, verify=True), texts


def repaired(report: Report, texts: list[str]) -> Report:
    """What the last cell gives once the first fix is made and the cells that it names have run again."""
    fix = report.diagnoses[0].fixes[0]
    of = {source.cell: source.text for source in report.trace.sources}
    edited = [fix.apply(text) if text == of[fix.cell] else text for text in texts]
    again = {of[cell] for cell in fix.reruns}
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for text in texts[:-1]:
        conv_magic.run(text, namespace)
    for before, after in zip(texts[:-1], edited, strict=False):
        if before in again:
            conv_magic.run(after, namespace)
    return conv_magic.run(edited[-1], namespace)


CELLS = {
    "a function": (
        IMPORTS,
        "def block(x):\n    h = layers.Conv2D(4, 3)(x)\n    return layers.add([h, layers.Conv2D(4, 1)(x)])\n",
        "y = block(keras.Input((28, 28, 1)))\n",
    ),
    "a layer class": (
        IMPORTS,
        """\
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.conv = layers.Conv2D(8, 3)
                self.flat = layers.Flatten()
                self.head = layers.Dense(5)

            def call(self, x):
                x = self.conv(x)
                return self.head(x)
        """,
        DATA + "labels = np.zeros(64, int)\n",
        "net = Net()\nnet.compile('adam', keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n",
        "net.fit(images, labels, verbose=0)\n",
    ),
    "a model made of layers": (
        IMPORTS + DATA + "labels = np.full(64, 9)\n",
        "model = keras.Sequential([layers.Flatten(), layers.Dense(5, activation='softmax')])\n",
        "model.compile('adam', 'sparse_categorical_crossentropy')\n",
        "model.fit(images, labels, verbose=0)\n",
    ),
}


@pytest.mark.parametrize("cells", CELLS.values(), ids=CELLS)
def test_a_fix_of_an_earlier_cell_is_tried_and_holds(cells: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOADED", raising=False)
    report, texts = run_cells(*cells)
    (diagnosis,) = report.diagnoses
    fix = diagnosis.fixes[0]
    assert fix.verified, fix.untried
    assert fix.cell != report.trace.sources[0].cell
    assert fix.reruns[:1] == (fix.cell,)
    assert "tried: with an earlier cell run again, the cell runs to its end" in report.to_text()
    after = repaired(report, texts)
    assert (after.error, after.diagnoses) == (None, ())


def test_a_wrong_edit_of_an_earlier_cell_says_where_it_fails() -> None:
    cells = (
        IMPORTS,
        "def block(x):\n    return layers.Conv2D(4, 3)(x)\n",
        "y = block(np.zeros((28, 28)))\nassert y.shape[0] == 2\n",
    )
    report, _ = run_cells(*cells)
    tried = [fix for fix in report.diagnoses[0].fixes if fix.cell != report.trace.sources[0].cell]
    assert tried
    assert {fix.untried for fix in tried} == {"tried: line 2 then raises AssertionError"}
    assert {fix.reruns for fix in tried} == {()}


UNTRACED = {
    "a loss named in a cell of its own": (
        IMPORTS + "images, kinds = np.zeros((6, 8, 8, 1)), np.arange(6) % 3\n",
        "net = keras.Sequential([layers.Flatten(), layers.Dense(3, activation='softmax')])\n",
        "net.compile('sgd', 'categorical_crossentropy')\n",
        "net.fit(images, kinds, verbose=0)\n",
    ),
    "a layer among others of its class": (
        IMPORTS + "images, rows = np.zeros((6, 8, 8, 1)), np.eye(4)[np.arange(6) % 4]\n",
        "net = keras.Sequential([layers.Flatten(), layers.Dense(9), layers.Dense(3, activation='softmax')])\n",
        "net.compile('sgd', 'categorical_crossentropy')\n",
        "net.fit(images, rows, verbose=0)\n",
    ),
    "labels bound in another cell": (
        IMPORTS
        + "net = keras.Sequential([layers.Conv2D(1, 4, strides=4)])\nnet.compile('sgd', 'binary_crossentropy')\n",
        "real = np.ones((6, 1))\n",
        "net.train_on_batch(np.zeros((6, 16, 16, 3)), real)\n",
    ),
}


@pytest.mark.parametrize("cells", UNTRACED.values(), ids=UNTRACED)
def test_layers_and_labels_of_untraced_cells_are_found_in_their_texts(cells: tuple[str, ...]) -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for text in cells[:-1]:
        exec(compile(text, runner._registered(text, namespace).filename, "exec"), namespace)
    report = conv_magic.run(cells[-1], namespace, verify=True)
    (diagnosis,) = report.diagnoses
    assert diagnosis.fixes[0].verified, diagnosis.fixes[0].untried
    assert diagnosis.fixes[0].cell != report.trace.sources[0].cell
    after = repaired(report, list(cells))
    assert (after.error, after.diagnoses) == (None, ())


def test_words_and_fixes_count_the_lines_of_their_own_cell() -> None:
    cells = (
        IMPORTS,
        "\n\nlabels = np.arange(6) % 3\n",
        "net = keras.Sequential([layers.Flatten(), layers.Dense(3, activation='softmax')])\n",
        "net.compile('sgd', 'categorical_crossentropy')\nnet.fit(np.zeros((6, 8)), labels, verbose=0)\n",
    )
    report, _ = run_cells(*cells)
    (diagnosis,) = report.diagnoses
    assert (diagnosis.line, diagnosis.origin_line) == (2, 3)
    assert diagnosis.origin_note == "the labels are made on line 3 of an earlier cell"
