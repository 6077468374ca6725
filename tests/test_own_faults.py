"""Our functions are made to raise, and cells interrupted at random moments; each by its script, in a process."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

_HERE = Path(__file__).parent
_CALLED_BY_THE_CELL = (
    "boundary", "capture.assigned", "capture.call_lines", "capture.following", "capture.guard", "capture.hooked",
    "capture.hooks", "capture.recorder", "capture.rows", "capture.tracer", "engine.session", "notebook.cells",
    "notebook.delivery", "notebook.extension", "notebook.interrupts", "notebook.magic", "notebook.traced_cell",
    "notices", "text.targets",
)  # fmt: skip
"""What the shell and the user's own frames call."""


def _output(script: str, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "CONV_MAGIC_STRICT"}
    done = subprocess.run(
        [sys.executable, str(_HERE / script), *arguments], env=environment, capture_output=True, text=True, cwd=_HERE
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return done.stdout


def test_no_fault_of_ours_is_felt() -> None:
    pattern = rf"^conv_magic\.({'|'.join(_CALLED_BY_THE_CELL)})\b"
    out = _output("run_own_faults.py", "--once", "--kind", "SystemExit", "--only", pattern)
    told = re.search(r"(\d+) tries, (\d+) as promised, 0 not", out)
    assert told is not None, out
    assert int(told[1]) == int(told[2]) > 200


def test_no_interrupt_is_felt_or_lost() -> None:
    out = _output("run_interrupts.py", "100")
    assert re.search(r"^100 interrupts .*: 0 not as promised, 0 times unusable", out, re.MULTILINE), out
