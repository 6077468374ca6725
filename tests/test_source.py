"""From a running instruction to its place in the text."""

from __future__ import annotations

import sys
from types import CodeType
from typing import Any

import pytest

from conv_magic.model.positions import text_at
from conv_magic.text.source import Code, argument, called_name, integers, parse, span_of_site

_SEEN: list[tuple[CodeType, int]] = []


def probe(*_: object, **__: object) -> Any:
    """Notes the instruction that calls it."""
    frame = sys._getframe(1)
    _SEEN.append((frame.f_code, frame.f_lasti))
    return probe


def _places(source: str, above: int = 0) -> list[str | None]:
    """The texts at the places from which `probe` was called."""
    _SEEN.clear()
    compiled = "\n".join(source.split("\n")[above:])
    exec(compile(compiled, "<cell>", "exec"), {"probe": probe})
    code = Code("c0", source, above)
    spans = [span_of_site(site, code) for site in _SEEN]
    return [text_at(source, span) if span else None for span in spans]


@pytest.mark.parametrize(
    ("source", "calls"),
    [
        ("probe(1)", ["probe(1)"]),
        ("x = probe(1); y = probe(2)", ["probe(1)", "probe(2)"]),
        ("probe(1)(2)(3)", ["probe(1)", "probe(1)(2)", "probe(1)(2)(3)"]),
        ("é = 'ü'; probe('naïve') ; probe(2)", ["probe('naïve')", "probe(2)"]),
        ("s = '🐍🐍'; x = probe('🐍'); probe(s)", ["probe('🐍')", "probe(s)"]),
        ("if True:\n\tprobe(\n\t\t1,\n\t\tprobe(2),\n\t)", ["probe(2)", "probe(\n\t\t1,\n\t\tprobe(2),\n\t)"]),
        ("[probe(i) for i in range(2)]", ["probe(i)", "probe(i)"]),
        ("def f():\n    return probe(0)\nf()", ["probe(0)"]),
        ("def d(g): return g\n@d\ndef f(): return probe(1)\nf()", ["probe(1)"]),
        ("(lambda a: probe(a))(3)", ["probe(a)"]),
        ("f'{probe(1)}'", ["probe(1)"]),
    ],
)
def test_a_call_is_found_exactly(source: str, calls: list[str]) -> None:
    assert _places(source) == calls


def test_lines_that_the_shell_strips_are_counted() -> None:
    assert _places("\n%%time\nx = 1\nprobe(x)", above=2) == ["probe(x)"]


def test_a_place_outside_the_text_is_not_found() -> None:
    _SEEN.clear()
    exec(compile("\n\n\nprobe(1)", "<cell>", "exec"), {"probe": probe})
    assert span_of_site(_SEEN[0], Code("c0", "x = 1")) is None


@pytest.mark.parametrize(
    "line", ["%time x = f(1)", "!ls -l", "files = !ls", "x?", "x??", "out = %sql select 1", "%matplotlib inline"]
)
def test_the_shells_own_lines_keep_the_others_in_place(line: str) -> None:
    tree = parse(f"a = 1\nif a:\n    {line}\nb = 2\n")
    assert tree is not None
    assert [node.lineno for node in tree.body] == [1, 2, 4]


def test_python_is_not_taken_for_a_magic() -> None:
    text = "a = 7 %3\nif a == '! x' and a % 2:\n    b = '%time'\n"
    tree = parse(text)
    assert tree is not None
    assert len(tree.body) == 2


def test_a_text_that_is_no_python_has_no_tree() -> None:
    assert parse("def f(:") is None
    assert Code("c0", "def f(:").tree.body == []


def _call(code: Code, name: str) -> Any:
    import ast

    return next(n for n in ast.walk(code.tree) if isinstance(n, ast.Call) and called_name(n) == name)


def test_a_binding_is_the_last_before_its_use_in_its_scope() -> None:
    code = Code("c0", "x = 1\ndef f(y):\n    x = 2\n    return g(x)\nx = 3\nh(x)\nx = 4\n")
    inner = code.binding(_call(code, "g").args[0])
    outer = code.binding(_call(code, "h").args[0])
    assert inner is not None
    assert outer is not None
    assert (inner.statement.lineno, outer.statement.lineno) == (3, 5)


def test_pairs_are_bound_each_to_its_own() -> None:
    code = Code("c0", "a, b = f(1), g(2)\nuse(b)\n")
    bound = code.binding(_call(code, "use").args[0])
    assert bound is not None
    assert bound.value is not None
    assert code.text_of(bound.value) == "g(2)"


def test_a_name_is_followed_through_plain_assignments() -> None:
    code = Code("c0", "k = [3, 3, 1, 8]\nshape = k\nuse(shape)\n")
    assert integers(code.resolve(_call(code, "use").args[0])) == (3, 3, 1, 8)


def test_a_name_bound_to_itself_ends() -> None:
    code = Code("c0", "for x in y:\n    x = x\n    use(x)\n")
    assert code.resolve(_call(code, "use").args[0]) is not None


def test_arguments_by_position_and_by_name() -> None:
    code = Code("c0", "f(1, b=2)\ng(*a, 1)\n")
    call = _call(code, "f")
    assert integers(argument(call, 0, "a")) == (1,)
    assert integers(argument(call, 1, "b")) == (2,)
    assert argument(call, 2, "c") is None
    assert argument(_call(code, "g"), 1, "b") is None
