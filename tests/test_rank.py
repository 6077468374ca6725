"""No two fixes of a diagnosis look alike or work alike."""

from __future__ import annotations

from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.positions import Edit, Span, digest
from conv_magic.model.trace import Source
from conv_magic.repair.rank import distinct

TEXT = "a = 3\nb = 3 + 3\n"
OLDER = "c = 3\n"
SOURCES = (
    Source("c0", TEXT, digest(TEXT), None, "this cell"),
    Source("c1", OLDER, digest(OLDER), None, "In [2]"),
)


def fix(title: str, line: int, column: int, text: str, *, width: int = 1, cell: str = "c0") -> Fix:
    """Replace `width` characters."""
    source = next(source for source in SOURCES if source.cell == cell)
    edit = Edit(Span(cell, line, column, line, column + width), text)
    return Fix(title, (edit,), Applicability.SURE, None, source.digest, cell)


def titles(*fixes: Fix) -> list[str]:
    return [found.title for found in distinct(fixes, SOURCES)]


def test_a_fix_that_gives_the_same_text_again_is_left_out() -> None:
    one, same = fix("make it 4", 1, 4, "4"), fix("use 4", 1, 0, "a = 4", width=5)
    assert distinct((one, same), SOURCES) == (one,)
    assert distinct((same, one), SOURCES) == (same,)


def test_equal_titles_say_their_lines() -> None:
    found = titles(fix("make it 4", 1, 4, "4"), fix("other", 1, 4, "5"), fix("make it 4", 2, 4, "4"))
    assert found == ["make it 4, on line 1", "other", "make it 4, on line 2"]
    assert titles(fix("make it 4", 1, 4, "4"), fix("make it 4", 1, 4, "4", cell="c1")) == [
        "make it 4, on line 1",
        "make it 4, on line 1 of In [2]",
    ]


def test_equal_titles_on_one_line_say_what_they_write() -> None:
    found = titles(fix("make it 4", 2, 4, "4"), fix("make it 4", 2, 8, "4" * 50))
    assert found == ["make it 4, on line 2: 4", f"make it 4, on line 2: {'4' * 37}..."]
