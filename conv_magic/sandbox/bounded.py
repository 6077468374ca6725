"""Work that may run code of the user's, or take long, held to a time: it is left behind in a thread of its own.

A thread, since nothing else ends a call that does not return; a signal or a fork would be felt in the user's process.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from typing import Generic, TypeVar

_STEP = 0.1
"""Seconds between two looks at a thread that is late."""
_IDLE = 0.002
"""Seconds of computing in a step, below which a thread waits: where it is only slow, the machine is busy."""

T = TypeVar("T")


class OutOfTime(Exception):
    """The work took too long."""


class Budget:
    """How many seconds of computing work may still take.  It asks itself, by `check`, wherever it can stop."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._started = 0.0
        self.over = False
        """Whether no time is left."""

    def start(self) -> None:
        """Count from now on, in this thread."""
        self._started = time.thread_time()

    def end(self) -> None:
        """Leave no more time."""
        self.over = True

    def check(self) -> None:
        """Raise `OutOfTime` if no time is left."""
        self.over = self.over or time.thread_time() - self._started > self.seconds
        if self.over:
            raise OutOfTime


class _Worker(Generic[T]):
    def __init__(self, work: Callable[[], T], budget: Budget) -> None:
        self.results: list[T] = []
        self.done = threading.Event()
        self._work, self._budget, self._context = work, budget, copy_context()
        self._clock: int | None = None

    def run(self) -> None:
        try:
            if hasattr(time, "pthread_getcpuclockid"):
                self._clock = time.pthread_getcpuclockid(threading.get_ident())
            self._budget.start()
            self.results.append(self._context.run(self._work))
        except BaseException:  # user's code may raise anything; there is no result, which says it
            pass
        finally:
            self.done.set()

    def computed(self) -> float:
        """Seconds; 0 where the system does not tell."""
        try:
            return time.clock_gettime(self._clock) if self._clock is not None else 0.0
        except OSError:  # the thread has ended
            return 0.0


def bounded(work: Callable[[], T], budget: Budget) -> T | None:
    """Return what the work gives within the budget's time; None if it raised anything, or did not end in time.

    An interrupt of this thread passes through.
    """
    worker = _Worker(work, budget)
    thread = threading.Thread(target=worker.run, name="conv_magic packing", daemon=True)
    thread.start()
    try:
        worker.done.wait(budget.seconds)
        while not worker.done.is_set():
            before = worker.computed()
            worker.done.wait(_STEP)
            now = worker.computed()
            if not worker.done.is_set() and (now - before < _IDLE or now > 2 * budget.seconds):
                return None
        return worker.results[0] if worker.results else None
    finally:
        if not worker.done.is_set():
            budget.end()
