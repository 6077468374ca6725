"""What holds for every shape: the laws behind the formulas, and how unknown sizes spread."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conv_magic.arithmetic import (
    Reason,
    ShapeProblem,
    Window,
    broadcast_output_shape,
    concatenate_output_shape,
    conv_output_shape,
    conv_transpose_output_shape,
    effective_kernel_size,
    expected_shape,
    pool_output_shape,
    reshape_output_shape,
    same_padding,
    shapes_agree,
)
from conv_magic.model.options import (
    ConvOptions,
    ConvTransposeOptions,
    CroppingOptions,
    DenseOptions,
    DepthwiseConvOptions,
    FlattenOptions,
    GlobalPoolOptions,
    MergeOptions,
    Options,
    PoolOptions,
    ReshapeOptions,
    SameShapeOptions,
    UpSamplingOptions,
    ZeroPaddingOptions,
)
from conv_magic.model.shapes import Shape

sizes = st.integers(1, 40)
kernels = st.integers(1, 7)
steps = st.integers(1, 5)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    padding = draw(st.sampled_from(["valid", "same", "causal"]) | st.tuples(st.integers(0, 4), st.integers(0, 4)))
    return Window(draw(kernels), draw(steps), padding, draw(steps))


@st.composite
def options(draw: st.DrawFn, dimensions: int = 2) -> Options:
    """Options of any family, for channels_last or channels_first data of `dimensions` spatial axes."""

    def each(numbers: st.SearchStrategy[int]) -> tuple[int, ...]:
        return tuple(draw(st.lists(numbers, min_size=dimensions, max_size=dimensions)))

    layout: Literal["channels_last", "channels_first"] = draw(st.sampled_from(("channels_last", "channels_first")))
    padding = draw(st.sampled_from(["valid", "same"]))
    pairs = tuple((before, before + 1) for before in each(st.integers(0, 3)))
    groups = draw(st.integers(1, 3))
    filters = groups * draw(st.integers(1, 4))
    strides, kernel_size, dilation_rate = each(steps), each(kernels), each(st.integers(1, 3))
    families: list[Options] = [
        ConvOptions(kernel_size, strides, padding, dilation_rate, groups, filters, layout),
        ConvOptions(kernel_size, strides, pairs, dilation_rate, 1, filters, layout),
        DepthwiseConvOptions(kernel_size, strides, padding, dilation_rate, filters, None, layout),
        ConvTransposeOptions(kernel_size, strides, padding, dilation_rate, None, None, filters, layout),
        PoolOptions(kernel_size, strides, padding, layout),
        GlobalPoolOptions(draw(st.booleans()), layout),
        ZeroPaddingOptions(pairs, layout),
        CroppingOptions(pairs, layout),
        UpSamplingOptions(strides, layout),
        DenseOptions(filters),
        FlattenOptions(layout),
        ReshapeOptions((-1, filters)),
        SameShapeOptions(),
    ]
    return draw(st.sampled_from(families))


def answer(options: Options, inputs: tuple[Shape, ...]) -> Shape | None:
    found = attempt(lambda: expected_shape(options, inputs))
    return None if isinstance(found, ShapeProblem) else found


def attempt(ask: Callable[[], Shape | None]) -> Shape | ShapeProblem | None:
    try:
        return ask()
    except ShapeProblem as problem:
        return problem


shapes_2d = st.tuples(st.integers(0, 4), sizes, sizes, st.integers(1, 12))


@given(options(), shapes_2d, st.sets(st.integers(0, 3)))
def test_unknown_sizes_agree_with_known_ones(options: Options, shape: Shape, forgotten: set[int]) -> None:
    known = answer(options, (shape,))
    if known is None:
        return
    blurred = tuple(None if axis in forgotten else size for axis, size in enumerate(shape))
    blurred_answer = expected_shape(options, (blurred,))
    assert blurred_answer is not None
    assert len(blurred_answer) == len(known)
    assert all(size is None or size == sure for size, sure in zip(blurred_answer, known, strict=True))
    assert None not in known
    assert forgotten or blurred_answer == known


@given(options())
def test_a_wholly_unknown_shape_of_the_right_rank_is_never_refused(options: Options) -> None:
    assert expected_shape(options, ((None,) * 4,)) is not None


merged = st.lists(st.tuples(st.just(2), st.sampled_from((1, 3)), st.sampled_from((1, 4))), min_size=1, max_size=4)


@given(merged, st.data())
def test_unknown_sizes_of_merges_agree_with_known_ones(shapes: list[tuple[int, ...]], data: st.DataObject) -> None:
    axis = data.draw(st.sampled_from((None, 1, 2, -1)))
    known = answer(MergeOptions(axis), tuple(shapes))
    blurred = tuple(tuple(data.draw(st.sampled_from((size, None))) for size in shape) for shape in shapes)
    if known is not None:
        found = expected_shape(MergeOptions(axis), blurred)
        assert shapes_agree(found, known)
        assert expected_shape(MergeOptions(axis), tuple((None,) * 3 for _ in shapes)) == (None, None, None)


@given(sizes, kernels, steps, steps)
def test_same_is_the_ceiling_whatever_the_kernel(size: int, kernel_size: int, stride: int, dilation_rate: int) -> None:
    made = conv_output_shape((1, size, 1), (kernel_size,), 1, (stride,), "SAME", (dilation_rate,))
    assert made[1] is not None
    assert (made[1] - 1) * stride < size <= made[1] * stride


@given(sizes, kernels, steps, steps)
def test_same_is_its_own_explicit_padding(size: int, kernel_size: int, stride: int, dilation_rate: int) -> None:
    pair = same_padding(size, kernel_size, stride, dilation_rate)
    same = conv_output_shape((1, size, 1), (kernel_size,), 1, (stride,), "same", (dilation_rate,))
    assert conv_output_shape((1, size, 1), (kernel_size,), 1, (stride,), (pair,), (dilation_rate,)) == same
    assert 0 <= pair[1] - pair[0] <= 1


@given(sizes, windows())
def test_valid_counts_the_places_of_the_window(size: int, window: Window) -> None:
    before = window.span - 1 if window.padding == "causal" else 0
    after = 0
    if window.padding == "same":
        before, after = same_padding(size, window.kernel_size, window.stride, window.dilation_rate)
    elif not isinstance(window.padding, str):
        before, after = window.padding
    starts = range(-before, size + after - window.span + 1, window.stride)
    assert max(window.output_size(size), 0) == len(starts)
    assert (size >= window.least_size) == (len(starts) > 0)


@given(kernels, steps)
def test_a_dilated_kernel_spans_its_first_to_its_last_element(kernel_size: int, dilation_rate: int) -> None:
    taps = range(0, kernel_size * dilation_rate, dilation_rate)
    assert effective_kernel_size(kernel_size, dilation_rate) == taps[-1] - taps[0] + 1


@given(sizes, kernels, steps, st.sampled_from(("valid", "same")))
def test_a_transposed_convolution_is_undone_by_the_convolution(
    size: int, kernel_size: int, stride: int, padding: str
) -> None:
    spread = conv_transpose_output_shape((1, size, 2), (kernel_size,), 3, (stride,), padding)
    assert conv_output_shape(spread, (kernel_size,), 2, (stride,), padding) == (1, size, 2)


@given(sizes, sizes, kernels, steps, st.sampled_from(("valid", "same")))
def test_a_stated_size_is_possible_exactly_if_the_convolution_leads_back(
    size: int, wanted: int, kernel_size: int, stride: int, padding: str
) -> None:
    forth = ConvTransposeOptions((kernel_size,), (stride,), padding, (1,), None, (1, wanted, 3), 3, "channels_last")
    back = ConvOptions((kernel_size,), (stride,), padding, (1,), 1, 2, "channels_last")
    made = attempt(lambda: expected_shape(forth, ((1, size, 2),)))
    assert (made == (1, wanted, 3)) == (answer(back, ((1, wanted, 3),)) == (1, size, 2))
    assert made == (1, wanted, 3) or (isinstance(made, ShapeProblem) and made.reason is Reason.OUTPUT_SIZE)


@given(st.lists(shapes_2d, min_size=1, max_size=3), st.integers(-4, 3))
def test_concatenation_adds_along_its_axis_alone(shapes: list[tuple[int, ...]], axis: int) -> None:
    place = axis % 4
    aligned = [tuple(s if a == place else shapes[0][a] for a, s in enumerate(shape)) for shape in shapes]
    made = concatenate_output_shape(aligned, axis)
    assert made[place] == sum(shape[place] for shape in aligned)
    assert made == tuple(made[a] if a == place else size for a, size in enumerate(shapes[0]))


@given(merged)
def test_broadcasting_does_not_depend_on_the_order(shapes: list[tuple[int, ...]]) -> None:
    assert broadcast_output_shape(shapes) == broadcast_output_shape(shapes[::-1])


@given(st.sampled_from(("channels_last", "channels_first")), shapes_2d, options())
def test_the_data_format_only_moves_the_channels(
    layout: Literal["channels_last", "channels_first"], shape: Shape, options: Options
) -> None:
    if not isinstance(options, ConvOptions | DepthwiseConvOptions | ConvTransposeOptions | PoolOptions):
        return
    last = answer(replace(options, data_format="channels_last"), (shape,))
    first = answer(replace(options, data_format="channels_first"), ((shape[0], shape[3], shape[1], shape[2]),))
    assert (last is None) == (first is None)
    if last is not None:
        assert first == (last[0], last[3], last[1], last[2])


@given(options(), st.lists(st.none() | sizes, max_size=6).map(tuple))
def test_a_problem_is_a_sentence_and_its_expected_shape_would_do(options: Options, shape: Shape) -> None:
    problem = attempt(lambda: expected_shape(options, (shape,)))
    if not isinstance(problem, ShapeProblem):
        return
    assert str(problem) == problem.message
    assert problem.message[0].islower()
    assert "\n" not in problem.message
    assert problem.message[-1] not in ".?!"
    again = pickle.loads(pickle.dumps(problem))
    assert (again.message, again.reason, again.axis, again.expected, again.actual, again.index) == problem.args
    if problem.expected is not None and problem.reason in (Reason.RANK, Reason.WINDOW, Reason.CROPPING):
        assert expected_shape(options, (problem.expected,)) is not None


def refusal(*arguments: object, **named: object) -> ShapeProblem:
    with pytest.raises(ShapeProblem) as caught:
        conv_output_shape(*arguments, **named)  # type: ignore[arg-type]  # the arguments of each test below
    return caught.value


def test_a_missing_batch_axis() -> None:
    problem = refusal((28, 28, 1), (3, 3), 32, kernel_channels=1)
    assert problem.reason is Reason.RANK
    assert (problem.expected, problem.actual, problem.axis) == ((None, None, None, 1), (28, 28, 1), None)
    assert str(problem) == (
        "the input (28, 28, 1) has 3 axes, but a 2-D convolution needs 4: (batch, height, width, channels)"
    )


def test_grayscale_into_a_kernel_for_colours() -> None:
    problem = refusal((None, 28, 28, 1), (3, 3), 64, kernel_channels=3)
    assert (problem.reason, problem.axis, problem.expected) == (Reason.CHANNELS, 3, (None, 28, 28, 3))
    assert str(problem) == "the input (None, 28, 28, 1) has 1 channels, but the kernel is made for 3"


def test_a_kernel_larger_than_its_input() -> None:
    problem = refusal((1, 4, 9, 3), (5, 5), 8)
    assert (problem.reason, problem.axis, problem.expected) == (Reason.WINDOW, 1, (1, 5, 9, 3))


def test_a_stride_of_zero() -> None:
    assert refusal((1, 4, 9, 3), (3, 3), 8, strides=(1, 0)).reason is Reason.STRIDES


def test_the_second_input_is_named() -> None:
    with pytest.raises(ShapeProblem) as caught:
        broadcast_output_shape([(None, 30, 30, 8), (None, 32, 32, 8)])
    problem = caught.value
    assert (problem.reason, problem.index, problem.axis) == (Reason.SIZES, 1, 1)
    assert (problem.expected, problem.actual) == ((None, 30, 32, 8), (None, 32, 32, 8))


def test_a_merge_settles_what_one_input_knows() -> None:
    assert broadcast_output_shape([(None, 4, None), (8, 1, 5)]) == (8, 4, 5)
    assert concatenate_output_shape([(None, 4, None), (8, None, 5)]) == (8, 4, None)


def test_one_number_stands_for_all_axes() -> None:
    assert conv_output_shape((1, 9, 8, 3), 3, 4, 2) == conv_output_shape((1, 9, 8, 3), (3, 3), 4, (2, 2))
    assert pool_output_shape((1, 9, 8, 3), 2) == (1, 4, 4, 3)


def test_what_has_no_formula_has_no_shape() -> None:
    assert expected_shape(None, ((1, 2),)) is None
    assert expected_shape(SameShapeOptions(), ()) is None


def test_reshape_works_out_the_missing_size() -> None:
    assert reshape_output_shape((None, 7, 7, 64), (-1,)) == (None, 3136)
    with pytest.raises(ShapeProblem, match="the 3136 elements of each example"):
        reshape_output_shape((None, 7, 7, 64), (100, -1))


def test_further_batch_axes_stay_in_front_in_either_data_format() -> None:
    # as TensorFlow with oneDNN answers; without it there is no channels_first on a CPU
    assert conv_output_shape((2, 3, 8, 8, 5), (3, 3), 4, kernel_channels=5) == (2, 3, 6, 6, 4)
    first = conv_output_shape((2, 3, 5, 8, 8), (3, 3), 4, kernel_channels=5, data_format="channels_first")
    assert first == (2, 3, 4, 6, 6)
