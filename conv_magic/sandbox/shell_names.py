"""The names that IPython itself puts before a notebook's user, and what stands for each in a trial.

open            Python's own: IPython's refuses three file descriptors, no more
get_ipython     a shell whose magics do nothing, as the lines that begin with `%` do nothing in a trial
exit, quit      do nothing: in a notebook the cell goes on behind them
display         shows nothing
In, Out, _, _1  travel as what they are, lists and values of the user's
"""

from __future__ import annotations

import builtins
import inspect
from typing import Any

SHELL, EXIT = "get_ipython", ("exit", "quit")


def is_given_anyway(name: str, value: object) -> bool:
    """Whether a trial has a value of its own for that name, so that this one need not travel."""
    if name == SHELL or name in EXIT:
        return type(value).__module__.partition(".")[0] in ("IPython", "ipykernel") or _is_shells(value)
    own = getattr(builtins, name, None)
    return own is not None and callable(value) and inspect.unwrap(value) is own


def _is_shells(value: object) -> bool:
    owner = type(getattr(value, "__self__", None))
    return any(base.__module__.partition(".")[0] in ("IPython", "ipykernel") for base in owner.__mro__)


def put_in_builtins(shell: str) -> None:
    """Give a trial its own; `shell` is the text of the user's shell."""
    stand_in = Shell(shell)
    given = {SHELL: lambda: stand_in, "display": display, "__IPYTHON__": True} | dict.fromkeys(EXIT, _nothing)
    for name, value in given.items():
        setattr(builtins, name, value)


class Shell:
    """Stands for the shell: it has its text, and its magics do nothing."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text

    __repr__ = __str__

    def run_line_magic(self, name: str, line: str, *others: Any) -> None:
        """Do nothing."""

    def magic(self, line: str) -> None:
        """Do nothing."""


class Handle:
    """What `display` gives to change later what is shown."""

    display_id = ""

    def display(self, *objects: Any, **options: Any) -> None:
        """Do nothing."""

    update = display


def display(*objects: Any, **options: Any) -> Handle | None:
    """Show nothing."""
    return Handle() if options.get("display_id") else None


def _nothing(*arguments: Any, **options: Any) -> None:
    """Do nothing."""
