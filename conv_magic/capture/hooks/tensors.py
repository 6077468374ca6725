"""Shapes and dtypes of whatever a call can be given: eager, graph and Keras tensors, arrays, nested structures."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from conv_magic.boundary import is_ours, is_users
from conv_magic.model.calls import Mode
from conv_magic.model.shapes import Shape

_Reader = Callable[[Any], Shape | None]


def _from_shape_tuple(tensor: Any) -> Shape | None:
    shape: Shape | None = tensor._shape_tuple()
    return shape


def _from_tensor_shape(tensor: Any) -> Shape | None:
    shape = tensor.shape
    try:
        sizes = shape._dims  # TensorFlow keeps a tuple there; asking by `as_list` takes three times as long
    except AttributeError:
        sizes = None if shape.rank is None else shape.as_list()
    return None if sizes is None else tuple(sizes)


def _from_tuple(tensor: Any) -> Shape | None:
    return tuple(None if size is None else int(size) for size in tensor.shape)


def _from_plain_tuple(tensor: Any) -> Shape | None:
    """Of arrays whose shape is a tuple of Python's own integers as it stands."""
    shape: Shape = tensor.shape
    return shape if type(shape) is tuple else _from_tuple(tensor)


def _from_keras_variable(variable: Any) -> Shape | None:
    """What it keeps as its shape; asking it makes a `TensorShape` of that, ten times as slowly."""
    shape = getattr(variable, "_shape", None)
    return shape if type(shape) is tuple else _from_tuple(variable)


def _nothing(_: Any) -> Shape | None:
    return None


def _from_graph(function: Any) -> Shape | None:
    """Of a traced function the shape that it gives, of several results the first."""
    return next((shape_of(tensor) for tensor in tensors_in(function.structured_outputs)), None)


def _reader_of(kind: type[Any]) -> _Reader:
    if hasattr(kind, "structured_outputs"):
        return _from_graph
    if hasattr(kind, "_shape_tuple"):  # TensorFlow's own tensors; the fastest way to a plain tuple, but of a variable
        return _from_tensor_shape if hasattr(kind, "assign") else _from_shape_tuple
    if not hasattr(kind, "shape"):
        return _nothing
    if kind.__module__.startswith("tensorflow."):
        return _from_tensor_shape
    if kind.__module__.startswith("keras.") and hasattr(kind, "assign"):
        return _from_keras_variable
    return _from_plain_tuple if kind.__module__.split(".")[0] in ("numpy", "pandas", "keras") else _from_tuple


_readers: dict[type[Any], _Reader] = {}
_sized: set[type[Any]] = set()
"""The types among them whose values always have a rank."""
_ALWAYS_SIZED = ("EagerTensor", "KerasTensor", "ndarray")


def shape_reader(kind: type[Any]) -> _Reader | None:
    """What reads the shape of values of one type, and may raise; None where they have none.

    What a class of the user's own calls `shape` may do anything, and is not asked.
    """
    reader = _reader_of(kind)
    return None if reader is _nothing or kind.__module__ == "__main__" else reader


def shape_of(value: object) -> Shape | None:
    """The shape of a tensor or array, with None for an unknown dimension; None for anything else or an unknown rank."""
    kind = type(value)
    reader = _readers.get(kind)
    if reader is None:
        reader = _readers[kind] = _reader_of(kind)
        if kind.__name__ in _ALWAYS_SIZED and kind.__module__.split(".")[0] in ("tensorflow", "keras", "numpy"):
            _sized.add(kind)
    try:
        return reader(value)
    except BaseException as fault:  # an object of the user's own may raise anything when it is asked
        if is_users(fault) or is_ours(fault):
            raise
        return None


def shape_of_value(value: object) -> Shape | None:
    """Like `shape_of`; but what a class of the user's own calls `shape` is not asked."""
    return shape_of(value) if shape_reader(type(value)) else None


def shape_of_argument(value: object) -> Shape | None:
    """Like `shape_of`, and of nested lists of numbers too, which TensorFlow converts."""
    if isinstance(value, list | tuple | int | float):
        numpy = sys.modules["numpy"]
        try:
            return tuple(int(size) for size in numpy.shape(value))
        except ValueError:  # a ragged list
            return None
    return shape_of(value)


def tensors_in(value: object) -> list[object]:
    """The tensors and arrays in a nest of lists, tuples and dicts, in order."""
    found: list[object] = []
    _collect(value, found)
    return found


def tensors_given(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[object, ...]:
    """Those in a call's arguments, at once where that is the one tensor which most layers are given."""
    if len(args) == 1 and type(args[0]) in _sized:
        for value in kwargs.values():
            if value is not None and type(value) is not bool:
                break
        else:
            return args
    return tuple(tensors_in((args, kwargs)))


def _collect(value: object, found: list[object]) -> None:
    if type(value) in _sized:
        found.append(value)
    elif isinstance(value, list | tuple):
        for element in value:
            _collect(element, found)
    elif isinstance(value, dict):
        if value:
            _collect(list(value.values()), found)
    elif value is not None and not isinstance(value, str | bool | int | float) and shape_of(value) is not None:
        found.append(value)


_dtypes: dict[int, tuple[str | None, int | None]] = {}
"""Names and sizes by TensorFlow's number of a dtype, which a tensor tells ten times as fast as the dtype itself."""


def _dtype(value: Any) -> tuple[str | None, int | None]:
    kind = getattr(value, "dtype", None)
    name, size = getattr(kind, "name", kind), getattr(kind, "size", None)
    return name if isinstance(name, str) else None, size if isinstance(size, int) else None


def _known_dtype(value: Any) -> tuple[str | None, int | None]:
    if type(value).__name__ != "EagerTensor":
        return _dtype(value)
    number = value._datatype_enum()
    known = _dtypes.get(number)
    if known is None:
        known = _dtypes[number] = _dtype(value)
    return known


def dtype_of(value: object) -> str | None:
    """The dtype's name, `float32`."""
    return _known_dtype(value)[0]


def output_bytes(value: object, shape: Shape | None) -> int | None:
    """The size of a result in bytes; None where a dimension is unknown."""
    size = _known_dtype(value)[1]
    if size is None or shape is None:
        return None
    for dimension in shape:
        if dimension is None:
            return None
        size *= dimension
    return size


_modes: dict[type[Any], Mode] = {}


def mode_of(value: object) -> Mode:
    """How a call on this tensor is run, outside of Keras' own passes to learn shapes."""
    kind = type(value)
    mode = _modes.get(kind)
    if mode is None:
        mode = _modes[kind] = _mode_of_type(kind)
    return mode


def _mode_of_type(kind: type[Any]) -> Mode:
    if kind.__name__ == "KerasTensor":
        return Mode.SYMBOLIC
    return Mode.GRAPH if kind.__name__ in ("SymbolicTensor", "ConcreteFunction") else Mode.EAGER


def in_keras_build() -> bool:
    """Whether Keras is running layers only to learn their shapes."""
    scope = sys.modules.get("keras.src.backend.common.symbolic_scope")
    return scope is not None and bool(scope.in_symbolic_scope())


def executing_eagerly() -> bool:
    """Whether an op called now runs at once."""
    tensorflow = sys.modules.get("tensorflow")
    return tensorflow is not None and bool(tensorflow.executing_eagerly())
