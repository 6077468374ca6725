"""Inject faults: every mutator into every program where its pattern occurs, a few kept, each verified by running it.

The text of a fault depends on the mutators, the programs and the seed in `split` only.  Whether it is kept depends on
what TensorFlow says to it, which is noted in `verdicts.json` by the text, so that the same cell is not run again.
"""

from __future__ import annotations

import ast
import contextlib
import json
import re
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from score.case import Case, changed_lines, statement
from score.cell import Cell
from score.forked import LIMIT, in_children
from score.library import Program, programs
from score.mutator import Mutation, Mutator
from score.mutators.table import ALL
from score.plain import run_plain
from score.split import Half, half, place

KEPT = {Half.TUNING: 4, Half.COUNTING: 6}  # of one mutator
TRIED = 3  # candidates run for each one kept, at most
# a name that is not there or a text that does not parse is no fault of a shape
_OTHER_ERRORS = (
    "NameError",
    "UnboundLocalError",
    "SyntaxError",
    "IndentationError",
    "ImportError",
    "ModuleNotFoundError",
)

_IDLE = re.compile(r"^ *(\w+) = \1\n", re.MULTILINE)

_MARK = "made-of"

Verdict = dict[str, Any]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Candidate:
    """A faulty text that has not been run yet."""

    mutator: Mutator
    program: Program
    mutation: Mutation
    text: str
    number: int

    @property
    def name(self) -> str:
        """The name of its folder."""
        return f"{self.mutator.name}-{self.program.name}-{self.number}"

    @property
    def half(self) -> Half:
        """The half it belongs to."""
        return half(self.mutator.name, self.program.name)


def candidates() -> dict[tuple[str, Half], list[Candidate]]:
    """The candidates of each mutator and half, in the order in which they are tried: another program each time."""
    found: dict[tuple[str, Half], list[Candidate]] = defaultdict(list)
    cells = [(program, Cell(program.source)) for program in programs()]
    seen = {program.source for program, _ in cells}
    for mutator in ALL:
        for program, cell in cells:
            number = 0
            for mutation in _parsed(mutator, cell):
                text = mutation.text or ""
                if text and text not in seen:
                    seen.add(text)
                    made = Candidate(mutator, program, mutation, text, number)
                    found[mutator.name, made.half].append(made)
                    number += 1
    return {key: _another_program_each_time(group) for key, group in found.items()}


def _parsed(mutator: Mutator, cell: Cell) -> Iterator[Mutation]:
    """The mutations that are Python; a step left out leaves no `x = x` behind."""
    for mutation in mutator.find(cell):
        text = _IDLE.sub("", mutation.text or "")
        with contextlib.suppress(SyntaxError):
            ast.parse(text)
            yield replace(mutation, text=text)


def _another_program_each_time(group: list[Candidate]) -> list[Candidate]:
    drawn = sorted(group, key=lambda candidate: place("candidate", candidate.name))
    turns: dict[str, int] = defaultdict(int)
    order: list[tuple[int, int, Candidate]] = []
    for position, candidate in enumerate(drawn):
        order.append((turns[candidate.program.name], position, candidate))
        turns[candidate.program.name] += 1
    return [candidate for _, _, candidate in sorted(order, key=lambda item: item[:2])]


def _versions() -> str:
    found = []
    for name in ("tensorflow", "tensorflow-cpu", "keras", "numpy"):
        with contextlib.suppress(PackageNotFoundError):
            found.append(f"{name} {version(name)}")
    return " ".join(found)


def made_of() -> str:
    """A digest of everything that decides which faults there are."""
    judges = ("command.py", "forked.py", "fresh.py", "judge.py", "summary.py")
    sources = sorted(path for path in Path(__file__).parent.rglob("*.py") if path.name not in judges)
    return sha256(b"\0".join([_versions().encode(), *(path.read_bytes() for path in sources)])).hexdigest()


def up_to_date(folder: Path) -> bool:
    """Whether the sets in `folder` are what `generate` would write."""
    mark = folder / _MARK
    return mark.exists() and mark.read_text() == made_of()


class Verdicts:
    """How each text ended with these versions of the libraries, in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        told = json.loads(path.read_text()) if path.exists() else {}
        self.known: dict[str, Verdict] = told["ended"] if told.get("versions") == _versions() else {}

    def __getitem__(self, pair: tuple[str, str]) -> Verdict:
        return self.known[self._key(*pair)]

    @staticmethod
    def _key(text: str, check: str) -> str:
        return sha256(f"{text}\0{check}".encode()).hexdigest()[:24]

    def learn(self, pairs: Sequence[tuple[str, str]], width: int, limit: float, say: Say = print) -> None:
        """Run the texts with their checks that are not known yet."""
        new = [pair for pair in dict.fromkeys(pairs) if self._key(*pair) not in self.known]
        if new:
            say(f"injected faults: {len(new)} cells are run once, to see what becomes of them")
        for done, (index, verdict) in enumerate(in_children([partial(run_plain, *pair) for pair in new], width, limit)):
            self.known[self._key(*new[index])] = verdict
            if done % 20 == 19:
                self.save()
        self.save()

    def save(self) -> None:
        """Write the file."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        told = {"versions": _versions(), "ended": self.known}
        self.path.write_text(json.dumps(told, indent=0, sort_keys=True))


def generate(folder: Path, width: int = 1, limit: float = LIMIT, say: Say = print) -> None:
    """Write the sets `folder/tuning` and `folder/counting`.

    Raises `AssertionError` if a program that is said to be right is not.
    """
    verdicts = Verdicts(folder / "verdicts.json")
    verdicts.learn([(program.source, program.check) for program in programs()], width, limit, say)
    for program in programs():
        verdict = verdicts[program.source, program.check]
        assert verdict.get("holds"), f"{program.name} is not right: {verdict}"
    kept = _kept(verdicts, width, limit, say)
    for which in Half:
        shutil.rmtree(folder / which, ignore_errors=True)
        for case in kept[which]:
            case.write(folder / which / case.name)
        mutators = {case.mutator for case in kept[which]}
        knowable = sum(case.knowable for case in kept[which])
        say(f"{which}: {len(kept[which])} faults of {len(mutators)} mutators, {knowable} knowable")
    (folder / _MARK).write_text(made_of())


def _kept(verdicts: Verdicts, width: int, limit: float, say: Say) -> dict[Half, list[Case]]:
    groups = candidates()
    tried = dict.fromkeys(groups, 0)
    found: dict[tuple[str, Half], list[Case]] = {key: [] for key in groups}
    while True:
        batch: list[tuple[tuple[str, Half], Candidate]] = []
        for key, group in groups.items():
            wanted = KEPT[key[1]] - len(found[key])
            most = min(len(group), TRIED * KEPT[key[1]])
            batch += [(key, candidate) for candidate in group[tried[key] : min(most, tried[key] + wanted)]]
            tried[key] = min(most, tried[key] + max(wanted, 0))
        if not batch:
            break
        verdicts.learn([(candidate.text, candidate.program.check) for _, candidate in batch], width, limit, say)
        for key, candidate in batch:
            case = _fault(candidate, verdicts[candidate.text, candidate.program.check])
            if case:
                found[key].append(case)
    return {which: [case for key, cases in found.items() if key[1] is which for case in cases] for which in Half}


def _fault(candidate: Candidate, verdict: Verdict) -> Case | None:
    """The fault that `verdict` makes of a candidate; None if it is none, or none of a shape."""
    error = str(verdict.get("error") or verdict.get("died") or "")
    if verdict.get("ran"):
        if verdict["holds"] or not candidate.mutator.silent:
            return None
        kind = "silent"
    elif "died" in verdict:
        if "SIG" not in error:
            return None
        kind = "abort"
    elif error.split(":")[0] in _OTHER_ERRORS:
        return None
    else:
        kind = "raise"
    case = Case(
        name=candidate.name,
        cell=candidate.text,
        check=candidate.program.check,
        kind=kind,
        fixed=candidate.program.source,
        family=candidate.mutator.family,
        culprit_lines=changed_lines(candidate.text, candidate.program.source),
        mutator=candidate.mutator.name,
        program=candidate.program.name,
        knowable=candidate.mutation.knowable,
        because=candidate.mutation.because,
    )
    lines = [line for line in verdict.get("lines", []) if statement(candidate.text, line)]
    return case.with_error(lines, error)
