"""List the parameters of the layers and functions whose options are read or written.

A position is stated only where every supported release agrees on it; behind the `*` of a line the order differs between
releases, so these parameters go by keyword.  `strides|stride` is a parameter's own name, then the names that the same
option has elsewhere: whoever asks for either finds it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

_CONV = "filters|units kernel_size strides padding data_format dilation_rate"
_TRANSPOSED = "filters|units kernel_size strides padding * output_padding data_format dilation_rate activation"
_POOL = "pool_size strides padding data_format"
_LAYERS = f"""
Conv1D Conv2D Conv3D Convolution1D Convolution2D Convolution3D: {_CONV} groups activation
SeparableConv1D SeparableConv2D SeparableConvolution1D SeparableConvolution2D: {_CONV} depth_multiplier activation
DepthwiseConv1D DepthwiseConv2D: kernel_size strides padding depth_multiplier data_format dilation_rate activation
Conv1DTranspose Conv2DTranspose Conv3DTranspose: {_TRANSPOSED}
Convolution1DTranspose Convolution2DTranspose Convolution3DTranspose: {_TRANSPOSED}
ConvLSTM1D ConvLSTM2D ConvLSTM3D: {_CONV} activation
MaxPooling1D MaxPooling2D MaxPooling3D MaxPool1D MaxPool2D MaxPool3D: {_POOL}
AveragePooling1D AveragePooling2D AveragePooling3D AvgPool1D AvgPool2D AvgPool3D: {_POOL}
ZeroPadding1D ZeroPadding2D ZeroPadding3D: padding
Cropping1D Cropping2D Cropping3D: cropping
UpSampling1D UpSampling2D UpSampling3D: size
Dense: units|filters activation use_bias
LSTM GRU SimpleRNN: units|filters * activation return_sequences
Embedding: input_dim output_dim|units
Reshape: target_shape
Permute: dims
RepeatVector: n
Concatenate BatchNormalization LayerNormalization UnitNormalization: axis
GroupNormalization: groups axis
TimeDistributed Bidirectional: layer
Resizing: height width
"""
_NN_CONV = "input|value filters|filter|kernel_size strides padding data_format dilations|dilation_rate"
_NN_POOL = "input|value ksize|pool_size strides padding data_format"
_NN_TRANSPOSED = _NN_CONV.replace("strides", "output_shape strides")
_FUNCTIONS = f"""
conv2d conv3d convolution: {_NN_CONV}
conv1d: input|value filters|filter|kernel_size stride|strides padding data_format dilations|dilation_rate
depthwise_conv2d: input|value filter|filters|kernel_size strides padding data_format dilations|dilation_rate
separable_conv2d: input depthwise_filter|filters pointwise_filter strides padding data_format dilations|dilation_rate
conv1d_transpose conv2d_transpose conv3d_transpose: {_NN_TRANSPOSED}
atrous_conv2d: value|input filters|filter rate padding
max_pool max_pool1d max_pool2d max_pool3d avg_pool avg_pool1d avg_pool2d avg_pool3d: {_NN_POOL}
bias_add: value|input bias data_format
depth_to_space space_to_depth: input|value block_size data_format
"""
_OPS_CONV = "inputs|input kernel|kernel_size|filters strides padding data_format dilation_rate"
_OPS = f"""
conv depthwise_conv: {_OPS_CONV}
max_pool average_pool: inputs|input pool_size strides padding data_format
"""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter; `position` counts from 0, None if it is given by keyword only."""

    name: str
    position: int | None
    synonyms: frozenset[str]


@dataclass(frozen=True, slots=True)
class Signature:
    """The parameters of one layer or function, without `self`."""

    parameters: tuple[Parameter, ...]

    def find(self, option: str) -> Parameter | None:
        """Return the parameter that takes an option, None if there is none."""
        return next((p for p in self.parameters if option == p.name or option in p.synonyms), None)


@cache
def layer_signature(name: str) -> Signature | None:
    """Return the signature of a Keras layer's class, None if it is not known."""
    return _signatures(_LAYERS).get(name)


@cache
def function_signature(name: str, *, keras: bool = False) -> Signature | None:
    """Return the signature of a `tf.nn` function, or with `keras` of one of `keras.ops`; None where it is not known."""
    return _signatures(_OPS if keras else _FUNCTIONS).get(name)


def spatial_rank_of(name: str) -> int:
    """Return how many spatial axes a name is for: 2 for `Conv2D`, and for `max_pool`, which states none."""
    found = re.search(r"([123])[dD]", name)
    return int(found[1]) if found else 2


def known_names() -> dict[str, tuple[str, ...]]:
    """Return the names that are known, by table: `layers`, `tf.nn` and `keras.ops`."""
    return {
        "layers": (*_signatures(_LAYERS),),
        "tf.nn": (*_signatures(_FUNCTIONS),),
        "keras.ops": (*_signatures(_OPS),),
    }


@cache
def _signatures(table: str) -> dict[str, Signature]:
    """Return the signatures of a table by name."""
    lines = (line.partition(":")[::2] for line in table.strip().splitlines())
    return {name: Signature(tuple(_parameters_in(text))) for names, text in lines for name in names.split()}


def _parameters_in(text: str) -> list[Parameter]:
    """Return the parameters of one line of a table."""
    found: list[Parameter] = []
    by_keyword = False
    for word in text.split():
        if word == "*":
            by_keyword = True
            continue
        name, *synonyms = word.split("|")
        found.append(Parameter(name, None if by_keyword else len(found), frozenset(synonyms)))
    return found
