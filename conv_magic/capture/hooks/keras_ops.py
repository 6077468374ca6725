"""Hook the convolutions and poolings of `keras.ops`: in the backend for tensors, in their classes for symbolic ones.

`keras.ops.conv` is a plain function, so there is no closure to hook; what it calls is looked up by name each time:
`backend.nn.conv(...)` for tensors and `Conv(...).symbolic_call(...)` for symbolic ones
(https://github.com/keras-team/keras/blob/master/keras/src/ops/nn.py).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Iterator
from functools import partial
from typing import Any

from conv_magic.capture.hooks.entry import (
    AttributeSlot,
    Captured,
    Description,
    Hook,
    InheritedSlot,
    Slot,
    contains_nothing,
)
from conv_magic.capture.hooks.nn_arguments import Detail, frozen
from conv_magic.capture.hooks.nn_options import describe_conv, describe_depthwise, describe_pool, describe_transpose
from conv_magic.capture.hooks.tensors import shape_of_argument
from conv_magic.model.shapes import Shape

_BACKEND = "keras.src.backend.tensorflow.nn"
_CLASSES = "keras.src.ops.nn"


def _capture_conv(
    inputs: Any, kernel: Any, strides: Any = 1, padding: Any = "valid", data_format: Any = None, dilation_rate: Any = 1
) -> Captured:
    kernels = (shape_of_argument(kernel),)
    detail = Detail(kernels, None, frozen(strides), frozen(padding), _data_format(data_format), frozen(dilation_rate))
    return Captured((inputs,), detail._replace(by_keras=True))


def _capture_separable(
    inputs: Any, depthwise_kernel: Any, pointwise_kernel: Any, strides: Any = 1, padding: Any = "valid",
    data_format: Any = None, dilation_rate: Any = 1,
) -> Captured:  # fmt: skip
    kernels = (shape_of_argument(depthwise_kernel), shape_of_argument(pointwise_kernel))
    detail = Detail(kernels, None, frozen(strides), frozen(padding), _data_format(data_format), frozen(dilation_rate))
    return Captured((inputs,), detail._replace(by_keras=True))


def _capture_transpose(
    inputs: Any, kernel: Any, strides: Any = 1, padding: Any = "valid", output_padding: Any = None,
    data_format: Any = None, dilation_rate: Any = 1,
) -> Captured:  # fmt: skip
    layout = _data_format(data_format)
    kernels, extra = (shape_of_argument(kernel),), frozen(output_padding)
    detail = Detail(
        kernels, None, frozen(strides), frozen(padding), layout, frozen(dilation_rate), None, extra, by_keras=True
    )
    return Captured((inputs,), detail)


def _capture_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: Any = "valid", data_format: Any = None
) -> Captured:
    window = frozen(pool_size)
    layout = _data_format(data_format)
    return Captured(
        (inputs,), Detail((), window, window if strides is None else frozen(strides), frozen(padding), layout)
    )


def _capture_adaptive(inputs: Any, output_size: Any, data_format: Any = None) -> Captured:
    return Captured((inputs,), Detail(window=frozen(output_size), data_format=frozen(data_format)))


def _data_format(data_format: Any) -> Hashable:
    """Return the data format given, else the one that Keras is set to."""
    if data_format is not None:
        return frozen(data_format)
    config = sys.modules.get("keras.src.backend.config")
    return config.image_data_format() if config is not None else "channels_last"


def _describe_adaptive(op: str, captured: Captured, inputs: tuple[Shape, ...]) -> Description:
    return Description(op, params=0)


def _capture_operation(
    capture: Callable[..., Captured], options: tuple[str, ...], operation: Any, *tensors: Any
) -> Captured:
    """Return what the function of the same name would be given: an operation holds the options itself."""
    return capture(*tensors, **{name: getattr(operation, name) for name in options})


def _find_backend(name: str) -> Slot | None:
    module = sys.modules.get(_BACKEND)
    return AttributeSlot(module, name) if hasattr(module, name) else None


def _find_class(name: str) -> Slot | None:
    owner = getattr(sys.modules.get(_CLASSES), name, None)
    return InheritedSlot(owner, "symbolic_call") if owner is not None else None


_WINDOW = ("strides", "padding", "data_format", "dilation_rate")
_FAMILIES: tuple[tuple[str, str, Callable[..., Captured], Callable[..., Description], tuple[str, ...]], ...] = (
    ("conv", "Conv", _capture_conv, partial(describe_conv, "conv", None), _WINDOW),
    ("depthwise_conv", "DepthwiseConv", _capture_conv, partial(describe_depthwise, "depthwise_conv", None), _WINDOW),
    ("separable_conv", "SeparableConv", _capture_separable, partial(describe_depthwise, "separable_conv", None),
     _WINDOW),
    ("conv_transpose", "ConvTranspose", _capture_transpose, partial(describe_transpose, "conv_transpose", None),
     (*_WINDOW, "output_padding")),
    ("max_pool", "MaxPool", _capture_pool, partial(describe_pool, "max_pool", None),
     ("pool_size", "strides", "padding", "data_format")),
    ("average_pool", "AveragePool", _capture_pool, partial(describe_pool, "average_pool", None),
     ("pool_size", "strides", "padding", "data_format")),
    *((f"adaptive_{kind}_pool", f"Adaptive{kind.capitalize()}Pool", _capture_adaptive,
       partial(_describe_adaptive, f"adaptive_{kind}_pool"), ("output_size", "data_format"))
      for kind in ("average", "max")),
)  # fmt: skip


def _hooks() -> Iterator[Hook]:
    for name, owner, capture, describe, options in _FAMILIES:
        yield Hook(f"keras.ops.{name}", partial(_find_backend, name), capture, describe, contains_nothing)
        symbolic = partial(_capture_operation, capture, options)
        yield Hook(
            f"keras.ops.{owner}.symbolic_call", partial(_find_class, owner), symbolic, describe, contains_nothing
        )


KERAS_OPS: tuple[Hook, ...] = tuple(_hooks())
