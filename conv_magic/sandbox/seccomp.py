"""Linux seccomp: a process gives up system calls, whatever library would make them.

https://docs.kernel.org/userspace-api/seccomp_filter.html.  Written out, since the libraries for it (`pyseccomp`,
`libseccomp`) need a system library that a plain pip install does not bring.  The filter is a straight list: compare the
number, perhaps look at an argument, answer.  x86-64 and arm64.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Iterable

from conv_magic.sandbox import system_calls

SWITCH = "CONV_MAGIC_SECCOMP"
"""An environment variable; 0 leaves seccomp out, as on a system that has none."""

_ARCHITECTURES = {"x86_64": (0, 0xC000003E, 317), "aarch64": (1, 0xC00000B7, 277)}
"""Column of `system_calls.NUMBERS`, AUDIT_ARCH of linux/audit.h, number of seccomp(2)."""

_LOAD, _AND, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
_X32 = 0x40000000
_CLONE_THREAD = 0x00010000
_SOCK_STREAM = 1
_SET_MODE_FILTER, _ALL_THREADS = 1, 1
_GET_ACTION_AVAILABLE = 2
_NO_NEW_PRIVS = 38

Instruction = tuple[int, int, int, int]
"""Code, jump if true, jump if false, operand."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def available() -> bool:
    """Whether this system has seccomp filters, for an architecture that we know."""
    if not sys.platform.startswith("linux") or os.environ.get(SWITCH) == "0":
        return False
    known = _ARCHITECTURES.get(platform.machine())
    if known is None or struct.calcsize("P") != 8:
        return False
    action = ctypes.c_uint32(_ERROR)
    return bool(ctypes.CDLL(None).syscall(known[2], _GET_ACTION_AVAILABLE, 0, ctypes.byref(action)) == 0)


def confine() -> bool:
    """Give up the calls of `system_calls` in every thread of this process, and in what they start.

    Returns False, with nothing changed, where the system cannot.  Cannot be undone.
    """
    if not available():
        return False
    column, architecture, seccomp = _ARCHITECTURES[platform.machine()]
    code = b"".join(struct.pack("=HBBI", *each) for each in _program(column, architecture, os.getpid()))
    program = _Program(len(code) // 8, code)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
    return bool(libc.syscall(seccomp, _SET_MODE_FILTER, _ALL_THREADS, ctypes.byref(program)) == 0)


def _program(column: int, architecture: int, pid: int) -> list[Instruction]:
    code = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, architecture),
        _answer(errno.ENOSYS),
        (_LOAD, 0, 0, _NUMBER),
        *([(_AT_LEAST, 0, 1, _X32), _answer(errno.ENOSYS)] if column == 0 else []),
    ]
    for name, numbers in system_calls.NUMBERS.items():
        number = numbers[column]
        if number is not None:
            block = _block(name, pid)
            code += [(_EQUAL, 0, len(block), number), *block]
    return [*code, (_RETURN, 0, 0, _ALLOW)]


def _block(name: str, pid: int) -> list[Instruction]:
    """Return what is answered to the call of that name."""
    if name in system_calls.PRETENDED:
        return [_answer(0)]
    if name in system_calls.OWN_PROCESS:
        own = (pid, 0) if name in system_calls.ZERO_IS_OWN else (pid,)
        return [_argument(system_calls.OWN_PROCESS[name]), *_allow_any(own), _answer(errno.EPERM)]
    if name in system_calls.OWN_PROCESS_BY_KIND:
        kind = (_EQUAL, 1, 0, system_calls.OWN_PROCESS_BY_KIND[name])
        return [_argument(0), kind, _answer(errno.EPERM), _argument(1), *_allow_any((pid, 0)), _answer(errno.EPERM)]
    if name == "clone":
        return [_argument(0), (_ANY_BIT, 0, 1, _CLONE_THREAD), (_RETURN, 0, 0, _ALLOW), _answer(errno.EPERM)]
    if name == "socketpair":  # a pipe for asyncio; one of datagrams could send elsewhere
        return [_argument(1), (_AND, 0, 0, 0xF), *_allow_any((_SOCK_STREAM,)), _answer(errno.EPERM)]
    if name == "fcntl":
        locks = _answer_any(system_calls.LOCKS, 0)
        return [_argument(1), *locks, *_answer_any(system_calls.SIGNALS_BY_FILE, errno.EPERM), (_RETURN, 0, 0, _ALLOW)]
    if name == "ioctl":
        return [_argument(1), *_answer_any(system_calls.CHANGING_DEVICES, errno.EPERM), (_RETURN, 0, 0, _ALLOW)]
    return [_answer(system_calls.NOT_THERE.get(name, errno.EPERM))]


def _argument(place: int) -> Instruction:
    """Load the lower half of an argument: all that the kernel looks at of an `int`."""
    return _LOAD, 0, 0, _ARGUMENTS + 8 * place + (0 if sys.byteorder == "little" else 4)


def _answer(error: int) -> Instruction:
    """End the call with an error number; 0 reports success, with nothing done."""
    return _RETURN, 0, 0, _ERROR | error


def _allow_any(values: Iterable[int]) -> list[Instruction]:
    return [step for value in values for step in ((_EQUAL, 0, 1, value), (_RETURN, 0, 0, _ALLOW))]


def _answer_any(values: Iterable[int], error: int) -> list[Instruction]:
    return [step for value in values for step in ((_EQUAL, 0, 1, value), _answer(error))]
