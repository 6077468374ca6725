"""Jobs in forked children of a process that has imported TensorFlow but run none of its operations."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Job = Callable[[], dict[str, Any]]
LIMIT = 240.0  # generous: what is kept and counted must not depend on the load of the machine


def import_frameworks() -> None:
    """Import what nearly every cell imports, so that children need not."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    import keras  # noqa: F401  imported before any fork
    import pandas  # noqa: F401  the same
    import tensorflow  # noqa: F401  the same


@dataclass
class _Child:
    pid: int
    reader: int
    index: int
    folder: tempfile.TemporaryDirectory[str]
    until: float
    told: bytes = b""


def in_child(job: Job, limit: float = LIMIT) -> dict[str, Any]:
    """What `job` returns, run in a child with a working folder of its own; `{"died": why}` if it does not answer."""
    return next(answer for _, answer in in_children([job], 1, limit))


def in_children(jobs: Sequence[Job], width: int, limit: float = LIMIT) -> Iterator[tuple[int, dict[str, Any]]]:
    """The index and the answer of each job as it ends; at most `width` run at a time, each for `limit` seconds."""
    waiting = list(enumerate(jobs))[::-1]
    with selectors.DefaultSelector() as selector:
        running: dict[int, _Child] = {}
        while waiting or running:
            while waiting and len(running) < width:
                child = _start(*waiting.pop(), limit)
                running[child.reader] = child
                selector.register(child.reader, selectors.EVENT_READ)
            first_end = min(child.until for child in running.values())
            ready = {key.fd for key, _ in selector.select(max(0.0, first_end - time.monotonic()))}
            for reader, child in list(running.items()):
                chunk = os.read(reader, 1 << 16) if reader in ready else b""
                child.told += chunk
                late = time.monotonic() > child.until
                if (reader in ready and not chunk) or late:
                    selector.unregister(reader)
                    del running[reader]
                    yield child.index, _end(child, late, limit)


def _start(index: int, job: Job, limit: float) -> _Child:
    folder = tempfile.TemporaryDirectory()
    reader, writer = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _work(job, folder.name, writer)
    os.close(writer)
    return _Child(pid, reader, index, folder, time.monotonic() + limit)


def _work(job: Job, folder: str, writer: int) -> None:
    """Answer into `writer` and leave, quietly: what a cell prints is nobody's concern."""
    try:
        os.setsid()
        os.chdir(folder)
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        try:
            answer = job()
        except BaseException as error:  # a cell may raise anything, SystemExit too
            answer = {"died": f"{type(error).__name__}: {error}"[:300]}
        with contextlib.suppress(OSError), os.fdopen(writer, "wb") as pipe:
            pipe.write(json.dumps(answer).encode())
    finally:
        os._exit(0)


def _end(child: _Child, late: bool, limit: float) -> dict[str, Any]:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    os.close(child.reader)
    _, status = os.waitpid(child.pid, 0)
    with contextlib.suppress(OSError):
        child.folder.cleanup()
    if child.told:
        with contextlib.suppress(json.JSONDecodeError):
            return dict(json.loads(child.told))
    if late:
        return {"died": f"no answer in {limit:.0f} s"}
    ended = f"by {signal.Signals(os.WTERMSIG(status)).name}" if os.WIFSIGNALED(status) else "without an answer"
    return {"died": f"the process ended {ended}"}
