"""The benchmark itself: how it cuts texts, what the halves hold, what it says of cases whose answer is known."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from score.case import Case, changed_lines, read, statement
from score.cell import Cell, keyword_gone
from score.inject import candidates
from score.library import programs
from score.mutators.table import ALL
from score.split import Half, half, held_out_mutator, held_out_program

NAMES = [mutator.name for mutator in ALL]


def test_there_are_many_programs_and_mistakes() -> None:
    assert len(programs()) >= 40
    assert len(ALL) == len(set(NAMES)) >= 40
    assert all(mutator.mistake for mutator in ALL)


def test_every_program_parses_and_says_what_is_wanted() -> None:
    for program in programs():
        ast.parse(program.source)
        assert program.check, program.name
        assert program.source.isascii(), program.name
        assert "# check" not in program.source


def test_every_mutator_finds_its_pattern_and_changes_the_text() -> None:
    found = candidates()
    assert {name for name, _ in found} == set(NAMES)
    texts = [candidate.text for group in found.values() for candidate in group]
    assert len(texts) == len(set(texts))
    assert not {program.source for program in programs()} & set(texts)


def test_candidates_are_always_the_same() -> None:
    first, second = candidates(), candidates()
    assert {k: [c.name for c in v] for k, v in first.items()} == {k: [c.name for c in v] for k, v in second.items()}


def test_the_tuning_half_has_seen_nothing_that_is_held_out() -> None:
    for (_, which), group in candidates().items():
        for candidate in group:
            held_out = held_out_mutator(candidate.mutator.name) or held_out_program(candidate.program.name)
            assert which is candidate.half is half(candidate.mutator.name, candidate.program.name)
            assert (which is Half.COUNTING) == held_out


def test_both_halves_are_there_for_good() -> None:
    """These names never change their half: figures of different days can be compared."""
    assert [name for name in NAMES if held_out_mutator(name)][:4] == [
        "last_axis_added",
        "squeeze_without_axis",
        "transposed_as_for_torch",
        "keepdims_forgotten",
    ]
    assert [p.name for p in programs() if held_out_program(p.name)][:3] == [
        "alexnet_tiny",
        "aspp_segmenter",
        "densenet_growth",
    ]


@pytest.mark.parametrize(
    ("text", "name", "left"),
    [
        ("f(a, axis=1)", "axis", "f(a)"),
        ("f(axis=1, b=2)", "axis", "f(b=2)"),
        ("f(axis=1)", "axis", "f()"),
        ("f(a, axis=1, b=2)", "axis", "f(a, b=2)"),
    ],
)
def test_a_keyword_goes_with_its_comma(text: str, name: str, left: str) -> None:
    cell = Cell(text)
    assert keyword_gone(cell, next(cell.calls("f")), name) == left


def test_changes_keep_comments_and_the_rest() -> None:
    cell = Cell("x = f(1)  # one\ny = g(2)\n")
    assert cell.put((next(cell.calls("f")), "h"), (next(cell.calls("g")), "i")) == "x = h  # one\ny = i\n"
    assert cell.without(cell.statement(next(cell.calls("f")))) == "y = g(2)\n"


def test_where_a_repair_can_be_made() -> None:
    assert changed_lines("a\nb\nc\n", "a\nB\nc\n") == (2,)
    assert changed_lines("a\nc\n", "a\nb\nc\n") == (1, 2)
    assert changed_lines("a\nb\nc\n", "a\nc\n") == (2,)


def test_the_statement_of_a_line() -> None:
    source = "def f(\n    a,\n):\n    return g(\n        a,\n    )\n"
    assert list(statement(source, 2)) == [1, 2, 3]
    assert list(statement(source, 5)) == [4, 5, 6]


def test_a_case_comes_back_from_its_folder(tmp_path: Path) -> None:
    case = Case(
        "one", "x = 1\n", "x == 2", "silent", "x = 2\n", "numbers", culprit_lines=(1,), knowable=False, because="?"
    )
    case.write(tmp_path / "one")
    assert read(tmp_path / "one") == case


FRESH = {
    "right-repair": ("import numpy as np\nx = np.zeros((2, 3)) @ np.zeros((2, 3))\n", "raise"),
    "does-not-raise": ("import numpy as np\nx = np.zeros((2, 2))\n", "raise"),
}
FIXED = "import numpy as np\nx = np.zeros((2, 3)) @ np.zeros((3, 2))\n"


def test_what_an_outside_author_says_is_checked_and_completed(tmp_path: Path) -> None:
    for name, (cell, kind) in FRESH.items():
        Case(name, cell, "x.shape == (2, 2)", kind, FIXED).write(tmp_path / name)
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from score.case import read_set\n"
        "from score.fresh import complaints, completed\n"
        "for case in read_set(Path(sys.argv[2])):\n"
        "    print(case.name, completed(case, 60).error_lines, list(complaints(case, 60)))\n"
    )
    command = [sys.executable, "-c", script, str(Path(__file__).parent), str(tmp_path)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert told == [
        "does-not-raise () ['does-not-raise: the cell is said to raise, and runs']",
        "right-repair (2,) []",
    ]
