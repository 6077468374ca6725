"""What a user holds after a run: the document, with its views as methods."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from conv_magic.model.document import Document
from conv_magic.model.trace import Source

if TYPE_CHECKING:
    import pandas as pd

    from conv_magic.views.widget import CallTable


@dataclass(frozen=True, slots=True, repr=False)
class Report(Document):
    """One cell's run.

    `error` is the exception that ended it, as raised; None if there was none, or if the report was read from JSON.
    `earlier` are the cells that had run before, in that order; `seconds` is how long the process computed while it
    ran.  None of them takes part in equality or in any view.
    """

    error: BaseException | None = field(default=None, compare=False)
    earlier: tuple[Source, ...] = field(default=(), compare=False)
    seconds: float = field(default=0.0, compare=False)

    @classmethod
    def of(
        cls,
        document: Document,
        error: BaseException | None = None,
        earlier: tuple[Source, ...] = (),
        seconds: float = 0.0,
    ) -> Report:
        """Make the report of `document`."""
        known = {f.name: getattr(document, f.name) for f in fields(Document)}
        return cls(**known, error=error, earlier=earlier, seconds=seconds)

    @classmethod
    def from_json(cls, text: str) -> Report:
        """Read the report that `to_json` wrote.

        Raises `ValueError` if `text` is none, or was written by a newer version in a layout unknown here.
        """
        from conv_magic.views.wire import from_json

        return cls.of(from_json(text))

    def frame(self) -> pd.DataFrame:
        """Return the calls as a pandas frame, one row a call; `frame.attrs["columns"]` says what each column means."""
        from conv_magic.views.frame import to_frame

        return to_frame(self)

    def to_html(self) -> str:
        """Return the whole report as static HTML, one `<div>` without script."""
        from conv_magic.views.html import to_html

        return to_html(self)

    def to_text(self, color: bool = False, width: int | None = None) -> str:
        """Return the whole report as plain text, with ANSI colours if `color`, in `width` columns where it can."""
        from conv_magic.views.text import to_text

        return to_text(self, color=color, width=width)

    def to_json(self) -> str:
        """Return the whole report as JSON, which `from_json` reads."""
        from conv_magic.views.wire import to_json

        return to_json(self)

    def widget(self) -> CallTable:
        """Return the interactive table: `selected` is the chosen call, `frame` the calls as a pandas frame.

        Raises `FrontEndMissing` when the front end was not installed.
        """
        from conv_magic.views.widget import CallTable

        return CallTable(self)

    def __repr__(self) -> str:
        from conv_magic.views.verdict import verdict

        return f"<{type(self).__name__}: {verdict(self)}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, object]:
        """Every static view by media type; IPython itself filters by `include` and `exclude`."""
        from conv_magic.views import bundle

        return bundle(self)
