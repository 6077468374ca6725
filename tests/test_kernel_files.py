"""Cells of a real notebook that read and write files: their fixes are tried, and nothing is written twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from conv_magic.engine.report import Report
from conv_magic.views.wire import MIME
from notebook_kernel import Cell, Kernel, report_in, running_kernel

CONV = "layers.Conv2D(4, 3)"
CELLS = {
    "open": "with open('size.txt') as f:\n    n = int(f.read())\ny = {conv}(np.zeros((n, n, 3), 'float32'))",
    "read_csv": (
        "import pandas as pd\nx = pd.read_csv('pixels.csv', header=None).to_numpy('float32').reshape(8, 8, 3)\n"
        "display(x.shape)\ny = {conv}(x)"
    ),
    "np.load": (
        "%precision 3\nget_ipython().run_line_magic('precision', '3')\nassert 'Shell' in str(get_ipython())\n"
        "y = {conv}(np.load('image.npy'))"
    ),
    "log": (
        "with open('log.txt', 'a') as f:\n    f.write('run\\n')\ny = {conv}(np.load('image.npy'))\n"
        "print(open('log.txt').read())"
    ),
    "earlier": "note('begun')\ny = {conv}(read('image.npy'))",
    "outputs": "y = {conv}(np.load(In and 'image.npy'))\n_, exit, quit",
}
EARLIER = """
def read(name):
    with open(name, "rb") as file:
        return np.load(file)
def note(text):
    print(text, file=open("log.txt", "a"))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    here = tmp_path_factory.mktemp("notebook")
    (here / "size.txt").write_text("8")
    (here / "pixels.csv").write_text("\n".join([",".join(["0"] * 24)] * 8))
    np.save(here / "image.npy", np.zeros((8, 8, 3), "float32"))
    return here


@pytest.fixture(scope="module")
def kernel(folder: Path) -> Iterator[Kernel]:
    with running_kernel(folder) as running:
        running.check(EARLIER)
        running.check("1 + 1")
        yield running


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def reports(cell: Cell) -> list[Report]:
    """What was shown of a cell once its fixes were tried."""
    shown = [c["data"] for c in cell.of_type("display_data", "update_display_data") if MIME in c["data"]]
    return [report for report in map(report_in, shown) if not (report.trying or report.running)]


@pytest.mark.parametrize("name", CELLS)
def test_its_fix_is_tried_and_holds(kernel: Kernel, folder: Path, name: str) -> None:
    (folder / "log.txt").unlink(missing_ok=True)
    cell = kernel.run("%%convshapes\n" + CELLS[name].format(conv=CONV), name)
    before = files(folder)
    kernel.pump(lambda: bool(reports(cell)))
    report = reports(cell)[-1]
    fixes = [fix for diagnosis in report.diagnoses for fix in diagnosis.fixes]
    assert any(fix.verified for fix in fixes), [fix.untried for fix in fixes]
    assert all(fix.verified or (fix.untried or "").startswith("tried: ") for fix in fixes)
    assert files(folder) == before
    if name in ("log", "earlier"):
        assert before["log.txt"].count(b"\n") == 1
