"""Which fix stands first: what was tried and held, then what is surest; and that no two look or work alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from conv_magic.model.fixes import Fix
from conv_magic.model.trace import Source

_LONGEST = 40
"""Characters of an edit's text in a title."""


def ranked(fixes: Iterable[Fix]) -> tuple[Fix, ...]:
    """Sort the fixes, best first; equals keep the order in which the rule gave them."""
    return tuple(sorted(fixes, key=lambda fix: (not fix.verified, fix.untried is not None, -fix.applicability)))


def distinct(fixes: Iterable[Fix], sources: Sequence[Source]) -> tuple[Fix, ...]:
    """Leave out fixes that lead to the same text as one before; equal titles get the line or the text that differs.

    `sources` are the texts that the fixes change, the cell that ran first.
    """
    text_of = {source.cell: source.text for source in sources}
    unlike = {(fix.cell, fix.apply(text_of[fix.cell])): fix for fix in reversed(tuple(fixes))}
    found = tuple(reversed(unlike.values()))
    for tell in (_with_line, _with_text):
        titles = Counter(fix.title for fix in found)
        found = tuple(tell(fix, sources) if titles[fix.title] > 1 else fix for fix in found)
    return found


def _with_line(fix: Fix, sources: Sequence[Source]) -> Fix:
    other = next((f" of {s.label}" for s in sources[1:] if s.cell == fix.cell), "")
    return replace(fix, title=f"{fix.title}, on line {fix.edits[0].span.line}{other}")


def _with_text(fix: Fix, sources: Sequence[Source]) -> Fix:
    text = " ".join(fix.edits[0].text.split())
    return replace(fix, title=f"{fix.title}: {text if len(text) <= _LONGEST else text[: _LONGEST - 3] + '...'}")
