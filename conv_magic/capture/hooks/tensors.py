"""Read shapes and dtypes of anything that a call can be given: eager, graph and Keras tensors, arrays, nests."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from conv_magic.boundary import is_ours, is_users
from conv_magic.model.calls import Mode
from conv_magic.model.shapes import Shape

_Reader = Callable[[Any], Shape | None]


def _read_shape_tuple(tensor: Any) -> Shape | None:
    shape: Shape | None = tensor._shape_tuple()
    return shape


def _read_tensor_shape(tensor: Any) -> Shape | None:
    shape = tensor.shape
    try:
        sizes = shape._dims  # TensorFlow keeps a tuple there; asking by `as_list` takes three times as long
    except AttributeError:
        sizes = None if shape.rank is None else shape.as_list()
    return None if sizes is None else tuple(sizes)


def _read_shape(tensor: Any) -> Shape | None:
    try:
        return tuple(None if size is None else int(size) for size in tensor.shape)
    except (TypeError, ValueError):  # what an object of the user's own calls its shape may be anything
        return None


def _read_plain_shape(tensor: Any) -> Shape | None:
    """Read the shape of an array that keeps it as a tuple of Python's own integers."""
    shape: Shape = tensor.shape
    return shape if type(shape) is tuple else _read_shape(tensor)


def _read_keras_variable(variable: Any) -> Shape | None:
    """Read the tuple that a variable keeps; its `shape` makes a `TensorShape`, ten times as slowly."""
    shape = getattr(variable, "_shape", None)
    return shape if type(shape) is tuple else _read_shape(variable)


def _read_nothing(_: Any) -> Shape | None:
    return None


def _read_graph_output(function: Any) -> Shape | None:
    """Read the shape that a traced function returns, of several results the first."""
    return next((shape_of(tensor) for tensor in tensors_in(function.structured_outputs)), None)


def _reader_of(kind: type[Any]) -> _Reader:
    if hasattr(kind, "structured_outputs"):
        return _read_graph_output
    if hasattr(kind, "_shape_tuple"):  # TensorFlow's own tensors; the fastest way to a plain tuple, but of a variable
        return _read_tensor_shape if hasattr(kind, "assign") else _read_shape_tuple
    if not hasattr(kind, "shape"):
        return _read_nothing
    if kind.__module__.startswith("tensorflow."):
        return _read_tensor_shape
    if kind.__module__.startswith("keras.") and hasattr(kind, "assign"):
        return _read_keras_variable
    return _read_plain_shape if kind.__module__.split(".")[0] in ("numpy", "pandas", "keras") else _read_shape


_readers: dict[type[Any], _Reader] = {}
_always_with_rank: set[type[Any]] = set()
"""The types among them whose values always have a rank."""
_NAMES_WITH_RANK = ("EagerTensor", "KerasTensor", "ndarray")


def shape_reader(kind: type[Any]) -> _Reader | None:
    """Return the function that reads the shape of values of one type, and may raise; None if they have none.

    The attribute `shape` of a user's own class may do anything, and is not read.
    """
    reader = _reader_of(kind)
    return None if reader is _read_nothing or kind.__module__ == "__main__" else reader


def shape_of(value: object) -> Shape | None:
    """Return the shape of a tensor or array, None for other values or an unknown rank; sizes are None if unknown."""
    kind = type(value)
    reader = _readers.get(kind)
    if reader is None:
        reader = _readers[kind] = _reader_of(kind)
        if kind.__name__ in _NAMES_WITH_RANK and kind.__module__.split(".")[0] in ("tensorflow", "keras", "numpy"):
            _always_with_rank.add(kind)
    try:
        return reader(value)
    except BaseException as fault:  # an object of the user's own may raise anything when it is asked
        if is_users(fault) or is_ours(fault):
            raise
        return None


def shape_of_value(value: object) -> Shape | None:
    """Return `shape_of`, but None for a class of the user's own, whose `shape` is not read."""
    return shape_of(value) if shape_reader(type(value)) else None


def shape_of_argument(value: object) -> Shape | None:
    """Return `shape_of`, also for nested lists of numbers, which TensorFlow converts."""
    if isinstance(value, list | tuple | int | float):
        numpy = sys.modules["numpy"]
        try:
            return tuple(int(size) for size in numpy.shape(value))
        except ValueError:  # a ragged list
            return None
    return shape_of(value)


def tensors_in(value: object) -> list[object]:
    """Return the tensors and arrays in a nest of lists, tuples and dicts, in order."""
    found: list[object] = []
    _collect(value, found)
    return found


def tensors_given(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[object, ...]:
    """Return those in a call's arguments, quickly for the one tensor that most layers are given."""
    if len(args) == 1 and type(args[0]) in _always_with_rank:
        for value in kwargs.values():
            if value is not None and type(value) is not bool:
                break
        else:
            return args
    return tuple(tensors_in((args, kwargs)))


def _collect(value: object, found: list[object]) -> None:
    if type(value) in _always_with_rank:
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
    """Return the dtype's name, `float32`, None if there is none."""
    return _known_dtype(value)[0]


def output_bytes(value: object, shape: Shape | None) -> int | None:
    """Return the size of a result in bytes, None if a size is unknown."""
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
    """Return how a call on this tensor runs, outside of Keras' own passes to learn shapes."""
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
    """Check whether Keras is running layers only to learn their shapes."""
    scope = sys.modules.get("keras.src.backend.common.symbolic_scope")
    return scope is not None and bool(scope.in_symbolic_scope())


def executing_eagerly() -> bool:
    """Check whether an op called now runs at once."""
    tensorflow = sys.modules.get("tensorflow")
    return tensorflow is not None and bool(tensorflow.executing_eagerly())
