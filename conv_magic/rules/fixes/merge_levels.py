"""Repairs of a merge that was given the map of another level: the shortcut of that size, or a gate enlarged."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.merges import Merge
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.fixes.merge_order import passed_parts
from conv_magic.rules.fixes.merge_shortcuts import layer_spelled
from conv_magic.text.edits import fix, wrapped

_MULTIPLYING = {"Multiply", "multiply", "mult", "mul"}


def gate_enlarged(merge: Merge, trace: Trace, ratio: int) -> Iterator[Fix]:
    """Enlarge a gate of one channel, made on a smaller map than it is to weigh, to that map's size."""
    if merge.call.op not in _MULTIPLYING or len(merge.call.inputs) != 2 or not merge.parts or ratio < 2:
        return
    sizes = [shape[1] or 0 for shape in merge.call.inputs]
    gate = sizes.index(min(sizes))
    shape = merge.call.inputs[gate]
    named = layer_spelled(merge, trace, f"UpSampling{len(shape) - 2}D") if len(shape) in (3, 4, 5) else None
    if shape[-1] != 1 or named is None or any(size % ratio for size in sizes):
        return
    edits = [wrapped(merge.code, merge.parts[gate], f"{named[0]}({ratio})(", ")"), *named[1]]
    predicted = merge.call.inputs[1 - gate] if merge.call.layer else None
    yield fix(f"enlarge the gate {ratio} times", merge.code, edits, Applicability.SURE, predicted)


def shortcut_of_other_level(merge: Merge, trace: Trace) -> Iterator[Fix]:
    """Offer the shortcut that has the size, named as the one given but for its number: `skip2` for `skip1`."""
    if len(merge.parts) != 2 or len(merge.call.inputs) != 2 or merge.axis is None:
        return
    for index, part in enumerate(merge.parts):
        other = merge.call.inputs[1 - index]
        passed = [node for node in passed_parts(merge.code, part) if isinstance(node, ast.Name)]
        for given in _of_shape(passed, merge.call.inputs[index], trace):
            for value in trace.values:
                fits = value.shape is not None and len(value.shape) == len(other)
                if (
                    not fits
                    or value.shape is None
                    or not _differ_in_digits(value.name, given.id)
                    or value.name == given.id
                ):
                    continue
                if all(value.shape[axis] == other[axis] for axis in range(1, len(other) - 1)):
                    title = f"join {value.name}, which has this size, in place of {given.id}"
                    edits = [merge.code.replace(given, value.name)]
                    exchanged = next((name for name in passed if name.id == value.name), None)
                    if exchanged is not None:
                        edits.append(merge.code.replace(exchanged, given.id))
                        title = f"exchange {given.id} and {value.name}: each has the size of the other's partner"
                    yield fix(title, merge.code, edits, Applicability.SURE)
                    return


def _of_shape(names: list[ast.Name], shape: Shape, trace: Trace) -> list[ast.Name]:
    shapes = {value.name: value.shape for value in trace.values if value.shape is not None}
    return [name for name in names if shapes.get(name.id) == shape]


def _differ_in_digits(one: str, two: str) -> bool:
    """Check whether two names differ in their digits only."""
    digits = str.maketrans("", "", "0123456789")
    return one.translate(digits) == two.translate(digits) and any(letter.isdigit() for letter in one)
