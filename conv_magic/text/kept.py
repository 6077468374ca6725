"""A cache for what is made from texts, bounded by their characters: a large one counts as many small ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

Result = TypeVar("Result")


def kept_by_text(characters: int) -> Callable[[Callable[[str], Result]], Callable[[str], Result]]:
    """Cache a function of one text; the results for the latest texts, of that many characters together, are kept.

    A text longer than that is kept alone.  There is no lock: an interrupt while it is held would leave it so, and
    every single step leaves the cache whole; at the worst a result is made once more.
    """

    def decorated(function: Callable[[str], Result]) -> Callable[[str], Result]:
        found: dict[str, tuple[Result]] = {}

        @wraps(function)
        def look_up(text: str) -> Result:
            known = found.pop(text, None)
            result = (function(text),) if known is None else known
            found[text] = result  # the latest is the last
            if known is None:
                _shorten(found, characters)
            return result[0]

        return look_up

    return decorated


def _shorten(found: dict[str, tuple[Result]], characters: int) -> None:
    """Forget the earliest texts until the rest has no more than that many characters."""
    texts = list(found)
    held = sum(map(len, texts))
    for text in texts[:-1]:
        if held <= characters:
            break
        found.pop(text, None)
        held -= len(text)
