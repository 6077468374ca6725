"""Put the hooks in, pass calls to the recorder, and always take the hooks out.

One set of hooks serves the whole process. Traces may nest and end in any order: the first puts the hooks in, the last
takes them out, and every patched slot then holds the very object that it held before.
"""

from __future__ import annotations

import importlib.util
import sys
import threading
import types
from collections.abc import Iterable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any

from conv_magic.boundary import Part, is_ours
from conv_magic.capture.hooked import Guard, end_traces, hooked, hooked_new, inside, state
from conv_magic.capture.hooks.by_identity import ByIdentity
from conv_magic.capture.hooks.entry import Hook, Slot
from conv_magic.capture.hooks.keras_layers import find_new
from conv_magic.capture.hooks.table import HOOKS
from conv_magic.capture.recorder import Recorder
from conv_magic.capture.rows import Place

_created: ByIdentity[Place] = ByIdentity()


def patched() -> tuple[str, ...]:
    """Return the names of the hooks that are in now, empty whenever nothing is traced."""
    return tuple(state.patched)


def tracing(recorder: Recorder, guard: Guard | None = None, hooks: Sequence[Hook] = HOOKS) -> Part:
    """Pass every hooked call to `recorder`, beside those already tracing, until closed.

    With the last one gone everything is as it was.  An interrupt waits until that is done.
    """
    try:
        _begin(recorder, guard, hooks)
        yield
    finally:
        raised: BaseException | None = None
        while True:
            try:
                with state.lock:
                    if recorder in state.recorders:
                        state.recorders.remove(recorder)
                    state.only = state.recorders[0] if len(state.recorders) == 1 else None
                    if not state.recorders:
                        state.guard = None
                        sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder) is not _Watcher]
                        for name, (slot, original, replacement) in reversed(list(state.patched.items())):
                            # Where somebody else patched over us meanwhile, their patch keeps calling ours, which
                            # then only passes on.
                            try:
                                if slot.get() is replacement:
                                    slot.set(original)
                            except KeyboardInterrupt:
                                raise
                            except BaseException as fault:
                                raised = raised or fault
                            del state.patched[name]
                break
            except KeyboardInterrupt as interrupt:
                raised = interrupt
        if raised is not None:
            raise raised


def _begin(recorder: Recorder, guard: Guard | None, hooks: Sequence[Hook]) -> None:
    """Add a recorder and put in the hooks that are not in yet."""
    inside.call = inside.checked = False  # should an interrupt have cut short a call of an earlier trace
    with state.lock:
        state.recorders.append(recorder)
        state.only = recorder if len(state.recorders) == 1 else None
        state.guard = guard or state.guard
        _install(hooks)
        if len(state.recorders) == 1:
            sys.meta_path.insert(0, _Watcher(hooks))


def _install(hooks: Iterable[Hook]) -> None:
    """Put in each hook whose library is imported and whose slot holds none yet."""
    taken = [slot for slot, _, _ in state.patched.values()]
    for hook in hooks:
        if hook.name not in state.patched:
            slot = hook.find()
            if slot is not None and slot not in taken:  # `tf.compat.v1.nn.avg_pool2d` is `avg_pool` by another name
                original = slot.get()
                _patch(hook.name, slot, original, hooked(hook, original))
                taken.append(slot)
    if "keras.layers.Layer.__new__" not in state.patched and (slot := find_new()) is not None:
        original = slot.get()
        _patch("keras.layers.Layer.__new__", slot, original, staticmethod(hooked_new(original.__func__)))


def _patch(name: str, slot: Slot, original: Any, replacement: Any) -> None:
    state.patched[name] = (slot, original, replacement)  # first, so that an interrupt leaves nothing unknown behind
    slot.set(replacement)


def new_recorder(files: set[str], *, most: int, guard: bool, within: bool = False) -> Recorder:
    """Return a recorder that shares with others what is known of where layers were made."""
    return Recorder(files, most, guard, _created, within)


class _Watcher(MetaPathFinder):
    """Puts the hooks in as soon as the traced code has imported TensorFlow or Keras."""

    _wanted = ("tensorflow", "keras")

    def __init__(self, hooks: Sequence[Hook]) -> None:
        self._hooks = hooks
        self._looking = threading.local()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the ordinary spec, with hooks installed after the module has run."""
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
            if end_traces(None, fault):
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
                if end_traces(None, fault):
                    raise

        loader.exec_module = exec_module

    def _install(self) -> None:
        with state.lock:
            if state.recorders:
                _install(self._hooks)
