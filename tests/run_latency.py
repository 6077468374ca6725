"""What the shapes cost the editor: keystrokes in a long cell, scrolling through many cells, with shapes and without;
and how long a table of ten thousand rows takes to be painted and sorted.

    .venv/bin/python tests/run_latency.py

Two notebooks differ in one thing, the document in their outputs.  They are measured in turns, each in a page of its
own and without a limit on frames, so that a busy machine slows both.  Prints typical times and ratios; the exit status
is 1 where typing is more than a tenth slower, or the table takes ten times what it is meant to.

The turns are short and many, and what is typical is the mean of the middle half: for a few dozen keys on end a browser
keeps to one of two rhythms, some eight milliseconds apart, between which a median jumps.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

import nbformat
from playwright.sync_api import Browser, Page

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import conv_magic
from browser import test_table
from browser.lab import Lab, Notebook, fresh_page, running_browser, running_lab

LINES, CELLS, CELL_LINES = 300, 100, 12
ROUNDS, KEYS, FRAMES = 40, 6, 50
TABLE_AIM = 200  # milliseconds
NO_FRAME_LIMIT = ("--disable-frame-rate-limit", "--disable-gpu-vsync")
HEAD = "import keras\nx = keras.Input((28, 28, 3))\n"

# From the key to the moment after the frame that shows it.
LISTEN = """() => {
    window.latencies = [];
    document.addEventListener("keydown", () => {
        const start = performance.now();
        requestAnimationFrame(() => {
            const { port1, port2 } = new MessageChannel();
            port1.onmessage = () => window.latencies.push(performance.now() - start);
            port2.postMessage(0);
        });
    }, true);
}"""
SCROLL = """async (frames) => {
    const times = [];
    const panel = document.querySelector(".jp-WindowedPanel-outer");
    const frame = () => new Promise(requestAnimationFrame);
    panel.scrollTop = 0;
    let before = await frame();
    for (let i = 0; i < frames; i++) {
        panel.scrollTop += 80;
        const now = await frame();
        times.push(now - before);
        before = now;
    }
    return times;
}"""


def main() -> int:
    """Measure both and print; the exit status."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_lab(Path(folder)) as lab,
        running_browser(*NO_FRAME_LIMIT) as browser,
    ):
        long = [HEAD + "\n".join(["x = keras.layers.ReLU()(x)"] * (LINES - 2))]
        typing = compare(lab, browser, long, keystrokes, start_typing)
        print(f"one key in a cell of {LINES} lines:  " + in_words(typing))
        many = [HEAD + "\n".join(["x = keras.layers.ReLU()(x)"] * (CELL_LINES - 2))] * CELLS
        print(f"one frame of {CELLS} cells scrolled: " + in_words(compare(lab, browser, many, frames)))
        slowest = max(table(lab, browser))
        print(f"a table of {test_table.MANY} rows: {slowest:.0f} ms at most until painted, meant are {TABLE_AIM}")
    return typing["with shapes"][0] > 1.1 * typing["bare"][0] or slowest > 10 * TABLE_AIM


def table(lab: Lab, browser: Browser) -> list[float]:
    """Milliseconds of the first paint of a long table and of three sorts."""
    with fresh_page(browser) as page:
        notebook = Notebook(page, lab.in_lab(lab.write("table.ipynb", test_table.LOAD, test_table.LONG)))
        notebook.cell(0).run()
        return test_table.sort_ten_thousand_rows(notebook.cell(1))


Times = dict[str, tuple[float, float]]


def compare(
    lab: Lab,
    browser: Browser,
    sources: list[str],
    measure: Callable[[Page], list[float]],
    prepare: Callable[[Page], None] = lambda page: None,
) -> Times:
    """The typical time and the 95th percentile, in milliseconds, of each notebook, measured in turns."""
    names = {"bare": write(lab, sources, shapes=False), "with shapes": write(lab, sources, shapes=True)}
    found: dict[str, list[float]] = {kind: [] for kind in names}
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        pages = {kind: context.new_page() for kind in names}
        for kind, page in pages.items():
            Notebook(page, lab.in_lab(names[kind]))
            prepare(page)
            measure(page)  # warm
        for turn in range(ROUNDS):
            for kind in sorted(names, reverse=turn % 2 == 1):
                pages[kind].bring_to_front()
                found[kind] += measure(pages[kind])
    lab.shut_kernels_down()
    return {kind: (midmean(times), statistics.quantiles(times, n=20)[-1]) for kind, times in found.items()}


def midmean(times: list[float]) -> float:
    """The mean of the middle half."""
    quarter = len(times) // 4
    return statistics.mean(sorted(times)[quarter : len(times) - quarter])


def write(lab: Lab, sources: list[str], *, shapes: bool) -> str:
    """A notebook of these cells, as it is after they ran under `%%convshapes --quiet`, or bare."""
    name = lab.write(f"{'shapes' if shapes else 'bare'}-{len(sources)}.ipynb", *sources)
    if shapes:
        notebook = nbformat.read(lab.folder / name, as_version=4)
        documents = {source: output(source) for source in set(sources)}
        for cell in notebook.cells:
            cell.outputs = [documents[cell.source]]
        nbformat.write(notebook, lab.folder / name)
    return name


def output(source: str) -> nbformat.NotebookNode:
    """What running the cell leaves in the notebook."""
    from conv_magic.views import bundle
    from conv_magic.views.wire import MIME

    found = bundle(conv_magic.run(source))
    data = {MIME: found[MIME], "text/plain": ""}
    return nbformat.v4.new_output("display_data", data=data, metadata={MIME: {"inline_only": True}})


def start_typing(page: Page) -> None:
    """Put the cursor into a line of the long cell; the editor draws only the lines in view.

    The first letter makes the notes below it doubtful, which is once and not at every key.
    """
    page.locator(".cm-line").nth(20).click(position={"x": 8, "y": 8})
    page.keyboard.press("End")
    page.keyboard.press("s")
    page.evaluate(LISTEN)


def keystrokes(page: Page) -> list[float]:
    """Type a few letters and take them away again."""
    page.evaluate("() => { window.latencies = [] }")
    for key in [*"abcdefghijklmnopqrstuvwxyz"[:KEYS], *["Backspace"] * KEYS]:
        count = page.evaluate("() => window.latencies.length")
        page.keyboard.press(key)
        page.wait_for_function("count => window.latencies.length > count", arg=count)
    times: list[float] = page.evaluate("() => window.latencies")
    return times


def frames(page: Page) -> list[float]:
    """Scroll down, a few lines a frame."""
    times: list[float] = page.evaluate(SCROLL, FRAMES)
    return times


def in_words(times: Times) -> str:
    (bare, bare_worst), (shapes, shapes_worst) = times["bare"], times["with shapes"]
    return (
        f"{bare:.1f} ms bare, {shapes:.1f} ms with shapes, ratio {shapes / bare:.2f}"
        f" (95th percentiles {bare_worst:.1f} and {shapes_worst:.1f})"
    )


if __name__ == "__main__":
    raise SystemExit(main())
