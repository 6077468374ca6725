"""Values made again in the process of a trial.  Each function here is the other half of one in `packing`."""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import linecache
import pickle
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from conv_magic.sandbox.definitions import definitions_in
from conv_magic.sandbox.reached import mark_definition

GRAPH = "<graph>"
"""The entry that holds a functional model through which all symbolic tensors come."""

texts: dict[str, str] = {}
"""The texts of the cells whose functions and classes were made again, by their file names."""
_namespace: dict[str, Any] = {}
"""The globals of the cell to try; what is unpacked may refer to what was unpacked before it."""


def unpack(names: Mapping[str, bytes], namespace: dict[str, Any]) -> None:
    """Bind every name in `namespace`, in the mapping's order.

    Raises whatever making a value raises.
    """
    global _namespace
    _namespace = namespace
    for name, packed in names.items():
        namespace[name] = pickle.loads(packed)
    namespace.pop(GRAPH, None)


def module(name: str) -> ModuleType:
    """Return a module by its name."""
    return importlib.import_module(name)


def attribute(owner: str, name: str) -> Any:
    """Return an attribute of a module; `tf.keras` is no module of its own name."""
    return getattr(importlib.import_module(owner), name)


def bound(name: str) -> Any:
    """Return a value that was unpacked before."""
    return _namespace[name]


def definition(filename: str, text: str, line: int, column: int) -> Any:
    """Return what the `def`, `class` or `lambda` at a place of an earlier cell's text makes, decorators included.

    The text is registered, so that tracebacks and AutoGraph find it under the same name.
    """
    texts[filename] = text
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    node = next(n for n in definitions_in(text) if (n.lineno, n.col_offset) == (line, column))
    mark_definition(node, text)
    if isinstance(node, ast.Lambda):
        return eval(compile(ast.Expression(node), filename, "eval", dont_inherit=True), _namespace)
    made: dict[str, Any] = {}
    exec(compile(ast.Module([node], []), filename, "exec", dont_inherit=True), _namespace, made)
    return made[node.name]


def graph_function(function: Callable[..., Any]) -> Any:
    """`tf.function` of a plain function."""
    import tensorflow as tf

    return tf.function(function)


def repeated(few: npt.NDArray[Any], length: int) -> npt.NDArray[Any]:
    """Return an array of `length` samples, made of a few."""
    return np.resize(few, (length, *few.shape[1:]))


def tensor(array: npt.NDArray[Any]) -> Any:
    """Return an eager tensor."""
    import tensorflow as tf

    return tf.constant(array)


def keras_object(config: dict[str, Any], custom: tuple[str, ...]) -> Any:
    """Return a Keras layer, model, optimizer, loss or metric from its configuration; its weights are new ones."""
    import keras

    own = {name: _namespace[name] for name in custom}
    for value in own.values():
        if isinstance(value, type) and issubclass(value, keras.Layer) and not describes_itself(value):
            _take_known_arguments(value)
    return keras.saving.deserialize_keras_object(config, custom_objects=own, safe_mode=False)


def describes_itself(layer: type) -> bool:
    """Whether a layer's class tells the arguments to make it again, as all of Keras' own do."""
    own = list(itertools.takewhile(lambda c: c.__module__.partition(".")[0] != "keras", layer.__mro__))
    return not any("__init__" in vars(c) for c in own) or any("get_config" in vars(c) for c in own)


def _take_known_arguments(layer: Any) -> None:
    """Let a class without `get_config` be made from a configuration with more in it than its `__init__` takes."""
    known = inspect.signature(layer.__init__).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in known.values()):
        layer.from_config = classmethod(lambda cls, config: cls(**{k: v for k, v in config.items() if k in known}))


def own_layer(kind: Any, state: dict[str, Any], compiled: dict[str, Any] | None) -> Any:
    """Return a layer or model of the user's class with these attributes; its `__init__` does not run."""
    import keras

    made = kind.__new__(kind)
    (keras.Model if issubclass(kind, keras.Model) else keras.Layer).__init__(made)
    for name, value in state.items():
        setattr(made, name, value)
    if compiled is not None:
        made.compile_from_config(compiled)
    return made


def symbolic(place: str, index: int) -> Any:
    """One of the `inputs` or `outputs` of the functional model under `GRAPH`."""
    return getattr(_namespace[GRAPH], place)[index]


def dataset(spec: Any, attributes: dict[str, Any]) -> Any:
    """Return a `tf.data.Dataset` of one element of zeros with that `element_spec`."""
    import tensorflow as tf

    made = tf.data.Dataset.from_tensors(tf.nest.map_structure(lambda s: tf.zeros(s.shape, s.dtype), spec))
    for name, value in attributes.items():
        setattr(made, name, value)
    return made
