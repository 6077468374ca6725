"""The pictures of the arithmetic: bounded, told in words too, and the same in Python and in the browser."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree.ElementTree import Element, tostring

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conv_magic.arithmetic.geometry import axis_geometry
from conv_magic.arithmetic.windows import Window
from conv_magic.model.options import ConvOptions, MergeOptions, Options, PoolOptions
from conv_magic.model.shapes import Shape
from conv_magic.views.ink import Rect, Scene, Text, to_svg
from conv_magic.views.picture import drawn

ROOT = Path(__file__).parents[1]
MOST_INKS = 250


def conv(size: int, stride: int = 1, padding: str = "valid", rate: int = 1, groups: int = 1) -> ConvOptions:
    return ConvOptions((size, size), (stride, stride), padding, (rate, rate), groups, 8, "channels_last")


def test_the_vectors_of_the_front_end_are_fresh() -> None:
    script = ROOT / "js/test/make_vectors.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@settings(max_examples=300)
@given(
    st.integers(1, 60),
    st.builds(
        Window,
        st.integers(1, 9),
        st.integers(1, 6),
        st.sampled_from(["valid", "same", (1, 2), (0, 3)]),
        st.integers(1, 4),
    ),
)
def test_what_is_never_read_is_what_no_window_covers(size: int, window: Window) -> None:
    axis = axis_geometry(size, window)
    points = {
        axis.start(index) + point * window.dilation_rate
        for index in range(axis.windows)
        for point in range(window.kernel_size)
    }
    assert axis.windows == window.output_size(size)
    assert points <= set(range(-axis.before, size + axis.after))
    assert axis.unread == len(set(range(size)) - points)
    assert [axis.reads(place) for place in range(size)] == [place in points for place in range(size)]


@pytest.mark.parametrize(
    ("options", "inputs", "words"),
    [
        (conv(3), ((None, 28, 28, 1),), ("height and width: (28 + 0 − 3) / 1 + 1 = 26",)),
        (
            conv(3, 2, "same"),
            ((1, 28, 27, 3),),
            (
                "height: ⌈28 / 2⌉ = 14",
                "padding: 0 above, 1 below",
                "width: ⌈27 / 2⌉ = 14",
                "padding: 1 left, 1 right",
            ),
        ),
        (
            conv(3, 2),
            ((1, 10, 10, 3),),
            ("height and width: ⌊(10 + 0 − 3) / 2⌋ + 1 = 4", "the last row and column are never read"),
        ),
        (
            conv(5),
            ((None, 3, 3, 16),),
            ("height and width: (3 + 0 − 5) / 1 + 1 = −1", "the window of 5 is 2 larger than the input of 3"),
        ),
        (
            PoolOptions((2, 2), (3, 3), "valid", "channels_last"),
            ((None, 16, 16, 4),),
            ("height and width: ⌊(16 + 0 − 2) / 3⌋ + 1 = 5", "6 of 16 rows and columns are never read"),
        ),
        (conv(3, groups=3), ((None, 8, 8, 9),), ("8 = 3 × 2 + 2: 2 left over",)),
        (conv(3), ((28, 28, 1),), ("3 axes are given, 4 are needed: batch missing",)),
        (
            MergeOptions(None),
            ((None, 32, 32, 16), (None, 30, 30, 16)),
            ("height: 32 and 30 are not equal", "width: 32 and 30 are not equal"),
        ),
    ],
)
def test_the_words_are_the_arithmetic(options: Options, inputs: tuple[Shape, ...], words: tuple[str, ...]) -> None:
    picture = drawn(options, inputs, None)
    assert picture is not None
    assert picture.words == words


@pytest.mark.parametrize("size", [1, 2, 35, 224, 10_000, 1_000_000])
@pytest.mark.parametrize("options", [conv(1), conv(3, 2, "same"), conv(31, 1, "same", 4), conv(2, 7)])
def test_a_picture_has_few_elements_however_large_the_call(options: ConvOptions, size: int) -> None:
    picture = drawn(options, ((None, size, size, 3),), None)
    assert picture is not None
    assert len(picture.scene.inks) < MOST_INKS
    assert len(tostring(to_svg(picture.scene, ""))) < 60_000
    assert picture.scene.width < 620
    for ink in picture.scene.inks:
        if isinstance(ink, Rect):
            assert -8 <= ink.x <= ink.x + ink.width <= picture.scene.width + 8, ink


def test_nothing_is_drawn_where_a_size_is_unknown() -> None:
    assert drawn(conv(3), ((None, None, 28, 3),), None) is None
    assert drawn(None, ((None, 28),), None) is None


def test_texts_of_a_picture_are_never_markup() -> None:
    wild = "<script>alert(1)</script>\x00"
    made: Element = to_svg(Scene(10, 10, (Text("label", 0, 0, wild),)), wild)
    written = tostring(made, encoding="unicode", method="html")
    assert "<script" not in written
    assert "\x00" not in written
    assert written.count("&lt;script&gt;") == 2
