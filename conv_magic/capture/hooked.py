"""Wrap a hooked function: record its calls, refuse those that TensorFlow would not survive, then call it."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

from conv_magic.boundary import HIDDEN, is_users, keep, step_out
from conv_magic.capture.hooks.entry import Hook, Slot
from conv_magic.capture.recorder import Recorder
from conv_magic.capture.rows import Entered, Row

Guard = Callable[[Row], Exception | None]


@dataclass
class _Installed:
    """What is patched now, and for which recorders; `only` is the recorder if there is just one."""

    recorders: list[Recorder] = field(default_factory=list)
    patched: dict[str, tuple[Slot, Any, Any]] = field(default_factory=dict)
    guard: Guard | None = None
    only: Recorder | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)


state = _Installed()


class _Inside(threading.local):
    """Whether this thread is inside a call that has no rows inside: what that calls is passed on at once.

    checked   but for what the guard is to look at even there
    """

    call = False
    checked = False


inside = _Inside()
_Entries = list[tuple[Recorder, Entered]]


def hooked(hook: Hook, function: Callable[..., Any]) -> FunctionType:  # noqa: C901  a call of a function is dear here
    """Return the hook: it calls the user's function once, with the user's arguments, whatever happens in our part.

    All that is ours stands in a `try` of its own, the user's call in another.
    """
    guarded, guarded_within = hook.guard, hook.guard_within  # only what has no rows inside is known again
    within, installed, frame_at, now, over = inside, state, sys._getframe, time.perf_counter, end_traces
    without: Any = BaseException.with_traceback

    def wrapper(*args: Any, **kwargs: Any) -> Any:  # noqa: C901
        entered = repeat = refusal = None
        recorder: Any = None
        try:
            if within.call:
                if guarded_within and within.checked:
                    refusal = _error_inside_layer(hook, args, kwargs)
            else:
                recorder = installed.only
                if guarded and recorder is not None:
                    repeat = recorder.again(hook, args, kwargs, frame_at(2))
                if repeat is None:
                    entered = _enter(hook, args, kwargs)
                    refusal = _error_instead(hook, entered, args, kwargs)
                else:  # what returned once is let through again
                    within.call = True
                    started = now()
        except BaseException as fault:
            if over(hook, fault, entered):
                raise
            entered = repeat = refusal = None
        try:
            if refusal is not None:
                raise refusal
            result = function(*args, **kwargs)
        except BaseException as error:
            without(error, error.__traceback__.tb_next)  # type: ignore[union-attr]  # it has this frame at least
            try:
                if repeat is not None:
                    within.call = False
                    recorder.raised_again(repeat, error, now() - started)
                elif entered is not None:
                    _leave(entered, None, error)
            except BaseException as fault:
                if over(hook, fault):
                    raise
            raise
        try:
            if repeat is not None:
                seconds = now() - started
                within.call = False
                recorder.returned_again(repeat, result, seconds)
            elif entered is not None:
                _leave(entered, result, None)
        except BaseException as fault:
            if over(hook, fault):
                raise
        return result

    return _disguised(wrapper, function)


def hooked_new(function: Callable[..., Any]) -> FunctionType:
    """Return the hook of `Layer.__new__`, which notes where each layer is made."""
    over, without = end_traces, BaseException.with_traceback

    def wrapper(cls: type[Any], *args: Any, **kwargs: Any) -> Any:
        try:
            layer = function(cls, *args, **kwargs)
        except BaseException as error:
            without(error, error.__traceback__.tb_next)  # type: ignore[union-attr]
            raise
        try:
            _note_creation(layer)
        except BaseException as fault:
            if over(None, fault):
                raise
        return layer

    return _disguised(wrapper, function)


def end_traces(hook: Hook | None, fault: BaseException, entered: _Entries | None = None) -> bool:
    """End all traces after an error in our part of a call; return True, and end none, for an interrupt.

    A run in which our own code failed records no more, since the rest may be incomplete. An interrupt is to be raised.
    """
    try:
        where = hook.name if hook is not None else "a hook"
        if is_users(fault):
            if entered is not None:
                _leave(entered, None, fault)
            step_out(fault)
            return True
        for recorder in tuple(state.recorders):
            keep(where, fault, recorder.faults)
        with state.lock:
            state.recorders.clear()
            state.only = None
        inside.call = inside.checked = False
    except RecursionError:  # at the end of the stack nothing can be done; what the user calls ends there too
        return False
    return False


def _disguised(hooked: Any, function: Any) -> FunctionType:
    """Return the hook under the name and module of its function, so that tracebacks and AutoGraph pass over it."""
    code = hooked.__code__.replace(co_filename=HIDDEN, co_name=function.__name__)
    disguised = FunctionType(code, hooked.__globals__, function.__name__, None, hooked.__closure__)
    disguised.__module__ = function.__module__
    disguised.__qualname__ = function.__qualname__
    disguised.__doc__ = function.__doc__
    disguised.__kwdefaults__ = hooked.__kwdefaults__
    vars(disguised)["__wrapped__"] = function  # whoever asks for the signature is given the function's own
    return disguised


def _enter(hook: Hook, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Entries | None:
    """Let each recorder note that a call begins; return the entries, None if no recorder has one."""
    entries: _Entries = []
    only = state.only
    for recorder in (only,) if only is not None else tuple(state.recorders):
        try:
            entered = recorder.enter(hook, args, kwargs, sys._getframe(2))
            if entered is not None:
                entries.append((recorder, entered))
        except BaseException as error:
            recorder.blame(hook.name, error)
    if not entries:
        return None
    if hook.guard:
        inside.call = True
    elif only is not None:
        entered = entries[0][1]
        inside.call, inside.checked = entered.quiet, entered.checked
    return entries


def _leave(entries: _Entries | None, result: object, error: BaseException | None) -> None:
    """Let the recorders note that a call ended, with a result or an error."""
    if entries is None:
        return
    inside.call = inside.checked = False
    for recorder, entered in entries:
        try:
            recorder.leave(entered, result, error)
        except BaseException as fault:
            recorder.blame(entered.row.hook.name, fault)


def _error_instead(
    hook: Hook, entries: _Entries | None, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Exception | None:
    """Return the error to raise instead of a call, None to let it pass; a call that returned once passes again."""
    if entries is None:
        return _error_inside_layer(hook, args, kwargs) if hook.guard_within else None
    return None if entries[0][1].row.count else _refusal(hook, entries)


def _error_inside_layer(hook: Hook, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Exception | None:
    """Return the error to raise instead of a call that a layer of Keras makes, None to let it pass."""
    guard = state.guard
    if guard is None:
        return None
    for recorder in tuple(state.recorders):
        if recorder.guard:
            try:
                return recorder.refuse_within(hook, args, kwargs, guard)
            except BaseException as error:
                recorder.blame("the guard", error)
    return None


def _refusal(hook: Hook, entries: _Entries) -> Exception | None:
    """Return the error to raise instead of a call that would end the process, None to let it pass."""
    recorder, entered = entries[0]
    row = entered.row
    if state.guard is None or not hook.guard or not recorder.guard:
        return None
    try:
        problem = state.guard(row) if recorder.runs_eagerly(entered) else None
    except BaseException as error:
        recorder.blame("the guard", error)
        return None
    for _, other in entries:
        other.row.problem = problem
    return problem


def _note_creation(layer: Any) -> None:
    for recorder in tuple(state.recorders):
        try:
            recorder.note_creation(layer, sys._getframe(2))
        except BaseException as error:
            recorder.blame("the making of a layer", error)
