"""What conv_magic tells of itself in a cell's output: one line, never an error."""

from __future__ import annotations

import os
import sys


class OwnFault(RuntimeError):
    """Something went wrong in conv_magic itself; raised in its own tests, told in a line to users."""


def is_strict() -> bool:
    """Whether our own errors are raised; as they are in our own tests."""
    return bool(os.environ.get("CONV_MAGIC_STRICT"))


def notice(text: str, error: BaseException | None = None) -> None:
    """One line about ourselves; in our own tests an error of ours is raised."""
    if error is not None and is_strict():
        raise error
    print(f"conv_magic: {text}", file=sys.stderr)
