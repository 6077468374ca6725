"""A cell that runs: its notes go when it starts, come line by line, and a fix may reach into earlier cells."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from browser.lab import FRONT_ENDS, Cell, Lab, Notebook

LOAD = "%load_ext conv_magic\nimport keras\nimport numpy as np\nfrom keras import layers"
SLOW = """\
%%convshapes
import os, time
a = layers.Conv2D(4, 3)(keras.Input((8, 8, 3)))
while not os.path.exists("go"):
    time.sleep(0.05)
b = layers.Conv2D(4, 5)(a)"""
NET = """\
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.conv = layers.Conv2D(8, 3)
        self.head = layers.Dense(5)
    def call(self, x):
        return self.head(self.conv(x))"""
MADE = """\
%%convshapes -V
net = Net()
net.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))"""
DATA = "images, labels = np.zeros((32, 8, 8, 1)), np.zeros(32, int)"
FIT = "%%convshapes\nnet.fit(images, labels, verbose=0)"

PLAIN = "%%convshapes{options}\nimage = keras.Input((8, 8, 3))\nc = layers.Conv2D(4, 3)(image)  # the stem"
WRITTEN = """\
%%convshapes
image = keras.Input((8, 8, 3))  # shape: (B, 8, 8, 3)
c = layers.Conv2D(4, 3)(image)  # the stem  # shape: (B, 6, 6, 4)"""


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_the_magic_writes_the_shapes_into_its_cell_and_takes_them_out(front_end: str, page: Page, lab: Lab) -> None:
    asked = PLAIN.format(options=" --write")
    notebook = Notebook(page, lab.address_in(front_end, lab.write("runs.ipynb", LOAD, asked)))
    notebook.cell(0).run()
    cell = notebook.cell(1)
    cell.run()
    expect(cell.line(3)).to_contain_text("# shape:")
    assert cell.text == WRITTEN
    expect(cell.note(3)).to_have_text("(None, 6, 6, 4)")
    expect(cell.stale).to_have_count(0)
    expect(cell.suspect).to_have_count(0)
    cell.click(1)
    cell.undo()
    assert cell.text == asked
    cell.click(1)
    page.keyboard.press("ControlOrMeta+Shift+z")
    assert cell.text == WRITTEN
    cell.type_at_end(1, " --unwrite")
    cell.run()
    expect(cell.line(3)).not_to_contain_text("# shape:")
    assert cell.text == PLAIN.format(options="")
    expect(cell.note(3)).to_have_text("(None, 6, 6, 4)")


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_notes_go_when_the_cell_starts_and_come_line_by_line(front_end: str, page: Page, lab: Lab) -> None:
    (lab.folder / "go").touch()
    notebook = Notebook(page, lab.address_in(front_end, lab.write("runs.ipynb", LOAD, SLOW)))
    notebook.cell(0).run()
    cell = notebook.cell(1)
    cell.run()
    expect(cell.note(6)).to_have_text("(None, 2, 2, 4)")
    (lab.folder / "go").unlink()
    cell.click(1)
    page.keyboard.press("Control+Enter")
    expect(cell.note(6)).to_have_count(0)
    expect(cell.note(3)).to_have_text("(None, 6, 6, 4)")
    expect(cell.prompt).to_have_text("[*]:")
    cell.note(3).evaluate("note => { note.dataset.kept = 'yes' }")
    (lab.folder / "go").touch()
    expect(cell.note(6)).to_have_text("(None, 2, 2, 4)")
    expect(cell.note(3)).to_have_attribute("data-kept", "yes")  # it was not drawn anew: no flicker
    expect(cell.rows).to_have_count(2)

    notebook.save()
    again = Notebook(page, lab.address_in(front_end, "runs.ipynb")).cell(1)  # after a reload
    expect(again.note(6)).to_have_text("(None, 2, 2, 4)")
    expect(again.rows).to_have_count(2)


def test_a_fix_in_an_earlier_cell_changes_that_cell_and_runs_what_hangs_on_it(page: Page, lab: Lab) -> None:
    notebook = Notebook(page, lab.in_lab(lab.write("runs.ipynb", LOAD, NET, MADE, DATA, FIT)))
    load, net, made, data, fit = (notebook.cell(index) for index in range(5))
    for cell in (load, net, made, data, fit):
        cell.run()
    text = net.text

    def expect_repaired(before: str) -> None:
        """The fix is in the earlier cell; that one, what works on it and the failing one ran again, in this order."""
        fit.wait_until_run(before)
        expect(fit.failed).to_have_count(0)
        expect(fit.failed_rows).to_have_count(0)
        expect(net.line(7)).to_contain_text("latten")
        first = number(fit) - 2
        assert [number(net), number(made)] == [first, first + 1]
        assert number(load) < number(data) < first

    expect_tried(fit, net, made)
    before = fit.prompt.inner_text()
    fit.output.locator(".convmagic-apply-run:visible").first.click()
    expect_repaired(before)

    net.click(7)
    net.undo()
    assert net.text == text
    for cell in (net, made, fit):
        cell.run()
    expect_tried(fit, net, made)
    before = fit.prompt.inner_text()
    fit.click(2)
    page.keyboard.press("ControlOrMeta+.")
    expect(notebook.tooltip).to_be_visible()
    page.keyboard.press("Escape")
    notebook.command("Apply the First Fix at the Cursor and Run")
    expect_repaired(before)


def number(cell: Cell) -> int:
    """The how many-eth execution its last run was."""
    return int(cell.prompt.inner_text().strip("[]: "))


def expect_tried(fit: Cell, *cells: Cell) -> None:
    first, second = (f"In [{number(cell)}]" for cell in cells)
    held = f"tried: with {first} and {second} run again, the cell runs to its end"
    expect(fit.fixes.first.locator('[data-state="held"]')).to_contain_text(held)
