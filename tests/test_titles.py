"""A title is made from the edits: it names what they change, whatever they are."""

from __future__ import annotations

import ast

import pytest

from conv_magic.analysis.instrument import numbered
from conv_magic.analysis.program import Change, Observed, Program
from conv_magic.repair.titles import title_of

TEXT = """\
m = build(64, 4)
x = layers.Conv2D(32, 3, strides=2)(x)
sizes = (28, 28)
if x:
    y = f(a, b)
    z = 1
"""


def change(old: str, new: str, text: str = TEXT) -> Change:
    start = text.encode().index(old.encode())
    return start, start + len(old.encode()), new


def title(*changes: Change, text: str = TEXT) -> str:
    return title_of(Program(text, Observed({}, {}, {}, {}, {}, ("", ""))), changes)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ([change("4)", "3)")], "replace `4)` by `3)` in `build`"),
        ([change("64", "8")], "replace `64` by `8` in `build`"),
        ([change(", strides=2", "")], "take away `strides=2` from `layers.Conv2D`"),
        ([change("(28, 28)", "(28, 28, 1)")], "replace `(28, 28)` by `(28, 28, 1)`"),
        ([change("z = 1", "pass")], "take away `z = 1`"),
        (
            [(0, 0, "import numpy as np\n"), change("f(a, b)", "np.stack(f(a, b))")],
            "replace `f(a, b)` by `np.stack(f(a, b))`, with `import numpy as np`",
        ),
    ],
)
def test_a_title_says_what_the_edit_does(changes: list[Change], told: str) -> None:
    assert title(*changes) == told


def test_an_argument_put_in() -> None:
    start = TEXT.index(", strides=2)") + len(", strides=2")
    assert title((start, start, ', padding="same"')) == 'add `padding="same"` to `layers.Conv2D`'


def test_two_that_change_places() -> None:
    assert title(change("a", "b", "f(a, b)"), change("b", "a", "f(a, b)"), text="f(a, b)") == "exchange `a` and `b`"


@pytest.mark.parametrize("number", range(len(numbered(ast.parse(TEXT)))))
def test_every_replaced_expression_is_named_with_its_new_text(number: int) -> None:
    program = Program(TEXT, Observed({}, {}, {}, {}, {}, ("", "")))
    node = program.nodes[number]
    told = title_of(program, [(*program.span(node), "other")])
    assert told.startswith(f"replace `{program.text_of(node)}` by `other`")
