"""What a rule is, and how it states a diagnosis."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, Self

from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis, Severity
from conv_magic.model.fixes import Fix
from conv_magic.model.naming import name_of, shown_span
from conv_magic.model.positions import Span
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace


class Pinned(str):
    """An example that shows what it is to show only where TensorFlow uses oneDNN, or only where it does not."""

    __slots__ = ("onednn",)
    onednn: bool

    def __new__(cls, source: str, *, onednn: bool) -> Self:
        """The example `source`, for processes with oneDNN or for those without."""
        made = super().__new__(cls, source)
        made.onednn = onednn
        return made


class Rule(Protocol):
    """A module that knows one family of faults.

    code      states the bad pattern, in kebab-case
    VALID     cells that must stay quiet
    INVALID   cells that must be diagnosed once, each fix of which must run and leave nothing to diagnose

    Both hold with oneDNN and without; an example for which that is not so is `Pinned`.
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
        span=span or shown_span(call),
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
