"""How far the system can keep a trial from what is outside of it."""

from __future__ import annotations

import os
from dataclasses import dataclass

from conv_magic.sandbox import landlock, seccomp
from conv_magic.sandbox.refusals import refuse


@dataclass(frozen=True, slots=True)
class Confinement:
    """What there is to confine a process with.  `landlock`: its version, 0 for none; `seccomp`: whether it is there."""

    landlock: int
    seccomp: bool

    @property
    def complete(self) -> bool:
        """Whether what C code does is refused as well, not only what Python does."""
        return self.landlock > 0 and self.seccomp


def of_this_system() -> Confinement:
    """Return what this system has."""
    return Confinement(landlock.version(), seccomp.available())


def keep_to_itself() -> None:
    """Refuse, for the rest of this process, what reaches other processes, the network or the machine.

    Files are `restraint`'s and `landlock`'s affair.
    """
    refuse(os.getpid(), metadata=not seccomp.confine())
