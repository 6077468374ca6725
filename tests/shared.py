"""What several tests share, made anew after a test that failed; and how long an event is waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Generic, TypeVar

import pytest

SECONDS = 240
"""How long an event may take: far longer than on any busy machine, since only a failure waits so long."""
FAILED = pytest.StashKey[bool]()
"""On a test's item: whether it, or what was set up for it, failed.  Set in conftest.py."""

Thing = TypeVar("Thing")


class Stuck(AssertionError):
    """An event that a test waits for did not come."""


class Shared(Generic[Thing]):
    """A kernel, a server or a browser for many tests.

    It is made when it is first needed.  A test that failed may have left it stuck or changed: it is thrown away then,
    and the next test has a new one.
    """

    def __init__(self, make: Callable[[], AbstractContextManager[Thing]]) -> None:
        self._make = make
        self._open: tuple[AbstractContextManager[Thing], Thing] | None = None

    @property
    def open(self) -> Thing | None:
        """The thing, if there is one now."""
        return self._open[1] if self._open is not None else None

    def get(self) -> Thing:
        """The thing, made if there is none."""
        if self._open is None:
            manager = self._make()
            self._open = manager, manager.__enter__()
        return self._open[1]

    def discard(self) -> None:
        """Throw it away, if there is one."""
        opened, self._open = self._open, None
        if opened is not None:
            opened[0].__exit__(None, None, None)

    @contextmanager
    def lent_to(self, test: pytest.Item, check: Callable[[Thing], object] = lambda thing: None) -> Iterator[Thing]:
        """The thing for one test.  After a test that passed `check` must hold, or the next test has a new one too."""
        thing = self.get()
        may_stay = False
        try:
            yield thing
            if not test.stash.get(FAILED, False):
                check(thing)
                may_stay = True
        finally:
            if not may_stay:
                self.discard()

    def __enter__(self) -> Shared[Thing]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.discard()
