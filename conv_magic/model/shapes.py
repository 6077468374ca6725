"""Shapes: tuples of sizes, None for an unknown one."""

from __future__ import annotations

from typing import Literal

Shape = tuple[int | None, ...]


DataFormat = Literal["channels_last", "channels_first"]


Pairs = tuple[tuple[int, int], ...]
"""(before, after) for each spatial axis."""
