"""A cell's text as IPython treats it: which lines it strips, which magics stand on top, and what ours becomes."""

from __future__ import annotations

import ast
import linecache
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conv_magic.views.written import Writing

NAME = "convshapes"
WRITINGS: tuple[Writing, ...] = ("write", "rewrite", "unwrite")
"""The options that change the cell's own text."""
_ON_TOP = f"%%{NAME}"
_ENTRANCE = "conv_magic.notebook.magic"
_BEGIN = f"__import__({_ENTRANCE!r}, fromlist=['begin']).begin({{!r}})\n"
"""What the line becomes: nothing is imported by name, so that the user's namespace stays as it is."""


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
    """Return the number of the `%%convshapes` line among the magics on top of a cell, None if there is none."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.split(maxsplit=1)[:1] == [_ON_TOP]:
            return number
        if line.strip() and not line.lstrip().startswith("%%"):
            return None
    return None


_OURS = re.compile(r"^(\s*)%(?:(?:re|un)?load_ext\s+conv_magic|convshapes)\b.*")
_NEEDLESS = (_ON_TOP, "%%time", "%%capture")


def without_our_magics(lines: list[str]) -> list[str]:
    """Transform the input of a run that is traced as a whole: `%%convshapes` and our line magics do nothing.

    `%%time` and `%%capture` on top neither: they would run the rest under another name.  Every line keeps its place.
    """
    top = next((at for at, line in enumerate(lines) if line.strip() and line.split()[0] not in _NEEDLESS), len(lines))
    above, rest = ["# " + line for line in lines[:top]], lines[top:]
    if rest and rest[0].startswith("%%"):
        from IPython.core import inputtransformer2

        untyped: Any = inputtransformer2
        return [*above, *untyped.cell_magic(rest)] if above else rest
    return above + [_OURS.sub(r"\1pass", line) for line in rest]


def transform(lines: list[str]) -> list[str]:
    """Transform a cell's input: a leading `%%convshapes` line becomes a call, and what follows stays as it was."""
    word, _, options = lines[0].strip().replace("\t", " ").partition(" ") if lines else ("", "", "")
    if word != _ON_TOP or options.endswith("?"):
        return lines
    rest = lines[1:]
    if rest and rest[0].startswith("%%"):
        from IPython.core import inputtransformer2

        untyped: Any = inputtransformer2
        rest = untyped.cell_magic(rest)
    return [_BEGIN.format(options.strip()), *rest]


def without_magic(lines: list[str]) -> list[str]:
    """Transform a cell as `transform` does where nothing of ours can run: each line keeps its number, if it can."""
    if not lines or not lines[0].startswith(_ON_TOP):
        return lines
    return lines[1:] if lines[1:2] and lines[1].startswith("%%") else ["# " + lines[0], *lines[1:]]


def begins(tree: ast.Module) -> bool:
    """Whether a module begins with what the `%%convshapes` line becomes."""
    match tree.body:
        case [ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Call(args=[ast.Constant(value=name)])))), *_]:
            return bool(name == _ENTRANCE)
        case _:
            return False


def show_plain_line(filename: str, number: int, line: str) -> None:
    """Let a traceback that shows the first line show what the user wrote, as a comment, not our call."""
    entry = linecache.cache.get(filename)
    if entry is not None and len(entry) == 4 and number <= len(entry[2]):
        entry[2][number - 1] = f"# %%{NAME} {line}".rstrip() + "\n"


def without_option(text: str) -> str:
    """Return the cell without the option to write, which has been done."""
    lines = text.split("\n")
    at = magic_line(text)
    if at is not None:
        lines[at - 1] = re.sub(rf"\s+(--({'|'.join(WRITINGS)})|-[wRU])(?=\s|$)", "", lines[at - 1])
    return "\n".join(lines)
