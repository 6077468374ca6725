"""Every rule's examples, proved against real TensorFlow."""

from __future__ import annotations

import importlib
import os
import pkgutil
import warnings

import pytest

import conv_magic
from conv_magic import rules
from conv_magic.engine.report import Report
from conv_magic.model.calls import Outcome
from conv_magic.model.diagnoses import Severity
from conv_magic.rules.outcomes import OF_FAILED_CALLS
from conv_magic.rules.rule import CellRule, Pinned, Rule
from conv_magic.rules.table import CELL_RULES, RULES, TEXT_RULES
from rules_page import PAGE, page
from run_rule_trials import check_trials

EVERY_RULE: tuple[Rule | CellRule, ...] = (*RULES, *CELL_RULES, *TEXT_RULES)
_PINNED = {"0": False, "1": True}.get(os.environ.get("TF_ENABLE_ONEDNN_OPTS", ""))
"""Whether this process was started with oneDNN; None where that is left to TensorFlow."""
_HEADINGS = ("What:", "Why:", "Example:", "Use instead:", "Fix safety:")


def _examples(kind: str) -> list[object]:
    return [
        pytest.param(rule, source, id=f"{rule.code}-{number}")
        for rule in EVERY_RULE
        for number, source in enumerate(getattr(rule, kind), 1)
        if not isinstance(source, Pinned) or source.onednn is _PINNED  # else in test_rules_pinned.py
    ]


def test_every_file_is_in_the_table() -> None:
    names = (module.name for module in pkgutil.walk_packages(rules.__path__, f"{rules.__name__}."))
    modules = [m for m in map(importlib.import_module, names) if hasattr(m, "check") or hasattr(m, "check_cell")]
    assert {module.__name__ for module in modules} == {rule.__name__ for rule in EVERY_RULE}
    assert {module.__name__.rpartition(".")[2] for module in modules} == {
        rule.code.replace("-", "_") for rule in EVERY_RULE
    }


@pytest.mark.parametrize("rule", EVERY_RULE, ids=lambda rule: rule.code)
def test_a_rule_explains_itself_and_has_examples(rule: Rule | CellRule) -> None:
    text = rule.__doc__ or ""
    assert [heading for heading in _HEADINGS if heading not in text] == []
    assert rule.VALID
    assert rule.INVALID


@pytest.mark.parametrize(("rule", "source"), _examples("VALID"))
def test_a_right_cell_is_quiet(rule: Rule | CellRule, source: str) -> None:
    report = conv_magic.run(source)
    assert report.error is None
    assert report.diagnoses == ()
    _asks_all_that_speak(report)


def _asks_all_that_speak(report: Report) -> None:
    """A rule that is said to speak of failed calls only has nothing to say of any that returned."""
    silent = [rule for rule in RULES if rule.code in OF_FAILED_CALLS]
    returned = [call for call in report.trace.calls if call.outcome is Outcome.RETURNED]
    assert [(rule.code, call.index) for rule in silent for call in returned if [*rule.check(call, report.trace)]] == []


def test_every_rule_that_is_asked_of_failed_calls_only_is_one() -> None:
    assert {rule.code for rule in RULES} > OF_FAILED_CALLS


@pytest.mark.parametrize(("rule", "source"), _examples("INVALID"))
def test_a_wrong_cell_is_diagnosed_once_and_every_fix_holds(rule: Rule | CellRule, source: str) -> None:
    tried = source == rule.INVALID[0]  # all are tried by `run_rule_trials.py`
    report = conv_magic.run(source, verify=tried)
    (diagnosis,) = report.diagnoses
    _asks_all_that_speak(report)
    if tried:
        check_trials(report)
    assert diagnosis.code == rule.code
    assert (report.error is not None) == (diagnosis.severity is Severity.ERROR)
    assert diagnosis.line is not None
    assert diagnosis.fixes
    assert len({fix.title for fix in diagnosis.fixes}) == len({fix.apply(source) for fix in diagnosis.fixes})
    assert len({fix.title for fix in diagnosis.fixes}) == len(diagnosis.fixes)
    for fix in diagnosis.fixes:
        edited = conv_magic.run(fix.apply(source))
        assert edited.error is None, fix.title
        assert edited.diagnoses == (), fix.title
        if fix.predicted is not None:
            assert fix.predicted in {call.output for call in edited.trace.calls}, fix.title


def test_of_several_fixes_the_one_that_holds_is_first() -> None:
    source = (
        "import keras\nfrom keras import layers\n"
        "net = keras.Sequential([keras.Input((16, 16, 3)), layers.MaxPooling2D(4)])\n"
        "net.add(layers.Conv2D(20, 5))\n"
        "net.add(layers.Reshape((20,)))\n"
    )
    (diagnosis,) = conv_magic.run(source, verify=True).diagnoses
    first, *others = diagnosis.fixes
    assert (first.title, first.verified) == ("use a kernel of 4 x 4", True)
    assert [fix.verified for fix in others] == [False, False]


def test_an_error_that_the_cell_handles_itself_is_no_fault() -> None:
    source = (
        "import tensorflow as tf\n"
        "try:\n"
        "    tf.nn.conv2d(tf.zeros((1, 8, 8, 1)), tf.zeros((3, 3, 3, 4)), 1, 'SAME')\n"
        "except tf.errors.InvalidArgumentError:\n"
        "    pass\n"
    )
    report = conv_magic.run(source)
    assert report.error is None
    assert report.diagnoses == ()
    assert report.trace.calls[0].error is not None


def test_a_failed_call_that_no_rule_explains_is_still_located() -> None:
    report = conv_magic.run("import keras\nimport numpy as np\ny = keras.layers.Dense(3)(np.array([['a', 'b']]))\n")
    (diagnosis,) = report.diagnoses
    assert (diagnosis.code, diagnosis.line) == ("call-failed", 3)


def test_an_error_that_has_nothing_to_do_with_layers_is_left_alone() -> None:
    with warnings.catch_warnings(action="error"):
        report = conv_magic.run("import keras\nlayer = keras.layers.Dense(3)\nlayer.no_such_thing\n")
    assert isinstance(report.error, AttributeError)
    assert report.diagnoses == ()


def test_the_page_of_all_rules_is_fresh() -> None:
    assert PAGE.read_text("utf-8") == page(), "run `make rules-page`"


def test_a_failure_in_a_group_of_errors_is_explained() -> None:
    source = (
        "import asyncio\nimport tensorflow as tf\n"
        "async def one():\n    return tf.nn.conv2d(tf.zeros((8, 8, 3)), tf.zeros((3, 3, 3, 8)), 1, 'SAME')\n"
        "async with asyncio.TaskGroup() as group:\n    group.create_task(one())\n"
    )
    report = conv_magic.run(source)
    assert isinstance(report.error, ExceptionGroup)
    assert [(d.code, d.line) for d in report.diagnoses] == [("missing-axis", 4)]
