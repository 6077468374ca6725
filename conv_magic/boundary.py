"""Keep our errors away from the user's program, and lose no interrupt.

An error that comes up in our code is ours, of whatever kind, and becomes one line at the end of the cell. An
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
_MOST_FAULTS = 20

faults: list[str] = []
"""Our own errors that no run keeps: of code that the shell or the cell calls before, beside or after one."""


# -- whose an error is ------------------------------------------------------------------------------------------------


def is_users(error: BaseException) -> bool:
    """Check whether an error that came up while our code ran is meant for the user: an interrupt.

    That is `KeyboardInterrupt`, and whatever a signal handler of the user's own raised.
    """
    return isinstance(error, KeyboardInterrupt) or _from_handler(error.__traceback__) is not None


def _from_handler(traceback: TracebackType | None) -> TracebackType | None:
    """Return the traceback from a signal handler on, None if there is no handler in it."""
    codes = {getattr(signal.getsignal(number), "__code__", None) for number in signal.valid_signals()}
    while traceback is not None and traceback.tb_frame.f_code not in codes:
        traceback = traceback.tb_next
    return traceback


def is_ours(error: BaseException) -> bool:
    """Check whether an error was raised by our code, not by an object of the user's that our code used."""
    filename, traceback = "", error.__traceback__
    while traceback is not None:
        filename, traceback = traceback.tb_frame.f_code.co_filename, traceback.tb_next
    return filename == HIDDEN or filename.startswith(_OUR_FOLDER)


def keep(where: str, error: BaseException, kept: list[str] = faults) -> None:
    """Keep an error of ours, once; raise it again if it is the user's."""
    if is_users(error):
        raise error
    text = f"{where}: {type(error).__name__}: {error}"
    if text not in kept and len(kept) < _MOST_FAULTS:
        kept.append(text)


def keep_of_hook(where: str, error: BaseException) -> None:
    """Keep an error of a hook that the user's frames call, but none that an object of the user's raised.

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
    """Return `function` as the shell, a thread or the cell may call it: on an error of ours it returns `otherwise`.

    The error is kept. Errors of the kinds `passing` are meant for the user and are raised.
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

    wrapper: Callable[..., Any] = hidden(entrance)
    return wrapper


def hidden(function: Any) -> Any:
    """Mark a function so that it is left out wherever frames are shown or counted, and return it."""
    function.__code__ = function.__code__.replace(co_filename=HIDDEN)
    return function


# -- what is put in and taken out ------------------------------------------------------------------------------------

Part = Generator[None, None, None]
"""Puts something in, waits, and takes it out.

One function, so that nothing is put in that cannot be taken out again; closing it takes out what it has put in, also
when that was cut short.
"""


def begun(part: Part) -> Part:
    """Start a part, so that all is put in, and return it."""
    next(part, None)
    return part


def close_all(parts: list[Part]) -> None:
    """Close all parts, the last first, whatever any of them raises; then raise that, an interrupt before an error."""
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
    """Take all frames off an interrupt that came up in our part; a bare `raise` after it adds none.

    So no one sees them: not the user's own `except`, a debugger or IPython.
    """
    # not by assignment, which an error of the user's may forbid (a frozen dataclass)
    BaseException.with_traceback(error, _from_handler(error.__traceback__))


def without_our_frames(traceback: TracebackType | None) -> TracebackType | None:
    """Return the same traceback objects, linked past the hooks' frames and what those called."""
    first = current = _next_of_others(traceback)
    while current is not None:
        following = _next_of_others(current.tb_next)
        if following is not current.tb_next:
            current.tb_next = following
        current = following
    return first


def _next_of_others(traceback: TracebackType | None) -> TracebackType | None:
    """Return the first entry that is no hook's; None where an interrupt came in code that a hook calls."""
    while traceback is not None and traceback.tb_frame.f_code.co_filename == HIDDEN:
        traceback = traceback.tb_next
        if traceback is not None and traceback.tb_frame.f_code.co_filename.startswith(_OUR_FOLDER):
            return _from_handler(traceback)
    return traceback


def clean_traceback(error: BaseException) -> None:
    """Hide our frames in an exception and in its causes and contexts."""
    for related in errors_behind(error):
        BaseException.with_traceback(related, without_our_frames(related.__traceback__))


def errors_behind(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception, its cause and context, the members of a group, and theirs in turn."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        waiting += [current.__cause__, current.__context__]
        if isinstance(current, BaseExceptionGroup):
            waiting += current.exceptions
