"""The rows of a trace while it is recorded, and the texts of errors in them."""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass
from typing import NamedTuple

from conv_magic.boundary import is_users
from conv_magic.capture.hooks.entry import Captured, Description, Hook
from conv_magic.capture.hooks.tf_function import Traces
from conv_magic.model.calls import Mode, Outcome
from conv_magic.model.shapes import Shape
from conv_magic.text.source import Site

_NUMBERS_IN_ROW, _MOST_OF_NUMBERS = re.compile(r"(?:-?\d+ ){50,}"), 60
_LONGEST_ERROR = 4000
"""Characters; a graph error repeats its whole traceback."""


def words_of(error: BaseException) -> str:
    """Return the error's text, or its type's name if its own `__str__` fails."""
    try:
        return str(error)
    except BaseException as fault:  # the user's code may raise anything there
        if is_users(fault):
            raise
        return type(error).__name__


def shortened(text: str) -> str:
    """Return an error's text without its middle: it begins with what failed, a graph error ends with why.

    Of a long row of numbers, as TensorFlow lists all labels of a batch, only the beginning is kept.
    """
    text = _NUMBERS_IN_ROW.sub(lambda row: row[0][:_MOST_OF_NUMBERS] + "... ", text)
    half = _LONGEST_ERROR // 2
    return text if len(text) <= _LONGEST_ERROR else f"{text[:half]}\n...\n{text[-half:]}"


class LineSite(NamedTuple):
    """A call site of which only file and line are known (code rewritten by AutoGraph)."""

    filename: str
    line: int


Place = Site | LineSite


@dataclass(eq=False, slots=True)
class Row:
    """One row in the making.

    order    the order of first entry
    callee   what was called and how, hashable: equal for equal calls of one layer
    direct   whether the user's own line made the call, not a library on its behalf
    building whether Keras ran it only to learn shapes
    """

    order: int
    hook: Hook
    callee: Hashable
    place: Place | None
    direct: bool
    parent: Row | None
    inputs: tuple[Shape, ...]
    producers: tuple[Row | None, ...]
    mode: Mode
    building: bool
    description: Description | None = None
    created: Place | None = None
    dtype: str | None = None
    output: Shape | None = None
    output_bytes: int | None = None
    outcome: Outcome = Outcome.ENTERED
    error: str | None = None
    count: int = 0
    seconds: float = 0.0
    problem: Exception | None = None
    replica: int | None = None
    traces: Traces | None = None


@dataclass(slots=True)
class Entered:
    """A call that has begun: its row and what its end needs.

    checked  whether the guard is to look at the calls inside it, which are no rows
    """

    row: Row
    captured: Captured
    started: float
    quiet: bool
    checked: bool = False
    over: bool = False
