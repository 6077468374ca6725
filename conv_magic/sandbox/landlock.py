"""Linux Landlock: a process gives up writing files and opening connections, whatever library would do it.

https://docs.kernel.org/userspace-api/landlock.html.  The system calls have one number on every architecture
but Alpha.
"""

from __future__ import annotations

import ctypes
import os
import sys

SWITCH = "CONV_MAGIC_LANDLOCK"
"""An environment variable; 0 leaves Landlock out, as on a system that has none."""

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION = 1
_PATH_BENEATH = 1
_NO_NEW_PRIVS = 38

_WRITE_FILE = 1 << 1
_TRUNCATE = 1 << 14
_CHANGES = sum(1 << bit for bit in range(4, 13)) | _WRITE_FILE
"""Write a file, and remove or make any kind of directory entry."""
_REFER = 1 << 13
_CONNECT_TCP = 1 << 1


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64))


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def available() -> bool:
    """Whether this system has Landlock."""
    return version() > 0


def version() -> int:
    """Return the version of Landlock's interface that this system has; 0 for none."""
    if not sys.platform.startswith("linux") or os.environ.get(SWITCH) == "0":
        return 0
    return max(0, int(_system_call()(_CREATE_RULESET, None, ctypes.c_size_t(0), _ASK_VERSION)))


def _system_call() -> ctypes._NamedFuncPointer:
    return ctypes.CDLL(None, use_errno=True).syscall


def confine(folder: str) -> bool:
    """Let this thread, and what it starts, write in `folder` and to the null device only, and connect nowhere.

    Returns False, with nothing changed, where the system has no Landlock.  Cannot be undone.
    """
    interface = version()
    if interface < 1:
        return False
    call = _system_call()
    files = _CHANGES | (_REFER if interface >= 2 else 0) | (_TRUNCATE if interface >= 3 else 0)
    rules = _Ruleset(files, _CONNECT_TCP if interface >= 4 else 0)
    size = ctypes.sizeof(_Ruleset) if interface >= 4 else ctypes.sizeof(ctypes.c_uint64)
    ruleset = call(_CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(size), 0)
    if ruleset < 0:
        return False
    try:
        _allow(call, ruleset, folder, files)
        _allow(call, ruleset, os.devnull, files & (_WRITE_FILE | _TRUNCATE))
        ctypes.CDLL(None, use_errno=True).prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
        return bool(call(_RESTRICT_SELF, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _allow(call: ctypes._NamedFuncPointer, ruleset: int, path: str, rights: int) -> None:
    parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        call(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(_PathRule(rights, parent)), 0)
    finally:
        os.close(parent)
