"""Run in the process of a trial: the cell with every expression noted."""

from __future__ import annotations

import ast
import json
import sys
import time
from typing import Any

from conv_magic.analysis.instrument import NOTE, noting, numbered
from conv_magic.analysis.running import Start, run_eagerly, run_text
from conv_magic.analysis.summary import summary
from conv_magic.analysis.values import Value, to_plain

_MOST_VALUES = 4
_MOST_SUMMARIES = 40


class Notes:
    """The values of the expressions, in the order in which they came.  It is called with each."""

    def __init__(self) -> None:
        self.values: dict[int, list[Value]] = {}
        self.count: dict[int, int] = {}
        self.first: dict[int, int] = {}
        self.last: dict[int, int] = {}
        self.origin: dict[int, int] = {}
        self._known: dict[int, tuple[Any, int]] = {}
        self._time = 0
        self._site = 0

    def __call__(self, site: int, value: Any) -> Any:
        """Note the value of an expression, and give it back."""
        self._time += 1
        self._site = site
        count = self.count[site] = self.count.get(site, 0) + 1
        self.first.setdefault(site, self._time)
        self.last[site] = self._time
        if count <= _MOST_SUMMARIES:
            try:
                said = summary(value, self.number)
            except Exception as error:  # an object that does not want to be looked at
                said = Value("object", text=type(error).__name__)
            seen = self.values.setdefault(site, [])
            if said in seen:
                seen.remove(said)
            seen.append(said)
            del seen[:-_MOST_VALUES]
        return value

    def number(self, value: Any) -> int:
        """Which object it is; it is kept alive so that no other takes its identity."""
        if value is None or isinstance(value, bool | int | float | str):
            return 0
        known = self._known.get(id(value))
        if known is None:
            known = self._known[id(value)] = value, len(self._known) + 1
            self.origin[known[1]] = self._site
        return known[1]


def observe(start: Start, argument: str) -> str:
    """Return what the expressions of a cell stood for, up to where it failed; `argument` is JSON of its `source`."""
    source = json.loads(argument)["source"]
    began = time.process_time()
    run_eagerly()
    space = start.fresh()
    notes = Notes()
    tree = noting(ast.parse(source))
    space[NOTE] = _not_converted(notes)
    error = run_text(ast.unparse(tree), space)
    _note_unreached(numbered(ast.parse(source)), space, notes)
    return json.dumps(
        {
            "values": {site: [to_plain(value) for value in values] for site, values in notes.values.items()},
            "count": notes.count,
            "first": notes.first,
            "last": notes.last,
            "origin": notes.origin,
            "error": error,
            "seconds": time.process_time() - began,
        }
    )


def _not_converted(notes: Notes) -> Any:
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None:
        return notes
    return tensorflow.autograph.experimental.do_not_convert(lambda site, value: notes(site, value))


def _note_unreached(nodes: dict[int, ast.expr], space: dict[str, Any], notes: Notes) -> None:
    """Of calls that were not reached which function they would have called, and of names what they stand for."""
    places = {id(node): site for site, node in nodes.items()}
    for site, node in nodes.items():
        called = node.func if isinstance(node, ast.Call) else None
        if called is not None and _is_path(called):
            _note_read(places[id(called)], called, space, notes)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            _note_read(site, node, space, notes)


def _is_path(node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)


def _note_read(site: int, node: ast.expr, space: dict[str, Any], notes: Notes) -> None:
    first, *rest = ast.unparse(node).split(".")
    if site in notes.values or first not in space:
        return
    value = space[first]
    try:
        for name in rest:
            value = getattr(value, name)
        notes.values[site] = [summary(value, notes.number)]
    except Exception:  # a property raises, or the name is not bound yet
        return
