"""Puts the hooks in, hands calls to the recorder, and always takes the hooks out.

One set of hooks serves the whole process.  Traces may nest and end in any order: the first puts the hooks in, the
last takes them out, and every patched place then holds the very object that it held before.
"""

from __future__ import annotations

import importlib.util
import sys
import threading
import time
import types
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import FunctionType
from typing import Any

from conv_magic.boundary import HIDDEN, Part, is_ours, is_users, keep, step_out
from conv_magic.capture.hooks.by_identity import ByIdentity
from conv_magic.capture.hooks.entry import Hook, Slot
from conv_magic.capture.hooks.keras_layers import find_new
from conv_magic.capture.hooks.table import HOOKS
from conv_magic.capture.recorder import Entered, Place, Recorder, Row

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


def tracing(recorder: Recorder, guard: Guard | None = None, hooks: Sequence[Hook] = HOOKS) -> Part:
    """Hand every hooked call to `recorder`, beside those already tracing, until closed.

    With the last one gone everything is as it was.  An interrupt waits until that is done.
    """
    try:
        _put_in(recorder, guard, hooks)
        yield
    finally:
        raised: BaseException | None = None
        while True:
            try:
                with _state.lock:
                    if recorder in _state.recorders:
                        _state.recorders.remove(recorder)
                    _state.only = _state.recorders[0] if len(_state.recorders) == 1 else None
                    if not _state.recorders:
                        _state.guard = None
                        sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder) is not _Watcher]
                        for name, (slot, original, replacement) in reversed(list(_state.patched.items())):
                            # Where somebody else patched over us meanwhile, their patch keeps calling ours, which
                            # then only passes on.
                            try:
                                if slot.get() is replacement:
                                    slot.set(original)
                            except KeyboardInterrupt:
                                raise
                            except BaseException as fault:
                                raised = raised or fault
                            del _state.patched[name]
                break
            except KeyboardInterrupt as interrupt:
                raised = interrupt
        if raised is not None:
            raise raised


def _put_in(recorder: Recorder, guard: Guard | None, hooks: Sequence[Hook]) -> None:
    _within.call = _within.checked = False  # should an interrupt have cut short a call of an earlier trace
    with _state.lock:
        _state.recorders.append(recorder)
        _state.only = recorder if len(_state.recorders) == 1 else None
        _state.guard = guard or _state.guard
        _install(hooks)
        if len(_state.recorders) == 1:
            sys.meta_path.insert(0, _Watcher(hooks))


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


def _hooked(hook: Hook, function: Callable[..., Any]) -> FunctionType:  # noqa: C901  a call of a function is dear here
    """The hook: the user's function is called once, with the user's arguments, whatever comes of ours before or after.

    All that is ours stands in a `try` of its own, the user's call in another.
    """
    guarded, guarded_within = hook.guard, hook.guard_within  # only what has no rows inside is known again
    within, state, frame_at, now, over = _within, _state, sys._getframe, time.perf_counter, _over
    without: Any = BaseException.with_traceback

    def hooked(*args: Any, **kwargs: Any) -> Any:  # noqa: C901
        entered = repeat = refusal = None
        recorder: Any = None
        try:
            if within.call:
                if guarded_within and within.checked:
                    refusal = _refusal_within(hook, args, kwargs)
            else:
                recorder = state.only
                if guarded and recorder is not None:
                    repeat = recorder.again(hook, args, kwargs, frame_at(2))
                if repeat is None:
                    entered = _enter(hook, args, kwargs)
                    refusal = _refused(hook, entered, args, kwargs)
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

    return _disguised(hooked, function)


def _hooked_new(function: Callable[..., Any]) -> FunctionType:
    over, without = _over, BaseException.with_traceback

    def hooked(cls: type[Any], *args: Any, **kwargs: Any) -> Any:
        try:
            made = function(cls, *args, **kwargs)
        except BaseException as error:
            without(error, error.__traceback__.tb_next)  # type: ignore[union-attr]
            raise
        try:
            _note_creation(made)
        except BaseException as fault:
            if over(None, fault):
                raise
        return made

    return _disguised(hooked, function)


def _over(hook: Hook | None, fault: BaseException, entered: _Entry | None = None) -> bool:
    """Whether what came up in our part of a call is an interrupt, to be raised; an error of ours ends all traces.

    A run in which our own code broke records no more: what is known of it may be half of it.
    """
    try:
        where = hook.name if hook is not None else "a hook"
        if is_users(fault):
            if entered is not None:
                _leave(entered, None, fault)
            step_out(fault)
            return True
        for recorder in tuple(_state.recorders):
            keep(where, fault, recorder.faults)
        with _state.lock:
            _state.recorders.clear()
            _state.only = None
        _within.call = _within.checked = False
    except RecursionError:  # at the end of the stack nothing can be done; what the user calls ends there too
        return False
    return False


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


_Entry = list[tuple[Recorder, Entered]]


def _enter(hook: Hook, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Entry | None:
    entries: _Entry = []
    only = _state.only
    for recorder in (only,) if only is not None else tuple(_state.recorders):
        try:
            entered = recorder.enter(hook, args, kwargs, sys._getframe(2))
            if entered is not None:
                entries.append((recorder, entered))
        except BaseException as error:
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
        except BaseException as fault:
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
            except BaseException as error:
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
    except BaseException as error:
        recorder.blame("the guard", error)
        return None
    for _, other in entries:
        other.row.problem = problem
    return problem


def _note_creation(made: Any) -> None:
    for recorder in tuple(_state.recorders):
        try:
            recorder.note_creation(made, sys._getframe(2))
        except BaseException as error:
            recorder.blame("the making of a layer", error)


def new_recorder(files: set[str], *, most: int, guard: bool, within: bool = False) -> Recorder:
    """A recorder that shares what is known of where layers were made."""
    return Recorder(files, most, guard, _created, within)


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
        try:
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
        except BaseException as fault:  # another finder answers
            if isinstance(fault, ImportError | ValueError) and not is_ours(fault):
                raise
            if _over(None, fault):
                raise
        return None

    def _watch(self, loader: Any) -> None:
        execute = loader.exec_module

        def exec_module(module: types.ModuleType) -> None:
            del loader.exec_module
            try:
                execute(module)
            except BaseException as error:
                BaseException.with_traceback(error, error.__traceback__.tb_next)  # type: ignore[union-attr]
                raise
            try:
                self._install()
            except BaseException as fault:
                if _over(None, fault):
                    raise

        loader.exec_module = exec_module

    def _install(self) -> None:
        with _state.lock:
            if _state.recorders:
                _install(self._hooks)
