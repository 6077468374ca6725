"""Record the calls of one run as they happen: cheap rows, later made into call records.

A row is one place, one callee and one set of shapes; a loop over it only counts.  Nothing here keeps a tensor.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
import weakref
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from conv_magic.boundary import keep
from conv_magic.capture.call_lines import UserLines, site_key
from conv_magic.capture.hooks.by_identity import ByIdentity
from conv_magic.capture.hooks.entry import Captured, Description, Hook
from conv_magic.capture.hooks.repeats import Repeat
from conv_magic.capture.hooks.tensors import (
    dtype_of,
    executing_eagerly,
    in_keras_build,
    mode_of,
    output_bytes,
    shape_of,
    tensors_in,
)
from conv_magic.capture.hooks.tf_function import Traces, called_from
from conv_magic.capture.rows import Entered, Place, Row, shortened, words_of
from conv_magic.model.calls import Mode, Outcome
from conv_magic.model.shapes import Shape

_OF_KERAS = os.path.join("keras", "src", "")
# an enum looks its members up as slowly as all else that a known call takes
_RETURNED, _EAGER, _SYMBOLIC = Outcome.RETURNED, Mode.EAGER, Mode.SYMBOLIC
_MOST_PRODUCERS = 8192
_MOST_CALLS_PASSED = 4096

_passed: set[Hashable] = set()
"""Calls inside layers that the guard has let pass: what is possible once is possible in every run."""
_UNFIT = Captured((), None)
"""What is known of a call whose arguments do not fit the signature."""


class _ThreadState(threading.local):
    """What each thread keeps: the rows it is inside of, and whether calls below are a layer's own affair.

    checked   whether the call that made it quiet was put to the guard itself
    replica   the number of the `tf.distribute` replica whose thread it is: TensorFlow's replica threads carry it
    """

    def __init__(self) -> None:
        thread = threading.current_thread()  # a worker of several counts its own replicas from 0 as well
        own: int | None = getattr(thread, "replica_id", None)
        self.replica: int | None = getattr(thread, "replica_id_in_sync_group", own)
        self.stack: list[Row | None] = []
        self.quiet = False
        self.checked = False


def _description_of(hook: Hook, captured: Captured, inputs: tuple[Shape, ...]) -> Description:
    """Return the description of a call; of arguments that do not fit the signature only its name."""
    return Description(hook.name.rpartition(".")[2]) if captured is _UNFIT else hook.describe(captured, inputs)


@dataclass(eq=False)
class Recorder:
    """Collects the rows of one run.

    files      file names whose code is the user's
    most       the limit on rows; further calls are counted in `dropped`
    created    where layers were made, kept from run to run
    within     whether the calls that Keras' own layers make are rows too
    faults     our own errors, as text; each is a bug to be shown in one line, never to break the user's cell
    """

    files: set[str]
    most: int
    guard: bool
    created: ByIdentity[Place]
    within: bool = False
    rows: list[Row] = field(default_factory=list)
    dropped: int = 0
    faults: list[str] = field(default_factory=list)
    local: _ThreadState = field(default_factory=_ThreadState)
    _first: list[Row | None] = field(init=False)
    _orders: Iterator[int] = field(default_factory=itertools.count)
    _known: dict[Hashable, Row] = field(default_factory=dict)
    _repeats: dict[tuple[int, int], Repeat] = field(default_factory=dict)
    _made_by: dict[int, tuple[weakref.ref[Any], Row]] = field(default_factory=dict)
    _lines: UserLines = field(init=False)

    def __post_init__(self) -> None:
        self._first = self.local.stack  # of the thread that the cell runs in
        self._lines = UserLines(self.files)

    def enter(self, hook: Hook, args: tuple[Any, ...], kwargs: dict[str, Any], frame: FrameType) -> Entered | None:
        """Note that a hooked call begins; `frame` is the hook's caller. Return None if the call is no row."""
        local = self.local
        if local.quiet:
            return None
        if hook.traces:
            return self._enter_trace(hook, hook.capture(*args, **kwargs), frame)
        try:
            captured = hook.capture(*args, **kwargs)
        except (TypeError, RecursionError):  # they do not fit the signature, or have no end: the call itself says so
            captured = _UNFIT
        place, direct = self._lines.call_site(frame)
        inputs = tuple([shape_of(tensor) or () for tensor in captured.inputs])
        stack = local.stack or (self._first if local.replica is not None else ())
        parent = stack[-1] if stack else None
        if place is None and parent is not None:
            place = parent.place  # a replica's thread has no line of the user's: its strategy was run from there
        row = self._row_of(hook, captured, place, direct, parent, inputs)
        if hook.guard and row.count and direct and parent is None and row.mode is _EAGER and frame.f_back:
            self._learn_repeat(
                Repeat(hook, frame.f_back.f_code, captured, row, local.stack), frame.f_back, args, kwargs
            )
        quiet = not (hook.contains(captured) or (self.within and captured.subject is not None))
        checked = False
        if not (row.count or hook.guard):  # what a layer did once it does again
            row.description, passed = hook.recall(captured, inputs)
            checked = quiet and self.guard and not passed
        local.stack.append(row)  # from here on nothing can go wrong
        local.quiet = quiet
        local.checked = not checked
        return Entered(row, captured, time.perf_counter(), quiet, checked)

    def _enter_trace(self, hook: Hook, captured: Captured, frame: FrameType) -> Entered | None:
        """Note that a graph is traced: a row for a user's function, a trace of the `fit` for one of Keras'."""
        signature: Any = captured.detail
        stack = self.local.stack
        parent = stack[-1] if stack else None
        filename = signature.code.co_filename if signature.code is not None else ""
        place, direct = self._lines.call_site(called_from(frame))
        own = direct or filename in self.files  # of a function made of a model the code is Keras'
        row = parent if _OF_KERAS in filename else None
        if own:
            inputs = tuple(shape_of(tensor) or () for tensor in captured.inputs)
            same = captured._replace(detail=(signature.name, signature.code))
            row = self._row_of(hook, same, place, direct, parent, inputs)
            row.mode = Mode.GRAPH
        if row is not None:
            row.traces = row.traces or Traces()
            row.traces.note(signature)
        if row is None or not own:
            return None
        stack.append(parent)  # what is called inside keeps its own place in the nesting
        return Entered(row, captured, time.perf_counter(), False)

    def _learn_repeat(self, repeat: Repeat, caller: FrameType, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Keep a repeated call's arguments, to recognise it at once the next time."""
        key = id(repeat.code), caller.f_lasti
        if repeat.learn(args, kwargs):
            self._repeats[key] = repeat
        else:
            self._repeats.pop(key, None)

    def again(self, hook: Hook, args: tuple[Any, ...], kwargs: dict[str, Any], caller: FrameType) -> Repeat | None:
        """Return the last call at this call site if this one has the same arguments: a loop's next turn.

        Then all about it is known but its end, which is told to `returned_again` or `raised_again`.
        """
        repeat = self._repeats.get((id(caller.f_code), caller.f_lasti))
        if repeat is None or repeat.hook is not hook:
            return None
        try:
            return repeat if repeat.matches(self.local.stack, args, kwargs) else None
        except BaseException as fault:
            self.blame(hook.name, fault)
            return None

    def returned_again(self, repeat: Repeat, result: Any, seconds: float) -> None:
        """Note that a call recognised by `again` returned; equal arguments give equal shapes."""
        row, held = repeat.row, self._made_by
        try:
            if type(result) is repeat.tensor and len(held) < _MOST_PRODUCERS:
                row.count += 1
                row.seconds += seconds
                held[id(result)] = weakref.ref(result), row
            else:
                self._note_end(row, repeat.captured, seconds, result, None)
        except BaseException as fault:
            self.blame(row.hook.name, fault)

    def raised_again(self, repeat: Repeat, error: BaseException, seconds: float) -> None:
        """Note that a call recognised by `again` raised."""
        try:
            self._note_end(repeat.row, repeat.captured, seconds, None, error)
        except BaseException as fault:
            self.blame(repeat.row.hook.name, fault)

    def blame(self, where: str, error: BaseException) -> None:
        """Keep an error of our own, once; raise an interrupt again."""
        keep(where, error, self.faults)

    def _row_of(
        self, hook: Hook, captured: Captured, place: Place | None, direct: bool, parent: Row | None,
        inputs: tuple[Shape, ...],
    ) -> Row:  # fmt: skip
        """Return the row of a call, a new one for a new call site, callee or set of shapes."""
        learning = in_keras_build()
        mode = _SYMBOLIC if learning else mode_of(captured.inputs[0]) if captured.inputs else _EAGER
        inside = parent is not None and parent.mode is not _SYMBOLIC
        building = mode is _SYMBOLIC and (inside or learning)
        rebuilt = building or (not direct and parent is None)
        identity, replica = None if rebuilt else site_key(place), self.local.replica
        key = (hook.name, captured.detail, identity, inputs, parent and parent.order, mode, building, replica)
        row = self._known.get(key)
        if row is not None and row.outcome not in (Outcome.RAISED, Outcome.GUARDED):
            return row
        producers = tuple(map(self._producer_row, captured.inputs))
        row = Row(next(self._orders), hook, captured.detail, place, direct, parent, inputs, producers, mode, building)
        row.replica = replica
        if captured.subject is not None:
            row.created = self.created.get(captured.subject)
        row.dtype = dtype_of(captured.inputs[0]) if captured.inputs else None
        if hook.guard:  # the guard needs it; of others it is asked when the call has ended, once
            row.description = _description_of(hook, captured, inputs)
        if self._keep_row(row):
            self._known[key] = row
        return row

    def _keep_row(self, row: Row) -> bool:
        """Keep a row unless there are too many; past the limit it lives as long as its call, and is only counted."""
        if len(self.rows) >= self.most:
            self.dropped += 1
            return False
        self.rows.append(row)
        return True

    def leave(self, entered: Entered, result: object = None, error: BaseException | None = None) -> None:
        """Note that the call ended, with a result or an error; only the first time counts."""
        if entered.over:
            return
        entered.over = True
        local = self.local
        local.stack.pop()
        if entered.quiet:
            local.quiet = False
        self._note_end(entered.row, entered.captured, time.perf_counter() - entered.started, result, error)
        if entered.checked and error is None and entered.row.mode is _EAGER and executing_eagerly():
            entered.row.hook.let_pass(entered.captured, entered.row.inputs)

    def _note_end(
        self, row: Row, captured: Captured, seconds: float, result: object, error: BaseException | None
    ) -> None:
        if error is not None:
            self._note_failure(row, captured, error)
        else:
            row = self._note_return(row, captured, result)
        if not row.count or row.direct or row.mode is not _SYMBOLIC:
            row.count += 1  # but not where Keras runs a layer again for each one added after it
        row.seconds += seconds

    def _note_failure(self, row: Row, captured: Captured, error: BaseException) -> None:
        # Keras raises another error of the same type in its place, with the layer's name in it.
        guarded = error is row.problem or (row.problem is not None and type(error) is type(row.problem))
        row.outcome = Outcome.GUARDED if guarded else Outcome.RAISED
        row.error = shortened(words_of(error))
        row.description = _description_of(row.hook, captured, row.inputs)

    def _note_return(self, row: Row, captured: Captured, result: object) -> Row:
        if isinstance(result, list | tuple | dict):
            outputs = tensors_in(result)
            first = outputs[0] if outputs else None
        else:
            outputs, first = [result], result
        shape = shape_of(first)
        if row.outcome is _RETURNED and row.output != shape:
            row = self._row_of_other_shape(row)
        if row.outcome is not _RETURNED:
            row.outcome, row.output = Outcome.RETURNED, shape
            row.output_bytes = output_bytes(first, shape)
            row.mode = mode_of(first) if shape is not None else row.mode
            if row.description is None:
                row.description = _description_of(row.hook, captured, row.inputs)
        for tensor in outputs:
            self._note_producer(tensor, row)
        return row

    def _row_of_other_shape(self, row: Row) -> Row:
        """Return a new row for the same call with another result shape."""
        other = Row(
            next(self._orders), row.hook, row.callee, row.place, row.direct, row.parent, row.inputs, row.producers,
            row.mode, row.building, row.description, row.created, row.dtype, replica=row.replica,
        )  # fmt: skip
        self._keep_row(other)
        return other

    def _note_producer(self, tensor: Any, row: Row) -> None:
        if len(self._made_by) >= _MOST_PRODUCERS:
            everything = list(self._made_by.items())  # at once: other threads add to it
            self._made_by = {key: held for key, held in everything if held[0]() is not None}
            if len(self._made_by) >= _MOST_PRODUCERS:
                self._made_by.clear()
        try:
            self._made_by[id(tensor)] = (weakref.ref(tensor), row)
        except TypeError:  # not every result can be referred to weakly
            return

    def _producer_row(self, tensor: object) -> Row | None:
        held = self._made_by.get(id(tensor))
        return held[1] if held is not None and held[0]() is tensor else None

    def note_creation(self, layer: Any, frame: FrameType | None) -> None:
        """Note where a layer was made; `frame` called its class."""
        while frame is not None:
            code = frame.f_code
            if code.co_filename in self.files:
                self.created.note(layer, (code, frame.f_lasti))
                return
            frame = frame.f_back

    def refuse_within(
        self, hook: Hook, args: tuple[Any, ...], kwargs: dict[str, Any], guard: Callable[[Row], Exception | None]
    ) -> Exception | None:
        """Return the guard's error for a call inside a layer, which is no row; what passed is not checked again."""
        local = self.local
        layer = local.stack[-1] if local.quiet else None
        if layer is None or local.checked or layer.count:  # what the layer did once it does again
            return None
        try:
            captured = hook.capture(*args, **kwargs)
        except TypeError:
            return None
        if mode_of(captured.inputs[0]) is not Mode.EAGER or not executing_eagerly():
            return None
        inputs = tuple(shape_of(tensor) or () for tensor in captured.inputs)
        key = (hook.name, captured.detail, inputs)
        if key in _passed:
            return None
        row = Row(-1, hook, captured.detail, None, False, None, inputs, (), Mode.EAGER, False)
        row.description = hook.describe(captured, inputs)
        problem = guard(row)
        if problem is None:
            if len(_passed) >= _MOST_CALLS_PASSED:
                _passed.clear()
            _passed.add(key)
        else:
            layer.problem = problem
        return problem

    def runs_eagerly(self, entered: Entered) -> bool:
        """Check whether the call would be dispatched at once, to a kernel that may abort."""
        return entered.row.mode is Mode.EAGER and executing_eagerly()
