"""Counters of the user's process that looking at an object may advance."""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Iterator

import numpy as np


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Put the random states of Python and NumPy and Keras' automatic names back afterwards."""
    python_state, numpy_state = random.getstate(), np.random.get_state()
    state = sys.modules.get("keras.src.backend.common.global_state")
    names = state.get_global_attribute("object_name_uids") if state is not None else None
    before = dict(names) if names is not None else {}
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)
        names = state.get_global_attribute("object_name_uids") if state is not None else None
        if names is not None:
            names.clear()
            names.update(before)
