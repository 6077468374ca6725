"""Where a place in a text is after an edit, and that what is counted there is what gave a value."""

from __future__ import annotations

import ast
import contextlib
import textwrap
from typing import Any

import pytest

from conv_magic.model.positions import Edit, Span, text_at
from conv_magic.repair.goals import Goal, moved
from conv_magic.sandbox import reached
from conv_magic.sandbox.trial import Watch


def span_of(text: str, part: str) -> Span:
    start = text.index(part)
    end = start + len(part)

    def place(offset: int) -> tuple[int, int]:
        return text[:offset].count("\n") + 1, offset - (text.rfind("\n", 0, offset) + 1)

    return Span("c0", *place(start), *place(end))


@pytest.mark.parametrize(
    ("text", "part", "edits", "after"),
    [
        ("y = f(x)", "f(x)", [("x", "x[None]")], "f(x[None])"),
        ("y = f(x)", "f(x)", [("f(x)", "g(x, 1)")], "g(x, 1)"),
        ("a = 1\ny = f(x)", "f(x)", [("a = 1", "a = 2\nb = 3")], "f(x)"),
        ("y = f(x)", "f(x)", [("y = f(x)", "y = 2")], "y = 2"),
        ("y = f(x)\nz = 1", "f(x)", [("y = f(x)\n", "")], ""),
        ("y = f(x) + 1", "f(x)", [(" + 1", "")], "f(x)"),
        ("y = f(x, n)\nz = n", "f(x, n)", [("x, ", ""), ("z = n", "z = m")], "f(n)"),
    ],
)
def test_a_place_moves_with_edits(text: str, part: str, edits: list[tuple[str, str]], after: str) -> None:
    made = [Edit(span_of(text, old), new) for old, new in edits]
    goal = Goal("c0", text, span_of(text, part)).after(made)
    assert text_at(goal.text, goal.span) == after


def test_what_is_put_around_a_place_is_not_in_it() -> None:
    text = "y = f(x)"
    edits = [Edit(Span("c0", 1, 4, 1, 4), "g("), Edit(Span("c0", 1, 8, 1, 8), ", 1)")]
    assert moved(text, span_of(text, "f(x)"), edits) == Span("c0", 1, 6, 1, 10)


def counted(text: str, part: str, **names: Any) -> int | None:
    text = textwrap.dedent(text)
    reached.watch([Watch(text, span_of(text, part))])
    tree = reached.watched(ast.parse(text), text)
    with contextlib.suppress(ZeroDivisionError):
        exec(compile(ast.fix_missing_locations(tree), "<text>", "exec"), {"f": lambda x: x, **names})
    (count,) = reached.counts()
    reached.watch(())
    return count


@pytest.mark.parametrize(
    ("text", "part", "times"),
    [
        ("y = f(1)", "f(1)", 1),
        ("for i in range(3): y = f(i)", "f(i)", 3),
        ("for i in []: y = f(i)", "f(i)", 0),
        ("y = [f(i) for i in []]", "f(i)", 0),
        ("y = [f(i) for i in range(2)]", "f(i)", 2),
        ("def g(x):\n    return f(x)\n", "f(x)", 0),
        ("def g(x):\n    return f(x)\ng(1)\n", "f(x)", 1),
        ("if f(0): pass", "f(0)", 1),
        ("y = f(1 / 0)", "f(1 / 0)", 0),
        ("y = 1 + f(2)", "1 + f(2)", 1),
        ("class A:\n    z = f(1)\n", "f(1)", 1),
        ("g = lambda x: f(x)\ng(1)", "f(x)", 1),
        ("x = 1\ny = 2\n", "y = 2\n", 1),
        ("for i in range(2):\n    x = 1\n    y = 2\n", "x = 1\n", 2),
        ("def g():\n    return 1\ng()\n", "return 1", 1),
        ("def g():\n    return\ng()\n", "return", 1),
        ("if 0:\n    x = 1\n", "x = 1", 0),
        ("x = 1\n\ny = 2", "\n\n", 1),
        ("\nx = 1", "\n", 1),
        ('x = f"{f(1)}"', "f(1)", 1),
    ],
)
def test_a_place_is_counted_where_it_gives_a_value(text: str, part: str, times: int) -> None:
    assert counted(text, part) == times


def test_a_function_of_an_earlier_cell_is_found_under_other_lines() -> None:
    whole = "%matplotlib inline\nx = 1\n\ndef g(x):\n    return f(x)\n"
    compiled = "get_ipython().run_line_magic('matplotlib', 'inline')\ndef g(x):\n    return f(x)\n"
    reached.watch([Watch(whole, span_of(whole, "f(x)"))])
    tree = ast.parse(compiled)
    reached.mark_definition(tree.body[1], compiled)
    names: dict[str, Any] = {"f": lambda x: x}
    exec(compile(ast.Module(tree.body[1:], []), "<text>", "exec"), names)
    assert names["g"](7) == 7
    assert reached.counts() == (1,)
    reached.watch(())


def test_what_no_text_has_is_not_counted() -> None:
    reached.watch([Watch("y = f(1)", Span("c0", 1, 4, 1, 8))])
    reached.watched(ast.parse("y = g(1)"), "y = g(1)")
    assert reached.counts() == (None,)
    reached.watch(())
