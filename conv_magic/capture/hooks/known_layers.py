"""Keep the descriptions of Keras' own layers while the layer lives and its settings stay the same.

Describing a layer is most of what tracing its call costs. A value that could keep a tensor or the layer itself alive is
not kept: a layer with such a setting is described anew each time.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from operator import itemgetter
from types import FunctionType
from typing import Any

from conv_magic.capture.hooks.by_identity import ByIdentity
from conv_magic.capture.hooks.entry import Description
from conv_magic.model.shapes import Shape

# attributes of https://keras.io/api/layers/ that a description is made of, as they stand in a layer's own dictionary
_SETTINGS = (
    "axis", "cropping", "data_format", "depth_multiplier", "dilation_rate", "filters", "groups", "kernel_size",
    "keepdims", "offset", "output_padding", "padding", "pool_size", "scale", "size", "strides", "target_shape", "units",
)  # fmt: skip
_ALWAYS = ("built", "name", "_input_spec")
_KERNELS = ("_kernel", "kernel", "depthwise_kernel", "_embeddings", "embeddings")
_PLAIN = (int, float, str, bool, type(None))
_MOST_PASSED = 64

_Inputs = tuple[Shape, ...]


class _KnownLayer:
    """One layer: its settings, how they are read, and what they came to."""

    __slots__ = ("activation", "counts", "description", "first", "kernel", "kernels", "passed", "read", "settings")

    def __init__(self, layer: Any, first: _Inputs, description: Description) -> None:
        attributes = vars(layer)
        self.read: Callable[[dict[str, Any]], tuple[Any, ...]] = itemgetter(
            *_ALWAYS, *(name for name in _SETTINGS if name in attributes)
        )
        self.settings = self.read(attributes)
        self.counts = _variable_counts(attributes)
        self.kernel = next((name for name in _KERNELS if attributes.get(name) is not None), "")
        self.kernels = weakref.ref(attributes[self.kernel]) if self.kernel else None
        self.first, self.description = first, description
        self.activation: object = None
        self.passed: set[_Inputs] = set()

    def holds(self, layer: Any) -> bool:
        """Check whether all that the description was made of is unchanged."""
        attributes = vars(layer)
        same = self.read(attributes) == self.settings and _variable_counts(attributes) == self.counts
        return same and (self.kernels is None or self.kernels() is attributes.get(self.kernel))


_known: ByIdentity[_KnownLayer] = ByIdentity()


def recall(layer: Any, inputs: _Inputs) -> tuple[Description | None, bool]:
    """Return the description of a layer's earlier call on such inputs, None if it may no longer hold.

    And whether the guard has checked all that the layer, as it is now, calls on such inputs.
    """
    known = _known.get(layer)
    if known is None or known.first != inputs[:1] or not _still_holds(known, layer):
        return None, False
    passed = inputs in known.passed and vars(layer).get("activation") is known.activation
    return known.description, passed


def note(layer: Any, first: _Inputs, description: Description) -> None:
    """Keep the description of one of Keras' own layers."""
    try:
        known = _KnownLayer(layer, first, description)
    except (KeyError, TypeError):  # of a version of Keras that keeps other attributes, or keeps them otherwise
        return
    if all(map(_is_plain_setting, known.settings)) and not known.counts[2]:
        _known.note(layer, known)


def let_pass(layer: Any, inputs: _Inputs) -> None:
    """Note that the guard found nothing to refuse in a layer's call on such inputs."""
    known, activation = _known.get(layer), vars(layer).get("activation")
    if known is None or not _still_holds(known, layer) or not (activation is None or _is_of_keras(activation)):
        return
    if activation is not known.activation or len(known.passed) >= _MOST_PASSED:
        known.passed.clear()
    known.activation = activation
    known.passed.add(inputs)


def _still_holds(known: _KnownLayer, layer: Any) -> bool:
    try:
        return known.holds(layer)
    except KeyError:  # an attribute has gone
        return False


def _variable_counts(attributes: dict[str, Any]) -> tuple[int, int, int]:
    return (
        len(attributes["_trainable_variables"]),
        len(attributes["_non_trainable_variables"]),
        len(attributes["_layers"]),
    )


def _is_plain_setting(value: object) -> bool:
    if type(value) is tuple:
        return all(map(_is_plain_setting, value))
    return type(value) in _PLAIN or type(value).__module__ == "keras.src.layers.input_spec"


def _is_of_keras(function: object) -> bool:
    return type(function) is FunctionType and function.__module__.startswith("keras.")
