"""The same call at the same place again: known by a look at its arguments, with nothing worked out a second time."""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType
from typing import Any

from conv_magic.hooks.entry import Captured

_PLAIN = (int, str, bool, type(None))
_Kept = tuple[type[Any], Any]


class Repeat:
    """A call that was seen: its place, its arguments without the tensors, and its row.

    Of a tensor the type and the shape are kept, of a number, a word or a short list of them the value.
    """

    __slots__ = ("args", "captured", "code", "hook", "kwargs", "row")

    def __init__(self, hook: object, code: CodeType, captured: Captured, row: Any) -> None:
        self.hook, self.code, self.row = hook, code, row
        self.captured = captured._replace(inputs=())
        self.args: list[_Kept] = []
        self.kwargs: dict[str, _Kept] = {}

    @classmethod
    def of(
        cls, hook: object, code: CodeType, args: tuple[Any, ...], kwargs: dict[str, Any], captured: Captured, row: Any
    ) -> Repeat | None:
        """The call, or None where an argument is of a kind that cannot be compared so."""
        made = cls(hook, code, captured, row)
        for value in args:
            kept = _kept(value)
            if kept is None:
                return None
            made.args.append(kept)
        for name, value in kwargs.items():
            kept = _kept(value)
            if kept is None:
                return None
            made.kwargs[name] = kept
        return made

    def matches(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Whether the arguments are of the same shapes and values as those that were seen."""
        if len(args) != len(self.args) or len(kwargs) != len(self.kwargs):
            return False
        for value, (kind, wanted) in zip(args, self.args, strict=True):
            if type(value) is not kind:
                return False
            if (value._shape_tuple() if kind not in _VALUES else value) != wanted:
                return False
        for name, value in kwargs.items():
            kind, wanted = self.kwargs.get(name, _NOTHING)
            if type(value) is not kind:
                return False
            if (value._shape_tuple() if kind not in _VALUES else value) != wanted:
                return False
        return True


_NOTHING: _Kept = (Repeat, None)
_VALUES: dict[type[Any], Callable[[Any], Any]] = {
    **dict.fromkeys(_PLAIN, lambda value: value),
    list: list,
    tuple: tuple,
}


def _kept(value: Any) -> _Kept | None:
    kind = type(value)
    if kind.__name__ == "EagerTensor":
        numbers = value.dtype.is_integer and len(value._shape_tuple()) < 2  # an output shape: its values count
        return None if numbers else (kind, value._shape_tuple())
    if kind not in _VALUES:
        return None
    if kind in (list, tuple) and not all(type(entry) in _PLAIN for entry in value):
        return None
    return kind, _VALUES[kind](value)
