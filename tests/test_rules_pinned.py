"""What depends on oneDNN, in a process for each setting: the examples of some rules, and the tests marked `onednn`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from conv_magic.rules.rule import Pinned
from conv_magic.rules.table import CELL_RULES, RULES, TEXT_RULES

_FOLDER, _OWN = Path(__file__).parent, Path(__file__).name
_OF_REFUSED = {"missing-axis", "window-exceeds-input"}
"""Where the guard refuses a call with oneDNN and TensorFlow itself does without."""


def _codes() -> list[str]:
    every = (*RULES, *CELL_RULES, *TEXT_RULES)
    pinned = {r.code for r in every if any(isinstance(source, Pinned) for source in (*r.VALID, *r.INVALID))}
    return sorted(pinned | _OF_REFUSED)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("onednn", [True, False], ids=["with", "without"])
def test_the_examples_hold(onednn: bool) -> None:
    chosen = f"(right_cell or wrong_cell) and ({' or '.join(_codes())})"
    assert _passed(["test_rules.py"], ["-k", chosen], onednn=onednn) > 40


def test_what_needs_it_holds_with_it() -> None:
    needing = [
        path.name for path in sorted(_FOLDER.glob("test_*.py")) if "@pytest.mark.onednn" in path.read_text("utf-8")
    ]
    assert _passed([name for name in needing if name != _OWN], ["-m", "onednn"], onednn=True) > 8


def _passed(files: list[str], chosen: list[str], *, onednn: bool) -> int:
    """How many tests pass in a process with that setting; none may fail."""
    command = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider", *chosen]
    done = subprocess.run(
        [*command, *(str(_FOLDER / name) for name in files)],
        env={**os.environ, "TF_ENABLE_ONEDNN_OPTS": str(int(onednn))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    return int(passed.group(1))
