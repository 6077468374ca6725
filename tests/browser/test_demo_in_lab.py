"""The demo in the JupyterLab that `make demo` starts: shapes appear, a fault is shown, a click repairs it."""

from __future__ import annotations

import nbformat
import pytest
from playwright.sync_api import Page, expect

from browser.lab import ROOT, Cell, Lab, Notebook

INDEX = {cell.id: index for index, cell in enumerate(nbformat.read(ROOT / "demo.ipynb", as_version=4).cells)}


@pytest.fixture
def demo(page: Page, lab: Lab) -> Notebook:
    lab.restore_demo()
    return Notebook(page, lab.in_lab("demo.ipynb"))


def test_the_right_examples_show_their_shapes(demo: Notebook) -> None:
    demo.cell(INDEX["load"]).run()
    expected = {
        "odd-image": {6: "(1, 256, 255, 32)"},
        "padding": {6: "(1, 30, 30, 64)", 7: "(1, 32, 32, 64)"},
        "strides": {6: "(1, 64, 64, 64)", 7: "(1, 32, 32, 64)"},
    }
    for name, notes in expected.items():
        cell = demo.cell(INDEX[name])
        cell.run()
        for line, shape in notes.items():
            expect(cell.note(line)).to_contain_text(shape)
        expect(cell.rows).to_have_count(len(notes))
        expect(cell.failed_rows).to_have_count(0)
        expect(cell.fixes).to_have_count(0)


def test_a_fault_is_shown_and_repaired_by_a_click(demo: Notebook) -> None:
    demo.cell(INDEX["load"]).run()
    cell = faulty(demo, "gray")
    expect(cell.line(6).and_(cell.failed)).to_be_visible()
    before = cell.prompt.inner_text()
    cell.fixes.first.locator(".convmagic-apply").click()
    expect(cell.line(6)).to_contain_text("tf.repeat(gray, 3, axis=-1)")
    assert cell.prompt.inner_text() == before
    cell.run()
    expect_repaired(cell)

    cell = faulty(demo, "no-batch")
    before = cell.prompt.inner_text()
    cell.fixes.first.locator(".convmagic-apply-run").click()
    cell.wait_until_run(before)
    expect(cell.line(6)).to_contain_text("[None, ...]")
    expect(cell.note(6)).to_contain_text("(1, 28, 28, 8)")
    expect_repaired(cell)


def faulty(demo: Notebook, name: str) -> Cell:
    """The cell of that name after its run: it failed, and a fix has been tried."""
    cell = demo.cell(INDEX[name])
    cell.run()
    expect(cell.failed_rows).to_have_count(1)
    expect(cell.fixes.first.locator('[data-state="held"]')).to_contain_text("tried: the cell now runs to its end")
    return cell


def expect_repaired(cell: Cell) -> None:
    expect(cell.failed_rows).to_have_count(0)
    expect(cell.failed).to_have_count(0)
    expect(cell.rows.and_(cell.page.locator('[data-status="ok"]'))).not_to_have_count(0)


def test_a_stated_size_marks_its_line_and_a_click_makes_it(demo: Notebook) -> None:
    demo.cell(INDEX["load"]).run()
    for name in ("padding-stated", "strides-stated"):
        cell = demo.cell(INDEX[name])
        cell.run()
        expect(cell.note(6)).to_contain_text("its contract states")
        expect(cell.failed_rows).to_have_count(0)
        expect(cell.fixes.first.locator('[data-state="held"]')).to_contain_text("tried: the cell now runs to its end")
        before = cell.prompt.inner_text()
        cell.fixes.first.locator(".convmagic-apply-run").click()
        cell.wait_until_run(before)
        expect(cell.note(6)).to_contain_text("(1, 32, 32, 64)")
        expect(cell.note(6)).not_to_contain_text("contract")
        expect(cell.fixes).to_have_count(0)
