"""The owner's end of the scratch process: edited cells are tried there, never in the user's kernel.

A trial that aborts the process, hangs or writes files costs the user nothing: it runs in a child that is
thrown away, in a folder of its own, without the GPU.  See `scratch_process` for the other end.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import pickle
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType
from typing import IO, Any

from conv_magic.sandbox import isolated
from conv_magic.sandbox.answers import read
from conv_magic.sandbox.trial import Again, Cancel, Ended, Question, Ready, Reply, Request, Settings, Trial, Watch

_START_LIMIT = 90.0
"""Seconds in which TensorFlow must be imported."""
WALL = 4.0
"""How many times as long as a trial may compute it may wait, or be kept waiting by what else the machine does."""
_GRACE = 2.0
"""Seconds that the scratch process has to report a trial that was too late, or to leave."""
_WORTH_KEEPING = ("matplotlib.pyplot", "pandas", "scipy", "sklearn", "PIL.Image")
"""Modules that run nothing when imported and are slow to import: the scratch process keeps those the owner has."""


class ScratchUnavailable(RuntimeError):
    """The scratch process could not be started."""


class Scratch:
    """A warm process in which edited cells are tried.

    analyse   `module:function` with the type `trial.Analyse`, to run a cell with; None just runs it
    forks     False replaces the process after each trial, as where the system has no `fork`

    Every method may be called from any thread; trials run one at a time.  Does nothing until `start`.
    """

    def __init__(self, analyse: str | None = None, *, forks: bool = True) -> None:
        self._arguments = [*([] if forks else ["--no-fork"]), *([analyse] if analyse else [])]
        self._numbers = itertools.count(1)
        self._disown()
        _scratches.add(self)

    def _disown(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: str | None = None
        self._answers: queue.SimpleQueue[Ready | Reply | None] = queue.SimpleQueue()
        self._ready: Ready | None = None
        self._confined = True
        self._lock = threading.RLock()

    def start(self) -> None:
        """Start the process unless it runs; returns at once.  Raises `ScratchUnavailable`."""
        with self._lock:
            if self._alive():
                return
            self.stop()
            self._answers = queue.SimpleQueue()
            self._folder = tempfile.mkdtemp(prefix="conv-magic-")
            self._process = _spawn(self._arguments, self._folder)
            assert self._process.stdout is not None
            threading.Thread(target=_listen, args=(self._process.stdout, self._answers), daemon=True).start()

    def _alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def ready(self) -> bool:
        """Whether a trial would start at once; does not wait."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            return self._alive() and self._await_ready(0.0)
        finally:
            self._lock.release()

    def get_ready(self, seconds: float) -> bool:
        """Start the process unless it runs, and wait for it; False where it then still starts, for a later trial."""
        with self._lock:
            self.start()
            return self._await_ready(seconds)

    @property
    def pid(self) -> int | None:
        """The process identifier, None while there is none."""
        return self._process.pid if self._process is not None else None

    def try_cell(
        self,
        source: str,
        names: Mapping[str, bytes],
        *,
        filename: str,
        limit: float,
        wall: float | None = None,
        before: tuple[Again, ...] = (),
        watches: tuple[Watch, ...] = (),
        copied: bool = False,
        question: Question | None = None,
    ) -> Trial:
        """Run an edited cell with `names` (see `packing`) for at most `limit` seconds of computing.

        Starts the process if need be.  `wall` are seconds of the clock; `before` statements of earlier cells that run
        first; `watches` places that are counted (see `Trial.reached`).  A cell that was refused a write in the working
        folder runs once more in a copy of it, which is where it runs at once with `copied`.
        With a `question` that is answered instead.
        An interrupt ends the trial and passes through.  Raises `ScratchUnavailable`.
        """
        with self._lock:
            settings, imports = _settings(), _modules(question)
            wall = WALL * limit if wall is None else wall
            while True:
                number = next(self._numbers)
                trial = self._tried(
                    Request(
                        number,
                        source,
                        names,
                        filename,
                        limit,
                        wall,
                        settings,
                        imports,
                        before,
                        copied,
                        watches,
                        question,
                    )
                )
                if copied or not trial.refused:
                    return trial
                copied = True

    def _tried(self, request: Request) -> Trial:
        self.start()
        if not self._await_ready(_START_LIMIT):
            self.stop()
            raise ScratchUnavailable("the scratch process did not start")
        spent = self._ready is not None and not self._ready.forks  # it serves one trial, and ends with it
        try:
            self._send(request)
        except BaseException:  # a message cut short: nothing after it could be understood
            self.stop()
            raise
        try:
            return self._await_trial(request)
        except BaseException:
            self._send(Cancel(request.number))
            raise
        finally:
            if spent:
                self.stop()
                self.start()

    @property
    def confined(self) -> bool:
        """Whether the system keeps a trial from writing elsewhere; taken for granted until the process has started."""
        return self._confined

    def _await_ready(self, seconds: float) -> bool:
        if self._ready is None:
            with contextlib.suppress(queue.Empty):
                answer = self._answers.get(timeout=seconds)
                self._ready = answer if isinstance(answer, Ready) else None
                self._confined = self._ready is None or self._ready.confined
        return self._ready is not None

    def _await_trial(self, request: Request) -> Trial:
        deadline = time.monotonic() + request.wall + _GRACE
        while True:
            try:
                answer = self._answers.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                self.stop()
                return Trial(Ended.TIMED_OUT, request.limit)
            if answer is None:
                return self._lost(request)
            if isinstance(answer, Reply) and answer.number == request.number:
                return answer.trial

    def _lost(self, request: Request) -> Trial:
        process = self._process
        self.stop()
        ended_by = -process.returncode if process is not None and process.returncode else 0
        name = signal.Signals(ended_by).name if ended_by > 0 else "exit"
        if name == "SIGPROF":
            return Trial(Ended.TIMED_OUT, request.limit)
        return Trial(Ended.DIED, 0.0, name, f"the scratch process was ended by {name}")

    def _send(self, message: Request | Cancel) -> None:
        if self._process is None or self._process.stdin is None:
            return
        with contextlib.suppress(OSError):  # it died: the reader of its answers tells
            pickle.dump(message, self._process.stdin)
            self._process.stdin.flush()

    def stop(self) -> None:
        """End the process, with the trial that it may be running; another may be started."""
        process, self._process, self._ready = self._process, None, None
        if process is None:
            return
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Scratch:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _forget_after_fork(self) -> None:
        """In a forked owner: the process belongs to the parent, and an open pipe of ours would keep it alive."""
        process = self._process
        self._disown()
        if process is None:
            return
        null = os.open(os.devnull, os.O_RDWR)
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            os.dup2(null, pipe.fileno())  # closing would wait for the lock of the parent's reader thread
        os.close(null)
        process.returncode = 0  # not ours to wait for
        _inherited.append(process)


_inherited: list[subprocess.Popen[bytes]] = []
"""Kept for the same reason: to free them is to close their pipes."""


def _spawn(arguments: list[str], folder: str) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            isolated.command(arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=isolated.environment(),
            start_new_session=True,  # an interrupt of the owner's group is not meant for it
        )
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise ScratchUnavailable("the scratch process did not start") from error


def _listen(stream: IO[bytes], answers: queue.SimpleQueue[Any]) -> None:
    """Pass on what the scratch process says, and None when it has ended."""
    with contextlib.suppress(EOFError, OSError, ValueError), stream:
        while True:
            answers.put(read(stream))
    answers.put(None)


def _settings() -> Settings:
    """Where the owner stands and imports from, and how its Keras is set."""
    settings = Settings(
        tuple(os.path.abspath(entry) for entry in sys.path),
        folder=_working_folder(),
        arguments=tuple(sys.argv),
        environment=tuple(os.environ.items()),
        shell=_shell(),
    )
    keras = sys.modules.get("keras")
    state = sys.modules.get("keras.src.backend.common.global_state")
    if keras is None or state is None:
        return settings
    # not `keras.config.dtype_policy()`, which sets the policy where none is set
    policy = state.get_global_attribute("dtype_policy")
    return replace(
        settings,
        floatx=keras.config.floatx(),
        image_data_format=keras.config.image_data_format(),
        dtype_policy=policy.name if policy else None,
    )


def _working_folder() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return None


def _shell() -> str | None:
    """Return the text of IPython's shell; None where there is none."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return str(shell) if shell is not None else None


def _modules(question: Question | None) -> tuple[str, ...]:
    """Return what is imported once for all trials to come."""
    kept = tuple(module for module in _WORTH_KEEPING if module in sys.modules)
    return kept if question is None else (*kept, question.function.partition(":")[0])


_scratches: weakref.WeakSet[Scratch] = weakref.WeakSet()
_shared: dict[str | None, Scratch] = {}


def shared_scratch(analyse: str | None = None) -> Scratch:
    """Return this process' own scratch process for that analysis, started when first needed, stopped at the end."""
    scratch = _shared.get(analyse)
    if scratch is None:
        scratch = _shared[analyse] = Scratch(analyse)
        atexit.register(scratch.stop)
    return scratch


def _after_fork() -> None:
    for scratch in list(_scratches):
        scratch._forget_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
