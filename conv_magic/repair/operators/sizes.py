"""The sizes of a shape that is written out: swapped, one more, one fewer, others altogether."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from math import prod

from conv_magic.analysis.case import Case
from conv_magic.analysis.goals import agree
from conv_magic.analysis.values import Value
from conv_magic.model.shapes import Shape
from conv_magic.repair.operators.operator import Candidate, Operator, is_loaded, is_receiver, makes_layer, put

_SEQUENCES = (ast.Tuple, ast.List)
_STATED = -0.4
"""What the text spells out elsewhere is likely meant here too."""
FIXED_ROLES = (
    "strides", "stride", "dilation_rate", "dilations", "axis", "axes", "rate", "perm", "verbose", "output_padding",
)  # fmt: skip
"""Parameters whose numbers are no sizes."""
_SIZE_ROLES = ("shape", "size")
_NO_SIZES = ("filters", "units", "batch_size", "axis", "epochs", "verbose", "name")
_SHAPE_ROLES = (
    "shape",
    "input_shape",
    "target_shape",
    "batch_shape",
    "output_shape",
    "size",
    "target_size",
    "image_size",
)


def _fit(case: Case, node: ast.expr, now: Shape, after: Shape) -> float:
    """Return the cost of sizes that would be `after`: whether they then are what the failing call wants."""
    if case.program.role(node) in FIXED_ROLES:
        return 0.8
    for goal in case.goals:
        for cut in (0, 1):
            if now and agree(now, goal.have[cut:]):
                return -0.5 if agree(after, goal.want[cut:]) else 0.6
    return 0.3 if case.goals else 0.0


def _elements(case: Case, node: ast.expr) -> tuple[Value, list[ast.expr]] | None:
    """Return the elements of a tuple or list that is written out."""
    value = case.value(node)
    parent = case.program.parent(node)
    if value is None or not isinstance(node, ast.Tuple | ast.List) or not is_loaded(node):
        return None
    if isinstance(parent, ast.Subscript) or any(isinstance(each, ast.Starred) for each in node.elts):
        return None
    return value, node.elts


def _orders(count: int) -> set[tuple[int, ...]]:
    """Two exchanged, or one moved from one end to the other."""
    found = set()
    for i in range(count):
        for j in range(i):
            order = list(range(count))
            order[i], order[j] = j, i
            found.add(tuple(order))
    if count > 2:
        found |= {(*range(1, count), 0), (count - 1, *range(count - 1))}
        found |= {(0, *range(2, count), 1), (0, count - 1, *range(1, count - 1))}
    return found


def _swap(case: Case, node: ast.expr) -> Iterator[Candidate]:
    found = _elements(case, node)
    if found is None or isinstance(case.program.parent(node), ast.For | ast.comprehension):
        return
    value, elements = found
    texts = [case.program.text_of(each) for each in elements]
    numbers = value.kind == "dims"
    if not 2 <= len(texts) <= 6 or (not numbers and len(texts) > 3):
        return
    for order in sorted(_orders(len(texts))):
        if [texts[place] for place in order] == texts:
            continue
        changes = tuple(
            (*case.program.span(elements[place]), texts[other]) for place, other in enumerate(order) if place != other
        )
        if value.kind == "arrays":
            first, then = value.parts[0], value.parts[order[0]]
            if first and then and any(agree(first[1:], g.have[1:]) and agree(then[1:], g.want[1:]) for g in case.goals):
                yield Candidate(changes, -0.6)
            continue
        extra = 0.3 if not numbers else _fit(case, node, value.numbers, tuple(value.numbers[place] for place in order))
        yield Candidate(changes, extra, None, (order, case.program.text_of(node)))


def _insert(case: Case, node: ast.expr) -> Iterator[Candidate]:
    found = _elements(case, node)
    if found is None or not found[1]:
        return
    value, elements = found
    first, last = case.program.span(elements[0])[0], case.program.span(elements[-1])[1]
    if value.kind == "pairs":
        pair = "[0, 0]" if isinstance(elements[0], ast.List) else "(0, 0)"
        extra = -1.0 if "padding" in case.wanted.first_words else 0.0
        yield Candidate(((first, first, f"{pair}, "), (last, last, f", {pair}")), extra)
        yield Candidate(((first, first, f"{pair}, "),), extra + 0.5)
        yield Candidate(((last, last, f", {pair}"),), extra + 0.5)
        return
    if value.kind != "dims":
        return
    text, now = case.program.text_of(node), value.numbers
    role = case.program.argument_name(node) or ""
    unlikely = 0.0 if any(word in role for word in _SIZE_ROLES) or len(elements) >= 2 else 0.6
    for new, cost in (("1", 0.0), ("-1", 0.9), ("None", 0.9)):
        number = None if new == "None" else 1
        extra = cost + unlikely
        yield Candidate(
            ((last, last, f", {new}"),), extra + _fit(case, node, now, (*now, number)), None, ("end", new, text)
        )
        front = _fit(case, node, now, (number, *now)) + 0.3
        yield Candidate(((first, first, f"{new}, "),), extra + front, None, ("front", new, text))
    channels = [goal.want[-1] for goal in case.goals if goal.want and (goal.want[-1] or 0) > 1]
    for size in list(dict.fromkeys(channels))[:2]:
        yield Candidate(((last, last, f", {size}"),), 0.4, None, ("end", size, text))
    for size in _sizes_behind(case, node, now):
        yield Candidate(((last, last, f", {size}"),), _STATED, None, ("end", size, text))
    if len(elements) == 2:
        yield Candidate(((first, first, "1, "), (last, last, ", 1")), 0.6)
    if len(elements) > 1:
        steps = isinstance(case.program.parent(node), ast.For) and any(
            _is_power(*pair) for pair in case.wanted.ratios()
        )
        for element in elements:
            end = case.program.span(element)[1]
            yield Candidate(((end, end, f", {case.program.text_of(element)}"),), -0.5 if steps else 1.0)


def _sizes_behind(case: Case, node: ast.expr, now: Shape) -> list[int]:
    """Return the sizes that follow these where the text spells a longer shape: `rand(4, 48, 48, 3)` for (48, 48)."""
    found: list[int] = []
    for other in case.program.nodes.values():
        parts = other.args if isinstance(other, ast.Call) else other.elts if isinstance(other, _SEQUENCES) else []
        sizes = [part.value if isinstance(part, ast.Constant) else None for part in parts]
        for start in range(len(sizes) - len(now)):
            behind = sizes[start + len(now)]
            if (
                other is not node
                and len(now) > 1
                and tuple(sizes[start : start + len(now)]) == now
                and type(behind) is int
            ):
                found.append(behind)
    return list(dict.fromkeys(found))


def _is_power(a: int, b: int) -> bool:
    return max(a, b) % min(a, b) == 0 and max(a, b) // min(a, b) in (2, 4, 8, 16)


def _delete(case: Case, node: ast.expr) -> Iterator[Candidate]:
    found = _elements(case, node)
    if found is None or len(found[1]) < 2:
        return
    value, elements = found
    if value.kind != "dims" and len(elements) > 6:
        return
    for place, element in enumerate(elements):
        start, end = case.program.span(element)
        changes: tuple[tuple[int, int, str], ...]
        if place + 1 < len(elements):
            changes = ((start, case.program.span(elements[place + 1])[0], ""),)
        else:
            changes = ((case.program.span(elements[place - 1])[1], end, ""),)
        if len(elements) == 2 and isinstance(node, ast.Tuple):  # one size needs its comma: `(28,)`
            kept = elements[1 - place]
            changes = ((*case.program.span(node), f"({case.program.text_of(kept)},)"),)
        extra = 0.0 if value.kind == "dims" else 0.7
        if value.kind == "dims":
            now = value.numbers
            extra += _fit(case, node, now, now[:place] + now[place + 1 :])
        extra += 0.6 if makes_layer(case, element) else 0.0
        yield Candidate(changes, extra, None, (place, case.program.text_of(node)))


def _replace(case: Case, node: ast.expr) -> Iterator[Candidate]:
    value = case.value(node)
    if value is None or not is_loaded(node) or isinstance(case.program.parent(node), ast.Subscript):
        return
    now = value.numbers
    opening, closing = ("[", "]") if isinstance(node, ast.List) or value.text == "list" else ("(", ")")
    for sizes in dict.fromkeys(_other_sizes(case, now)):
        if not sizes or None in sizes or sizes == now:
            continue
        text = opening + ", ".join(map(str, sizes)) + ("," if len(sizes) == 1 and opening == "(" else "") + closing
        exact = any((now, sizes) in ((g.have, g.want), (g.have[1:], g.want[1:])) for g in case.goals)
        extra = -0.6 if exact else 0.1 * abs(len(sizes) - len(now))
        yield Candidate(put(case, node, text), extra, None, (sizes, case.program.text_of(node)))
    match node:
        case ast.BinOp(left=ast.List(elts=[element])) if len(now) == 4:
            step = case.program.text_of(element)
            yield Candidate(put(case, node, f"[1, {step}, {step}, 1]"), -0.8)


def _other_sizes(case: Case, now: Shape) -> Iterator[Shape]:
    batch = now[:1] if now and now[0] not in (None, -1) else (-1,)
    for goal in case.goals:
        if len(goal.have) == len(goal.want):
            pairs = zip(goal.have, goal.want, strict=True)
            want: Shape = tuple(w if w is not None else h for h, w in pairs)
        else:
            want = goal.want
        yield want[1:]
        yield want if None not in want else (*batch, *want[1:])
        yield goal.have[1:]
        yield goal.have
        if len(now) == 2 and len(goal.want) == 4:
            yield goal.want[1:3]
    total = prod(size or 1 for size in now)
    if len(now) > 2:
        rest = total // (now[0] or 1)
        yield from ((now[0], rest), (total,), (-1, rest))
    if len(now) in (3, 4, 5) and len(set(now)) == 1:
        yield (1, *now[1:-1], 1)


def _slice(case: Case, node: ast.expr) -> Iterator[Candidate]:
    value = case.value(node)
    if value is None or is_receiver(case, node) or not value.numbers or not is_loaded(node):
        return
    if isinstance(case.program.parent(node), ast.Subscript | ast.For):
        return
    if isinstance(node, ast.Call) and case.program.kind(node.func) == "class":
        return
    text = case.program.before_suffix(node)
    extra = 0.0 if value.text == "TensorShape" or ".shape" in text else 0.5
    one = "[1]" if value.text == "list" else "(1,)"
    yield Candidate(put(case, node, f"{text} + {one}"), extra + 0.1, None, ("+1", text))
    if isinstance(node, ast.Subscript):
        if case.program.kind(node.value) == "dims":
            base = case.program.before_suffix(node.value)
            for part in ("[1:]", "[:-1]", "[1:3]", "[2:]", "[:2]"):
                yield Candidate(put(case, node, base + part), extra + 0.2, None, (part, text))
        return
    if len(value.numbers) > 1:
        for part in ("[1:]", "[:-1]", "[1:3]", "[:2]"):
            yield Candidate(put(case, node, text + part), extra + (0.0 if part == "[1:]" else 0.3), None, (part, text))
        yield Candidate(put(case, node, f"{text}[1:] + {one}"), extra + 0.5, None, ("[1:]+1", text))


def _of_number(case: Case, node: ast.expr) -> Iterator[Candidate]:
    role = case.program.argument_name(node)
    if role is None or not is_loaded(node) or role in _NO_SIZES:
        return
    cost = 0.0 if role in _SHAPE_ROLES else 1.0
    start, end = case.program.span(node)
    raw = case.program.raw
    if (
        raw[start - 1 : start] == b"("
        and raw[end : end + 1] == b")"
        and isinstance(case.program.parent(node), ast.keyword)
    ):
        start, end = start - 1, end + 1  # `shape=(128)` has brackets of no meaning
    text = case.program.text_of(node)
    for new, more in ((f"({text},)", 0.0), (f"({text}, 1)", 0.1), (f"({text}, {text})", 0.4)):
        yield Candidate(((start, end, new),), cost + more)


OPERATORS = (
    Operator("swap sizes", 1.4, _swap, frozenset({"dims", "list", "arrays"}), _SEQUENCES),
    Operator("insert a size", 1.4, _insert, frozenset({"dims", "pairs", "list"}), _SEQUENCES),
    Operator("delete a size", 1.5, _delete, frozenset({"dims", "pairs", "arrays", "list"}), _SEQUENCES),
    Operator("replace the sizes", 1.9, _replace, frozenset({"dims"}), (*_SEQUENCES, ast.BinOp)),
    Operator("slice the shape", 1.1, _slice, frozenset({"dims"}), (ast.Attribute, ast.Name, ast.Call, ast.Subscript)),
    Operator(
        "number to sizes", 1.3, _of_number, frozenset({"int"}),
        (ast.Constant, ast.Name, ast.BinOp, ast.Attribute, ast.Subscript),
    ),
)  # fmt: skip
