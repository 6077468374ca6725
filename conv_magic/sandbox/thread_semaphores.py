"""Semaphores of `multiprocessing` within one process, without the memory file system that all processes share.

Thread pools (`multiprocessing.pool.ThreadPool`) lock with them; a trial has threads, and no other process to lock out.
"""

from __future__ import annotations

import threading
import time
from types import TracebackType

_RECURSIVE = 0


class SemLock:
    """What `_multiprocessing.SemLock` is, with Python's own condition in the place of a named semaphore.

    It has no name that another process could find it by.
    """

    SEM_VALUE_MAX = 2**31 - 1

    def __init__(self, kind: int, value: int, maxvalue: int, name: str, unlink: bool) -> None:
        self.kind, self.maxvalue, self.name, self.handle = kind, maxvalue, None, id(self)
        self._value, self._owner, self._depth = value, 0, 0
        self._changed = threading.Condition(threading.Lock())

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Take one; False if none came free in time."""
        me = threading.get_ident()
        with self._changed:
            if self.kind == _RECURSIVE and self._depth and self._owner == me:
                self._depth += 1
                return True
            deadline = None if timeout is None else time.monotonic() + max(0.0, timeout)
            while self._value == 0:
                left = None if deadline is None else deadline - time.monotonic()
                if not block or (left is not None and left <= 0):
                    return False
                self._changed.wait(left)
            self._value -= 1
            self._owner, self._depth = me, self._depth + 1
            return True

    def release(self) -> None:
        """Give one back.  Raises what the original raises."""
        with self._changed:
            if self.kind == _RECURSIVE:
                if not self._depth or self._owner != threading.get_ident():
                    raise AssertionError("attempt to release recursive lock not owned by thread")
                if self._depth > 1:
                    self._depth -= 1
                    return
            if self._value >= self.maxvalue:
                raise ValueError("semaphore or lock released too many times")
            self._value += 1
            self._depth -= 1
            self._changed.notify()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    def _count(self) -> int:
        return self._depth

    def _is_mine(self) -> bool:
        return self._depth > 0 and self._owner == threading.get_ident()

    def _get_value(self) -> int:
        return self._value

    def _is_zero(self) -> bool:
        return self._value == 0

    def _after_fork(self) -> None:
        """Nothing: no trial forks."""
