"""Where options are written: each site, put into the text with another value, changes exactly that option."""

from __future__ import annotations

import ast

import pytest

import conv_magic
from conv_magic.analysis.edit_sites import MOST_SITES
from conv_magic.model.positions import Edit, splice
from conv_magic.model.sites import ArgumentSite, EditSite
from conv_magic.text.edits import with_argument
from conv_magic.text.source import Code

HEAD = "import keras, tensorflow as tf\nfrom keras import layers\nx = keras.Input((16, 16, 4))\n"


def sites(line: str, head: str = HEAD) -> tuple[str, list[EditSite]]:
    """The text, and the sites of the calls that its last line makes."""
    source = head + line + "\n"
    report = conv_magic.run(source)
    assert report.error is None
    return source, [site for site in report.sites if site.span.line >= head.count("\n") + 1]


def put(source: str, site: ArgumentSite, value: str) -> str:
    return splice(source, [Edit(site.span, site.before + value)])


@pytest.mark.parametrize(
    ("line", "option", "value", "changed"),
    [
        ("y = layers.Conv2D(8, 3)(x)", "padding", '"same"', 'y = layers.Conv2D(8, 3, padding="same")(x)'),
        ("y = layers.Conv2D(8, 3)(x)", "kernel_size", "5", "y = layers.Conv2D(8, 5)(x)"),
        ("y = layers.Conv2D(8, (3))(x)", "strides", "2", "y = layers.Conv2D(8, (3), strides=2)(x)"),
        ("y = layers.Conv2D(8, kernel_size=3,)(x)", "strides", "2",
         "y = layers.Conv2D(8, kernel_size=3, strides=2,)(x)"),
        ("y = layers.MaxPooling2D()(x)", "pool_size", "3", "y = layers.MaxPooling2D(pool_size=3)(x)"),
        ("y = layers.DepthwiseConv2D(3, 2)(x)", "strides", "1", "y = layers.DepthwiseConv2D(3, 1)(x)"),
        ("y = layers.Conv2DTranspose(4, 3, 2)(x)", "output_padding", "1",
         "y = layers.Conv2DTranspose(4, 3, 2, output_padding=1)(x)"),
        ("y = layers.ZeroPadding2D(1)(x)", "padding", "2", "y = layers.ZeroPadding2D(2)(x)"),
        ("y = tf.nn.max_pool2d(tf.zeros((1, 8, 8, 1)), 2, 2, 'VALID')", "padding", '"SAME"',
         "y = tf.nn.max_pool2d(tf.zeros((1, 8, 8, 1)), 2, 2, \"SAME\")"),
        ("y = tf.nn.conv2d(tf.zeros((1, 8, 8, 1)), tf.zeros((3, 3, 1, 4)), 1, 'VALID')", "kernel_size", "5",
         "y = tf.nn.conv2d(tf.zeros((1, 8, 8, 1)), tf.zeros((5, 3, 1, 4)), 1, 'VALID')"),
    ],
)  # fmt: skip
def test_a_site_is_where_the_option_stands(line: str, option: str, value: str, changed: str) -> None:
    source, [site] = sites(line)
    first = next(argument for argument in site.arguments if argument.option == option)
    assert put(source, first, value) == HEAD + changed + "\n"


def test_every_site_of_many_calls_still_parses_and_sets_its_own_option() -> None:
    lines = [
        "y = layers.Conv2D(8, (3, 3), activation='relu', name='é🙂')(x)  # (a, comment)",
        "y = layers.Conv2D(\n    8,\n    (3),  # the kernel)\n)(x)",
        "y = layers.SeparableConv2D(8, kernel_size=(3, 3), strides=(2, 2))(x)",
        "y = layers.AveragePooling2D((2, 2), padding='same')(x)",
        "y = layers.UpSampling2D()(x)",
        "y = layers.Cropping2D(((1, 0), (2, 1)))(x)",
    ]
    for line in lines:
        source, found = sites(line)
        assert found, line
        for argument in found[0].arguments:
            tree = ast.parse(put(source, argument, "7"))
            call = next(
                n for n in ast.walk(tree.body[-1]) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)
            )
            values = [*call.args, *(keyword.value for keyword in call.keywords)]
            assert any(isinstance(v, ast.Constant) and v.value == 7 for v in values), (line, argument)


@pytest.mark.parametrize(
    "line",
    [
        "y = layers.Conv2D(*[8, 3])(x)",
        "make = layers.Conv2D\ny = make(8, 3)(x)",
        "y = layers.Dense(3)(x)",
    ],
)
def test_what_cannot_be_found_exactly_is_no_site(line: str) -> None:
    _, found = sites(line)
    assert all(argument.span.column != argument.span.end_column for site in found for argument in site.arguments)
    assert found == []


def test_options_that_may_be_spread_into_the_call_are_not_put_in_again() -> None:
    _, [site] = sites("more = dict(padding='same')\ny = layers.Conv2D(8, 3, **more)(x)")
    assert {argument.option for argument in site.arguments} == {"kernel_size"}


def test_layers_made_by_one_line_share_its_site_and_there_are_not_too_many() -> None:
    _, [site] = sites("for _ in range(5): x = layers.Conv2D(4, 3, padding='same')(x)")
    assert len(site.arguments) == 4
    report = conv_magic.run(HEAD + "".join(f"y{i} = layers.MaxPooling2D()(x)\n" for i in range(MOST_SITES + 5)))
    assert len(report.sites) == MOST_SITES


def test_an_argument_is_added_behind_the_brackets_around_the_last_one() -> None:
    code = Code("c", "y = f(8, (3))\n")
    call = next(node for node in code.nodes if isinstance(node, ast.Call))
    assert splice(code.text, [with_argument(code, call, 5, "padding", "1")]) == "y = f(8, (3), padding=1)\n"
