"""The options of a call: kernel size, strides, padding and the like, one class for each family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from conv_magic.model.shapes import DataFormat, Pairs, Shape


@dataclass(frozen=True, slots=True)
class ConvOptions:
    """A convolution.  `padding` is a word or explicit pairs; a depthwise one has `groups` = input channels."""

    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: str | Pairs
    dilation_rate: tuple[int, ...]
    groups: int
    filters: int | None
    data_format: DataFormat
    family: Literal["conv"] = "conv"


@dataclass(frozen=True, slots=True)
class DepthwiseConvOptions:
    """A depthwise convolution; a separable one when `filters` is given (its pointwise half)."""

    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: str | Pairs
    dilation_rate: tuple[int, ...]
    depth_multiplier: int
    filters: int | None
    data_format: DataFormat
    family: Literal["depthwise_conv"] = "depthwise_conv"


@dataclass(frozen=True, slots=True)
class ConvTransposeOptions:
    """A transposed convolution; `output_shape` is set where the caller states it (`tf.nn`)."""

    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: str | Pairs
    dilation_rate: tuple[int, ...]
    output_padding: tuple[int, ...] | None
    output_shape: Shape | None
    filters: int | None
    data_format: DataFormat
    family: Literal["conv_transpose"] = "conv_transpose"


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """A windowed pooling.  `dilation_rate` is empty where the window has none.

    `over_channels` is the window's size and stride over the channels, empty where it stays within each channel.
    """

    pool_size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: str | Pairs
    data_format: DataFormat
    dilation_rate: tuple[int, ...] = ()
    over_channels: tuple[int, ...] = ()
    family: Literal["pool"] = "pool"


@dataclass(frozen=True, slots=True)
class GlobalPoolOptions:
    """A pooling over all spatial axes."""

    keepdims: bool
    data_format: DataFormat
    family: Literal["global_pool"] = "global_pool"


@dataclass(frozen=True, slots=True)
class ZeroPaddingOptions:
    """Zeros added around the spatial axes."""

    padding: Pairs
    data_format: DataFormat
    family: Literal["zero_padding"] = "zero_padding"


@dataclass(frozen=True, slots=True)
class CroppingOptions:
    """Rows and columns cut from the spatial axes."""

    cropping: Pairs
    data_format: DataFormat
    family: Literal["cropping"] = "cropping"


@dataclass(frozen=True, slots=True)
class UpSamplingOptions:
    """Spatial axes repeated or interpolated `size` times."""

    size: tuple[int, ...]
    data_format: DataFormat
    family: Literal["up_sampling"] = "up_sampling"


@dataclass(frozen=True, slots=True)
class DenseOptions:
    """A matrix product over the last axis."""

    units: int
    family: Literal["dense"] = "dense"


@dataclass(frozen=True, slots=True)
class FlattenOptions:
    """All axes but the batch made one."""

    data_format: DataFormat
    family: Literal["flatten"] = "flatten"


@dataclass(frozen=True, slots=True)
class ReshapeOptions:
    """`target_shape` without the batch axis; at most one entry is -1."""

    target_shape: tuple[int, ...]
    family: Literal["reshape"] = "reshape"


@dataclass(frozen=True, slots=True)
class MergeOptions:
    """Several inputs made one: along `axis` when it is given (Concatenate), else element by element."""

    axis: int | None
    family: Literal["merge"] = "merge"


@dataclass(frozen=True, slots=True)
class SameShapeOptions:
    """A layer whose output has its input's shape (activation, normalisation, dropout)."""

    family: Literal["same_shape"] = "same_shape"


@dataclass(frozen=True, slots=True)
class FitOptions:
    """What `fit`, `evaluate` or `predict` was given: the shapes of data, labels, weights and validation data.

    `dataset` says that `x` was a dataset or generator; its shapes are then those of one element.
    """

    x: tuple[Shape, ...]
    y: tuple[Shape, ...]
    sample_weight: tuple[Shape, ...]
    validation_x: tuple[Shape, ...]
    validation_y: tuple[Shape, ...]
    dataset: bool
    family: Literal["fit"] = "fit"


@dataclass(frozen=True, slots=True)
class LossOptions:
    """A loss or metric: its inputs are the labels, then the model's output."""

    name: str
    from_logits: bool | None
    family: Literal["loss"] = "loss"


Options = (
    ConvOptions
    | DepthwiseConvOptions
    | ConvTransposeOptions
    | PoolOptions
    | GlobalPoolOptions
    | ZeroPaddingOptions
    | CroppingOptions
    | UpSamplingOptions
    | DenseOptions
    | FlattenOptions
    | ReshapeOptions
    | MergeOptions
    | SameShapeOptions
    | FitOptions
    | LossOptions
)
