"""The names an edited cell needs, made ready to travel to the scratch process, with nothing of the user's touched.

Modules travel by name, functions and classes of earlier cells by their text, Keras objects by their configuration,
long arrays as a few samples, instances of the user's classes as their parts (see `taking_apart`), everything else by
pickle.  What cannot travel, or not within half a second for all, is said, never guessed.
"""

from __future__ import annotations

import ast
import io
import math
import pickle
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from conv_magic.sandbox import tensorflow_forms, unpacking
from conv_magic.sandbox.bounded import Budget, bounded
from conv_magic.sandbox.counters import undisturbed
from conv_magic.sandbox.definitions import Definition, attributes_set, definition_of_class, definition_of_function
from conv_magic.sandbox.names import names_needed, names_needed_by
from conv_magic.sandbox.shell_names import is_given_anyway
from conv_magic.sandbox.taking_apart import Apart, is_a, name_of, taken_apart, unwrapped

FEW = 64
"""Samples of a long array that travel."""
_LONG = 1 << 20
"""Bytes from which on an array is long."""
_HUGE = 1 << 28
"""Bytes from which on an array is not even made again in its length, nor any other of the same length."""
_MOST = 1 << 28
"""Bytes that one name may take."""
SECONDS = 0.5
"""Of computing, for all names together."""

Reduced = tuple[Callable[..., Any], tuple[Any, ...]] | Apart


@dataclass(frozen=True, slots=True)
class Packed:
    """`names` in the order in which they must be unpacked; `missing` are those needed that cannot travel.

    `late` are those of the missing for which the time was too short.
    """

    names: dict[str, bytes]
    missing: tuple[str, ...]
    late: frozenset[str] = frozenset()

    def told(self, name: str) -> str:
        """Return what is to be said of a missing name."""
        if name in self.late:
            return f"needs `{name}`, which could not be copied within {SECONDS:g} s"
        return f"needs `{name}`, which cannot be copied"


class CannotTravel(TypeError):
    """A value has no form in which it could be made again elsewhere."""


def pack_names(source: str | Iterable[str], namespace: Mapping[str, object]) -> Packed:
    """Return what a cell's source, or some names, need of `namespace`, and what that needs in turn.

    Python's, NumPy's and Keras' counters are left as they were: random state, automatic names.  Takes no longer than
    `SECONDS`, and raises nothing, whatever the values do; an interrupt passes through.
    """
    held = dict(namespace)
    packer = _Packer(held, Budget(SECONDS))
    wanted: list[str] = []

    def pack() -> Packed:
        wanted.extend(sorted(names_needed(source) if isinstance(source, str) else source))
        packer.pack_all(wanted)
        return Packed(packer.names, tuple(packer.missing), frozenset(packer.late))

    with undisturbed():
        packed = bounded(pack, packer.budget)
    if packed is not None:
        return packed
    lacking = packer.unfinished() or tuple(name for name in wanted if name in held)
    return Packed({}, lacking, frozenset(lacking if packer.budget.over else ()))


class _Packer:
    def __init__(self, namespace: Mapping[str, object], budget: Budget) -> None:
        self.namespace, self.budget = namespace, budget
        self.names: dict[str, bytes] = {}
        self.missing: list[str] = []
        self.late: list[str] = []
        self.graph: dict[int, Reduced] = {}
        self.short_lengths: set[int] = set()
        self._begun: dict[str, None] = {}

    def pack_all(self, wanted: Sequence[str]) -> None:
        """Pack the names, as far as the time goes."""
        self.short_lengths = _lengths_to_cut(self.namespace.values())
        self.pack_graph(wanted)
        self.need_all(wanted)

    def unfinished(self) -> tuple[str, ...]:
        """Return the names that were begun and are not packed, the innermost first."""
        return tuple(name for name in reversed(self._begun) if name not in self.names)

    def need_all(self, names: Iterable[str]) -> None:
        """Pack those of `names` that the namespace has."""
        for name in names:
            if name in self.namespace and name not in self._begun and not is_given_anyway(name, self.namespace[name]):
                self._begun[name] = None
                self._pack(name, self.namespace[name])

    def _pack(self, name: str, value: object) -> None:
        try:
            self.budget.check()
            self.names[name] = self._bytes(value, name)
        except BaseException:  # pickling runs the methods of a library's class, and Keras those of the user's
            self.missing.append(name)
            self.late += [name] if self.budget.over else []

    def _bytes(self, value: object, name: str | None = None) -> bytes:
        stream = _Limited(self.budget)
        _Pickler(stream, self, name).dump(value)
        return stream.getvalue()

    def pack_graph(self, names: Iterable[str]) -> None:
        """Pack the functional model in which the symbolic tensors among `names` are made."""
        keras = sys.modules.get("keras")
        symbolic = getattr(keras, "KerasTensor", None)
        if keras is None or symbolic is None:
            return
        tensors: list[Any] = [self.namespace[n] for n in names if is_a(self.namespace.get(n), symbolic)]
        if not tensors:
            return
        try:
            inputs = tensorflow_forms.inputs_of(tensors)
            self.names[unpacking.GRAPH] = self._bytes(keras.Model(inputs, tensors, name="graph"))
        except BaseException:  # a layer's own `get_config` may raise anything; the names will be missing
            return
        for place, group in (("outputs", tensors), ("inputs", inputs)):
            self.graph |= {id(t): (unpacking.symbolic, (place, i)) for i, t in enumerate(group)}

    def reduce(self, value: Any, name: str | None) -> Reduced | None:
        """How to make `value` again; None to leave it to pickle.  `name` is the one it is packed for."""
        self.budget.check()
        if is_a(value, ModuleType):
            return _module(value)
        if is_a(value, type) and not self._is_own_class(value):
            return None
        known = name_of(value)
        if known is not None and known != name and self.namespace.get(known) is value:
            self.need_all([known])
            return unpacking.bound, (known,)
        if is_a(value, type):
            return self._definition(definition_of_class(value))
        if type(inner := unwrapped(value)) is FunctionType:
            return self._function(value, inner)
        if type(value) is np.ndarray:
            return self._array(value)
        return self._of_tensorflow(value) or taken_apart(value)

    def _is_own_class(self, value: type) -> bool:
        module = sys.modules.get(value.__module__)
        known = module.__dict__ if module is not None else {}
        return value.__module__ == self.namespace.get("__name__", "__main__") or name_of(value) not in known

    def _function(self, value: object, unwrapped: FunctionType) -> Reduced | None:
        if unwrapped.__globals__ is not self.namespace and unwrapped.__module__ != "__main__":
            return None
        if value is not unwrapped and self.namespace.get(unwrapped.__name__) is unwrapped:
            if not _is_graph_function(value):
                raise CannotTravel(unwrapped.__name__)
            return unpacking.graph_function, (unwrapped,)
        if unwrapped.__closure__:
            raise CannotTravel(unwrapped.__name__)
        return self._definition(definition_of_function(unwrapped.__code__))

    def _definition(self, found: Definition | None) -> Reduced:
        if found is None:
            raise CannotTravel("no text is known")
        node = found.node
        body: ast.stmt = ast.copy_location(ast.Expr(node), node) if isinstance(node, ast.Lambda) else node
        self.need_all(sorted(names_needed_by([body])))
        return unpacking.definition, (found.filename, found.text, node.lineno, node.col_offset)

    def _array(self, value: np.ndarray[Any, Any]) -> Reduced | None:
        if value.ndim == 0 or len(value) <= FEW or value.dtype.hasobject:
            if value.nbytes > _MOST:
                raise CannotTravel("too large")
            return None
        if len(value) in self.short_lengths:
            return np.asarray, (value[:FEW].copy(),)
        if value.nbytes > _LONG:
            return unpacking.repeated, (value[:FEW].copy(), len(value))
        return None

    def _of_tensorflow(self, value: Any) -> Reduced | None:
        tensorflow, keras = sys.modules.get("tensorflow"), sys.modules.get("keras")
        if tensorflow is not None and is_a(value, tensorflow.Tensor):
            return unpacking.tensor, (tensorflow_forms.array_of(value),)
        if tensorflow is not None and is_a(value, tensorflow.data.Dataset):
            return unpacking.dataset, (tensorflow_forms.known_spec(value), tensorflow_forms.hung_on(value))
        if keras is not None and is_a(value, keras.KerasTensor):
            if id(value) not in self.graph:
                raise CannotTravel(value.name)
            return self.graph[id(value)]
        family = {c.__module__.partition(".")[0] for c in type(value).__mro__}
        if "tf_keras" in family:  # its own pickling saves a model in files
            raise CannotTravel(type(value).__name__)
        return self._of_keras(value, keras) if keras is not None and "keras" in family else None

    def _of_keras(self, value: Any, keras: ModuleType) -> Reduced | None:
        if isinstance(value, list | set | dict):  # in which Keras keeps a layer's attributes
            return type(value).__mro__[1], (tuple(value.items() if isinstance(value, dict) else value),)
        if isinstance(value, keras.Variable):
            raise CannotTravel(value.name)
        if not hasattr(value, "get_config"):
            return None
        if isinstance(value, keras.Layer) and not unpacking.describes_itself(type(value)):
            return self._own_layer(value)
        return self._keras_object(value, keras)

    def _own_layer(self, value: Any) -> Reduced:
        """Return a layer or model whose class does not tell its arguments: what its methods set on `self`."""
        set_by_methods: set[str] = set()
        for own in filter(self._is_own_class, type(value).__mro__):
            if (found := definition_of_class(own)) is not None:
                set_by_methods |= attributes_set(found.node)
        state = {name: part for name, part in vars(value).items() if name in set_by_methods and name != "built"}
        compiled = value.get_compile_config() if getattr(value, "compiled", False) else None
        return unpacking.own_layer, (type(value), state, compiled)

    def _keras_object(self, value: Any, keras: ModuleType) -> Reduced:
        config = keras.saving.serialize_keras_object(value)
        custom = sorted(
            name for name in tensorflow_forms.texts_in(config) if name in self.namespace and self._is_own(name)
        )
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
    def __init__(self, budget: Budget) -> None:
        super().__init__()
        self._budget = budget

    def write(self, data: Any) -> int:
        self._budget.check()
        if self.tell() + memoryview(data).nbytes > _MOST:
            raise CannotTravel("too large")
        return super().write(data)


def _lengths_to_cut(values: Iterable[object]) -> set[int]:
    """Lengths of which there is a huge array: all arrays of that length are cut alike, so x and y still fit."""
    tensorflow = sys.modules.get("tensorflow")
    kinds = (np.ndarray, getattr(tensorflow, "Tensor", np.ndarray))
    arrays: list[Any] = [v for v in values if is_a(v, *kinds) and getattr(v, "shape", None) is not None]
    return {int(v.shape[0]) for v in arrays if len(v.shape) > 0 and _bytes_of(v) > _HUGE and v.shape[0] > FEW}


def _bytes_of(array: Any) -> int:
    size = getattr(array.dtype, "itemsize", None) or getattr(array.dtype, "size", None) or 1  # NumPy's, TensorFlow's
    return int(math.prod(array.shape)) * int(size)


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
