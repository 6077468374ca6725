"""Objects of the user's classes looked at and taken apart without running a method of theirs.

Python's own pickling calls `__reduce__`, `__getstate__`, even `__getattr__` and `items`: code that may do anything, in
the user's process.  Here only types, and dictionaries and slots of instances are read.
"""

from __future__ import annotations

import abc
import copyreg
import os
import site
import sys
import sysconfig
from collections.abc import Callable, Iterator
from functools import cache
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodDescriptorType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any, Generic, Protocol

Apart = tuple[Callable[..., Any], tuple[Any, ...], Any, Iterator[Any] | None, Iterator[Any] | None]
"""What `__reduce__` gives: a function and its arguments, the state, the items of a list, those of a dict."""

_BY_PICKLE = frozenset(("__reduce_ex__", "__reduce__", "__getstate__", "__getnewargs_ex__", "__getnewargs__"))
_ON_THE_WAY = frozenset(("__getattribute__", "__class__", "__dict__"))
_BY_OTHERS = frozenset(("__getattr__", "__iter__", "__len__", "__getitem__", "items", "keys", "values", "tolist"))
"""Methods that a library's own `__reduce__` may call."""
_ATOMS: dict[type, Callable[[Any], tuple[Any, ...]]] = {
    int: lambda value: (int.__int__(value),),
    float: lambda value: (float.__float__(value),),
    str: str.__getnewargs__,
    bytes: bytes.__getnewargs__,
    tuple: lambda value: (tuple(tuple.__iter__(value)),),
    complex: lambda value: (complex.__pos__(value),),
}
_PLAIN = frozenset((object, list, dict, *_ATOMS, abc.ABC, Generic, Protocol))
_OF_C_CODE = frozenset(
    (
        *(BuiltinFunctionType, ClassMethodDescriptorType, GetSetDescriptorType, MemberDescriptorType),
        *(MethodDescriptorType, WrapperDescriptorType, type(None)),
    )
)
_MOST_WRAPPED = 100


class UsersCode(TypeError):
    """It cannot be had without running code of the user's."""


def is_a(value: object, *kinds: type) -> bool:
    """`isinstance`, without asking the value itself."""
    mro = type(value).__mro__
    return any(kind in mro for kind in kinds)


def attributes_of(value: object) -> dict[str, Any]:
    """Return the instance's own dictionary; empty where it has none or tells it by a method."""
    for each in type(value).__mro__:
        found = _members(each).get("__dict__")
        if found is not None:
            own = found.__get__(value) if isinstance(found, GetSetDescriptorType) else {}
            return own if type(own) is dict else {}
    return {}


def name_of(value: object) -> str | None:
    """Return the `__name__` of a function or class, or of what wraps one."""
    if is_a(value, type):
        return str(type.__getattribute__(value, "__name__"))
    if type(value) in (FunctionType, type(len), ModuleType):
        return getattr(value, "__name__", None)
    found = attributes_of(value).get("__name__")
    return found if type(found) is str else None


def unwrapped(value: object) -> object:
    """Return what `functools.wraps` was told that it wraps, to the innermost."""
    for _ in range(_MOST_WRAPPED):
        inner = attributes_of(value).get("__wrapped__")
        if inner is None:
            return value
        value = inner
    raise UsersCode("a wrapper of itself")


def taken_apart(value: object) -> Apart | None:
    """How to make the instance of a user's class again; None to leave it to pickle, which then runs no user's code.

    Raises `UsersCode`.
    """
    kind = type(value)
    mro = kind.__mro__
    registered = copyreg.dispatch_table.get(kind)
    if registered is not None and _is_users(registered):
        raise UsersCode(kind.__name__)
    own = [each for each in mro if is_users_class(each)]
    if not own:
        return None
    overridden = {name for each in own for name, method in _members(each).items() if _is_users(method)}
    if overridden & (_BY_PICKLE | _ON_THE_WAY):
        raise UsersCode(kind.__name__)
    generated = {
        name for each in own for name in _BY_PICKLE & _members(each).keys()
    }  # by `dataclass`, `namedtuple`, `enum`
    if not generated and all(each in own or each in _PLAIN for each in mro):
        return _plain(value, own)
    if overridden & _BY_OTHERS:
        raise UsersCode(kind.__name__)
    return None


def _plain(value: Any, own: list[type]) -> Apart:
    kind = type(value)
    atom = next((each for each in kind.__mro__ if each in _ATOMS), None)
    arguments = _ATOMS[atom](value) if atom is not None else ()
    state: Any = attributes_of(value) if any("__dict__" in _members(each) for each in kind.__mro__) else None
    slots = dict(_slots(value, own))
    return (
        copyreg.__newobj__,  # type: ignore[attr-defined]  # documented by PEP 307, not in typeshed
        (kind, *arguments),
        (state, slots) if slots else state,
        list.__iter__(value) if issubclass(kind, list) else None,
        iter(dict.items(value)) if issubclass(kind, dict) else None,
    )


def _slots(value: object, own: list[type]) -> Iterator[tuple[str, Any]]:
    for each in own:
        for name, member in _members(each).items():
            if isinstance(member, MemberDescriptorType):
                try:
                    yield name, member.__get__(value)
                except AttributeError:  # not set
                    continue


def _members(kind: type) -> MappingProxyType[str, Any]:
    """Return the class' own attributes, whatever its metaclass says."""
    found: MappingProxyType[str, Any] = type.__getattribute__(kind, "__dict__")
    return found


def is_users_class(kind: type) -> bool:
    """Whether a class was written by the user: in a cell, or in a module that is no library's."""
    name = _members(kind).get("__module__")
    return type(name) is str and _is_users_module(name)


def _is_users_module(name: str) -> bool:
    root = name.partition(".")[0]
    if root in sys.builtin_module_names or root in sys.stdlib_module_names:
        return root == "__main__"
    module = sys.modules.get(name)
    file = module.__dict__.get("__file__") if isinstance(module, ModuleType) else None
    return not (type(file) is str and is_library_file(file))


def _is_users(member: object) -> bool:
    """Whether an attribute of a class leads to code of the user's, as far as that can be told."""
    if type(member) is FunctionType:
        inner = unwrapped(member)
        return not is_library_file(member.__code__.co_filename) or (inner is not member and _is_users(inner))
    if type(member) is property:
        return _is_users(member.fget)
    if type(member) in (classmethod, staticmethod):
        return _is_users(member.__func__)  # type: ignore[attr-defined]  # mypy does not narrow by `in`
    return type(member) not in _OF_C_CODE


@cache
def _libraries() -> tuple[str, ...]:
    folders = [*sysconfig.get_paths().values(), *site.getsitepackages(), site.getusersitepackages()]
    own = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    data = {sysconfig.get_path("data"), sysconfig.get_path("scripts")}
    return tuple({os.path.realpath(folder) + os.sep for folder in [*folders, own] if folder not in data})


@cache
def is_library_file(name: str) -> bool:
    """Whether code of that file name came with Python or with an installed package."""
    return name.startswith("<frozen ") or os.path.realpath(name).startswith(_libraries())
