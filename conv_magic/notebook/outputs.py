"""A place among the outputs of a running cell, taken without the cell's thread and without breaking a line of its own.

Text that comes after an output starts an output of its own, and a progress bar cannot rewrite what stands above.  So
the place is taken only where the text sent so far ends with a line, or just before a bar begins.  What the kernel sends
is known in the thread that sends it, ipykernel's, by its own hooks
(https://github.com/ipython/ipykernel/blob/main/ipykernel/iostream.py).
"""

from __future__ import annotations

import sys
import threading
import uuid
from collections.abc import Callable
from typing import Any

from conv_magic.boundary import contained, keep

NOTHING: dict[str, Any] = {"text/html": ""}
"""Data of which every front end shows nothing: of none at all nbconvert complains, an empty text is an empty line."""
_WHERE = "shown while it ran"
_REWRITES = ("\r", "\b")
"""With these a program goes back in its line."""


class LiveOutput:
    """One display of the running cell.

    id        by which it is updated, also after the cell's end
    placed    whether it is among the outputs
    closed    whether nothing more is to be shown

    `has_content` says whether there is anything to show; `when_placed` is called once it is there.  Both are called in
    the kernel's sending thread.
    """

    def __init__(
        self, publisher: Any, streams: list[Any], has_content: Callable[[], bool], when_placed: Callable[[], None]
    ) -> None:
        self.id = uuid.uuid4().hex
        self.placed = False
        self._publisher, self._streams = publisher, streams
        self._has_content, self._when_placed = has_content, when_placed
        self._parent = publisher.parent_header  # of the cell: read in its own thread
        self._wanted = self._in_line = False
        self.closed = False
        self._lock = threading.Lock()
        self._schedule(lambda: [stream.register_hook(self._watch) for stream in streams])

    def want(self) -> None:
        """Take the place as soon as that breaks no line."""
        self._wanted = True
        self._schedule(self._place_between_lines)

    def update(self, data: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
        """Show this in the place, if it is taken and not given up."""
        with self._lock:
            if self.placed and not self.closed:
                self._send("update_display_data", data, metadata or {})

    def close(self) -> None:
        """No update comes after this, and the place is not taken any more."""
        with self._lock:
            self.closed = True
        self._schedule(self._unwatch)

    def clear(self) -> None:
        """Leave nothing to be seen; an output cannot be taken away again."""
        with self._lock:
            if self.placed:
                self._send("update_display_data", NOTHING, {})

    def _schedule(self, work: Callable[[], object]) -> None:
        self._publisher.pub_socket.io_thread.schedule(contained(_WHERE, work))

    def _watch(self, message: dict[str, Any]) -> dict[str, Any]:
        """Look at a text that is about to be sent; it is sent, whatever comes of that."""
        try:
            self._look(message)
        except BaseException as fault:
            keep(_WHERE, fault)
        return message

    def _look(self, message: dict[str, Any]) -> None:
        if self.closed:
            self._schedule(self._unwatch)  # not at once: the stream goes through its hooks
        elif message["parent_header"].get("msg_id") == self._parent.get("msg_id"):
            text = message["content"]["text"]
            if any(sign in text for sign in _REWRITES) and not self._in_line:
                self._place()
            self._in_line = not text.endswith("\n")
            if self._wanted and not self._in_line:
                self._schedule(self._place_between_lines)  # after this text

    def _unwatch(self) -> None:
        for stream in self._streams:
            stream.unregister_hook(self._watch)

    def _place_between_lines(self) -> None:
        if not self._in_line:
            self._place()

    def _place(self) -> None:
        with self._lock:
            if self.placed or self.closed or not self._has_content() or _is_captured(self._parent):
                return
            self._send("display_data", {}, {})
            self.placed = True
        self._when_placed()

    def _send(self, kind: str, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        # not the publisher's own `publish`: it flushes the streams of the moment, and they may be the user's objects
        session = self._publisher.session
        content = {"data": data, "metadata": metadata, "transient": {"display_id": self.id}}
        message = session.msg(kind, content, parent=self._parent)
        session.send(self._publisher.pub_socket, message, ident=b"display_data")


def live_output(shell: Any, has_content: Callable[[], bool], when_placed: Callable[[], None]) -> LiveOutput | None:
    """Make a display for the cell that runs in this thread; None where outputs are captured or not ipykernel's."""
    kernels: Any = sys.modules.get("ipykernel.zmqshell")
    publisher, streams = shell.display_pub, [sys.stdout, sys.stderr]
    if kernels is None or not isinstance(publisher, kernels.ZMQDisplayPublisher):
        return None
    if not all(hasattr(stream, "register_hook") for stream in streams):
        return None
    if not hasattr(publisher.pub_socket, "io_thread"):
        return None
    return LiveOutput(publisher, streams, has_content, when_placed)


def _is_captured(parent: dict[str, Any]) -> bool:
    """Whether an Output widget takes what the cell shows now."""
    outputs: Any = sys.modules.get("ipywidgets.widgets.widget_output")
    widgets: Any = sys.modules.get("ipywidgets.widgets.widget")
    if outputs is None or widgets is None:
        return False
    every = list(getattr(widgets, "_instances", {}).values())
    return any(isinstance(each, outputs.Output) and each.msg_id == parent.get("msg_id") for each in every)
