"""What becomes of a finished report: bound to a name, written into the cell, shown, its fixes tried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conv_magic.boundary import faults
from conv_magic.notebook.cell_text import WRITINGS, without_option
from conv_magic.notices import notice

if TYPE_CHECKING:
    from conv_magic.engine.report import Report
    from conv_magic.notebook.display import Shown
    from conv_magic.notebook.traced_cell import TracedCell


def write_shapes(shell: Any, run: TracedCell, report: Report) -> None:
    """Write the shapes into the cell's text, or take them out: the front end replaces the cell by the new text."""
    how = next((word for word in WRITINGS if getattr(run.args, word)), None)
    if how is None:
        return
    from conv_magic.views.written import written

    text = report.trace.sources[0].text
    changed = written(report, how)
    if changed == text:
        notice(f"nothing to {how}")
    else:
        shell.set_next_input(without_option(changed), replace=True)


def show_in_notebook(shell: Any, shown: dict[str, Shown], run: TracedCell, report: Report, quiet: bool) -> None:
    """Show a report below its cell in place of the one shown before, and try its fixes in the background."""
    from IPython.core.displaypub import CapturingDisplayPublisher

    from conv_magic.notebook.display import Look, show_and_try

    key = run.session.cell.cell_id or run.session.cell.filename
    if key in shown:
        shown.pop(key).close()
    publisher, trials = shell.display_pub, _trial_arguments(shell, run)
    if isinstance(publisher, CapturingDisplayPublisher):  # what was captured would change after the fact
        trials["verify"] = False
    look = Look(table=not quiet, widget=not run.args.text)
    if quiet and run.live is not None:  # nobody sees where it stands; a table comes after all that the cell shows
        trials["place"] = run.live.take_place()
    shown[key] = show_and_try(report, run.namespace, look, publisher, **trials)


def show_in_terminal(shell: Any, run: TracedCell, report: Report) -> None:
    """Print a report and try its fixes while the person waits."""
    from conv_magic.notebook.terminal import print_and_try

    print_and_try(report, run.namespace, **_trial_arguments(shell, run))


def _trial_arguments(shell: Any, run: TracedCell) -> dict[str, Any]:
    """Return whether to try fixes, and the callbacks for how that went."""

    def done(before: Report, after: Report) -> None:
        bind_report(shell, run.args.name, before, after)

    def failed(fault: BaseException) -> None:
        if not faults:  # one line about ourselves is enough
            notice(f"no fix was tried ({type(fault).__name__}: {fault}); your cell was not affected", fault)

    return {"verify": not run.args.no_verify, "done": done, "failed": failed}


def bind_report(shell: Any, name: str | None, before: Report | None, report: Report) -> None:
    """Make it the last report, and give the user's name to it unless that has another value by now."""
    from conv_magic.engine import runner

    if before is None or runner.last_report() is before:
        runner.remember(report)
    if name and (before is None or shell.user_ns.get(name) is before):
        shell.user_ns[name] = report
