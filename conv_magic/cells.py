"""The notebook's cells by the file names that Python knows them under, so that old functions find their lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conv_magic.engine import Cell

_MOST = 500


def blank_lines_above(text: str) -> int:
    """How many lines IPython strips from the top of a cell before it compiles it."""
    lines = text.split("\n")
    return next((number for number, line in enumerate(lines) if line.strip()), 0)


class Cells:
    """The cells that one shell has run; the latest `_MOST` are kept."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._by_file: dict[str, Cell] = {}
        self._learn_history()

    def add(self, text: str, number: int, cell_id: str | None) -> str:
        """Remember a cell that is about to run, or has run, as number `number`; its file name."""
        filename = self.filename(text, number)
        self._by_file.pop(filename, None)
        self._by_file[filename] = Cell(filename, text, cell_id, f"In [{number}]", blank_lines_above(text))
        while len(self._by_file) > _MOST:
            del self._by_file[next(iter(self._by_file))]
        return filename

    def filename(self, text: str, number: int) -> str:
        """The name under which the shell compiles this text."""
        name: str = self._shell.compile.get_code_name(text, self._shell.transform_cell(text), number)
        return name

    def all(self) -> Mapping[str, Cell]:
        """Every known cell by file name."""
        return dict(self._by_file)

    def _learn_history(self) -> None:
        """The cells that ran before the extension was loaded; the front end's identifiers of those are not known."""
        history = getattr(getattr(self._shell, "history_manager", None), "input_hist_raw", [])
        for number, text in list(enumerate(history))[-_MOST:]:
            if text.strip():
                self.add(text, number, None)
