"""Where a value in the text comes from: followed through names, attributes and arguments of the user's functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.text.source import Binding, Code, argument, called_name

_MOST_STEPS = 8
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def definitions_of(code: Code, node: ast.expr) -> list[ast.expr]:
    """The expressions that make the value of `node`: itself, what its name was given, and so on, nearest first.

    A parameter leads on to the arguments of every call of its function, `self.x` to its assignments, `weights["x"]` to
    the entry of the dictionary.
    """
    found: list[ast.expr] = []
    waiting = [node]
    while waiting and len(found) < _MOST_STEPS:
        at = waiting.pop(0)
        if at not in found:
            found.append(at)
            waiting.extend(_given(code, at))
    return found


def sequence_behind(code: Code, node: ast.expr | None) -> ast.Tuple | ast.List | None:
    """Return the tuple or list display that an expression stands for, None where there is none."""
    found = definitions_of(code, node) if node is not None else []
    return next((each for each in found if isinstance(each, ast.Tuple | ast.List)), None)


def _given(code: Code, node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.Name):
        bound = binding_in_scope(code, node)
        if bound is not None:
            yield from (bound.value,) if bound.value is not None else ()
        elif (function := _function_with(code, node)) is not None:
            yield from arguments_for(code, function, node.id)
        elif (outer := code.binding(node)) is not None and outer.value is not None:
            yield outer.value
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
        yield from _assigned_to(code, node)
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        entries = list(_entries(code, node.value, node.slice.value))
        yield from entries or _entered(code, node.slice.value)


def _entries(code: Code, collection: ast.expr, key: object) -> Iterator[ast.expr]:
    """What stands under a key of a dictionary, or at a place of a list, that the text spells out."""
    for origin in definitions_of(code, collection):
        match origin:
            case ast.Dict(keys=keys, values=values):
                yield from (
                    v for k, v in zip(keys, values, strict=True) if isinstance(k, ast.Constant) and k.value == key
                )
            case ast.Call(func=ast.Name(id="dict"), args=[], keywords=given):
                yield from (keyword.value for keyword in given if keyword.arg == key)
            case ast.List(elts=elements) | ast.Tuple(elts=elements) if isinstance(key, int) and key < len(elements):
                if not any(isinstance(element, ast.Starred) for element in elements):
                    yield elements[key]


def _entered(code: Code, key: object) -> list[ast.expr]:
    """What the one statement `weights["x"] = ...` puts under a word."""
    found = [
        node.value
        for node in code.nodes
        if isinstance(node, ast.Assign) and isinstance(key, str)
        for target in node.targets
        if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant) and target.slice.value == key
    ]
    return found if len(found) == 1 else []


def binding_in_scope(code: Code, name: ast.Name) -> Binding | None:
    """The binding of a name in its own function, if it has one there before the name's statement."""
    bound = code.binding(name)
    if bound is None or code.scope_of(bound.statement) is not code.scope_of(name):
        return None
    return bound


def is_parameter(code: Code, node: ast.expr) -> bool:
    """Whether it is a parameter of the function around it, as it was given."""
    return isinstance(node, ast.Name) and binding_in_scope(code, node) is None and bool(_function_with(code, node))


def _function_with(code: Code, name: ast.Name) -> Function | None:
    """The function around `name` that has it as a parameter."""
    for node in code.around(name):
        if isinstance(node, Function) and name.id in _parameters(node):
            return node
    return None


def _parameters(function: Function) -> list[str]:
    given = function.args
    return [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)]


def arguments_for(code: Code, function: Function, parameter: str) -> Iterator[ast.expr]:
    """What the calls of a function in the text give for one of its parameters; its default where they give nothing."""
    place = _parameters(function).index(parameter)
    owner = code.scope_of(function)
    method = isinstance(owner, ast.ClassDef) and not isinstance(function, ast.Lambda)
    for call in calls_of(code, function) if place >= method else ():
        given = argument(call, place - method, parameter)
        if given is not None:
            yield given
    defaults = dict(zip(reversed(_positional(function)), reversed(function.args.defaults), strict=False))
    if parameter in defaults:
        yield defaults[parameter]


def _positional(function: Function) -> list[str]:
    return [a.arg for a in (*function.args.posonlyargs, *function.args.args)]


def calls_of(code: Code, function: Function) -> Iterator[ast.Call]:
    """The calls of a function, of a class for its `__init__`, and of a class' instances for its `call`."""
    if isinstance(function, ast.Lambda):
        return
    owner = code.scope_of(function)
    for call in (node for node in ast.walk(code.tree) if isinstance(node, ast.Call)):
        if isinstance(owner, ast.ClassDef) and function.name == "__init__":
            called = called_name(call) == owner.name
        elif isinstance(owner, ast.ClassDef) and function.name in ("call", "__call__"):
            called = _makes(code, call.func, owner.name)
        else:
            called = called_name(call) == function.name
        if called:
            yield call


def call_around(code: Code, node: ast.expr) -> ast.Call | None:
    """The call that an expression is an argument of."""
    around = next((n for n in code.around(node) if n is not node and not isinstance(n, ast.keyword)), None)
    return around if isinstance(around, ast.Call) and around.func is not node else None


def _makes(code: Code, callee: ast.expr, kind: str) -> bool:
    """Whether what is called is an instance of that class, as far as assignments tell."""
    made = code.resolve(callee)
    if isinstance(made, ast.Attribute):
        made = next(_assigned_to(code, made), made)
    return isinstance(made, ast.Call) and called_name(made) == kind


def _assigned_to(code: Code, attribute: ast.Attribute) -> Iterator[ast.expr]:
    for node in ast.walk(code.tree):
        if isinstance(node, ast.Assign) and any(ast.unparse(t) == ast.unparse(attribute) for t in node.targets):
            yield node.value
