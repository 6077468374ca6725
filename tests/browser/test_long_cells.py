"""Cells that run for long, and cells that end their process: what stands on the screen meanwhile and afterwards."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from browser.lab import Cell, Lab, Notebook

SETUP = """\
%load_ext conv_magic
import pathlib, time
import tensorflow as tf
from conv_magic.notebook import live
live.FIRST = 0.1
def wait(name):
    while not pathlib.Path(name).exists():
        time.sleep(0.02)"""
CONV = "tf.nn.conv2d({}, tf.zeros((3, 3, 3, 3)), 1, 'VALID')"
LONG = f"""\
%%convshapes
print("first")
x = {CONV.format("tf.zeros((1, 8, 8, 3))")}
wait("go1")
y = {CONV.format("x")}
wait("go2")
print("last")"""
DYING = f"""\
%%convshapes
import os
x = {CONV.format("tf.zeros((1, 8, 8, 3))")}
y = {CONV.format("x")}
wait("go1")
os.abort()"""


@pytest.fixture
def files(lab: Lab) -> Path:
    for file in lab.folder.glob("go*"):
        file.unlink()
    return lab.folder


def start(cell: Cell) -> None:
    cell.line(1).click()
    cell.page.keyboard.press("Shift+Enter")


def test_shapes_and_rows_come_line_by_line(page: Page, lab: Lab, files: Path) -> None:
    notebook = Notebook(page, lab.in_lab(lab.write("long.ipynb", SETUP, LONG)))
    notebook.cell(0).run()
    cell = notebook.cell(1)
    start(cell)
    verdict = cell.output.locator(".convmagic-verdict:visible")
    expect(cell.note(3)).to_contain_text("(1, 6, 6, 3)")
    expect(cell.note(5)).to_have_count(0)
    expect(verdict).to_contain_text("running: 1 call so far")
    expect(cell.rows).to_have_count(1)
    (files / "go1").touch()
    expect(cell.note(5)).to_contain_text("(1, 4, 4, 3)")
    expect(verdict).to_contain_text("running: 2 calls so far")
    expect(cell.rows).to_have_count(2)
    (files / "go2").touch()
    cell.wait_until_run("[*]:")
    expect(verdict).to_have_count(1)
    expect(verdict).not_to_contain_text("running")
    expect(cell.rows).to_have_count(2)
    printed = cell.output.locator(".jp-RenderedText:visible").last.bounding_box()
    table = cell.output.locator(".convmagic-row:visible").first.bounding_box()
    assert printed is not None
    assert table is not None
    assert table["y"] > printed["y"]  # the table stands below what the cell printed
    heights = [
        box["height"] for child in cell.output.locator(".jp-OutputArea-child").all() if (box := child.bounding_box())
    ]
    assert min(heights, default=0) < 8  # and no gap is left where it stood while the cell ran


def test_what_was_seen_stays_when_the_kernel_dies(page: Page, lab: Lab, files: Path) -> None:
    notebook = Notebook(page, lab.in_lab(lab.write("dying.ipynb", SETUP, DYING)))
    notebook.cell(0).run()
    cell = notebook.cell(1)
    start(cell)
    expect(cell.note(4)).to_contain_text("(1, 4, 4, 3)")
    (files / "go1").touch()
    dialog = page.locator(".jp-Dialog")
    expect(dialog).to_contain_text(re.compile("Kernel.*(died|restart)", re.IGNORECASE | re.DOTALL))
    dialog.get_by_role("button").last.click()
    expect(cell.note(3)).to_contain_text("(1, 6, 6, 3)")
    expect(cell.note(4)).to_contain_text("(1, 4, 4, 3)")
    expect(cell.rows).to_have_count(2)
