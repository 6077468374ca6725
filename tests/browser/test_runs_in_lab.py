"""A cell that runs: its notes go when it starts, come line by line, and a fix may reach into earlier cells."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from browser.lab import RUN_MILLISECONDS, Lab, Notebook

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


@pytest.fixture
def notebook(page: Page, lab: Lab) -> Notebook:
    (lab.folder / "go").touch()
    notebook = Notebook(page, lab.in_lab(lab.write("runs.ipynb", LOAD, SLOW, NET, MADE, DATA, FIT)))
    notebook.cell(0).run()
    return notebook


def test_notes_go_when_the_cell_starts_and_come_line_by_line(notebook: Notebook, lab: Lab) -> None:
    cell = notebook.cell(1)
    cell.run()
    expect(cell.note(6)).to_have_text("(None, 2, 2, 4)")
    (lab.folder / "go").unlink()
    cell.click(1)
    notebook.page.keyboard.press("Control+Enter")
    expect(cell.note(6)).to_have_count(0)
    expect(cell.note(3)).to_have_text("(None, 6, 6, 4)", timeout=RUN_MILLISECONDS)
    expect(cell.prompt).to_have_text("[*]:")
    cell.note(3).evaluate("note => { note.dataset.kept = 'yes' }")
    (lab.folder / "go").touch()
    expect(cell.note(6)).to_have_text("(None, 2, 2, 4)", timeout=RUN_MILLISECONDS)
    expect(cell.note(3)).to_have_attribute("data-kept", "yes")  # it was not drawn anew: no flicker


def test_a_fix_in_an_earlier_cell_changes_that_cell_and_runs_what_depends_on_it(notebook: Notebook) -> None:
    for index in (2, 3, 4, 5):
        notebook.cell(index).run()
    fit = notebook.cell(5)
    expect(fit.fixes.first.locator('[data-state="held"]')).to_contain_text("run again")
    before, text = fit.prompt.inner_text(), notebook.cell(2).text
    fit.click(2)
    notebook.page.keyboard.press("ControlOrMeta+.")
    expect(notebook.tooltip).to_be_visible()
    notebook.page.keyboard.press("Escape")
    notebook.page.keyboard.press("ControlOrMeta+Shift+F8")
    fit.wait_until_run(before)
    expect(fit.failed).to_have_count(0)
    assert notebook.cell(2).text != text
    expect(notebook.cell(3).prompt).to_have_text(re.compile(r"\[7\]"))
