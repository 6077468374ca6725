"""What a call is given: arguments in one list, a partner's index, another function of its family, a layer called."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.case import Case
from conv_magic.repair.operators.operator import (
    Candidate,
    Operator,
    arguments,
    array_at,
    is_called,
    is_loaded,
    put,
)

_FAMILIES = (
    ("stack", "concatenate", "concat", "vstack", "hstack"), ("matmul", "multiply"), ("expand_dims", "squeeze"),
    ("argmax", "max"), ("zeros", "zeros_like"), ("reduce_sum", "reduce_mean"),
)  # fmt: skip
_JOINING = ("stack", "concatenate", "concat", "vstack", "hstack")
_MOST_NAMES = 3


def _in_a_list(case: Case, node: ast.expr) -> Iterator[Candidate]:
    """`Concatenate()(a, b)` as `Concatenate()([a, b])`."""
    if not isinstance(node, ast.Call) or len(node.args) < 2:
        return
    kinds = [case.program.kind(each) for each in node.args]
    callee = case.program.kind(node.func)
    if callee not in ("layer", "model", "function", "class") or kinds[:2] != ["array", "array"]:
        return
    last = max(place for place, kind in enumerate(kinds) if kind == "array")
    start, end = case.program.span(node.args[0])[0], case.program.span(node.args[last])[1]
    near = 0.0 if node in case.open else 0.8
    extra = 0.0 if callee in ("layer", "model") else 0.6
    yield Candidate(((start, start, "["), (end, end, "]")), near + extra)


def _more_inputs(case: Case, node: ast.expr) -> Iterator[Candidate]:
    """`model(a)` as `model([a, b])` for a model of several inputs."""
    called = case.value(node.func) if isinstance(node, ast.Call) else None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and called is not None:
        called = case.value(node.func.value)  # `model.predict(a)`
    if (
        not isinstance(node, ast.Call)
        or called is None
        or called.kind != "model"
        or len(called.parts) < 2
        or not node.args
    ):
        return
    first = case.value(node.args[0])
    if first is None or first.kind != "array":
        return
    others = [name for name in _tensors_before(case, node) if name != case.program.text_of(node.args[0])]
    for place, name in enumerate(others):
        text = case.program.text_of(node.args[0])
        yield Candidate(put(case, node.args[0], f"[{text}, {name}]"), 0.1 * place)
        yield Candidate(put(case, node.args[0], f"[{name}, {text}]"), 0.1 * place + 0.2)


def _partner_index(case: Case, node: ast.expr) -> Iterator[Candidate]:
    """The index that a partner in the same call has: `fit(x[:80], y)` as `fit(x[:80], y[:80])`."""
    found = array_at(case, node)
    call = next((each for each in case.program.around(node) if isinstance(each, ast.Call)), None)
    if found is None or call is None or isinstance(node, ast.Subscript):
        return
    for other in ast.walk(call):
        if not isinstance(other, ast.Subscript) or not is_loaded(other) or case.program.text_of(other.value) == "":
            continue
        if case.program.kind(other) != "array" or not isinstance(other.slice, ast.Slice | ast.Name | ast.Tuple):
            continue
        index = case.program.text_of(other)[len(case.program.text_of(other.value)) :]
        before = case.program.before_suffix(node)
        same = case.program.text_of(other.value) == case.program.text_of(node)
        if not same and not isinstance(other.slice, ast.Tuple):
            yield Candidate(put(case, node, before + index), 0.0, None, (case.program.text_of(node), index))
        if "1:" in index:  # what follows is told from what comes before
            shifted = index.replace("1:", ":-1")
            yield Candidate(put(case, node, before + shifted), 0.2, None, (case.program.text_of(node), shifted))


def _partner_without(case: Case, node: ast.expr) -> Iterator[Candidate]:
    """No index, or the partner's, where one is indexed and its partner is not."""
    call = next((each for each in case.program.around(node) if isinstance(each, ast.Call)), None)
    if not isinstance(node, ast.Subscript) or not is_loaded(node) or call is None or case.program.kind(node) != "array":
        return
    own = case.program.text_of(node)[len(case.program.text_of(node.value)) :]
    for other in ast.walk(call):
        if isinstance(other, ast.Subscript) and other is not node and case.program.kind(other) == "array":
            index = case.program.text_of(other)[len(case.program.text_of(other.value)) :]
            if index != own:
                new = case.program.before_suffix(node.value) + index
                yield Candidate(put(case, node, new), 0.2, None, (case.program.text_of(node), index))


def _function(case: Case, node: ast.expr) -> Iterator[Candidate]:
    value = case.value(node)
    text = case.program.text_of(node)
    if value is None or not is_called(case, node):
        return
    for family in _FAMILIES:
        name = text.rpartition(".")[2]
        if name not in family:
            continue
        library = "numpy" if value.library.startswith("numpy") else "tensorflow"
        for other in family:
            foreign = other in ("concatenate", "vstack", "hstack") and library != "numpy" and "ops" not in text
            if other == name or foreign or (library == "numpy" and other == "concat" and name != "concat"):
                continue
            if text.endswith("." + name):
                extra = 0.0 if name in _JOINING else 0.6
                yield Candidate(put(case, node, text[: -len(name)] + other), extra, None, (name, other))


def _call_layer(case: Case, node: ast.expr) -> Iterator[Candidate]:
    """A layer that was to be called: `x = Dense(3)` as `x = Dense(3)(x)`."""
    if case.program.kind(node) not in ("layer", "model") or not isinstance(node, ast.Call) or is_called(case, node):
        return
    parent = case.program.parent(node)
    if not isinstance(parent, ast.Assign | ast.Call | ast.List | ast.Return | ast.BinOp):
        return
    if isinstance(parent, ast.Call) and node not in arguments(parent):
        return
    for place, name in enumerate(_tensors_before(case, node)):
        yield Candidate(put(case, node, f"{case.program.text_of(node)}({name})"), 0.1 * place, None, None)


def _tensors_before(case: Case, node: ast.expr) -> list[str]:
    """The names of tensors that were read or made shortly before, the nearest first; then those read later."""
    scope, line = case.program.scope(node), node.lineno
    names = [other for other in case.program.nodes.values() if isinstance(other, ast.Name)]
    found: dict[str, int] = {}
    for name in names:
        value = case.value(name)
        if case.program.scope(name) is scope and value is not None and value.kind == "array":
            found[name.id] = max(found.get(name.id, -9999), name.lineno if name.lineno <= line else -name.lineno)
    for statement in case.program.statements:
        if (
            isinstance(statement, ast.Assign)
            and statement.lineno < line
            and case.program.kind(statement.value) == "array"
        ):
            for target in statement.targets:
                if isinstance(target, ast.Name) and case.program.scope(target) is scope:
                    found[target.id] = max(found.get(target.id, -9999), statement.lineno)
    nearest = sorted(found, key=lambda name: -found[name])
    arguments_of = getattr(scope, "args", None)
    given = [each.arg for each in arguments_of.args if each.arg != "self"] if arguments_of is not None else []
    return list(dict.fromkeys([*nearest[:_MOST_NAMES], *given[:1]]))


OPERATORS = (
    Operator("arguments in a list", 1.2, _in_a_list, nodes=(ast.Call,)),
    Operator("more inputs for a model", 1.1, _more_inputs, nodes=(ast.Call,)),
    Operator("index of the partner", 1.3, _partner_index, frozenset({"array"})),
    Operator("another index, as the partner's", 1.5, _partner_without, nodes=(ast.Subscript,)),
    Operator("another function of its family", 1.6, _function, frozenset({"function"}), (ast.Attribute,)),
    Operator("call the layer", 1.2, _call_layer, nodes=(ast.Call,)),
)
