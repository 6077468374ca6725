"""What Python code of a trial may not do to other processes, told with the reason.

`seccomp` refuses the same to all code where the system has it; it gives no more of a reason than an error number.
"""

from __future__ import annotations

import importlib
import os
import socket
import stat
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from conv_magic.sandbox.restraint import MEMORY, NETWORK, PIPE, PROCESS, PROGRAM, WRITING, Refused
from conv_magic.sandbox.thread_semaphores import SemLock

_ALWAYS = {
    "os.fork": PROGRAM,
    "os.forkpty": PROGRAM,
    "pty.spawn": PROGRAM,
    "webbrowser.open": PROGRAM,
    "socket.bind": NETWORK,
    "socket.gethostbyaddr": NETWORK,
    "socket.getnameinfo": NETWORK,
    "socket.sethostname": PROCESS,
    "syslog.openlog": PROCESS,
    "syslog.syslog": PROCESS,
}
_METADATA = frozenset(f"os.{name}" for name in ("chmod", "chown", "utime", "setxattr", "removexattr", "chflags"))
_SAFE_DEVICES = frozenset(("null", "zero", "full", "random", "urandom"))

_BY_C_CODE = {
    "_posixsubprocess.fork_exec": PROGRAM,
    "_posixshmem.shm_open": MEMORY,
    "_posixshmem.shm_unlink": MEMORY,
    "_multiprocessing.sem_unlink": MEMORY,
    "signal.pidfd_send_signal": PROCESS,
    "os.mkfifo": WRITING,
    "os.mknod": WRITING,
    "os.setsid": PROCESS,
    "os.setpgid": PROCESS,
    "os.setpgrp": PROCESS,
    "os.mount": PROCESS,
    "os.unshare": PROCESS,
    "os.setns": PROCESS,
    "time.clock_settime": PROCESS,
    "time.clock_settime_ns": PROCESS,
}
"""Functions that no audit event tells of: replaced, each by one that refuses."""
_OF_ANY_PROCESS = {
    "os.setpriority": 1,
    "os.sched_setaffinity": 0,
    "os.sched_setparam": 0,
    "os.sched_setscheduler": 0,
    "resource.prlimit": 0,
}
"""Likewise, but allowed for the trial's own process: which argument is the process."""


def refuse(pid: int, *, metadata: bool) -> None:
    """Refuse from now on what reaches other processes than `pid`, this one.

    `metadata` says that changes of an open file's mode, owner and times are to be refused too, as they are not
    kept from happening otherwise.
    """
    sys.addaudithook(_hook(metadata))
    for name, reason in _BY_C_CODE.items():
        _replace(name, _refuser(reason))
    for name, place in _OF_ANY_PROCESS.items():
        if (real := _found(name)) is not None:
            _replace(name, _for_itself(real, place, pid))
    _replace("_multiprocessing.SemLock", SemLock)
    _replace("os.open", _open_below(os.open))


def _hook(metadata: bool) -> Callable[[str, tuple[Any, ...]], None]:
    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            _check_reading(arguments[0])
        elif event in _ALWAYS:
            raise Refused(_ALWAYS[event])
        elif event == "socket.__new__":
            if arguments[1] != getattr(socket, "AF_UNIX", None):  # a pair of which is what asyncio wakes itself with
                raise Refused(NETWORK)
        elif event == "socket.sendmsg":
            if len(arguments) > 1 and arguments[1] is not None:
                raise Refused(NETWORK)
        elif metadata and event in _METADATA and isinstance(arguments[0], int):
            raise Refused(WRITING)

    return hook


def _open_below(real: Callable[..., int]) -> Callable[..., int]:
    """`os.open`, whose audit event does not tell the folder that a path starts from."""

    def checked(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if dir_fd is not None:
            _check_reading(path, dir_fd)
        return real(path, flags, mode, dir_fd=dir_fd)

    os.supports_dir_fd.add(checked)
    return checked


def _check_reading(path: object, folder: int | None = None) -> None:
    """Refuse to open what is used up by reading it: a named pipe, a terminal."""
    if not isinstance(path, str | bytes | os.PathLike):
        return
    try:
        mode = os.stat(path, dir_fd=folder).st_mode
    except (OSError, ValueError):
        return
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        raise Refused(PIPE)
    if stat.S_ISCHR(mode) and os.path.basename(os.path.realpath(os.fsdecode(path))) not in _SAFE_DEVICES:
        raise Refused(PIPE)


def _found(name: str) -> Any:
    """Return the function of that module and name; None where this system has none."""
    owner, _, attribute = name.partition(".")
    try:
        return getattr(importlib.import_module(owner), attribute, None)
    except ImportError:
        return None


def _replace(name: str, function: Any) -> None:
    if _found(name) is not None:
        owner, _, attribute = name.partition(".")
        setattr(sys.modules[owner], attribute, function)


def _refuser(reason: str) -> Callable[..., NoReturn]:
    def refused(*_: object, **__: object) -> NoReturn:
        raise Refused(reason)

    return refused


def _for_itself(real: Callable[..., Any], place: int, pid: int) -> Callable[..., Any]:
    def checked(*arguments: Any, **options: Any) -> Any:
        whose = (*arguments, *options.values())[place]
        if whose not in (0, pid) or (real.__name__ == "setpriority" and arguments[0] != os.PRIO_PROCESS):
            raise Refused(PROCESS)
        return real(*arguments, **options)

    return checked
