"""Keep values for living objects, by identity, whatever the objects compare equal to."""

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

    def note(self, owner: object, known: Known) -> None:
        """Keep `known` for an object from now on."""
        key, held = id(owner), self._held
        # no code in Python: an interrupt that came while a weak reference calls it would be lost
        held[key] = weakref.ref(owner, partial(held.pop, key)), known

    def get(self, owner: object) -> Known | None:
        """Return the value kept for an object, None if there is none."""
        found = self._held.get(id(owner))
        return found[1] if found is not None and found[0]() is owner else None
