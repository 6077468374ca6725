"""The table of calls as a widget: one front end for JupyterLab, Notebook, VS Code and Colab.

The only module that imports ipywidgets and anywidget.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import anywidget
import traitlets

FRONT_END: Final = Path(__file__).resolve().parent.parent / "static" / "widget.js"


class FrontEndMissing(RuntimeError):
    """The JavaScript of the widget was not built or not installed."""


def front_end() -> str:
    """The text of the widget's ES module. Raises `FrontEndMissing` when it is not there."""
    if not FRONT_END.is_file():
        raise FrontEndMissing(
            f"the table's front end {FRONT_END.name} is missing; reinstall conv-magic, "
            "or in a checkout run `python js/hatch_build.py`"
        )
    return FRONT_END.read_text(encoding="utf-8")


class CallTable(anywidget.AnyWidget):
    """A `Document` (as JSON-able data) as an interactive table.

    report     the document, `TypeAdapter(Document).dump_python(document, mode="json")`
    selected   the index of the selected call; None where the first problem is

    Raises `FrontEndMissing` when the front end is not there.
    """

    report = traitlets.Dict().tag(sync=True)
    selected = traitlets.Int(None, allow_none=True).tag(sync=True)

    def __init__(self, report: dict[str, Any], **traits: Any) -> None:
        super().__init__(_esm=front_end(), report=report, **traits)
