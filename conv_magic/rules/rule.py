"""What a rule is, and the words that rules share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis, Severity
from conv_magic.model.fixes import Fix
from conv_magic.model.positions import Span
from conv_magic.model.shapes import DataFormat, Shape
from conv_magic.model.trace import Trace


class Rule(Protocol):
    """A module that knows one family of faults.

    code      states the bad pattern, in kebab-case
    VALID     cells that must stay quiet
    INVALID   cells that must be diagnosed once, each fix of which must run and leave nothing to diagnose
    """

    code: str
    VALID: tuple[str, ...]
    INVALID: tuple[str, ...]

    def check(self, call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
        """The faults of this family at `call`."""
        ...


class CellRule(Protocol):
    """A rule about what a cell's text states of its values, not about single calls."""

    code: str
    VALID: tuple[str, ...]
    INVALID: tuple[str, ...]

    def check_cell(self, trace: Trace) -> Iterator[Diagnosis]:
        """The faults of this family in the cells of `trace`."""
        ...


def diagnosed(
    code: str,
    call: CallRecord,
    headline: str,
    *,
    span: Span | None = None,
    layer: str | None = None,
    reasons: Iterable[str] = (),
    expected: Shape | None = None,
    actual: Shape | None = None,
    axes: tuple[int, ...] = (),
    axis_names: tuple[str, ...] = (),
    origin: tuple[Span | None, str | None] = (None, None),
    fixes: Iterable[Fix] = (),
) -> Diagnosis:
    """The diagnosis of a fault at `call`: an error if the call failed, a warning if it ran.

    `span` and `layer` are for faults that show elsewhere than at the call; `origin` is a place and that in words.
    """
    return Diagnosis(
        code=code,
        severity=Severity.WARNING if call.outcome is Outcome.RETURNED else Severity.ERROR,
        call=call.index,
        span=span or place_of(call),
        layer=layer or name_of(call),
        headline=headline,
        reasons=tuple(reasons),
        expected=expected,
        actual=actual,
        axes=axes,
        axis_names=axis_names,
        origin=origin[0],
        origin_note=origin[1],
        fixes=tuple(fixes),
    )


_SPATIAL = {0: (), 1: ("steps",), 2: ("height", "width"), 3: ("depth", "height", "width")}


def axis_names(rank: int, data_format: DataFormat = "channels_last") -> tuple[str, ...]:
    """What the axes of an image-like tensor of that rank are called; empty where there is no custom."""
    if rank == 2:
        return ("batch", "features")
    spatial = _SPATIAL.get(rank - 2)
    if not spatial:
        return ()
    return ("batch", "channels", *spatial) if data_format == "channels_first" else ("batch", *spatial, "channels")


def data_format_of(call: CallRecord) -> DataFormat:
    """The layout that the call counts its axes in."""
    return getattr(call.options, "data_format", "channels_last")


def channel_axis(call: CallRecord, rank: int) -> int:
    """The index of the channel axis among `rank` axes."""
    return 1 if data_format_of(call) == "channels_first" else rank - 1


def place_of(call: CallRecord) -> Span | None:
    """Where a fault at `call` is shown: of a layer made inside the running statement, its own line there."""
    if not call.direct and call.created is not None and call.span is not None and call.span.contains(call.created):
        return call.created
    return call.span


def name_of(call: CallRecord) -> str:
    """What to call it: the layer's name, else the function's."""
    return call.layer or call.op


def spelled(shape: Shape | None) -> str:
    """A shape as Python writes it."""
    return "unknown" if shape is None else str(tuple(shape))


def counted(number: int | None, noun: str) -> str:
    """`1 channel`, `3 channels`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
