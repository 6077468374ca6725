"""How far `fit`, `evaluate` or `predict` has come, seen from beside: no callback, nothing in the training's way.

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
    """What the thread of that identifier is training now, the outermost loop of Keras in it; None if nothing."""
    found = None
    for frame in _frames(sys._current_frames().get(thread)):
        code = frame.f_code
        if code.co_name in _LOOPS and code.co_filename.endswith(_FILE):
            found = frame
    return _told(found) if found is not None else None


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _told(frame: FrameType) -> Training:
    known: dict[str, Any] = frame.f_locals
    epoch, epochs = _number(known.get("epoch")), _number(known.get("epochs"))
    step = _number(known.get("begin_step", known.get("step")))  # the second in older versions
    steps = _number(getattr(known.get("callbacks"), "params", {}).get("steps"))
    return Training(
        frame.f_code.co_name, _from_one(epoch), epochs if epoch is not None else None, _from_one(step), steps
    )


def _number(value: Any) -> int | None:
    return value if type(value) is int else None


def _from_one(number: int | None) -> int | None:
    return None if number is None else number + 1
