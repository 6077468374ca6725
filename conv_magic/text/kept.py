"""A cache for what is made from texts, bounded by their characters: a large one counts as many small ones."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from threading import Lock
from typing import TypeVar

Result = TypeVar("Result")


def kept_by_text(characters: int) -> Callable[[Callable[[str], Result]], Callable[[str], Result]]:
    """Cache a function of one text; the results for the latest texts, of that many characters together, are kept.

    A text longer than that is kept alone.
    """

    def decorated(function: Callable[[str], Result]) -> Callable[[str], Result]:
        found: OrderedDict[str, Result] = OrderedDict()
        lock, held = Lock(), 0

        @wraps(function)
        def look_up(text: str) -> Result:
            nonlocal held
            with lock:
                if text in found:
                    found.move_to_end(text)
                    return found[text]
            result = function(text)
            with lock:
                held += 0 if text in found else len(text)
                found[text] = result
                while held > characters and len(found) > 1:
                    held -= len(found.popitem(last=False)[0])
            return result

        return look_up

    return decorated
