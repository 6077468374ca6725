"""Documents that somebody else changed, by seed: what a reader meets in a notebook from elsewhere."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from conv_magic.views.wire import to_dict, to_wire
from sample_documents import SAMPLES

_DOCUMENTS = Path(__file__).parents[1] / "js" / "test" / "documents"
_NUMBERS = (0, 1, -1, 2, -2, 7, 99, 10**3, 10**6, 10**9, 2**31, 2**53, -(2**53), 2**63, 10**30, -(10**30), 0.5, 1e308)
_TEXTS = ("", "99", "conv", "../x", "x" * 5_000, "\u202e\x00", "<script>alert(1)</script>", "None", "0")
_OTHERS: tuple[Any, ...] = (
    None,
    True,
    False,
    [],
    {},
    [[]],
    [None],
    [1, 2, 3],
    {"all": 1},
    {"pool": [0]},
    {"rows": 10**9},
)

Place = tuple[Any, Any]
"""A list or dict, and where in it."""


def bases() -> list[dict[str, Any]]:
    """Right documents, with their calls as rows and as columns."""
    made = [sample() for sample in SAMPLES.values()]
    written = [json.loads(path.read_text("utf-8")) for path in sorted(_DOCUMENTS.glob("*.json"))]
    return [*map(to_dict, made), *map(to_wire, made), *(each for each in written if isinstance(each, dict))]


def mutated(seed: int, among: list[dict[str, Any]]) -> dict[str, Any]:
    """One of the documents with one to three changes."""
    chance = random.Random(seed)
    data = copy.deepcopy(chance.choice(among))
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        places = list(_places(data))
        chance.choice(_CHANGES)(chance, places, *chance.choice(places))
    return data


def _places(data: Any) -> Iterator[Place]:
    for key, value in data.items() if isinstance(data, dict) else enumerate(data):
        yield data, key
        if isinstance(value, list | dict):
            yield from _places(value)


def _number(chance: random.Random, places: list[Place], around: Any, key: Any) -> None:
    numbers = [(a, k) for a, k in places if type(a[k]) is int] or [(around, key)]
    around, key = chance.choice(numbers)
    around[key] = chance.choice(_NUMBERS)


def _anything(chance: random.Random, _: list[Place], around: Any, key: Any) -> None:
    around[key] = copy.deepcopy(chance.choice(_NUMBERS + _TEXTS + _OTHERS))


def _gone(_: random.Random, __: list[Place], around: Any, key: Any) -> None:
    del around[key]


def _again(_: random.Random, __: list[Place], around: Any, key: Any) -> None:
    if isinstance(around, list):
        around.insert(key, copy.deepcopy(around[key]))
    else:
        around[f"{key}_"] = copy.deepcopy(around[key])


def _exchanged(chance: random.Random, places: list[Place], around: Any, key: Any) -> None:
    other, place = chance.choice(places)
    value = copy.deepcopy(around[key])
    around[key] = copy.deepcopy(other[place])
    other[place] = value


def _deep(_: random.Random, __: list[Place], around: Any, key: Any) -> None:
    for _level in range(300):
        around[key] = [around[key]]


def _long(chance: random.Random, places: list[Place], around: Any, key: Any) -> None:
    lists = [(a, k) for a, k in places if isinstance(a[k], list) and a[k]]
    around, key = chance.choice(lists or [(around, key)])
    around[key] = (around[key] if isinstance(around[key], list) else [around[key]]) * chance.choice((2, 50, 1_000))


_CHANGES: tuple[Callable[[random.Random, list[Place], Any, Any], None], ...] = (
    *(_number, _number, _number, _anything, _anything, _gone, _again, _exchanged, _deep, _long),
)
