"""Run in the process of a trial: edited cells, one after the other."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

from conv_magic.analysis.running import Start, run_eagerly, run_text
from conv_magic.analysis.summary import summary
from conv_magic.analysis.values import to_plain

_LONGEST = 3.0
"""Seconds of CPU time for one cell."""


def try_all(start: Start, argument: str) -> str:
    """How each of some edited cells ends.

    `argument` is JSON of `sources`, of the `seconds` after which no further one is begun, and of the names of which
    to tell what they stand for afterwards.
    """
    asked = json.loads(argument)
    run_eagerly()
    deadline = time.monotonic() + asked["seconds"]
    answers: list[dict[str, Any]] = []
    for source in asked["sources"]:
        if answers and time.monotonic() > deadline:
            break
        began = time.process_time()
        space = start.fresh()
        with _limited(_LONGEST):
            error = run_text(source, space)
        names: dict[str, Any] = {}
        if error is None:
            for name in asked["names"]:
                if name in space:
                    said = summary(space[name], lambda value: 0)
                    names[name] = to_plain(said) | _inside(space[name])
        answers.append({"error": error, "names": names, "seconds": time.process_time() - began})
        _forget()
    return json.dumps(answers)


@contextlib.contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raise in what takes longer than so much CPU time."""

    def stop(number: int, frame: object) -> None:
        raise TimeoutError("it takes too long")

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)


def _forget() -> None:
    """Let Keras count its names from one again."""
    keras = sys.modules.get("keras")
    if keras is not None:
        keras.utils.clear_session(free_memory=False)


def _inside(value: Any) -> dict[str, Any]:
    """Of a model how many layers it has."""
    layers = getattr(value, "layers", None)
    return {"length": len(layers)} if isinstance(layers, list) else {}
