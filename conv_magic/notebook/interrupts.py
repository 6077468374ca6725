"""An interrupt that comes as a hook is entered: its traceback without the hook, as the shell shows it.

A hook takes its own frame off an error that passes it.  Python may deliver an interrupt before the hook's first
instruction, though; then whoever shows the traceback must leave the frame out.
"""

from __future__ import annotations

from types import MethodType
from typing import Any

from conv_magic.boundary import Part, clean_traceback, is_users, keep


def clean_interrupts(shell: Any) -> Part:
    """Make the shell show a `KeyboardInterrupt` as it would without us, until closed.

    By the shell's own means
    (https://ipython.readthedocs.io/en/stable/api/generated/IPython.core.interactiveshell.html), which the user may
    have set for other errors: then nothing is changed, nor where the cell puts in something of its own meanwhile.
    """
    if shell.custom_exceptions != ():
        return
    before, ours = shell.CustomTB, MethodType(_shown, shell)
    try:
        # not by `set_custom_exc`, whose wrapper takes a second interrupt for an error of the handler
        shell.CustomTB, shell.custom_exceptions = ours, (KeyboardInterrupt,)
        yield
    finally:
        if shell.CustomTB is ours:
            shell.custom_exceptions, shell.CustomTB = (), before


def _shown(shell: Any, kind: type[BaseException], error: BaseException, traceback: Any, tb_offset: Any = None) -> None:
    try:
        clean_traceback(error)
    except BaseException as fault:
        if not is_users(fault):  # a second interrupt changes nothing: the first one is being shown
            keep("an interrupt", fault)
    shell.showtraceback((kind, error, error.__traceback__), tb_offset=tb_offset, running_compiled_code=True)
