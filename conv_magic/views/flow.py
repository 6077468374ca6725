"""How shapes flow through a cell: its calls as nodes, their producers as links, laid out in columns and tracks.

A node's column is the longest way to it from an input.  The first that follows another one keeps its track; what runs
beside it takes the next.  Calls inside a call are folded into it, unless it failed inside or is all there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from conv_magic.analysis.trace_graph import graph_of, latest_before
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.document import Document
from conv_magic.model.options import FitOptions, LossOptions
from conv_magic.model.shapes import Shape
from conv_magic.views.verdict import Status, statuses

FlowStatus = Literal["ok", "warning", "failed", "inside", "running"]
MOST_NODES = 40
"""Of the static picture; the live one scrolls."""

MOST_TRACKS = 6
"""What runs beside so many others is left out."""
MOST_BRANCHES = 6
"""More calls than these on inputs of one shape are not taken for one fan."""


@dataclass(frozen=True, slots=True)
class FlowNode:
    """A call, or an input that no recorded call made (`call` is None).

    shape    what comes out of it; of a failed one what should have, or what went in
    folded   how many calls are inside
    """

    call: CallRecord | None
    shape: Shape
    column: int
    track: int
    folded: int = 0
    status: FlowStatus = "ok"
    origin: bool = False


@dataclass(frozen=True, slots=True)
class FlowLink:
    """From a node to a later one, by their places among the nodes."""

    source: int
    target: int


@dataclass(frozen=True, slots=True)
class Flow:
    """The nodes in the order of their columns; `hidden` counts those left out at either end."""

    nodes: tuple[FlowNode, ...]
    links: tuple[FlowLink, ...]
    hidden: int


Graph = dict[int, list[int]]
"""For each key its sources.  Keys of calls are their indices, those of inputs are negative."""


def flow_of(document: Document, most: int = MOST_NODES) -> Flow | None:
    """Return the flow of a run, None where fewer than two calls follow each other."""
    calls = {call.index: call for call in document.trace.calls}
    failed = _failed(document)
    shown = _shown(calls, failed)
    graph, inputs = _graph(shown, calls)
    chains = [part for part in _components(graph) if sum(key >= 0 for key in part) > 1]
    users = _users(graph)  # an input stands just before the first call that takes it
    place = {key: key if key >= 0 else min(users[key]) - 0.5 for part in chains for key in part}
    order = sorted(place, key=lambda key: (place[key], key))
    kept = _kept(order, failed, most)
    if not kept:
        return None
    columns = _columns(kept, graph, chains)
    tracks = _tracks(kept, graph, columns)
    nodes = {key: (columns[key], tracks[key]) for key in kept if tracks[key] < MOST_TRACKS}
    return _flow(document, nodes, graph, inputs, calls, len(order) - len(nodes))


def _failed(document: Document) -> set[int]:
    """Return the calls that failed of themselves, and those at which an error is diagnosed."""
    broken = [call for call in document.trace.calls if call.outcome is not Outcome.RETURNED]
    if document.running:
        broken = [call for call in broken if call.outcome is not Outcome.ENTERED]
    around = {call.parent for call in broken}
    diagnosed = {d.call for d in document.diagnoses if d.severity == "error" and d.call is not None}
    return {call.index for call in broken if call.index not in around} | diagnosed


def _shown(calls: dict[int, CallRecord], failed: set[int]) -> dict[int, int]:
    """For every call that is drawn the number of calls folded into it."""
    inside: dict[int | None, list[CallRecord]] = {}
    for call in calls.values():
        if not isinstance(call.options, FitOptions | LossOptions):
            inside.setdefault(call.parent if call.parent in calls else None, []).append(call)
    roots = inside.get(None, [])
    found: dict[int, int] = {}

    def add(call: CallRecord) -> None:
        within = inside.get(call.index, [])
        opened = call.index not in failed and (call.outcome is not Outcome.RETURNED or len(roots) == 1)
        if within and opened:
            for each in within:
                add(each)
        else:
            found[call.index] = _count(call.index, inside)

    for root in roots:
        add(root)
    return found


def _count(index: int, inside: dict[int | None, list[CallRecord]]) -> int:
    return sum(1 + _count(call.index, inside) for call in inside.get(index, []))


def _graph(shown: dict[int, int], calls: dict[int, CallRecord]) -> tuple[Graph, dict[int, Shape]]:
    """Return the sources of every drawn call, and the shapes of the inputs that no recorded call made."""
    graph: Graph = {}
    inputs: dict[Shape, int] = {}
    for index in sorted(shown):
        call = calls[index]
        sources: list[int] = []
        for producer, shape in zip(call.producers, call.inputs, strict=False):
            maker = _maker(producer, call, shown, calls)
            if maker is None and len(shape) > 1:
                maker = inputs.setdefault(shape, -1 - len(inputs))
                graph.setdefault(maker, [])
            if maker is not None and maker not in sources and maker != index:
                sources.append(maker)
        graph[index] = sources
    fans = {key for key, users in _users(graph).items() if key < 0 and len(users) > MOST_BRANCHES}
    kept = {key: [s for s in sources if s not in fans] for key, sources in graph.items() if key not in fans}
    return kept, {key: shape for shape, key in inputs.items()}


def _users(graph: Graph) -> Graph:
    """For each key those that it is a source of."""
    users: Graph = {}
    for key, sources in graph.items():
        for source in sources:
            users.setdefault(source, []).append(key)
    return users


def _maker(
    producer: int | None, call: CallRecord, shown: dict[int, int], calls: dict[int, CallRecord]
) -> int | None:  # fmt: skip
    """Return the drawn call that made an input: the producer, the model around it, or an opened one's last layer."""
    at = producer
    while at is not None and at in calls and at not in shown:
        last = [i for i in shown if calls[i].parent == at and calls[i].output == calls[at].output]
        at = last[-1] if last else calls[at].parent
    return at if at is not None and at in shown and at < call.index else None


def _components(graph: Graph) -> list[list[int]]:
    """Return the connected groups of nodes, in the order of their first call."""
    part = {key: key for key in graph}

    def root(key: int) -> int:
        while part[key] != key:
            part[key] = part[part[key]]
            key = part[key]
        return key

    for key, sources in graph.items():
        for source in sources:
            part[root(source)] = root(key)
    found: dict[int, list[int]] = {}
    for key in graph:
        found.setdefault(root(key), []).append(key)
    return sorted(found.values(), key=lambda keys: min(key for key in keys if key >= 0))


def _kept(order: Sequence[int], failed: set[int], most: int) -> list[int]:
    """At most so many nodes: the first, or those up to the first that failed."""
    bad = next((place for place, key in enumerate(order) if key in failed), 0)
    start = max(bad - most + 2, 0)
    return list(order[start : start + most])


def _columns(kept: Sequence[int], graph: Graph, chains: Sequence[Sequence[int]]) -> dict[int, int]:
    """Return the length of the longest path to each node; groups that are not connected stand side by side."""
    columns: dict[int, int] = {}
    offset = 0
    for chain in chains:
        members = set(chain)
        for key in (key for key in kept if key in members):
            before = [columns[source] for source in graph[key] if source in columns]
            columns[key] = max(before, default=offset - 1) + 1
        offset = max([columns[key] for key in chain if key in columns], default=offset - 2) + 2
    return columns


def _tracks(kept: Sequence[int], graph: Graph, columns: dict[int, int]) -> dict[int, int]:
    """Choose a track for each node: no two share a position, and no link of a first source runs through a node."""
    tracks: dict[int, int] = {}
    taken: set[tuple[int, int]] = set()
    for key in sorted(kept, key=lambda key: columns[key]):
        sources = [source for source in graph[key] if source in tracks]
        nearest = min(sources, key=lambda source: (tracks[source], -columns[source]), default=None)
        start = columns[nearest] + 1 if nearest is not None else columns[key]
        way = range(start, columns[key] + 1)
        wish = tracks[nearest] if nearest is not None else 0
        track = wish
        direct = (wish, columns[key]) in taken
        while (track, columns[key]) in taken or (track != wish and any((track, place) in taken for place in way)):
            track += 1
        tracks[key] = track
        taken |= {(track, place) for place in way} if direct else {(track, columns[key])}
        for source in sources:  # a link that comes from another track runs along that one
            if tracks[source] != track:
                taken |= {(tracks[source], place) for place in range(columns[source] + 1, columns[key])}
    return tracks


def _flow(
    document: Document,
    places: dict[int, tuple[int, int]],
    graph: Graph,
    inputs: dict[int, Shape],
    calls: dict[int, CallRecord],
    hidden: int,
) -> Flow:
    failed, folded = _failed(document), _shown(calls, _failed(document))
    troubled = dict(zip(calls, statuses(document), strict=True))
    origins = _origins(document)
    keys = sorted(places, key=lambda key: (places[key], key))
    nodes = []
    for key in keys:
        column, track = places[key]
        if key < 0:
            nodes.append(FlowNode(None, inputs[key], column, track))
            continue
        call = calls[key]
        status = _status(call, key in failed, troubled[key])
        origin = key in origins
        nodes.append(FlowNode(call, _shape(call), column, track, folded[key], status, origin))
    at = {key: place for place, key in enumerate(keys)}
    links = [FlowLink(at[source], at[key]) for key in keys for source in graph[key] if source in at]
    return Flow(tuple(nodes), tuple(links), hidden)


def _origins(document: Document) -> set[int]:
    """Return the calls that set the differing sizes: of all calls at a call site, the one the faulty call was given."""
    found = set()
    index = graph_of(document.trace)
    for diagnosis in document.diagnoses:
        if diagnosis.origin is None:
            continue
        faulty = index.numbered(diagnosis.call)
        end = faulty.index if faulty is not None else None
        made = (index.numbered(producer) for producer in faulty.producers) if faulty is not None else ()
        given = [c for c in made if c is not None and diagnosis.origin in (c.span, c.created)]
        for there in (index.at(diagnosis.origin), index.made_at(diagnosis.origin)) if not given else ():
            given += islice(latest_before(there, end), 1)
        found |= {max(call.index for call in given)} if given else set()
    return found


def _status(call: CallRecord, failed: bool, status: Status) -> FlowStatus:
    if failed:
        return "failed"
    if status == "running":
        return "running"
    if call.outcome is not Outcome.RETURNED:
        return "inside"
    return "warning" if status == "warning" else "ok"


def _shape(call: CallRecord) -> Shape:
    """Return the shape that came out, or should come out, or went in."""
    if call.output is not None:
        return call.output
    return call.expected or (call.inputs[0] if call.inputs else ())
