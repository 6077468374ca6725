"""Shape arithmetic of convolutional networks: pure integers, `None` for an unknown dimension.

Three kinds of question: the output shape of a call (`conv_output_shape` and its kin, `expected_shape` for a recorded
call), its cost (`macs`, `params`, `ReceptiveField`), and the inverse (`paddings_giving`, `input_sizes_giving`, ...).
An impossible call raises `ShapeProblem`; an unknown dimension never does.
"""

from __future__ import annotations

from conv_magic.arithmetic.convolutions import conv_output_shape, depthwise_conv_output_shape
from conv_magic.arithmetic.costs import macs, params
from conv_magic.arithmetic.expected import expected_shape, shapes_agree
from conv_magic.arithmetic.inverse import (
    input_sizes_giving,
    kernel_sizes_giving,
    output_padding_giving,
    paddings_giving,
    poolings_until_collapse,
    sizes_divisible_by,
    strides_giving,
)
from conv_magic.arithmetic.layouts import dense_output_shape, flatten_output_shape, reshape_output_shape
from conv_magic.arithmetic.merges import broadcast_output_shape, concatenate_output_shape
from conv_magic.arithmetic.pools import global_pool_output_shape, pool_output_shape
from conv_magic.arithmetic.problems import Reason, ShapeProblem
from conv_magic.arithmetic.receptive import ReceptiveField, receptive_field
from conv_magic.arithmetic.resizing import (
    cropping_output_shape,
    up_sampling_output_shape,
    zero_padding_output_shape,
)
from conv_magic.arithmetic.transposed import conv_transpose_output_shape
from conv_magic.arithmetic.windows import (
    SlidingOptions,
    Window,
    WindowOptions,
    effective_kernel_size,
    kernel_sizes_of,
    same_padding,
    windows_of,
)

__all__ = [
    "Reason",
    "ReceptiveField",
    "ShapeProblem",
    "SlidingOptions",
    "Window",
    "WindowOptions",
    "broadcast_output_shape",
    "concatenate_output_shape",
    "conv_output_shape",
    "conv_transpose_output_shape",
    "cropping_output_shape",
    "dense_output_shape",
    "depthwise_conv_output_shape",
    "effective_kernel_size",
    "expected_shape",
    "flatten_output_shape",
    "global_pool_output_shape",
    "input_sizes_giving",
    "kernel_sizes_giving",
    "kernel_sizes_of",
    "macs",
    "output_padding_giving",
    "paddings_giving",
    "params",
    "pool_output_shape",
    "poolings_until_collapse",
    "receptive_field",
    "reshape_output_shape",
    "same_padding",
    "shapes_agree",
    "sizes_divisible_by",
    "strides_giving",
    "up_sampling_output_shape",
    "windows_of",
    "zero_padding_output_shape",
]
