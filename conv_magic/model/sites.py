"""Where options of calls are written."""

from __future__ import annotations

from dataclasses import dataclass

from conv_magic.model.positions import Span


@dataclass(frozen=True, slots=True)
class ArgumentSite:
    """Where an option of a call is written, or where it would be.

    span     its value; empty where it would be added, with `before` in front of it
    axis     the one spatial axis that this number is for, as in a kernel's shape; None where it is for all
    """

    option: str
    span: Span
    before: str
    axis: int | None = None


@dataclass(frozen=True, slots=True)
class EditSite:
    """The call in the text that decides a call's options: `span` is a layer's `created`, or a function's own.

    `capitals` says that a padding is spelled `"SAME"` there.
    """

    span: Span
    capitals: bool
    arguments: tuple[ArgumentSite, ...]
