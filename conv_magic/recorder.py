"""The calls of one run as they happen: cheap rows, later made into the model's records.

A row is one place, one callee and one set of shapes; a loop over it only counts.  Nothing here keeps a tensor.
"""

from __future__ import annotations

import sys
import threading
import time
import weakref
from collections.abc import Hashable
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, NamedTuple

from conv_magic.hooks.entry import Captured, Description, Hook
from conv_magic.hooks.tensors import (
    dtype_of,
    executing_eagerly,
    in_keras_build,
    mode_of,
    output_bytes,
    shape_of,
    tensors_in,
)
from conv_magic.model import Mode, Outcome, Shape
from conv_magic.source import Site

_MOST_PRODUCERS = 8192


class LineSite(NamedTuple):
    """A place of which only file and line are known (code rewritten by AutoGraph)."""

    filename: str
    line: int


Place = Site | LineSite


@dataclass(eq=False, slots=True)
class Row:
    """One row in the making.

    order    the order of first entry
    callee   what was called and how, hashable: equal for equal calls of one layer
    direct   whether the user's own line made the call, not a library on its behalf
    building whether Keras ran it only to learn shapes
    """

    order: int
    hook: Hook
    callee: Hashable
    place: Place | None
    direct: bool
    parent: Row | None
    inputs: tuple[Shape, ...]
    producers: tuple[Row | None, ...]
    mode: Mode
    building: bool
    description: Description | None = None
    created: Place | None = None
    dtype: str | None = None
    output: Shape | None = None
    output_bytes: int | None = None
    outcome: Outcome = Outcome.ENTERED
    error: str | None = None
    count: int = 0
    seconds: float = 0.0
    problem: Exception | None = None


@dataclass(slots=True)
class Entered:
    """A call that has begun: its row and what its end needs."""

    row: Row
    captured: Captured
    started: float
    quiet: bool
    over: bool = False


class _Local(threading.local):
    """What each thread keeps: the rows it is inside of, and whether calls below are a layer's own affair."""

    def __init__(self) -> None:
        self.stack: list[Row] = []
        self.quiet = False


@dataclass(eq=False)
class Recorder:
    """Collects the rows of one run.

    files      file names whose code is the user's
    most       the limit on rows; further calls are counted in `dropped`
    created    where layers were made, kept from run to run
    faults     our own errors, as text; each is a bug to be shown in one line, never to break the user's cell
    """

    files: set[str]
    most: int
    guard: bool
    created: weakref.WeakKeyDictionary[Any, Place]
    rows: list[Row] = field(default_factory=list)
    dropped: int = 0
    faults: list[str] = field(default_factory=list)
    local: _Local = field(default_factory=_Local)
    _known: dict[Hashable, Row] = field(default_factory=dict)
    _made_by: dict[int, tuple[weakref.ref[Any], Row]] = field(default_factory=dict)

    def enter(self, hook: Hook, args: tuple[Any, ...], kwargs: dict[str, Any], frame: FrameType) -> Entered | None:
        """A hooked call begins; `frame` is the hook's caller.  None where the call is not the user's affair."""
        local = self.local
        if local.quiet:
            return None
        try:
            captured = hook.capture(*args, **kwargs)
        except TypeError:  # the user's arguments do not fit the signature: the call itself will say so
            captured = Captured((), None)
        place, direct = self._place(frame)
        inputs = tuple(shape_of(tensor) or () for tensor in captured.inputs)
        parent = local.stack[-1] if local.stack else None
        row = self._row(hook, captured, place, direct, parent, inputs)
        local.stack.append(row)
        quiet = not hook.contains(captured)
        local.quiet = quiet
        return Entered(row, captured, time.perf_counter(), quiet)

    def _row(
        self, hook: Hook, captured: Captured, place: Place | None, direct: bool, parent: Row | None,
        inputs: tuple[Shape, ...],
    ) -> Row:  # fmt: skip
        learning = in_keras_build()
        mode = Mode.SYMBOLIC if learning else mode_of(captured.inputs[0]) if captured.inputs else Mode.EAGER
        inside = parent is not None and parent.mode is not Mode.SYMBOLIC
        building = mode is Mode.SYMBOLIC and (inside or learning)
        rebuilt = building or (not direct and parent is None)
        key = (hook.name, captured.detail, None if rebuilt else place, inputs, parent and parent.order, mode, building)
        row = self._known.get(key)
        if row is not None and row.outcome not in (Outcome.RAISED, Outcome.GUARDED):
            return row
        producers = tuple(map(self._producer, captured.inputs))
        row = Row(len(self.rows), hook, captured.detail, place, direct, parent, inputs, producers, mode, building)
        if captured.subject is not None:
            row.created = self.created.get(captured.subject)
        row.dtype = dtype_of(captured.inputs[0]) if captured.inputs else None
        row.description = hook.describe(captured, inputs)
        if self._keep(row):
            self._known[key] = row
        return row

    def _keep(self, row: Row) -> bool:
        """Past the limit a row lives as long as its call: the guard needs it, the trace only counts it."""
        if len(self.rows) >= self.most:
            self.dropped += 1
            return False
        self.rows.append(row)
        return True

    def leave(self, entered: Entered, result: object = None, error: BaseException | None = None) -> None:
        """The call ended, with a result or an error; whatever is said of it after that is not heard."""
        if entered.over:
            return
        entered.over = True
        local = self.local
        local.stack.pop()
        if entered.quiet:
            local.quiet = False
        row = entered.row
        seconds = time.perf_counter() - entered.started
        if error is not None:
            self._failed(row, entered, error)
        else:
            row = self._returned(row, entered, result)
        if not row.count or row.direct or row.mode is not Mode.SYMBOLIC:
            row.count += 1  # but not where Keras runs a layer again for each one added after it
        row.seconds += seconds

    def _failed(self, row: Row, entered: Entered, error: BaseException) -> None:
        row.outcome = Outcome.GUARDED if error is row.problem else Outcome.RAISED
        row.error = str(error)[:4000]
        row.description = row.hook.describe(entered.captured, row.inputs)

    def _returned(self, row: Row, entered: Entered, result: object) -> Row:
        if isinstance(result, list | tuple | dict):
            outputs = list(tensors_in(result))
            first = outputs[0] if outputs else None
        else:
            outputs, first = [result], result
        shape = shape_of(first)
        if row.outcome is Outcome.RETURNED and row.output != shape:
            row = self._variant(row)
        if row.outcome is not Outcome.RETURNED:
            row.outcome, row.output = Outcome.RETURNED, shape
            row.output_bytes = output_bytes(first, shape)
            row.mode = mode_of(first) if shape is not None else row.mode
            row.description = row.hook.describe(entered.captured, row.inputs)
        for tensor in outputs:
            self._remember(tensor, row)
        return row

    def _variant(self, row: Row) -> Row:
        """The same call with another result shape is a row of its own."""
        other = Row(
            len(self.rows), row.hook, row.callee, row.place, row.direct, row.parent, row.inputs, row.producers,
            row.mode, row.building, row.description, row.created, row.dtype,
        )  # fmt: skip
        self._keep(other)
        return other

    def _remember(self, tensor: Any, row: Row) -> None:
        if len(self._made_by) >= _MOST_PRODUCERS:
            self._made_by = {key: held for key, held in self._made_by.items() if held[0]() is not None}
            if len(self._made_by) >= _MOST_PRODUCERS:
                self._made_by.clear()
        try:
            self._made_by[id(tensor)] = (weakref.ref(tensor), row)
        except TypeError:  # not every result can be referred to weakly
            return

    def _producer(self, tensor: object) -> Row | None:
        held = self._made_by.get(id(tensor))
        return held[1] if held is not None and held[0]() is tensor else None

    def _place(self, frame: FrameType) -> tuple[Place | None, bool]:
        """The nearest line of the user's, and whether it is the hooked function's very caller."""
        files, direct = self.files, True
        at: FrameType | None = frame.f_back  # `frame` runs the traceback filter around the hook
        while at is not None:
            code = at.f_code
            if code.co_filename in files:
                return (code, at.f_lasti), direct
            if "__autograph_generated_file" in code.co_filename:
                found = self._autograph_place()
                if found is not None:
                    return found, direct
            direct = False
            at = at.f_back
        return None, False

    def _autograph_place(self) -> Place | None:
        """The line as TensorFlow's own source map has it; only while a graph is traced."""
        tf_stack: Any = sys.modules.get("tensorflow.python.util.tf_stack")
        if tf_stack is None:
            return None
        for summary in reversed(list(tf_stack.extract_stack())):
            if summary.filename in self.files:
                return LineSite(summary.filename, summary.lineno)
        return None

    def note_creation(self, layer: Any, frame: FrameType | None) -> None:
        """A layer was made; `frame` called its class."""
        while frame is not None:
            code = frame.f_code
            if code.co_filename in self.files:
                self.created[layer] = (code, frame.f_lasti)
                return
            frame = frame.f_back

    def runs_eagerly(self, entered: Entered) -> bool:
        """Whether the call would be dispatched at once, to a kernel that may abort."""
        return entered.row.mode is Mode.EAGER and executing_eagerly()
