"""Capture the arguments of TensorFlow's convolutions and poolings, one function for each signature.

Signatures as in https://www.tensorflow.org/api_docs/python/tf/nn; every function takes the very parameters of its
family, so that Python itself binds the user's arguments.  The forms of `tf.compat.v1` are in `v1_arguments`.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NamedTuple

from conv_magic.capture.hooks.entry import Captured
from conv_magic.capture.hooks.tensors import shape_of_argument
from conv_magic.model.shapes import Shape


class Detail(NamedTuple):
    """The arguments that decide a result's shape; `kernels` are shapes.

    by_keras   whether the output of a transposed convolution follows Keras' rule, not `output_shape`
    """

    kernels: tuple[Shape | None, ...] = ()
    window: Hashable = None
    strides: Hashable = 1
    padding: Hashable = "VALID"
    data_format: Any = None
    dilations: Hashable = None
    output_shape: Hashable = None
    output_padding: Hashable = None
    by_keras: bool = False


_PLAIN = {int, str, type(None), bool}


def frozen(value: Any) -> Hashable:
    """Return lists as tuples, at all depths; a tensor as its values, None if they are not at hand."""
    if type(value) in _PLAIN:
        return value  # type: ignore[no-any-return]  # its type was just looked at
    if isinstance(value, list | tuple):
        return tuple(map(frozen, value))
    if isinstance(value, int | str):
        return value
    for to_list in ("tolist", "as_list"):
        if hasattr(value, to_list):
            return frozen(getattr(value, to_list)())
    try:
        return frozen(value.numpy()) if hasattr(value, "numpy") else None
    except NotImplementedError:  # a variable, while a graph is made
        return None


def conv(
    input: Any, filters: Any, strides: Any = 1, padding: Any = "VALID", data_format: Any = None,
    dilations: Any = None, name: Any = None,
) -> Captured:  # fmt: skip
    """Capture `tf.nn.conv2d`, `conv3d`, `convolution`."""
    kernels = (shape_of_argument(filters),)
    detail = Detail(kernels, None, frozen(strides), frozen(padding), frozen(data_format), frozen(dilations))
    return Captured((input,), detail)


def conv1d(
    input: Any, filters: Any, stride: Any, padding: Any, data_format: Any = "NWC", dilations: Any = None,
    name: Any = None,
) -> Captured:  # fmt: skip
    """Capture `tf.nn.conv1d`."""
    return conv(input, filters, stride, padding, data_format, dilations)


def depthwise(
    input: Any, filter: Any, strides: Any, padding: Any, data_format: Any = None, dilations: Any = None,
    name: Any = None,
) -> Captured:  # fmt: skip
    """Capture `tf.nn.depthwise_conv2d`."""
    return conv(input, filter, strides, padding, data_format, dilations)


def separable(
    input: Any, depthwise_filter: Any, pointwise_filter: Any, strides: Any, padding: Any, data_format: Any = None,
    dilations: Any = None, name: Any = None,
) -> Captured:  # fmt: skip
    """Capture `tf.nn.separable_conv2d`."""
    kernels = (shape_of_argument(depthwise_filter), shape_of_argument(pointwise_filter))
    detail = Detail(kernels, None, frozen(strides), frozen(padding), frozen(data_format), frozen(dilations))
    return Captured((input,), detail)


def atrous(value: Any, filters: Any, rate: Any, padding: Any, name: Any = None) -> Captured:
    """Capture `tf.nn.atrous_conv2d`."""
    return conv(value, filters, 1, padding, None, rate)


def transpose(
    input: Any, filters: Any, output_shape: Any, strides: Any, padding: Any = "SAME", data_format: Any = None,
    dilations: Any = None, name: Any = None,
) -> Captured:  # fmt: skip
    """Capture `tf.nn.conv_transpose` and its like."""
    kernels = (shape_of_argument(filters),)
    stated = frozen(output_shape)
    detail = Detail(kernels, None, frozen(strides), frozen(padding), frozen(data_format), frozen(dilations), stated)
    return Captured((input,), detail)


def atrous_transpose(
    value: Any, filters: Any, output_shape: Any, rate: Any, padding: Any, name: Any = None
) -> Captured:
    """Capture `tf.nn.atrous_conv2d_transpose`."""
    return transpose(value, filters, output_shape, 1, padding, None, rate)


def pool(input: Any, ksize: Any, strides: Any, padding: Any, data_format: Any = None, name: Any = None) -> Captured:
    """Capture `tf.nn.max_pool`, `avg_pool` and their like."""
    return Captured((input,), Detail((), frozen(ksize), frozen(strides), frozen(padding), frozen(data_format)))


def argmax_pool(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: Any = "NHWC", output_dtype: Any = None,
    include_batch_in_index: Any = False, name: Any = None,
) -> Captured:  # fmt: skip
    """Capture `tf.nn.max_pool_with_argmax`."""
    return pool(input, ksize, strides, padding, data_format)


def any_pool(
    input: Any, window_shape: Any, pooling_type: Any, strides: Any = None, padding: Any = "VALID",
    data_format: Any = None, dilations: Any = None, name: Any = None,
) -> Captured:  # fmt: skip
    """Capture `tf.nn.pool`."""
    detail = Detail((), frozen(window_shape), frozen(strides), frozen(padding), frozen(data_format), frozen(dilations))
    return Captured((input,), detail)


def morphology(
    input: Any, filters: Any, strides: Any, padding: Any, data_format: Any = None, dilations: Any = None,
    name: Any = None,
) -> Captured:  # fmt: skip
    """Capture `tf.nn.dilation2d`."""
    return conv(input, filters, strides, padding, data_format, dilations)


def erosion(
    value: Any, filters: Any, strides: Any, padding: Any, data_format: Any = None, dilations: Any = None,
    name: Any = None,
) -> Captured:  # fmt: skip
    """Capture `tf.nn.erosion2d`."""
    return conv(value, filters, strides, padding, data_format, dilations)


def fractional_pool(value: Any, pooling_ratio: Any, *_: Any, **__: Any) -> Captured:
    """Capture `tf.nn.fractional_max_pool`, `fractional_avg_pool`."""
    return Captured((value,), Detail())


def bias_add(value: Any, bias: Any, data_format: Any = None, name: Any = None) -> Captured:
    """Capture `tf.nn.bias_add`."""
    return Captured((value,), Detail((shape_of_argument(bias),), data_format=frozen(data_format)))
