"""The protocol of a rule, and how a rule makes a diagnosis."""

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
    """An example that holds only where TensorFlow uses oneDNN, or only where it does not."""

    __slots__ = ("onednn",)
    onednn: bool

    def __new__(cls, source: str, *, onednn: bool) -> Self:
        """Return the example `source`, for processes with oneDNN or for those without."""
        example = super().__new__(cls, source)
        example.onednn = onednn
        return example


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
        """Yield the faults of this family at `call`."""
        ...


class CellRule(Protocol):
    """A rule about what a cell's text states of its values, not about single calls."""

    code: str
    VALID: tuple[str, ...]
    INVALID: tuple[str, ...]

    def check_cell(self, trace: Trace) -> Iterator[Diagnosis]:
        """Yield the faults of this family in the cells of `trace`."""
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
    """Return the diagnosis of a fault at `call`: an error if the call failed, a warning if it ran.

    `span` and `layer` are for faults that show elsewhere than at the call; `origin` is a span, and what to say of it.
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


def noted(code: str, span: Span, headline: str, fixes: Iterable[Fix]) -> Diagnosis:
    """Return a note about a span of the text, which belongs to no call."""
    return Diagnosis(
        code=code, severity=Severity.NOTE, call=None, span=span, layer=None, headline=headline, fixes=tuple(fixes)
    )
