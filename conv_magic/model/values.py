"""What names of the user's stood for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from conv_magic.model.positions import Span
from conv_magic.model.shapes import Shape


@dataclass(frozen=True, slots=True)
class NamedValue:
    """What a name of the user's stood for when the cell ended, or in the function that failed.

    scope    the function's name, empty for the cell itself
    kind     `array`, `tensor`, `list` (of tensors), `dataset`, `model`, `layer`, `module`, or `number` (a whole number,
             or a few of them)
    shape    of an array or tensor; of a built model its output
    parts    the shapes of a dataset's element, of a model's inputs, or of what is in a list
    numbers  the value of a `number`
    type     the class's name; of a module its own
    """

    name: str
    scope: str
    kind: Literal["array", "tensor", "list", "dataset", "model", "layer", "module", "number"]
    type: str
    shape: Shape | None = None
    parts: tuple[Shape, ...] = ()
    numbers: tuple[int, ...] = ()
    dtype: str | None = None


@dataclass(frozen=True, slots=True)
class AssignedValue:
    """The values that one statement gave to names.

    span    the statement; of a `for` or `with` its head
    names   the names, in order
    shapes  of each different outcome the shape for each name, None where it was no tensor
    count   how often the statement ran
    """

    span: Span
    names: tuple[str, ...]
    shapes: tuple[tuple[Shape | None, ...], ...]
    count: int

    @property
    def has_shape(self) -> bool:
        """Check whether one of the values was a tensor or array."""
        return any(shape is not None for shapes in self.shapes for shape in shapes)
