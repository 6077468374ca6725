"""What a call is given: arguments in one list, a partner's index, another function of its family, a layer called."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator

from conv_magic.analysis.case import Case
from conv_magic.analysis.goals import agree
from conv_magic.model.shapes import Shape
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
    ("stack", "concatenate", "concat", "vstack", "hstack", "dstack"), ("matmul", "multiply"),
    ("expand_dims", "squeeze"), ("argmax", "max"), ("hsplit", "vsplit", "dsplit"),
)  # fmt: skip
_JOINING = ("stack", "concatenate", "concat", "vstack", "hstack", "dstack")
_MOST_NAMES = 3
_MOST_CHOICES = 8
_FAR = 10_000


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
    text = case.program.text_of(node.args[0])
    place = next((i for i, part in enumerate(called.parts) if _fits(first.shape, part)), 0)
    after = _made_after(case, node, text)
    choices = [
        [text] if i == place else _for_input(case, node, part, text, after) for i, part in enumerate(called.parts)
    ]
    for number, chosen in enumerate(itertools.islice(itertools.product(*choices), _MOST_CHOICES)):
        if len(set(chosen)) == len(chosen):
            yield Candidate(put(case, node.args[0], f"[{', '.join(chosen)}]"), 0.1 * number)


def _fits(shape: Shape | None, part: Shape | None) -> bool:
    """Whether an array can be an input of a model, the batch apart."""
    return shape is not None and part is not None and len(shape) == len(part) and agree(shape[1:], part[1:])


def _for_input(case: Case, node: ast.Call, part: Shape | None, given: str, after: list[str]) -> list[str]:
    """Return the names that could be given for an input: of the shape that it takes, the nearest first."""
    scope, found = case.program.scope(node), dict[str, int]()
    for other in case.program.nodes.values():
        value = case.value(other) if isinstance(other, ast.Name) else None
        if not isinstance(other, ast.Name) or value is None or value.kind != "array" or other.id == given:
            continue
        if case.program.scope(other) in (None, scope) and _fits(value.shape, part):
            found[other.id] = min(found.get(other.id, _FAR), abs(other.lineno - node.lineno))
    nearest = sorted(found, key=lambda name: found[name])[:_MOST_NAMES]
    unread = [name for name in _parameters(scope) if name not in found and name != given]
    return list(dict.fromkeys([*after[:_MOST_NAMES], *nearest, *unread[:2]]))


def _made_after(case: Case, node: ast.expr, name: str) -> list[str]:
    """Return the names that are bound beside `name` in one statement, behind it."""
    for statement in case.program.statements:
        targets = statement.targets if isinstance(statement, ast.Assign) and statement.lineno <= node.lineno else []
        for target in targets:
            names = [case.program.text_of(each) for each in target.elts] if isinstance(target, ast.Tuple) else []
            if name in names:
                return names[names.index(name) + 1 :]
    return []


def _partner_index(case: Case, node: ast.expr) -> Iterator[Candidate]:
    """Yield the index that a partner in the same call has: `fit(x[:80], y)` as `fit(x[:80], y[:80])`."""
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
            foreign = (
                other in ("concatenate", "vstack", "hstack", "dstack") and library != "numpy" and "ops" not in text
            )
            if other == name or foreign or (library == "numpy" and other == "concat" and name != "concat"):
                continue
            if text.endswith("." + name):
                extra = 0.0 if name in _JOINING else 0.6
                yield Candidate(put(case, node, text[: -len(name)] + other), extra, None, (name, other))


def _call_layer(case: Case, node: ast.expr) -> Iterator[Candidate]:
    """Yield a layer that was to be called: `x = Dense(3)` as `x = Dense(3)(x)`."""
    if case.program.kind(node) not in ("layer", "model") or not isinstance(node, ast.Call) or is_called(case, node):
        return
    parent = case.program.parent(node)
    if not isinstance(parent, ast.Assign | ast.Call | ast.List | ast.Return | ast.BinOp):
        return
    if isinstance(parent, ast.Call) and node not in arguments(parent):
        return
    told = any(word in case.wanted.words for word in ("built=", "keras.src.layers", "keras.layers"))
    extra = 0.0 if told or case.is_operand(node) else 1.4
    for place, name in enumerate(_tensors_before(case, node)):
        new = f"{case.program.text_of(node)}({name})"
        yield Candidate(put(case, node, new), extra + 0.1 * place, None, None)


def _tensors_before(case: Case, node: ast.expr) -> list[str]:
    """Return the names of tensors that were read or made shortly before, the nearest first; then those read later."""
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
    return list(dict.fromkeys([*nearest[:_MOST_NAMES], *_parameters(scope)[:1]]))


def _parameters(scope: ast.AST | None) -> list[str]:
    """Return the names of a function's parameters."""
    given = getattr(scope, "args", None)
    return [each.arg for each in given.args if each.arg != "self"] if isinstance(given, ast.arguments) else []


OPERATORS = (
    Operator("arguments in a list", 1.2, _in_a_list, nodes=(ast.Call,)),
    Operator("more inputs for a model", 1.1, _more_inputs, nodes=(ast.Call,)),
    Operator("index of the partner", 1.3, _partner_index, frozenset({"array"})),
    Operator("another index, as the partner's", 1.5, _partner_without, nodes=(ast.Subscript,)),
    Operator("another function of its family", 1.6, _function, frozenset({"function"}), (ast.Attribute,)),
    Operator("call the layer", 1.2, _call_layer, nodes=(ast.Call,)),
)
