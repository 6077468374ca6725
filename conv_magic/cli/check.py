"""The process in which one file runs, traced from its first line to its last: a script, or the cells of a notebook.

    python -m conv_magic.cli.check FOLDER FILE [options]

Into FOLDER go `seen.json` while it runs, `report.json` when it has ended, and in `died.txt` the lines at which a fatal
signal met it.  `conv_magic.cli.main` starts it and reads them.
"""

from __future__ import annotations

import argparse
import ast
import faulthandler
import json
import os
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from conv_magic.engine import runner
from conv_magic.engine.report import Report
from conv_magic.engine.session import Cell, Session
from conv_magic.notebook.cell_text import blank_lines_above, without_our_magics
from conv_magic.notebook.options import TRACING, tracing
from conv_magic.notebook.pace import Pace

FIRST = 0.5
"""Seconds before the first snapshot, and at least between two."""

Namespace = dict[str, Any]


def main(arguments: Sequence[str]) -> None:
    """Run one file and leave its report in the folder."""
    parser = argparse.ArgumentParser(prog="python -m conv_magic.cli.check")
    parser.add_argument("folder", type=Path)
    parser.add_argument("file", type=Path)
    for flags, told in TRACING:
        parser.add_argument(*flags, **told)
    args = parser.parse_args(arguments)
    file: Path = args.file.resolve()
    died = (args.folder / "died.txt").open("w", encoding="utf-8")
    faulthandler.enable(died)
    first = Cell(str(file), "", label=file.name)
    session = Session(first, {}, tracing(args))
    run = _run_notebook if file.suffix == ".ipynb" else _run_script
    with _snapshots(session, args.folder):
        before, after, error = run(session, file)
    report = session.finish(error, after)
    trying = not args.no_verify and runner.has_untried(report)
    _write(args.folder / "seen.json", replace(report, trying=trying))
    if trying:
        report = runner.verified(report, runner.packed_for(report, before))
    _write(args.folder / "report.json", report)


def _run_script(session: Session, file: Path) -> tuple[Namespace, Namespace, BaseException | None]:
    """Run it as `python FILE` does; the names before and after, and the error that ended it."""
    sys.path[0] = str(file.parent)
    text = file.read_text("utf-8-sig")
    session.go_on_with(Cell(str(file), text, label=file.name))
    names = _main_module(str(file))
    sys.argv = [str(file)]
    before = dict(names)
    error = None
    session.start()
    try:
        exec(runner.compiled(session, awaits=False), names)
    except BaseException as raised:
        error = _told(raised)
    finally:
        session.stop()
    return before, names, error


def _run_notebook(session: Session, file: Path) -> tuple[Namespace, Namespace, BaseException | None]:
    """Run its cells one after the other as "Run All" does, in a shell of IPython, up to the first that fails."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    os.chdir(file.parent)
    sys.path[0] = ""
    settings = Config()
    settings.HistoryManager.enabled = False
    settings.InteractiveShell.colors = "nocolor"
    _main_module(None)
    untyped: Any = InteractiveShell
    shell = untyped.instance(config=settings, user_module=sys.modules["__main__"])
    shell.input_transformers_cleanup.append(without_our_magics)
    shell.ast_transformers.append(_Noting(session))
    before: Namespace = {}
    error = None
    session.start()
    try:
        for cell in _code_cells(file):
            before = dict(shell.user_ns)
            error = _run_cell(session, shell, cell)
            if error is not None and "raises-exception" not in cell.get("metadata", {}).get("tags", ()):
                break
            error = None
    finally:
        session.stop()
    return before, shell.user_ns, error


def _run_cell(session: Session, shell: Any, cell: dict[str, Any]) -> BaseException | None:
    text = "".join(cell["source"])
    number = shell.execution_count
    filename = shell.compile.get_code_name(text, shell.transform_cell(text), number)
    session.go_on_with(Cell(filename, text, cell.get("id"), f"In [{number}]", blank_lines_above(text)))
    result = shell.run_cell(text, store_history=True)
    error: BaseException | None = result.error_before_exec or result.error_in_exec
    return error


@dataclass(frozen=True)
class _Noting:
    """IPython's protocol of a transformer of the tree."""

    session: Session

    def visit(self, tree: ast.Module) -> ast.Module:
        """Return the tree with code added that notes its assignments."""
        return self.session.instrument(tree)


def _code_cells(file: Path) -> list[dict[str, Any]]:
    cells = json.loads(file.read_text("utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code" and "".join(cell["source"]).strip()]


def _told(error: BaseException) -> BaseException | None:
    """Return the error with the traceback that Python would print; None where the program only says that it is done."""
    if isinstance(error, SystemExit) and error.code in (None, 0):
        return None
    error = BaseException.with_traceback(error, error.__traceback__.tb_next if error.__traceback__ else None)
    traceback.print_exception(error)
    return error


def _main_module(file: str | None) -> Namespace:
    """Put a fresh `__main__` module in place, and return its names."""
    module = ModuleType("__main__")
    vars(module)["__builtins__"] = __builtins__
    if file is not None:
        module.__file__ = file
    sys.modules["__main__"] = module
    return vars(module)


@contextmanager
def _snapshots(session: Session, folder: Path) -> Iterator[None]:
    """Write what was seen so far, again and again, rarely enough to cost the run little."""
    thread, ended = threading.get_ident(), threading.Event()

    def watch() -> None:
        shown, pace = None, Pace(FIRST)
        while not ended.wait(pace.delay):
            state = session.state(thread)
            if state != shown and session.recorder.rows:
                with pace:
                    _write(folder / "seen.json", session.so_far(thread))
                shown = state

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _write(file: Path, report: Report) -> None:
    """Whole or not at all: the reader may look at any time."""
    new = file.with_suffix(".new")
    new.write_text(report.to_json(), "utf-8")
    os.replace(new, file)


if __name__ == "__main__":
    main(sys.argv[1:])
