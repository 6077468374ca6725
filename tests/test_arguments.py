"""Options of calls in the text: found by the table of signatures, by position or by keyword."""

from __future__ import annotations

import ast

import pytest

from conv_magic.analysis.arguments import data_format_of_call, option_of, with_option
from conv_magic.model.positions import splice
from conv_magic.text.source import Code


def call_in(text: str) -> tuple[Code, ast.Call]:
    """The text as a cell, and the call that is its whole."""
    code = Code("c", text)
    statement = code.tree.body[0]
    assert isinstance(statement, ast.Expr)
    assert isinstance(statement.value, ast.Call)
    return code, statement.value


@pytest.mark.parametrize(
    ("text", "option", "op", "found"),
    [
        ("tf.nn.conv2d(x, kernel, 1, 'SAME')", "filters", None, "kernel"),
        ("tf.nn.depthwise_conv2d(x, filter=kernel)", "filters", None, "kernel"),
        ("keras.ops.conv(x, kernel)", "filters", None, "kernel"),
        ("keras.ops.conv(x, kernel)", "filters", "convolution", "kernel"),  # the function that it runs
        ("convolve(x, kernel)", "filters", "conv2d", "kernel"),  # imported under another name
        ("tf.compat.v1.nn.conv2d(x, filter=kernel)", "filters", None, "kernel"),  # the parameter's former name
        ("tf.nn.space_to_depth(x, 2)", "block_size", None, "2"),
        ("tf.nn.bias_add(x, b, 'NCHW')", "data_format", None, "'NCHW'"),
        ("layers.Dense(8)", "filters", None, "8"),
        ("layers.Conv2D(8, 3)", "units", None, "8"),
        ("layers.Embedding(1000, 16)", "units", None, "16"),
        ("layers.DepthwiseConv2D(3)", "filters", None, None),
        ("layers.MaxPooling2D(3, 2)", "strides", None, "2"),
        ("layers.Conv2DTranspose(8, 3, 2, 'same', 1)", "output_padding", None, None),  # its position differs
        ("MyLayer(8, 3)", "filters", None, None),
        ("MyLayer(filters=8)", "filters", None, "8"),
        ("layers.Conv2D(*sizes)", "filters", None, None),
    ],
)
def test_an_option_is_found_where_the_call_gives_it(text: str, option: str, op: str | None, found: str | None) -> None:
    code, call = call_in(text)
    given = option_of(call, option, op)
    assert (code.text_of(given) if given is not None else None) == found


@pytest.mark.parametrize(
    ("text", "option", "changed"),
    [
        ("layers.MaxPooling2D(3, 1, 'same')", "strides", "layers.MaxPooling2D(3, 2, 'same')"),
        ("layers.MaxPooling2D(3)", "strides", "layers.MaxPooling2D(3, strides=2)"),
        ("MyLayer(3, 1)", "strides", "MyLayer(3, 1, strides=2)"),
        ("tf.compat.v1.nn.conv1d(x, k, strides=1)", "strides", "tf.compat.v1.nn.conv1d(x, k, strides=2)"),
    ],
)
def test_an_option_is_set_where_it_stands_or_put_last(text: str, option: str, changed: str) -> None:
    code, call = call_in(text)
    assert splice(text, [with_option(code, call, option, "2")]) == changed


def test_a_data_format_in_the_text_counts_before_the_recorded_one() -> None:
    _, stated = call_in("tf.nn.conv2d(x, k, 1, 'SAME', 'NCHW')")
    assert data_format_of_call(stated, "conv2d", "channels_last") == "channels_first"
    _, last = call_in("tf.nn.conv2d(x, k, 1, 'SAME', data_format='NHWC')")
    assert data_format_of_call(last, "conv2d", "channels_first") == "channels_last"
    _, silent = call_in("tf.nn.conv2d(x, k, 1, 'SAME')")
    assert data_format_of_call(silent, "conv2d", "channels_first") == "channels_first"
