"""One fault: a cell, a right repair, what its author wanted; and the folder that holds it.

A set is a folder of such folders: `cell.py` the cell as typed, `fixed.py` one right repair, `case.json` with

    kind            raise, silent (runs, but `check` is false), abort, or none (no fault: nothing may be said)
    class           the family of the fault
    check           an expression, true in the namespace after a right repair: what the author wanted
    error_line, error_stmt         where it surfaces, innermost in the cell, and the ends of its statement
    culprit_lines, culprit_stmts   where a right repair can be made
    knowable        false if nothing in the cell tells this repair from another as plausible; `because` says why

Whoever writes fresh ones needs `cell.py`, `fixed.py`, `kind` and `check`: the lines are found by running and comparing.
"""

from __future__ import annotations

import ast
import difflib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

Lines = tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """One fault, or with `kind` none a right program."""

    name: str
    cell: str
    check: str
    kind: str
    fixed: str = ""
    family: str = ""
    error_lines: Lines = ()
    culprit_lines: Lines = ()
    mutator: str = ""
    program: str = ""
    knowable: bool = True
    because: str = ""
    error: str = ""

    def places(self) -> set[int]:
        """Every line that may be named: of the statements where it surfaces, and where it can be repaired."""
        return {line for named in self.error_lines + self.culprit_lines for line in statement(self.cell, named)}

    def culprits(self) -> set[int]:
        """The lines of the statements where it can be repaired."""
        return {line for named in self.culprit_lines for line in statement(self.cell, named)}

    def write(self, folder: Path) -> None:
        """Write the folder of this case."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cell.py").write_text(self.cell)
        (folder / "fixed.py").write_text(self.fixed)
        innermost = self.error_lines[-1] if self.error_lines else None
        told = {
            "id": self.name,
            "class": self.family,
            "kind": self.kind,
            "raises": self.kind == "raise",
            "error": self.error,
            "error_line": innermost,
            "error_stmt": _ends(self.cell, innermost) if innermost else None,
            "culprit_lines": list(self.culprit_lines),
            "culprit_stmts": [_ends(self.cell, line) for line in self.culprit_lines],
            "check": self.check,
            "mutator": self.mutator,
            "program": self.program,
            "knowable": self.knowable,
            "because": self.because,
        }
        (folder / "case.json").write_text(json.dumps(told, indent=1) + "\n")

    def with_error(self, lines: Iterable[int], text: str) -> Case:
        """The same case, with the lines at which it surfaces."""
        return replace(self, error_lines=tuple(lines)[-1:], error=text)


def read(folder: Path) -> Case:
    """The case in `folder`."""
    told: dict[str, Any] = json.loads((folder / "case.json").read_text())
    cell = (folder / "cell.py").read_text()
    fixed = (folder / "fixed.py").read_text() if (folder / "fixed.py").exists() else ""
    culprits = [*told.get("culprit_lines", []), *(n for a, b in told.get("culprit_stmts", []) for n in range(a, b + 1))]
    if not culprits and fixed:
        culprits = list(changed_lines(cell, fixed))
    errors = [line for line in [told.get("error_line")] if line]
    return Case(
        name=told.get("id", folder.name),
        cell=cell,
        check=told.get("check") or "True",
        kind=told.get("kind", "raise" if told.get("raises", True) else "none"),
        fixed=fixed,
        family=told.get("class", ""),
        error_lines=tuple(errors),
        culprit_lines=tuple(sorted(set(culprits))),
        mutator=told.get("mutator", ""),
        program=told.get("program", ""),
        knowable=told.get("knowable", True),
        because=told.get("because", ""),
        error=told.get("error") or told.get("error_type") or "",
    )


def read_set(folder: Path) -> list[Case]:
    """The cases of a set, by name."""
    return [read(path.parent) for path in sorted(folder.glob("*/case.json"))]


def changed_lines(cell: str, fixed: str) -> Lines:
    """The lines of `cell` that `fixed` changes; where it only adds some, the lines on either side."""
    old, new = cell.splitlines(), fixed.splitlines()
    found: set[int] = set()
    for tag, start, end, _, _ in difflib.SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        if tag == "insert":
            found |= {start, start + 1}
        elif tag != "equal":
            found |= set(range(start + 1, end + 1))
    return tuple(sorted(line for line in found if 1 <= line <= len(old)))


def statement(source: str, line: int) -> range:
    """The lines of the innermost simple statement around `line`; of a compound one only its head."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return range(line, line + 1)
    best = range(line, line + 1)
    narrowest = 1 << 30
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno):
            body = getattr(node, "body", None)
            last = body[0].lineno - 1 if body else node.end_lineno or node.lineno
            if line <= last and last - node.lineno < narrowest:
                narrowest = last - node.lineno
                best = range(node.lineno, max(last, node.lineno) + 1)
    return best


def _ends(source: str, line: int) -> list[int]:
    found = statement(source, line)
    return [found.start, found.stop - 1]
