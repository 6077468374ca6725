"""A cell run as Python runs it, without conv_magic, and what its check says then."""

from __future__ import annotations

import linecache
import re
from typing import Any

NAME = "<cell>"


def run_plain(source: str, check: str) -> dict[str, Any]:
    """How the cell ended: `ran`, whether `check` held, the `error` and the cell's lines in its traceback.

    For a forked child: it runs whatever the cell does.
    """
    # as a notebook does it, so that AutoGraph and inspect find the text
    linecache.cache[NAME] = (len(source), None, source.splitlines(keepends=True), NAME)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    try:
        exec(compile(source, NAME, "exec"), namespace)
    except BaseException as error:  # the cell's own, of any kind
        return {"ran": False, "holds": False, "error": f"{type(error).__name__}: {error}"[:400], "lines": _lines(error)}
    try:
        return {"ran": True, "holds": bool(eval(check, namespace)), "error": None, "lines": []}
    except Exception as error:  # a name or an attribute that the check asks for is not there
        return {"ran": True, "holds": False, "error": f"check: {type(error).__name__}: {error}"[:400], "lines": []}


def _lines(error: BaseException) -> list[int]:
    """The cell's lines that led to `error`, outermost first."""
    if isinstance(error, SyntaxError):
        return [error.lineno or 1]
    found = []
    step = error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == NAME:
            found.append(step.tb_lineno)
        step = step.tb_next
    # AutoGraph and graph execution name the line in their text
    named = re.findall(rf'File "{NAME}", line (\d+)', str(error))
    return found + [int(number) for number in named]
