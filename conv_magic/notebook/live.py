"""What a long cell has done so far, shown while it runs: rows and shapes appear as calls are made.

A thread of its own takes the snapshots and publishes them, rarely enough to cost the cell little; the cell's thread
waits for nothing.  Should the process die, what was published last is what the notebook keeps.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from conv_magic.boundary import Part, contained, keep
from conv_magic.engine.report import Report
from conv_magic.engine.session import Session
from conv_magic.notebook.outputs import LiveOutput, live_output
from conv_magic.notebook.pace import Pace

FIRST = 0.5
"""Seconds before anything is shown: most cells have ended by then."""
_LOOK = 0.1
"""Seconds between two looks at whether there is anything yet."""

Draw = Callable[[Report], tuple[dict[str, object], dict[str, object]]]


class Live:
    """Shows one running cell.  `draw` makes the bundle and metadata of what was seen so far."""

    def __init__(self, session: Session, draw: Draw) -> None:
        self._session, self._draw = session, draw
        self._thread_of_cell = threading.get_ident()
        self._wake = threading.Event()
        self._ended = False
        self._busy = threading.Lock()
        self._output: LiveOutput | None = None

    def showing(self, shell: Any) -> Part:
        """Watch, from the start of the cell and in its thread until closed; nothing where it cannot be shown live.

        After that nothing more is shown of it; closing waits for a snapshot that is being taken.
        """
        output: LiveOutput | None = None
        try:
            output = self._output = live_output(shell, lambda: bool(self._session.recorder.rows), self._wake.set)
            if output is None:
                return
            watch = contained("shown while it ran", self._run)
            threading.Thread(target=watch, name="conv_magic shows calls", daemon=True).start()
            yield
        finally:
            self._ended = True
            self._wake.set()
            if output is not None:
                output.closed = True
                output.close()
                with self._busy:
                    pass

    def take_place(self) -> str | None:
        """Return the identifier of the display, which the caller updates from now on; None if there is none."""
        output, self._output = self._output, None
        return output.id if output is not None and output.placed else None

    def clear(self) -> None:
        """Leave no trace of a display that nobody took over."""
        if self._output is not None:
            self._output.clear()
            self._output = None

    def _run(self) -> None:
        delay, shown, pace = FIRST, None, Pace(FIRST)
        output = self._output
        while output is not None and not self._wait(delay):
            delay = _LOOK
            if not output.placed:
                if self._session.recorder.rows:
                    output.want()
                continue
            with self._busy:
                state = self._session.state(self._thread_of_cell)
                if state != shown and not self._ended:
                    with pace:
                        self._publish(output)
                    shown, delay = state, pace.delay

    def _wait(self, seconds: float) -> bool:
        """Wait so long, or less where the place was taken meanwhile; whether the cell has ended."""
        self._wake.wait(seconds)
        self._wake.clear()
        return self._ended

    def _publish(self, output: LiveOutput) -> None:
        """Show what was seen so far."""
        try:
            output.update(*self._draw(self._session.so_far(self._thread_of_cell)))
        except BaseException as error:  # a bug of ours: told once the cell has ended
            self._ended = True
            keep("shown while it ran", error, self._session.faults)
