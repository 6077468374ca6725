"""What stands at the line ends: the shapes of real runs, what went in, and what would pin them."""

from __future__ import annotations

from typing import Any

import conv_magic
from conv_magic.engine.report import Report
from conv_magic.model.notes import LineNote


def _run(source: str) -> Report:
    report = conv_magic.run(source)
    assert report.error is None
    return report


_BLOCK = "from keras import layers\ndef block(x):\n    x = layers.Conv2D(4, 3)(x)\n    return layers.ReLU()(x)\n"


def _notes(report: Report, cell: str | None = None) -> dict[int, LineNote]:
    cell = cell or report.trace.sources[0].cell
    return {note.line: note for note in report.notes if note.cell == cell}


def test_a_note_says_what_went_in_and_what_would_pin_it() -> None:
    report = _run(
        "import keras, numpy as np\nfrom keras import layers\n"
        "inputs = keras.Input((8, 8, 1))\n"
        "x = layers.Conv2D(4, 3)(inputs)\n"
        "x = layers.ReLU()(layers.Conv2D(\n"
        "    2, 3)(x)\n"
        ")\n"
        "a, b = layers.Flatten()(x), layers.MaxPooling2D()(x)\n"
        "y = layers.Add()([x, x])  # shape: (B, 4, 4, 2)\n"
    )
    notes = _notes(report)
    assert (notes[4].text, notes[4].flow) == ("(None, 6, 6, 4)", "(None, 8, 8, 1) -> (None, 6, 6, 4)")
    assert notes[4].pin == "# shape: (B, 6, 6, 4)"
    assert notes[7].text == "(None, 4, 4, 2) -> (None, 4, 4, 2)"
    assert notes[7].flow == "(None, 6, 6, 4) -> (None, 4, 4, 2) -> (None, 4, 4, 2)"
    assert notes[7].pin == "# shape: (B, 4, 4, 2)"
    assert notes[8].text == "(None, 32), (None, 2, 2, 2)"
    assert notes[9].flow == "(None, 4, 4, 2), (None, 4, 4, 2) -> (None, 4, 4, 2)"
    assert notes[9].pin is None, "it is pinned already"


def test_each_layer_of_a_list_can_be_pinned_at_its_own_line() -> None:
    report = _run(
        "import keras\nfrom keras import layers\n"
        "model = keras.Sequential([\n"
        "    keras.Input((8, 8, 1)),\n"
        "    layers.Conv2D(\n"
        "        4, 3\n"
        "    ),\n"
        "    layers.Flatten(),\n"
        "])\n"
        "model.add(layers.Dense(2))\n"
    )
    assert {line: note.pin for line, note in _notes(report).items()} == {
        7: "# shape: (B, 6, 6, 4)",
        8: "# shape: (B, 144)",
        10: "# shape: (B, 2)",
    }


def test_a_batch_that_calls_share_is_pinned_by_name() -> None:
    report = _run(
        "import tensorflow as tf\n"
        "x = tf.nn.conv2d(tf.zeros((16, 8, 8, 1)), tf.zeros((3, 3, 1, 2)), 1, 'SAME')\n"
        "x = tf.nn.max_pool2d(x, 2, 2, 'VALID')\n"
        "z = tf.nn.max_pool2d(tf.zeros((1, 8, 8, 2)), 2, 2, 'VALID')\n"
    )
    assert [note.pin for note in report.notes] == [
        "# shape: (B, 8, 8, 2)",
        "# shape: (B, 4, 4, 2)",
        "# shape: (1, 4, 4, 2)",
    ]


def test_the_lines_of_an_earlier_cells_function_are_noted_as_of_a_later_run() -> None:
    space: dict[str, Any] = {}
    conv_magic.run(_BLOCK, space)
    report = conv_magic.run("import keras\ny = block(keras.Input((8, 8, 1)))\n", space)
    earlier = next(source.cell for source in report.trace.sources if source.text == _BLOCK)
    assert {line: (note.text, note.later) for line, note in _notes(report, earlier).items()} == {
        3: ("(None, 6, 6, 4)", True),
        4: ("(None, 6, 6, 4)", True),
    }


def test_values_that_no_layer_made_are_noted() -> None:
    report = _run(
        "import keras, numpy as np, tensorflow as tf\n"
        "x = np.zeros((4, 8, 8, 3))  # shape: (N, 8, 8, 3)\n"
        "x = x[\n"
        "    :, ::2]\n"
        "a, (b, *c) = np.zeros(3), (np.ones((5, 5)), 1, 2)\n"
        "ds = tf.data.Dataset.from_tensor_slices((x, np.zeros(4))).batch(2)\n"
        "for images, labels in ds:\n"
        "    n = 3; y = tf.reshape(images, (-1, 96))\n"
        "for images, labels in ds.batch(3):\n"
        "    pass\n"
        "with tf.GradientTape() as tape:\n"
        "    y = tf.nn.relu(keras.layers.ReLU()(y))\n"
        "    y = tf.transpose(keras.layers.ReLU()(y))\n"
        "loss = tf.reduce_sum(y)\n"
    )
    assert {line: (note.text, note.pin) for line, note in _notes(report).items()} == {
        2: ("(4, 8, 8, 3)  N = 4", None),
        4: ("(4, 4, 8, 3)", "# shape: (4, 4, 8, 3)"),
        5: ("(3,), (5, 5)", "# shape: (3,), (5, 5)"),
        7: ("(2, 4, 8, 3), (2,) ×2", "# shape: (B, 4, 8, 3), (B,)"),
        8: ("(2, 96) ×2", "# shape: (B, 96)"),
        9: ("(2, 2, 4, 8, 3), (2, 2)", "# shape: (B, 2, 4, 8, 3), (B, 2)"),
        12: ("(2, 96)", "# shape: (B, 96)"),
        13: ("(2, 96) -> (96, 2)", "# shape: (96, 2)"),
        14: ("()", "# shape: ()"),
    }


def test_what_was_not_reached_is_not_noted() -> None:
    report = conv_magic.run(
        "import numpy as np\nx = np.zeros(3)\nfor i in (1, 2):\n    y = x[:i]\nz = x[9]\nw = x[1:]\n"
    )
    assert {line: note.text for line, note in _notes(report).items()} == {2: "(3,)", 4: "(1..2,) ×2"}


def test_names_of_a_loop_that_only_counts_are_left_alone() -> None:
    report = _run("import numpy as np\nx = y = np.zeros(3)\nfor i in range(100):\n    x = x + y\n    z = x[1:]\n")
    assert {line: note.text for line, note in _notes(report).items()} == {2: "(3,)", 5: "(2,) ×100"}


def test_a_line_that_binds_names_says_what_they_stand_for() -> None:
    report = _run(
        "import numpy as np\n"
        "x = np.zeros((4, 28, 28))  # shape: (B, H, W)\n"
        "y = x[:, ::2]  # shape: (B, H//2, W)\n"
        "z = y[0]  # shape: (14, 29)\n"
        "w = y[1]  # shape: (H//2, 29)\n"
    )
    notes = _notes(report)
    assert notes[2].text == "(4, 28, 28)  B = 4, H = 28, W = 28"
    assert notes[3].text == "(4, 14, 28)"
    assert notes[4].text == "z is (14, 28), its contract states (14, 29)"
    assert [notes[line].pin for line in (2, 3, 4, 5)] == [None, None, "# shape: (14, 28)", None]


def test_the_batchs_name_keeps_the_size_that_the_author_gave_it() -> None:
    report = _run(
        "import numpy as np\nfrom keras import layers\n"
        "x = np.zeros((4, 9), 'float32')  # shape: (B, 9)\n"
        "y = layers.Dense(3)(np.zeros((2, 5), 'float32'))\ny = layers.ReLU()(y)\ny = layers.Dense(3)(x)\n"
    )
    assert [note.pin for note in report.notes] == [None, "# shape: (2, 3)", "# shape: (2, 3)", "# shape: (B, 3)"]


def test_whatever_a_line_gives_its_value_to_is_checked_or_it_is_said_why_not() -> None:
    """Attributes, entries, walruses, several results; what has no shape is told; a property is not asked."""
    report = conv_magic.run(
        "import numpy as np\n"
        "class Kept:\n"
        "    @property\n"
        "    def asked(self): raise SystemExit\n"
        "    asked = asked.setter(lambda self, value: None)\n"
        "def part(x):\n"
        "    kept.inner = x[:1]  # shape: (2, 3)\n"
        "    return x, x[0]  # shape: (2, 3), (4,)\n"
        "kept, parts, x = Kept(), {}, np.zeros((2, 3))\n"
        "kept.whole = x[0]  # shape: (2, 3)\n"
        "kept.asked = x  # shape: (5, 5)\n"
        'parts["first"] = x[0]  # shape: (4,)\n'
        "(walrus := x[0])  # shape: (5,)\n"
        "x += 1  # shape: (2, 4)\n"
        "a, (b, c) = x, (x[0], x[1])  # shape: (2, 3), (3,), (6,)\n"
        "rows = [row for row in x]  # shape: (3,)\n"
        "if (y := x[0]).any():  # shape: (3,)\n"
        "    pass\n"
        "else:\n"
        "    z = x  # shape: (9,)\n"
        "part(x)\n"
    )
    assert report.error is None
    assert {d.line: d.headline for d in report.diagnoses} == {
        7: "kept.inner is (1, 3), its contract states (2, 3)",
        8: "returned value 2 is (3,), its contract states (4,)",
        10: "kept.whole is (3,), its contract states (2, 3)",
        11: "this contract is not checked: kept.asked is no tensor or array",
        12: 'parts["first"] is (3,), its contract states (4,)',
        13: "walrus is (3,), its contract states (5,)",
        14: "x is (2, 3), its contract states (2, 4)",
        15: "c is (3,), its contract states (6,)",
        16: "this contract is not checked: rows is no tensor or array",
        17: "this contract is not checked: the line gives no value to a name",
    }
