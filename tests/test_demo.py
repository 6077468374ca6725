"""demo.ipynb: every figure it shows or tells is TensorFlow's own, and what it offers as a repair repairs."""

from __future__ import annotations

import ast
import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter, MarkdownExporter

from conv_magic import Report
from conv_magic.model.calls import Outcome
from conv_magic.views.wire import MIME
from shared import SECONDS

DEMO = Path(__file__).parents[1] / "demo.ipynb"
MAGIC = "%%convshapes\n"

EXAMPLES = [cell.id for cell in nbformat.read(DEMO, as_version=4).cells if cell.source.startswith(MAGIC)]
FAILING = [
    cell.id for cell in nbformat.read(DEMO, as_version=4).cells if "raises-exception" in cell.metadata.get("tags", [])
]
STATED = [name for name in EXAMPLES if name.endswith("-stated")]
"""They run, and make another size than their contracts state."""
RIGHT = [name for name in EXAMPLES if name not in (*FAILING, *STATED)]


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The notebook after a run of all its cells; a cell that fails without being tagged ends it.

    Its last cell waits until all fixes are tried, and the outputs above say what came of it.
    """
    notebook = nbformat.read(DEMO, as_version=4)
    folder = str(tmp_path_factory.mktemp("demo"))
    client = NotebookClient(
        notebook, timeout=SECONDS, store_widget_state=False, resources={"metadata": {"path": folder}}
    )
    return client.execute()


def cell_of(notebook: Any, name: str) -> Any:
    return next(cell for cell in notebook.cells if cell.id == name)


def report_of(notebook: Any, name: str) -> Report:
    (document,) = [output.data[MIME] for output in cell_of(notebook, name).outputs if MIME in output.get("data", {})]
    return Report.from_json(json.dumps(document))


def plain_run(source: str) -> dict[str, Any]:
    """The names that a cell makes without conv_magic, in plain TensorFlow."""
    import tensorflow as tf

    names: dict[str, Any] = {"tf": tf}
    exec(compile(source.removeprefix(MAGIC), "<demo>", "exec"), names)
    return names


def assigned(source: str) -> dict[int, str]:
    """The name that each line of a cell assigns."""
    lines = ast.parse(source.replace(MAGIC, "\n")).body
    return {line.lineno: line.targets[0].id for line in lines if _names_one(line)}


def _names_one(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)


def told_before(notebook: Any, name: str) -> set[tuple[int, ...]]:
    """The shapes that the text before a cell tells, written as `(1, 30, 30, 64)`."""
    index = [cell.id for cell in notebook.cells].index(name)
    return {ast.literal_eval(shape) for shape in re.findall(r"`(\([\w, ]+\))`", notebook.cells[index - 1].source)}


def test_the_demo_has_its_examples() -> None:
    assert RIGHT == ["odd-image", "padding", "strides"]
    assert STATED == ["padding-stated", "strides-stated"]
    assert FAILING == ["no-batch", "gray", "window", "branches"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_shown_in_every_way(executed: Any, name: str) -> None:
    (shown,) = [output.data for output in cell_of(executed, name).outputs if MIME in output.get("data", {})]
    assert {MIME, "application/vnd.jupyter.widget-view+json", "text/html", "text/plain"} == set(shown)


def test_the_demo_names_no_place_of_one_machine(executed: Any) -> None:
    sources = nbformat.writes(nbformat.read(DEMO, as_version=4))
    assert "/home/" not in sources
    assert "site-packages" not in sources
    assert "widgets" not in executed.metadata


@pytest.mark.parametrize("name", RIGHT)
def test_the_right_examples_show_what_tensorflow_computes(executed: Any, name: str) -> None:
    source = cell_of(executed, name).source
    report = report_of(executed, name)
    values = plain_run(source)
    names = assigned(source)
    shown = {call.span.line: call.output for call in report.trace.calls if call.span and call.parent is None}
    assert shown
    for line, output in shown.items():
        assert output == tuple(values[names[line]].shape)
    assert told_before(executed, name) <= set(shown.values())
    assert report.failure is None
    assert report.diagnoses == ()
    assert all(call.expected == call.output for call in report.trace.calls)


@pytest.mark.parametrize("name", FAILING)
def test_the_failing_examples_fail_at_the_line_that_is_marked(executed: Any, name: str) -> None:
    report = report_of(executed, name)
    assert report.failure is not None
    failed = [call for call in report.trace.calls if call.outcome in (Outcome.RAISED, Outcome.GUARDED)]
    assert [call.span.line for call in failed if call.span] == [report.failure.span.line if report.failure.span else 0]
    if Outcome.GUARDED not in {call.outcome for call in failed}:  # else plain TensorFlow would end this process
        with pytest.raises(Exception, match=re.escape(report.failure.message[:20])):
            plain_run(cell_of(executed, name).source)


@pytest.mark.parametrize("name", FAILING)
def test_the_failing_examples_are_repaired_by_their_first_fix(executed: Any, name: str) -> None:
    source = cell_of(executed, name).source
    (diagnosis,) = report_of(executed, name).diagnoses
    first = diagnosis.fixes[0]
    assert first.verified
    repaired = first.apply(source)
    line = diagnosis.line
    assert line is not None
    assert tuple(plain_run(repaired)[assigned(repaired)[line]].shape) == first.predicted


@pytest.mark.parametrize("name", STATED)
def test_a_size_that_is_stated_and_not_made_marks_the_line(executed: Any, name: str) -> None:
    source, report = cell_of(executed, name).source, report_of(executed, name)
    (diagnosis,) = report.diagnoses
    assert report.failure is None
    assert (diagnosis.code, diagnosis.line) == ("contract-broken", 6)
    assert diagnosis.actual == tuple(plain_run(source)[assigned(source)[6]].shape)
    assert {note.line: note.status for note in report.notes}[6] == "warning"


@pytest.mark.parametrize("name", STATED)
def test_the_first_fix_makes_the_size_that_is_stated(executed: Any, name: str) -> None:
    source = cell_of(executed, name).source
    (diagnosis,) = report_of(executed, name).diagnoses
    first, *_, last = diagnosis.fixes
    assert first.verified
    repaired = first.apply(source)
    made = tuple(plain_run(repaired)[assigned(repaired)[6]].shape)
    assert made == first.predicted == diagnosis.expected
    assert last.title == f"state what came: {diagnosis.actual}"


@pytest.mark.parametrize("exporter", [HTMLExporter, MarkdownExporter])
def test_what_nbconvert_makes_of_it_holds_table_and_diagnosis(executed: Any, exporter: Any) -> None:
    page, _ = exporter().from_notebook_node(executed)
    text = re.sub(r"<style.*?</style>|<[^>]*>", "", page, flags=re.DOTALL)  # as GitHub does: no styles, no classes
    said = " ".join(unescape(text).split())
    for name in FAILING:
        (diagnosis,) = report_of(executed, name).diagnoses
        assert f"error[{diagnosis.code}]: {' '.join(diagnosis.headline.split())}" in said
        assert diagnosis.fixes[0].title in said
    assert "tried: the cell now runs to its end" in said
    assert "not tried yet" not in said
    for name in RIGHT:
        for call in report_of(executed, name).trace.calls:
            assert str(call.output) in said
    assert page.count("<table") >= len(EXAMPLES)
    assert "application/vnd.jupyter.widget-view+json" not in page
