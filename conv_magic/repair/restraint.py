"""What a trial may not do: write the user's files, wait for the user, use the network, start programs.

Reading is free.  An audit hook (https://docs.python.org/3/library/audit_events.html) refuses with a reason
what Python itself would do; `landlock` refuses the rest where the system has it.  Neither can be undone, so
both belong into a process that is thrown away.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from typing import Any

_REFUSED = "refused while a fix is tried"

FILE = "needs a file"
WRITING = "writes a file outside the folder of the trial"
USER = "needs user input"
NETWORK = "needs the network"
PROGRAM = "needs another program"

_WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

_REASONS = {
    "builtins.input": USER,
    "socket.connect": NETWORK,
    "socket.getaddrinfo": NETWORK,
    "socket.gethostbyname": NETWORK,
    "socket.sendto": NETWORK,
    "os.exec": PROGRAM,
    "os.kill": PROGRAM,
    "os.killpg": PROGRAM,
    "os.posix_spawn": PROGRAM,
    "os.spawn": PROGRAM,
    "os.startfile": PROGRAM,
    "os.system": PROGRAM,
    "subprocess.Popen": PROGRAM,
}

_CHANGING = frozenset(
    ["shutil.rmtree", "shutil.move"]
    + [f"os.{name}" for name in ("chmod", "chown", "link", "mkdir", "remove", "rename", "rmdir", "symlink")]
    + [f"os.{name}" for name in ("removexattr", "setxattr", "truncate", "utime")]
)


class Refused(PermissionError):
    """A trial asked for something that no trial has."""

    def __init__(self, needs: str) -> None:
        super().__init__(f"{needs} ({_REFUSED})")


def restrain(folder: str) -> None:
    """Refuse, for the rest of this process, what no trial may do; files may be written in `folder`."""
    sys.addaudithook(_hook(os.path.realpath(folder)))


def _hook(folder: str) -> Callable[[str, tuple[Any, ...]], None]:
    downloads = os.path.realpath(os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras"))

    def check(path: object) -> None:
        if not isinstance(path, str | bytes | os.PathLike):
            return
        real = os.path.realpath(os.fsdecode(path))
        if real != os.devnull and not _within(folder, real):
            raise Refused(NETWORK if _within(downloads, real) else WRITING)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if flags & _WRITE_FLAGS:
                check(path)
        elif event in _REASONS:
            raise Refused(_REASONS[event])
        elif event in _CHANGING:
            for argument in arguments:
                check(argument)

    return hook


def _within(folder: str, path: str) -> bool:
    return path == folder or path.startswith(folder + os.sep)


def needs_of(error_type: str, error: str) -> str | None:
    """What a failed trial lacked, None if it failed for a reason of its own.

    A library may wrap the refusal in an exception of its own, so its text decides.
    """
    if found := re.search(rf"({FILE}|{WRITING}|{USER}|{NETWORK}|{PROGRAM}) \({_REFUSED}\)", error):
        return found[1]
    if error_type == "FileNotFoundError" or re.search("No such file or directory|Could not find directory", error):
        return FILE
    if re.search("Permission denied", error):
        return WRITING
    return None
