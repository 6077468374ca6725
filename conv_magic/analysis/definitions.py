"""Follow a value in the text to its definitions: through names, attributes and arguments of the user's functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.text.source import Binding, Code, argument, called_name

_MOST_STEPS = 8
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def definitions_of(code: Code, node: ast.expr) -> list[ast.expr]:
    """Return the expressions that make the value of `node`: itself, what its name was given, and so on, nearest first.

    A parameter leads on to the arguments of every call of its function, `self.x` to its assignments, `weights["x"]` to
    the entry of the dictionary.
    """
    found: list[ast.expr] = []
    waiting = [node]
    while waiting and len(found) < _MOST_STEPS:
        expression = waiting.pop(0)
        if expression not in found:
            found.append(expression)
            waiting.extend(_next_definitions(code, expression))
    return found


def sequence_behind(code: Code, node: ast.expr | None) -> ast.Tuple | ast.List | None:
    """Return the tuple or list display that an expression stands for, None where there is none."""
    found = definitions_of(code, node) if node is not None else []
    return next((expression for expression in found if isinstance(expression, ast.Tuple | ast.List)), None)


def _next_definitions(code: Code, node: ast.expr) -> Iterator[ast.expr]:
    """Yield the expressions one step behind a name, `self.x`, or an item under a constant key."""
    if isinstance(node, ast.Name):
        bound = binding_in_scope(code, node)
        if bound is not None:
            yield from (bound.value,) if bound.value is not None else ()
        elif (function := _function_with(code, node)) is not None:
            yield from arguments_for(code, function, node.id)
        elif (outer := code.binding(node)) is not None and outer.value is not None:
            yield outer.value
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
        yield from _assigned_values(code, node)
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        entries = list(_entries_of(code, node.value, node.slice.value))
        yield from entries or _sole_entry(code, node.slice.value)


def _entries_of(code: Code, collection: ast.expr, key: object) -> Iterator[ast.expr]:
    """Yield what the text writes under a key of a dictionary, or at an index of a list."""
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


def _sole_entry(code: Code, key: object) -> list[ast.expr]:
    """Return what the one statement `weights["x"] = ...` puts under a key; empty if there are several."""
    found = [
        node.value
        for node in code.nodes
        if isinstance(node, ast.Assign) and isinstance(key, str)
        for target in node.targets
        if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant) and target.slice.value == key
    ]
    return found if len(found) == 1 else []


def binding_in_scope(code: Code, name: ast.Name) -> Binding | None:
    """Return the binding of a name in its own function before the name's statement, None if there is none."""
    bound = code.binding(name)
    if bound is None or code.scope_of(bound.statement) is not code.scope_of(name):
        return None
    return bound


def is_parameter(code: Code, node: ast.expr) -> bool:
    """Check whether an expression is a parameter of the function around it, not bound again."""
    return isinstance(node, ast.Name) and binding_in_scope(code, node) is None and bool(_function_with(code, node))


def _function_with(code: Code, name: ast.Name) -> Function | None:
    """Return the innermost function around `name` that has it as a parameter."""
    for node in code.around(name):
        if isinstance(node, Function) and name.id in _parameter_names(node):
            return node
    return None


def _parameter_names(function: Function) -> list[str]:
    given = function.args
    return [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)]


def arguments_for(code: Code, function: Function, parameter: str) -> Iterator[ast.expr]:
    """Yield what the calls of a function in the text give for one of its parameters, then its default."""
    position = _parameter_names(function).index(parameter)
    owner = code.scope_of(function)
    method = isinstance(owner, ast.ClassDef) and not isinstance(function, ast.Lambda)
    for call in calls_of(code, function) if position >= method else ():
        given = argument(call, position - method, parameter)
        if given is not None:
            yield given
    defaults = dict(zip(reversed(_positional_names(function)), reversed(function.args.defaults), strict=False))
    if parameter in defaults:
        yield defaults[parameter]


def _positional_names(function: Function) -> list[str]:
    return [a.arg for a in (*function.args.posonlyargs, *function.args.args)]


def calls_of(code: Code, function: Function) -> Iterator[ast.Call]:
    """Yield the calls of a function; for `__init__` those of its class, for `call` those of the class' instances."""
    if isinstance(function, ast.Lambda):
        return
    owner = code.scope_of(function)
    for call in (node for node in ast.walk(code.tree) if isinstance(node, ast.Call)):
        if isinstance(owner, ast.ClassDef) and function.name == "__init__":
            called = called_name(call) == owner.name
        elif isinstance(owner, ast.ClassDef) and function.name in ("call", "__call__"):
            called = _is_instance_of(code, call.func, owner.name)
        else:
            called = called_name(call) == function.name
        if called:
            yield call


def call_around(code: Code, node: ast.expr) -> ast.Call | None:
    """Return the call that an expression is an argument of."""
    around = next((n for n in code.around(node) if n is not node and not isinstance(n, ast.keyword)), None)
    return around if isinstance(around, ast.Call) and around.func is not node else None


def _is_instance_of(code: Code, callee: ast.expr, kind: str) -> bool:
    """Check whether the callee is an instance of the class named `kind`, as far as assignments tell."""
    definition = code.resolve(callee)
    if isinstance(definition, ast.Attribute):
        definition = next(_assigned_values(code, definition), definition)
    return isinstance(definition, ast.Call) and called_name(definition) == kind


def _assigned_values(code: Code, attribute: ast.Attribute) -> Iterator[ast.expr]:
    """Yield the values that the text assigns to an attribute."""
    for node in ast.walk(code.tree):
        if isinstance(node, ast.Assign) and any(ast.unparse(t) == ast.unparse(attribute) for t in node.targets):
            yield node.value
