"""How the scratch process is started: with no file of the user's working folder on its import path.

A `queue.py` there would be imported in the place of Python's own, outside of any trial.  The user's own import path
is the trial's (`trial.Settings`), in its restrained child alone.
"""

from __future__ import annotations

import json
import os
import sys
import sysconfig

_FRAMEWORKS = ("conv_magic", "tensorflow", "keras", "numpy")
_START = """
import json, runpy, sys
sys.path[:] = json.loads(sys.argv.pop(1))
runpy.run_module("conv_magic.sandbox.scratch_process", run_name="__main__", alter_sys=True)
"""


def command(arguments: list[str]) -> list[str]:
    """Return the command line of a scratch process with these arguments."""
    return [sys.executable, "-P", "-c", _START, json.dumps(safe_path()), *arguments]


def environment() -> dict[str, str]:
    """Its environment: no GPU, no windows, nothing that adds to the import path."""
    taken = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONWARNINGS")}
    return taken | FIXED


FIXED = {"CUDA_VISIBLE_DEVICES": "", "HIP_VISIBLE_DEVICES": "", "MPLBACKEND": "Agg", "TF_CPP_MIN_LOG_LEVEL": "3"}
"""Variables of the environment that no trial takes from the user."""


def safe_path() -> list[str]:
    """Return this process' import path for another one: Python's own library first, then the packages, then the rest.

    The working folder is left out, unless one of the frameworks itself was imported from there.
    """
    own = [os.path.realpath(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")]
    roots = [root for name in _FRAMEWORKS if (root := _root_of(name)) is not None]
    entries = list(dict.fromkeys(os.path.abspath(entry) for entry in sys.path if entry))
    here = os.path.realpath(os.curdir)

    def order(entry: str) -> int:
        real, name = os.path.realpath(entry), os.path.basename(entry)
        if name.endswith("-packages"):
            return 2
        if name.endswith(".zip") or any(real == folder or real.startswith(folder + os.sep) for folder in own):
            return 0
        return 1 if real in roots else 3

    return sorted((e for e in entries if order(e) < 3 or os.path.realpath(e) != here), key=order)


def _root_of(name: str) -> str | None:
    """Return the folder that a package was imported from; None if it was not, or is no folder."""
    file = getattr(sys.modules.get(name), "__file__", None)
    return os.path.dirname(os.path.dirname(os.path.realpath(file))) if file else None
