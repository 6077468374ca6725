"""What one shell holds of us: its hooks, the run of its cell from beginning to report, and what is shown of it."""

from __future__ import annotations

import ast
import sys
import threading
from dataclasses import dataclass, field
from types import FrameType
from typing import TYPE_CHECKING, Any

from conv_magic.boundary import begun, faults, is_users, keep
from conv_magic.notebook.cell_text import (
    begins,
    blank_lines_above,
    lines_above_part,
    lines_above_timed,
    magic_line,
    transform,
    without_magic,
)
from conv_magic.notebook.cells import Cells
from conv_magic.notebook.delivery import bind_report, show_in_notebook, show_in_terminal, write_shapes
from conv_magic.notebook.interrupts import clean_interrupts
from conv_magic.notebook.options import tracing
from conv_magic.notebook.traced_cell import TracedCell
from conv_magic.notices import OwnFault, notice

if TYPE_CHECKING:
    from conv_magic.capture.assigned import Assignments
    from conv_magic.engine.session import Cell, Session
    from conv_magic.notebook.display import Shown

_TIMED = ("<timed exec>", "<timed eval>")
"""The file names under which `%%time` compiles the code below it."""


@dataclass(eq=False)
class Extension:
    """Everything one shell holds of us.

    interrupted   an interrupt came before the cell began, while our code ran: the cell's first line is to raise it
    cut_short     one came after it had ended
    """

    shell: Any
    infos: list[Any] = field(default_factory=list)
    runs: list[TracedCell] = field(default_factory=list)
    shown: dict[str, Shown] = field(default_factory=dict)
    always: Any = None
    noted: Assignments | None = None
    interrupted: bool = False
    cut_short: bool = False

    def __post_init__(self) -> None:
        self.cells = Cells(self.shell)

    # -- coming and going ------------------------------------------------------------------------------------------

    def load(self) -> None:
        """Register transformers and events."""
        self.shell.input_transformers_cleanup.append(self.transform)
        self.shell.ast_transformers.append(self)
        self.shell.events.register("pre_run_cell", self.before_cell)
        self.shell.events.register("post_execute", self.take_out)
        for callback in (self.after_cell, self.make_sure):
            self.shell.events.register("post_run_cell", callback)

    def unload(self) -> None:
        """Leave nothing behind, not even of a cell that is running."""
        sweep(self.shell)
        while self.runs:
            self.runs.pop().drop()

    def transform(self, lines: list[str]) -> list[str]:
        """Turn a leading `%%convshapes` line into a call, as the shell's input transformer."""
        try:
            return transform(lines)
        except BaseException as error:
            keep("not traced", error)
        return without_magic(lines)

    # Terminal IPython would otherwise run the transformer while the user still types.
    transform.has_side_effects = True  # type: ignore[attr-defined]  # IPython's own protocol

    # -- one cell --------------------------------------------------------------------------------------------------

    def before_cell(self, info: Any) -> None:
        """Note that the shell is about to run a cell."""
        try:
            self._before(info)
        except BaseException as error:
            if is_users(error):  # the shell would take it for an error of this callback, and run the cell
                self.interrupted = True
            else:
                keep("not traced", error)
                self._drop_last(info)

    def _before(self, info: Any) -> None:
        while self.runs and self._ended_unannounced(self.runs[-1]):
            self.runs.pop().drop()
        self.infos.append(info)
        if self.runs:
            self._note_part(self.runs[-1].session, info)
        elif self.always is not None and magic_line(info.raw_cell) is None:
            self._start_unasked(info)

    def _drop_last(self, info: Any) -> None:
        """Leave nothing of a run that did not begin whole."""
        while self.runs and self.runs[-1].info is info:
            self.runs.pop().drop()

    def visit(self, tree: ast.Module) -> ast.Module:
        """Instrument the assignments of a cell that is to be traced, as the shell's AST transformer."""
        try:
            if not self.interrupted:
                return self._noted(tree)
        except BaseException as error:
            if is_users(error):
                self.interrupted = True
            else:
                keep("no values noted", error)
        if self.interrupted and tree.body:
            self.interrupted = False
            tree.body.insert(0, ast.copy_location(ast.parse("raise KeyboardInterrupt").body[0], tree.body[0]))
            ast.fix_missing_locations(tree)
        return tree

    def _noted(self, tree: ast.Module) -> ast.Module:
        from conv_magic.capture.assigned import Assignments

        if self.infos and begins(tree):
            self.noted = Assignments(self._whole(self.infos[-1])[0].raw_cell)
            return self.noted.instrument(tree)
        here = self.runs and self.runs[-1].thread == threading.get_ident()
        return self.runs[-1].session.instrument(tree) if here and not _is_timed_again_and_again() else tree

    def _ended_unannounced(self, run: TracedCell) -> bool:
        """Whether a run is over although no event said so: nothing of its cell is running in its thread any more."""
        if run.info not in self.infos:
            return True
        return run.thread == threading.get_ident() and not run.is_running()

    def _note_part(self, session: Session, info: Any) -> None:
        """Register the part of its cell that a cell magic such as `%%capture` runs as a cell of its own."""
        above = lines_above_part(session.cell.text, info.raw_cell)
        if above is not None:
            for number in self._numbers():
                session.also_known_as(self.cells.filename(info, number), above + blank_lines_above(info.raw_cell))

    def _numbers(self) -> tuple[int, int]:
        """Return both numbers that the cell about to run may have: IPython counts before it runs it, or after."""
        return self.shell.execution_count, self.shell.execution_count - 1

    def _start_unasked(self, info: Any) -> None:
        text = info.raw_cell
        name, other = (self.cells.filename(info, number) for number in self._numbers())
        above = blank_lines_above(text)
        session = self.start(self.always, self._cell(info, name, text, above), info, always=True)
        session.also_known_as(other, above)

    def begin(self, args: Any, filename: str, number: int) -> None:
        """Begin to trace, called by the cell's first line, which is line `number` of `filename`."""
        info = self.infos[-1] if self.infos else None
        at = magic_line(info.raw_cell) if info else None
        if info is None or at is None:  # a silent cell: no event will end it, and nobody looks
            return
        if not _has_tensorflow():
            notice("TensorFlow is not installed, so there is nothing to trace; `pip install tensorflow`")
            return
        try:
            whole, above = self._whole(info)
            self.start(args, self._cell(whole, filename, whole.raw_cell, above + at - number), info)
        except BaseException:
            self._drop_last(info)
            raise

    def _whole(self, info: Any) -> tuple[Any, int]:
        """Return the cell in the editor whose end a cell magic runs as the cell `info`, and the lines above."""
        for outer in self.infos:
            above = lines_above_part(outer.raw_cell, info.raw_cell)
            if above is not None:
                return outer, above
        return info, 0

    def _cell(self, info: Any, filename: str, text: str, above: int) -> Cell:
        from conv_magic.engine.session import Cell

        return Cell(filename, text, getattr(info, "cell_id", None), "this cell", above)

    def start(self, args: Any, cell: Cell, info: Any, *, always: bool = False) -> Session:
        """Trace what follows."""
        from conv_magic.engine.session import Session

        known = self.noted if self.noted and self.noted.text == cell.text else None
        session = Session(cell, self.cells.all(), tracing(args), known)
        above = lines_above_timed(cell.text) if cell.filename not in _TIMED else None
        if above is not None:
            for name in _TIMED:
                session.also_known_as(name, above)
        run = TracedCell(session, args, dict(self.shell.user_ns), info, always)
        self.runs.append(run)
        if known is not None:  # the session's now
            self.noted = None
        session.parts.append(begun(clean_interrupts(self.shell)))
        self._take_out_soon(info)
        session.start()
        if hasattr(self.shell, "kernel") and len(self.runs) == 1:
            run.show_live(self.shell)
        return session

    def _take_out_soon(self, info: Any) -> None:
        """Look once more when the kernel's loop goes on, which waits for a cell that awaits nothing."""
        asyncio: Any = sys.modules.get("asyncio")  # without it there is no loop, and it is slow to import
        loop = asyncio._get_running_loop() if asyncio is not None else None
        if loop is not None and "await" not in info.raw_cell and "async" not in info.raw_cell:
            loop.call_soon(self.take_out)

    def take_out(self) -> None:
        """Something has run in the shell: should an interrupt keep it from telling which, all is out nevertheless."""
        try:
            run = self.runs[-1] if self.runs else None
            if run is not None and self._ended_unannounced(run):
                run.stop()
        except BaseException as error:
            if is_users(error):
                self.cut_short = True
            else:
                keep("no report", error)

    def after_cell(self, result: Any) -> None:
        """Finish the run of the cell that has ended: the traced one, or one nested in it."""
        try:
            self._after(result)
        except BaseException as error:
            if is_users(error):  # the shell would show it as an error of this callback
                self.cut_short = True
            else:
                keep("no report", error)

    def _after(self, result: Any) -> None:
        noted, self.noted = self.noted, None
        if noted is not None:  # the run that it was for did not begin
            noted.part.close()
        info = self._ended(result)
        while self.runs and self.runs[-1].info is info:
            run = self.runs[-1]
            try:
                run.stop()
            finally:
                self.runs.pop()
                faults.extend(run.session.faults)
                run.session.faults.clear()
            try:
                if result is not None:
                    self._finish(run, result.error_before_exec or result.error_in_exec)
            finally:
                run.clear()
        if info is not None and info.raw_cell.strip():
            self.cells.ran(info, getattr(result, "execution_count", None) or self.shell.execution_count)

    def _ended(self, result: Any) -> Any:
        """Return what `before_cell` was given for the cell that has ended, and forget it."""
        info = getattr(result, "info", None)
        # where the shell was interrupted as it showed an error, it makes the result anew
        alike = [each for each in self.infos if each is info] or [
            each for each in self.infos if info is None or each.raw_cell == info.raw_cell
        ]
        if not alike:
            return info
        del self.infos[self.infos.index(alike[-1]) :]
        return alike[-1]

    def make_sure(self, result: Any) -> None:
        """Whatever came in the way of `after_cell`: all is out that was in for the cell that has ended.

        Of its own code: it calls nothing that `after_cell` does.  And tells what there is to tell of ourselves.
        """
        try:
            self.interrupted = False
            if self.noted is not None:
                self.noted.part.close()
                self.noted = None
            info = getattr(result, "info", None)
            for run in [run for run in self.runs if run.info is info]:
                while run.session.parts:
                    run.session.parts[-1].close()
                    run.session.parts.pop()
                self.runs.remove(run)
                run.clear()
            if info in self.infos:
                del self.infos[self.infos.index(info) :]
            told = faults[:1]
        except BaseException as error:
            told = (
                ["no report: interrupted"]
                if is_users(error)
                else [f"the end of a cell: {type(error).__name__}: {error}"]
            )
        faults.clear()
        cut_short, self.cut_short = self.cut_short, False
        if cut_short:
            notice("no report, since it was interrupted; your cell had ended before")
        if told:
            notice(f"saw less than it should ({told[0]}); your cell was not affected", OwnFault(told[0]))

    def _finish(self, run: TracedCell, error: BaseException | None) -> None:
        report = run.session.finish(error, self.shell.user_ns)
        for remark in run.session.remarks:
            notice(remark)
        faults.extend(run.session.faults)
        if run.always and not report.notes and not report.diagnoses:
            return
        bind_report(self.shell, run.args.name, None, report)
        write_shapes(self.shell, run, report)
        quiet = run.args.quiet or (run.always and not run.args.table and not report.diagnoses)
        if hasattr(self.shell, "kernel"):
            show_in_notebook(self.shell, self.shown, run, report, quiet)
        elif not quiet:
            show_in_terminal(self.shell, run, report)


def sweep(shell: Any) -> None:
    """Take out of a shell whatever of ours is registered there, also by a module that was imported before this one."""
    for registered in (shell.input_transformers_cleanup, shell.ast_transformers, *shell.events.callbacks.values()):
        registered[:] = [each for each in registered if not is_ours_there(getattr(each, "__self__", each))]


def is_ours_there(thing: object) -> bool:
    """Whether it is what one shell holds of us, of this module or of one that stood in its place before."""
    kind = type(thing)
    return (kind.__module__, kind.__name__) == (__name__, Extension.__name__)


def _has_tensorflow() -> bool:
    from importlib.util import find_spec

    try:
        return "tensorflow" in sys.modules or find_spec("tensorflow") is not None
    except (ImportError, ValueError):  # something forbids the import, or is half imported
        return False


def _is_timed_again_and_again() -> bool:
    """Whether `%timeit` asks for the tree: what it times is the user's code alone."""
    at: FrameType | None = sys._getframe(4)  # past ours and the shell's `transform_ast`
    return at is not None and at.f_code.co_name == "timeit"
