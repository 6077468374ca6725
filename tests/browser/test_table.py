"""The table under a cell: many rows, keys alone, a screen reader, narrow pages, two views, a kernel that is gone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from browser.lab import ROOT, Cell, Lab, Notebook

LOAD = "%load_ext conv_magic\nimport conv_magic, tensorflow as tf"
BROKEN = """\
%%convshapes
from keras import Sequential, layers
stem = Sequential([layers.Conv2D(4, 3, padding="same"), layers.MaxPooling2D()])
for size in range(8, 16):
    x = stem(tf.zeros((1, size, size, 3)))
small = layers.Conv2D(8, 3)(x)
y = layers.Conv2D(8, 9)(small)"""
MANY = 10_000
LONG = f"""\
source = '''
import tensorflow as tf
for i in range({MANY // 2}):
    y = tf.nn.conv2d(tf.zeros((1, 8 + i % 50, 8 + i // 50, 1)), tf.zeros((3, 3, 1, 2)), 1, 'SAME')
    z = tf.nn.max_pool2d(y, 2, 2, 'VALID')
'''
table = conv_magic.run(source).widget()
table"""
AXE = ROOT / "js/node_modules/axe-core/axe.min.js"
THEMES = ("JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast")


def run_in(notebook: Notebook) -> Cell:
    notebook.cell(0).run()
    cell = notebook.cell(1)
    cell.run()
    expect(cell.rows.first).to_be_visible()
    return cell


def run_live_in(notebook: Notebook) -> Cell:
    """Run both cells and wait for the live widget, which takes the place of the drawing."""
    cell = run_in(notebook)
    expect(cell.output.locator(".jp-ConvMagicReport > :nth-child(2) .convmagic-row").first).to_be_visible()
    return cell


def selected(cell: Cell) -> Locator:
    return cell.output.locator('.convmagic-row[aria-selected="true"]:visible')


def button(cell: Cell, name: str) -> Locator:
    return cell.output.get_by_role("button", name=name, exact=True).and_(cell.page.locator(":visible"))


def milliseconds(page: Page, what: str) -> list[float]:
    """The times that the table noted, from an act until the page was painted."""
    name = f"conv-magic: {what}"
    page.wait_for_function("name => performance.getEntriesByName(name).length > 0", arg=name)
    found = page.evaluate("name => performance.getEntriesByName(name).map(({ duration }) => duration)", name)
    return [round(duration) for duration in found]


@pytest.mark.parametrize("front_end", ["lab", "notebook"])
def test_keys_alone_and_many_rows(front_end: str, page: Page, lab: Lab) -> None:
    asked = "table.selected, len(table.frame)"
    notebook = Notebook(page, lab.address_in(front_end, lab.write("table.ipynb", LOAD, BROKEN, LONG, asked)))
    keys_lead_from_the_table_to_a_fixed_cell(notebook, run_live_in(notebook))
    call = ten_thousand_rows(notebook, notebook.cell(2))
    notebook.cell(3).run()
    expect(notebook.cell(3).output).to_contain_text(f"({call}, {MANY})")


def keys_lead_from_the_table_to_a_fixed_cell(notebook: Notebook, cell: Cell) -> None:
    page = notebook.page
    expect(cell.failed_rows).to_have_count(1)
    selected(cell).focus()
    expect(selected(cell)).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(selected(cell)).to_have_attribute("data-status", "ok")
    page.keyboard.press("x")  # in command mode it cuts the cell
    page.keyboard.press("ArrowDown")
    expect(selected(cell)).to_have_attribute("data-status", "failed")
    expect(selected(cell)).to_be_focused()
    notebook.save()  # a shortcut is the page's, also here
    before = cell.prompt.inner_text()
    target = cell.fixes.first.locator(".convmagic-apply-run")
    for _ in range(30):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            break
    expect(target).to_be_focused()
    page.keyboard.press("Enter")
    cell.wait_until_run(before)
    expect(cell.failed_rows).to_have_count(0)


LAST = str(MANY + 2 + 1)


def sort_ten_thousand_rows(cell: Cell) -> list[float]:
    """Run the cell, unfold its table and sort it by three columns; the milliseconds of each until it was painted."""
    page = cell.page
    page.evaluate("performance.clearMeasures()")
    cell.run()
    expect(cell.rows).to_have_count(2)  # each line of the loop is one row
    button(cell, "unfold all").click()
    expect(cell.output.get_by_role("treegrid")).to_have_attribute("aria-rowcount", LAST)
    for column in ("macs", "output_shape", "layer"):
        cell.output.locator(f'th[data-column="{column}"] button').click()
        expect(cell.output.locator(f'th[data-column="{column}"]')).not_to_have_attribute("aria-sort", "none")
    page.wait_for_function("performance.getEntriesByName('conv-magic: sort').length === 3")
    return milliseconds(page, "first paint") + milliseconds(page, "sort")


def ten_thousand_rows(notebook: Notebook, cell: Cell) -> str | None:
    """Sort, walk and search; the index of the call that is selected then."""
    page = notebook.page
    sort_ten_thousand_rows(cell)  # how long that takes is measured by `run_latency.py`
    assert cell.rows.count() < 100
    cell.rows.nth(3).click()
    for key, row in [("End", LAST), ("PageUp", None), ("Home", "2"), ("ArrowDown", "3"), ("End", LAST)]:
        page.keyboard.press(key)
        expect(selected(cell)).to_be_focused()
        expect(selected(cell)).to_be_in_viewport()
        if row:
            expect(selected(cell)).to_have_attribute("aria-rowindex", row)
    page.keyboard.press("/")
    page.keyboard.type("conv2d (1, 21, 30, 1)")
    expect(cell.output.locator(".convmagic-found:visible")).to_have_text("1 of 10,000 rows")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    return selected(cell).get_attribute("data-index")


def test_a_screen_reader_and_a_narrow_page_are_served(page: Page, lab: Lab) -> None:
    notebook = Notebook(page, lab.in_lab(lab.write("table.ipynb", LOAD, BROKEN)))
    cell = run_live_in(notebook)
    expect(cell.fixes.first.locator('[data-state="held"]')).to_be_visible()
    button(cell, "columns").click()
    page.add_script_tag(path=AXE)
    for theme in THEMES:
        notebook.use_theme(theme)
        assert serious(cell.output) == [], theme
    page.get_by_role("tab", name="File Browser").first.click()
    page.set_viewport_size({"width": 460, "height": 1000})  # 400 for the output, beside it the prompt
    width = cell.output.locator(".convmagic:visible").evaluate("element => [element.scrollWidth, element.clientWidth]")
    assert width[0] <= width[1]
    assert serious(cell.output) == []


def serious(area: Locator) -> list[dict[str, Any]]:
    """What axe finds that keeps people out (https://github.com/dequelabs/axe-core)."""
    found = area.evaluate("element => axe.run(element, { resultTypes: ['violations'] })")
    return [
        {"rule": each["id"], "help": each["help"], "nodes": [node["html"][:200] for node in each["nodes"][:3]]}
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
    ]


def test_columns_are_chosen_widened_and_copied(page: Page, lab: Lab) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    cell = run_live_in(Notebook(page, lab.in_lab(lab.write("table.ipynb", LOAD, BROKEN))))
    button(cell, "columns").click()
    cell.output.get_by_label("dtype").and_(page.locator(":visible")).check()
    heading = cell.output.locator('th[data-column="input_shape"]:visible')
    grip, before = heading.locator(".convmagic-grip").bounding_box(), heading.bounding_box()
    assert grip
    assert before
    page.mouse.move(grip["x"] + 2, grip["y"] + 8)
    page.mouse.down()
    page.mouse.move(grip["x"] + 62, grip["y"] + 8, steps=3)
    page.mouse.up()
    after = heading.bounding_box()
    assert after
    assert 55 <= after["width"] - before["width"] <= 65
    button(cell, "copy").click()
    button(cell, "table as CSV").click()
    expect(cell.output.get_by_text("on the clipboard as CSV").and_(page.locator(":visible"))).to_be_visible()
    head, *rows = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert head.split(",")[:4] == ["line", "layer", "input_shape", "output_shape"]
    assert "dtype" in head
    assert len(rows) == 8 * 3 + 2


def test_two_views_of_one_output_stay_right(page: Page, lab: Lab) -> None:
    cell = run_live_in(Notebook(page, lab.in_lab(lab.write("table.ipynb", LOAD, BROKEN))))
    cell.output.locator(".convmagic-verdict:visible").click(button="right")
    page.get_by_text("Create New View for Cell Output").click()
    second = page.locator(".jp-LinkedOutputView")
    failed = second.locator('.convmagic-row[data-status="failed"]:visible')
    expect(failed).to_have_count(1)
    expect(cell.failed_rows).to_have_count(1)
    cell.note(6).click(modifiers=["ControlOrMeta"])  # what is selected is selected in every view
    for view in (cell.output, second):
        row = view.locator('.convmagic-row[aria-selected="true"]:visible')
        expect(row.locator(".convmagic-to-line")).to_have_text("6")
        expect(row).to_have_attribute("data-status", "ok")
    cell.note(7).click()
    expect(selected(cell)).to_have_attribute("data-status", "failed")
    selected(cell).locator(".convmagic-to-line").click()
    expect(cell.root.locator(".cm-content")).to_be_focused()
    before = cell.prompt.inner_text()
    second.locator(".convmagic-apply-run:visible").first.click()
    cell.wait_until_run(before)
    expect(cell.failed_rows).to_have_count(0)
    expect(failed).to_have_count(0)
    expect(second.locator(".convmagic-row:visible").first).to_be_visible()


def test_the_table_is_there_when_the_kernel_is_gone(page: Page, lab: Lab) -> None:
    path = lab.write("table.ipynb", LOAD, BROKEN)
    cell = run_live_in(Notebook(page, lab.in_lab(path)))
    expect(cell.fixes.first.locator('[data-state="held"]')).to_be_visible()
    rows = cell.rows.count()
    page.keyboard.press("ControlOrMeta+s")
    expect(page.locator(".jp-mod-dirty")).to_have_count(0)
    lab.shut_kernels_down()
    again = Notebook(page, lab.in_lab(path)).cell(1)
    expect(again.rows).to_have_count(rows)
    expect(again.fixes.first.locator('[data-state="held"]')).to_be_visible()
    expect(again.output).not_to_contain_text("model not found")
    assert json.loads((lab.folder / path).read_text("utf-8"))["cells"][1]["outputs"]
