"""The shapes at the ends of the lines: they follow the text, and say when it has changed."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from browser.lab import Cell, Lab, Notebook

LOAD = "%load_ext conv_magic"
SOURCE = """\
%%convshapes
import tensorflow as tf
image = tf.zeros((1, 8, 8, 3))
same = tf.nn.conv2d(image, tf.zeros((3, 3, 3, 4)), 1, "SAME")
valid = tf.nn.conv2d(image, tf.zeros((3, 3, 3, 4)), 1, "VALID")"""
SAME, VALID = "(1, 8, 8, 4)", "(1, 6, 6, 4)"
LEAST_CONTRAST = 4.5  # https://www.w3.org/TR/WCAG22/#contrast-minimum


@pytest.fixture
def path(lab: Lab) -> str:
    return lab.write("shapes.ipynb", LOAD, SOURCE)


@pytest.fixture
def notebook(page: Page, lab: Lab, path: str) -> Notebook:
    return Notebook(page, lab.in_lab(path))


@pytest.fixture
def cell(notebook: Notebook) -> Cell:
    return run_in(notebook)


def run_in(notebook: Notebook) -> Cell:
    notebook.cell(0).run()
    cell = notebook.cell(1)
    cell.run()
    expect_shapes(cell)
    return cell


def expect_shapes(cell: Cell, first_line: int = 4) -> None:
    for line, shape in [(first_line, SAME), (first_line + 1, VALID)]:
        expect(cell.note(line)).to_contain_text(shape)


def test_editing_a_line_strikes_its_shape_and_undo_restores_it(cell: Cell) -> None:
    stale = cell.stale_note(5)
    expect(cell.stale).to_have_count(0)
    cell.type_at_end(5, "[0]")
    expect(stale).to_have_count(1)
    expect(cell.stale_note(4)).to_have_count(0)
    cell.undo()
    expect(cell.stale).to_have_count(0)
    expect_shapes(cell)


def test_lines_added_above_move_the_shapes(cell: Cell) -> None:
    cell.type_at_end(1, "\n# a line\n# another")
    expect(cell.line(6)).to_contain_text("same = ")
    expect_shapes(cell, first_line=6)


def test_shapes_and_table_are_there_again_after_a_reload(cell: Cell, page: Page, lab: Lab, path: str) -> None:
    page.keyboard.press("ControlOrMeta+s")
    expect(page.locator(".jp-mod-dirty")).to_have_count(0)
    again = Notebook(page, lab.in_lab(path)).cell(1)
    expect_shapes(again)
    expect(again.rows).to_have_count(2)


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_the_shapes_are_readable(cell: Cell, notebook: Notebook, theme: str) -> None:
    notebook.use_theme(theme)
    assert contrast(cell.notes.first, cell.root.locator(".jp-InputArea-editor")) >= LEAST_CONTRAST


def test_notebook_7_shows_shapes_and_table(page: Page, lab: Lab, path: str) -> None:
    cell = run_in(Notebook(page, lab.in_notebook(path)))
    expect(cell.rows).to_have_count(2)


def contrast(text: Locator, background: Locator) -> float:
    """The ratio of luminances (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio)."""
    paper = background.evaluate("element => getComputedStyle(element).backgroundColor")
    darker, lighter = sorted(
        [luminance(text.evaluate(PAINT, [paper, "color"])), luminance(text.evaluate(PAINT, [paper]))]
    )
    return (lighter + 0.05) / (darker + 0.05)


# What the eye meets: the colour, which may be transparent or in any notation, on the paper.
PAINT = """(element, [paper, property]) => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d");
    for (const colour of [paper, property && getComputedStyle(element)[property]].filter(Boolean)) {
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
    }
    return [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}"""


def luminance(pixel: list[int]) -> float:
    channels = (part / 255 for part in pixel)
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
