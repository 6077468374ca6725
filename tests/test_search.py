"""The search on plain NumPy cells that are run here, and what arithmetic says of edits of recorded calls."""

from __future__ import annotations

import ast
from collections.abc import Sequence

import conv_magic
from conv_magic.analysis.case import Case
from conv_magic.analysis.foresee import Effect, Foresight, Verdict
from conv_magic.analysis.instrument import NOTE, noting
from conv_magic.analysis.observe import Notes
from conv_magic.analysis.program import Observed, Program
from conv_magic.analysis.values import Value
from conv_magic.model.positions import digest
from conv_magic.model.trace import Source, Trace
from conv_magic.records.calls import failed_innermost
from conv_magic.repair import costs
from conv_magic.repair.search import Outcome, Search
from conv_magic.repair.titles import title_of


def case_of(text: str) -> Case | None:
    """The case of a text that fails here; None if it runs."""
    notes = Notes()
    try:
        exec(compile(noting(ast.parse(text)), "<test>", "exec"), {NOTE: notes})
    except Exception as error:
        said = type(error).__name__, str(error)
    else:
        return None
    values = {site: tuple(given) for site, given in notes.values.items()}
    observed = Observed(values, notes.count, notes.first, notes.last, notes.origin, said)
    source = Source("c0", text, digest(text), None, "this cell")
    return Case(Program(text, observed), Trace((source,), ()), None, ())


def attempt(texts: Sequence[str]) -> list[Outcome]:
    """How the texts end here."""
    found = []
    for text in texts:
        try:
            exec(compile(text, "<test>", "exec"), {})
        except Exception as error:
            found.append(Outcome((type(error).__name__, str(error))))
        else:
            found.append(Outcome(None))
    return found


def searched(text: str) -> tuple[Search, list[str]]:
    case = case_of(text)
    assert case is not None
    search = Search(case, attempt, case_of)
    return search, [title_of(case.program, repair.changes) for repair in search.run()]


def test_the_operand_that_is_too_long_is_found() -> None:
    search, titles = searched("import numpy as np\na = np.zeros((4, 7))\nb = np.ones((4, 7, 1))\nc = a - b\n")
    assert titles[0] in ("replace `b` by `b[..., 0]`", "replace `a` by `a[..., None]`")
    assert search.trials <= 15


def test_a_reshape_of_another_total() -> None:
    text = "import numpy as np\nrows, columns = 6, 8\nx = np.zeros((2, 48))\ny = x.reshape(2, rows, rows)\n"
    _, titles = searched(text)
    assert titles[0] in ("replace `rows` by `8` in `x.reshape`", "replace `rows` by `-1` in `x.reshape`")


def test_products_are_swapped() -> None:
    _, titles = searched("import numpy as np\na = np.zeros((2, 3))\nb = np.zeros((4, 2))\nc = a @ b\n")
    assert "b @ a" in titles[0]


def test_a_call_that_failed_is_never_taken_away() -> None:
    text = (
        "import numpy as np\n"
        "class Model:\n"
        "    def fit(self, x, y):\n"
        "        return x - y\n"
        "model = Model()\n"
        "model.fit(np.zeros((4, 3)), np.zeros((4, 2)))\n"
    )
    case = case_of(text)
    assert case is not None
    for repair in Search(case, attempt, case_of).run():
        assert ".fit(" in repair.text


def test_what_was_declared_costs_more_to_change() -> None:
    was = costs.Before(
        {"m": Value("model", shape=(None, 4), parts=((None, 8, 8, 1),))}, frozenset(), frozenset(), is_loss=False
    )
    same = costs.evidence(was, "m", {"m": Value("model", shape=(None, 4), parts=((None, 8, 8, 1),))})
    other = costs.evidence(was, "m", {"m": Value("model", shape=(None, 4), parts=((None, 9, 9, 1),))})
    assert same == {}
    assert other == {"model_input": costs.WEIGHTS.model_input}


def test_a_name_that_is_no_longer_used_counts_against_a_repair() -> None:
    was = costs.Before({}, frozenset(), frozenset({"x", "y"}), is_loss=False)
    assert costs.evidence(was, "z = x", {}) == {"lost": costs.WEIGHTS.lost}


def test_arithmetic_tells_which_edits_make_a_loss_possible() -> None:
    text = (
        "import numpy as np\nimport keras\nfrom keras import layers\n"
        "a = keras.Input((10, 10, 3))\n"
        "b = layers.Conv2D(4, 3)(a)\n"
        "c = layers.Dense(1)(b)\n"
        "m = keras.Model(a, c)\n"
        "m.compile('sgd', 'binary_crossentropy')\n"
        "m.fit(np.zeros((4, 10, 10, 3)), np.zeros((4, 1)), verbose=0)\n"
    )
    report = conv_magic.run(text)
    program = Program(text, Observed({}, {}, {}, {}, {}, ("", "")))
    dense = next(node for node in program.nodes.values() if program.text_of(node) == "layers.Dense(1)(b)")
    assert isinstance(dense, ast.Call)
    array = Value("array", shape=(None, 8, 8, 4), library="keras")
    observed = Observed({program.sites[dense.args[0]]: (array,)}, {}, {}, {}, {}, ("", ""))
    program = Program(text, observed)
    foresight = Foresight(program, report.trace, failed_innermost(report.trace.calls))
    nodes = {program.text_of(node): node for node in program.nodes.values() if isinstance(node, ast.Call)}
    dense = nodes["layers.Dense(1)(b)"]
    flat = Effect(dense.args[0], lambda shape: (shape[0], 256))
    wider = Effect(nodes["layers.Conv2D(4, 3)"], option=("filters", 8))
    assert foresight.of([flat]) is Verdict.FITS
    assert foresight.of([wider]) is not Verdict.FITS


def test_a_fix_is_found_where_no_rule_knows_one() -> None:
    text = (
        "import numpy as np\nimport tensorflow as tf\n"
        "x = tf.zeros((2, 12, 4))\n"
        "q, k = tf.zeros((2, 12, 4)), tf.zeros((2, 12, 4))\n"
        "scores = tf.einsum('bqd,bkd->bqk', q, k[0])\n"
    )
    report = conv_magic.run(text, verify=True)
    fixes = [fix for diagnosis in report.diagnoses for fix in diagnosis.fixes]
    assert any(fix.verified for fix in fixes)
    for fix in fixes:
        assert fix.title
        assert fix.apply(text) != text
