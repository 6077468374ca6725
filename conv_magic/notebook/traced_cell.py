"""A cell that is being traced: its session, its options, and what it started from."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass, field
from types import FrameType
from typing import TYPE_CHECKING, Any

from conv_magic.boundary import begun

if TYPE_CHECKING:
    from conv_magic.engine.session import Session
    from conv_magic.notebook.live import Live


@dataclass(eq=False)
class TracedCell:
    """A cell that is being traced; `always` if because of `%convshapes on`; `live` shows it while it runs."""

    session: Session
    args: Any
    namespace: dict[str, object]
    info: Any
    always: bool
    live: Live | None = None
    thread: int = field(default_factory=threading.get_ident)

    def stop(self) -> None:
        """Take the hooks out: the cell is over, in whatever way."""
        self.session.stop()

    def drop(self) -> None:
        """Take the hooks out and clear the display: no report will follow."""
        try:
            self.stop()
        finally:
            self.clear()

    def clear(self) -> None:
        """Leave nothing of what was shown while it ran, unless the report took its place."""
        if self.live is not None:
            self.live.clear()

    def is_running(self) -> bool:
        """Check whether code of the cell is on the stack of the calling thread."""
        frame: FrameType | None = sys._getframe()
        while frame is not None:
            if frame.f_code.co_filename in self.session.filenames():
                return True
            frame = frame.f_back
        return False

    def show_live(self, shell: Any) -> None:
        """Show the cell's shapes from now on while it runs."""
        from conv_magic.notebook.display import Look, static_bundle
        from conv_magic.notebook.live import Live

        table = not self.args.quiet and (not self.always or self.args.table)
        self.live = Live(self.session, lambda report: static_bundle(report, Look(table)))
        self.session.parts.append(begun(self.live.showing(shell)))
