"""Shows a report in a terminal: printed at once, its fixes tried while the person waits, then what that gave.

Nothing is printed later from a thread: the person may be typing by then.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace

from conv_magic.engine import runner
from conv_magic.engine.report import Report
from conv_magic.views.text import tried_text

LIMIT = 20.0
"""Seconds that a person is made to wait for the trials of all fixes, the start of the scratch process included."""


def print_and_try(
    report: Report,
    namespace: Mapping[str, object],
    *,
    verify: bool,
    done: Callable[[Report, Report], None],
    failed: Callable[[BaseException], None],
    limit: float = LIMIT,
) -> None:
    """Print a report; where it has fixes to try, try them and print what held.

    `done(before, after)` is called with both reports; `failed` with the error where they could not be tried.  An
    interrupt ends the trials, and the fixes that were not tried by then say so.
    """
    trying = verify and runner.has_untried(report)
    color, width = colored(), columns()
    print(replace(report, trying=trying).to_text(color=color, width=width), end="", flush=True)
    if not trying:
        return
    if sys.stdin is not None and sys.stdin.isatty():
        print(f"\ntrying the fixes for at most {limit:.0f} s (Ctrl-C to go on) ...", flush=True)
    try:
        tried = runner.verified(report, runner.packed_for(report, namespace), limit=limit, waited_for=True)
    except KeyboardInterrupt:  # before the first trial
        return
    except BaseException as error:
        failed(error)
        return
    done(report, tried)
    print("\n" + tried_text(tried, color=color, width=width), end="", flush=True)


def colored() -> bool:
    """Whether standard output is a terminal that wants colours (https://no-color.org)."""
    dumb = os.environ.get("TERM") == "dumb" or bool(os.environ.get("NO_COLOR"))
    return sys.stdout.isatty() and not dumb


def columns() -> int | None:
    """Return the width of the terminal, None where standard output is none: a file has no width."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
