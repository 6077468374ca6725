"""`python -m conv_magic check`: scripts and notebooks, each in a process of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest

from conv_magic.cli.main import main
from conv_magic.engine.report import Report
from conv_magic.notebook.cell_text import without_our_magics

FILES = {
    "fault.py": """\
import tensorflow as tf
from keras import layers
print("printed by the script")
x = tf.zeros((8, 8, 3))  # shape: (H, W, C)
y = layers.Conv2D(2, 3)(x)
""",
    # it waits until what it did was noted, then ends the process as a crash in TensorFlow would
    "dies.py": """\
import os, pathlib, sys, time
import tensorflow as tf
from keras import layers
owner = os.getppid()
y = layers.Conv2D(2, 3, name="last")(tf.zeros((1, 8, 8, 3)))
seen = pathlib.Path(sys.orig_argv[3]) / "seen.json"
while os.getppid() == owner and not (seen.exists() and '"returned"' in seen.read_text()):
    time.sleep(0.05)
os.abort()
""",
    "script.py": """\
import sys, pickle, beside
from pathlib import Path
class Own: pass
assert __name__ == "__main__" and sys.argv == [__file__] == [str(Path(__file__))], sys.argv
assert isinstance(pickle.loads(pickle.dumps(Own())), Own) and sys.modules["__main__"].Own is Own
assert sys.stdin.read() == ""
sys.exit(0)
""",
    "beside.py": "",
    "exits.py": "import os\nos._exit(7)\n",
    "wrong syntax.py": "x = (\n",
}
CELLS = (
    "%load_ext conv_magic\nimport tensorflow as tf\nfrom keras import layers",
    "\n\ndef block(x):\n    return layers.Conv2D(2, 3)(x)",
    "%%convshapes seen\n%%time\nx = tf.zeros((8, 8, 3))\nimport asyncio\nawait asyncio.sleep(0)\nheard = !echo heard",
    "%%bash\necho from bash",
    "1/0",
    "%convshapes on\nassert heard == ['heard']\ny = block(x)",
    "never = 1",
)


@dataclass(frozen=True)
class Ran:
    status: int
    out: str
    err: str
    files: dict[str, Any]
    folder: Path

    def text_of(self, name: str) -> str:
        return re.split(r"^== .*$", self.out.partition(f"== {self.folder / name}\n")[2], maxsplit=1, flags=re.M)[0]

    def report_of(self, name: str) -> Report:
        return Report.from_json(json.dumps(self.files[name]["report"]))


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """All files checked by one command."""
    folder = tmp_path_factory.mktemp("files")
    for name, text in FILES.items():
        (folder / name).write_text(text, "utf-8")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    notebook.cells[4].metadata["tags"] = ["raises-exception"]
    nbformat.write(notebook, folder / "cells.ipynb")
    names = [*(name for name in FILES if name != "beside.py"), "cells.ipynb"]
    command = [sys.executable, "-m", "conv_magic", "check", *(str(folder / name) for name in names)]
    command += ["--json", str(folder / "out.json"), "--html", str(folder / "out.html")]
    environment = {**os.environ, "IPYTHONDIR": str(folder)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)
    data = json.loads((folder / "out.json").read_text("utf-8"))
    return Ran(done.returncode, done.stdout, done.stderr, {Path(f["path"]).name: f for f in data["files"]}, folder)


def test_a_fault_is_printed_with_its_source_and_tried_fixes(ran: Ran) -> None:
    text = ran.text_of("fault.py")
    assert text.startswith("1 call, 1 failed at line 5\n")
    assert "\n\nerror[missing-axis]: " in text
    assert "tried: the cell now runs to its end" in text
    assert "> 5  y = layers.Conv2D(2, 3)(x)" in text
    assert "# shape: (H, W, C)" in text
    assert ran.report_of("fault.py").trace.assigned
    assert "printed by the script" not in ran.out.splitlines()
    assert ran.report_of("fault.py").diagnoses[0].fixes[0].verified
    assert ran.status == 1
    assert ran.err == ""
    assert ran.out.endswith("\n6 files, 5 with a fault\n")


def test_a_process_that_dies_is_told_with_what_was_seen(ran: Ran) -> None:
    text = ran.text_of("dies.py")
    assert text.startswith("the process was ended by SIGABRT at line 9; below is what was seen before\n")
    assert "running: 1 call so far" in text
    (call,) = ran.report_of("dies.py").trace.calls
    assert (call.layer, call.output) == ("last", (1, 6, 6, 2))
    assert ran.files["exits.py"]["died"] == "the process ended with exit status 7 before the file had"
    assert ran.files["exits.py"]["report"] is None


def test_a_script_runs_as_it_does_alone(ran: Ran) -> None:
    assert ran.files["script.py"]["report"]["failure"] is None
    assert not ran.files["script.py"]["fault"]


def test_a_syntax_error_is_a_fault(ran: Ran) -> None:
    assert "SyntaxError" in ran.text_of("wrong syntax.py")
    assert ran.files["wrong syntax.py"]["fault"]


def test_the_cells_of_a_notebook_are_one_run(ran: Ran) -> None:
    report = ran.report_of("cells.ipynb")
    assert [source.label for source in report.trace.sources][:2] == ["In [6]", "In [2]"]
    assert [source.text for source in report.trace.sources][:2] == [CELLS[5], CELLS[1]]
    (call,) = report.trace.calls
    assert call.span is not None
    assert (call.span.cell, call.span.line) == (report.trace.sources[1].cell, 4)
    assert report.diagnoses[0].code == "missing-axis"
    assert "line 4 of In [2]" in ran.text_of("cells.ipynb")


def test_the_page_holds_every_file(ran: Ran) -> None:
    page = (ran.folder / "out.html").read_text("utf-8")
    tags: list[str] = []

    class Evaluator(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append(tag)

    Evaluator().feed(page)
    assert tags.count("section") == tags.count("h2") == 6
    assert "script" not in tags
    assert "missing-axis" in page
    assert "ended by SIGABRT at line 9" in page


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere.py"], "there is no nowhere.py"),
        (["README.md"], "README.md is neither a script (.py) nor a notebook (.ipynb)"),
        (["broken.ipynb"], "broken.ipynb is not a notebook of format 4"),
        (["latin.py"], "latin.py cannot be read (UnicodeDecodeError)"),
        (["folder.py"], "folder.py cannot be read (IsADirectoryError)"),
        (["--depth", "-1", "fine.py"], "--depth counts from 0 and --max-calls from 1"),
    ],
)
def test_bad_input_gets_one_sentence(
    arguments: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken.ipynb").write_text('{"cells": [{"source": 1}]}', "utf-8")
    Path("latin.py").write_bytes(b"x = '\xe9'")
    Path("fine.py").touch()
    Path("folder.py").mkdir()
    assert main(["check", *arguments]) == 2
    assert capsys.readouterr().err == f"conv_magic check: {told}\n"


def test_a_file_that_runs_too_long_is_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "long.py"
    file.write_text("import time\ntime.sleep(600)\n", "utf-8")
    assert main(["check", str(file), "--timeout", "0.5"]) == 1
    assert "it ran longer than 0.5 s and was ended" in capsys.readouterr().out


def test_what_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "fine.py"
    file.touch()
    assert main(["check", str(file), "--json", str(tmp_path / "no" / "out.json")]) == 2
    assert "out.json cannot be written (FileNotFoundError)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("x = 1\n", "x = 1\n"),
        ("%%convshapes -q\n%%time\nx = 1\n", "# %%convshapes -q\n# %%time\nx = 1\n"),
        ("%load_ext conv_magic\n%reload_ext conv_magic\n", "pass\npass\n"),
        ("if x:\n    %convshapes off\n", "if x:\n    pass\n"),
        ("%%writefile a.txt\n%convshapes on\n", "%%writefile a.txt\n%convshapes on\n"),
        ("%load_ext autoreload\n", "%load_ext autoreload\n"),
    ],
)
def test_our_own_magics_do_nothing_there(text: str, becomes: str) -> None:
    assert "".join(without_our_magics(text.splitlines(keepends=True))) == becomes
