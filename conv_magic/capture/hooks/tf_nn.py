"""Hook the convolutions and poolings of TensorFlow: `tf.nn`, other forms in `tf.compat.v1.nn`, `tf.raw_ops`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from conv_magic.capture.hooks import nn_arguments as v2
from conv_magic.capture.hooks import v1_arguments as v1
from conv_magic.capture.hooks.entry import Captured, CellSlot, Description, Hook, contains_nothing
from conv_magic.capture.hooks.nn_options import (
    describe_bias,
    describe_conv,
    describe_depthwise,
    describe_fractional,
    describe_morphology,
    describe_pool,
    describe_transpose,
)

_Capture = Callable[..., Captured]
_Describe = Callable[[Captured, Any], Description]


def _namespace(path: str) -> Any:
    found: Any = sys.modules.get("tensorflow")
    for name in path.split("."):
        found = getattr(found, name, None)
    return found


def _find_function(path: str, name: str, variable: str = "fn") -> CellSlot | None:
    return CellSlot.of(getattr(_namespace(path), name, None), variable)


def _find_v1(name: str) -> CellSlot | None:
    """Return the slot of a function of `tf.compat.v1.nn`, None if it is the one of `tf.nn`."""
    function = getattr(_namespace("compat.v1.nn"), name, None)
    return None if function is getattr(_namespace("nn"), name, None) else CellSlot.of(function, "fn")


def _guarded_hook(
    name: str, find: Callable[[], CellSlot | None], capture: _Capture, describe: _Describe, within: bool = False
) -> Hook:
    return Hook(name, find, capture, describe, contains=contains_nothing, guard=True, guard_within=within)


_Row = tuple[str, _Capture, _Capture | None, _Describe]


def _functions() -> Iterator[_Row]:
    """Yield each function of `tf.nn`: its name, the captures of its two forms, its description."""
    for n, convs in ((1, (v2.conv1d, v1.conv1d)), (2, (v2.conv, v1.conv)), (3, (v2.conv, v1.conv3d))):
        yield f"conv{n}d", *convs, partial(describe_conv, f"conv{n}d", n)
        yield f"conv{n}d_transpose", v2.transpose, v1.transpose, partial(describe_transpose, f"conv{n}d_transpose", n)
        for kind in ("max_pool", "avg_pool"):
            yield f"{kind}{n}d", v2.pool, v1.pool, partial(describe_pool, f"{kind}{n}d", n)
    for kind in ("max_pool", "avg_pool"):
        yield kind, v2.pool, v1.pool, partial(describe_pool, kind, None)
    yield "convolution", v2.conv, v1.convolution, partial(describe_conv, "convolution", None)
    yield "conv_transpose", v2.transpose, None, partial(describe_transpose, "conv_transpose", None)
    yield "atrous_conv2d", v2.atrous, None, partial(describe_conv, "atrous_conv2d", 2)
    name = "atrous_conv2d_transpose"
    yield name, v2.atrous_transpose, None, partial(describe_transpose, name, 2)
    yield "depthwise_conv2d", v2.depthwise, v1.depthwise, partial(describe_depthwise, "depthwise_conv2d", 2)
    yield "separable_conv2d", v2.separable, v1.separable, partial(describe_depthwise, "separable_conv2d", 2)
    yield "pool", v2.any_pool, v1.any_pool, partial(describe_pool, "pool", None)
    name = "max_pool_with_argmax"
    yield name, v2.argmax_pool, v1.argmax_pool, partial(describe_pool, name, 2)
    yield "dilation2d", v2.morphology, v1.dilation2d, partial(describe_morphology, "dilation2d")
    yield "erosion2d", v2.erosion, v1.erosion2d, partial(describe_morphology, "erosion2d")
    for kind in ("fractional_max_pool", "fractional_avg_pool"):
        yield kind, v2.fractional_pool, v2.fractional_pool, partial(describe_fractional, kind)
    yield "bias_add", v2.bias_add, None, partial(describe_bias, "bias_add")


_RAW: tuple[tuple[str, _Capture, _Describe], ...] = (
    ("Conv2D", v1.raw_conv, partial(describe_conv, "Conv2D", 2)),
    ("Conv3D", v1.raw_conv, partial(describe_conv, "Conv3D", 3)),
    ("DepthwiseConv2dNative", v1.raw_conv, partial(describe_depthwise, "DepthwiseConv2dNative", 2)),
    *((kind, v1.raw_pool, partial(describe_pool, kind, 2)) for kind in ("MaxPool", "MaxPoolV2", "AvgPool")),
    *((kind, v1.raw_pool, partial(describe_pool, kind, 3)) for kind in ("MaxPool3D", "AvgPool3D")),
    ("MaxPoolWithArgmax", v1.raw_pool, partial(describe_pool, "MaxPoolWithArgmax", 2)),
    ("Dilation2D", v1.raw_dilation2d, partial(describe_morphology, "Dilation2D")),
    ("FractionalMaxPool", v2.fractional_pool, partial(describe_fractional, "FractionalMaxPool")),
    ("FractionalAvgPool", v2.fractional_pool, partial(describe_fractional, "FractionalAvgPool")),
    ("BiasAdd", v2.bias_add, partial(describe_bias, "BiasAdd")),
)

_V1_DESCRIBE = {kind: partial(describe_pool, kind, 2) for kind in ("max_pool", "avg_pool")}
"""Those that take images only."""

TF_NN: tuple[Hook, ...] = (
    *(
        _guarded_hook(f"tf.nn.{name}", partial(_find_function, "nn", name), new, describe, True)
        for name, new, _, describe in _functions()
    ),
    *(
        _guarded_hook(f"tf.compat.v1.nn.{name}", partial(_find_v1, name), old, _V1_DESCRIBE.get(name, describe))
        for name, _, old, describe in _functions()
        if old is not None
    ),
    *(
        _guarded_hook(f"tf.raw_ops.{name}", partial(_find_function, "raw_ops", name, "f"), capture, describe)
        for name, capture, describe in _RAW
    ),
)
