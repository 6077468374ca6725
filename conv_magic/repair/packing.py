"""The names an edited cell needs, made ready to travel to the scratch process, with nothing of the user's touched.

Modules travel by name, functions and classes of earlier cells by their text, Keras objects by their configuration,
long arrays as a few samples, everything else by pickle.  What cannot travel is said, never guessed.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import io
import linecache
import pickle
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from conv_magic.repair import unpacking
from conv_magic.repair.names import names_needed, names_needed_by

FEW = 64
"""Samples of a long array that travel."""
_LONG = 1 << 20
"""Bytes from which on an array is long."""
_HUGE = 1 << 28
"""Bytes from which on an array is not even made again in its length, nor any other of the same length."""
_MOST = 1 << 28
"""Bytes that one name may take."""

Reduced = tuple[Callable[..., Any], tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Packed:
    """`names` in the order in which they must be unpacked; `missing` are those needed that cannot travel."""

    names: dict[str, bytes]
    missing: tuple[str, ...]


class CannotTravel(TypeError):
    """A value has no form in which it could be made again elsewhere."""


def pack_names(source: str | Iterable[str], namespace: Mapping[str, object]) -> Packed:
    """What a cell's source, or some names, need of `namespace`, and what that needs in turn.

    Python's, NumPy's and Keras' counters are left as they were: random state, automatic names.
    """
    with undisturbed():
        packer = _Packer(namespace)
        wanted = sorted(names_needed(source) if isinstance(source, str) else source)
        packer.pack_graph(wanted)
        packer.need_all(wanted)
    return Packed(packer.names, tuple(packer.missing))


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Put the random states of Python and NumPy and Keras' automatic names back afterwards."""
    python_state, numpy_state = random.getstate(), np.random.get_state()
    state = sys.modules.get("keras.src.backend.common.global_state")
    names = state.get_global_attribute("object_name_uids") if state is not None else None
    before = dict(names) if names is not None else {}
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)
        names = state.get_global_attribute("object_name_uids") if state is not None else None
        if names is not None:
            names.clear()
            names.update(before)


class _Packer:
    def __init__(self, namespace: Mapping[str, object]) -> None:
        self.namespace = namespace
        self.names: dict[str, bytes] = {}
        self.missing: list[str] = []
        self.graph: dict[int, Reduced] = {}
        self.short_lengths = _lengths_to_cut(namespace.values())
        self._begun: set[str] = set()

    def need_all(self, names: Iterable[str]) -> None:
        """Pack those of `names` that the namespace has."""
        for name in names:
            if name in self.namespace and name not in self._begun:
                self._begun.add(name)
                self._pack(name, self.namespace[name])

    def _pack(self, name: str, value: object) -> None:
        try:
            self.names[name] = self._bytes(value, name)
        except Exception:  # pickling runs the methods of any class
            self.missing.append(name)

    def _bytes(self, value: object, name: str | None = None) -> bytes:
        stream = _Limited()
        _Pickler(stream, self, name).dump(value)
        return stream.getvalue()

    def pack_graph(self, names: Iterable[str]) -> None:
        """Pack the functional model in which the symbolic tensors among `names` are made."""
        keras = sys.modules.get("keras")
        tensors = [self.namespace[n] for n in names if keras and isinstance(self.namespace.get(n), keras.KerasTensor)]
        if keras is None or not tensors:
            return
        try:
            inputs = _inputs_of(tensors)
            self.names[unpacking.GRAPH] = self._bytes(keras.Model(inputs, tensors, name="graph"))
        except Exception:  # a layer's own `get_config` may raise anything; the names will be missing
            return
        for place, group in (("outputs", tensors), ("inputs", inputs)):
            self.graph |= {id(t): (unpacking.symbolic, (place, i)) for i, t in enumerate(group)}

    def reduce(self, value: Any, name: str | None) -> Reduced | None:
        """How to make `value` again; None to leave it to pickle.  `name` is the one it is packed for."""
        if isinstance(value, ModuleType):
            return _module(value)
        if isinstance(value, type) and not self._is_own_class(value):
            return None
        known = getattr(value, "__name__", None)
        if isinstance(known, str) and known != name and self.namespace.get(known) is value:
            self.need_all([known])
            return unpacking.bound, (known,)
        if isinstance(value, type):
            return self._definition(_node_of_class(value))
        if isinstance(unwrapped := inspect.unwrap(value) if callable(value) else None, FunctionType):
            return self._function(value, unwrapped)
        if isinstance(value, np.ndarray):
            return self._array(value)
        return self._of_tensorflow(value)

    def _is_own_class(self, value: type) -> bool:
        module = sys.modules.get(value.__module__)
        return value.__module__ == self.namespace.get("__name__", "__main__") or not hasattr(module, value.__name__)

    def _function(self, value: object, unwrapped: FunctionType) -> Reduced | None:
        if unwrapped.__globals__ is not self.namespace and unwrapped.__module__ != "__main__":
            return None
        if value is not unwrapped and self.namespace.get(unwrapped.__name__) is unwrapped:
            if not _is_graph_function(value):
                raise CannotTravel(unwrapped.__name__)
            return unpacking.graph_function, (unwrapped,)
        if unwrapped.__closure__:
            raise CannotTravel(unwrapped.__name__)
        return self._definition(_node_of_function(unwrapped.__code__))

    def _definition(self, found: tuple[str, str, unpacking.Definition]) -> Reduced:
        filename, text, node = found
        body: ast.stmt = ast.copy_location(ast.Expr(node), node) if isinstance(node, ast.Lambda) else node
        self.need_all(sorted(names_needed_by([body])))
        return unpacking.definition, (filename, text, node.lineno, node.col_offset)

    def _array(self, value: np.ndarray[Any, Any]) -> Reduced | None:
        if value.ndim == 0 or len(value) <= FEW or value.dtype.hasobject:
            return None
        if len(value) in self.short_lengths:
            return np.asarray, (value[:FEW].copy(),)
        if value.nbytes > _LONG:
            return unpacking.repeated, (value[:FEW].copy(), len(value))
        return None

    def _of_tensorflow(self, value: Any) -> Reduced | None:
        tensorflow, keras = sys.modules.get("tensorflow"), sys.modules.get("keras")
        if tensorflow is not None and isinstance(value, tensorflow.Tensor):
            return unpacking.tensor, (value.numpy(),)
        if tensorflow is not None and isinstance(value, tensorflow.data.Dataset):
            return unpacking.dataset, (_known_spec(value), _attributes(value))
        if keras is not None and isinstance(value, keras.KerasTensor):
            if id(value) not in self.graph:
                raise CannotTravel(value.name)
            return self.graph[id(value)]
        family = {c.__module__.partition(".")[0] for c in type(value).__mro__}
        if "keras" in family and hasattr(value, "get_config"):
            return self._keras_object(value)
        if "tf_keras" in family:  # its own pickling saves a model in files
            raise CannotTravel(type(value).__name__)
        return None

    def _keras_object(self, value: Any) -> Reduced:
        import keras

        config = keras.saving.serialize_keras_object(value)
        custom = sorted(name for name in _strings(config) if name in self.namespace and self._is_own(name))
        self.need_all(custom)
        return unpacking.keras_object, (config, tuple(n for n in custom if n in self.names))

    def _is_own(self, name: str) -> bool:
        value = self.namespace[name]
        return self._is_own_class(value) if isinstance(value, type) else isinstance(value, FunctionType)


class _Pickler(pickle.Pickler):
    def __init__(self, stream: io.BytesIO, packer: _Packer, name: str | None) -> None:
        super().__init__(stream, protocol=pickle.HIGHEST_PROTOCOL)
        self._packer, self._name = packer, name

    def reducer_override(self, value: Any) -> Any:
        reduced = self._packer.reduce(value, self._name)
        self._name = None  # only the value itself is packed for a name, not its parts
        return NotImplemented if reduced is None else reduced


class _Limited(io.BytesIO):
    def write(self, data: Any) -> int:
        if self.tell() + memoryview(data).nbytes > _MOST:
            raise CannotTravel("too large")
        return super().write(data)


def _lengths_to_cut(values: Iterable[object]) -> set[int]:
    """Lengths of which there is a huge array: all arrays of that length are cut alike, so x and y still fit."""
    arrays = [v for v in values if isinstance(v, np.ndarray) or type(v).__name__ == "EagerTensor"]
    return {v.shape[0] for v in arrays if _bytes_of(v) > _HUGE and v.shape[0] > FEW}  # type: ignore[attr-defined]


def _bytes_of(array: Any) -> int:
    return int(np.prod(tuple(array.shape), dtype=np.int64)) * int(getattr(array.dtype, "itemsize", 1) or 1)


def _module(value: ModuleType) -> Reduced:
    name = value.__name__
    if name == "__main__":
        raise CannotTravel(name)
    if name not in sys.modules and type(value).__name__ == "KerasLazyLoader":  # `tf.keras`, not used yet
        return unpacking.attribute, ("tensorflow", "keras")
    return unpacking.module, (name,)


def _is_graph_function(value: object) -> bool:
    tensorflow = sys.modules.get("tensorflow")
    return tensorflow is not None and isinstance(value, tensorflow.types.experimental.PolymorphicFunction)


def _node_of_function(code: CodeType) -> tuple[str, str, unpacking.Definition]:
    """File name, text and node of the `def` or `lambda` that made a code object."""
    text = "".join(linecache.getlines(code.co_filename))
    found = [node for node in unpacking.definitions_in(text) if _begins(node) == code.co_firstlineno]
    found = [node for node in found if getattr(node, "name", "<lambda>") == code.co_name]
    if len(found) != 1:
        raise CannotTravel(code.co_name)
    return code.co_filename, text, found[0]


def _node_of_class(value: type) -> tuple[str, str, unpacking.Definition]:
    """The same for a class, found by its methods: a class does not know its place before Python 3.13."""
    for member in vars(value).values():
        method = inspect.unwrap(getattr(member, "__func__", member)) if callable(member) else None
        if not isinstance(method, FunctionType) or not method.__qualname__.startswith(value.__qualname__ + "."):
            continue
        text = "".join(linecache.getlines(method.__code__.co_filename))
        line = method.__code__.co_firstlineno
        for node in unpacking.definitions_in(text):
            if isinstance(node, ast.ClassDef) and node.name == value.__name__ and _begins(node) <= line:
                if line <= (node.end_lineno or 0):
                    return method.__code__.co_filename, text, node
    raise CannotTravel(value.__name__)


def _begins(node: unpacking.Definition) -> int:
    """The first line, decorators included."""
    return min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])


def _known_spec(dataset: Any) -> Any:
    """The dataset's `element_spec` with two samples for an unknown batch size."""
    import tensorflow as tf

    def known(spec: Any) -> Any:
        if not isinstance(spec, tf.TensorSpec) or spec.shape.rank is None:
            raise CannotTravel("dataset")
        batch, *rest = spec.shape.as_list() or [1]
        if None in rest:
            raise CannotTravel("dataset")
        return tf.TensorSpec([batch or 2, *rest] if spec.shape.rank else [], spec.dtype)

    return tf.nest.map_structure(known, dataset.element_spec)


def _attributes(dataset: Any) -> dict[str, Any]:
    """What `keras.utils.image_dataset_from_directory` hangs on its dataset."""
    return {name: getattr(dataset, name) for name in ("class_names", "file_paths") if hasattr(dataset, name)}


def _inputs_of(tensors: Iterable[Any]) -> list[Any]:
    """The `keras.Input` tensors that symbolic tensors were made from, in the order in which they are met."""
    found: dict[int, Any] = {}
    seen: set[int] = set()
    waiting = list(tensors)
    while waiting:
        tensor = waiting.pop()
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        operation, node, _ = tensor._keras_history
        inbound = operation._inbound_nodes[node]
        if inbound.is_input:
            found[id(tensor)] = tensor
        waiting += inbound.input_tensors
    return list(found.values())


def _strings(config: object) -> set[str]:
    """Every text in a configuration: among them are the names of the classes and functions that it needs."""
    if isinstance(config, str):
        return {config}
    if isinstance(config, dict):
        return set().union(*map(_strings, config.values()))
    if isinstance(config, list | tuple):
        return set().union(*map(_strings, config))
    return set()
