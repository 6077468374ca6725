"""An interrupt that comes as a hook is entered: its traceback without the hook, as the shell shows it.

A hook takes its own frame off an error that passes it.  Python may deliver an interrupt before the hook's first
instruction, though; then whoever shows the traceback must leave the frame out.
"""

from __future__ import annotations

from typing import Any


class CleanInterrupts:
    """While a cell is traced, the shell shows its `KeyboardInterrupt` as it would without us.

    By the shell's own means
    (https://ipython.readthedocs.io/en/stable/api/generated/IPython.core.interactiveshell.html), which the user may
    have set for other errors: then nothing is changed.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._before: tuple[Any, Any] | None = None
        self._ours: Any = None

    def start(self) -> None:
        """Put it in."""
        shell = self._shell
        if shell.custom_exceptions == ():
            self._before = shell.custom_exceptions, shell.CustomTB
            shell.set_custom_exc((KeyboardInterrupt,), _shown)
            self._ours = shell.CustomTB

    def stop(self) -> None:
        """Take it out, unless the cell has put in something of its own."""
        shell, before = self._shell, self._before
        if before is not None and shell.CustomTB is self._ours:
            shell.custom_exceptions, shell.CustomTB = before
        self._before = self._ours = None


def _shown(shell: Any, kind: type[BaseException], error: BaseException, traceback: Any, tb_offset: Any = None) -> None:
    from conv_magic.capture.tracer import clean_traceback

    clean_traceback(error)
    shell.showtraceback((kind, error, error.__traceback__), tb_offset=tb_offset, running_compiled_code=True)
