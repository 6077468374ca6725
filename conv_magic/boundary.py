"""The border between the user's program and our code: no error of ours crosses it, and no interrupt is lost at it.

An error that comes up in our code is ours, of whatever kind, and becomes one line at the end of the cell.  An
interrupt that comes while our code runs is the user's: it passes, without a frame of ours.
"""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Callable, Generator, Iterator
from types import TracebackType
from typing import Any

# TensorFlow's and Keras' traceback filters drop frames whose file lies in a folder of this name, ours with them:
# https://github.com/keras-team/keras/blob/master/keras/src/utils/traceback_utils.py
# A `stacklevel` counts no frame of such a file, so that a warning names the line it would name without us:
# https://github.com/python/cpython/blob/3.11/Lib/warnings.py, `_is_internal_frame`
HIDDEN = os.path.join("tensorflow", "python", "importlib_bootstrap", "conv_magic_hook.py")
_OUR_FOLDER = os.path.dirname(__file__) + os.sep
_MOST = 20

faults: list[str] = []
"""Our own errors that no run keeps: of code that the shell or the cell calls before, beside or after one."""


# -- what an error is ------------------------------------------------------------------------------------------------


def is_users(error: BaseException) -> bool:
    """Whether an error that came up while our code ran is meant for the user's: an interrupt.

    That is `KeyboardInterrupt`, and whatever a signal handler of the user's own raised.
    """
    return isinstance(error, KeyboardInterrupt) or _of_handler(error.__traceback__) is not None


def _of_handler(traceback: TracebackType | None) -> TracebackType | None:
    """The traceback from a signal handler on, if there is one in it."""
    codes = {getattr(signal.getsignal(number), "__code__", None) for number in signal.valid_signals()}
    while traceback is not None and traceback.tb_frame.f_code not in codes:
        traceback = traceback.tb_next
    return traceback


def is_ours(error: BaseException) -> bool:
    """Whether it was raised by our code, not by what that asked of an object of the user's."""
    filename, traceback = "", error.__traceback__
    while traceback is not None:
        filename, traceback = traceback.tb_frame.f_code.co_filename, traceback.tb_next
    return filename == HIDDEN or filename.startswith(_OUR_FOLDER)


def keep(where: str, error: BaseException, kept: list[str] = faults) -> None:
    """Keep an error of ours, once; raises it again if it is the user's."""
    if is_users(error):
        raise error
    text = f"{where}: {type(error).__name__}: {error}"
    if text not in kept and len(kept) < _MOST:
        kept.append(text)


def keep_of_hook(where: str, error: BaseException) -> None:
    """The same in what the user's frames call; but say nothing where an object of the user's raised what it was asked.

    An interrupt passes without our frames.
    """
    if is_users(error):
        step_out(error)
        raise error
    if is_ours(error):
        keep(where, error)


# -- our functions that others call ------------------------------------------------------------------------------------


def contained(
    what: str, function: Callable[..., Any], *, passing: tuple[type[BaseException], ...] = (), otherwise: Any = None
) -> Callable[..., Any]:
    """`function` as the shell, a thread or the cell may call it: an error of ours gives `otherwise`, and is kept.

    Those of the kinds `passing` are meant for the user.
    """

    @functools.wraps(function)
    def entrance(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            if isinstance(error, passing) or is_users(error):
                step_out(error)
                raise
            keep(what, error)
        return otherwise

    made: Callable[..., Any] = hidden(entrance)
    return made


def hidden(function: Any) -> Any:
    """The function, passed over wherever frames are shown or counted."""
    function.__code__ = function.__code__.replace(co_filename=HIDDEN)
    return function


# -- what is put in and taken out ------------------------------------------------------------------------------------

Part = Generator[None, None, None]
"""Puts something in, waits, and takes it out.

One function, so that nothing is put in that cannot be taken out again; closing it takes out what it has put in, also
when that was cut short.
"""


def begun(part: Part) -> Part:
    """The part, with all put in."""
    next(part, None)
    return part


def close_all(parts: list[Part]) -> None:
    """Take all out, the last first, whatever any of them raises; then raise that, an interrupt before an error."""
    raised: BaseException | None = None
    while parts:
        try:
            while parts:
                parts[-1].close()  # one that has raised, or was cut short, is not closed twice
                parts.pop()
        except BaseException as error:
            raised = raised if isinstance(raised, KeyboardInterrupt) else error
    if raised is not None:
        raise raised


# -- what is shown of it -----------------------------------------------------------------------------------------------


def step_out(error: BaseException) -> None:
    """Take all frames off an interrupt that came up in our part; a bare `raise` after it does not put its own on again.

    Nobody who looks at it sees them then, whatever shows it: the user's own `except`, a debugger, IPython.
    """
    # not by assignment, which an error of the user's may forbid (a frozen dataclass)
    BaseException.with_traceback(error, _of_handler(error.__traceback__))


def without_our_frames(traceback: TracebackType | None) -> TracebackType | None:
    """The same traceback objects, linked past the hooks' frames and what those called."""
    first = at = _next_of_others(traceback)
    while at is not None:
        following = _next_of_others(at.tb_next)
        if following is not at.tb_next:
            at.tb_next = following
        at = following
    return first


def _next_of_others(traceback: TracebackType | None) -> TracebackType | None:
    """The first entry that is no hook's; none where an interrupt came in what a hook calls of ours."""
    while traceback is not None and traceback.tb_frame.f_code.co_filename == HIDDEN:
        traceback = traceback.tb_next
        if traceback is not None and traceback.tb_frame.f_code.co_filename.startswith(_OUR_FOLDER):
            return _of_handler(traceback)
    return traceback


def clean_traceback(error: BaseException) -> None:
    """Hide our frames from an exception and from those that it came of."""
    for each in errors_behind(error):
        BaseException.with_traceback(each, without_our_frames(each.__traceback__))


def errors_behind(error: BaseException) -> Iterator[BaseException]:
    """An exception and those that it came of: its cause and context, the members of a group, and theirs in turn."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        at = waiting.pop()
        if at is None or id(at) in seen:
            continue
        seen.add(id(at))
        yield at
        waiting += [at.__cause__, at.__context__]
        if isinstance(at, BaseExceptionGroup):
            waiting += at.exceptions
