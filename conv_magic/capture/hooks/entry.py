"""Define a hook: one entry of the table, from where it hooks to how its calls are described."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from types import FunctionType
from typing import Any, NamedTuple, Protocol

from conv_magic.model.options import Options
from conv_magic.model.shapes import Shape


class Captured(NamedTuple):
    """What is taken from a call's arguments as it begins, in a microsecond or two.

    inputs   the tensors it works on, in order
    detail   what else decides its shape, hashable; calls of equal place, shapes and detail are one row
    subject  the layer, or None
    """

    inputs: tuple[object, ...]
    detail: Hashable
    subject: object = None


@dataclass(frozen=True, slots=True)
class Description:
    """What a call is, in the model's terms; worked out once for each row."""

    op: str
    layer: str | None = None
    kernel: Shape | None = None
    options: Options | None = None
    accepts: Shape | None = None
    params: int | None = None


class Slot(Protocol):
    """Anything that holds a function which can be replaced."""

    def get(self) -> Any:
        """Return the function in the slot."""

    def set(self, value: Any) -> None:
        """Put another function in."""


@dataclass(frozen=True, slots=True)
class Hook:
    """One target.

    find        its slot, or None while its library is not imported
    capture     the call's arguments to what is kept of them
    describe    that, and the input shapes, to the model's terms
    contains    whether calls made inside it are rows of their own
    guard       whether an eager call is checked before it is dispatched; nothing inside such a call is a row
    guard_within  whether that holds for calls inside a layer of Keras too, which are no rows
    traces      whether it is a function being traced, not called; calls inside are then rows beside it
    recall      what is known of such a call from before, in whichever run: its description, None where that may not
                hold now, and whether the guard has let all calls inside it pass
    let_pass    notes that it has
    """

    name: str
    find: Callable[[], Slot | None]
    capture: Callable[..., Captured]
    describe: Callable[[Captured, tuple[Shape, ...]], Description]
    contains: Callable[[Captured], bool]
    guard: bool = False
    guard_within: bool = False
    traces: bool = False
    recall: Callable[[Captured, tuple[Shape, ...]], tuple[Description | None, bool]] = lambda captured, inputs: (
        None,
        False,
    )
    let_pass: Callable[[Captured, tuple[Shape, ...]], None] = lambda captured, inputs: None


def contains_nothing(captured: Captured) -> bool:
    """Return that no call inside this one is a row of its own."""
    return False


@dataclass(frozen=True, slots=True)
class CellSlot:
    """A free variable of a closure.

    TensorFlow and Keras wrap their public functions in a traceback filter that calls its free variable; a hook put
    there is met by every alias ever taken, and the function stays the same object
    (https://github.com/tensorflow/tensorflow/blob/master/tensorflow/python/util/traceback_utils.py).
    """

    function: FunctionType
    variable: str

    @classmethod
    def of(cls, function: object, variable: str) -> CellSlot | None:
        """Return the slot, None if the function is not such a closure."""
        if isinstance(function, FunctionType) and variable in function.__code__.co_freevars:
            return cls(function, variable)
        return None

    def _cell(self) -> Any:
        closure = self.function.__closure__
        assert closure is not None
        return closure[self.function.__code__.co_freevars.index(self.variable)]

    def get(self) -> Any:
        """Return the function in the cell."""
        return self._cell().cell_contents

    def set(self, value: Any) -> None:
        """Put another function in."""
        self._cell().cell_contents = value


@dataclass(frozen=True, slots=True)
class AttributeSlot:
    """An attribute in its owner's own dictionary, exactly as it stands there (a `staticmethod` stays one)."""

    owner: object
    attribute: str

    def get(self) -> Any:
        """Return the value in the owner's dictionary."""
        return vars(self.owner)[self.attribute]

    def set(self, value: Any) -> None:
        """Put another value in."""
        setattr(self.owner, self.attribute, value)


@dataclass(frozen=True, slots=True)
class InheritedSlot:
    """An attribute that its owner inherits: hooked for this owner alone, and gone from it afterwards."""

    owner: type
    attribute: str

    def get(self) -> Any:
        """Return the attribute as the owner has it."""
        return getattr(self.owner, self.attribute)

    def set(self, value: Any) -> None:
        """Set the attribute on the owner, or delete the owner's own if the value is the inherited one."""
        if value is getattr(super(self.owner, self.owner), self.attribute, None):
            delattr(self.owner, self.attribute)
        else:
            setattr(self.owner, self.attribute, value)
