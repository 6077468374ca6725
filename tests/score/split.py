"""Which half a fault belongs to, fixed once and for all by the names of its mutator and its program.

Up to three mutators and programs in ten are held out.  A fault belongs to the counting half if its mutator or its
program is held out, so that nothing tuned on the other half has seen its mistake, or else has never seen its program.
A new name falls into its place by its hash; no name ever changes it.
"""

from __future__ import annotations

from enum import StrEnum
from hashlib import sha256

_SEED = "score 1"
_HELD_OUT = 0.3


class Half(StrEnum):
    """What a fault is for."""

    TUNING = "tuning"
    COUNTING = "counting"


def place(*names: object) -> float:
    """A number from 0 to 1 that depends on the names only."""
    digest = sha256("\0".join([_SEED, *map(str, names)]).encode()).digest()
    return int.from_bytes(digest[:8], "big") / float(1 << 64)


def held_out_mutator(name: str) -> bool:
    """Whether the tuning half does without this mutator."""
    return place("mutator", name) < _HELD_OUT


def held_out_program(name: str) -> bool:
    """Whether the tuning half does without this program."""
    return place("program", name) < _HELD_OUT


def half(mutator: str, program: str) -> Half:
    """The half of a fault."""
    return Half.COUNTING if held_out_mutator(mutator) or held_out_program(program) else Half.TUNING
