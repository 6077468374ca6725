"""What a trial's processes leave behind: processes that outlive them in a session of their own."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Iterator

_SUBREAPER = 36  # an option of prctl(2)
_MOST_ROUNDS = 1000


def adopt() -> None:
    """Become the parent of what a descendant leaves behind, where the system can (Linux)."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


def end() -> None:
    """End all children of this process; those that they leave behind become its children, and end in turn."""
    for _ in range(_MOST_ROUNDS):
        try:
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        children = list(_children())
        kill = ctypes.CDLL(None).kill  # `os.kill` is refused where this process was itself a trial
        for child in children:
            kill(child, signal.SIGKILL)
        for child in children:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)
        if not children:
            return


def _children() -> Iterator[int]:
    try:
        processes = [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    except OSError:
        return
    for process in processes:
        with contextlib.suppress(OSError), open(f"/proc/{process}/stat", "rb") as stream:
            state, parent = stream.read().rpartition(b")")[2].split()[:2]  # the name before it may hold anything
            if int(parent) == os.getpid() and state != b"Z":
                yield process
