"""See every tensor shape in a notebook cell, and a fix that was tried when a convolution breaks.

`%load_ext conv_magic`, then `%%convshapes` on top of a cell.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conv_magic import arithmetic
    from conv_magic.engine.report import Report
    from conv_magic.engine.runner import last_report, run, trace
    from conv_magic.model.positions import StaleSource
    from conv_magic.notebook.magic import load_ipython_extension as load_ipython_extension
    from conv_magic.notebook.magic import unload_ipython_extension as unload_ipython_extension

_HOMES = {
    "run": "engine.runner", "trace": "engine.runner", "last_report": "engine.runner", "Report": "engine.report",
    "StaleSource": "model.positions",
    "load_ipython_extension": "notebook.magic", "unload_ipython_extension": "notebook.magic",
}  # fmt: skip

__all__ = ["Report", "StaleSource", "__version__", "arithmetic", "last_report", "run", "trace"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"conv_magic.{_HOMES[name]}"), name)
    if name == "arithmetic":
        return importlib.import_module("conv_magic.arithmetic")
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("conv-magic")
        except PackageNotFoundError:  # a source tree that was not installed
            return "0+source"
    raise AttributeError(f"module 'conv_magic' has no attribute {name!r}")
