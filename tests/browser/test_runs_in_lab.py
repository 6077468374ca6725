"""A cell that runs: its notes go when it starts, come line by line."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from browser.lab import RUN_MILLISECONDS, Lab, Notebook

LOAD = "%load_ext conv_magic\nimport keras\nfrom keras import layers"
SLOW = """\
%%convshapes
import os, time
a = layers.Conv2D(4, 3)(keras.Input((8, 8, 3)))
while not os.path.exists("go"):
    time.sleep(0.05)
b = layers.Conv2D(4, 5)(a)"""


@pytest.fixture
def notebook(page: Page, lab: Lab) -> Notebook:
    (lab.folder / "go").touch()
    notebook = Notebook(page, lab.in_lab(lab.write("runs.ipynb", LOAD, SLOW)))
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
