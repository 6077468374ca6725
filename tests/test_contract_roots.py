"""A broken contract and a failure: one fault where one led to the other, two where they have nothing to do with it."""

from __future__ import annotations

from typing import Any

import conv_magic
from conv_magic.engine.report import Report
from conv_magic.model.diagnoses import Severity

_START = "import keras, numpy as np\nfrom keras import layers\nx = keras.Input((28, 28, 1))\n"


def _codes(report: Report) -> list[tuple[str, int | None, Severity]]:
    return [(d.code, d.line, d.severity) for d in report.diagnoses]


def test_a_failure_that_comes_of_a_broken_contract_is_told_there() -> None:
    report = conv_magic.run(
        _START + "y = layers.Conv2D(1, 3)(x)  # shape: (B, 28, 28, 1)\ny = y * 2\nz = layers.Add()([x, y])\n"
    )
    assert report.error is not None
    assert _codes(report) == [("contract-broken", 4, Severity.ERROR)]
    assert any("line 6 fails" in reason for reason in report.diagnoses[0].reasons)


def test_a_value_that_no_call_made_is_a_root_by_its_line() -> None:
    report = conv_magic.run(
        "import numpy as np, keras\nx = np.zeros((4, 8, 8))[:, 1:]  # shape: (B, 8, 8)\n"
        "y = keras.layers.Add()([np.zeros((4, 8, 8)), x])\n"
    )
    assert _codes(report) == [("contract-broken", 2, Severity.ERROR)]


def test_a_failure_on_another_path_is_a_fault_of_its_own() -> None:
    report = conv_magic.run(
        _START + "y = layers.Conv2D(1, 3)(x)  # shape: (B, 28, 28, 1)\n"
        "a = layers.MaxPooling2D()(x)\nz = layers.Add()([layers.ReLU()(x), a])\n"
    )
    assert _codes(report) == [("sizes-differ", 6, Severity.ERROR), ("contract-broken", 4, Severity.WARNING)]


def test_a_contract_that_was_not_reached_is_not_broken() -> None:
    report = conv_magic.run("import numpy as np\nx = np.zeros(3)\nx[9]\ny = x[:2]  # shape: (3,)\n")
    assert isinstance(report.error, IndexError)
    assert report.diagnoses == ()


def test_a_fix_holds_only_where_every_contract_does() -> None:
    report = conv_magic.run(
        _START
        + "y = layers.Conv2D(8, 3)(x)  # shape: (B, 28, 28, 8)\nz = layers.Flatten()(y)  # shape: (B, 26*26*8)\n",
        verify=True,
    )
    fixes = [(fix.title.split(" ")[0], fix.verified) for d in report.diagnoses for fix in d.fixes]
    assert fixes == [("state", True), ("give", False)]


def test_a_fix_holds_only_where_the_contracts_of_earlier_functions_do() -> None:
    space: dict[str, Any] = {"__name__": "__main__"}
    conv_magic.run(
        _START + "import tensorflow as tf\ndef head(x):\n"
        "    x = tf.reshape(layers.Flatten()(x), (-1, 4))  # shape: (26*26*2, 4)\n"
        "    return x\n",
        space,
    )
    report = conv_magic.run(
        "images = tf.zeros((1, 28, 28, 1))\ny = layers.Conv2D(8, 3)(images)  # shape: (B, 28, 28, 8)\nz = head(y)\n",
        space,
        verify=True,
    )
    fixes = [(fix.title.split(" ")[0], fix.verified) for d in report.diagnoses for fix in d.fixes]
    assert fixes == [("state", True), ("give", False)]
