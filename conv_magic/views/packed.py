"""Rows as columns: what thousands of calls have in common is written once.

A column is a list with one value a row; `{"all": value}` where all rows agree; or `{"pool": [place, ...]}`, places in
the one `pool` of shapes, spans and options that all columns share.  `cost.params` is the field `params` of `cost`.

    {"rows": 2, "pool": [[1, 8, 8, 3]], "columns": {"op": {"all": "conv2d"}, "kernel": {"pool": [0, 0]}, ...}}
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any, Final

from conv_magic.model.calls import CallRecord, Cost

SPREAD: Final = {"cost": Cost}
"""Fields of a call whose own fields are columns."""


def _paths() -> Iterable[str]:
    for each in fields(CallRecord):
        inner = SPREAD.get(each.name)
        yield from [f"{each.name}.{part.name}" for part in fields(inner)] if inner else [each.name]


COLUMNS: Final = tuple(_paths())


@dataclass
class _Pool:
    """Values that columns share, each once."""

    values: list[object] = field(default_factory=list)
    places: dict[object, int] = field(default_factory=dict)

    def place(self, value: object) -> int:
        place = self.places.get(value)
        if place is None:
            place = self.places[value] = len(self.values)
            self.values.append(value)
        return place


def packed(calls: Sequence[CallRecord]) -> dict[str, Any]:
    """Pack `calls` as columns; their values are left as they are."""
    pool = _Pool()
    columns = {path: _column([attrgetter(path)(call) for call in calls], pool) for path in COLUMNS}
    return {"rows": len(calls), "pool": pool.values, "columns": columns}


def _column(values: list[object], pool: _Pool) -> object:
    first = values[0] if values else None
    if all(value is first or (value == first and type(value) is type(first)) for value in values):
        return {"all": first}
    if any(not isinstance(value, (str, int, float, type(None))) for value in values) or _repeats(values):
        return {"pool": [pool.place(value) for value in values]}
    return values


def _repeats(values: list[object]) -> bool:
    """Whether these are texts of which most come more than once, so that numbers for them are shorter."""
    texts = [value for value in values if isinstance(value, str)]
    return len(texts) > 0 and 2 * len(set(texts)) < len(values)


def unpacked(data: dict[str, Any]) -> list[dict[str, Any]]:
    """Unpack the rows that `packed` made, after JSON.  Raises `KeyError`, `IndexError` or `TypeError`.

    A column that is not as long as the table, or that no table has, is an `IndexError`.  No two rows have the same
    index, so there are no more rows than places are written for it.
    """
    count, columns = data["rows"], data["columns"]
    if count > 1 and not isinstance(_places(columns["index"]), list):
        raise IndexError("every row has an index of its own")
    for path, column in columns.items():
        places = _places(column)
        if path not in COLUMNS or (isinstance(places, list) and len(places) != count):
            raise IndexError(path)
    rows: list[dict[str, Any]] = [{} for _ in range(count)]
    for path, column in columns.items():
        name, _, part = path.partition(".")
        value_at = _reader(column, data["pool"])
        for place, row in enumerate(rows):
            if part:
                row.setdefault(name, {})[part] = value_at(place)
            else:
                row[name] = value_at(place)
    return rows


def _places(column: Any) -> Any:
    """Return a column's value for each row; None where all rows agree."""
    match column:
        case {"all": _}:
            return None
        case {"pool": list(places)}:
            if any(type(place) is not int or place < 0 for place in places):
                raise IndexError("no place of the pool")
            return places
        case list():
            return column
    raise TypeError("no column")


def _reader(column: Any, pool: Sequence[Any]) -> Callable[[int], Any]:
    match column:
        case {"all": value}:
            return lambda _: value
        case {"pool": places}:
            return lambda place: pool[places[place]]
    return lambda place: column[place]
