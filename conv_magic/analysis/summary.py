"""The summary of any run-time value; knows NumPy, TensorFlow and Keras by what is imported, and changes nothing."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

from conv_magic.analysis.values import Parameter, Value
from conv_magic.model.shapes import Shape

_MOST_PARTS = 32
_MOST_DIMS = 16
_MOST_PARAMETERS = 40
_LONGEST_TEXT = 80

Number = Callable[[Any], int]
"""Which object it is, for data flow."""


def summary(value: Any, number: Number, *, deep: bool = True) -> Value:
    """Return what a value is."""
    if value is None or isinstance(value, bool):
        return Value("none" if value is None else "bool", text=repr(value))
    if isinstance(value, str):
        return Value("str", text=value[:_LONGEST_TEXT])
    whole = _integer(value)
    if whole is not None:
        return Value("int", numbers=(whole,), text=str(whole))
    if isinstance(value, float):
        return Value("float", text=repr(value))
    if _is(value, "tensorflow", "TensorShape"):
        return Value("dims", numbers=tuple(value.as_list()) if value.rank is not None else (), text="TensorShape")
    if isinstance(value, type):
        return _class(value, number)
    array = _array(value, number)
    if array is not None:
        return array
    if isinstance(value, tuple | list):
        return _sequence(value, number, deep)
    if isinstance(value, dict):
        members = tuple(number(each) for each in list(value.values())[:_MOST_PARTS])
        return Value("dict", length=len(value), number=number(value), members=members)
    return _object(value, number)


def _integer(value: Any) -> int | None:
    numpy = sys.modules.get("numpy")
    if isinstance(value, int) or (numpy is not None and isinstance(value, numpy.integer)):
        return int(value)
    return None


def _is(value: Any, module: str, *path: str) -> bool:
    at: Any = sys.modules.get(module)
    for name in path:
        at = getattr(at, name, None)
    return isinstance(at, type) and isinstance(value, at)


def shape_of(value: Any) -> Shape | None:
    """Return the shape of anything that has one of numbers."""
    try:
        shape = value.shape
        return None if shape is None else tuple(None if size is None else int(size) for size in shape)
    except Exception:  # a shape of unknown rank, or an object that only looks like an array
        return None


def _array(value: Any, number: Number) -> Value | None:
    module = type(value).__module__.partition(".")[0]
    if module == "numpy" or module == "pandas":
        library = module
    elif _is(value, "keras", "KerasTensor") or hasattr(value, "_keras_history"):
        library = "keras"
    elif module in ("tensorflow", "keras", "jaxlib") and not callable(value):
        library = "tensorflow"
    else:
        return None
    shape = shape_of(value)
    if shape is None and not _is(value, "tensorflow", "Tensor"):
        return None
    dtype = getattr(value, "dtype", "")
    name = getattr(dtype, "name", None) or str(dtype)
    return Value("array", shape=shape, dtype=name, library=library, number=number(value), text=type(value).__name__)


def _sequence(value: tuple[Any, ...] | list[Any], number: Number, deep: bool) -> Value:
    kind = type(value).__name__
    sizes = [_integer(each) if not isinstance(each, bool) else None for each in value]
    if 0 < len(value) <= _MOST_DIMS and all(s is not None or v is None for s, v in zip(sizes, value, strict=True)):
        return Value("dims", numbers=tuple(sizes), text=kind, length=len(value))
    members = tuple(number(each) for each in value[:_MOST_PARTS])
    if not deep or not value:
        return Value("list", length=len(value), text=kind, number=number(value), members=members)
    parts = [summary(each, number, deep=False) for each in value[:_MOST_PARTS]]
    if all(part.kind == "array" for part in parts):
        shapes = tuple(part.shape for part in parts)
        return Value(
            "arrays", parts=shapes, length=len(value), text=kind, number=number(value), members=members,
            library=parts[0].library,
        )  # fmt: skip
    if all(part.kind == "dims" and len(part.numbers) == 2 for part in parts):
        return Value("pairs", parts=tuple(part.numbers for part in parts), length=len(value), text=kind)
    return Value("list", length=len(value), text=kind, number=number(value), members=members)


def _class(value: type, number: Number) -> Value:
    layer = getattr(sys.modules.get("keras"), "Layer", None)
    return Value(
        "class",
        text=value.__name__,
        library=str(value.__module__),
        number=number(value),
        parameters=_parameters(value),
        is_layer=isinstance(layer, type) and issubclass(value, layer),
    )


def _parameters(value: Any) -> tuple[Parameter, ...]:
    try:
        found = list(inspect.signature(value).parameters.values())
    except (TypeError, ValueError):
        return ()
    return tuple(
        Parameter(p.name, p.kind.name, None if p.default is p.empty else repr(p.default)[:_LONGEST_TEXT])
        for p in found[:_MOST_PARAMETERS]
    )


def _object(value: Any, number: Number) -> Value:
    name = type(value).__name__
    if _is(value, "keras", "Model"):
        layers = getattr(value, "_layers", ())
        members = tuple(number(layer) for layer in list(layers)[:200])
        output, inputs = _ends(value)
        length = len(members)
        return Value(
            "model", shape=output, parts=inputs, text=name, number=number(value), members=members, length=length
        )
    if _is(value, "keras", "Layer"):
        return Value("layer", text=name, number=number(value), library=type(value).__module__)
    if hasattr(type(value), "element_spec"):
        nest = sys.modules["tensorflow"].nest
        parts = tuple(shape_of(spec) for spec in nest.flatten(value.element_spec))
        return Value("dataset", parts=parts, text=name, number=number(value))
    if inspect.ismodule(value):
        return Value("module", text=value.__name__)
    if callable(value) and hasattr(value, "__name__"):
        owner = getattr(value, "__self__", None)
        members = () if owner is None or inspect.ismodule(owner) else (number(owner),)
        return Value(
            "function", text=value.__name__, library=str(getattr(value, "__module__", "")), number=number(value),
            members=members, parameters=_parameters(value),
        )  # fmt: skip
    return Value("object", text=name, number=number(value), library=type(value).__module__)


def _ends(model: Any) -> tuple[Shape | None, tuple[Shape | None, ...]]:
    try:
        nest = sys.modules["tensorflow"].nest
        return shape_of(nest.flatten(model.outputs)[0]), tuple(shape_of(each) for each in nest.flatten(model.inputs))
    except Exception:  # a model that is not built has no ends
        return None, ()
