"""Capture the arguments of `tf.compat.v1.nn` and `tf.raw_ops`, which name and order their parameters differently.

https://www.tensorflow.org/api_docs/python/tf/compat/v1/nn , https://www.tensorflow.org/api_docs/python/tf/raw_ops
"""

from __future__ import annotations

from typing import Any

from conv_magic.capture.hooks import nn_arguments as v2
from conv_magic.capture.hooks.entry import Captured


def _first_given(first: Any, second: Any) -> Any:
    return second if first is None else first


def conv(
    input: Any = None, filter: Any = None, strides: Any = None, padding: Any = None, use_cudnn_on_gpu: Any = True,
    data_format: Any = None, dilations: Any = None, name: Any = None, filters: Any = None,
) -> Captured:  # fmt: skip
    """Capture `conv2d`."""
    return v2.conv(input, _first_given(filter, filters), strides, padding, data_format, dilations)


def conv3d(
    input: Any = None, filter: Any = None, strides: Any = None, padding: Any = None, data_format: Any = None,
    dilations: Any = None, name: Any = None, filters: Any = None,
) -> Captured:  # fmt: skip
    """Capture `conv3d`."""
    return v2.conv(input, _first_given(filter, filters), strides, padding, data_format, dilations)


def conv1d(
    value: Any = None, filters: Any = None, stride: Any = None, padding: Any = None, use_cudnn_on_gpu: Any = None,
    data_format: Any = None, name: Any = None, input: Any = None, dilations: Any = None,
) -> Captured:  # fmt: skip
    """Capture `conv1d`."""
    return v2.conv(_first_given(value, input), filters, stride, padding, data_format, dilations)


def convolution(
    input: Any, filter: Any = None, padding: Any = "VALID", strides: Any = None, dilation_rate: Any = None,
    name: Any = None, data_format: Any = None, filters: Any = None, dilations: Any = None,
) -> Captured:  # fmt: skip
    """Capture `convolution`."""
    kernel, rate = _first_given(filter, filters), _first_given(dilation_rate, dilations)
    return v2.conv(input, kernel, _first_given(strides, 1), padding, data_format, rate)


def depthwise(
    input: Any, filter: Any, strides: Any, padding: Any, rate: Any = None, name: Any = None, data_format: Any = None,
    dilations: Any = None,
) -> Captured:  # fmt: skip
    """Capture `depthwise_conv2d`."""
    return v2.conv(input, filter, strides, padding, data_format, _first_given(rate, dilations))


def separable(
    input: Any, depthwise_filter: Any, pointwise_filter: Any, strides: Any, padding: Any, rate: Any = None,
    name: Any = None, data_format: Any = None, dilations: Any = None,
) -> Captured:  # fmt: skip
    """Capture `separable_conv2d`."""
    rate = _first_given(rate, dilations)
    return v2.separable(input, depthwise_filter, pointwise_filter, strides, padding, data_format, rate)


def transpose(
    value: Any = None, filter: Any = None, output_shape: Any = None, strides: Any = None, padding: Any = "SAME",
    data_format: Any = None, name: Any = None, input: Any = None, filters: Any = None, dilations: Any = None,
) -> Captured:  # fmt: skip
    """Capture `conv_transpose` and its like."""
    image, kernel = _first_given(value, input), _first_given(filter, filters)
    return v2.transpose(image, kernel, output_shape, strides, padding, data_format, dilations)


def pool(
    value: Any = None, ksize: Any = None, strides: Any = None, padding: Any = None, data_format: Any = None,
    name: Any = None, input: Any = None,
) -> Captured:  # fmt: skip
    """Capture `max_pool`, `avg_pool` and their like."""
    return v2.pool(_first_given(value, input), ksize, strides, padding, data_format)


def argmax_pool(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: Any = "NHWC", *_: Any, **__: Any
) -> Captured:
    """Capture `max_pool_with_argmax`."""
    return v2.pool(input, ksize, strides, padding, data_format)


def any_pool(
    input: Any, window_shape: Any, pooling_type: Any, padding: Any, dilation_rate: Any = None, strides: Any = None,
    name: Any = None, data_format: Any = None, dilations: Any = None,
) -> Captured:  # fmt: skip
    """Capture `pool`."""
    rate = _first_given(dilation_rate, dilations)
    return v2.any_pool(input, window_shape, pooling_type, strides, padding, data_format, rate)


def dilation2d(
    input: Any, filter: Any = None, strides: Any = None, rates: Any = None, padding: Any = None, name: Any = None,
    filters: Any = None, dilations: Any = None,
) -> Captured:  # fmt: skip
    """Capture `dilation2d`."""
    return v2.conv(input, _first_given(filter, filters), strides, padding, None, _first_given(rates, dilations))


def erosion2d(value: Any, kernel: Any, strides: Any, rates: Any, padding: Any, name: Any = None) -> Captured:
    """Capture `erosion2d`."""
    return v2.conv(value, kernel, strides, padding, None, rates)


def raw_conv(
    input: Any, filter: Any, strides: Any, padding: Any, explicit_paddings: Any = (), data_format: Any = None,
    dilations: Any = None, **_: Any,
) -> Captured:  # fmt: skip
    """Capture `Conv2D`, `Conv3D`, `DepthwiseConv2dNative`."""
    return v2.conv(input, filter, strides, _raw_padding(padding, explicit_paddings), data_format, dilations)


def raw_pool(
    ksize: Any, strides: Any, padding: Any, input: Any = None, value: Any = None, explicit_paddings: Any = (),
    data_format: Any = None, **_: Any,
) -> Captured:  # fmt: skip
    """Capture `MaxPool`, `AvgPool` and their like."""
    return v2.pool(_first_given(input, value), ksize, strides, _raw_padding(padding, explicit_paddings), data_format)


def raw_dilation2d(input: Any, filter: Any, strides: Any, rates: Any, padding: Any, name: Any = None) -> Captured:
    """Capture `Dilation2D`."""
    return v2.conv(input, filter, strides, padding, None, rates)


def _raw_padding(padding: Any, explicit: Any) -> Any:
    """Return the padding; `EXPLICIT` with a flat list of numbers becomes pairs."""
    if padding not in ("EXPLICIT", b"EXPLICIT"):
        return padding
    numbers = list(explicit)
    return tuple(zip(numbers[::2], numbers[1::2], strict=False))
