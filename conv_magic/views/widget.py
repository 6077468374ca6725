"""The table of calls as a widget: one front end for JupyterLab, Notebook, VS Code and Colab.

The only module that imports ipywidgets and anywidget.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anywidget
import traitlets

from conv_magic.model.document import Document
from conv_magic.views.wire import MOST_SHOWN, to_wire

if TYPE_CHECKING:
    import pandas as pd

FRONT_END: Final = Path(__file__).resolve().parent.parent / "static" / "widget.js"


class FrontEndMissing(RuntimeError):
    """The JavaScript of the widget was not built or not installed."""


def front_end() -> str:
    """Return the text of the widget's ES module. Raises `FrontEndMissing` when it is not there."""
    if not FRONT_END.is_file():
        raise FrontEndMissing(
            f"the table's front end {FRONT_END.name} is missing; reinstall conv-magic, "
            "or in a checkout run `python js/hatch_build.py`"
        )
    return FRONT_END.read_text(encoding="utf-8")


class CallTable(anywidget.AnyWidget):
    """A `Document` as an interactive table.

    selected   the index of the selected call, `frame.loc[table.selected]`; None while nothing was chosen
    frame      the calls as a pandas frame, one row a call
    report     what the browser is sent

    Raises `FrontEndMissing` when the front end is not there.
    """

    report = traitlets.Dict().tag(sync=True)
    selected = traitlets.Int(None, allow_none=True).tag(sync=True)

    def __init__(self, document: Document, **traits: Any) -> None:
        self._document = document
        super().__init__(_esm=front_end(), report=to_wire(document, MOST_SHOWN), **traits)

    def show(self, document: Document) -> None:
        """Show `document` in the place of the one before."""
        self._document = document
        self.report = to_wire(document, MOST_SHOWN)

    @property
    def frame(self) -> pd.DataFrame:
        """All calls, also those that the table leaves out."""
        from conv_magic.views.frame import to_frame

        return to_frame(self._document)
