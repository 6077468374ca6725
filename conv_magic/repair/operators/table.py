"""All operators."""

from __future__ import annotations

from conv_magic.repair.operators import axes, calls, channels, data, layers, neighbours, numbers, parts, sizes, words
from conv_magic.repair.operators.operator import Operator

OPERATORS: tuple[Operator, ...] = (
    *axes.OPERATORS,
    *channels.OPERATORS,
    *neighbours.OPERATORS,
    *sizes.OPERATORS,
    *numbers.OPERATORS,
    *words.OPERATORS,
    *layers.OPERATORS,
    *data.OPERATORS,
    *parts.OPERATORS,
    *calls.OPERATORS,
)
