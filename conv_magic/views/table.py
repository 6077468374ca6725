"""The calls as a table of texts, for every view that prints one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from conv_magic.model.calls import CallRecord
from conv_magic.model.document import Document
from conv_magic.views.verdict import Status, contradicts, statuses
from conv_magic.views.wording import number_text, one_line, options_text, shape_text, tracing_text


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its title, the text of a call in it, whether it is aligned as numbers are or shows the nesting."""

    title: str
    text: Callable[[CallRecord, Status], str]
    numeric: bool = False
    nested: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One call: its texts, one for each column, how deep it lies inside other calls, its status."""

    texts: tuple[str, ...]
    depth: int
    status: Status

    def indented(self, columns: tuple[Column, ...], step: str) -> tuple[str, ...]:
        """Return the texts, the one in the nested column moved right by a `step` for each call around this one."""
        pairs = zip(columns, self.texts, strict=True)
        return tuple(step * self.depth + text if column.nested else text for column, text in pairs)


@dataclass(frozen=True, slots=True)
class Table:
    """The calls that are shown; `hidden` counts those left out."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    hidden: int

    def without(self, title: str) -> Table:
        """Return the table without the column of that title, itself where it has none."""
        kept = [place for place, column in enumerate(self.columns) if column.title != title]
        if len(kept) == len(self.columns):
            return self
        rows = tuple(replace(row, texts=tuple(row.texts[place] for place in kept)) for row in self.rows)
        return Table(tuple(self.columns[place] for place in kept), rows, self.hidden)


def table_of(document: Document, limit: int) -> Table:
    """At most `limit` calls in their order, the troubled ones kept before others; columns without content left out."""
    pairs = list(zip(document.trace.calls, statuses(document), strict=True))
    kept = sorted(range(len(pairs)), key=lambda i: (pairs[i][1] == "ok", i))[:limit]
    shown = [pairs[i] for i in sorted(kept)]
    columns = [column for column in _COLUMNS if any(column.text(*pair) for pair in shown)]
    depths = _depths(document.trace.calls)
    rows = [
        Row(tuple(column.text(call, status) for column in columns), depths[call.index], status)
        for call, status in shown
    ]
    return Table(tuple(columns), tuple(rows), len(pairs) - len(shown))


def _depths(calls: tuple[CallRecord, ...]) -> dict[int, int]:
    """How many calls lie around each call."""
    depths: dict[int, int] = {}
    for call in calls:
        depths[call.index] = 0 if call.parent is None else depths.get(call.parent, -1) + 1
    return depths


def _name(call: CallRecord) -> str:
    times = f" ×{call.count:,}" if call.count > 1 else ""
    return one_line(f"{call.op} {call.layer}" if call.layer else call.op) + times


def _options(call: CallRecord) -> str:
    """Return the options as text, and how often the graph was traced if more than once."""
    return ", ".join(filter(None, [options_text(call.options), tracing_text(call.tracing)]))


def _expected(call: CallRecord) -> str:
    """Return the expected shape where it is not the output's."""
    return shape_text(call.expected) if call.output is None or contradicts(call.expected, call.output) else ""


_COLUMNS = (
    Column("call", lambda call, _: str(call.index), numeric=True),
    Column("line", lambda call, _: str(call.span.line) if call.span else "", numeric=True),
    Column("status", lambda _, status: status),
    Column("operation", lambda call, _: _name(call), nested=True),
    Column("options", lambda call, _: one_line(_options(call))),
    Column("input", lambda call, _: " ".join(map(shape_text, call.inputs))),
    Column("kernel", lambda call, _: shape_text(call.kernel)),
    Column("expected", lambda call, _: _expected(call)),
    Column("output", lambda call, _: shape_text(call.output)),
    Column("params", lambda call, _: number_text(call.cost.params), numeric=True),
    Column("MACs", lambda call, _: number_text(call.cost.macs), numeric=True),
)
LEAST_MISSED = ("MACs", "params", "kernel", "call", "options", "input", "expected")
"""Titles of the columns that a narrow table leaves out, in this order."""
