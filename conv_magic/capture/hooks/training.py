"""Read how far `fit`, `evaluate` or `predict` has come, from another thread: no callback is added.

Keras keeps epoch and step as locals of its own loop; another thread reads them from the running frame:
https://github.com/keras-team/keras/blob/master/keras/src/backend/tensorflow/trainer.py
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

from conv_magic.model.document import Training

_FILE = os.path.join("keras", "src", "backend", "tensorflow", "trainer.py")
_LOOPS = ("fit", "evaluate", "predict")


def training_of(thread: int) -> Training | None:
    """Return what a thread is training now, by its outermost Keras loop, None if nothing."""
    found = None
    for frame in _outward(sys._current_frames().get(thread)):
        code = frame.f_code
        if code.co_name in _LOOPS and code.co_filename.endswith(_FILE):
            found = frame
    return _progress_in(found) if found is not None else None


def _outward(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _progress_in(frame: FrameType) -> Training:
    known: dict[str, Any] = frame.f_locals
    epoch, epochs = _integer(known.get("epoch")), _integer(known.get("epochs"))
    step = _integer(known.get("begin_step", known.get("step")))  # the second in older versions
    steps = _integer(getattr(known.get("callbacks"), "params", {}).get("steps"))
    return Training(
        frame.f_code.co_name, _from_one(epoch), epochs if epoch is not None else None, _from_one(step), steps
    )


def _integer(value: Any) -> int | None:
    return value if type(value) is int else None


def _from_one(number: int | None) -> int | None:
    return None if number is None else number + 1
