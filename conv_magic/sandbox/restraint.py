"""What a trial may not do: write the user's files, wait for the user, use the network, start programs.

Reading is free; writing is too in the trial's own folder (see `workplace`).  An audit hook
(https://docs.python.org/3/library/audit_events.html) refuses with a reason what Python itself would do, `refusals` what
concerns other processes; `landlock` and `seccomp` refuse the rest where the system has them.  None can be undone, so
all belong into a process that is thrown away.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from typing import Any

from conv_magic.sandbox.trial import Trial
from conv_magic.sandbox.workplace import TooLarge, Workplace, within

_REFUSED = "refused while a fix is tried"

FILE = "needs a file"
WRITING = "writes a file outside the working folder"
TOO_LARGE = "writes a file or folder that is too large to copy"
FOLDER_TOO_LARGE = "writes files, and the working folder is too large to copy"
ABSOLUTE = "writes into the working folder by an absolute path"
USER = "needs user input"
NETWORK = "needs the network"
PROGRAM = "needs another program"
PROCESS = "changes another process"
MEMORY = "uses memory that other processes share"
PIPE = "reads a pipe or a device"
BEYOND = "does what no trial may do"

_ALL = (FILE, WRITING, TOO_LARGE, ABSOLUTE, USER, NETWORK, PROGRAM, PROCESS, MEMORY, PIPE, BEYOND)

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

_CHANGING = {
    "os.chmod": ((0, 2),), "os.chown": ((0, 3),), "os.link": ((0, 2), (1, 3)), "os.mkdir": ((0, 2),),
    "os.remove": ((0, 1),), "os.removexattr": ((0, None),), "os.rename": ((0, 2), (1, 3)), "os.rmdir": ((0, 1),),
    "os.setxattr": ((0, None),), "os.symlink": ((1, 2),), "os.truncate": ((0, None),), "os.utime": ((0, 3),),
    "shutil.move": ((0, None), (1, None)), "shutil.rmtree": ((0, 1),),
}  # fmt: skip
"""Which arguments of an event are paths that are changed, and which is the folder (`dir_fd`) that each starts from."""
_NOT_FOLLOWED = frozenset(
    ["os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "shutil.move", "shutil.rmtree"]
)
"""Events that change a link itself, not what it leads to."""


class Refused(PermissionError):
    """A trial asked for something that no trial has."""

    def __init__(self, needs: str) -> None:
        super().__init__(f"{needs} ({_REFUSED})")


def restrain(place: Workplace) -> None:
    """Refuse, for the rest of this process, what no trial may do; what is the trial's own may be written."""
    sys.addaudithook(_hook(place))


def _hook(place: Workplace) -> Callable[[str, tuple[Any, ...]], None]:
    files = _Files(place)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if flags & _WRITE_FLAGS:
                files.check(path, empty=bool(flags & os.O_TRUNC))
        elif event in _REASONS:
            raise Refused(_REASONS[event])
        elif event in _CHANGING:
            files.check_change(event, arguments)
        elif event == "sqlite3.connect":
            files.make_own(arguments[0])

    return hook


class _Files:
    """Which files may be written."""

    def __init__(self, place: Workplace) -> None:
        self._place = place
        self._downloads = os.path.realpath(os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras"))

    def check(self, path: object, folder: object = None, *, follow: bool = True, empty: bool = False) -> None:
        """Refuse to write at `path`; a link is what it leads to unless `follow` is false."""
        if not isinstance(path, str | bytes | os.PathLike):
            return
        text = os.path.abspath(_from_folder(os.fsdecode(path), folder))
        if follow:
            self.make_own(text, empty=empty)
        parent, name = os.path.split(text)
        real = os.path.realpath(text) if follow else os.path.join(os.path.realpath(parent), name)
        if real == os.devnull or self._place.is_own(real):
            return
        if self._place.is_users(real):
            self._place.refused = True
            raise Refused(TOO_LARGE if self._place.is_own(text) else ABSOLUTE)
        raise Refused(NETWORK if within(self._downloads, real) else WRITING)

    def check_change(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Return the same for the paths that an event changes."""
        if event == "os.mkdir" and isinstance(arguments[0], str | os.PathLike) and os.path.lexists(arguments[0]):
            return  # the system will say so
        for index, folder in _CHANGING[event]:
            given = arguments[folder] if folder is not None and folder < len(arguments) else None
            self.check(arguments[index], given, follow=event not in _NOT_FOLLOWED)

    def make_own(self, path: object, *, empty: bool = False) -> None:
        """Return a file that is to be written is copied, where only a link to it is in the trial's folder."""
        if isinstance(path, str | bytes | os.PathLike):
            try:
                self._place.make_own(os.fsdecode(path), empty=empty)
            except TooLarge:
                raise Refused(TOO_LARGE) from None


def _from_folder(path: str, folder: object) -> str:
    """Return a path that starts from an open folder, as `shutil.rmtree` gives it."""
    if os.path.isabs(path) or not isinstance(folder, int) or folder < 0:
        return path
    for links in ("/proc/self/fd", "/dev/fd"):
        if os.path.islink(os.path.join(links, str(folder))):
            return os.path.join(os.readlink(os.path.join(links, str(folder))), path)
    return path


def was_refused_by_system(trial: Trial) -> bool:
    """Whether the system refused a write of C code, which does not say where."""
    return trial.needs == WRITING and _REFUSED not in (trial.error or "")


def needs_of(error_type: str, error: str) -> str | None:
    """Return what a failed trial lacked, None if it failed for a reason of its own.

    A library may wrap the refusal in an exception of its own, so its text decides.
    """
    if found := re.search(rf"({'|'.join(_ALL)}) \({_REFUSED}\)", error):
        return found[1]
    if error_type == "FileNotFoundError" or re.search("No such file or directory|Could not find directory", error):
        return FILE
    if re.search("Permission denied|readonly database|Read-only file system|errno = 13", error):
        return WRITING
    if re.search("Operation not permitted", error):  # a system call that `seccomp` refused
        return BEYOND
    return None
