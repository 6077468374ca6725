"""Which fix stands first: what was tried and held, then what is surest."""

from __future__ import annotations

from collections.abc import Iterable

from conv_magic.model import Fix


def ranked(fixes: Iterable[Fix]) -> tuple[Fix, ...]:
    """The fixes, best first; equals keep the order in which the rule gave them."""
    return tuple(sorted(fixes, key=lambda fix: (not fix.verified, fix.untried is not None, -fix.applicability)))
