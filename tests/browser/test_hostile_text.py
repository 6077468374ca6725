"""A cell whose names, comments and errors are hostile: all of it is shown as text, and no script of theirs runs."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from browser.lab import Lab, Notebook

SETUP = "%load_ext conv_magic\nimport tensorflow as tf\nfrom keras import layers"
CELL = """\
%%convshapes
name = "<img src=x onerror='window.harmed = true'><script>window.harmed = true<\\\\script>\\u202e\\x1b[31m"
x = tf.zeros((1, 8, 8, 3))  # <script>window.harmed = true</script>
x = layers.Conv2D(2, 3, name=name)(x)
y = layers.Conv2D(2, 9, name=name + "9")(x)"""


def test_no_script_of_the_cells_runs(page: Page, lab: Lab) -> None:
    notebook = Notebook(page, lab.in_lab(lab.write("hostile.ipynb", SETUP, CELL)))
    notebook.cell(0).run()
    cell = notebook.cell(1)
    cell.run()
    expect(cell.failed_rows).to_have_count(1)
    expect(cell.fixes.first).to_be_visible()
    expect(cell.note(5)).to_contain_text("<img src=x onerror=")
    cell.line(5).hover()
    tooltip = page.locator(".cm-convmagic-tooltip")
    expect(tooltip).to_contain_text("<img src=x onerror=")
    assert page.evaluate("window.harmed") is None
    drawn = page.locator(".convmagic, .cm-convmagic-tooltip, .cm-convmagic-note")
    assert drawn.locator("script, img").count() == 0
    shown = "".join(drawn.all_text_contents())
    assert "\u202e" not in shown
    assert "\x1b" not in shown
