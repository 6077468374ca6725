"""Fixes that give a model's output the height and width that are needed."""

from __future__ import annotations

from collections.abc import Iterator

from conv_magic.analysis.what_if import Change, WhatIf, before, changes_along, with_changes
from conv_magic.model.calls import CallRecord
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import name_of
from conv_magic.model.options import PoolOptions
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.fixes.layer_changes import added_before, added_behind, changed_all
from conv_magic.text.edits import fix


def output_size_fixes(last: CallRecord, trace: Trace, want: Shape) -> Iterator[Fix]:
    """Yield fixes that change options of layers so that the output has the size.

    Where none does, the output is brought near that size, and cut or resized.
    """
    chain = (*before(last, trace), last)
    changes = changes_along(chain, 2, 1)
    padded = [change for change in changes if change.argument == "padding"]
    convolutions = [change for change in padded if not isinstance(change.options, PoolOptions)]
    attempts = [[change] for change in changes] + [convolutions] * (len(convolutions) > 1)
    sizes = [WhatIf(trace, with_changes(attempt, chain)).output(last.index) for attempt in attempts]
    exact = [
        attempt for attempt, size in zip(attempts, sizes, strict=True) if size is not None and size[1:3] == want[1:3]
    ]
    exact.sort(key=lambda attempt: (len(attempt), not attempt[0].added))
    exact = [attempt for attempt in exact if len(attempt) == len(exact[0])]
    for attempt in exact[:3]:
        edits = changed_all(attempt, trace)
        if edits is not None:
            sure = Applicability.SURE if attempt[0].added else Applicability.CHOICE
            yield fix(_changes_title(attempt), *edits, sure)
    if not exact and len(want) == 4:
        near = [
            attempt
            for attempt, size in zip(attempts, sizes, strict=True)
            if attempt[0] in padded and _a_little_larger(size, want)
        ]
        yield from near_size_fixes(last, trace, want, near[:1])


def near_size_fixes(last: CallRecord, trace: Trace, want: Shape, near: list[list[Change]]) -> Iterator[Fix]:
    """Yield fixes that enlarge, cut or resize the output; `near` are changes that leave it a little larger."""
    height, width = want[1:3]
    if factor := enlargement(last.output, want):
        edits = added_before(last, trace, "UpSampling2D", str(factor))
        if edits is not None:
            sure = Applicability.CHOICE if near else Applicability.SURE
            yield fix(f"enlarge the maps {factor} times before the last layer", *edits, sure)
    for changes in near:
        cut = added_behind(last, trace, "CenterCrop", f"{height}, {width}")
        first = changed_all(changes, trace)
        if cut is not None and first is not None and cut[0].cell == first[0].cell:
            title = f"{_changes_title(changes)}, and cut the output to {height} x {width}"
            yield fix(title, cut[0], [*first[1], *cut[1]], Applicability.SURE)
    edits = added_behind(last, trace, *_fitting_layer(last.output, want))
    if edits is not None:
        yield fix(f"bring the output to {height} x {width}", *edits, Applicability.CHOICE)


def _changes_title(changes: list[Change]) -> str:
    names = " and ".join(name_of(change.call) for change in changes)
    return f"give {names} {changes[0].argument}={changes[0].text}"


def _fitting_layer(output: Shape | None, want: Shape) -> tuple[str, str]:
    """Return the layer that brings an output to a size, and its arguments: a crop of a larger one, else a resizing."""
    larger = output is not None and all((a or 0) >= (b or 0) for a, b in zip(output[1:3], want[1:3], strict=True))
    return ("CenterCrop" if larger else "Resizing"), f"{want[1]}, {want[2]}"


def enlargement(output: Shape | None, want: Shape) -> int | None:
    """Return the whole number of times by which an output has to be enlarged; None where there is none."""
    if output is None or None in (*output[1:3], *want[1:3]):
        return None
    ratios = {(b or 0) / (a or 1) for a, b in zip(output[1:3], want[1:3], strict=True)}
    ratio = ratios.pop()
    return int(ratio) if not ratios and ratio > 1 and ratio == int(ratio) else None


def _a_little_larger(shape: Shape | None, want: Shape) -> bool:
    """Check whether height and width are at least those wanted, and less than half as much again."""
    pairs = zip(shape[1:3], want[1:3], strict=True) if shape is not None else [(None, None)]
    return all(a is not None and b is not None and b <= a < 1.5 * b for a, b in pairs)
