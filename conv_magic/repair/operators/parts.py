"""A call or an index taken away, and another name that fits."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.case import Case
from conv_magic.analysis.values import Value
from conv_magic.repair.operators.operator import Candidate, Operator, indexed, is_called, is_loaded, put


def _unwrap(case: Case, node: ast.expr) -> Iterator[Candidate]:
    if not isinstance(node, ast.Call) or case.program.kind(node.func) != "function":
        return
    value = case.value(node.func)
    of_library = value is not None and not value.members and node in case.open
    if case.program.kind(node) not in ("array", "dataset", "arrays", "dims") and not of_library:
        return
    text = case.program.text_of(node)
    if isinstance(node.func, ast.Attribute) and case.program.kind(node.func.value) in ("array", "dataset"):
        inner = case.program.text_of(node.func.value)
        yield Candidate(put(case, node, inner), 0.0, _shape(case, node.func.value), ("method", node.func.attr, text))
    elif node.args and case.program.kind(node.args[0]) in ("array", "arrays", "dataset", "object"):
        inner = case.program.text_of(node.args[0])
        yield Candidate(put(case, node, inner), 0.0, _shape(case, node.args[0]), ("call", text))


def _plain(case: Case, node: ast.expr) -> Iterator[Candidate]:
    """`list(data)` as `data`."""
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in _CONVERTING
        and len(node.args) == 1
    ):
        yield Candidate(put(case, node, case.program.text_of(node.args[0])), 0.0, None, case.program.text_of(node))


def _unpack(case: Case, node: ast.expr) -> Iterator[Candidate]:
    """`h, w = x.shape` as `_, h, w = x.shape`, with as many names as there are values."""
    parent = case.program.parent(node)
    if not isinstance(parent, ast.Assign) or len(parent.targets) != 1 or not isinstance(parent.targets[0], ast.Tuple):
        return
    value, names = case.value(node), [case.program.text_of(each) for each in parent.targets[0].elts]
    count = (
        len(value.numbers) if value is not None and value.kind == "dims" else value.length if value is not None else 0
    )
    missing = count - len(names)
    for place in range(len(names) + 1) if missing > 0 else ():
        new = [*names[:place], *["_"] * missing, *names[place:]]
        extra = 0.0 if place == 0 else 0.1 if place == len(names) else 0.3
        yield Candidate(put(case, parent.targets[0], ", ".join(new)), extra)
    for place in range(len(names)) if missing == -1 else ():
        new = names[:place] + names[place + 1 :]
        yield Candidate(put(case, parent.targets[0], ", ".join(new)), 0.5 * (names[place] != "_"))


def _shape(case: Case, node: ast.expr) -> tuple[int | None, ...] | None:
    value = case.value(node)
    return value.shape if value is not None else None


def _index(case: Case, node: ast.expr) -> Iterator[Candidate]:
    if not isinstance(node, ast.Subscript) or not is_loaded(node):
        return
    if case.program.kind(node) not in ("array", "int") or case.program.kind(node.value) not in (
        "array",
        "arrays",
        "list",
        "dims",
    ):
        return
    text = case.program.text_of(node)
    if case.program.kind(node) == "array":
        yield from _kept_axis(case, node, text)
        yield Candidate(put(case, node, case.program.text_of(node.value)), 0.5, None, ("all", text))


def _kept_axis(case: Case, node: ast.Subscript, text: str) -> Iterator[Candidate]:
    """`x[0]` as `x[0:1]`, which keeps the axis."""
    index = node.slice
    if isinstance(index, ast.Constant | ast.Name) and case.program.kind(index) == "int":
        place = case.program.text_of(index)
        end = str(int(place) + 1) if place.isdigit() else f"{place} + 1"
        yield Candidate(
            put(case, node, indexed(case, node.value, ":1" if place == "0" else f"{place}:{end}")),
            0.0,
            None,
            ("keep", text),
        )
    for part in index.elts if isinstance(index, ast.Tuple) else ():
        if isinstance(part, ast.Constant) and type(part.value) is int:
            yield Candidate(put(case, part, f"{part.value}:{part.value + 1}"), 0.0, None, ("keep", text))
        elif (isinstance(part, ast.Constant) and part.value is None) or "newaxis" in case.program.text_of(part):
            yield Candidate(put(case, part, ":"), 0.5)


def _moved(case: Case, node: ast.expr) -> Iterator[Candidate]:
    """`x[None, ...]` as `x[..., None]`."""
    if not isinstance(node, ast.Subscript) or not isinstance(node.slice, ast.Tuple) or not is_loaded(node):
        return
    parts = [case.program.text_of(each) for each in node.slice.elts]
    for new in dict.fromkeys([(*parts[1:], parts[0]), (parts[-1], *parts[:-1])]):
        if list(new) != parts:
            yield Candidate(put(case, node.slice, ", ".join(new)), 0.0, None, ("moved", case.program.text_of(node)))


def _name(case: Case, node: ast.expr) -> Iterator[Candidate]:
    value = case.value(node)
    if value is None or not isinstance(node, ast.Name) or not is_loaded(node):
        return
    if is_called(case, node) and value.kind not in ("model", "layer"):
        return
    scope = case.program.scope(node)
    names: dict[str, Value] = {}
    for other in case.program.nodes.values():
        if not isinstance(other, ast.Name) or not is_loaded(other) or other.id == node.id:
            continue
        found = case.value(other)
        if found is None or found.kind != value.kind or case.program.scope(other) not in (None, scope):
            continue
        if value.kind == "array" and (
            found.shape is None or found.shape == value.shape or case.fit(node, found.shape) is None
        ):
            continue
        seen_before = case.program.last(other) and case.program.first(other) <= case.program.last(node)
        if seen_before or case.program.scope(other) is None:
            names.setdefault(other.id, found)
    for name, found in names.items():
        if found == value and value.kind not in ("model", "layer"):
            continue
        extra = case.fit(node, found.shape) or 0.0 if value.kind == "array" and found.shape is not None else 0.0
        unlikely = value.kind in ("int", "model", "layer") or value.library == "keras"
        yield Candidate(put(case, node, name), extra + 0.4 * unlikely, found.shape, (node.id, name))


_CONVERTING = ("list", "tuple", "reversed", "sorted")
_NAMED = frozenset({"array", "model", "layer", "arrays", "dataset", "int", "dims"})
OPERATORS = (
    Operator("take the call away", 1.7, _unwrap, nodes=(ast.Call,)),
    Operator("less of an index", 1.2, _index, nodes=(ast.Subscript,)),
    Operator("take the conversion away", 1.3, _plain, nodes=(ast.Call,)),
    Operator("names for what is unpacked", 1.0, _unpack, frozenset({"dims", "list", "arrays"})),
    Operator("parts of an index in another order", 1.3, _moved, nodes=(ast.Subscript,)),
    Operator("another name", 2.1, _name, _NAMED, (ast.Name,)),
)
