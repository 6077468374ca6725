"""Repairs of a merge that was handed the map of another level: the shortcut of that size, or a gate enlarged."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.definitions import arguments_for, is_parameter
from conv_magic.analysis.merges import Merge
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.fixes.merge_shortcuts import layer_like
from conv_magic.text.edits import fix, wrapped
from conv_magic.text.source import Code

_MULTIPLYING = {"Multiply", "multiply", "mult", "mul"}


def gate_enlarged(merge: Merge, trace: Trace, ratio: int) -> Iterator[Fix]:
    """A gate of one channel, made on a smaller map than it is to weigh, enlarged to that map's size."""
    if merge.call.op not in _MULTIPLYING or len(merge.call.inputs) != 2 or not merge.parts or ratio < 2:
        return
    sizes = [shape[1] or 0 for shape in merge.call.inputs]
    gate = sizes.index(min(sizes))
    shape = merge.call.inputs[gate]
    named = layer_like(merge, trace, f"UpSampling{len(shape) - 2}D") if len(shape) in (3, 4, 5) else None
    if shape[-1] != 1 or named is None or any(size % ratio for size in sizes):
        return
    edits = [wrapped(merge.code, merge.parts[gate], f"{named[0]}({ratio})(", ")"), *named[1]]
    predicted = merge.call.inputs[1 - gate] if merge.call.layer else None
    yield fix(f"enlarge the gate {ratio} times", merge.code, edits, Applicability.SURE, predicted)


def of_other_level(merge: Merge, trace: Trace) -> Iterator[Fix]:
    """The shortcut that has the size: named as the one given but for its number, `skip2` for `skip1`."""
    if len(merge.parts) != 2 or len(merge.call.inputs) != 2 or merge.axis is None:
        return
    for place, part in enumerate(merge.parts):
        other = merge.call.inputs[1 - place]
        handed = _handed(merge.code, part)
        for given in _of_shape(handed, merge.call.inputs[place], trace):
            for value in trace.values:
                fits = value.shape is not None and len(value.shape) == len(other)
                if not fits or value.shape is None or not _alike(value.name, given.id) or value.name == given.id:
                    continue
                if all(value.shape[axis] == other[axis] for axis in range(1, len(other) - 1)):
                    title = f"join {value.name}, which has this size, in place of {given.id}"
                    edits = [merge.code.replace(given, value.name)]
                    turned = next((name for name in handed if name.id == value.name), None)
                    if turned is not None:  # the two stand in each other's place
                        edits.append(merge.code.replace(turned, given.id))
                        title = f"exchange {given.id} and {value.name}: each has the size of the other's partner"
                    yield fix(title, merge.code, edits, Applicability.SURE)
                    return


def _handed(code: Code, part: ast.expr) -> list[ast.Name]:
    """The names that a part stands for: itself, or what the calls of its function give for it."""
    if not isinstance(part, ast.Name):
        return []
    function = code.scope_of(part)
    if not is_parameter(code, part) or not isinstance(function, ast.FunctionDef):
        return [part]
    return [given for given in arguments_for(code, function, part.id) if isinstance(given, ast.Name)]


def _of_shape(names: list[ast.Name], shape: Shape, trace: Trace) -> list[ast.Name]:
    shapes = {value.name: value.shape for value in trace.values if value.shape is not None}
    return [name for name in names if shapes.get(name.id) == shape]


def _alike(one: str, two: str) -> bool:
    """Whether two names differ in their digits only."""
    digits = str.maketrans("", "", "0123456789")
    return one.translate(digits) == two.translate(digits) and any(letter.isdigit() for letter in one)
