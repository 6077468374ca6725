"""The notebook's cells by the file names that Python knows them under, so that old functions find their lines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conv_magic.engine import Cell

_MOST = 500
_NAME = "%%convshapes"


def blank_lines_above(text: str) -> int:
    """How many lines IPython strips from the top of a cell before it compiles it."""
    lines = text.split("\n")
    return next((number for number, line in enumerate(lines) if line.strip()), 0)


def lines_above_part(text: str, part: str) -> int | None:
    """How many lines of `text` stand above `part`, which is its end; None where it is not."""
    text, part = text.rstrip("\n"), part.rstrip("\n")
    if not part or not text.endswith(part):
        return None
    above = text.removesuffix(part)
    return above.count("\n") if above.endswith("\n") or not above else None


def lines_above_timed(text: str) -> int | None:
    """How many lines stand above the code that a `%%time` on top of a cell runs; None if there is no such magic.

    None too where a `%time` further down makes it unclear which of the two runs a piece of code.
    """
    above = 0
    for number, line in enumerate(text.split("\n")):
        if line.split()[:1] == ["%%time"]:
            above = number + 1
        elif line.strip() and not line.lstrip().startswith("%%"):
            return number if above and "%time " not in text.split("\n", number)[-1] else None
    return None


def magic_line(text: str) -> int | None:
    """The number of the `%%convshapes` line among the magics on top of a cell, None if there is none."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.split(maxsplit=1)[:1] == [_NAME]:
            return number
        if line.strip() and not line.lstrip().startswith("%%"):
            return None
    return None


_OURS = re.compile(r"^(\s*)%(?:(?:re|un)?load_ext\s+conv_magic|convshapes)\b.*")
_NEEDLESS = (_NAME, "%%time", "%%capture")


def without_our_magics(lines: list[str]) -> list[str]:
    """An input transformer for a run that is traced as a whole: `%%convshapes` and our line magics do nothing.

    `%%time` and `%%capture` on top neither: they would run the rest under another name.  Every line keeps its place.
    """
    top = next((at for at, line in enumerate(lines) if line.strip() and line.split()[0] not in _NEEDLESS), len(lines))
    above, rest = ["# " + line for line in lines[:top]], lines[top:]
    if rest and rest[0].startswith("%%"):
        from IPython.core import inputtransformer2

        untyped: Any = inputtransformer2
        return [*above, *untyped.cell_magic(rest)] if above else rest
    return above + [_OURS.sub(r"\1pass", line) for line in rest]


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
        """The name under which the shell compiles a cell as number `number`."""
        transformed = getattr(info, "transformed_cell", None) or self._shell.transform_cell(info.raw_cell)
        name: str = self._shell.compile.get_code_name(info.raw_cell, transformed, number)
        return name

    def all(self) -> Mapping[str, Cell]:
        """Every known cell by file name."""
        from conv_magic.engine import Cell

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
        """The cells that ran before the extension was loaded; the front end's identifiers of those are not known."""
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
