"""The right programs: `programs/NAME.py`, notebook cells whose last lines `# check: ...` say what is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "programs"
_MARK = "# check: "


@dataclass(frozen=True)
class Program:
    """One right program; `check` is true in its namespace after it has run."""

    name: str
    source: str
    check: str


@cache
def programs() -> tuple[Program, ...]:
    """All of them, by name."""
    return tuple(_read(path) for path in sorted(FOLDER.glob("*.py")))


def _read(path: Path) -> Program:
    lines = path.read_text().splitlines()
    checks = [f"({line.removeprefix(_MARK)})" for line in lines if line.startswith(_MARK)]
    source = "\n".join(line for line in lines if not line.startswith(_MARK)) + "\n"
    return Program(path.stem, source, " and ".join(checks))
