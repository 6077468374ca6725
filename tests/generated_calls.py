"""Calls of every convolution and pooling family, valid and malformed, made from a seed.

`generate` makes them, `perform` runs one; `answers` runs many in processes of their own that may die.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

Shape = tuple[int, ...]


@dataclass(frozen=True)
class GeneratedCall:
    """`name(*tensors, **options)`; for a layer of Keras `name(**options)(tensors[0])`."""

    name: str
    tensors: tuple[Shape, ...]
    options: tuple[tuple[str, Any], ...]
    changed: str = ""

    def __str__(self) -> str:
        given = [*map(str, self.tensors), *(f"{name}={value!r}" for name, value in self.options)]
        return f"{self.name}({', '.join(given)})" + (f"  # {self.changed}" if self.changed else "")


Random = random.Random
_LETTERS = {1: "W", 2: "HW", 3: "DHW"}


def _sizes(r: Random, n: int, least: int = 1, most: int = 7) -> Shape:
    return tuple(r.randint(least, most) for _ in range(n))


def _one_or_each(r: Random, value: Shape) -> Any:
    """The options' short form where all are equal."""
    return value[0] if len(set(value)) == 1 and r.random() < 0.6 else value


def _for_all_axes(r: Random, value: Shape, *, first: bool) -> Any:
    """As one number, one for each spatial axis, or one for each axis."""
    way = r.random()
    if way < 0.4 and len(set(value)) == 1:
        return value[0]
    if way < 0.6:
        return value
    return (1, 1, *value) if first else (1, *value, 1)


def _image(batch: int, sizes: Shape, channels: int, *, first: bool) -> Shape:
    return (batch, channels, *sizes) if first else (batch, *sizes, channels)


def _format(n: int, *, first: bool) -> str:
    return f"NC{_LETTERS[n]}" if first else f"N{_LETTERS[n]}C"


def _words(r: Random) -> str:
    return r.choice(("SAME", "VALID"))


@dataclass
class _Window:
    """A drawn convolution in the field's terms; its strides or its dilations are 1, as TensorFlow wants it."""

    batch: int
    sizes: Shape
    kernel: Shape
    strides: Shape
    dilations: Shape
    channels: int
    filters: int
    first: bool
    padding: Any


def _window(r: Random, n: int, *, equal_strides: bool = False, dilated: bool = True, explicit: bool = True) -> _Window:
    kernel = _sizes(r, n, 1, 4)
    strides = dilations = (1,) * n
    kind = r.random()
    if kind < 0.4:
        strides = (r.randint(1, 3),) * n if equal_strides or r.random() < 0.5 else _sizes(r, n, 1, 3)
    elif kind < 0.6 and dilated:
        dilations = (r.randint(1, 3),) * n if r.random() < 0.7 else _sizes(r, n, 1, 3)
    spans = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True))
    sizes = tuple(r.randint(span, span + 5) for span in spans)
    padding: Any = _words(r)
    first = r.random() < 0.12
    if padding == "SAME" and r.random() < 0.4:
        sizes = _sizes(r, n)
    if explicit and r.random() < 0.15:
        pairs = tuple((r.randint(0, 2), r.randint(0, 2)) for _ in range(n))
        padding = ((0, 0), (0, 0), *pairs) if first else ((0, 0), *pairs, (0, 0))
    return _Window(r.randint(1, 3), sizes, kernel, strides, dilations, r.randint(1, 4), r.randint(1, 4), first, padding)


def _call(name: str, tensors: tuple[Shape, ...], **options: Any) -> GeneratedCall:
    return GeneratedCall(name, tensors, tuple((key, value) for key, value in options.items() if value is not None))


def _conv(r: Random, name: str, n: int) -> GeneratedCall:
    w = _window(r, n, explicit=n == 2, dilated=n < 3)
    groups = r.choice((1, 1, 1, 1, 1, 2)) if n == 2 else 1
    filters = w.filters * groups
    image = _image(w.batch, w.sizes, w.channels * groups, first=w.first)
    kernel = (*w.kernel, w.channels, filters)
    dilations = _for_all_axes(r, w.dilations, first=w.first) if set(w.dilations) != {1} else None
    if n == 3:
        strides: Any = (1, 1, *w.strides) if w.first else (1, *w.strides, 1)
    else:
        strides = _for_all_axes(r, w.strides, first=w.first)
    data_format = _format(n, first=w.first) if w.first or r.random() < 0.3 else None
    stride = {"stride" if n == 1 else "strides": strides}
    return _call(name, (image, kernel), **stride, padding=w.padding, data_format=data_format, dilations=dilations)


def _convolution(r: Random, name: str) -> GeneratedCall:
    n = r.choice((1, 2, 3))
    w = _window(r, n, explicit=False)
    data_format = _format(n, first=w.first) if w.first or r.random() < 0.3 else None
    dilations = _one_or_each(r, w.dilations) if set(w.dilations) != {1} else None
    strides = _one_or_each(r, w.strides)
    image = _image(w.batch, w.sizes, w.channels, first=w.first)
    return _call(
        name, (image, (*w.kernel, w.channels, w.filters)), strides=strides, padding=w.padding,
        data_format=data_format, dilations=dilations,
    )  # fmt: skip


def _atrous(r: Random, name: str) -> GeneratedCall:
    w = _window(r, 2, explicit=False)
    rate = max(w.dilations)
    sizes = tuple(size + (k - 1) * (rate - 1) for size, k in zip(w.sizes, w.kernel, strict=True))
    return _call(
        name, ((w.batch, *sizes, w.channels), (*w.kernel, w.channels, w.filters)), rate=rate, padding=w.padding
    )


def _depthwise(r: Random, name: str) -> GeneratedCall:
    w = _window(r, 2, equal_strides=True)
    multiplier = r.randint(1, 3)
    tensors: tuple[Shape, ...] = (
        _image(w.batch, w.sizes, w.channels, first=w.first), (*w.kernel, w.channels, multiplier)
    )  # fmt: skip
    if name.endswith("separable_conv2d"):
        tensors = (*tensors, (1, 1, w.channels * multiplier, w.filters))
    strides = (1, 1, *w.strides) if w.first else (1, *w.strides, 1)
    data_format = _format(2, first=w.first) if w.first or r.random() < 0.3 else None
    dilations = w.dilations if set(w.dilations) != {1} else None
    return _call(name, tensors, strides=strides, padding=w.padding, data_format=data_format, dilations=dilations)


def _transpose(r: Random, name: str, n: int) -> GeneratedCall:
    """Drawn from the output back: the input is what the convolution would give of it."""
    w = _window(r, n, explicit=n == 2, dilated=False)
    pads = w.padding
    if isinstance(pads, tuple):
        spatial = pads[2:] if w.first else pads[1:-1]
        each = zip(w.sizes, w.kernel, w.strides, spatial, strict=True)
        small = tuple((size + sum(pair) - k) // s + 1 for size, k, s, pair in each)
    elif pads == "SAME":
        small = tuple(-(-size // s) for size, s in zip(w.sizes, w.strides, strict=True))
    else:
        small = tuple((size - k) // s + 1 for size, k, s in zip(w.sizes, w.kernel, w.strides, strict=True))
    image = _image(w.batch, small, w.channels, first=w.first)
    data_format = _format(n, first=w.first) if w.first or r.random() < 0.3 else None
    return _call(
        name, (image, (*w.kernel, w.filters, w.channels)),
        output_shape=_image(w.batch, w.sizes, w.filters, first=w.first),
        strides=_for_all_axes(r, w.strides, first=w.first), padding=pads, data_format=data_format,
    )  # fmt: skip


def _atrous_transpose(r: Random, name: str) -> GeneratedCall:
    rate = r.randint(1, 3)
    kernel, channels, filters, batch = _sizes(r, 2, 1, 3), r.randint(1, 3), r.randint(1, 3), r.randint(1, 2)
    spans = [(k - 1) * rate + 1 for k in kernel]
    sizes = tuple(r.randint(span, span + 4) for span in spans)
    padding = _words(r)
    small = sizes if padding == "SAME" else tuple(size - span + 1 for size, span in zip(sizes, spans, strict=True))
    return _call(
        name, ((batch, *small, channels), (*kernel, filters, channels)), output_shape=(batch, *sizes, filters),
        rate=rate, padding=padding,
    )  # fmt: skip


def _pool(r: Random, name: str, n: int) -> GeneratedCall:
    w = _window(r, n, dilated=False, explicit=n == 2 and "max_pool2d" in name)
    full = r.random() < 0.4
    window = (1, *w.kernel, 1) if full and not w.first else w.kernel
    strides = (1, *w.strides, 1) if full and not w.first else w.strides
    data_format = _format(n, first=w.first) if w.first or r.random() < 0.3 else None
    image = _image(w.batch, w.sizes, w.channels, first=w.first)
    return _call(
        name, (image,), ksize=_one_or_each(r, window), strides=_one_or_each(r, strides), padding=w.padding,
        data_format=data_format,
    )  # fmt: skip


def _any_pool(r: Random, name: str) -> GeneratedCall:
    n = r.choice((1, 2, 3))
    w = _window(r, n, explicit=False)
    data_format = _format(n, first=w.first) if w.first else None
    strided = set(w.strides) != {1}
    return _call(
        name, (_image(w.batch, w.sizes, w.channels, first=w.first),), window_shape=w.kernel,
        pooling_type=r.choice(("MAX", "AVG")), strides=w.strides if strided else None, padding=w.padding,
        data_format=data_format, dilations=None if strided else w.dilations,
    )  # fmt: skip


def _argmax_pool(r: Random, name: str) -> GeneratedCall:
    w = _window(r, 2, dilated=False, explicit=False)
    image = (w.batch, *w.sizes, w.channels)
    return _call(name, (image,), ksize=_one_or_each(r, w.kernel), strides=_one_or_each(r, w.strides), padding=w.padding)


def _fractional(r: Random, name: str) -> GeneratedCall:
    ratio = (1.0, round(r.uniform(1.0, 2.0), 2), round(r.uniform(1.0, 2.0), 2), 1.0)
    return _call(name, ((r.randint(1, 2), *_sizes(r, 2, 4, 9), r.randint(1, 3)),), pooling_ratio=ratio, seed=7)


def _morphology(r: Random, name: str) -> GeneratedCall:
    w = _window(r, 2, explicit=False)
    tensors = ((w.batch, *w.sizes, w.channels), (*w.kernel, w.channels))
    return _call(
        name, tensors, strides=(1, *w.strides, 1), padding=w.padding, data_format="NHWC",
        dilations=(1, *w.dilations, 1),
    )  # fmt: skip


def _bias(r: Random, name: str) -> GeneratedCall:
    rank, channels = r.randint(2, 5), r.randint(1, 4)
    first = rank > 2 and r.random() < 0.2
    image = _image(r.randint(1, 3), _sizes(r, rank - 2), channels, first=first)
    return _call(name, (image, (channels,)), data_format="NCHW" if first else None)


def _layer_padding(w: _Window) -> str:
    return str(w.padding).lower()


def _conv_layer(r: Random, name: str, n: int, **more: Any) -> GeneratedCall:
    w = _window(r, n, explicit=False, equal_strides="Depthwise" in name or "Separable" in name)
    image = (w.batch, *w.sizes, w.channels)
    filters = {} if "Depthwise" in name else {"filters": w.filters}
    if "Transpose" in name:
        w.dilations = (1,) * n
    return _call(
        name, (image,), **filters, kernel_size=w.kernel, strides=w.strides, padding=_layer_padding(w),
        dilation_rate=None if set(w.dilations) == {1} else w.dilations, **more,
    )  # fmt: skip


def _pool_layer(r: Random, name: str, n: int) -> GeneratedCall:
    w = _window(r, n, explicit=False, dilated=False)
    return _call(
        name, ((w.batch, *w.sizes, w.channels),), pool_size=w.kernel,
        strides=w.strides if r.random() < 0.7 else None, padding=_layer_padding(w),
    )  # fmt: skip


def _keras_op(r: Random, name: str) -> GeneratedCall:
    n = r.choice((1, 2)) if "depthwise" in name or "separable" in name else r.choice((1, 2, 3))
    w = _window(r, n, explicit=False, equal_strides=True)
    padding, image = _layer_padding(w), (w.batch, *w.sizes, w.channels)
    strides, dilations = _one_or_each(r, w.strides), _one_or_each(r, w.dilations)
    if name.endswith("_pool"):
        return _call(name, (image,), pool_size=_one_or_each(r, w.kernel), strides=strides, padding=padding)
    if name.endswith("conv_transpose"):
        kernel: Shape = (*w.kernel, w.filters, w.channels)
        return _call(name, (image, kernel), strides=strides, padding=padding)
    kernels: tuple[Shape, ...] = ((*w.kernel, w.channels, w.filters),)
    if "separable" in name:
        kernels = (*kernels, (*(1,) * n, w.channels * w.filters, 2))
    return _call(name, (image, *kernels), strides=strides, padding=padding, dilation_rate=dilations)


def _raw(r: Random, name: str) -> GeneratedCall:
    n = 3 if "3D" in name else 2
    w = _window(r, n, explicit=False, dilated=n == 2 and "Pool" not in name, equal_strides="Depthwise" in name)
    image, strides = (w.batch, *w.sizes, w.channels), (1, *w.strides, 1)
    if "Pool" in name:
        return _call(name, (image,), ksize=(1, *w.kernel, 1), strides=strides, padding=w.padding)
    kernel = (*w.kernel, w.channels, w.filters)
    return _call(name, (image, kernel), strides=strides, padding=w.padding, dilations=(1, *w.dilations, 1))


def _numbered(
    family: Callable[[Random, str, int], GeneratedCall], name: str, n: int
) -> Callable[[Random], GeneratedCall]:
    return lambda r: family(r, name, n)


def _named(family: Callable[[Random, str], GeneratedCall], name: str) -> Callable[[Random], GeneratedCall]:
    return lambda r: family(r, name)


FAMILIES: dict[str, Callable[[Random], GeneratedCall]] = {
    **{f"tf.nn.conv{n}d": _numbered(_conv, f"tf.nn.conv{n}d", n) for n in (1, 2, 3)},
    **{f"tf.nn.conv{n}d_transpose": _numbered(_transpose, f"tf.nn.conv{n}d_transpose", n) for n in (1, 2, 3)},
    "tf.nn.conv_transpose": lambda r: _transpose(r, "tf.nn.conv_transpose", r.choice((1, 2, 3))),
    **{f"tf.nn.{kind}_pool{n}d": _numbered(_pool, f"tf.nn.{kind}_pool{n}d", n) for n in (1, 2, 3)
       for kind in ("max", "avg")},
    "tf.nn.max_pool": lambda r: _pool(r, "tf.nn.max_pool", r.choice((1, 2, 3))),
    "tf.nn.avg_pool": lambda r: _pool(r, "tf.nn.avg_pool", r.choice((1, 2, 3))),
    "tf.nn.convolution": _named(_convolution, "tf.nn.convolution"),
    "tf.nn.atrous_conv2d": _named(_atrous, "tf.nn.atrous_conv2d"),
    "tf.nn.atrous_conv2d_transpose": _named(_atrous_transpose, "tf.nn.atrous_conv2d_transpose"),
    "tf.nn.depthwise_conv2d": _named(_depthwise, "tf.nn.depthwise_conv2d"),
    "tf.nn.separable_conv2d": _named(_depthwise, "tf.nn.separable_conv2d"),
    "tf.nn.pool": _named(_any_pool, "tf.nn.pool"),
    "tf.nn.max_pool_with_argmax": _named(_argmax_pool, "tf.nn.max_pool_with_argmax"),
    "tf.nn.fractional_max_pool": _named(_fractional, "tf.nn.fractional_max_pool"),
    "tf.nn.fractional_avg_pool": _named(_fractional, "tf.nn.fractional_avg_pool"),
    "tf.nn.dilation2d": _named(_morphology, "tf.nn.dilation2d"),
    "tf.nn.erosion2d": _named(_morphology, "tf.nn.erosion2d"),
    "tf.nn.bias_add": _named(_bias, "tf.nn.bias_add"),
    **{f"keras.layers.Conv{n}D": _numbered(_conv_layer, f"keras.layers.Conv{n}D", n) for n in (1, 2, 3)},
    **{f"keras.layers.Conv{n}DTranspose": _numbered(_conv_layer, f"keras.layers.Conv{n}DTranspose", n)
       for n in (1, 2, 3)},
    **{f"keras.layers.{kind}Conv{n}D": _numbered(_conv_layer, f"keras.layers.{kind}Conv{n}D", n) for n in (1, 2)
       for kind in ("Depthwise", "Separable")},
    **{f"keras.layers.{kind}Pooling{n}D": _numbered(_pool_layer, f"keras.layers.{kind}Pooling{n}D", n)
       for n in (1, 2, 3) for kind in ("Max", "Average")},
    **{f"tf.compat.v1.nn.{kind}": _numbered(_conv, f"tf.compat.v1.nn.{kind}", n)
       for n, kind in ((1, "conv1d"), (2, "conv2d"), (3, "conv3d"))},
    **{f"tf.compat.v1.nn.{kind}": _numbered(_transpose, f"tf.compat.v1.nn.{kind}", n)
       for n, kind in ((2, "conv2d_transpose"), (3, "conv3d_transpose"))},
    **{f"tf.compat.v1.nn.{kind}": _numbered(_pool, f"tf.compat.v1.nn.{kind}", 2) for kind in ("max_pool", "avg_pool")},
    **{f"tf.compat.v1.nn.{kind}": _named(_depthwise, f"tf.compat.v1.nn.{kind}")
       for kind in ("depthwise_conv2d", "separable_conv2d")},
    "tf.compat.v1.nn.convolution": _named(_convolution, "tf.compat.v1.nn.convolution"),
    **{f"tf.raw_ops.{kind}": _named(_raw, f"tf.raw_ops.{kind}")
       for kind in ("Conv2D", "Conv3D", "DepthwiseConv2dNative", "MaxPool", "AvgPool", "MaxPool3D", "AvgPool3D")},
    **{f"keras.ops.{kind}": _named(_keras_op, f"keras.ops.{kind}")
       for kind in ("conv", "depthwise_conv", "separable_conv", "conv_transpose", "max_pool", "average_pool")},
}  # fmt: skip


def generate(count: int, seed: int) -> Iterator[GeneratedCall]:
    """`count` calls, of all families in turn, about half of them changed in one or two places."""
    r = random.Random(seed)
    names = list(FAMILIES)
    for number in range(count):
        call = FAMILIES[names[number % len(names)]](r)
        for _ in range(r.choice((0, 0, 1, 1, 2))):
            call = _changed(r, call)
        yield call


def _changed(r: Random, call: GeneratedCall) -> GeneratedCall:
    if r.random() < 0.6 or not call.options:
        return _changed_tensor(r, call)
    return _changed_option(r, call)


def _changed_tensor(r: Random, call: GeneratedCall) -> GeneratedCall:
    place = 0 if r.random() < 0.7 else r.randrange(len(call.tensors))
    shape = list(call.tensors[place])
    axis = r.randrange(len(shape)) if shape else 0
    kind = r.choice(("drop", "add", "empty", "size", "size", "batch", "rank"))
    if kind == "drop" and shape:
        del shape[axis]
    elif kind == "add":
        shape.insert(axis, r.randint(1, 3))
    elif kind == "empty" and shape:
        shape[axis] = 0
    elif kind == "size" and shape:
        shape[axis] = max(0, shape[axis] + r.choice((-2, -1, 1, 2)))
    elif kind == "batch" and shape:
        shape[0] = 0
    else:
        shape = list(_sizes(r, r.randint(0, 6), 1, 4))
    tensors = (*call.tensors[:place], tuple(shape), *call.tensors[place + 1 :])
    return replace(call, tensors=tensors, changed=f"{call.changed} {kind}".strip())


def _changed_option(r: Random, call: GeneratedCall) -> GeneratedCall:
    place = r.randrange(len(call.options))
    name, value = call.options[place]
    value = _CHANGES.get(name, _changed_numbers)(r, value)
    options = (*call.options[:place], (name, value), *call.options[place + 1 :])
    return replace(call, options=options, changed=f"{call.changed} {name}".strip())


def _changed_numbers(r: Random, value: Any) -> Any:
    if not isinstance(value, tuple):
        return r.choice((0, -1, 2, 3, 5, (2, 2), (1,), value))
    if r.random() < 0.3 or not value:
        return value[:-1] if r.random() < 0.5 else (*value, 1)
    place = r.randrange(len(value))
    return (*value[:place], r.choice((0, -1, 1, 2, 3, 6)), *value[place + 1 :])


def _changed_padding(r: Random, value: Any) -> Any:
    pair = (r.randint(-1, 3), r.randint(0, 3))
    explicit = r.choice(
        (((0, 0), pair, pair, (0, 0)), (pair, pair), ((0, 0), pair, (0, 0)), ((1, 0), pair, pair, (0, 0)))
    )
    return r.choice(("SAME", "VALID", "same", "valid", "CAUSAL", "full", explicit))


def _changed_format(r: Random, value: Any) -> Any:
    return r.choice(("NHWC", "NCHW", "NWC", "NCW", "NDHWC", "NCDHW", "channels_last", "XYZ"))


def _changed_output(r: Random, value: Shape) -> Any:
    kind = r.random()
    if kind < 0.25:
        return value[1:] if r.random() < 0.5 else value[:-1]
    if kind < 0.4:
        return value[1:-1]
    if kind < 0.5:
        return (*value, 1)
    place = r.randrange(len(value))
    return (*value[:place], r.choice((-1, -1, 0, value[place] + 1, value[place] - 1, -5)), *value[place + 1 :])


TENSOR_NAMES = {
    "tf.raw_ops.AvgPool": ("value",),
    **dict.fromkeys(("tf.raw_ops.MaxPool", "tf.raw_ops.MaxPool3D", "tf.raw_ops.AvgPool3D"), ("input",)),
    **dict.fromkeys(
        ("tf.raw_ops.Conv2D", "tf.raw_ops.Conv3D", "tf.raw_ops.DepthwiseConv2dNative"), ("input", "filter")
    ),
}
"""The functions that take nothing by position."""

_CHANGES: dict[str, Callable[[Random, Any], Any]] = {
    "padding": _changed_padding,
    "data_format": _changed_format,
    "output_shape": _changed_output,
    "pooling_type": lambda r, value: r.choice(("MAX", "AVG", "MIN")),
    "seed": lambda r, value: value,
    "pooling_ratio": lambda r, value: r.choice(
        (value, (1.0, 2.0, 2.0, 1.0), (1.0, 3.0, 1.5, 1.0), (1.0, 0.5, 1.0, 1.0))
    ),
}
