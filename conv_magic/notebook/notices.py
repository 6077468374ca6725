"""What conv_magic tells of itself in a cell's output: one line, never an error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


def notice(text: str, error: Exception | None = None) -> None:
    """One line about ourselves; in our own tests an error of ours is raised."""
    from conv_magic.engine.runner import is_strict

    if error is not None and is_strict():
        raise error
    print(f"conv_magic: {text}", file=sys.stderr)


@contextmanager
def own_errors_told(what: str) -> Iterator[None]:
    """An error of ours becomes one line, and the user's cell goes on."""
    try:
        yield
    except Exception as fault:
        notice(f"{what} ({type(fault).__name__}: {fault}); your cell was not affected", fault)
