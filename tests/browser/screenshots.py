"""Draw the pictures of the README: examples of the demo in the real JupyterLab, light and dark.

`make screenshots` runs this; it writes `docs/screenshots/*.png`, with few colours, so that a checkout stays small.
"""

from __future__ import annotations

import tempfile
from io import BytesIO
from pathlib import Path

import nbformat
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from browser.lab import ROOT, Notebook, running_browser, running_lab

TARGET = ROOT / "docs/screenshots"
EXAMPLE = "branches"
PICTURED = "strides"
"""Whose second call is drawn as a picture."""
NETWORK = """\
%%convshapes
from keras import Input, layers

x = layers.Conv2D(32, 7, strides=2, padding="same")(Input((64, 64, 3)))
for filters in (64, 128):
    skip = layers.Conv2D(filters, 1, strides=2)(x)
    x = layers.Conv2D(filters, 3, strides=2, padding="same")(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.Conv2D(filters, 3, padding="same")(x)
    x = layers.Add()([x, skip])"""
# A full traceback names folders of the machine that drew it.
LOAD = "%load_ext conv_magic\n%xmode Minimal\nimport tensorflow"
COLOURS = 160


def main() -> None:
    """Run the examples once and picture them in both themes."""
    TARGET.mkdir(parents=True, exist_ok=True)
    cells = {cell.id: cell.source for cell in nbformat.read(ROOT / "demo.ipynb", as_version=4).cells}
    with tempfile.TemporaryDirectory() as folder, running_lab(Path(folder)) as lab, running_browser() as browser:
        path = lab.write("pictures.ipynb", LOAD, cells[EXAMPLE], cells[PICTURED], NETWORK)
        context = browser.new_context(viewport={"width": 1180, "height": 2200}, device_scale_factor=1.5)
        draw(context.new_page(), lab.in_lab(path))
        lab.shut_kernels_down()


def draw(page: Page, address: str) -> None:
    """Run the cells; picture the second, the arithmetic of the third and the flow of the last."""
    notebook = Notebook(page, address)
    page.get_by_role("tab", name="File Browser").first.click()
    notebook.cell(0).run()
    failing, pictured, network = (notebook.cell(index) for index in (1, 2, 3))
    for cell in (failing, pictured, network):
        cell.run()
    expect(failing.fixes.first.locator('[data-state="held"]')).to_be_visible()
    pictured.rows.nth(1).click()
    arithmetic = pictured.output.locator(".convmagic-picture:visible")
    arithmetic.locator('[data-option="dilation_rate"]').first.fill("2")
    arithmetic.get_by_label("move the window").fill("8")
    for theme in ("light", "dark"):
        notebook.use_theme(f"JupyterLab {theme.title()}")
        save(failing.root, f"{EXAMPLE}-{theme}.png")
        save(arithmetic, f"arithmetic-{theme}.png")
        save(network.output.locator(".convmagic-flow:visible"), f"flow-{theme}.png")


def save(shown: Locator, name: str) -> None:
    """A picture of what is shown, with few colours."""
    picture = Image.open(BytesIO(shown.screenshot(animations="disabled"))).convert("RGB")
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(TARGET / name, optimize=True)


if __name__ == "__main__":
    main()
