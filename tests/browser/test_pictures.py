"""The pictures under a cell in the real JupyterLab: what if changes the shape, becomes an edit, and can be undone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from browser.lab import Cell, Lab, Notebook

LOAD = "%load_ext conv_magic"
SOURCE = """\
%%convshapes
from keras import Input, layers
image = Input((28, 28, 1))
x = layers.Conv2D(8, 3)(image)
x = layers.MaxPooling2D()(x)
x = layers.Flatten()(x)
x = layers.Dense(10)(x)"""
BROKEN = """\
%%convshapes
from keras import Input, layers
x = layers.Conv2D(8, 5)(Input((3, 3, 1)))"""


def run(page: Page, lab: Lab, source: str) -> Cell:
    notebook = Notebook(page, lab.in_lab(lab.write("pictures.ipynb", LOAD, source)))
    notebook.cell(0).run()
    cell = notebook.cell(1)
    cell.run()
    return cell


def seen(cell: Cell, selector: str) -> Locator:
    return cell.output.locator(f"{selector}:visible")


@pytest.fixture
def cell(page: Page, lab: Lab) -> Cell:
    return run(page, lab, SOURCE)


def test_a_choice_shows_its_shape_becomes_an_edit_and_is_undone(cell: Cell) -> None:
    expect(cell.rows).to_have_count(4)
    nodes = seen(cell, ".convmagic-flow-node")
    expect(nodes).to_have_count(4)
    nodes.first.click()
    expect(cell.rows.first).to_have_attribute("aria-selected", "true")
    words = seen(cell, ".convmagic-arithmetic figcaption")
    expect(words).to_contain_text("(28 + 0 − 3) / 1 + 1 = 26")

    seen(cell, '[data-option="padding"]').select_option("same")
    expect(words).to_contain_text("⌈28 / 1⌉ = 28")
    expect(seen(cell, ".convmagic-whatif-result > p").first).to_contain_text("(None, 28, 28, 8)")
    expect(seen(cell, ".convmagic-consequences")).to_contain_text("takes (None, 1568), still gives (None, 10)")

    before = cell.prompt.inner_text()
    seen(cell, ".convmagic-whatif .convmagic-apply").click()
    expect(cell.line(4)).to_contain_text('layers.Conv2D(8, 3, padding="same")(image)')
    assert cell.prompt.inner_text() == before
    cell.line(4).click()
    cell.undo()
    expect(cell.line(4)).to_contain_text("layers.Conv2D(8, 3)(image)")
    expect(cell.stale).to_have_count(0)

    seen(cell, ".convmagic-whatif .convmagic-apply-run").click()
    cell.wait_until_run(before)
    expect(cell.note(4)).to_contain_text("(None, 28, 28, 8)")


def test_the_edit_is_refused_when_the_text_has_changed(cell: Cell) -> None:
    seen(cell, ".convmagic-flow-node").first.click()
    seen(cell, '[data-option="kernel_size"]').first.fill("5")
    cell.type_at_end(4, "  # changed")
    seen(cell, ".convmagic-whatif .convmagic-apply").click()
    expect(seen(cell, ".convmagic-whatif .convmagic-outcome")).to_contain_text("changed")
    expect(cell.line(4)).to_contain_text("layers.Conv2D(8, 3)(image)  # changed")


def test_what_does_not_fit_is_drawn_and_told(page: Page, lab: Lab) -> None:
    cell = run(page, lab, BROKEN)
    expect(cell.failed_rows).to_have_count(1)
    expect(seen(cell, ".convmagic-arithmetic .convmagic-ink-excess").first).to_be_visible()
    expect(seen(cell, ".convmagic-arithmetic figcaption")).to_contain_text(
        "the window of 5 is 2 larger than the input of 3"
    )
