"""Contracts on lines of functions and layer classes: checked wherever the function stands, and harmless to all else."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest

import conv_magic
from conv_magic.capture.following import RETURNED, Following
from conv_magic.engine.report import Report
from conv_magic.text.source import Code

_START = "import keras, numpy as np, tensorflow as tf\nfrom keras import layers\n"
_HALVES = (
    "import numpy as np\n"
    "def halves(x):\n"
    "    for row in x:  # shape: (8, 3)\n"
    "        pass\n"
    "    x = x[\n"
    "        :, ::2]  # shape: (B, 4, 3)\n"
    "    try:\n"
    "        y = x[99]  # shape: (99,)\n"
    "    except IndexError:\n"
    "        y = x[0]\n"
    "    return y.T  # shape: (3, 5)\n"
)


def _found(report: Report) -> list[tuple[str, int | None]]:
    return [(d.code, d.line) for d in report.diagnoses]


def test_a_function_of_this_cell_is_checked() -> None:
    report = conv_magic.run(_HALVES + "z = halves(np.zeros((2, 8, 3)))\n")
    assert _found(report) == [("contract-broken", 11)]
    assert report.diagnoses[0].headline == f"{RETURNED} is (3, 4), its contract states (3, 5)"
    assert sys.gettrace() is None


def test_a_function_of_an_earlier_cell_is_checked_and_named_there() -> None:
    space: dict[str, Any] = {}
    assert conv_magic.run(_HALVES, space).diagnoses == ()
    report = conv_magic.run("z = halves(np.zeros((2, 8, 3)))\nz = halves(np.zeros((1, 8, 3)))\n", space)
    (diagnosis,) = report.diagnoses
    assert diagnosis.span is not None
    source = next(source for source in report.trace.sources if source.cell == diagnosis.span.cell)
    assert (source.text, diagnosis.line) == (_HALVES, 11)
    notes = {note.line: (note.text, note.later) for note in report.notes if note.cell == source.cell}
    assert notes[6] == ("(1..2, 4, 3) ×2  B = 1..2", True)


def test_a_layer_class_is_checked_whether_hooked_or_not() -> None:
    report = conv_magic.run(
        _START + "class Block(layers.Layer):\n"
        "    def __init__(self):\n        super().__init__()\n        self.conv = layers.Conv2D(4, 3)\n"
        "    def call(self, x):\n"
        "        x = self.conv(x)  # shape: (B, 8, 8, 4)\n"
        "        x = x[:, ::2]\n"
        "        return tf.reduce_mean(x, [1, 2])  # shape: (B, 5)\n"
        "y = Block()(np.zeros((2, 8, 8, 1), 'float32'))\n"
    )
    assert _found(report) == [("contract-broken", 8), ("contract-broken", 10)]


def test_nothing_is_followed_where_hooked_calls_answer() -> None:
    text = (
        "class Block(layers.Layer):\n    def __init__(self):\n        self.conv = layers.Conv2D(4, 3)\n"
        "    def call(self, x):\n        x = self.conv(x)  # shape: (B, 8, 8, 4)\n"
        "        x = tf.nn.max_pool2d(x, 2, 2, 'SAME')  # shape: (B, 4, 4, 4)\n"
        "        return layers.ReLU()(x)  # shape: (B, 4, 4, 4)\ny = x[0]  # shape: (3,)\n"
    )
    assert Following.of({"cell": Code("c0", text)}).followed == {}
    assert Following.of({"cell": Code("c0", text.replace("self.conv(x)", "self.own(x)"))}).followed != {}


def test_a_trace_function_that_is_there_stays_and_the_user_is_told() -> None:
    seen: list[str] = []

    def debugger(frame: FrameType, event: str, argument: object) -> None:
        seen.append(event)

    sys.settrace(debugger)
    try:
        with pytest.warns(UserWarning, match="debugger or coverage"):
            report = conv_magic.run(_HALVES + "z = halves(np.zeros((2, 8, 3)))\n")
        assert sys.gettrace() is debugger
    finally:
        sys.settrace(None)
    assert report.diagnoses == ()
    assert seen


def test_a_trace_function_that_the_cell_puts_in_stays() -> None:
    try:
        conv_magic.run(
            _HALVES + "import sys\ndef own(*event): pass\nsys.settrace(own)\nz = halves(np.zeros((2, 8, 3)))\n"
        )
        trace_function: Any = sys.gettrace()
        assert trace_function.__name__ == "own"
    finally:
        sys.settrace(None)


def test_generators_recursion_and_errors_are_left_as_they_are() -> None:
    report = conv_magic.run(
        "import numpy as np\n"
        "def numbers(n):\n    for i in range(n):\n        x = np.zeros(i)  # shape: (_,)\n        yield x\n"
        "def deep(n):\n    x = np.zeros((n, n))  # shape: (n, n)\n    return x if n < 2 else deep(n - 1)\n"
        "shapes = [x.shape for x in numbers(4)], deep(5).shape\n"
        "def fails(x):\n    y = x[5:]  # shape: (1,)\n    raise KeyError(y.shape)\n"
        "fails(np.zeros(6))\n"
    )
    assert isinstance(report.error, KeyError)
    assert report.diagnoses == ()
    assert sys.gettrace() is None


def test_an_interrupt_leaves_no_trace_function() -> None:
    with pytest.raises(KeyboardInterrupt):
        conv_magic.run(_HALVES + "halves(np.zeros((2, 8, 3)))\nraise KeyboardInterrupt\n")
    assert sys.gettrace() is None
