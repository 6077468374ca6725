"""The inverse questions: every answer leads to the wanted shape, and none is missing."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from conv_magic.arithmetic import (
    ShapeProblem,
    Window,
    expected_shape,
    input_sizes_giving,
    kernel_sizes_giving,
    output_padding_giving,
    paddings_giving,
    poolings_until_collapse,
    sizes_divisible_by,
    strides_giving,
)
from conv_magic.model.options import ConvOptions, ConvTransposeOptions, PoolOptions
from conv_magic.model.shapes import Shape

small = st.integers(1, 12)
CONV = ConvOptions((3, 3), (1, 1), "valid", (1, 1), 1, 8, "channels_last")
TRANSPOSED = ConvTransposeOptions((3, 3), (2, 2), "valid", (1, 1), None, None, 8, "channels_last")
Windowed = ConvOptions | PoolOptions | ConvTransposeOptions


@st.composite
def windowed(draw: st.DrawFn) -> Windowed:
    kernel_size, strides = draw(st.tuples(*[st.integers(1, 4)] * 2)), draw(st.tuples(*[st.integers(1, 3)] * 2))
    padding, dilation = draw(st.sampled_from(("valid", "same"))), draw(st.integers(1, 2))
    families: list[Windowed] = [
        ConvOptions(kernel_size, strides, padding, (dilation, 1), 1, 8, "channels_last"),
        PoolOptions(kernel_size, strides, padding, "channels_last"),
        ConvTransposeOptions(kernel_size, strides, padding, (1, 1), None, None, 8, "channels_last"),
    ]
    return draw(st.sampled_from(families))


def made(options: Windowed, shape: Shape) -> Shape | None:
    try:
        return expected_shape(options, (shape,))
    except ShapeProblem:
        return None


def wanted_shape(shape: Shape, height: int, width: int, options: Windowed) -> Shape:
    return (shape[0], height, width, shape[3] if isinstance(options, PoolOptions) else 8)


@given(windowed(), small, small, small, small)
def test_strides_are_all_that_do(options: Windowed, h: int, w: int, to_h: int, to_w: int) -> None:
    shape: Shape = (1, h, w, 3)
    wanted = wanted_shape(shape, to_h, to_w, options)
    found = strides_giving(shape, options, wanted)
    assert all(made(replace(options, strides=strides), shape) == wanted for strides in found)
    limit = range(1, max(h, w, to_h, to_w) + 1)
    equal = {(s, s) for s in limit if made(replace(options, strides=(s, s)), shape) == wanted}
    some = any(made(replace(options, strides=pair), shape) == wanted for pair in product(limit, limit))
    assert set(found) == equal if equal else len(found) == some


@given(windowed(), small, small, small, small)
def test_kernel_sizes_are_all_that_do(options: Windowed, h: int, w: int, to_h: int, to_w: int) -> None:
    shape: Shape = (1, h, w, 3)
    wanted = wanted_shape(shape, to_h, to_w, options)

    def with_size(sizes: tuple[int, ...]) -> Windowed:
        if isinstance(options, PoolOptions):
            return replace(options, pool_size=sizes)
        return replace(options, kernel_size=sizes)

    found = kernel_sizes_giving(shape, options, wanted)
    assert all(made(with_size(sizes), shape) == wanted for sizes in found)
    limit = range(1, max(h, w, to_h, to_w) + 1)
    equal = {(k, k) for k in limit if made(with_size((k, k)), shape) == wanted}
    some = any(made(with_size(pair), shape) == wanted for pair in product(limit, limit))
    assert set(found) == equal if equal else len(found) == some


@given(windowed(), small, small, small, small)
def test_paddings_are_words_or_the_least_pairs(options: Windowed, h: int, w: int, to_h: int, to_w: int) -> None:
    shape: Shape = (1, h, w, 3)
    wanted = wanted_shape(shape, to_h, to_w, options)
    found = paddings_giving(shape, options, wanted)
    words = tuple(word for word in ("valid", "same") if made(replace(options, padding=word), shape) == wanted)
    if words or not isinstance(options, ConvOptions):
        assert found == words
        return
    assert all(made(replace(options, padding=padding), shape) == wanted for padding in found)
    smaller = (tuple((t // 2, t - t // 2) for t in totals) for totals in product(range(60), repeat=2))
    least = next((pairs for pairs in smaller if made(replace(options, padding=pairs), shape) == wanted), None)
    assert found == (() if least is None else (least,))


@given(windowed(), small, small, small, small)
def test_output_padding_is_the_only_one(options: Windowed, h: int, w: int, to_h: int, to_w: int) -> None:
    if not isinstance(options, ConvTransposeOptions):
        return
    wanted = wanted_shape((1, h, w, 3), to_h, to_w, options)
    every = product(*map(range, options.strides))
    fitting = tuple(p for p in every if made(replace(options, output_padding=p), (1, h, w, 3)) == wanted)
    assert output_padding_giving((1, h, w, 3), options, wanted) == fitting


one_axis = st.builds(
    Window,
    st.integers(1, 5),
    st.integers(1, 3),
    st.sampled_from(("valid", "same", "causal")) | st.tuples(st.integers(0, 2), st.integers(0, 2)),
    st.integers(1, 2),
)


def size_after(size: int, chain: list[Window]) -> int:
    for window in chain:
        size = window.output_size(size) if size > 0 else 0
    return size


@given(st.integers(-1, 6), st.lists(one_axis, max_size=3))
def test_input_sizes_are_all_that_do(output_size: int, chain: list[Window]) -> None:
    found = input_sizes_giving(output_size, chain)
    limit = max([*found, 1]) + 30
    tried = tuple(n for n in range(1, limit) if output_size > 0 and size_after(n, chain) == output_size)
    assert found == tried


@given(st.integers(1, 600), st.integers(1, 4), st.none() | st.integers(1, 4), st.sampled_from(("valid", "same")))
def test_poolings_go_on_until_one_more_is_useless(size: int, pool: int, strides: int | None, padding: str) -> None:
    assert padding in ("valid", "same")
    after = poolings_until_collapse(size, pool, strides, "same" if padding == "same" else "valid")
    options = PoolOptions((pool,), (strides or pool,), padding, "channels_last")
    for before, then in zip((size, *after), after, strict=False):
        assert expected_shape(options, ((1, before, 1),)) == (1, then, 1)
    last = (1, (size, *after)[-1], 1)
    try:
        assert expected_shape(options, (last,)) == last
    except ShapeProblem:
        assert padding == "valid"


@given(st.integers(1, 500), st.integers(1, 50))
def test_divisible_sizes_are_the_nearest(size: int, factor: int) -> None:
    found = sizes_divisible_by(size, factor)
    below = [n for n in range(1, size + 1) if n % factor == 0][-1:]
    above = [n for n in range(size, size + factor + 1) if n % factor == 0][:1]
    assert found == tuple(dict.fromkeys(below + above))


def test_an_unknown_size_gives_no_answer_and_a_free_size_any() -> None:
    assert strides_giving((None, None, 32, 3), CONV, (None, 16, 16, 8)) == ()
    assert paddings_giving((None, None, 32, 3), CONV, (None, 32, 32, 8)) == ()
    assert paddings_giving((None, None, 32, 3), CONV, (None, None, 32, 8)) == ("same",)
    assert strides_giving((None, 32, 32, 3), CONV, (None, None, 15, None)) == ((2, 2),)


def test_the_channels_and_the_rank_are_no_matter_of_padding() -> None:
    assert paddings_giving((1, 32, 32, 3), CONV, (1, 32, 32, 9)) == ()
    assert paddings_giving((32, 32, 3), CONV, (1, 32, 32, 8)) == ()
    assert strides_giving((32, 32, 3), CONV, (1, 16, 16, 8)) == ()


def test_the_nearest_answer_comes_first() -> None:
    valid = replace(CONV, kernel_size=(4, 4), strides=(2, 2))
    assert kernel_sizes_giving((1, 32, 32, 3), valid, (1, 14, 14, 8)) == ((5, 5), (6, 6))


def test_a_decoder_is_brought_back_to_28() -> None:
    assert output_padding_giving((None, 14, 14, 64), replace(TRANSPOSED, padding="same"), (None, 28, 28, 8)) == (
        (1, 1),
    )
    assert poolings_until_collapse(28) == (14, 7, 3, 1)
    assert sizes_divisible_by(30, 8) == (24, 32)
