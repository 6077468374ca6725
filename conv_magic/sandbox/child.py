"""The forked child of a trial: its end in every case."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys

from conv_magic.sandbox.trial import Ended, Trial

_PARENT_DEATH_SIGNAL, _DUMPABLE = 1, 4  # options of prctl(2)


def without_answer(status: int, late: bool, seconds: float) -> Trial:
    """Return what is known of a child that gave no account, from its wait status."""
    if late or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF):
        return Trial(Ended.TIMED_OUT, seconds)
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    name = signal.Signals(number).name if number else "exit"
    return Trial(Ended.DIED, seconds, name, f"the process was ended by {name}")


def kill_group(leader: int) -> None:
    """End a child with all that it started."""
    for kill in (os.killpg, os.kill):  # the child may not have made its group yet
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(leader, signal.SIGKILL)


def die_with_parent(limit: float) -> None:
    """Leave with the scratch process, also when it is killed; make no core file; be the first to go without memory."""
    signal.setitimer(signal.ITIMER_REAL, limit + 1)
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
            score.write("1000")
        prctl = ctypes.CDLL(None).prctl
        prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
        prctl(_DUMPABLE, 0, 0, 0, 0)


def stop_computing_after(seconds: float) -> None:
    """End this process by SIGPROF once it has computed so long, on one core or on half of them at once.

    The time of the clock would depend on what else the machine does.
    """
    if hasattr(signal, "ITIMER_PROF"):
        signal.setitimer(signal.ITIMER_PROF, seconds * max(1.0, (os.cpu_count() or 1) / 2))
