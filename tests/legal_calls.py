"""Every way to write the window, strides and rates of a call, legal or not: a grid, not a sample.

One number, a list for the spatial axes, a list for all axes in either layout, entries for batch and channels among
them; for the pools and convolutions of `tf.nn`, `tf.compat.v1.nn` and `tf.raw_ops`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from conv_magic.model.shapes import Shape
from generated_calls import GeneratedCall

_LAST = {1: ("NWC",), 2: ("NHWC",), 3: ("NDHWC",)}
_FIRST = {1: "NCW", 2: "NCHW", 3: "NCDHW"}
_SIZES = {1: (12,), 2: (7, 12), 3: (5, 7, 6)}


def _image(n: int, channels: int, *, first: bool) -> Shape:
    return (2, channels, *_SIZES[n]) if first else (2, *_SIZES[n], channels)


def _all_axes(n: int, batch: int, spatial: int, channels: int, *, first: bool) -> tuple[int, ...]:
    return (batch, channels, *(spatial,) * n) if first else (batch, *(spatial,) * n, channels)


def _forms(n: int, *, first: bool) -> list[Any]:
    """One number, one in a list, one for each spatial axis, one for every axis; of those also some that are rare."""
    entries = ((1, 2, 1), (1, 1, 1), (1, 1, 2), (1, 1, 3), (1, 2, 3), (2, 1, 1), (3, 3, 3), (1, 1, 4), (1, 1, 6))
    every = [_all_axes(n, *entry, first=first) for entry in entries]
    return [1, 2, (2,), tuple(range(1, n + 1)), *every]


def _calls(name: str, tensors: tuple[Shape, ...], **options: list[Any]) -> Iterator[GeneratedCall]:
    for values in product(*options.values()):
        given = zip(options, values, strict=True)
        yield GeneratedCall(name, tensors, tuple((key, value) for key, value in given if value is not None))


def pools() -> Iterator[GeneratedCall]:
    """Poolings over width, channels and batch."""
    for n, first, padding in product((1, 2, 3), (False, True), ("VALID", "SAME")):
        image, forms = (_image(n, 6, first=first),), _forms(n, first=first)
        formats = [_FIRST[n]] if first else [*_LAST[n]]
        common: dict[str, Any] = {"ksize": forms, "strides": forms, "padding": [padding], "data_format": formats}
        names = [f"tf.nn.{kind}{suffix}" for kind in ("max_pool", "avg_pool") for suffix in ("", f"{n}d")]
        names += [f"tf.compat.v1.nn.{kind}" for kind in ("max_pool", "avg_pool") if n == 2]
        names += ["tf.nn.max_pool_with_argmax"] if n == 2 else []
        for name in names:
            yield from _calls(name, image, **common)
        if n > 1:
            long = [form for form in forms if isinstance(form, tuple) and len(form) == n + 2]
            raw = {2: ("MaxPool", "AvgPool"), 3: ("MaxPool3D", "AvgPool3D")}[n]
            for name in raw:
                yield from _calls(f"tf.raw_ops.{name}", image, **{**common, "ksize": long, "strides": long})
        short = [form for form in forms if not isinstance(form, tuple) or len(form) <= n]
        rare = [_all_axes(n, 1, 2, 1, first=first)]
        yield from _calls(
            "tf.nn.pool", image, window_shape=[*short, *rare], pooling_type=["MAX", "AVG"], padding=[padding],
            strides=[None, *short, *rare], dilations=[None, *short], data_format=[*formats, None],
        )  # fmt: skip


def convolutions() -> Iterator[GeneratedCall]:
    """Convolutions with strides and rates for all axes."""
    for n, first, padding, depth in product((1, 2, 3), (False, True), ("VALID", "SAME"), (6, 3)):
        kernel = (*(2, 3, 2)[:n], depth, 4)
        tensors, forms = (_image(n, 6, first=first), kernel), _forms(n, first=first)
        formats = [_FIRST[n]] if first else [*_LAST[n]]
        strides = "stride" if n == 1 else "strides"
        common: dict[str, Any] = {"padding": [padding], "data_format": formats, "dilations": [None, *forms[:5]]}
        yield from _calls(f"tf.nn.conv{n}d", tensors, **{strides: forms}, **common)
        yield from _calls("tf.nn.convolution", tensors, strides=[None, *forms], **common)
        yield from _calls("tf.compat.v1.nn.convolution", tensors, strides=[None, *forms], padding=[padding],
                          data_format=formats, dilations=[None, 2, (2,)])  # fmt: skip


def legal_calls() -> list[GeneratedCall]:
    """All of them."""
    return [*pools(), *convolutions()]
