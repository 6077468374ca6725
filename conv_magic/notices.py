"""Print what conv_magic says about itself in a cell's output: one line, never an error."""

from __future__ import annotations

import os
import sys


class OwnFault(RuntimeError):
    """An error in conv_magic itself; raised in its own tests, printed as one line for users."""


def is_strict() -> bool:
    """Check whether our own errors are raised, as in our own tests."""
    return bool(os.environ.get("CONV_MAGIC_STRICT"))


def notice(text: str, error: BaseException | None = None) -> None:
    """Print one line about ourselves; raise the error instead if `is_strict`."""
    if error is not None and is_strict():
        raise error
    print(f"conv_magic: {text}", file=sys.stderr)
