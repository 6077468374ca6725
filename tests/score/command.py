"""Score conv_magic: one line a set.

    make score                                             all sets
    make score SCORE_FLAGS="--sets tuning --sample 20 -v"  a quick look
    make score SCORE_FLAGS="--sets fresh --fresh FOLDER"   faults by outside authors

Sets: `faults` (the folder SCORE_FAULTS), `tuning` and `counting` (the two halves of the injected faults), `right` (the
programs they were injected into, about which nothing may be said), `fresh` (the folders named by --fresh).
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from score.case import Case, read_set
from score.forked import LIMIT, import_frameworks, in_children
from score.fresh import complaints, completed
from score.inject import generate, up_to_date
from score.judge import Row, judge
from score.library import programs
from score.split import Half, held_out_mutator, held_out_program, place
from score.summary import line, summary

ROOT = Path(__file__).parents[2]
SETS = ("faults", "tuning", "counting", "right", "fresh")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run_score.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", default="", help=f"of {', '.join(SETS)}, with commas between; all that there are")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "score", help="where injected faults are kept")
    parser.add_argument("--faults", type=Path, default=_given_faults(), help="a folder of faults (SCORE_FAULTS)")
    parser.add_argument("--fresh", type=Path, nargs="*", default=[], help="folders of faults by outside authors")
    parser.add_argument("--only", default="", help="only the cases whose name, mutator or program begins so")
    parser.add_argument("--sample", type=int, help="so many of each set, drawn by name and always the same")
    parser.add_argument("--jobs", type=int, default=1, help="cases at a time")
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds for one cell")
    parser.add_argument("--json", type=Path, help="write every row here")
    parser.add_argument("--generate", action="store_true", help="only make the injected faults, anew")
    parser.add_argument("--check", action="store_true", help="only see whether the fresh faults are as they say")
    parser.add_argument("-v", "--rows", action="store_true", help="print every case as it ends")
    return parser.parse_args()


def _given_faults() -> Path | None:
    named = os.environ.get("SCORE_FAULTS")
    usual = ROOT.parent / "shared" / "faults"
    return Path(named) if named else usual if usual.is_dir() else None


def _right_programs() -> list[Case]:
    return [Case(p.name, p.source, p.check, "none", program=p.name) for p in programs()]


def _sets(given: argparse.Namespace) -> dict[str, list[Case]]:
    wanted = given.sets.split(",") if given.sets else SETS
    found: dict[str, list[Case]] = {}
    for name in wanted:
        if name in list(Half):
            if not up_to_date(given.folder):
                generate(given.folder, given.jobs, given.limit)
            found[name] = read_set(given.folder / name)
        elif name == "right":
            found[name] = _right_programs()
        elif name == "faults" and given.faults:
            found[name] = read_set(given.faults)
        elif name == "fresh":
            found |= {
                folder.name: [completed(case, given.limit) for case in read_set(folder)] for folder in given.fresh
            }
        elif name not in SETS:
            raise SystemExit(f"score: there is no set {name!r}; there are {', '.join(SETS)}")
    return {name: _drawn(cases, given) for name, cases in found.items()}


def _drawn(cases: list[Case], given: argparse.Namespace) -> list[Case]:
    chosen = [c for c in cases if any(text.startswith(given.only) for text in (c.name, c.mutator, c.program))]
    if given.sample is not None:
        drawn = sorted(chosen, key=lambda case: place("sample", case.name))[: given.sample]
        chosen = sorted(drawn, key=lambda case: case.name)
    return chosen


def _run(cases: Sequence[Case], given: argparse.Namespace) -> list[Row]:
    def job(case: Case) -> dict[str, Any]:
        return asdict(judge(case, given.limit))

    rows: dict[int, Row] = {}
    # a case forks children of its own, each with the limit
    for index, told in in_children([partial(job, case) for case in cases], given.jobs, given.limit * 6):
        case = cases[index]
        died = Row(case.name, case.kind, case.family, case.mutator, case.program, case.knowable, died=True)
        row = Row(**told) if "died" not in told or "name" in told else died
        rows[index] = row
        if given.rows:
            print(
                f"{row.marks} {'' if row.knowable else '(not knowable) '}{row.name}  {row.code}  {row.note}", flush=True
            )
    return [rows[index] for index in sorted(rows)]


def _parts(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The counting half by what the tuning half has not seen."""
    found: dict[str, list[Row]] = {"  new mistakes": [], "  new programs": [], "  both new": []}
    for row in rows:
        mistake, program = held_out_mutator(row.mutator), held_out_program(row.program)
        found["  both new" if mistake and program else "  new mistakes" if mistake else "  new programs"].append(row)
    return {name: part for name, part in found.items() if part}


def main() -> int:
    """Score what is asked for; 1 if a fix was verified that does not run, or a right program was diagnosed."""
    given = _arguments()
    import_frameworks()
    if given.generate:
        generate(given.folder, given.jobs, given.limit)
        return 0
    if given.check:
        found = [text for folder in given.fresh for case in read_set(folder) for text in complaints(case, given.limit)]
        print("\n".join(found) or "all as they say")
        return bool(found)
    results: dict[str, list[Row]] = {}
    for name, cases in _sets(given).items():
        if cases:
            results[name] = _run(cases, given)
            print(line(name, results[name]), flush=True)
            for part, rows in _parts(results[name]).items() if name == Half.COUNTING else ():
                print(line(part, rows), flush=True)
    if given.json:
        told = {
            name: {"summary": summary(rows), "rows": [asdict(row) for row in rows]} for name, rows in results.items()
        }
        given.json.write_text(json.dumps(told, indent=1))
    rows = [row for group in results.values() for row in group]
    return int(any(row.verified_wrong or row.alarm for row in rows))
