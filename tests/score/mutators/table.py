"""All mutators."""

from __future__ import annotations

from score.mutator import Mutator
from score.mutators import axes, data, layers, sizes, wiring

ALL: tuple[Mutator, ...] = (*axes.MUTATORS, *layers.MUTATORS, *sizes.MUTATORS, *data.MUTATORS, *wiring.MUTATORS)
