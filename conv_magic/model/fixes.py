"""A repair, and how it was tried."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from conv_magic.model.positions import Edit, StaleSource, digest, splice
from conv_magic.model.shapes import Shape


class Applicability(IntEnum):
    """How sure a fix is of the author's intention, from a placeholder to the only repair there is."""

    DISPLAY = 0
    CHOICE = 1
    SURE = 2


class Proof(StrEnum):
    """How a fix was tried: with shapes only, or by running the edited cell."""

    SHAPES = "shapes"
    RAN = "ran"


@dataclass(frozen=True, slots=True)
class Fix:
    """A repair of the analysed source.

    `predicted` is the shape that results at the failing call.  `proof` says how it was tried; `untried` why not.
    `reruns` are the earlier cells, by their keys and in order, that must run again before the cell for it to hold.
    """

    title: str
    edits: tuple[Edit, ...]
    applicability: Applicability
    predicted: Shape | None
    digest: str
    cell: str
    proof: Proof | None = None
    untried: str | None = None
    reruns: tuple[str, ...] = ()

    @property
    def verified(self) -> bool:
        """Check whether the edited cell was tried and held."""
        return self.proof is not None

    def apply(self, source: str) -> str:
        """Return `source` with this fix made.

        Raise `StaleSource` if `source` is not the text that was analysed.
        """
        if digest(source) != self.digest:
            raise StaleSource("the source has changed since it was analysed; run the cell again")
        return splice(source, self.edits)
