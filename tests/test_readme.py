"""The README says what is there."""

from __future__ import annotations

import re
from pathlib import Path

from conv_magic.notebook import magic
from conv_magic.views.frame import COLUMNS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")


def test_the_columns_of_the_frame_are_those_of_the_code() -> None:
    table = [f"| `{name}` | {meaning} |" for name, meaning in COLUMNS.items()]
    assert "\n".join(["| column | what it holds |", "|---|---|", *table]) in README


def test_the_options_are_those_of_the_magic() -> None:
    listed = re.findall(r"^\| `(-\w)`, `(--[a-z-]+)", README, re.MULTILINE)
    assert listed
    offered = re.findall(r"^  (-\w)\b.*?, (--[a-z-]+)", magic._cell_magic.parser.format_help(), re.MULTILINE)
    assert sorted(listed) == sorted(offered)


def test_the_pictures_and_files_that_are_named_exist() -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)\)|src(?:set)?=\"([^\"]+)\"", README)
    assert targets
    assert all((ROOT / (link or picture)).is_file() for link, picture in targets)


def test_the_targets_that_are_named_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    named = set(re.findall(r"(?:`|^    )make ([a-z-]+)", README + CONTRIBUTING, re.MULTILINE))
    assert {"demo", "test"} <= named
    assert named <= set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
