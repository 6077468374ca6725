"""The same call at the same place again: known by a look at its arguments, with nothing worked out a second time."""

from __future__ import annotations

import weakref
from types import CodeType
from typing import Any

from conv_magic.hooks.entry import Captured

_PLAIN = (int, str, bool, type(None))
_LISTS = (list, tuple)


class Repeat:
    """A call that was seen: its place, its arguments without the tensors, and its row.

    Of a tensor the type and the shape are kept, of a number, a word or a short list of them the value.
    """

    __slots__ = ("captured", "code", "hook", "kinds", "names", "row", "tensor", "tensors", "values")

    def __init__(self, hook: object, code: CodeType, captured: Captured, row: Any) -> None:
        self.hook, self.code, self.row = hook, code, row
        self.captured = captured._replace(inputs=())
        self.kinds: tuple[type[Any], ...] = ()
        self.names: tuple[str, ...] = ()
        self.tensor: type[Any] | None = None  # TensorFlow's class of eager tensors
        self.tensors: list[tuple[int, object, weakref.ref[Any]]] = []
        self.values: list[tuple[int, object]] = []

    @classmethod
    def of(
        cls, hook: object, code: CodeType, args: tuple[Any, ...], kwargs: dict[str, Any], captured: Captured, row: Any
    ) -> Repeat | None:
        """The call, or None where an argument is of a kind that cannot be compared so."""
        made = cls(hook, code, captured, row)
        given = (*args, *kwargs.values())
        made.kinds, made.names = tuple(map(type, given)), tuple(kwargs)
        for number, value in enumerate(given):
            if _is_tensor(value):
                made.tensor = type(value)
                made.tensors.append((number, value._shape_tuple(), weakref.ref(value)))
            elif type(value) in _PLAIN:
                made.values.append((number, value))
            elif type(value) in _LISTS and all(type(entry) in _PLAIN for entry in value):
                made.values.append((number, type(value)(value)))  # the user may change the list meanwhile
            else:
                return None
        return made

    def matches(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Whether the arguments are of the same shapes and values as those that were seen."""
        if kwargs:
            if tuple(kwargs) != self.names:
                return False
            args = (*args, *kwargs.values())
        elif self.names:
            return False
        if tuple(map(type, args)) != self.kinds:
            return False
        for number, shape, same in self.tensors:
            if same() is not args[number] and args[number]._shape_tuple() != shape:
                return False
        for number, value in self.values:  # noqa: SIM110  # a generator would cost as much as all the rest
            if args[number] != value:
                return False
        return True


def _is_tensor(value: Any) -> bool:
    """A tensor of which only the shape counts: of an output shape the values do."""
    if type(value).__name__ != "EagerTensor":
        return False
    return not (value.dtype.is_integer and len(value._shape_tuple()) < 2)
