"""A real kernel, and the front end's end of the line: what a notebook is sent, message by message."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.manager import start_new_kernel

from conv_magic.engine.report import Report
from conv_magic.views.wire import MIME
from shared import SECONDS, Stuck

ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Cell:
    """One executed cell: its reply, and every message that belongs to it."""

    request: str
    reply: dict[str, Any] = field(default_factory=dict)
    messages: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def of_type(self, *kinds: str) -> list[dict[str, Any]]:
        return [content for kind, content in self.messages if kind in kinds]

    @property
    def shown(self) -> list[dict[str, Any]]:
        """The data of our displays."""
        return [c["data"] for c in self.of_type("display_data") if MIME in c["data"]]

    @property
    def report(self) -> Report:
        (data,) = self.shown
        return report_in(data)

    @property
    def text(self) -> str:
        return "".join(content["text"] for content in self.of_type("stream"))

    @property
    def traceback(self) -> str:
        (error,) = self.of_type("error")
        return ANSI.sub("", "\n".join(error["traceback"]))


def report_in(data: dict[str, Any]) -> Report:
    return Report.from_json(json.dumps(data[MIME]))


@dataclass
class Kernel:
    """A kernel and its front end's end of the line."""

    manager: Any
    client: Any
    cells: dict[str, Cell] = field(default_factory=dict)

    def send(self, code: str, cell_id: str | None = None, **options: Any) -> Cell:
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        message = self.client.session.msg("execute_request", {**content, "stop_on_error": True, **options})
        message["metadata"]["cellId"] = cell_id
        cell = self.cells[message["header"]["msg_id"]] = Cell(message["header"]["msg_id"])
        self.client.shell_channel.send(message)
        return cell

    def pump(self, until: Callable[[], bool]) -> None:
        """Receive messages until something is so."""
        deadline = time.monotonic() + SECONDS
        while not until():
            if time.monotonic() > deadline:
                raise Stuck("nothing came of it")
            try:
                message = self.client.get_iopub_msg(timeout=0.05)
            except Empty:
                assert self.manager.is_alive(), "the kernel died"
                continue
            cell = self.cells.get(message["parent_header"].get("msg_id", ""))
            if cell is not None:
                cell.messages.append((message["msg_type"], message["content"]))

    def wait(self, cell: Cell) -> Cell:
        self.pump(lambda: ("status", {"execution_state": "idle"}) in cell.messages)
        while not cell.reply:
            try:
                message = self.client.get_shell_msg(timeout=SECONDS)
            except Empty:
                raise Stuck("no reply came") from None
            asked = self.cells.get(message["parent_header"].get("msg_id", ""))
            if asked is not None:  # a slow kernel is asked several times whether it is there
                asked.reply = message["content"]
        return cell

    def run(self, code: str, cell_id: str | None = None, **options: Any) -> Cell:
        return self.wait(self.send(code, cell_id, **options))

    def check(self, code: str) -> None:
        """Run some code that must succeed."""
        cell = self.run(code)
        assert cell.reply["status"] == "ok", cell.reply

    def check_nothing_patched(self) -> None:
        self.check("from conv_magic.capture import tracer\nassert tracer.patched() == ()")


def _started(folder: Path, tries: int = 3) -> tuple[Any, Any]:
    """A kernel; one that dies as it starts, because others took its ports meanwhile, is started again."""
    try:
        return start_new_kernel(
            SECONDS, kernel_name="python3", cwd=str(folder), env={**os.environ, "IPYTHONDIR": str(folder)}
        )
    except RuntimeError:
        if tries == 1:
            raise
        return _started(folder, tries - 1)


@contextmanager
def running_kernel(folder: Path) -> Iterator[Kernel]:
    """A kernel with the extension, TensorFlow and Keras loaded, and nothing of the person's own."""
    manager, client = _started(folder)
    try:
        kernel = Kernel(manager, client)
        kernel.check("%load_ext conv_magic")
        kernel.check("import asyncio, tensorflow as tf, keras, numpy as np\nfrom keras import layers")
        yield kernel
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
