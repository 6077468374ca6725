"""Another number, written out or computed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from math import isqrt, prod

from conv_magic.analysis.case import Case
from conv_magic.analysis.foresee import Effect
from conv_magic.repair.operators.operator import (
    Candidate,
    Operator,
    is_called,
    is_loaded,
    is_receiver,
    put,
)
from conv_magic.repair.operators.sizes import FIXED_ROLES

_NO_SIZES = ("verbose", "epochs", "seed", "random_state", "steps_per_epoch", "rate", "steps")
_MOST_WANTED = 8
_MOST_RATIOS = 6
_LARGEST = 100_000


def is_number_site(case: Case, node: ast.expr) -> bool:
    """Whether a node is a whole number that could be a size or an option."""
    if not isinstance(node, ast.Constant) or type(node.value) is not int:
        return False
    parent = case.program.parent(node)
    if case.program.argument_name(node) in _NO_SIZES:
        return False
    return not (isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Div | ast.Pow))


def _number(case: Case, node: ast.expr) -> Iterator[Candidate]:
    if not is_number_site(case, node) or not isinstance(node, ast.Constant):
        return
    now: int = node.value  # type: ignore[assignment]  # a number site
    role, parent = case.program.role(node), case.program.parent(node)
    is_negative = isinstance(parent, ast.UnaryOp)
    is_axis = "axis" in role or is_negative or role in FIXED_ROLES
    costs = _near(case, node, now, role, is_axis)
    if not is_axis:
        wanted = [number for number in case.wanted.numbers()[:_MOST_WANTED] if number != now]
        costs |= {number: 0.04 * place for place, number in enumerate(wanted)}
        costs |= _clashing(case, now, role)
        if now > 1:
            costs = _scaled(case, now, role) | costs
    declared = 0.2 if isinstance(parent, ast.Tuple) and role in ("shape", "input_shape") else 0.0
    for number, cost in costs.items():
        allowed = number > 0 or is_axis or (number == -1 and not is_negative) or (number == 0 and now == 1)
        if number != now and allowed:
            key, effect = ("number", now, number), _effect(case, node, number)
            yield Candidate(put(case, node, str(number)), cost + declared, None, key, effect=effect)


def _effect(case: Case, node: ast.expr, number: int) -> Effect | None:
    """Return what another number as an option of a layer, or in a tuple of its options, changes."""
    parent = case.program.parent(node)
    if isinstance(parent, ast.Tuple | ast.List):
        value = case.value(parent)
        call, _ = case.program.call_of(parent)
        if value is None or value.kind != "dims" or call is None:
            return None
        sizes = tuple(number if each is node else size for each, size in zip(parent.elts, value.numbers, strict=False))
        return Effect(call, option=(case.program.argument_name(parent) or "", sizes))
    call, _ = case.program.call_of(node)
    return Effect(call, option=(case.program.argument_name(node) or "", number)) if call is not None else None


def _axis(case: Case, node: ast.expr) -> Iterator[Candidate]:
    """Another axis: `expand_dims(x, 0)` as `expand_dims(x, 1)`."""
    whole = case.program.parent(node) if isinstance(case.program.parent(node), ast.UnaryOp) else node
    role = case.program.role(whole or node)
    call, _ = case.program.call_of(whole or node)
    if role not in ("axis", "axes", "dim") or not isinstance(node, ast.Constant) or not isinstance(whole, ast.expr):
        return
    made = case.value(call) if call is not None else None
    given = case.value(call.args[0]) if call is not None and call.args else None
    now = -int(str(node.value)) if whole is not node else int(str(node.value))
    shape = given.shape if given is not None and given.kind == "array" else None
    rank = len(shape) if shape is not None else 4
    for axis in (-1, *range(rank + 1)):
        if axis == now or (axis == rank and now >= 0 and shape is None):
            continue
        extra = 0.1 * abs(axis - now) if axis >= 0 else 0.2
        if (
            call is not None
            and shape is not None
            and made is not None
            and "expand_dims" in case.program.text_of(call.func)
        ):
            place = axis % (rank + 1)
            fits = case.fit(call, (*shape[:place], 1, *shape[place:]))
            if fits is None:
                continue
            extra += min(fits, 0.4)  # what it meets may lie some calls behind
        yield Candidate(put(case, whole, str(axis)), extra, None, ("axis", now, axis))


def _near(case: Case, node: ast.expr, now: int, role: str, is_axis: bool) -> dict[int, float]:
    """Numbers that a slip leads to: one off, half, twice, the next that halves well."""
    if is_axis:
        found = {now + 1: 0.2, now - 1: 0.2, 1: 0.3}
        return found if "stride" in role else found | {0: 0.4, 3: 0.5}
    if now == 0:
        found = {1: 0.0}
    elif now >= 20:
        multiples = {-(-now // factor) * factor: 0.3 + 0.05 * place for place, factor in enumerate((8, 16, 32))}
        found = multiples | {now // 2: 0.6, now * 2: 0.6}
    else:
        found = {now - 1: 0.3, now + 1: 0.4, now * 2: 0.5, now // 2: 0.4, 1: 0.5}
    odd = any(abs(a - b) == 1 and min(a, b) > 2 for a, b in case.wanted.clashes())
    if odd and now >= 16:  # an odd size, halved and doubled, is what clashes
        found = {number: cost - 0.6 for number, cost in found.items() if number % 8 == 0}
    parent = case.program.parent(node)
    if isinstance(parent, ast.Tuple | ast.List):
        reshapes = "reshape" in case.program.text_of(case.program.statement(node)).lower()
        if "shape" in role or isinstance(parent, ast.List) or reshapes:
            found[-1] = 0.4
    if role == "groups":
        found |= {number: 0.2 for number in (1, 2, 4, 8) if number != now}
    return found


def _clashing(case: Case, now: int, role: str) -> dict[int, float]:
    """Return what this number should be if it is one of those that clash."""
    told = 0.7 if now > 4 or role in ("filters", "units", "shape") else 0.3
    return {want: cost - told for (have, want), cost in case.wanted.clashes().items() if have == now}


def _scaled(case: Case, now: int, role: str) -> dict[int, float]:
    """Return the number grown as the sizes that clash would have to grow, also by the root of that, as for two axes."""
    found: dict[int, float] = {}
    for place, (top, bottom) in enumerate(case.wanted.ratios()[:_MOST_RATIOS]):
        new, rest = divmod(now * top, bottom)
        if rest == 0 and 1 < new < _LARGEST and (now > 3 or role in ("filters", "units")):
            found.setdefault(new, 0.03 * place - 0.45)
        factor, rest = divmod(max(top, bottom), min(top, bottom))
        root = isqrt(factor)
        if rest == 0 and root > 1 and root * root == factor and now > 2:
            found.setdefault(now * root, 0.03 * place - 0.2)
            if now % root == 0 and now // root > 1:
                found.setdefault(now // root, 0.03 * place - 0.2)
    return found


def _of_total(case: Case, node: ast.expr) -> Iterator[Candidate]:
    """Yield the size with which a reshape keeps the number of values: a name that stands for it, the number, or -1."""
    if not is_loaded(node) or is_called(case, node):
        return
    parent = case.program.parent(node)
    sizes = parent.elts if isinstance(parent, ast.Tuple | ast.List) else None
    call = parent if sizes is None else case.program.call_of(parent)[0] if parent is not None else None
    if not isinstance(call, ast.Call) or "reshape" not in case.program.text_of(call.func).lower():
        return
    others = [each for each in (sizes or call.args) if each is not node]
    values = [case.value(each) for each in others]
    known = [value.numbers[0] or 0 for value in values if value is not None and value.kind == "int"]
    total = _values_in(case, call)
    now = case.value(node)
    if not total or now is None or -1 in known or not prod(known) or total % prod(known):
        return
    wanted = total // prod(known)
    text = case.program.text_of(node)
    if now.numbers == (wanted,):
        return
    for name in _names_of(case, node, wanted)[:2]:
        yield Candidate(put(case, node, name), 0.1, None, ("total", name, text))
    yield Candidate(put(case, node, str(wanted)), 0.3, None, ("total", wanted, text))
    if not any(value is not None and value.numbers == (-1,) for value in values):
        yield Candidate(put(case, node, "-1"), 0.2, None, ("total", -1, text))


def _values_in(case: Case, call: ast.Call) -> int:
    """How many values a reshape is given, 0 where that is not known; the batch apart for a layer."""
    of = call.func.value if isinstance(call.func, ast.Attribute) else None
    given = case.value(of) if of is not None and case.program.kind(of) == "array" else None
    if given is None and call.args:
        given = case.value(call.args[0])
    if given is None or given.shape is None or None in given.shape:
        return 0
    return prod(size or 0 for size in given.shape)


def _computed(case: Case, node: ast.expr) -> Iterator[Candidate]:
    value = case.value(node)
    if value is None or not is_loaded(node) or is_receiver(case, node) or is_called(case, node):
        return
    parent = case.program.parent(node)
    if isinstance(parent, ast.Subscript | ast.Slice):
        return
    now, text = value.numbers[0] or 0, case.program.text_of(node)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.FloorDiv):
        yield Candidate(put(case, node, case.program.text_of(node.left)), -0.5, None, ("left", text))
        if not isinstance(node.op, ast.FloorDiv | ast.Sub):
            yield Candidate(put(case, node, case.program.text_of(node.right)), 0.3, None, ("right", text))
    if isinstance(parent, ast.BinOp):
        return
    yield from _related(case, node, now, text)
    if (
        isinstance(parent, ast.Tuple | ast.List)
        and "reshape" in case.program.text_of(case.program.statement(node)).lower()
    ):
        call, _ = case.program.call_of(parent)
        called = case.value(call.func) if call is not None else None
        is_batch = parent.elts[0] is node and called is not None and not called.is_layer
        yield Candidate(put(case, node, "-1"), -0.8 if is_batch else 0.5, None, ("-1", text))


def _related(case: Case, node: ast.expr, now: int, text: str) -> Iterator[Candidate]:
    """Yield the wanted numbers as multiples, parts or other names of what is computed."""
    low = f"({text})" if isinstance(node, ast.BinOp) else text
    clashes = {want: cost for (have, want), cost in case.wanted.clashes().items() if have == now}
    wanted = [number for number in case.wanted.numbers()[:_MOST_WANTED] if number != now and number > 1]
    for place, number in enumerate(dict.fromkeys([*clashes, *wanted])):
        extra = clashes[number] - 0.9 if number in clashes else 0.05 * place
        if now > 0 and number % now == 0 and number // now <= 16:
            yield Candidate(put(case, node, f"{low} * {number // now}"), extra, None, ("x", number // now, text))
        elif now > 0 and now % number == 0 and now // number <= 16:
            more = 0.3 + 0.5 * (number == 1)
            yield Candidate(
                put(case, node, f"{low} // {now // number}"), extra + more, None, ("/", now // number, text)
            )
        others = [name for name in _names_of(case, node, number) if name != text]
        for name in others[:1]:
            yield Candidate(put(case, node, name), extra + 0.1, None, ("name", name, text))
        if not others:
            yield Candidate(put(case, node, str(number)), extra + 0.4, None, ("number", number, text))
    if now > 0 and len(case.program.values(node)) == 1:
        for new, cost in ((f"{low} - 1", 0.5), (f"{low} + 1", 0.6), (f"{low} * 2", 0.7), (f"{low} // 2", 0.7)):
            yield Candidate(put(case, node, new), cost, None, (new, text))


def _names_of(case: Case, node: ast.expr, number: int) -> list[str]:
    """Return the names in scope that stand for a number."""
    scope, found = case.program.scope(node), []
    for other in case.program.nodes.values():
        if isinstance(other, ast.Name) and is_loaded(other) and case.program.scope(other) in (None, scope):
            values = case.program.values(other)
            if len(values) == 1 and values[0].kind == "int" and values[0].numbers == (number,):
                found.append(other.id)
    return list(dict.fromkeys(found))


OPERATORS = (
    Operator("size that keeps the total", 1.3, _of_total, frozenset({"int"})),
    Operator("another axis", 1.2, _axis, frozenset({"int"}), (ast.Constant,)),
    Operator("another number", 1.9, _number, frozenset({"int"}), (ast.Constant,)),
    Operator(
        "compute another number",
        2.2,
        _computed,
        frozenset({"int"}),
        (ast.Name, ast.BinOp, ast.Attribute, ast.Subscript),
    ),
)
