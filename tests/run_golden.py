"""Write what is said of every known fault, and compare it with what was said before.

    python tests/run_golden.py write golden.json [--cases FOLDER] [--tried]
    python tests/run_golden.py compare golden.json [--cases FOLDER] [--tried]

For each example of each rule, and each case of FOLDER (`*/cell.py`), the code, line, origin, headline and reasons of
every diagnosis, and the title, edits and proof of every fix.  `--tried` runs the fixes too, which takes many times as
long.  It guards the behaviour while code is moved: `compare` prints every difference and exits with 1 if there is one.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

Said = list[dict[str, Any]]


def examples() -> Iterator[tuple[str, str]]:
    """Name and text of every example of every rule."""
    from conv_magic.rules.table import CELL_RULES, RULES, TEXT_RULES

    for rule in (*RULES, *CELL_RULES, *TEXT_RULES):
        for kind in ("VALID", "INVALID"):
            for number, example in enumerate(getattr(rule, kind), 1):
                yield f"{rule.code} {kind.lower()} {number}", str(getattr(example, "source", example))


def cases(folder: Path) -> Iterator[tuple[str, str]]:
    """Name and text of every case of a folder of faults."""
    for path in sorted(folder.glob("*/cell.py")):
        yield path.parent.name, path.read_text("utf-8")


def said_of(source: str, tried: bool) -> Said:
    """What is said of a cell."""
    import conv_magic

    report = conv_magic.run(source, {"__name__": "__main__"}, verify=tried)
    return [
        {
            "code": d.code,
            "line": d.line,
            "origin": d.origin_line,
            "text": [d.headline, *d.reasons, d.origin_note],
            "fixes": [
                {
                    "title": fix.title,
                    "edits": [[*_place(edit), edit.text] for edit in fix.edits],
                    "proof": fix.proof and str(fix.proof),
                    "untried": fix.untried,
                }
                for fix in d.fixes
            ],
        }
        for d in report.diagnoses
    ]


def _place(edit: Any) -> tuple[int, ...]:
    return edit.span.line, edit.span.column, edit.span.end_line, edit.span.end_column


def in_child(source: str, tried: bool) -> Said:
    """The same, from a forked child in an empty folder of its own."""
    reader, writer = os.pipe()
    with tempfile.TemporaryDirectory() as folder:
        child = os.fork()
        if child == 0:
            os.chdir(folder)
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            os.dup2(null, 2)
            try:
                answer: Said = said_of(source, tried)
            except BaseException as error:  # told as what was said
                answer = [{"code": f"died: {type(error).__name__}: {error}"[:300]}]
            with os.fdopen(writer, "w") as stream:
                json.dump(answer, stream)
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as stream:
            text = stream.read()
        os.waitpid(child, 0)
    found: Said = json.loads(text) if text else [{"code": "died"}]
    return found


def collected(folder: Path | None, only: str, tried: bool, jobs: int) -> dict[str, Said]:
    """What is said of everything, by name."""
    import keras  # noqa: F401  imported before the fork, so that no child has to
    import tensorflow  # noqa: F401  the same

    import conv_magic

    conv_magic.run("pass")
    asked = [(n, text) for n, text in (*examples(), *(cases(folder) if folder else ())) if re.search(only, n)]
    with ThreadPoolExecutor(jobs) as pool:
        return dict(zip((n for n, _ in asked), pool.map(lambda a: in_child(a[1], tried), asked), strict=True))


def differences(before: dict[str, Said], now: dict[str, Said]) -> Iterator[str]:
    """A line for each place at which two collections differ."""
    for name in sorted(before.keys() | now.keys()):
        if name not in before or name not in now:
            yield f"{name}: only {'now' if name in now else 'before'}"
        elif _steady(before[name]) != _steady(now[name]):
            yield f"{name}:\n  before {json.dumps(_steady(before[name]))}\n  now    {json.dumps(_steady(now[name]))}"


def _steady(said: Said) -> Any:
    """What was said without addresses and sizes that differ from run to run."""
    return json.loads(re.sub(r"0x[0-9a-f]{6,}|keras_tensor_\d+", "*", json.dumps(said)))


def main() -> int:
    """Write or compare, as the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("action", choices=["write", "compare"])
    parser.add_argument("golden", type=Path)
    parser.add_argument("--cases", type=Path)
    parser.add_argument("--only", default="", help="a regular expression that the names match")
    parser.add_argument("--tried", action="store_true", help="run the fixes too")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    now = collected(options.cases, options.only, options.tried, options.jobs)
    if options.action == "write":
        options.golden.write_text(json.dumps(now, indent=1), "utf-8")
        print(f"{len(now)} cells written to {options.golden}")
        return 0
    written = json.loads(options.golden.read_text("utf-8"))
    found = list(differences({n: said for n, said in written.items() if re.search(options.only, n)}, now))
    with contextlib.suppress(BrokenPipeError):
        print(*found, f"{len(now)} cells, {len(found)} differences", sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
