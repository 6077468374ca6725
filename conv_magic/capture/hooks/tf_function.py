"""See each tracing of a `tf.function`: for which shapes and Python numbers, and whether it was made anew.

A graph that was traced before runs without Python, so the call itself costs nothing here; only a trace is met
(https://www.tensorflow.org/guide/function#controlling_retracing).
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any, NamedTuple

from conv_magic.capture.hooks.by_identity import ByIdentity
from conv_magic.capture.hooks.entry import AttributeSlot, Captured, Description, Hook, Slot
from conv_magic.capture.hooks.tensors import tensors_in
from conv_magic.model.calls import Tracing
from conv_magic.model.shapes import Shape

_PACKAGE = "tensorflow.python.eager.polymorphic_function"
_MACHINERY = (
    os.path.join("tensorflow", "python", "eager", "polymorphic_function"),
    os.path.join("tensorflow", "python", "util", "traceback_utils.py"),
)
_OFTEN = 5
_MOST_NUMBERS = 6
_PLAIN = (int, float, str, bytes, bool, type(None))

_next_identity = itertools.count()
_identities: ByIdentity[int] = ByIdentity()


class Signature(NamedTuple):
    """One trace.

    function  a number for the function object, another for each one made
    numbers   the Python numbers among its arguments, by parameter
    sees      what its code sees of names around it; None where that cannot be told
    recent    how many of the last ten calls were traced before this one
    """

    name: str
    code: CodeType | None
    function: int
    numbers: tuple[tuple[str, str], ...]
    sees: Hashable
    recent: int


@dataclass(slots=True)
class Traces:
    """The traces of one row, as they come: times and function objects by name."""

    times: dict[str, int] = field(default_factory=dict)
    functions: dict[str, set[int]] = field(default_factory=dict)
    numbers: dict[str, dict[str, None]] = field(default_factory=dict)
    sees: set[Hashable] = field(default_factory=set)
    recent: int = 0

    def note(self, signature: Signature) -> None:
        """Add one trace."""
        self.times[signature.name] = self.times.get(signature.name, 0) + 1
        self.functions.setdefault(signature.name, set()).add(signature.function)
        self.sees.add(signature.sees)
        self.recent = max(self.recent, signature.recent)
        for name, number in signature.numbers:
            self.numbers.setdefault(name, {})[number] = None

    def summary(self) -> Tracing:
        """Return the counts of the function traced most; Keras' training step has two that trace one another."""
        # copied at once: a thread that shows a running cell asks while another traces
        numbers = tuple((name, tuple(list(seen)[:_MOST_NUMBERS])) for name, seen in list(self.numbers.items()))
        most = max(map(len, list(self.functions.values())), default=0)
        alike = len(self.sees) == 1 and None not in self.sees
        return Tracing(max(list(self.times.values()), default=0), most, alike, self.recent >= _OFTEN - 1, numbers)


def _identity_number(owner: object) -> int:
    """Return a number that is the object's own as long as it lives; raise `TypeError` if it has no weak references."""
    known = _identities.get(owner)
    if known is None:
        known = next(_next_identity)
        _identities.note(owner, known)
    return known


def _users_function(function: Any) -> Any:
    """Return the user's own function inside what TensorFlow wraps around it."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    function = getattr(function, "__func__", function)
    return getattr(function, "func", function)  # `functools.partial`


def _outer_values(function: Any) -> Hashable:
    """Return what the names from outside a function stand for, None for a method, whose object differs."""
    code = getattr(function, "__code__", None)
    if code is None or code.co_varnames[: code.co_argcount][:1] == ("self",):
        return None
    globals_used = [function.__globals__[name] for name in sorted(_names_used(code)) if name in function.__globals__]
    try:
        cells = [cell.cell_contents for cell in function.__closure__ or ()]
    except ValueError:  # a name around it that has no value yet
        return None
    try:
        return tuple(_comparable(value) for value in (*cells, *globals_used, *(function.__defaults__ or ())))
    except TypeError:  # what has no weak references
        return None


def _comparable(value: object) -> Hashable:
    return repr(value) if type(value) in _PLAIN else _identity_number(value)


def _names_used(code: CodeType) -> set[str]:
    inner = (constant for constant in code.co_consts if isinstance(constant, CodeType))
    return set(code.co_names).union(*map(_names_used, inner))


def _numbers_in(function_type: Any) -> Iterator[tuple[str, str]]:
    for name, parameter in function_type.parameters.items():
        value = getattr(parameter.type_constraint, "value", None)  # of a `Literal`
        if type(value) in (int, float):
            yield name, repr(value)


def _recent_traces(code: CodeType | None) -> int:
    """Return how many of the last ten calls were traced, as TensorFlow counts before it warns.

    https://github.com/tensorflow/tensorflow/blob/master/tensorflow/python/eager/polymorphic_function/polymorphic_function.py
    """
    module = sys.modules.get(f"{_PACKAGE}.polymorphic_function")
    known = getattr(getattr(module, "_frequent_tracing_detector_manager", None), "_detectors", {})
    return len(getattr(known.get(code), "_calls_per_tracings", ())) if code is not None else 0


def _capture_trace(function_type: Any, context: Any, graph: Any, options: Any) -> Captured:
    function = _users_function(options.python_function)
    signature = Signature(
        getattr(function, "__name__", None) or getattr(function, "name", None) or type(function).__name__,
        getattr(function, "__code__", None),
        _identity_number(options.lock) if options.lock is not None else -1,  # each function object has one of its own
        tuple(_numbers_in(function_type)),
        _outer_values(function),
        _recent_traces(getattr(function, "__code__", None)),
    )
    return Captured(tuple(tensors_in(function_type.flat_inputs)), signature)


def _describe_trace(captured: Captured, inputs: tuple[Shape, ...]) -> Description:
    signature: Any = captured.detail
    return Description("tf.function", signature.name)


def _find_tracing() -> Slot | None:
    module = sys.modules.get(f"{_PACKAGE}.tracing_compilation")
    return AttributeSlot(module, "_create_concrete_function") if hasattr(module, "_create_concrete_function") else None


def called_from(frame: FrameType) -> FrameType:
    """Return the frame of TensorFlow that the function's own caller called."""
    while frame.f_back is not None and any(part in frame.f_back.f_code.co_filename for part in _MACHINERY):
        frame = frame.f_back
    return frame


TRACES: tuple[Hook, ...] = (
    Hook("tf.function", _find_tracing, _capture_trace, _describe_trace, contains=lambda _: True, traces=True),
)
