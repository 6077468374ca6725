"""Draw the picture of the README: an example of the demo in the real JupyterLab, light and dark.

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
# A full traceback names folders of the machine that drew it.
LOAD = "%load_ext conv_magic\n%xmode Minimal\nimport tensorflow"


def main() -> None:
    """Run the example once and picture it in both themes."""
    TARGET.mkdir(parents=True, exist_ok=True)
    cells = {cell.id: cell.source for cell in nbformat.read(ROOT / "demo.ipynb", as_version=4).cells}
    with tempfile.TemporaryDirectory() as folder, running_lab(Path(folder)) as lab, running_browser() as browser:
        path = lab.write("pictures.ipynb", LOAD, cells[EXAMPLE])
        context = browser.new_context(viewport={"width": 1180, "height": 1400}, device_scale_factor=2)
        draw(context.new_page(), lab.in_lab(path))
        lab.shut_kernels_down()


def draw(page: Page, address: str) -> None:
    """Run both cells and picture the second."""
    notebook = Notebook(page, address)
    page.get_by_role("tab", name="File Browser").first.click()
    notebook.cell(0).run()
    cell = notebook.cell(1)
    cell.run()
    expect(cell.fixes.first.locator('[data-state="held"]')).to_be_visible()
    for theme in ("light", "dark"):
        notebook.use_theme(f"JupyterLab {theme.title()}")
        cell.root.screenshot(path=TARGET / f"{EXAMPLE}-{theme}.png", animations="disabled")


if __name__ == "__main__":
    main()
