"""More or fewer entries along an axis: a channel repeated, the first few kept, images resized."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from conv_magic.analysis.case import Case
from conv_magic.analysis.foresee import Effect
from conv_magic.analysis.goals import agree
from conv_magic.model.shapes import Shape
from conv_magic.repair.operators.operator import Candidate, Operator, array_at, indexed, is_receiver, put

_MOST_NUMBERS = 8
_MOST_JOINED = 4


def _repeat(case: Case, node: ast.expr) -> Iterator[Candidate]:
    found = array_at(case, node)
    if found is None:
        return
    value, shape = found
    text = case.program.text_of(node)
    for axis, times in sorted(_wanted_times(case, shape)):
        if not shape or axis == 0 or shape[axis] != 1 or times < 2:
            continue
        after = (*shape[:axis], times, *shape[axis + 1 :])
        extra = case.fit(node, after)
        if extra is None:
            continue
        last = axis == len(shape) - 1
        if value.library == "keras":
            layer, imports = case.program.layer("Concatenate")
            if times <= _MOST_JOINED and last:
                yield Candidate(
                    put(case, node, f"{layer}()([{', '.join([text] * times)}])"), extra + 0.4, after, None, imports
                )
            continue
        function, imports = case.program.named("numpy.repeat" if value.library == "numpy" else "tensorflow.repeat")
        new = f"{function}({text}, {times}, axis={-1 if last else axis})"
        yield Candidate(put(case, node, new), extra, after, (axis, times, text), imports, _sized(node, {axis: times}))


def _wanted_times(case: Case, shape: Shape) -> set[tuple[int, int]]:
    found = {(len(shape) - 1, 3)}
    for goal in case.goals:
        if len(goal.want) == len(shape):
            found |= {(axis, size) for axis, size in enumerate(goal.want) if size}
    if len(shape) == 4:
        found |= {(axis, size) for axis in (2, 3) for size in case.wanted.numbers()[:_MOST_NUMBERS]}
    return found


def _keep(case: Case, node: ast.expr) -> Iterator[Candidate]:
    found = array_at(case, node)
    if found is None:
        return
    value, shape = found
    text = case.program.text_of(node)
    for goal in case.goals:
        if not agree(shape[1:], goal.have[1:]) or len(goal.want) != len(shape):
            continue
        larger = {
            axis: want
            for axis, (size, want) in enumerate(zip(shape, goal.want, strict=True))
            if size and want and size > want
        }
        differ = [
            axis
            for axis, (size, want) in enumerate(zip(shape, goal.want, strict=True))
            if size and want and size != want
        ]
        if not differ or len(larger) != len(differ):
            continue
        after = tuple(larger.get(axis, size) for axis, size in enumerate(shape))
        last = len(shape) - 1
        if differ == [last]:
            parts = ["...", f":{larger[last]}"]
        else:
            parts = [f":{larger[axis]}" if axis in larger else ":" for axis in range(max(differ) + 1)]
        effect = _sized(node, larger)
        yield Candidate(put(case, node, indexed(case, node, *parts)), 0.1, after, (tuple(differ), text), effect=effect)
        if differ == [last] and larger[last] == 1 and shape[-1] == 3 and value.library == "numpy":
            mean = f"{case.program.before_suffix(node)}.mean(axis=-1, keepdims=True)"
            yield Candidate(put(case, node, mean), 0.2, after, ("mean", text))
    if shape and shape[-1] in (3, 4, 6, 8) and not is_receiver(case, node):
        for kept in (3, 1):
            if (shape[-1] or 0) > kept:
                head = case.program.text_of(node.func) if isinstance(node, ast.Call) else text
                new = indexed(case, node, "...", f":{kept}")
                after, key = (*shape[:-1], kept), ("last", kept, head)
                effect = _sized(node, {len(shape) - 1: kept})
                yield Candidate(put(case, node, new), 1.5, after, key, effect=effect)


def _sized(node: ast.expr, sizes: Mapping[int, int]) -> Effect:
    """Other sizes along some axes."""
    return Effect(node, lambda shape: tuple(sizes.get(axis, size) for axis, size in enumerate(shape)))


def _resize(case: Case, node: ast.expr) -> Iterator[Candidate]:
    value = case.value(node)
    if value is None:
        return
    function, imports = case.program.named("tensorflow.image.resize")
    text = case.program.text_of(node)
    if value.kind == "arrays":
        sizes = list(dict.fromkeys(part[:2] for part in value.parts if part and len(part) == 3))
        if len(sizes) > 1 and isinstance(node, ast.Name):
            wanted = [goal.want[1:3] for goal in case.goals if len(goal.want) == 4]
            for wanted_size in dict.fromkeys([sizes[0], *wanted]):
                if None not in wanted_size:
                    new = f"[{function}(a, {wanted_size}).numpy() for a in {text}]"
                    yield Candidate(put(case, node, new), -0.7, None, None, imports)
        return
    found = array_at(case, node)
    if found is None or len(found[1]) not in (3, 4) or value.library == "keras":
        return
    shape = found[1]
    for goal in case.goals:
        size = goal.want[1:3]
        if (
            len(goal.want) == len(goal.have) == 4
            and None not in size
            and agree(shape[-3:], goal.have[-3:])
            and shape[-3:-1] != size
        ):
            after = (*shape[:-3], *size, *shape[-1:])
            extra = 0.0 if agree(after[-3:], goal.want[-3:]) else 1.5
            new = f"{function}({text}, ({size[0]}, {size[1]}))"
            yield Candidate(put(case, node, new), extra, after, text, imports)


OPERATORS = (
    Operator("repeat channels", 1.7, _repeat, frozenset({"array"})),
    Operator("keep some of an axis", 1.8, _keep, frozenset({"array"})),
    Operator("resize images", 1.9, _resize, frozenset({"array", "arrays"})),
)
