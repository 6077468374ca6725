"""Two people in one notebook: both see the shapes, and neither's edit or undo spoils the other's.

jupyter-collaboration is installed into an environment of its own, in the system's folder for temporary files unless a
folder is named.

    .venv/bin/python tests/run_collaboration.py [FOLDER]
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import expect

from browser.lab import Notebook, running_browser, running_lab
from browser.other_jupyter import make_environment, use_environment

LOAD = "%load_ext conv_magic\nimport keras\nfrom keras import layers"
CELL = """\
%%convshapes
image = keras.Input((28, 28, 3))
wide = layers.Conv2D(32, 3)(image)
flat = layers.Flatten()(wide)
other = layers.Conv2D(8, 4)(wide)"""
WIDE, FLAT, OTHER = "(None, 26, 26, 32)", "(None, 21632)", "(None, 23, 23, 8)"


def main(arguments: list[str]) -> None:
    """Make the environment where it is missing, and let two pages work on one notebook."""
    environment = Path(*arguments[:1] or [tempfile.gettempdir(), "conv_magic-collaboration"])
    make_environment(environment, "jupyterlab", "notebook", "jupyter-collaboration")
    use_environment(environment)
    store = {"SQLiteYStore": {"db_path": str(environment / "shared.db")}}  # else in the folder that it is started in
    (environment / "etc/jupyter/jupyter_server_config.json").write_text(json.dumps(store), "utf-8")
    with tempfile.TemporaryDirectory() as folder, running_lab(Path(folder)) as lab, running_browser() as browser:
        name = lab.write("shared.ipynb", LOAD, CELL)
        contexts = [browser.new_context(viewport={"width": 1280, "height": 900}) for _ in range(2)]
        first, second = (Notebook(context.new_page(), lab.in_lab(name)) for context in contexts)
        work_together(first, second)
        lab.shut_kernels_down()
    print("both saw the shapes appear, age and come back; one's undo left the other's edits alone")


def work_together(first: Notebook, second: Notebook) -> None:
    """What one does, the other sees."""
    first.cell(0).run()
    ours, theirs = first.cell(1), second.cell(1)
    ours.run()
    for cell in (ours, theirs):
        expect(cell.note(3)).to_have_text(WIDE)
        expect(cell.note(5)).to_have_text(OTHER)

    theirs.type_at_end(4, "[0]")  # one edits a line
    for cell in (ours, theirs):
        expect(cell.stale_note(4)).to_have_text(FLAT)
    ours.note(3).click()  # the other writes a shape down
    for cell in (ours, theirs):
        expect(cell.line(3)).to_contain_text("(image)  # shape: (B, 26, 26, 32)")
        expect(cell.note(3)).to_have_text(WIDE)
    ours.undo()  # that is taken back, and only that
    for cell in (ours, theirs):
        expect(cell.line(3)).not_to_contain_text("# shape")
        expect(cell.line(4)).to_contain_text("(wide)[0]")
    theirs.click(4)
    theirs.undo()
    for cell in (ours, theirs):
        expect(cell.stale).to_have_count(0)
        expect(cell.suspect).to_have_count(0)

    before = theirs.prompt.inner_text()
    theirs.click(1)
    second.page.keyboard.press("Control+Enter")  # the other one runs it
    theirs.wait_until_run(before)
    for cell in (ours, theirs):
        expect(cell.note(5)).to_have_text(OTHER)


if __name__ == "__main__":
    main(sys.argv[1:])
