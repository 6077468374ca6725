"""The arithmetic against TensorFlow and Keras: the same shape, or both refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import pytest

from conv_magic import arithmetic
from conv_magic.model.shapes import Shape
from shape_reference import Answer, FrameworkCall, ask


@dataclass(frozen=True)
class Case:
    call: FrameworkCall
    ours: Callable[[], Shape]


def axes(*numbers: int, dimensions: int) -> tuple[int, ...]:
    """Different numbers along the axes: the given one, the next, ... in a ring."""
    first, *ring = numbers
    return tuple(ring[(ring.index(first) + step) % len(ring)] for step in range(dimensions))


def layer_case(name: str, ours: Callable[..., Shape], shape: Shape, ours_only: Any = None, **options: Any) -> Case:
    """A layer and its formula, which share the names of their options."""
    return Case(FrameworkCall(f"keras.layers.{name}", [shape], options), partial(ours, shape, **(ours_only or options)))


def tensorflow_convolutions() -> Iterator[Case]:
    sizes, kernels = range(1, 10), range(1, 5)
    grid = product((1, 2, 3), sizes, kernels, (1, 2, 3), ("VALID", "SAME"), (1, 2))
    for dimensions, size, kernel, stride, padding, dilation in grid:
        if dimensions == 3 and (dilation > 1 or size > 6):  # conv3d has no dilation on a CPU
            continue
        shape = (2, *axes(size, *sizes, dimensions=dimensions), 3)
        kernel_size = axes(kernel, *kernels, dimensions=dimensions)
        options: dict[str, Any] = {"strides": stride, "padding": padding, "dilations": dilation}
        if dimensions == 3:
            options = {"strides": (1, *(stride,) * 3, 1), "padding": padding}
        elif dimensions == 1:
            options["stride"] = options.pop("strides")
        yield Case(
            FrameworkCall(f"tf.nn.conv{dimensions}d", [shape, (*kernel_size, 3, 4)], options),
            partial(
                arithmetic.conv_output_shape,
                shape,
                kernel_size,
                4,
                stride,
                padding,
                dilation,
                kernel_channels=3,
            ),
        )


def tensorflow_padded_convolutions() -> Iterator[Case]:
    for size, stride, before, after in product((2, 5, 6), (1, 2), (0, 1, 3), (0, 2)):
        pairs = ((before, after), (after, before))
        padding = ((0, 0), *pairs, (0, 0))
        shape = (1, size, size + 1, 2)
        yield Case(
            FrameworkCall("tf.nn.conv2d", [shape, (3, 4, 2, 4)], {"strides": stride, "padding": padding}),
            partial(arithmetic.conv_output_shape, shape, (3, 4), 4, stride, pairs, kernel_channels=2),
        )


def tensorflow_channels() -> Iterator[Case]:
    for channels, depth, filters in product((1, 2, 3, 4, 6), (1, 2, 3), (1, 2, 4, 6)):
        shape = (1, 5, 5, channels)
        yield Case(
            FrameworkCall("tf.nn.conv2d", [shape, (3, 3, depth, filters)], {"strides": 1, "padding": "SAME"}),
            partial(arithmetic.conv_output_shape, shape, (3, 3), filters, padding="SAME", kernel_channels=depth),
        )


def tensorflow_ranks() -> Iterator[Case]:
    for rank in range(7):
        shape = (2, 3, 6, 6, 6, 3)[6 - rank :]
        for dimensions in (1, 2, 3):
            kernel = (*(3,) * dimensions, 3, 4)
            options = {"stride" if dimensions == 1 else "strides": 1, "padding": "VALID"}
            if dimensions == 3:
                options["strides"] = (1,) * 5
            yield Case(
                FrameworkCall(f"tf.nn.conv{dimensions}d", [shape, kernel], options),
                partial(arithmetic.conv_output_shape, shape, kernel[:-2], 4, kernel_channels=3),
            )
        yield Case(
            FrameworkCall("tf.nn.depthwise_conv2d", [shape, (3, 3, 3, 2)], {"strides": (1,) * 4, "padding": "VALID"}),
            partial(arithmetic.depthwise_conv_output_shape, shape, (3, 3), 2, kernel_channels=3),
        )
        yield Case(
            FrameworkCall("tf.nn.max_pool2d", [shape], {"ksize": 2, "strides": 2, "padding": "VALID"}),
            partial(arithmetic.pool_output_shape, shape, (2, 2)),
        )


def tensorflow_depthwise() -> Iterator[Case]:
    # Only equal strides, and not with a dilation: TensorFlow refuses the first and miscounts the second.
    grid = product((3, 6, 9), (2, 3), ((1, 1), (2, 1), (1, 2)), ("VALID", "SAME"), (2, 3))
    for size, kernel, (stride, dilation), padding, channels in grid:
        shape = (1, size, size + 1, channels)
        options = {"strides": (1, stride, stride, 1), "padding": padding, "dilations": (dilation, dilation)}
        yield Case(
            FrameworkCall("tf.nn.depthwise_conv2d", [shape, (kernel, 2, 3, 2)], options),
            partial(
                arithmetic.depthwise_conv_output_shape,
                shape,
                (kernel, 2),
                2,
                None,
                stride,
                padding,
                dilation,
                kernel_channels=3,
            ),
        )


def tensorflow_transposed() -> Iterator[Case]:
    output: Shape
    options: dict[str, Any]
    grid = product((1, 2, 4), (1, 2, 3), (1, 2, 3), ("VALID", "SAME"), range(13))
    for size, kernel, stride, padding, wanted in grid:
        shape, output = (1, size, 3), (1, wanted, 4)
        options = {"output_shape": output, "strides": stride, "padding": padding}
        yield transposed_case("conv1d_transpose", shape, (kernel, 4, 3), options)
    for output in ((1, 8, 8, 4), (2, 8, 8, 4), (1, 8, 8, 3), (1, 8, 4), (1, 1, 8, 8, 4), (8, 8), (9, 8), (8,)):
        options = {"output_shape": output, "strides": 2, "padding": "SAME"}
        yield transposed_case("conv2d_transpose", (1, 4, 4, 3), (3, 3, 4, 3), options)
    for channels in (1, 2, 3):
        options = {"output_shape": (1, 8, 8, 4), "strides": 2, "padding": "SAME"}
        yield transposed_case("conv2d_transpose", (1, 4, 4, channels), (3, 3, 4, 3), options)


def transposed_case(name: str, shape: Shape, kernel: tuple[int, ...], options: dict[str, Any]) -> Case:
    ours = partial(
        arithmetic.conv_transpose_output_shape,
        shape,
        kernel[:-2],
        kernel[-2],
        kernel_channels=kernel[-1],
        **options,
    )
    return Case(FrameworkCall(f"tf.nn.{name}", [shape, kernel], options), ours)


def tensorflow_pools_over_channels() -> Iterator[Case]:
    for channels, size, stride, padding in product((1, 2, 6, 60), (1, 2, 3, 6), (1, 2, 3, 6), ("VALID", "SAME")):
        shape = (2, 7, 12, channels)
        options = {"ksize": (1, 1, 1, size), "strides": (1, 1, 1, stride), "padding": padding}
        over = (size, stride) if size > 1 else ()  # without a window there TensorFlow ignores the stride
        ours = partial(arithmetic.pool_output_shape, shape, (1, 1), 1, padding, over_channels=over)
        yield Case(FrameworkCall("tf.nn.max_pool", [shape], options), ours)


def keras_convolutions() -> Iterator[Case]:
    shape: Shape
    for size, padding, (strides, dilation) in product(
        (2, 5, 8), ("valid", "same", "causal"), ((1, 1), (2, 1), (3, 1), (1, 2))
    ):
        options = {"filters": 4, "kernel_size": 3, "strides": strides, "padding": padding, "dilation_rate": dilation}
        for shape in ((2, size, 3), (None, size, 3), (None, None, 3), (2, 0, 3)):
            yield layer_case("Conv1D", arithmetic.conv_output_shape, shape, **options)
        if padding != "causal":
            square: dict[str, Any] = {**options, "kernel_size": (3, 2)}
            for shape in ((2, size, 6, 3), (None, None, size, 3), (5, 6, 3), (0, size, 7, 3)):
                yield layer_case("Conv2D", arithmetic.conv_output_shape, shape, **square)
            cube: dict[str, Any] = {**options, "kernel_size": (2, 3, 1)}
            yield layer_case("Conv3D", arithmetic.conv_output_shape, (1, 5, size, 2, 3), **cube)
    for groups, channels, filters in ((2, 4, 6), (3, 6, 3), (2, 5, 6), (2, 4, 5), (4, 4, 4)):
        options = {"filters": filters, "kernel_size": (3, 3), "groups": groups}
        yield layer_case("Conv2D", arithmetic.conv_output_shape, (1, 6, 6, channels), **options)
    for shape in ((None, 3, 8, 9), (None, 3, None, 2)):
        options = {"filters": 4, "kernel_size": (3, 3), "data_format": "channels_first"}
        yield layer_case("Conv2D", arithmetic.conv_output_shape, shape, **options)


def keras_depthwise() -> Iterator[Case]:
    shape: Shape
    for size, padding, strides, multiplier in product((2, 5, 8), ("valid", "same"), (1, 2), (1, 3)):
        options = {"kernel_size": (3, 2), "strides": strides, "padding": padding, "depth_multiplier": multiplier}
        for shape in ((2, size, 6, 3), (None, size, None, 3), (size, 6, 3)):
            yield layer_case("DepthwiseConv2D", arithmetic.depthwise_conv_output_shape, shape, **options)
            separable = {**options, "filters": 5}
            yield layer_case("SeparableConv2D", arithmetic.depthwise_conv_output_shape, shape, **separable)
        line: dict[str, Any] = {**options, "kernel_size": 3}
        yield layer_case("DepthwiseConv1D", arithmetic.depthwise_conv_output_shape, (2, size, 3), **line)
        yield layer_case("SeparableConv1D", arithmetic.depthwise_conv_output_shape, (2, size, 3), filters=4, **line)
    first = {"kernel_size": (3, 3), "data_format": "channels_first", "depth_multiplier": 2}
    yield layer_case("DepthwiseConv2D", arithmetic.depthwise_conv_output_shape, (2, 3, 7, 8), **first)


def keras_transposed() -> Iterator[Case]:
    options: dict[str, Any]
    shape: Shape
    grid = product((1, 2, 5), (1, 2, 3, 4, 5), (1, 2, 3), ("valid", "same"), (None, 0, 1, 2))
    for size, kernel, strides, padding, extra in grid:
        options = {"filters": 4, "kernel_size": kernel, "strides": strides, "padding": padding, "output_padding": extra}
        yield layer_case("Conv1DTranspose", arithmetic.conv_transpose_output_shape, (2, size, 3), **options)
    options = {"filters": 4, "kernel_size": (3, 2), "strides": (2, 3), "padding": "same"}
    for shape in ((2, 4, 5, 3), (None, None, 5, 3), (4, 5, 3)):
        yield layer_case("Conv2DTranspose", arithmetic.conv_transpose_output_shape, shape, **options)
    options = {"filters": 2, "kernel_size": (3, 2, 1), "strides": (1, 2, 3), "padding": "same"}
    yield layer_case("Conv3DTranspose", arithmetic.conv_transpose_output_shape, (1, 5, 4, 3, 3), **options)


def keras_pools() -> Iterator[Case]:
    shape: Shape
    for name, size, pool, strides, padding in product(
        ("Max", "Average"), (1, 2, 5, 8), (1, 2, 3), (None, 1, 2), ("valid", "same")
    ):
        options = {"pool_size": pool, "strides": strides, "padding": padding}
        pooled = arithmetic.pool_output_shape
        yield layer_case(f"{name}Pooling1D", pooled, (2, size, 3), **options)
        yield layer_case(f"{name}Pooling2D", pooled, (2, size, 4, 3), **options)
        yield layer_case(f"{name}Pooling2D", pooled, (None, size, None, 3), **options)
        yield layer_case(f"{name}Pooling3D", pooled, (2, 4, size, 3, 3), **options)
    yield layer_case("MaxPooling2D", arithmetic.pool_output_shape, (28, 28, 1), pool_size=(2, 2))
    first = {"pool_size": (2, 3), "data_format": "channels_first"}
    yield layer_case("MaxPooling2D", arithmetic.pool_output_shape, (2, 3, 8, 9), **first)
    for keepdims, layout in product((False, True), ("channels_last", "channels_first")):
        options = {"keepdims": keepdims, "data_format": layout}
        for name, shape in (("1D", (2, 4, 3)), ("2D", (None, None, 5, 3)), ("3D", (2, 4, 5, 6, 3)), ("1D", (4, 3))):
            yield layer_case(f"GlobalAveragePooling{name}", arithmetic.global_pool_output_shape, shape, **options)


def keras_resizing() -> Iterator[Case]:
    value: Any
    shape: Shape
    padded, cropped = arithmetic.zero_padding_output_shape, arithmetic.cropping_output_shape
    enlarged = arithmetic.up_sampling_output_shape
    for value in (1, 2, (1, 2), ((1, 2), (0, 3)), ((0, 0), (4, 4))):
        for shape in ((2, 6, 7, 3), (None, 6, None, 3), (6, 7, 3), (1, 2, 6, 7, 3)):
            yield layer_case("ZeroPadding2D", padded, shape, {"padding": each_pair(value, 2)}, padding=value)
            yield layer_case("Cropping2D", cropped, shape, {"cropping": each_pair(value, 2)}, cropping=value)
    for value in (1, (1, 2), ((1, 2), (0, 3)), -1, (1, 2, 3)):
        yield layer_case("ZeroPadding2D", padded, (2, 6, 7, 3), padding=value)
        yield layer_case("ZeroPadding2D", padded, (2, 3, 6, 7), padding=value, data_format="channels_first")
        yield layer_case("Cropping2D", cropped, (2, 6, 7, 3), cropping=value)
    for value in (1, 2, 3, (1, 2), (0, 5)):
        yield layer_case("ZeroPadding1D", padded, (2, 5, 3), padding=value)
        yield layer_case("Cropping1D", cropped, (2, 5, 3), cropping=value)
    for value in (1, (1, 2, 0), ((1, 0), (2, 1), (0, 3))):
        yield layer_case("ZeroPadding3D", padded, (2, 5, 4, 3, 3), padding=value)
        yield layer_case("Cropping3D", cropped, (2, 5, 4, 3, 3), cropping=value)
    yield layer_case("UpSampling1D", enlarged, (2, 5, 3), size=3)
    yield layer_case("UpSampling3D", enlarged, (2, 5, 4, 3, 3), size=(1, 2, 3))
    for value, shape in product((1, (2, 3), 0), ((2, 6, 7, 3), (None, None, 7, 3), (6, 7, 3))):
        options = {"size": value if isinstance(value, tuple) else (value, value)}
        yield layer_case("UpSampling2D", enlarged, shape, options, size=value)


def each_pair(value: Any, dimensions: int) -> Any:
    """As Keras stores it: the name of the layer says over how many axes, which our formula cannot see."""
    entries = (value,) * dimensions if isinstance(value, int) else value
    return tuple((entry, entry) if isinstance(entry, int) else entry for entry in entries)


def keras_layouts() -> Iterator[Case]:
    shape: Shape
    for shape in ((2, 3), (2, 4, 3), (None, 5), (None, None, 5), (0, 3), (2, 1, 1, 7)):
        yield layer_case("Dense", arithmetic.dense_output_shape, shape, units=7)
    yield layer_case("Dense", arithmetic.dense_output_shape, (3,), units=7)
    for shape in ((2,), (2, 3), (2, 3, 4, 5), (None, 3, 4), (None, None, 4), (2, 0, 4), ()):
        yield Case(FrameworkCall("keras.layers.Flatten", [shape]), partial(arithmetic.flatten_output_shape, shape))
    targets = ((12,), (-1,), (3, 4), (-1, 4), (2, -1, 2), (5,), (-1, 5), (-1, -1), (0,), (0, -1), (-2, 6), ())
    for target, shape in product(targets, ((2, 12), (2, 3, 4), (None, 12), (None, None, 4), (2, 0), (0, 12), (2,))):
        yield layer_case("Reshape", arithmetic.reshape_output_shape, shape, target_shape=target)


def keras_merges() -> Iterator[Case]:
    shapes: tuple[Shape, ...] = ((2, 4), (1, 4), (2, 1), (2, 3, 4), (2, 3, 1), (2, 1, 4), (2, 0, 4), (2, 3, 5), (2,))
    for first, second in product(shapes, shapes):
        yield merge_case("Add", arithmetic.broadcast_output_shape, (first, second))
        for axis in (-1, 0, 1, 2):
            if -len(first) <= axis < len(first):  # Keras fails with an IndexError, or not at all, on another axis
                yield merge_case("Concatenate", arithmetic.concatenate_output_shape, (first, second), axis=axis)
    for triple in (((2, 1, 4), (2, 3, 1), (2, 4)), ((2, 3), (2, 3), (2, 3)), ((2, 3), (2, 1), (2, 4))):
        yield merge_case("Multiply", arithmetic.broadcast_output_shape, triple)
        yield merge_case("Concatenate", arithmetic.concatenate_output_shape, triple, axis=-1)
    yield merge_case("Concatenate", arithmetic.concatenate_output_shape, ((None, 4, 8), (None, 5, 8)), axis=1)
    yield merge_case("Add", arithmetic.broadcast_output_shape, ((None, 4, 8), (None, 1, 8)))


def merge_case(name: str, ours: Callable[..., Shape], shapes: tuple[Shape, ...], **options: Any) -> Case:
    return Case(FrameworkCall(f"keras.layers.{name}", shapes, options), partial(ours, shapes, **options))


FAMILIES = {
    family.__name__: list(family())
    for family in (
        tensorflow_convolutions,
        tensorflow_padded_convolutions,
        tensorflow_channels,
        tensorflow_ranks,
        tensorflow_depthwise,
        tensorflow_transposed,
        tensorflow_pools_over_channels,
        keras_convolutions,
        keras_depthwise,
        keras_transposed,
        keras_pools,
        keras_resizing,
        keras_layouts,
        keras_merges,
    )
}


@pytest.fixture(scope="module")
def answers() -> dict[str, list[Answer]]:
    together = iter(ask([case.call for cases in FAMILIES.values() for case in cases]))
    return {family: [next(together) for _ in cases] for family, cases in FAMILIES.items()}


def disagreement(case: Case, answer: Answer) -> str | None:
    try:
        ours: Shape | None = case.ours()
    except arithmetic.ShapeProblem as problem:
        ours = None
        # an output of nothing is a shape to TensorFlow alone; to Keras and to us it is a fault
        if problem.reason is arithmetic.Reason.WINDOW and answer.shape is not None and 0 in answer.shape:
            return None
    if ours == answer.shape:
        return None
    return f"{case.call}: ours {ours}, framework's {answer.shape} {answer.error}"


@pytest.mark.parametrize("family", FAMILIES)
def test_same_shape_or_both_refuse(family: str, answers: dict[str, list[Answer]]) -> None:
    pairs = list(zip(FAMILIES[family], answers[family], strict=True))
    assert [wrong for case, answer in pairs if (wrong := disagreement(case, answer))] == []
    assert any(answer.shape for answer in answers[family])


def test_the_grids_hold_possible_and_impossible_calls(answers: dict[str, list[Answer]]) -> None:
    everything = [answer for family in answers.values() for answer in family]
    refused = sum(answer.shape is None for answer in everything)
    assert len(everything) > 2000
    assert 0.1 < refused / len(everything) < 0.9
