"""A fault whose cause stands in an earlier cell: one click changes that cell and runs all that hang on it."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from browser.lab import Lab, Notebook

CELLS = (
    "%load_ext conv_magic\nimport numpy as np, tensorflow as tf, keras\nfrom keras import layers",
    "class Net(keras.Model):\n"
    "    def __init__(self):\n"
    "        super().__init__()\n"
    "        self.conv = layers.Conv2D(8, 3)\n"
    "        self.head = layers.Dense(5)\n"
    "    def call(self, x):\n"
    "        return self.head(self.conv(x))",
    "%%convshapes -V\nnet = Net()\nnet.compile('adam', keras.losses.SparseCategoricalCrossentropy(from_logits=True))",
    "images, labels = np.zeros((32, 8, 8, 1)), np.zeros(32, int)",
    "%%convshapes\nhistory = net.fit(images, labels, verbose=0)",
)


def test_apply_and_run_changes_the_earlier_cell_and_runs_what_hangs_on_it(page: Page, lab: Lab) -> None:
    notebook = Notebook(page, lab.in_lab(lab.write("earlier.ipynb", *CELLS)))
    load, net, made, data, fit = (notebook.cell(index) for index in range(len(CELLS)))
    for cell in (load, net, made, data, fit):
        cell.run()
    first = fit.fixes.first
    held = "tried: with In [2] and In [3] run again, the cell runs to its end"
    expect(first.locator('[data-state="held"]')).to_contain_text(held, timeout=90_000)
    first.locator(".convmagic-apply-run").click()
    fit.wait_until_run("[5]:")
    expect(fit.failed_rows).to_have_count(0)
    expect(net.line(7)).to_contain_text("latten")
    assert [cell.prompt.inner_text() for cell in (load, net, made, data, fit)] == [
        "[1]:",
        "[6]:",
        "[7]:",
        "[4]:",
        "[8]:",
    ]
