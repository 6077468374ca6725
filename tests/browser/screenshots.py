"""Draw the pictures of the README: examples of the demo in the real JupyterLab, light and dark.

`make screenshots` runs this; it writes `.github/screenshots/*.png`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import nbformat
from playwright.sync_api import Page, expect

from browser.lab import ROOT, Notebook, running_browser, running_lab

TARGET = ROOT / ".github/screenshots"
EXAMPLE = "branches"
PICTURED = "strides"
"""Whose second call is drawn as a picture."""
# A full traceback names folders of the machine that drew it.
LOAD = "%load_ext conv_magic\n%xmode Minimal\nimport tensorflow"


def main() -> None:
    """Run the examples once and picture them in both themes."""
    TARGET.mkdir(parents=True, exist_ok=True)
    cells = {cell.id: cell.source for cell in nbformat.read(ROOT / "demo.ipynb", as_version=4).cells}
    with tempfile.TemporaryDirectory() as folder, running_lab(Path(folder)) as lab, running_browser() as browser:
        path = lab.write("pictures.ipynb", LOAD, cells[EXAMPLE], cells[PICTURED])
        context = browser.new_context(viewport={"width": 1180, "height": 1400}, device_scale_factor=2)
        draw(context.new_page(), lab.in_lab(path))
        lab.shut_kernels_down()


def draw(page: Page, address: str) -> None:
    """Run the cells; picture the second, and the arithmetic of the third."""
    notebook = Notebook(page, address)
    page.get_by_role("tab", name="File Browser").first.click()
    notebook.cell(0).run()
    cell = notebook.cell(1)
    cell.run()
    expect(cell.fixes.first.locator('[data-state="held"]')).to_be_visible()
    pictured = notebook.cell(2)
    pictured.run()
    pictured.rows.nth(1).click()
    arithmetic = pictured.output.locator(".convmagic-picture:visible")
    arithmetic.locator('[data-option="dilation_rate"]').first.fill("2")
    arithmetic.get_by_label("move the window").fill("22")
    for theme in ("light", "dark"):
        notebook.use_theme(f"JupyterLab {theme.title()}")
        cell.root.screenshot(path=TARGET / f"{EXAMPLE}-{theme}.png", animations="disabled")
        arithmetic.screenshot(path=TARGET / f"arithmetic-{theme}.png", animations="disabled")


if __name__ == "__main__":
    main()
