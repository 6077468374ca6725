"""`python -m conv_magic check PATH...`: every script and notebook runs in a process of its own, and is reported on."""

from __future__ import annotations

import argparse
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conv_magic.engine.report import Report
from conv_magic.model.diagnoses import Severity
from conv_magic.notebook.options import TRACING, wrong
from conv_magic.notebook.terminal import colored, columns

FINE, FAULT, USAGE, INTERRUPTED = 0, 1, 2, 130
"""The exit statuses."""
_LOOK = 0.2
_LAST_LINES = 12
_FATAL_LINE = re.compile(r'^  File "(.+)", line (\d+) in ', re.MULTILINE)
_NUMBER_OF_INPUT = re.compile(r"<ipython-input-(\d+)-")


@dataclass(frozen=True, slots=True)
class Checked:
    """One file's run.

    report    what was seen: of the whole run, or of as much of it as there was; None where nothing was
    died      how the process ended before the file did; None where it did not
    output    the end of what it wrote to its streams
    """

    path: Path
    report: Report | None
    died: str | None
    output: str

    @property
    def faulty(self) -> bool:
        """Whether something is wrong with it: an error, a warning, a process that died."""
        report = self.report
        if self.died or report is None or report.failure:
            return True
        return any(diagnosis.severity is not Severity.NOTE for diagnosis in report.diagnoses)


def main(arguments: Sequence[str]) -> int:
    """Run the command line; its exit status: 0 if nothing is wrong, 1 on a fault, 2 on bad usage."""
    args = _parser().parse_args(arguments)
    complaint = wrong(args) or next(filter(None, map(_unfit, args.path)), None)
    if complaint:
        print(f"conv_magic check: {complaint}", file=sys.stderr)
        return USAGE
    checked: list[Checked] = []
    try:
        for number, path in enumerate(args.path, 1):
            checked.append(_check(path, args, f"[{number}/{len(args.path)}] {path}"))
            _print(checked[-1])
    except KeyboardInterrupt:
        print("conv_magic check: interrupted", file=sys.stderr)
        return INTERRUPTED
    faulty = [one for one in checked if one.faulty]
    if len(checked) > 1:
        print(f"{len(checked)} files, {len(faulty)} with a fault")
    return _save(args, checked) or (FAULT if faulty else FINE)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m conv_magic", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="check")
    check = commands.add_parser("check", help="run scripts and notebooks and report on every shape")
    check.add_argument("path", nargs="+", type=Path, help="a script (.py) or a notebook (.ipynb)")
    check.add_argument("--html", type=Path, metavar="OUT", help="write all reports as one HTML page")
    check.add_argument("--json", type=Path, metavar="OUT", help="write all reports as JSON")
    check.add_argument("--timeout", type=float, metavar="SECONDS", help="end a file that runs longer")
    check.add_argument("-s", "--show-output", action="store_true", help="let through what the files print")
    for flags, told in TRACING:
        check.add_argument(*flags, **told)
    return parser


def _unfit(path: Path) -> str | None:
    """Why a file cannot be run, in a sentence."""
    if path.suffix not in (".py", ".ipynb"):
        return f"{path} is neither a script (.py) nor a notebook (.ipynb)"
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        return f"there is no {path}"
    except (OSError, UnicodeDecodeError) as error:
        return f"{path} cannot be read ({type(error).__name__})"
    if path.suffix == ".ipynb" and not _is_notebook(text):
        return f"{path} is not a notebook of format 4"
    return None


def _is_notebook(text: str) -> bool:
    try:
        cells = json.loads(text)["cells"]
        return all(isinstance("".join(cell["source"]), str) and cell["cell_type"] for cell in cells)
    except (ValueError, KeyError, TypeError):
        return False


def _check(path: Path, args: Any, label: str) -> Checked:
    """Run one file in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="conv-magic-") as place:
        folder = Path(place)
        with (folder / "output").open("wb") as output:
            streams: dict[str, Any] = {} if args.show_output else {"stdout": output, "stderr": subprocess.STDOUT}
            process = subprocess.Popen([*_command(folder, path, args)], stdin=subprocess.DEVNULL, **streams)
            try:
                late = _wait(process, folder, args.timeout, label)
            finally:
                process.kill()
                process.wait()
        return _checked(path, folder, process.returncode, late)


def _command(folder: Path, path: Path, args: Any) -> Iterator[str]:
    yield from (sys.executable, "-m", "conv_magic.cli.check", str(folder), str(path))
    for flags, told in TRACING:
        flag = flags[-1]
        value = getattr(args, flag.removeprefix("--").replace("-", "_"))
        if told.get("action") == "store_true":
            yield from [flag] if value else []
        elif value is not None:
            yield from (flag, str(value))


def _wait(process: subprocess.Popen[bytes], folder: Path, timeout: float | None, label: str) -> str | None:
    """Wait for the end and tell meanwhile how far it is; why it was ended, if it was."""
    began = time.monotonic()
    with _counter() as tell:
        while process.poll() is None:
            if timeout is not None and time.monotonic() - began > timeout:
                return f"it ran longer than {timeout:g} s and was ended"
            seen = _read(folder / "seen.json")
            tell(f"{label}: {repr(seen).partition(': ')[2].rstrip('>') if seen else 'running'}")
            try:
                process.wait(_LOOK)
            except subprocess.TimeoutExpired:
                continue
    return None


@contextmanager
def _counter() -> Iterator[Any]:
    """Show a line on standard error while the block runs, and take it away at its end; nothing without a terminal."""
    shown = ""

    def tell(text: str) -> None:
        nonlocal shown
        text = text[: (columns() or 80) - 1]
        if sys.stderr.isatty() and text != shown:
            print("\r\x1b[K" + text, end="", file=sys.stderr, flush=True)
            shown = text

    try:
        yield tell
    finally:
        if shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _checked(path: Path, folder: Path, status: int, late: str | None) -> Checked:
    report, seen = _read(folder / "report.json"), _read(folder / "seen.json")
    output = (folder / "output").read_text("utf-8", "replace")
    died = late
    if report is None and late is None:
        died = _end(status) + _place(folder / "died.txt", path)
    return Checked(path, report or seen, died, output)


def _end(status: int) -> str:
    if status < 0:
        return f"the process was ended by {signal.Signals(-status).name}"
    return f"the process ended with exit status {status} before the file had"


def _place(died: Path, path: Path) -> str:
    """Where in the file a fatal signal met it, as Python's fault handler noted."""
    for file, line in _FATAL_LINE.findall(died.read_text("utf-8", "replace") if died.exists() else ""):
        cell = _NUMBER_OF_INPUT.search(file)
        if file == str(path.resolve()):
            return f" at line {line}"
        if cell:
            return f" at line {line} of In [{cell[1]}]"
    return ""


def _read(file: Path) -> Report | None:
    return Report.from_json(file.read_text("utf-8")) if file.exists() else None


def _print(one: Checked) -> None:
    color, width = colored(), columns()
    print(f"== {one.path}")
    for sentence in _sentences(one):
        print(sentence)
    if one.report is not None:
        print(one.report.to_text(color=color, width=width), flush=True)


def _sentences(one: Checked) -> list[str]:
    """Return what is to be reported beside the report itself."""
    told = [f"{one.died}; below is what was seen before" if one.report else one.died] if one.died else []
    if one.report is None:
        told += one.output.rstrip().splitlines()[-_LAST_LINES:]
    return told


def _save(args: Any, checked: list[Checked]) -> int:
    """Write the files asked for; the exit status where one cannot be written, else 0."""
    try:
        if args.html:
            from conv_magic.views.page import to_page

            sections = [(str(one.path), _sentences(one), one.report) for one in checked]
            args.html.write_text(to_page("conv_magic check", sections), "utf-8")
        if args.json:
            args.json.write_text(json.dumps({"files": [_data(one) for one in checked]}, indent=1) + "\n", "utf-8")
    except OSError as error:
        print(f"conv_magic check: {error.filename} cannot be written ({type(error).__name__})", file=sys.stderr)
        return USAGE
    return FINE


def _data(one: Checked) -> dict[str, Any]:
    from conv_magic.views.wire import to_dict

    report = to_dict(one.report) if one.report is not None else None
    return {"path": str(one.path), "fault": one.faulty, "died": one.died, "report": report}
