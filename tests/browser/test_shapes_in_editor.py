"""Everything at the ends of the lines, on JupyterLab and Notebook 7: shapes, problems, fixes, written shapes.

One notebook is run once; each test opens a copy of it as it was saved, which needs no TensorFlow.
"""

from __future__ import annotations

import re

import nbformat
import pytest
from playwright.sync_api import Browser, Page, expect

from browser.lab import Cell, Lab, Notebook

LOAD = """\
%load_ext conv_magic
import keras
import tensorflow as tf
from keras import layers"""
BLOCK = """\
def block(x, filters):
    x = layers.Conv2D(filters, 3, padding="same")(x)
    return layers.MaxPooling2D()(x)"""
CELL = """\
%%convshapes
image = keras.Input((28, 28, 3))
x = block(image, 32)
narrow = layers.Conv2D(
    8,
    3,
)(x)
y = layers.Flatten()(layers.ReLU()(narrow))
for size in (1, 3, 5):
    z = layers.Conv2D(4, size)(x)
model = keras.Sequential([
    keras.Input((28, 28, 1)),
    layers.Conv2D(8, 3),
    layers.Flatten(),
])
edges = layers.Conv2D(3, 3, padding="same")(image)
both = layers.Concatenate()([image, edges])
stem = layers.Conv2D(64, 3)
first = stem(image)
second = stem(both)"""
SHAPES = {
    7: "(None, 12, 12, 8)",
    8: "(None, 12, 12, 8) -> (None, 1152)",
    10: "(None, 10..14, 10..14, 4) ×3",
    13: "(None, 26, 26, 8)",
    14: "(None, 5408)",
    16: "(None, 28, 28, 3)",
    17: "(None, 28, 28, 6)",
    19: "(None, 26, 26, 64)",
}
FAILING, ORIGIN = 20, 17
FRONT_ENDS = ["lab", "notebook"]


@pytest.fixture(scope="module")
def saved(server: Lab, browser: Browser) -> bytes:
    """The notebook after its run, with every fix tried."""
    name = server.write("run.ipynb", LOAD, BLOCK, CELL)
    with browser.new_context(viewport={"width": 1280, "height": 1400}) as context:
        notebook = Notebook(context.new_page(), server.in_lab(name))
        for index in range(3):
            notebook.cell(index).run()
        expect(notebook.cell(2).fixes.first.locator('[data-state="held"]')).to_be_visible()
        notebook.save()
    server.shut_kernels_down()
    return (server.folder / name).read_bytes()


@pytest.fixture
def copy(lab: Lab, saved: bytes) -> str:
    (lab.folder / "copy.ipynb").write_bytes(saved)
    return "copy.ipynb"


@pytest.fixture(params=FRONT_ENDS)
def notebook(request: pytest.FixtureRequest, page: Page, lab: Lab, copy: str) -> Notebook:
    return Notebook(page, lab.address_in(request.param, copy))


@pytest.fixture
def cell(notebook: Notebook) -> Cell:
    return notebook.cell(2)


def test_each_statement_has_its_shapes_and_one_chooses_how_much(notebook: Notebook, cell: Cell, lab: Lab) -> None:
    for line, text in SHAPES.items():
        expect(cell.note(line)).to_have_text(text)
    expect(notebook.cell(1).note(2)).to_have_text("(None, 28, 28, 32)  from [3]")

    notebook.choose("View", "Tensor Shapes", "Show Input Shapes as Well")
    expect(cell.note(7)).to_have_text("(None, 14, 14, 32) -> (None, 12, 12, 8)")
    notebook.choose("View", "Tensor Shapes", "Show Input Shapes as Well")
    expect(cell.note(7)).to_have_text("(None, 12, 12, 8)")

    cell.click(7)
    notebook.choose("View", "Tensor Shapes", "Hide Shapes of This Line")
    expect(cell.note(7)).to_have_count(0)
    expect(cell.note(8)).to_have_count(1)
    cell.type_at_end(1, "\n# a line above")
    expect(cell.note(8)).to_have_count(0)
    expect(cell.note(9)).to_have_count(1)
    cell.undo()

    notebook.choose("View", "Tensor Shapes", "Show Shapes in This Notebook")
    expect(cell.notes).to_have_count(1)  # problems are always shown
    expect(cell.note(FAILING)).to_have_attribute("data-status", "failed")
    notebook.save()
    assert nbformat.read(lab.folder / "copy.ipynb", as_version=4).metadata["conv_magic"] == {"shapes": "off"}
    notebook.choose("View", "Tensor Shapes", "Show Shapes in This Notebook")
    expect(cell.note(8)).to_have_text(SHAPES[8])
    expect(cell.note(7)).to_have_count(0)
    cell.click(7)
    notebook.choose("View", "Tensor Shapes", "Hide Shapes of This Line")
    expect(cell.note(7)).to_have_text(SHAPES[7])


def test_a_note_lives_with_its_line(notebook: Notebook, cell: Cell) -> None:
    expect(cell.stale).to_have_count(0)
    expect(cell.suspect).to_have_count(0)
    cell.type_at_end(8, "[0]")
    expect(cell.stale_note(8)).to_have_text(SHAPES[8])
    expect(cell.note(7)).not_to_have_class(re.compile("suspect"))
    expect(cell.note(10)).to_have_class(re.compile("suspect"))
    expect(cell.note(FAILING)).to_have_class(re.compile("suspect"))
    cell.undo()
    expect(cell.stale).to_have_count(0)
    expect(cell.suspect).to_have_count(0)
    cell.type_at_end(5, "0")  # in the middle of a statement whose note stands two lines below
    expect(cell.stale_note(7)).to_have_text(SHAPES[7])
    cell.undo()
    expect(cell.stale).to_have_count(0)
    expect(cell.suspect).to_have_count(0)

    notebook.command_mode(cell)
    notebook.page.keyboard.press("Control+Shift+ArrowUp")  # the cell changes places with the one above
    expect(notebook.cell(1).note(8)).to_have_text(SHAPES[8])
    notebook.page.keyboard.press("Control+Shift+ArrowDown")
    notebook.page.keyboard.press("c")
    notebook.page.keyboard.press("v")  # the copy below has its own notes
    expect(notebook.cell(3).note(8)).to_have_text(SHAPES[8])
    notebook.page.keyboard.press("x")
    expect(notebook.cell(4).root).to_have_count(0)
    expect(notebook.cell(2).note(8)).to_have_text(SHAPES[8])

    cell.click(9)
    notebook.page.keyboard.press("Home")
    notebook.page.keyboard.press("Control+Shift+-")  # split: the outputs stay with the second part
    second = notebook.cell(3)
    expect(second.note(2)).to_have_text(SHAPES[10])
    expect(second.suspect).not_to_have_count(0)
    expect(notebook.cell(2).notes).to_have_count(0)


def test_problems_are_found_explained_and_repaired_with_the_keyboard(notebook: Notebook, cell: Cell) -> None:
    keyboard = notebook.page.keyboard
    notebook.cell(0).click(1)
    keyboard.press("F8")
    expect(cell.line(FAILING).and_(cell.failed)).to_be_visible()
    expect(cell.line(ORIGIN)).to_have_class(re.compile("cm-convmagic-origin"))
    expect(notebook.tooltip).to_contain_text("cannot take 6 channels with a kernel made for 3")
    expect(notebook.tooltip).to_contain_text("line 17")
    expect(notebook.tooltip.locator('[data-state="held"]')).to_be_visible()

    keyboard.press("ControlOrMeta+.")
    expect(notebook.tooltip.get_by_role("button").first).to_be_focused()
    keyboard.press("Escape")
    expect(notebook.tooltip).to_have_count(0)
    expect(cell.root.locator(".cm-content")).to_be_focused()

    before = cell.text
    keyboard.press("ControlOrMeta+F8")
    expect(cell.line(FAILING)).to_contain_text("layers.Conv2D(64, 3)(both)")
    cell.undo()
    expect(cell.line(FAILING)).to_have_text(re.compile(r"second = stem\(both\)"))
    assert cell.text == before  # one step

    cell.type_at_end(2, " ")  # the text is no longer what was analysed
    cell.click(FAILING)
    keyboard.press("ControlOrMeta+F8")
    expect(notebook.page.get_by_text("the cell has changed since it was analysed; run it again")).to_be_visible()
    expect(cell.line(FAILING)).to_contain_text("second = stem(both)")

    notebook.choose("View", "Tensor Shapes", "Go to the Line That the Size Comes From")
    expect(cell.root.locator(".cm-activeLine, .cm-content")).not_to_have_count(0)
    keyboard.type("#")
    expect(cell.line(ORIGIN)).to_contain_text("both = #")


def test_a_click_writes_the_shape_into_the_code(notebook: Notebook, cell: Cell) -> None:
    before = cell.text
    cell.note(7).click()
    expect(cell.line(7)).to_contain_text(")(x)  # shape: (B, 12, 12, 8)")
    expect(cell.note(7)).to_have_text(SHAPES[7])  # still what ran
    expect(cell.suspect).to_have_count(0)
    cell.undo()  # the click has put the cursor there
    assert cell.text == before
    notebook.choose("View", "Tensor Shapes", "Write All Shapes of This Cell into the Code")
    expect(cell.line(13)).to_contain_text("layers.Conv2D(8, 3),  # shape: (B, 26, 26, 8)")
    expect(cell.line(19)).to_contain_text("# shape: (B, 26, 26, 64)")
    notebook.choose("View", "Tensor Shapes", "Remove All Written Shapes of This Notebook")
    assert cell.text == before


def test_a_screen_reader_finds_the_shapes(notebook: Notebook, cell: Cell) -> None:
    expect(cell.note(7)).to_have_text(SHAPES[7])
    client = notebook.page.context.new_cdp_session(notebook.page)
    nodes = client.send("Accessibility.getFullAXTree")["nodes"]
    names = {node["name"]["value"] for node in nodes if node.get("role", {}).get("value") == "note"}
    assert {"shape: (None, 12, 12, 8)", "shape: (None, 12, 12, 8) to (None, 1152)"} <= names
    assert "problem: conv2d_7 cannot take 6 channels with a kernel made for 3" in names
    cell.click(8)
    notebook.page.keyboard.press("ControlOrMeta+.")
    expect(notebook.page.get_by_role("status").filter(has_text="line 8, shape: (None, 12, 12, 8) to")).to_be_attached()
    expect(notebook.page.get_by_role("dialog", name="what is known about line 8")).to_be_visible()


@pytest.mark.parametrize("mode", ["full", "defer", "contentVisibility", "none"])
def test_in_every_windowing_mode_far_away_and_in_two_views(mode: str, page: Page, lab: Lab, copy: str) -> None:
    path = lab.folder / copy
    content = nbformat.read(path, as_version=4)
    content.cells[1:1] = [nbformat.v4.new_code_cell("pass\n" * 20) for _ in range(20)]
    nbformat.write(content, path)
    with lab.setting("notebook-extension/tracker", windowingMode=mode):
        notebook = Notebook(page, lab.in_lab(copy))
    notebook.cell(0).click(1)
    page.keyboard.press("F8")
    cell = notebook.cell(22)
    expect(cell.failed).to_be_visible()
    expect(notebook.tooltip).to_be_visible()
    expect(cell.note(8)).to_have_text(SHAPES[8])
    page.keyboard.press("Escape")
    if mode == "full":
        notebook.choose_directly("File", "New View for Notebook")
        panel = page.locator(".jp-NotebookPanel").nth(1)
        panel.locator('.jp-Cell[data-windowed-list-index="0"] .cm-line').first.click(position={"x": 8, "y": 8})
        page.keyboard.press("F8")
        second = panel.locator('.jp-Cell[data-windowed-list-index="22"]')
        expect(second.locator(".cm-line").nth(7).locator(".cm-convmagic-note")).to_have_text(SHAPES[8])
        expect(notebook.tooltip).to_be_visible()  # the cursor is there
        page.keyboard.press("Home")
        page.keyboard.type("zero(")
        expect(second.locator(".cm-convmagic-stale")).to_have_count(1)
        expect(cell.root.first.locator(".cm-convmagic-stale")).to_have_count(1)
