"""The table of parameters against the TensorFlow and Keras that are installed."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import keras
import pytest
import tensorflow as tf

from conv_magic.signatures.table import Signature, function_signature, known_names, layer_signature

HOMES = {"layers": keras.layers, "tf.nn": tf.nn, "keras.ops": keras.ops}
NAMES = [(home, name) for home, names in known_names().items() for name in names]


def _parameters(function: Callable[..., Any]) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name != "self"]


@pytest.mark.parametrize(("home", "name"), NAMES, ids=".".join)
def test_every_stated_parameter_stands_where_it_does_in_the_library(home: str, name: str) -> None:
    known = layer_signature(name) if home == "layers" else function_signature(name, keras=home == "keras.ops")
    assert isinstance(known, Signature)
    function = getattr(HOMES[home], name)
    actual = _parameters(function.__init__ if home == "layers" else function)
    for parameter in known.parameters:
        assert parameter.name in actual
        if parameter.position is not None:
            assert actual.index(parameter.name) == parameter.position


def test_an_option_is_found_by_the_name_it_has_elsewhere() -> None:
    signature = function_signature("max_pool2d")
    assert signature is not None
    found = signature.find("pool_size")
    assert found is not None
    assert (found.name, found.position) == ("ksize", 1)


def test_a_position_that_differs_between_releases_is_not_stated() -> None:
    signature = layer_signature("Conv2DTranspose")
    assert signature is not None
    found = signature.find("data_format")
    assert found is not None
    assert found.position is None


def test_what_is_not_known_has_no_signature() -> None:
    assert layer_signature("MyBlock") is None
    assert function_signature("conv2d", keras=True) is None
