"""Recognise the same call at the same call site by its arguments, with nothing worked out a second time."""

from __future__ import annotations

import weakref
from types import CodeType
from typing import Any

from conv_magic.capture.hooks.entry import Captured
from conv_magic.model.calls import Outcome

_PLAIN = (int, str, bool, type(None))
_LISTS = (list, tuple)
_RETURNED = Outcome.RETURNED  # an enum looks its members up slowly


class Repeat:
    """A call that was seen: its call site, its arguments without the tensors, and its row.

    Of a tensor the type and the shape are kept, of a number, a word or a short list of them the value.  `stack` is the
    list of calls that its thread was inside of.
    """

    __slots__ = ("captured", "code", "given", "hook", "names", "row", "stack", "tensor", "tensors", "values")

    def __init__(self, hook: object, code: CodeType, captured: Captured, row: Any, stack: list[Any]) -> None:
        self.hook, self.code, self.row, self.stack = hook, code, row, stack  # the code is held: its `id` is a key
        self.captured = captured._replace(inputs=())
        self.given = 0
        self.names: tuple[str, ...] = ()
        self.tensor: type[Any] | None = None  # TensorFlow's class of eager tensors
        self.tensors: list[tuple[int, object, weakref.ref[Any]]] = []
        self.values: list[tuple[int, object]] = []

    def learn(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Keep the arguments; return False if one of them cannot be compared."""
        self.given, self.names = len(args) + len(kwargs), tuple(kwargs)
        for index, value in enumerate((*args, *kwargs.values())):
            if _is_shape_only(value):
                self.tensor = type(value)
                self.tensors.append((index, value._shape_tuple(), weakref.ref(value)))
            elif type(value) in _PLAIN:
                self.values.append((index, value))
            elif type(value) in _LISTS and all(type(entry) in _PLAIN for entry in value):
                self.values.append((index, type(value)(value)))  # the user may change the list meanwhile
            else:
                return False
        return True

    def matches(self, stack: list[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Check whether a call of this thread, not inside another, has arguments of the same shapes and values."""
        if stack or stack is not self.stack or self.row.outcome is not _RETURNED:
            return False
        if kwargs:
            if tuple(kwargs) != self.names:
                return False
            args = (*args, *kwargs.values())
        elif self.names:
            return False
        if len(args) != self.given:
            return False
        for index, shape, same in self.tensors:
            value = args[index]
            if same() is not value and (type(value) is not self.tensor or value._shape_tuple() != shape):
                return False
        for index, known in self.values:
            value = args[index]
            if value is not known and (type(value) is not type(known) or value != known):
                return False
        return True


def _is_shape_only(value: Any) -> bool:
    """Check whether a value is a tensor of which only the shape counts; of an output shape the values do."""
    if type(value).__name__ != "EagerTensor":
        return False
    return not (value.dtype.is_integer and len(value._shape_tuple()) < 2)
