"""A document with no more rows than a notebook should carry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain

from conv_magic.model.calls import CallRecord
from conv_magic.model.document import Document
from conv_magic.model.notes import LineNote
from conv_magic.views.totals import totals_of
from conv_magic.views.verdict import statuses


def with_at_most(document: Document, most: int) -> Document:
    """`document` with at most `most` rows, in their order, and the figures of all.

    Failing rows, the rows that a diagnosis speaks of, those at its origin, one for each line note, and the calls
    around and before all these are kept even beyond the limit; then warnings, then the first rows.
    """
    calls = document.trace.calls
    if len(calls) <= most:
        return document
    kept = _kept(document, most)
    rows = tuple(_within(call, kept) for call in calls if call.index in kept)
    notes = tuple(_note_within(note, kept) for note in document.notes)
    trace = replace(
        document.trace,
        calls=rows,
        left_out=document.trace.left_out + len(calls) - len(rows),
        totals=totals_of(document),
    )
    return replace(document, trace=trace, notes=notes)


def _kept(document: Document, most: int) -> set[int]:
    """Return the indices of the rows to keep, closed under `parent`."""
    by_index = {call.index: call for call in document.trace.calls}
    kept: set[int] = set()
    for index in _needed(document):
        kept.update(_with_parents(index, by_index))
    for index in _in_order(document):
        if len(kept) >= most:
            break
        kept.update(_with_parents(index, by_index))
    return kept


def _needed(document: Document) -> Iterator[int]:
    """Return the calls that the faults and the line notes need."""
    marked = {d.call for d in document.diagnoses}
    origins = {d.origin for d in document.diagnoses if d.origin is not None}
    at_origin = {call.span: call.index for call in document.trace.calls if call.span in origins}
    yield from at_origin.values()
    for call, status in zip(document.trace.calls, statuses(document), strict=True):
        if status in ("failed", "guarded") or call.index in marked:
            yield call.index
            yield from (producer for producer in call.producers if producer is not None)
    yield from (note.calls[0] for note in document.notes if note.calls)


def _in_order(document: Document) -> Iterable[int]:
    """Warnings, then all calls as they came."""
    pairs = list(zip(document.trace.calls, statuses(document), strict=True))
    warned = (call.index for call, status in pairs if status == "warning")
    return chain(warned, (call.index for call, _ in pairs))


def _with_parents(index: int, by_index: dict[int, CallRecord]) -> Iterator[int]:
    at: int | None = index
    while at is not None and at in by_index:
        yield at
        at = by_index[at].parent


def _within(call: CallRecord, kept: set[int]) -> CallRecord:
    """Return the call without references to rows that are not kept."""
    if all(producer is None or producer in kept for producer in call.producers):
        return call
    return replace(call, producers=tuple(producer if producer in kept else None for producer in call.producers))


def _note_within(note: LineNote, kept: set[int]) -> LineNote:
    if all(index in kept for index in note.calls):
        return note
    return replace(note, calls=tuple(index for index in note.calls if index in kept))
