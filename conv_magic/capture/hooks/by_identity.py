"""What is known of living objects, each told from all others whatever it compares to."""

from __future__ import annotations

import weakref
from functools import partial
from typing import Any, Generic, TypeVar

Known = TypeVar("Known")


class ByIdentity(Generic[Known]):
    """A value for each of some objects, as long as the object lives.

    Not a `WeakKeyDictionary`: a layer of the user's may compare by value, have no hash, or one of what it is given
    only after it was made.
    """

    def __init__(self) -> None:
        self._held: dict[int, tuple[weakref.ref[Any], Known]] = {}

    def note(self, thing: object, known: Known) -> None:
        """`known` is what is known of `thing` from now on."""
        key, held = id(thing), self._held
        # no code in Python: an interrupt that came while a weak reference calls it would be lost
        held[key] = weakref.ref(thing, partial(held.pop, key)), known

    def get(self, thing: object) -> Known | None:
        """What was noted of it, None if nothing was."""
        found = self._held.get(id(thing))
        return found[1] if found is not None and found[0]() is thing else None
