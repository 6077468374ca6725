"""The door from IPython: `%%convshapes`, `%convshapes`, loading and unloading.

The cell's own text runs as any cell does: an input transformer replaces the `%%convshapes` line by a call of `begin`,
and the shell's `post_run_cell` event ends the run.  So value, output, await, errors and line numbers are the shell's.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from IPython.core.error import UsageError

from conv_magic.boundary import contained, hidden, is_users, keep, step_out
from conv_magic.notebook.cell_text import NAME, WRITINGS, show_plain_line
from conv_magic.notebook.extension import Extension, is_ours_there, sweep
from conv_magic.notebook.magic_options import parsed, with_options
from conv_magic.notices import notice

_extensions: dict[int, Extension] = {}


@hidden
def begin(line: str) -> None:
    """Begin to trace, called by what the `%%convshapes` line becomes.  Raises `UsageError` if its options are wrong."""
    try:
        _begin(line, sys._getframe(1))
    except UsageError:
        raise
    except BaseException as fault:
        if is_users(fault):
            step_out(fault)
            raise
        keep("not traced", fault)


def _begin(line: str, frame: FrameType) -> None:
    from IPython.core.getipython import get_ipython

    show_plain_line(frame.f_code.co_filename, frame.f_lineno, line)
    extension = _extension_of(get_ipython())
    if extension is not None:
        extension.begin(parsed(_cell_magic, line), frame.f_code.co_filename, frame.f_lineno)


def _extension_of(shell: Any) -> Any:
    """Return the shell's extension, also where this module was imported anew since it was loaded."""
    known = _extensions.get(id(shell))
    return known or next(filter(is_ours_there, getattr(shell, "ast_transformers", ())), None)


@with_options
def _cell_magic(line: str, cell: str) -> None:
    """Run the cell as always, and show every tensor shape, each call's arithmetic, and what broke with its fixes."""
    from IPython.core.getipython import get_ipython

    shell: Any = get_ipython()
    shell.run_cell(f"%%{NAME} {line}\n{cell}")


def _line_magic(line: str) -> Any:
    """`%convshapes on [options] | off | status | last | frame`.

    on      the same for every following cell; the table only where something is wrong
    off     no longer
    status  whether it is on
    last    show the last report again, with its fixes tried
    frame   the last report as a pandas frame
    """
    from IPython.core.getipython import get_ipython

    extension = _extension_of(get_ipython())
    word, _, rest = line.strip().partition(" ")
    match word:
        case "on":
            args = parsed(_cell_magic, rest)
            if any(getattr(args, word) for word in WRITINGS):
                raise UsageError(f"%{NAME} on: shapes are written into one cell, by %%{NAME} --write on top of it")
            extension.always = args
        case "off":
            extension.always = None
        case "status":
            print(f"%{NAME} is {'off' if extension.always is None else 'on'}")
        case "last" | "frame":
            return _last(extension, as_frame=word == "frame")
        case _:
            raise UsageError(f"%{NAME}: on, off, status, last or frame (see %{NAME}?)")
    return None


_line = contained("the magic", _line_magic, passing=(UsageError,))


def _last(extension: Extension, *, as_frame: bool) -> Any:
    from conv_magic.engine import runner

    for shown in list(extension.shown.values()):
        shown.settle()
    report = runner.last_report()
    if report is None:
        raise UsageError(f"%{NAME}: no cell was traced yet")
    return report.frame() if as_frame else report


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext conv_magic`."""
    try:
        unload_ipython_extension(shell)
        extension = _extensions[id(shell)] = Extension(shell)
        extension.load()
        shell.register_magic_function(_cell_magic, "cell", NAME)
        shell.register_magic_function(_line, "line", NAME)
    except BaseException as fault:
        unload_ipython_extension(shell)
        if is_users(fault):
            raise
        notice(f"not loaded ({type(fault).__name__}: {fault})", fault)


def unload_ipython_extension(shell: Any) -> None:
    """`%unload_ext conv_magic`."""
    _extensions.pop(id(shell), None)
    for extension in list(filter(is_ours_there, shell.ast_transformers)):
        extension.unload()
    sweep(shell)
    for kind in ("cell", "line"):
        shell.magics_manager.magics[kind].pop(NAME, None)
