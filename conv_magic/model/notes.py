"""What stands at the end of a code line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class LineNote:
    """What stands at the end of one code line.

    text        the shapes made there, `(None, 26, 26, 32)`, and the headline of what is wrong there
    flow        the same with what went in: `(None, 28, 28, 1) -> (None, 26, 26, 32)`
    pin         the comment that would state this shape from now on, `# shape: (B, 26, 26, 32)`, to be put at the end
                of `line`; None where there is none, or none can be stated
    later       whether it is about a later run: the line is in a function that this cell called
    calls       index the document's calls, `diagnosis` its diagnoses
    """

    cell: str
    line: int
    text: str
    status: Literal["ok", "warning", "failed", "origin"]
    calls: tuple[int, ...]
    diagnosis: int | None = None
    flow: str = ""
    pin: str | None = None
    later: bool = False
