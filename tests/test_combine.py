"""Two faults in one cell, for real: the repair of the second is added where it shows only behind the first."""

from __future__ import annotations

import pytest

import conv_magic
from conv_magic.model.fixes import Applicability

DATA = (
    "import numpy as np, keras, tensorflow as tf\nfrom keras import layers\n"
    "x, y = np.zeros((32, 12, 12, 1)), np.arange(32) % 10\n"
)
FLATTEN = (
    "model = keras.Sequential([keras.Input((12, 12, 1)), layers.Conv2D(4, 3), layers.Dense({}, 'softmax')])\n"
    "model.compile('adam', 'sparse_categorical_crossentropy')\n"
    "model.fit(x, y, verbose=0)\n"
)
FILTER = "z = tf.nn.conv2d(tf.zeros((1, 9, 9, 3)), tf.zeros((5, 5, 8, 3)), 1, 'SAME')\n"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param(
            DATA + FLATTEN.format(9),
            [
                ("flatten before the first dense layer, and give dense 10 units", None),
                ("flatten before the first dense layer", "tried: line 6 then raises InvalidArgumentError"),
            ],
            id="two",
        ),
        pytest.param(
            DATA + FILTER + FLATTEN.format(9),
            [
                (
                    "reorder the filter from (height, width, out, in) to (height, width, in, out), on line 4: "
                    "(5, 5, 3, 8), and flatten before the first dense layer, and give dense 10 units",
                    None,
                ),
            ],
            id="three",
        ),
    ],
)
def test_faults_behind_one_another_are_repaired_together(source: str, expected: list[tuple[str, str | None]]) -> None:
    (diagnosis,) = conv_magic.run(source, verify=True).diagnoses
    assert [(fix.title, fix.untried) for fix in diagnosis.fixes[: len(expected)]] == expected
    first = diagnosis.fixes[0]
    assert first.verified
    assert first.applicability is Applicability.SURE
    assert first.edits == tuple(sorted(first.edits, key=lambda edit: edit.span))
    assert [fix.verified for fix in diagnosis.fixes[1:]] == [False] * (len(diagnosis.fixes) - 1)
    repaired = conv_magic.run(first.apply(source))
    assert (repaired.error, repaired.diagnoses) == (None, ())


def test_nothing_is_added_where_the_first_repair_holds() -> None:
    (diagnosis,) = conv_magic.run(DATA + FLATTEN.format(10), verify=True).diagnoses
    assert diagnosis.fixes[0].title == "flatten before the first dense layer"
    assert diagnosis.fixes[0].verified


def test_nothing_is_added_where_what_follows_has_no_sure_repair() -> None:
    source = DATA + FLATTEN.format(10) + "raise RuntimeError('of its own')\n"
    (diagnosis,) = conv_magic.run(source, verify=True).diagnoses
    assert {fix.untried for fix in diagnosis.fixes} == {"tried: line 7 then raises RuntimeError"}
    assert not any(", and" in fix.title for fix in diagnosis.fixes)


def test_two_silent_faults_are_repaired_each_by_itself() -> None:
    source = (
        "import tensorflow as tf\n"
        "a = tf.nn.conv2d(tf.zeros((1, 16, 16, 6)), tf.zeros((3, 3, 3, 12)), 1, 'SAME')\n"
        "b = tf.nn.conv2d(tf.zeros((1, 40, 40, 3)), tf.zeros((64, 3, 3, 3)), 1, 'SAME')\n"
    )
    report = conv_magic.run(source, verify=True)
    assert [d.code for d in report.diagnoses] == ["accidental-groups", "filter-layout"]
    for diagnosis in report.diagnoses:
        assert diagnosis.fixes[0].verified, diagnosis.fixes[0].untried
        left = conv_magic.run(diagnosis.fixes[0].apply(source)).diagnoses
        assert [d.code for d in left] == [d.code for d in report.diagnoses if d is not diagnosis]
