"""Find the user's line that a hooked call comes from, also in code that AutoGraph rewrote."""

from __future__ import annotations

import os
import sys
from collections.abc import Hashable
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from conv_magic.capture.rows import LineSite, Place

# AutoGraph's own frames between a line that it rewrote and what that line calls
_AUTOGRAPH = os.path.join("tensorflow", "python", "autograph", "impl")
_OF_CALLS = (
    os.path.join("tensorflow", "python", ""),
    os.path.join("keras", "src", "utils", "traceback_utils.py"),
    os.path.dirname(os.path.dirname(__file__)) + os.sep,
)
_GENERATED = "__autograph_generated_file"


def site_key(place: Place | None) -> Hashable:
    """Return a quick key of a call site: a code object's own hash goes through all of its constants."""
    return (id(place[0]), place[1]) if place is not None and not isinstance(place, LineSite) else place


@dataclass(eq=False)
class UserLines:
    """The lines of the files whose code is the user's; `files` may grow."""

    files: set[str]
    _rewriting: dict[str, tuple[bool, bool]] = field(default_factory=dict)

    def call_site(self, frame: FrameType) -> tuple[Place | None, bool]:
        """Return the nearest line of the user's, and whether that line called the hooked function itself."""
        files, rewriting, direct = self.files, self._rewriting, True
        # `frame` runs the traceback filter around the hook, or is itself the caller where there is no such filter
        at: FrameType | None = frame if frame.f_code.co_filename in files else frame.f_back
        while at is not None:
            code = at.f_code
            if code.co_filename in files:
                return (code, at.f_lasti), direct
            known = rewriting.get(code.co_filename)
            if known is None:
                known = rewriting[code.co_filename] = _GENERATED in code.co_filename, _AUTOGRAPH in code.co_filename
            generated, passing_on = known
            if generated:
                found, own = self._autograph_line()
                if found is not None:
                    return found, direct and own
            direct = direct and passing_on
            at = at.f_back
        return None, False

    def _autograph_line(self) -> tuple[Place | None, bool]:
        """Return the line by TensorFlow's own source map, and whether no other library's line lies inside of it."""
        tf_stack: Any = sys.modules.get("tensorflow.python.util.tf_stack")
        own = True
        for summary in reversed(list(tf_stack.extract_stack())) if tf_stack is not None else ():
            if summary.filename in self.files:
                return LineSite(summary.filename, summary.lineno), own
            own = own and any(part in summary.filename for part in _OF_CALLS)
        return None, False
