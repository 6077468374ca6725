"""What of TensorFlow's and Keras' objects says how to make them again.  Reads them, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np


def known_spec(dataset: Any) -> Any:
    """Return the dataset's `element_spec` with two samples for an unknown batch size.

    Raises `TypeError` if more than the batch size is unknown.
    """
    import tensorflow as tf

    def known(spec: Any) -> Any:
        if not isinstance(spec, tf.TensorSpec) or spec.shape.rank is None:
            raise TypeError("dataset")
        batch, *rest = spec.shape.as_list() or [1]
        if None in rest:
            raise TypeError("dataset")
        return tf.TensorSpec([batch or 2, *rest] if spec.shape.rank else [], spec.dtype)

    return tf.nest.map_structure(known, dataset.element_spec)


def hung_on(dataset: Any) -> dict[str, Any]:
    """Return what `keras.utils.image_dataset_from_directory` hangs on its dataset."""
    return {name: getattr(dataset, name) for name in ("class_names", "file_paths") if hasattr(dataset, name)}


def array_of(tensor: Any) -> Any:
    """Return the tensor's numbers, not copied where they lie in memory that NumPy can look at."""
    try:
        return np.asarray(memoryview(tensor))
    except (TypeError, ValueError, BufferError, RuntimeError):  # texts, types of TensorFlow's own
        return tensor.numpy()


def inputs_of(tensors: Iterable[Any]) -> list[Any]:
    """Return the `keras.Input` tensors that symbolic tensors were made from, in the order in which they are met."""
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


def texts_in(config: object) -> set[str]:
    """Every text in a configuration: among them are the names of the classes and functions that it needs."""
    if isinstance(config, str):
        return {config}
    if isinstance(config, dict):
        return set().union(*map(texts_in, config.values()))
    if isinstance(config, list | tuple):
        return set().union(*map(texts_in, config))
    return set()
