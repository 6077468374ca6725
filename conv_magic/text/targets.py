"""Find what a statement assigns, and value_of those values without running any code of the user's.

A target is a name, an attribute of a name (`self.x`), or an entry of a name under a constant (`parts["a"]`).
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from typing import Any

from conv_magic.boundary import hidden, keep_of_hook
from conv_magic.text.source import called_name

_VALUES = "the values of lines"
Target = ast.Name | ast.Attribute | ast.Subscript


def targets_given(statement: ast.stmt) -> tuple[Target, ...]:
    """Return the targets that a statement assigns, in order; none if it assigns anything else too.

    The counter of a loop over `range` is left out.
    """
    match statement:
        case ast.Assign(targets=[target, *_]) | ast.AugAssign(target=target):
            return _targets_in(target)
        case ast.AnnAssign(target=target, value=value):
            return _targets_in(target) if value is not None else ()
        case ast.Expr(value=ast.NamedExpr(target=target)):
            return (target,)
        case ast.For(target=target, iter=iterable) | ast.AsyncFor(target=target, iter=iterable):
            return () if isinstance(iterable, ast.Call) and called_name(iterable) == "range" else _targets_in(target)
        case ast.With(items=items) | ast.AsyncWith(items=items):
            return tuple(found for item in items if item.optional_vars for found in _targets_in(item.optional_vars))
        case _:
            return ()


def _targets_in(target: ast.expr) -> tuple[Target, ...]:
    """Return the targets in an assignment target, empty if one of them is of another kind."""
    match target:
        case ast.Name():
            return (target,)
        case ast.Attribute(value=ast.Name()) | ast.Subscript(value=ast.Name(), slice=ast.Constant(value=str() | int())):
            return (target,)
        case ast.Starred(value=value):
            return _targets_in(value)
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            inside = [_targets_in(element) for element in elements]
            return tuple(each for found in inside for each in found) if all(inside) else ()
        case _:
            return ()


def target_text(target: Target) -> str:
    """Return the target as it is written: `x`, `self.x`, `parts["a"]`."""
    match target:
        case ast.Name(id=name):
            return name
        case ast.Attribute(attr=name):
            return f"{owner_of(target)}.{name}"
        case ast.Subscript(slice=ast.Constant(value=key)):
            return f"{owner_of(target)}[{json.dumps(key, ensure_ascii=False)}]"
    return ast.unparse(target)


def owner_of(target: Target) -> str:
    """Return the name that must be bound for the target to be read."""
    owner = target if isinstance(target, ast.Name) else target.value
    assert isinstance(owner, ast.Name), "a target is a name or hangs on one"
    return owner.id


def value_of(target: Target, names: Mapping[str, Any]) -> Any:
    """Return the value of a target whose owner is among `names`, None if it cannot be read."""
    value = names[owner_of(target)]
    match target:
        case ast.Attribute(attr=name):
            return attribute(value, name)
        case ast.Subscript(slice=ast.Constant(value=str() | int() as key)):
            return entry(value, key)
        case _:
            return value


@hidden
def attribute(owner: object, name: str) -> Any:
    """Return what an object holds in its own dictionary under a name; a property is not called."""
    try:
        return object.__getattribute__(owner, "__dict__").get(name)
    except AttributeError:  # it keeps nothing by name
        return None
    except BaseException as fault:
        keep_of_hook(_VALUES, fault)
    return None


@hidden
def entry(owner: object, key: str | int) -> Any:
    """Return an entry of a plain list or dictionary, None of any other object: its class is not called."""
    try:
        if type(owner) is dict:
            return owner.get(key)
        if type(owner) is list and isinstance(key, int) and -len(owner) <= key < len(owner):
            return owner[key]
    except BaseException as fault:
        keep_of_hook(_VALUES, fault)
    return None
