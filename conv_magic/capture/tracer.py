"""Puts the hooks in, hands calls to the recorder, and always takes the hooks out.

One set of hooks serves the whole process.  Traces may nest and end in any order: the first puts the hooks in, the
last takes them out, and every patched place then holds the very object that it held before.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
import time
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import FunctionType, TracebackType
from typing import Any

from conv_magic.capture.hooks.by_identity import ByIdentity
from conv_magic.capture.hooks.entry import Hook, Slot
from conv_magic.capture.hooks.keras_layers import find_new
from conv_magic.capture.hooks.table import HOOKS
from conv_magic.capture.recorder import Entered, Place, Recorder, Row

# TensorFlow's and Keras' traceback filters drop frames whose file lies in a folder of this name, ours with them:
# https://github.com/keras-team/keras/blob/master/keras/src/utils/traceback_utils.py
# A `stacklevel` counts no frame of such a file, so that a warning names the line it would name without us:
# https://github.com/python/cpython/blob/3.11/Lib/warnings.py, `_is_internal_frame`
HIDDEN = os.path.join("tensorflow", "python", "importlib_bootstrap", "conv_magic_hook.py")
_OUR_FOLDER = os.path.dirname(os.path.dirname(__file__)) + os.sep

Guard = Callable[[Row], Exception | None]

_created: ByIdentity[Place] = ByIdentity()


@dataclass
class _Installed:
    """What is patched now, and for whom; `only` is the one recorder where there is just one."""

    recorders: list[Recorder] = field(default_factory=list)
    patched: dict[str, tuple[Slot, Any, Any]] = field(default_factory=dict)
    guard: Guard | None = None
    only: Recorder | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)


_state = _Installed()


class _Within(threading.local):
    """Whether this thread is inside a call that has no rows inside: what that calls is passed on at once.

    checked   but for what the guard is to look at even there
    """

    call = False
    checked = False


_within = _Within()


def patched() -> tuple[str, ...]:
    """The names of the targets that hold a hook now; empty whenever nothing is traced."""
    return tuple(_state.patched)


def start(recorder: Recorder, guard: Guard | None = None, hooks: Sequence[Hook] = HOOKS) -> None:
    """Hand every hooked call to `recorder` from now on, beside those already tracing.

    To be followed by `stop` even where an interrupt cuts it short.
    """
    _within.call = _within.checked = False  # should an interrupt have cut short a call of an earlier trace
    with _state.lock:
        _state.recorders.append(recorder)
        _note_only()
        _state.guard = guard or _state.guard
        _install(hooks)
        if len(_state.recorders) == 1:
            sys.meta_path.insert(0, _Watcher(hooks))


def stop(recorder: Recorder) -> None:
    """Hand it no more; with the last one gone everything is as it was.  An interrupt waits until that is done."""
    interrupt: BaseException | None = None
    while True:
        try:
            with _state.lock:
                if recorder in _state.recorders:
                    _state.recorders.remove(recorder)
                _note_only()
                if not _state.recorders:
                    _uninstall()
            break
        except KeyboardInterrupt as raised:
            interrupt = raised
    if interrupt is not None:
        raise interrupt


def _note_only() -> None:
    _state.only = _state.recorders[0] if len(_state.recorders) == 1 else None


def _install(hooks: Iterable[Hook]) -> None:
    taken = [slot for slot, _, _ in _state.patched.values()]
    for hook in hooks:
        if hook.name not in _state.patched:
            slot = hook.find()
            if slot is not None and slot not in taken:  # `tf.compat.v1.nn.avg_pool2d` is `avg_pool` by another name
                original = slot.get()
                _put(hook.name, slot, original, _hooked(hook, original))
                taken.append(slot)
    if "keras.layers.Layer.__new__" not in _state.patched and (slot := find_new()) is not None:
        original = slot.get()
        _put("keras.layers.Layer.__new__", slot, original, staticmethod(_hooked_new(original.__func__)))


def _put(name: str, slot: Slot, original: Any, replacement: Any) -> None:
    _state.patched[name] = (slot, original, replacement)  # first, so that an interrupt leaves nothing unknown behind
    slot.set(replacement)


def _uninstall() -> None:
    _state.guard = None
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Watcher)]
    for name, (slot, original, replacement) in reversed(list(_state.patched.items())):
        # Where somebody else patched over us meanwhile, their patch keeps calling ours, which then only passes on.
        if slot.get() is replacement:
            slot.set(original)
        del _state.patched[name]


def _hooked(hook: Hook, function: Callable[..., Any]) -> FunctionType:
    guarded, guarded_within = hook.guard, hook.guard_within  # only what has no rows inside is known again
    within, state, frame_at, now = _within, _state, sys._getframe, time.perf_counter

    def hooked(*args: Any, **kwargs: Any) -> Any:
        entered = again = None
        try:
            if within.call:
                if guarded_within and within.checked:
                    refusal = _refusal_within(hook, args, kwargs)
                    if refusal is not None:
                        raise refusal
                return function(*args, **kwargs)
            recorder = state.only
            if guarded and recorder is not None:
                repeat = recorder.again(hook, args, kwargs, frame_at(2))
                if repeat is not None:  # what returned once is let through again
                    started = now()
                    again = repeat
                    within.call = True
                    result = function(*args, **kwargs)
                    seconds = now() - started
                    within.call = False
                    again = None  # so that an interrupt from here on is not taken for the call's own error
                    recorder.returned_again(repeat, result, seconds)
                    return result
            entered = _enter(hook, args, kwargs)
            refusal = _refused(hook, entered, args, kwargs)
            if refusal is not None:
                raise refusal
            result = function(*args, **kwargs)
            _leave(entered, result, None)
        except BaseException as error:
            if again is not None and recorder is not None:
                within.call = False
                recorder.raised_again(again, error, now() - started)
            _leave(entered, None, error)
            _step_out(error)
            raise
        return result

    return _disguised(hooked, function)


def _hooked_new(function: Callable[..., Any]) -> FunctionType:
    def hooked(cls: type[Any], *args: Any, **kwargs: Any) -> Any:
        try:
            made = function(cls, *args, **kwargs)
        except BaseException as error:
            _step_out(error)
            raise
        _note_creation(made)
        return made

    return _disguised(hooked, function)


def _disguised(hooked: Any, function: Any) -> FunctionType:
    """The hook under the name and module of what it stands for, so that tracebacks and AutoGraph pass over it."""
    code = hooked.__code__.replace(co_filename=HIDDEN, co_name=function.__name__)
    plain = FunctionType(code, hooked.__globals__, function.__name__, None, hooked.__closure__)
    plain.__module__ = function.__module__
    plain.__qualname__ = function.__qualname__
    plain.__doc__ = function.__doc__
    plain.__kwdefaults__ = hooked.__kwdefaults__
    vars(plain)["__wrapped__"] = function  # whoever asks for the signature is given the function's own
    return plain


def _step_out(error: BaseException) -> None:
    """Take the hook's own frame off the traceback; a bare `raise` after it does not put it on again.

    Nobody who looks at the error sees the hook then, whatever shows it: the user's own `except`, a debugger, IPython.
    """
    # not by assignment, which an error of the user's may forbid (a frozen dataclass)
    BaseException.with_traceback(error, _next_of_others(error.__traceback__))


_Entry = list[tuple[Recorder, Entered]]


def _enter(hook: Hook, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Entry | None:
    entries: _Entry = []
    only = _state.only
    for recorder in (only,) if only is not None else tuple(_state.recorders):
        try:
            entered = recorder.enter(hook, args, kwargs, sys._getframe(2))
            if entered is not None:
                entries.append((recorder, entered))
        except Exception as error:
            recorder.blame(hook.name, error)
    if not entries:
        return None
    if hook.guard:
        _within.call = True
    elif only is not None:
        entered = entries[0][1]
        _within.call, _within.checked = entered.quiet, entered.checked
    return entries


def _leave(entries: _Entry | None, result: object, error: BaseException | None) -> None:
    if entries is None:
        return
    _within.call = _within.checked = False
    for recorder, entered in entries:
        try:
            recorder.leave(entered, result, error)
        except Exception as fault:
            recorder.blame(entered.row.hook.name, fault)


def _refused(hook: Hook, entries: _Entry | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Exception | None:
    """The error to raise in place of a call, or None; what returned once is let through again."""
    if entries is None:
        return _refusal_within(hook, args, kwargs) if hook.guard_within else None
    return None if entries[0][1].row.count else _refusal(hook, entries)


def _refusal_within(hook: Hook, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Exception | None:
    """The same of a call that a layer of Keras makes."""
    guard = _state.guard
    if guard is None:
        return None
    for recorder in tuple(_state.recorders):
        if recorder.guard:
            try:
                return recorder.refuse_within(hook, args, kwargs, guard)
            except Exception as error:
                recorder.blame("the guard", error)
    return None


def _refusal(hook: Hook, entries: _Entry) -> Exception | None:
    """The error to raise in place of a call that would end the process, or None."""
    recorder, entered = entries[0]
    row = entered.row
    if _state.guard is None or not hook.guard or not recorder.guard:
        return None
    try:
        problem = _state.guard(row) if recorder.runs_eagerly(entered) else None
    except Exception as error:
        recorder.blame("the guard", error)
        return None
    for _, other in entries:
        other.row.problem = problem
    return problem


def _note_creation(made: Any) -> None:
    for recorder in tuple(_state.recorders):
        try:
            recorder.note_creation(made, sys._getframe(2))
        except Exception as error:
            recorder.blame("the making of a layer", error)


def new_recorder(files: set[str], *, most: int, guard: bool, within: bool = False) -> Recorder:
    """A recorder that shares what is known of where layers were made."""
    return Recorder(files, most, guard, _created, within)


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
    """The first entry that is no hook's, nor our code's that a hook was running when it was interrupted."""
    in_hook = False
    while traceback is not None:
        filename = traceback.tb_frame.f_code.co_filename
        in_hook = filename == HIDDEN or (in_hook and filename.startswith(_OUR_FOLDER))
        if not in_hook:
            break
        traceback = traceback.tb_next
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


class _Watcher(MetaPathFinder):
    """Puts the hooks in as soon as the traced code itself has imported TensorFlow or Keras."""

    _wanted = ("tensorflow", "keras")

    def __init__(self, hooks: Sequence[Hook]) -> None:
        self._hooks = hooks
        self._looking = threading.local()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        """The ordinary spec, with hooks installed after the module has run."""
        if fullname not in self._wanted or getattr(self._looking, "now", False):
            return None
        self._looking.now = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._looking.now = False
        if spec is not None and spec.loader is not None:
            self._watch(spec.loader)
        return spec

    def _watch(self, loader: Any) -> None:
        execute = loader.exec_module

        def exec_module(module: types.ModuleType) -> None:
            del loader.exec_module
            execute(module)
            with _state.lock:
                if _state.recorders:
                    _install(self._hooks)

        loader.exec_module = exec_module
