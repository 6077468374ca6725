"""What a statement gives values to, and the reading of those values without running any code of the user's.

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
    """The targets that a statement gives values to, in order; none where it gives values to other things too.

    Those of a loop that only counts are left out.
    """
    match statement:
        case ast.Assign(targets=[target, *_]) | ast.AugAssign(target=target):
            return _targets(target)
        case ast.AnnAssign(target=target, value=value):
            return _targets(target) if value is not None else ()
        case ast.Expr(value=ast.NamedExpr(target=target)):
            return (target,)
        case ast.For(target=target, iter=iterable) | ast.AsyncFor(target=target, iter=iterable):
            return () if isinstance(iterable, ast.Call) and called_name(iterable) == "range" else _targets(target)
        case ast.With(items=items) | ast.AsyncWith(items=items):
            return tuple(found for item in items if item.optional_vars for found in _targets(item.optional_vars))
        case _:
            return ()


def _targets(target: ast.expr) -> tuple[Target, ...]:
    match target:
        case ast.Name():
            return (target,)
        case ast.Attribute(value=ast.Name()) | ast.Subscript(value=ast.Name(), slice=ast.Constant(value=str() | int())):
            return (target,)
        case ast.Starred(value=value):
            return _targets(value)
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            inside = [_targets(element) for element in elements]
            return tuple(each for found in inside for each in found) if all(inside) else ()
        case _:
            return ()


def spelled(target: Target) -> str:
    """The target in the text's own terms: `x`, `self.x`, `parts["a"]`."""
    match target:
        case ast.Name(id=name):
            return name
        case ast.Attribute(attr=name):
            return f"{owner_of(target)}.{name}"
        case ast.Subscript(slice=ast.Constant(value=key)):
            return f"{owner_of(target)}[{json.dumps(key, ensure_ascii=False)}]"
    return ast.unparse(target)


def owner_of(target: Target) -> str:
    """The name that must be there for the target to be read."""
    owner = target if isinstance(target, ast.Name) else target.value
    assert isinstance(owner, ast.Name), "a target is a name or hangs on one"
    return owner.id


def read(target: Target, names: Mapping[str, Any]) -> Any:
    """The value of a target whose owner is among `names`; None where it cannot be read."""
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
    """What an object keeps under a name; a property is not asked."""
    try:
        return object.__getattribute__(owner, "__dict__").get(name)
    except AttributeError:  # it keeps nothing by name
        return None
    except BaseException as fault:
        keep_of_hook(_VALUES, fault)
    return None


@hidden
def entry(owner: object, key: str | int) -> Any:
    """What a plain list or dictionary holds; what a class of its own gives is not asked."""
    try:
        if type(owner) is dict:
            return owner.get(key)
        if type(owner) is list and isinstance(key, int) and -len(owner) <= key < len(owner):
            return owner[key]
    except BaseException as fault:
        keep_of_hook(_VALUES, fault)
    return None
