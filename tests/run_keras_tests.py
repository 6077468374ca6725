"""Runs the tests that the installed Keras brings along, plainly and with each inside `conv_magic.trace()`.

    python tests/run_keras_tests.py [FOLDER ...] [-k EXPRESSION] [--diagnosed]

FOLDER is one of `keras/src`, such as `layers/pooling`; without any, those that have to do with shapes.  Prints both
counts, the processor's seconds, and each test whose outcome differs; exit status 1 if one does.  An error of
conv_magic's own is a failed test.  `--diagnosed` also tells what was diagnosed in tests that passed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDERS = ("layers/convolutional", "layers/pooling", "layers/reshaping", "layers/merging", "models")
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Run:
    """One folder's tests, run once; each dictionary is by the test's name."""

    outcomes: dict[str, str]
    reasons: dict[str, str]
    seconds: dict[str, float]
    diagnosed: dict[str, list[str]]
    rows: int

    def counts(self) -> str:
        """`54 passed, 2 skipped in 6.1 s`; the processor's, for the tests' own code."""
        counted = Counter(self.outcomes.values())
        numbers = ", ".join(f"{counted[word]} {word}" for word in sorted(counted)) or "nothing ran"
        return f"{numbers} in {sum(self.seconds.values()):.1f} s"


def keras_sources() -> Path:
    """`keras/src` of the installed Keras; found without importing it."""
    spec = importlib.util.find_spec("keras")
    if spec is None or spec.origin is None:
        raise SystemExit("keras is not installed")
    return Path(spec.origin).parent / "src"


def run_folder(folder: Path, *, traced: bool, extra: Sequence[str] = ()) -> Run:
    """The tests of one folder in a process of their own."""
    with tempfile.TemporaryDirectory() as scratch:
        written = Path(scratch, "outcomes.json")
        command = [
            sys.executable, "-m", "pytest", "-c", os.devnull, f"--rootdir={keras_sources()}", "--import-mode=importlib",
            "-p", "no:cacheprovider", "-p", "keras_trace_plugin", f"--write-outcomes={written}", "-q", "--no-header",
            *(["--conv-magic-trace"] if traced else []), *extra, str(folder),
        ]  # fmt: skip
        ended = subprocess.run(command, cwd=scratch, env=_environment(), text=True, capture_output=True, check=False)
        if ended.returncode not in (0, 1):  # an error in collecting, an interrupt, or nothing to run
            raise SystemExit(f"{folder}: pytest ended with {ended.returncode}\n{(ended.stdout + ended.stderr)[-4000:]}")
        return Run(**json.loads(written.read_text()))


def _environment() -> dict[str, str]:
    """Ours, with the plugin in reach, TensorFlow behind Keras, and our own errors raised."""
    path = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))
    own = {"PYTHONPATH": path, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "CONV_MAGIC_STRICT": "1"}
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | own


def differences(plain: Run, traced: Run) -> list[str]:
    """For each test that did not end as it did without us: both outcomes, and the error."""
    names = sorted(plain.outcomes.keys() | traced.outcomes.keys())
    pairs = [(name, plain.outcomes.get(name, "absent"), traced.outcomes.get(name, "absent")) for name in names]
    return [
        f"{name}: {before}, traced {after}\n{(plain.reasons | traced.reasons).get(name, '')}".rstrip()
        for name, before, after in pairs
        if before != after
    ]


def _print_diagnosed(traced: Run) -> None:
    for name, codes in traced.diagnosed.items():
        if codes and traced.outcomes.get(name) == "passed":
            print(f"    diagnosed in {name}: {', '.join(codes)}")


def main() -> int:
    """Run, print, and say whether all is well."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folders", nargs="*", default=FOLDERS, metavar="FOLDER")
    parser.add_argument("-k", metavar="EXPRESSION", help="only the tests that match, as pytest has it")
    parser.add_argument("--diagnosed", action="store_true")
    given = parser.parse_args()
    extra = ["-k", given.k] if given.k else []
    unlike: list[str] = []
    totals: dict[bool, Counter[str]] = {False: Counter(), True: Counter()}
    for name in given.folders:
        runs = {traced: run_folder(keras_sources() / name, traced=traced, extra=extra) for traced in (False, True)}
        print(f"{name}\n    plain:  {runs[False].counts()}\n    traced: {runs[True].counts()}, {runs[True].rows} rows")
        for traced, run in runs.items():
            totals[traced].update(run.outcomes.values())
        found = differences(runs[False], runs[True])
        unlike += found
        print(*found, sep="\n", end="\n" if found else "", flush=True)
        if given.diagnosed:
            _print_diagnosed(runs[True])
    print(f"plain:  {dict(totals[False])}\ntraced: {dict(totals[True])}\n{len(unlike)} differ")
    return int(bool(unlike))


if __name__ == "__main__":
    sys.exit(main())
