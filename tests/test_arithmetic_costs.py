"""Parameters and multiplications as Keras and TensorFlow count them, and receptive fields element by element."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conv_magic.arithmetic import ReceptiveField, Window, expected_shape, macs, params, receptive_field
from conv_magic.model.options import (
    ConvOptions,
    ConvTransposeOptions,
    DenseOptions,
    DepthwiseConvOptions,
    FlattenOptions,
    MergeOptions,
    Options,
    PoolOptions,
    SameShapeOptions,
    ZeroPaddingOptions,
)
from conv_magic.model.shapes import Shape
from shape_reference import Answer, FrameworkCall, ask


def conv(
    kernel_size: tuple[int, ...] = (3, 3), strides: tuple[int, ...] = (1, 1), groups: int = 1, dilation: int = 1
) -> ConvOptions:
    return ConvOptions(kernel_size, strides, "same", (dilation,) * len(strides), groups, 8, "channels_last")


DEPTHWISE = DepthwiseConvOptions((3, 2), (2, 2), "valid", (1, 1), 2, None, "channels_last")
SEPARABLE = DepthwiseConvOptions((3, 2), (1, 1), "same", (1, 1), 2, 5, "channels_last")
TRANSPOSED = ConvTransposeOptions((3, 2), (2, 2), "same", (1, 1), None, None, 8, "channels_last")

# name, options of the layer, input, our options, kernel
LAYERS: list[tuple[str, dict[str, Any], Shape, Options, Shape]] = [
    ("Conv1D", {"filters": 8, "kernel_size": 3}, (1, 9, 4), conv((3,), (1,)), (3, 4, 8)),
    ("Conv2D", {"filters": 8, "kernel_size": 3, "strides": 2}, (1, 9, 8, 4), conv(strides=(2, 2)), (3, 3, 4, 8)),
    ("Conv2D", {"filters": 8, "kernel_size": 3, "groups": 2}, (1, 9, 8, 4), conv(groups=2), (3, 3, 2, 8)),
    ("Conv3D", {"filters": 8, "kernel_size": 2}, (1, 4, 5, 6, 3), conv((2,) * 3, (1,) * 3), (2, 2, 2, 3, 8)),
    (
        "DepthwiseConv2D",
        {"kernel_size": (3, 2), "strides": 2, "depth_multiplier": 2},
        (1, 9, 8, 3),
        DEPTHWISE,
        (3, 2, 3, 2),
    ),
    (
        "SeparableConv2D",
        {"filters": 5, "kernel_size": (3, 2), "depth_multiplier": 2},
        (1, 9, 8, 3),
        SEPARABLE,
        (3, 2, 3, 2),
    ),
    ("Conv2DTranspose", {"filters": 8, "kernel_size": (3, 2), "strides": 2}, (1, 5, 4, 3), TRANSPOSED, (3, 2, 8, 3)),
    ("Dense", {"units": 7}, (1, 5, 4), DenseOptions(7), (4, 7)),
    ("Flatten", {}, (1, 5, 4), FlattenOptions("channels_last"), ()),
    ("MaxPooling2D", {}, (1, 6, 6, 3), PoolOptions((2, 2), (2, 2), "valid", "channels_last"), ()),
]
WITH_FLOPS = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Dense", "Conv1D", "Conv3D")


def flops(index: int) -> bool:
    """Whether TensorFlow counts them: Keras compiles a grouped convolution, which hides it from the profiler."""
    return LAYERS[index][0] in WITH_FLOPS and "groups" not in LAYERS[index][1]


@pytest.fixture(scope="module")
def answers() -> list[Answer]:
    calls: list[FrameworkCall] = []
    for index, (name, options, shape, ours, _) in enumerate(LAYERS):
        padding: dict[str, Any] = {"padding": ours.padding} if hasattr(ours, "padding") else {}
        weights = {"use_bias": False} if name in WITH_FLOPS else {}
        calls.append(FrameworkCall(f"keras.layers.{name}", [shape], {**options, **padding, **weights}, flops(index)))
    return ask(calls)


@pytest.mark.parametrize("index", range(len(LAYERS)), ids=[case[0] for case in LAYERS])
def test_parameters_and_multiplications(index: int, answers: list[Answer]) -> None:
    name, _, shape, options, kernel = LAYERS[index]
    theirs = answers[index]
    assert theirs.error is None
    use_bias = name not in WITH_FLOPS
    assert params(options, (shape,), None, use_bias) == theirs.params
    assert params(options, (shape,), kernel or None, use_bias) == theirs.params
    output = expected_shape(options, (shape,), kernel or None)
    assert output == theirs.shape
    if flops(index):
        assert theirs.flops
        assert macs(options, (shape,), None, output) == macs(options, (shape,), kernel, output) == theirs.flops / 2
    if kernel == ():
        assert macs(options, (shape,), None, output) == 0


def test_the_batch_does_not_count_and_may_be_unknown() -> None:
    one, many = ((size, 9, 8, 4) for size in (None, 32))
    assert macs(conv(), (one,), None, (None, 9, 8, 8)) == macs(conv(), (many,), None, (32, 9, 8, 8)) == 9 * 8 * 8 * 36


def test_each_input_element_of_a_transposed_one_meets_the_whole_kernel() -> None:
    assert macs(TRANSPOSED, ((1, 5, 4, 3),), None, (1, 10, 8, 8)) == (5 * 4) * 3 * (3 * 2) * 8


def test_what_is_unknown_is_not_guessed() -> None:
    assert macs(conv(), ((1, None, 8, 4),), None, (1, None, 8, 8)) is None
    assert params(conv(), ((1, 9, 8, None),), None) is None
    assert params(conv(), (), None) is None
    assert params(conv(), (), (3, 3, 4, 8)) == 288
    assert macs(SameShapeOptions(), ((1, 4),), None, (1, 4)) is None
    assert macs(MergeOptions(None), ((1, 4),), None, (1, 4)) is None
    assert macs(conv(), (), None, None) is None


small = st.builds(Window, st.integers(1, 4), st.integers(1, 3), st.just("valid"), st.integers(1, 3))


def elements_seen(chain: list[Window], places: set[int]) -> set[int]:
    """The input elements that lead to the output elements `places`, followed back one by one."""
    for window in reversed(chain):
        taps = range(0, window.span, window.dilation_rate)
        places = {place * window.stride + tap for place in places for tap in taps}
    return places


@given(st.lists(small, max_size=4))
def test_a_field_reaches_from_the_first_to_the_last_element_seen(chain: list[Window]) -> None:
    seen, next_seen = elements_seen(chain, {0}), elements_seen(chain, {1})
    layers = [(window.kernel_size, window.stride, window.dilation_rate) for window in chain]
    assert receptive_field(layers, dimensions=1) == (max(seen) - min(seen) + 1,)
    field: ReceptiveField | None = ReceptiveField.of_input(1)
    for window in chain:
        assert field is not None
        field = field.through(
            ConvOptions(
                (window.kernel_size,), (window.stride,), "valid", (window.dilation_rate,), 1, 4, "channels_last"
            )
        )
    assert field == ReceptiveField((max(seen) - min(seen) + 1,), (min(next_seen) - min(seen),))


def test_two_threes_see_as_much_as_a_five() -> None:
    assert receptive_field([(3, 1, 1), (3, 1, 1)]) == receptive_field([((5, 5), (1, 1), (1, 1))]) == (5, 5)


def test_a_field_along_a_trace() -> None:
    start = ReceptiveField.of_input(2)
    pooled = start.through(PoolOptions((2, 2), (2, 2), "valid", "channels_last"))
    assert pooled == ReceptiveField((2, 2), (2, 2))
    assert pooled is not None
    assert pooled.through(ZeroPaddingOptions(((1, 1), (1, 1)), "channels_last")) == pooled
    assert pooled.through(TRANSPOSED) == ReceptiveField((4, 2), (1, 1))
    assert start.through(TRANSPOSED) is None
    assert start.through(DenseOptions(3)) is None
    assert start.through(conv((3,), (1,))) is None
    assert start.joined(ReceptiveField((3, 1), (1, 1))) == ReceptiveField((3, 1), (1, 1))
    assert start.joined(pooled) is None


@given(st.integers(1, 6), st.integers(1, 4))
def test_no_element_of_a_transposed_one_gathers_from_more_neighbours(kernel_size: int, stride: int) -> None:
    options = ConvTransposeOptions((kernel_size,), (stride,), "valid", (1,), None, None, 1, "channels_last")
    field = ReceptiveField((stride,), (stride,)).through(options)
    contributors: dict[int, set[int]] = {}
    for source in range(12):
        for tap in range(kernel_size):
            contributors.setdefault(source * stride + tap, set()).add(source)
    most = max(map(len, contributors.values()))
    assert field == ReceptiveField((stride + (most - 1) * stride,), (1,))
