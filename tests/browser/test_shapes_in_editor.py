"""Everything at the ends of the lines, on JupyterLab and Notebook 7: shapes, problems, fixes, written shapes.

One notebook is run once; each test opens a copy of it as it was saved, which needs no TensorFlow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from browser.contrast import LEAST, contrast
from browser.lab import FRONT_ENDS, OLDEST, TOKEN, Cell, Lab, Notebook, fresh_page
from shared import Shared

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
HEAD = """\
class Head(layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.dense = layers.Dense(units)
    def call(self, x):
        return self.dense(x)"""
STATED = """\
%%convshapes
images = tf.zeros((32, 28, 28, 1))  # shape: (B, H, W, 1)
left = images[:, :, :14]
wide = layers.Conv2D(8, 3)(images)  # shape: (B, 28, 28, 8)
logits = Head(10)(layers.Flatten()(images))  # shape: (B, 5 * 2)
odd = tf.transpose(left)  # shape: (1, 14, 28, 32/2)"""
IN_STATED = {
    2: "(32, 28, 28, 1)  B = 32, H = 28, W = 28",
    3: "(32, 28, 14, 1)",
    4: "wide is (32, 26, 26, 8), its contract states (B, 28, 28, 8)",
    5: "(32, 784) -> (32, 10)",
}
BROKEN, MALFORMED = 4, 6


@contextmanager
def run_notebook(lab: Lab, browser: Browser) -> Iterator[bytes]:
    """The notebook after its run, with every fix tried."""
    name = lab.write("run.ipynb", LOAD, BLOCK, CELL, HEAD, STATED)
    with fresh_page(browser) as page:
        notebook = Notebook(page, lab.in_lab(name))
        for index in range(5):
            notebook.cell(index).run()
        for index in (2, 4):
            held = notebook.cell(index).fixes.first.locator('[data-state="held"]')
            expect(held).to_be_visible()
        notebook.save()
    lab.shut_kernels_down()
    yield (lab.folder / name).read_bytes()


@pytest.fixture(scope="module")
def saved(servers: Shared[Lab], browsers: Shared[Browser]) -> Shared[bytes]:
    return Shared(lambda: run_notebook(servers.get(), browsers.get()))


@pytest.fixture
def copy(lab: Lab, page: Page, saved: Shared[bytes]) -> str:
    """Page and server are lent first: should the run fail, they go."""
    (lab.folder / "copy.ipynb").write_bytes(saved.get())
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
    for line, text in IN_STATED.items():
        expect(notebook.cell(4).note(line)).to_have_text(text)
    expect(notebook.cell(1).note(2)).to_have_text("(None, 28, 28, 32)  from [3]")
    expect(notebook.cell(3).note(6)).to_have_text("(32, 10)  from [5]")

    notebook.choose("View", "Tensor Shapes", "Show Input Shapes as Well")
    expect(cell.note(7)).to_have_text("(None, 14, 14, 32) -> (None, 12, 12, 8)")
    notebook.command("Show Input Shapes as Well")
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
    notebook.command("Show Shapes in This Notebook")
    expect(cell.note(8)).to_have_text(SHAPES[8])
    expect(cell.note(7)).to_have_count(0)
    cell.click(7)
    notebook.command("Hide Shapes of This Line")
    expect(cell.note(7)).to_have_text(SHAPES[7])


def test_a_screen_reader_finds_the_shapes(notebook: Notebook, cell: Cell) -> None:
    expect(cell.note(7)).to_have_text(SHAPES[7])
    client = notebook.page.context.new_cdp_session(notebook.page)
    nodes = client.send("Accessibility.getFullAXTree")["nodes"]
    names = {node["name"]["value"] for node in nodes if node.get("role", {}).get("value") == "note"}
    assert {"shape: (None, 12, 12, 8)", "shape: (None, 12, 12, 8) to (None, 1152)"} <= names
    assert "problem: conv2d_7 cannot take 6 channels with a kernel made for 3" in names
    warning = notebook.page.get_by_role("note", name=f"warning: {IN_STATED[BROKEN]}", exact=True)
    expect(warning).to_be_attached()
    cell.click(8)
    notebook.command("Show Shapes and Problems at the Cursor")
    expect(notebook.page.get_by_role("status").filter(has_text="line 8, shape: (None, 12, 12, 8) to")).to_be_attached()
    expect(notebook.page.get_by_role("dialog", name="what is known about line 8")).to_be_visible()


def test_a_note_lives_with_its_line(notebook: Notebook, cell: Cell) -> None:
    press = notebook.page.keyboard.press
    notebook.command_mode(cell)
    press("Shift+ArrowDown")
    press("Shift+m")  # merged: JupyterLab throws the outputs away, and with them goes what they said
    expect(notebook.cell(5).root).to_have_count(0)
    expect(cell.notes).to_have_count(0)
    press("z")
    for line, text in SHAPES.items():
        expect(cell.note(line)).to_have_text(text)
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
    press("Control+Shift+ArrowUp")  # the cell changes places with the one above
    expect(notebook.cell(1).note(8)).to_have_text(SHAPES[8])
    press("Control+Shift+ArrowDown")
    press("c")
    press("v")  # the copy below has its own notes
    expect(notebook.cell(3).note(8)).to_have_text(SHAPES[8])
    press("x")
    expect(notebook.cell(6).root).to_have_count(0)
    expect(notebook.cell(2).note(8)).to_have_text(SHAPES[8])

    notebook.command_mode(notebook.cell(4))
    press("x")  # cut out here, with what it says of an earlier cell
    expect(notebook.cell(3).notes).to_have_count(0)
    notebook.command_mode(notebook.cell(0))
    press("v")  # and pasted elsewhere
    pasted = notebook.cell(1)
    for line, text in IN_STATED.items():
        expect(pasted.note(line)).to_have_text(text)
    expect(pasted.suspect).to_have_count(0)
    expect(notebook.cell(4).note(6)).to_have_text("(32, 10)  from [5]")

    cell = notebook.cell(3)
    cell.click(9)
    press("Home")
    press("Control+Shift+-")  # split: the outputs stay with the second part; Notebook 7.0 throws them away
    first, second = notebook.cell(3), notebook.cell(4)
    expect(first.notes).to_have_count(0)
    if OLDEST and "/notebooks/" in notebook.page.url:
        expect(second.notes).to_have_count(0)
    else:
        expect(second.note(2)).to_have_text(SHAPES[10])
        expect(second.suspect).not_to_have_count(0)


def test_problems_are_found_explained_and_repaired(notebook: Notebook, cell: Cell) -> None:
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
    for apply in (
        lambda: keyboard.press("ControlOrMeta+F8"),
        lambda: notebook.command("Apply the First Fix at the Cursor"),
        lambda: notebook.tooltip.get_by_role("button", name="Apply", exact=True).first.click(),
    ):
        cell.line(FAILING).hover(position={"x": 60, "y": 8})
        expect(notebook.tooltip).to_be_visible()
        apply()
        expect(cell.line(FAILING)).to_contain_text("layers.Conv2D(64, 3)(both)")
        cell.click(FAILING)
        cell.undo()
        expect(cell.line(FAILING)).to_have_text(re.compile(r"second = stem\(both\)"))
        assert cell.text == before  # one step

    cell.type_at_end(2, " ")  # the text is no longer what was analysed
    cell.click(FAILING)
    keyboard.press("ControlOrMeta+F8")
    expect(notebook.page.get_by_text("the cell has changed since it was analysed; run it again")).to_be_visible()
    expect(cell.line(FAILING)).to_contain_text("second = stem(both)")

    notebook.command("Go to the Line That the Size Comes From")
    keyboard.type("#")
    expect(cell.line(ORIGIN)).to_contain_text("both = #")


def test_a_warning_looks_like_one(notebook: Notebook) -> None:
    cell = notebook.cell(4)
    cell.click(2)
    notebook.command("Go to the Next Problem")
    line, note = cell.line(BROKEN), cell.note(BROKEN)
    expect(line).to_have_class(re.compile("cm-convmagic-warning"))
    expect(note).to_have_attribute("data-status", "warning")
    expect(notebook.tooltip).to_contain_text("its contract states (B, 28, 28, 8)")
    expect(notebook.tooltip.locator('[data-state="held"]').first).to_be_visible()
    failing = notebook.cell(2)
    looks = [
        (
            found.note(number).evaluate("note => getComputedStyle(note, '::before').content"),
            found.line(number)
            .locator(".cm-convmagic-underline")
            .first.evaluate("mark => getComputedStyle(mark).textDecorationStyle"),
        )
        for found, number in ((cell, BROKEN), (failing, FAILING))
    ]
    assert looks == [('"⚠ "', "dashed"), ('"✗ "', "wavy")]  # not by colour alone

    notebook.page.keyboard.press("Escape")
    note.hover()  # and scrolls the long line, as one does to read it
    notebook.tooltip.get_by_role("button", name="Apply", exact=True).first.click()
    expect(line).to_contain_text('layers.Conv2D(8, 3, padding="same")(images)')
    cell.click(BROKEN)
    cell.undo()
    notebook.command("Go to the Previous Problem")
    expect(failing.line(FAILING)).to_be_in_viewport()
    expect(notebook.tooltip).to_contain_text("cannot take 6 channels")
    expect(cell.note(MALFORMED)).to_contain_text("this contract cannot be read: 32/2 is not a size")


def test_shapes_are_written_into_the_code(notebook: Notebook, cell: Cell) -> None:
    stated = notebook.cell(4)
    before, stated_before = cell.text, stated.text
    cell.note(7).click()
    expect(cell.line(7)).to_contain_text(")(x)  # shape: (B, 12, 12, 8)")
    expect(cell.note(7)).to_have_text(SHAPES[7])  # still what ran
    expect(cell.suspect).to_have_count(0)
    cell.undo()  # the click has put the cursor there
    assert cell.text == before
    cell.click(8)
    notebook.command("Write the Shape of This Line into the Code")
    expect(cell.line(8)).to_contain_text("# shape: (B, 1152)")
    cell.undo()
    notebook.command("Write All Shapes of This Cell into the Code")
    expect(cell.line(13)).to_contain_text("layers.Conv2D(8, 3),  # shape: (B, 26, 26, 8)")
    expect(cell.line(19)).to_contain_text("# shape: (B, 26, 26, 64)")

    stated.click(BROKEN)
    notebook.command("Refresh the Written Shapes of This Cell")
    expect(stated.line(BROKEN)).to_contain_text("(images)  # shape: (B, 26, 26, 8)")
    changed = stated_before.replace("(B, 28, 28, 8)", "(B, 26, 26, 8)")
    assert stated.text == changed
    notebook.command("Remove All Written Shapes of This Notebook")
    assert cell.text == before
    assert stated.text == changed.replace("  # shape: (B, 26, 26, 8)", "")  # those in the author's own names stay


THEMES = ["JupyterLab Light", "JupyterLab Dark", *([] if OLDEST else ["JupyterLab Dark High Contrast"])]


def test_every_kind_of_note_is_readable(page: Page, lab: Lab, copy: str) -> None:
    notebook = Notebook(page, lab.in_lab(copy))
    cell, stated = notebook.cell(2), notebook.cell(4)
    stated.type_at_end(3, "[0]")
    kinds = {
        "shape": cell.note(8),
        "origin": cell.note(ORIGIN),
        "failed": cell.note(FAILING),
        "warning": notebook.cell(4).note(MALFORMED),
        "stale": stated.note(3),
        "suspect": stated.note(5),
    }
    expect(kinds["stale"]).to_have_class(re.compile("stale"))
    expect(kinds["suspect"]).to_have_class(re.compile("suspect"))
    for theme in THEMES:
        notebook.use_theme(theme)
        for active in (cell, stated):  # the cell with the cursor has another ground
            active.click(1)
            found = {kind: round(contrast(note), 2) for kind, note in kinds.items()}
            assert min(found.values()) >= LEAST, (theme, found)
    expect(cell.note(8)).to_have_css("position", "static")
    page.set_viewport_size({"width": 900, "height": 1000})  # with the file browser open, some 400 for the cell
    expect(stated.note(MALFORMED)).to_have_css("position", "sticky")
    stated.type_at_end(BROKEN, " ")  # where one types nothing lies over the code; elsewhere notes leave room for it
    expect(stated.note(BROKEN)).to_have_css("position", "static")
    expect(stated.note(MALFORMED)).to_have_css("position", "sticky")
    room, note = stated.root.locator(".cm-scroller").bounding_box(), stated.note(MALFORMED).bounding_box()
    assert room
    assert note
    assert note["width"] < 0.7 * room["width"] < 0.7 * 600


@pytest.fixture
def own_settings(lab: Lab) -> Iterator[None]:
    """The user's choices are the default ones again afterwards."""
    yield
    (lab.folder.parent / "settings/conv-magic/annotations.jupyterlab-settings").unlink(missing_ok=True)


@pytest.mark.usefixtures("own_settings")
def test_the_settings_editor_has_our_choices(page: Page, lab: Lab, copy: str) -> None:
    Notebook(page, lab.in_lab(copy))
    cell = Cell(page, page.locator('.jp-Notebook .jp-Cell[data-windowed-list-index="2"]'))  # behind the editor then
    expect(cell.note(8)).to_have_attribute("data-pin", "")
    choice, click = our_settings(page)
    choice.select_option(label="input -> output")
    expect(cell.note(7)).to_have_text("(None, 14, 14, 32) -> (None, 12, 12, 8)")
    click.uncheck()
    expect(cell.note(8)).not_to_have_attribute("data-pin", "")
    choice.select_option(label="nothing")
    expect(cell.notes).to_have_count(1)
    page.get_by_role("button", name="Restore to Defaults").click()
    expect(cell.note(8)).to_have_text(SHAPES[8])
    expect(cell.note(8)).to_have_attribute("data-pin", "")


@pytest.mark.usefixtures("own_settings")
def test_notebook_7_takes_the_choices_of_its_settings_editor(page: Page, lab: Lab, copy: str) -> None:
    page.goto(f"{lab.address}/tree?token={TOKEN}")  # the page of the files alone has the editor
    choice, click = our_settings(page)
    choice.select_option(label="input -> output")
    with page.expect_response(lambda answer: answer.request.method == "PUT" and "conv-magic" in answer.url):
        click.uncheck()
    cell = Notebook(page.context.new_page(), lab.in_notebook(copy)).cell(2)
    expect(cell.note(7)).to_have_text("(None, 14, 14, 32) -> (None, 12, 12, 8)")
    expect(cell.note(8)).not_to_have_attribute("data-pin", "")


def our_settings(page: Page) -> tuple[Locator, Locator]:
    """The fields of our form in the settings editor."""
    page.get_by_role("menuitem", name="Settings", exact=True).click()
    page.locator('.lm-Menu-item[data-command="settingeditor:open"]').click()
    editor = page.locator("#setting-editor")
    editor.locator(".jp-FilterBox input").first.fill("tensor shapes")
    ours = 'id$="conv-magic:annotations_'
    return editor.locator(f'select[{ours}shapes"]'), editor.locator(f'input[{ours}clickToPin"]')


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
    expect(notebook.tooltip).to_have_count(0)
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
