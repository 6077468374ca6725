"""The scratch process: TensorFlow imported once, each trial in a child forked before the first op.

It never runs an op itself, so every child starts fresh: names, random state, thread pools.  Run as
`python -m conv_magic.sandbox.scratch_process [module:function]` (see `isolated`) in an empty folder, which it owns and
removes; reads pickles of `trial`'s types from its standard input and answers in JSON (see `answers`) on its standard
output.  The end of its input is its own end.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import pickle
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import IO, Any, NoReturn

from conv_magic.sandbox import answers, landlock, orphans
from conv_magic.sandbox.child import die_with_parent, kill_group, stop_computing_after, without_answer
from conv_magic.sandbox.restraint import FOLDER_TOO_LARGE
from conv_magic.sandbox.trial import Analyse, Cancel, Ended, Ready, Reply, Request, Settings, Trial
from conv_magic.sandbox.trial_run import run_trial
from conv_magic.sandbox.unconfined import UNCONFINED_TOO_LARGE
from conv_magic.sandbox.workplace import TooLarge, stand

_FIRST = "import tensorflow as tf\ntf.nn.conv2d(tf.zeros((1, 4, 4, 1)), tf.zeros((3, 3, 1, 1)), 1, 'SAME')"
_FIRST_LIMIT = 30.0
"""Seconds."""


class Inbox:
    """The owner's messages, read by a thread that has ended before a request is served.

    So no thread of ours runs when a trial is forked; during the very first, ours, it waits in a read.
    """

    def __init__(self, stream: IO[bytes], cancel: Callable[[int], None], leave: Callable[[], NoReturn]) -> None:
        self._stream, self._cancel, self._leave = stream, cancel, leave
        self._request: Request | None = None
        self.listen()

    def listen(self) -> None:
        """Read up to the next request in the background; obey what comes before it."""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def take(self) -> Request:
        """Return the next request."""
        self._thread.join()
        assert self._request is not None
        return self._request

    def _read(self) -> None:
        try:
            while isinstance(message := pickle.load(self._stream), Cancel):
                self._cancel(message.number)
        except (EOFError, OSError, pickle.UnpicklingError):
            self._leave()
        self._request = message


class ScratchProcess:
    """Serves one owner until it goes."""

    def __init__(self, requests: IO[bytes], replies: IO[bytes], analyse: str | None, may_fork: bool) -> None:
        self._folder = os.getcwd()
        self._requests, self._replies, self._may_fork = requests, replies, may_fork
        self._running: tuple[int, int] | None = None
        self._lock = threading.Lock()
        self._inbox = Inbox(requests, self._cancel, self._leave)
        orphans.adopt()
        answers.prepare()
        _import_all("tensorflow", "keras")
        self._analyse = _named(analyse)

    def serve(self) -> NoReturn:
        """Answer requests, one at a time."""
        gc.collect()
        gc.freeze()  # the collector of a child shall not touch, and so copy, the pages shared with us
        forks = self._may_fork and hasattr(os, "fork") and self._fork_works()
        self._send(Ready(forks, landlock.available()))
        while True:
            request = self._inbox.take()
            _import_all(*request.imports)
            if forks:
                self._send(Reply(request.number, self._forked(request, self._analyse, listen=True)))
            else:
                self._alone(request)

    def _fork_works(self) -> bool:
        settings = Settings(tuple(sys.path))
        request = Request(0, _FIRST, {}, "<first trial>", _FIRST_LIMIT, _FIRST_LIMIT, settings)
        trial = self._forked(request, None, listen=False)
        return trial.ended is Ended.RAN or trial.error_type == "ModuleNotFoundError"

    def _forked(self, request: Request, analyse: Analyse | None, *, listen: bool) -> Trial:
        started = time.perf_counter()
        deadline = time.monotonic() + request.wall
        folder = tempfile.mkdtemp(dir=self._folder)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            self._be_a_trial(request, folder, analyse, writer)
        os.close(writer)
        with self._lock:
            self._running = request.number, child
        if listen:
            self._inbox.listen()
        answer = answers.read_before(reader, deadline)
        os.close(reader)
        late = time.monotonic() >= deadline
        with self._lock:
            self._running = None
            kill_group(child)
        _, status = os.waitpid(child, 0)
        orphans.end()
        shutil.rmtree(folder, ignore_errors=True)
        return answer or without_answer(status, late, time.perf_counter() - started)

    def _be_a_trial(self, request: Request, folder: str, analyse: Analyse | None, writer: int) -> NoReturn:
        try:
            os.setpgid(0, 0)
            die_with_parent(request.wall)
            stop_computing_after(request.limit)
            os.close(self._requests.fileno())
            os.close(self._replies.fileno())
            with os.fdopen(writer, "wb") as stream:
                stream.write(answers.dump(_account(request, folder, analyse)))
        finally:
            os._exit(0)

    def _alone(self, request: Request) -> NoReturn:
        """Run a trial in this very process, which ends with it: where there is no fork."""
        timer = threading.Timer(request.wall, self._too_late, (request,))
        timer.daemon = True
        timer.start()
        with self._lock:
            self._running = request.number, 0
        self._inbox.listen()
        stop_computing_after(request.limit)
        trial = _account(request, self._folder, self._analyse)
        timer.cancel()
        self._send(Reply(request.number, trial))
        self._leave()

    def _too_late(self, request: Request) -> NoReturn:
        self._send(Reply(request.number, Trial(Ended.TIMED_OUT, request.limit)))
        self._leave()

    def _cancel(self, number: int) -> None:
        with self._lock:
            if self._running is None or self._running[0] != number:
                return
            if self._running[1] == 0:
                self._leave()
            kill_group(self._running[1])

    def _leave(self) -> NoReturn:
        if self._running is not None and self._running[1]:
            kill_group(self._running[1])
        orphans.end()
        with contextlib.suppress(OSError):  # a trial's own process may remove no more than what is in the folder
            os.chdir(os.path.dirname(self._folder))
            shutil.rmtree(self._folder, ignore_errors=True)
        os._exit(0)

    def _send(self, message: Ready | Reply) -> None:
        try:
            self._replies.write(answers.dump(message))
            self._replies.flush()
        except OSError:  # the owner is gone
            self._leave()


def _account(request: Request, folder: str, analyse: Analyse | None) -> Trial:
    """Confine this thread to `folder`, and the trial in it."""
    confined = landlock.confine(folder)
    try:
        copy = request.copied or not confined
        place = stand(folder, request.settings.folder, copy=copy, links=confined)
        return run_trial(request, place, analyse, confined=confined)
    except TooLarge:
        return Trial(Ended.RAISED, 0.0, needs=FOLDER_TOO_LARGE if confined else UNCONFINED_TOO_LARGE)
    except Exception as error:  # a fault of ours or of the analysis; the owner shall hear of it
        return Trial(Ended.DIED, 0.0, type(error).__name__, str(error))


def _import_all(*modules: str) -> None:
    for module in modules:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)


def _named(analyse: str | None) -> Analyse | None:
    if analyse is None:
        return None
    module, _, function = analyse.partition(":")
    found: Any = getattr(importlib.import_module(module), function)
    return found  # type: ignore[no-any-return]  # a name from the command line has no static type


def _quiet_streams() -> tuple[IO[bytes], IO[bytes]]:
    """Return the pipes to the owner, moved away from where a library would print."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    return requests, replies


def main(arguments: list[str]) -> NoReturn:
    """`[--no-fork] [module:function]`."""
    requests, replies = _quiet_streams()
    with contextlib.suppress(OSError, AttributeError):
        os.nice(10)
    analyse = next((a for a in arguments if not a.startswith("-")), None)
    ScratchProcess(requests, replies, analyse, "--no-fork" not in arguments).serve()


if __name__ == "__main__":
    main(sys.argv[1:])
