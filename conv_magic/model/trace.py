"""A run's calls and texts."""

from __future__ import annotations

from dataclasses import dataclass

from conv_magic.model.calls import CallRecord
from conv_magic.model.values import AssignedValue, NamedValue


@dataclass(frozen=True, slots=True)
class Source:
    """A cell's text as its editor shows it.

    `cell` is the key that spans use, `cell_id` the front end's own identifier, `label` what a person calls it
    (`this cell`, `In [3]`).
    """

    cell: str
    text: str
    digest: str
    cell_id: str | None
    label: str


@dataclass(frozen=True, slots=True)
class Totals:
    """What a run comes to.

    `calls` counts each of a row's calls; `params` a shared layer once; `macs` and `seconds` all runs of a row;
    `output_bytes` the outputs of the innermost calls, one run of each row.
    """

    rows: int
    calls: int
    failed: int
    warnings: int
    params: int
    macs: int
    output_bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Trace:
    """The calls in the order in which they were entered; `sources[0]` is the cell that ran.

    `dropped` counts the calls that came after the limit on rows; `values` are what the cell's names stood for at its
    end, `assigned` what its statements gave to names, by their place.
    `left_out` counts the rows that a copy for a notebook leaves out; `totals` are then the figures of all rows.
    """

    sources: tuple[Source, ...]
    calls: tuple[CallRecord, ...]
    dropped: int = 0
    values: tuple[NamedValue, ...] = ()
    left_out: int = 0
    totals: Totals | None = None
    assigned: tuple[AssignedValue, ...] = ()
