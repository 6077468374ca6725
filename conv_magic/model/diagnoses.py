"""One fault at its root."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from conv_magic.model.fixes import Fix
from conv_magic.model.positions import Span
from conv_magic.model.shapes import Shape


class Severity(StrEnum):
    """`ERROR`: raised or guarded.  `WARNING`: ran, yet contradicts the arithmetic or a near-certain intention."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One fault at its root.

    headline   one line: the layer, its input, what it needs
    reasons    further lines, each a fact with its number
    expected   the shape that was needed (None: any size), `actual` the one that came; `axes` are the axes of
               `expected` that differ or are missing, `axis_names` what its axes mean
    origin     where the differing size comes from, `origin_note` the same in words
    """

    code: str
    severity: Severity
    call: int | None
    span: Span | None
    layer: str | None
    headline: str
    reasons: tuple[str, ...] = ()
    expected: Shape | None = None
    actual: Shape | None = None
    axes: tuple[int, ...] = ()
    axis_names: tuple[str, ...] = ()
    origin: Span | None = None
    origin_note: str | None = None
    fixes: tuple[Fix, ...] = ()

    @property
    def line(self) -> int | None:
        """Return the line at which the fault shows, counted as the cell's editor counts."""
        return self.span.line if self.span else None

    @property
    def origin_line(self) -> int | None:
        """Return the line that the differing size comes from."""
        return self.origin.line if self.origin else None

    @property
    def message(self) -> str:
        """Return the whole text: headline, then reasons."""
        return "\n".join([self.headline, *self.reasons])
