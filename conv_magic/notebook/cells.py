"""The notebook's cells by the file names that Python knows them under, so that old functions find their lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from conv_magic.notebook.cell_text import blank_lines_above

if TYPE_CHECKING:
    from conv_magic.engine.session import Cell

_MOST = 500


class Cells:
    """The cells that one shell has run; the latest `_MOST` are kept."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._by_file: dict[str, tuple[str, str | None, str]] = {}
        self._has_history = False

    def ran(self, info: Any, number: int) -> None:
        """Remember a cell that has run, as number `number`."""
        self._add(self.filename(info, number), info.raw_cell, getattr(info, "cell_id", None), number)

    def filename(self, info: Any, number: int) -> str:
        """Return the name under which the shell compiles a cell as number `number`."""
        transformed = getattr(info, "transformed_cell", None) or self._shell.transform_cell(info.raw_cell)
        name: str = self._shell.compile.get_code_name(info.raw_cell, transformed, number)
        return name

    def all(self) -> Mapping[str, Cell]:
        """Every known cell by file name."""
        from conv_magic.engine.session import Cell

        self._learn_history()
        return {
            filename: Cell(filename, text, cell_id, label, blank_lines_above(text))
            for filename, (text, cell_id, label) in self._by_file.items()
        }

    def _add(self, filename: str, text: str, cell_id: str | None, number: int) -> None:
        self._by_file.pop(filename, None)
        self._by_file[filename] = text, cell_id, f"In [{number}]"
        while len(self._by_file) > _MOST:
            del self._by_file[next(iter(self._by_file))]

    def _learn_history(self) -> None:
        """Add the cells that ran before the extension was loaded; their identifiers in the front end are not known."""
        if self._has_history:
            return
        self._has_history = True
        later, self._by_file = self._by_file, {}
        history: Any = getattr(self._shell, "history_manager", None)
        for number, text in list(enumerate(getattr(history, "input_hist_raw", [])))[-_MOST:]:
            if text.strip():
                transformed = history.input_hist_parsed[number] + "\n"  # kept without the one that was compiled
                name = self._shell.compile.get_code_name(text, transformed, number)
                self._add(name, text, None, number)
        for filename, known in later.items():
            self._by_file.pop(filename, None)
            self._by_file[filename] = known
