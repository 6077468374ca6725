"""Shows a report under its cell in a notebook: at once, and again when its fixes have been tried."""

from __future__ import annotations

import contextvars
import sys
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from conv_magic.boundary import contained, is_users
from conv_magic.engine import runner
from conv_magic.engine.report import Report


@dataclass(frozen=True, slots=True)
class Look:
    """How to show: `table` or only the shapes in the editor, with the widget or without."""

    table: bool = True
    widget: bool = True


Bundle = tuple[dict[str, object], dict[str, object]]
"""The data of a display by media type, and its metadata."""


def static_bundle(report: Report, look: Look) -> Bundle:
    """Return the data that a notebook saves of a report."""
    from conv_magic.views import bundle
    from conv_magic.views.wire import MIME, to_wire

    if not look.table:
        return {MIME: to_wire(report), "text/plain": ""}, {MIME: {"inline_only": True}}
    views = bundle(report)
    if report.trying:  # a text front end such as `jupyter console` shows no update
        views["text/plain"] = f"{views['text/plain']}\n`%convshapes last` shows which fixes held\n"
    return views, {}


class Shown:
    """One report on show; it can be replaced where it stands.

    `place` is the display that it takes over, where the same cell was shown while it ran.
    """

    def __init__(self, report: Report, look: Look, publisher: Any, place: str | None = None) -> None:
        self._look = look
        self._publisher = publisher
        self._id = place or uuid.uuid4().hex
        self._widget = _widget(report) if look.table and look.widget else None
        self._report = report
        self.trial: threading.Thread | None = None
        self._publish(report, update=place is not None)

    def replace(self, report: Report) -> None:
        """Show `report` in the same place."""
        self._report = report
        if self._widget is not None:
            self._widget.show(report)
        self._publish(report, update=True)

    def settle(self) -> None:
        """Wait until the fixes are tried, and show once more what came of it, on behalf of the cell that runs now.

        A client that listens to one cell at a time has missed it: nbclient, and so `nbconvert --execute`
        (https://nbclient.readthedocs.io).
        """
        if self.trial is not None:
            self.trial.join()
            self.trial = None
            self._publish(self._report, update=True)

    def close(self) -> None:
        """Let the widget go, and the layout that it made for itself."""
        if self._widget is not None:
            layout = self._widget.layout
            self._widget.close()
            layout.close()
            self._widget = None

    def _publish(self, report: Report, *, update: bool) -> None:
        data, metadata = static_bundle(report, self._look)
        live = self._widget._repr_mimebundle_()[0] if self._widget is not None else {}
        bundle = {**live, **data}  # the widget's own text says less than the report's
        # not `display`, which asks for the publisher of the moment: by then a later cell may be capturing its output
        self._publisher.publish(bundle, metadata, transient={"display_id": self._id}, update=update)


def _widget(report: Report) -> Any:
    """Make the interactive table; None, and one line about it, where it is not wholly installed."""
    try:
        from conv_magic.views.widget import CallTable, FrontEndMissing
    except ImportError as error:
        _say_once(f"conv_magic: no interactive table ({error})")
        return None
    try:
        return CallTable(report)
    except FrontEndMissing as error:
        _say_once(f"conv_magic: no interactive table ({error})")
        return None


@cache
def _say_once(text: str) -> None:
    print(text, file=sys.stderr)


def show_and_try(
    report: Report,
    namespace: Mapping[str, object],
    look: Look,
    publisher: Any,
    *,
    place: str | None = None,
    verify: bool,
    done: Callable[[Report, Report], None],
    failed: Callable[[BaseException], None],
) -> Shown:
    """Show a report; where it has fixes to try, try them in the background and show what held.

    `done(before, after)` is called with the report as shown first and as it stands then; `failed` with the error
    that is left when they could not be tried.
    """
    trying = verify and runner.has_untried(report)
    shown = Shown(replace(report, trying=trying), look, publisher, place)
    if not trying:
        return shown

    try:
        packed = runner.packed_for(report, namespace)
    except BaseException as error:
        shown.replace(report)
        if is_users(error):
            raise
        failed(error)
        return shown

    def try_fixes() -> None:
        try:
            tried = runner.verified(report, packed)
            done(report, tried)
            shown.replace(tried)
        except BaseException as error:
            failed(error)
            shown.replace(report)

    # The context carries the cell's parent message, without which the update would go to the cell then running.
    context = contextvars.copy_context()
    shown.trial = threading.Thread(
        target=context.run, args=(contained("the fixes", try_fixes),), name="conv_magic tries fixes", daemon=True
    )
    shown.trial.start()
    return shown
