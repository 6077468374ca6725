"""How often a running program may be looked at without slowing it."""

from __future__ import annotations

import time
from types import TracebackType

SHARE = 0.02
"""Of the program's time at most so much goes into snapshots of it."""

_first_work = True


class Pace:
    """Measures work in `with` blocks; `delay` is how long to wait after it, in seconds, at least `least`."""

    def __init__(self, least: float) -> None:
        self.delay = self._least = least
        self._began = 0.0

    def __enter__(self) -> None:
        self._began = time.thread_time()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Reckon computing time: while the thread waits it takes nothing from the others.

        The process' first work loads what all further work needs, and the final report too: it is no measure.
        """
        global _first_work
        seconds = 0.0 if _first_work else time.thread_time() - self._began
        self.delay, _first_work = max(self._least, seconds / SHARE), False
