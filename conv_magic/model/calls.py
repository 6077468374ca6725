"""One call as data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from conv_magic.model.options import Options
from conv_magic.model.positions import Span
from conv_magic.model.shapes import Shape


class Outcome(StrEnum):
    """How a call ended."""

    ENTERED = "entered"
    RETURNED = "returned"
    RAISED = "raised"
    GUARDED = "guarded"


class Mode(StrEnum):
    """How a call was run: on values, while a `tf.function` was traced, or on Keras' symbolic tensors."""

    EAGER = "eager"
    GRAPH = "graph"
    SYMBOLIC = "symbolic"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call costs.  `params` counts numbers, `macs` multiply-accumulates, `seconds` wall time of all its runs."""

    params: int | None = None
    macs: int | None = None
    receptive_field: tuple[int, ...] | None = None
    output_bytes: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Tracing:
    """How often a graph was traced in the calls of one row, of a `tf.function` or of Keras' step inside `fit`.

    functions   how many function objects were traced: more than one where it is made anew
    alike       whether all of them are of the same code and see the same values around it
    frequent    whether a trace was the fifth or more among the last ten calls, TensorFlow's own measure of too many
    numbers     the Python numbers that it was traced for, by parameter, the first few of each
    """

    times: int
    functions: int
    alike: bool
    frequent: bool
    numbers: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """The user's own data that an input was, if no recorded call made it.

    name   what the text calls it: `x_train`; where it has no name, the call that made it: `tf.zeros`
    span   the statement that bound the name, of a loop its head; else the expression itself
    """

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call, or `count` calls of one call site with equal shapes.

    op          the field's name of the operation: `conv2d` for `tf.nn.conv2d`, `Conv2D` for the layer
    layer       the layer's own name (`conv2d_3`), that of a `tf.function` which is traced, or None for a function
    span        where it was called; None when no line of the user's led to it
    created     where the layer was made, if that was seen
    parent      index of the call inside which this one ran
    inputs      the shapes of its tensor inputs, in order
    producers   for each input the index of the call that made it, or None
    kernel      shape of the kernel or weight matrix
    expected    the output's shape by the arithmetic, `output` the real one; None where not known
    error       the exception's text, when it raised
    accepts     the shape that its first input must have, None for any size; None for all if it is not known
    direct      whether the user's own line called it, not a library on its behalf
    tracing     the graphs traced for it; None for a call that traces none
    given       for each input without a producer the user's data that it was, if the text leaves no doubt;
                of a `fit` on a dataset that dataset
    """

    index: int
    op: str
    layer: str | None
    span: Span | None
    created: Span | None
    parent: int | None
    mode: Mode
    replica: int | None
    inputs: tuple[Shape, ...]
    producers: tuple[int | None, ...]
    kernel: Shape | None
    options: Options | None
    dtype: str | None
    expected: Shape | None
    output: Shape | None
    outcome: Outcome
    error: str | None
    count: int
    cost: Cost
    accepts: Shape | None = None
    direct: bool = True
    tracing: Tracing | None = None
    given: tuple[Given | None, ...] = ()

    @property
    def options_span(self) -> Span | None:
        """Return the span of the call in the text that decides the options: a layer's creation, a function's call."""
        return self.created if self.layer is not None else self.span
