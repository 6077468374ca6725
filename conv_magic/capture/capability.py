"""Ask the user's TensorFlow what it does on this machine.

Whether it uses oneDNN depends on the platform, the CPU and `TF_ENABLE_ONEDNN_OPTS`, and is settled when TensorFlow is
imported: https://github.com/tensorflow/tensorflow/blob/v2.21.0/tensorflow/core/util/port.cc .  With it several
malformed calls end the process or return rubbish, and convolutions run channels-first on a CPU; without it TensorFlow
refuses both.  Nothing here runs an operation, or makes TensorFlow look for devices before it has done so itself.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import Any


def onednn() -> bool | None:
    """Check whether TensorFlow computes with oneDNN on this CPU; None if it is not imported or does not say."""
    module = sys.modules.get("tensorflow.python.util._pywrap_util_port")
    return None if module is None else _enabled(module)


def gpu() -> bool | None:
    """Check whether TensorFlow uses a GPU; None until it has looked for devices."""
    module: Any = sys.modules.get("tensorflow.python.eager.context")
    safe = getattr(module, "context_safe", None)
    context = safe() if safe is not None else None
    return _has_gpu(context) if getattr(context, "_initialized", False) else None


def channels_first() -> bool | None:
    """Check whether a channels-first convolution or pooling runs, with oneDNN or on a GPU; None if not known."""
    return True if onednn() else gpu() if onednn() is False else None


@cache
def _enabled(module: Any) -> bool | None:
    is_enabled = getattr(module, "IsMklEnabled", None)
    return None if is_enabled is None else bool(is_enabled())


@cache
def _has_gpu(context: Any) -> bool:
    return bool(context.list_logical_devices("GPU"))
