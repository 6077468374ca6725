"""A trial's process made like the user's: working folder, import path, arguments, environment, Keras' settings."""

from __future__ import annotations

import os
import sys
import tempfile

from conv_magic.sandbox.isolated import FIXED
from conv_magic.sandbox.trial import Settings
from conv_magic.sandbox.workplace import Workplace


def settle(settings: Settings, place: Workplace, *, confined: bool) -> None:
    """Stand where the user stands.  Temporary files are the trial's own; without `confined` so is the home folder."""
    _take_environment(settings)
    sys.path[:] = settings.path
    sys.argv[:] = settings.arguments or [""]
    sys.dont_write_bytecode = True
    os.chdir(place.here)
    own = {"TMPDIR": place.own}
    if not confined:
        own |= {"KERAS_HOME": os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras"), "HOME": place.own}
    os.environ.update(own)
    tempfile.tempdir = place.own
    # the stream lives as long as the process
    sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8", errors="replace")  # noqa: SIM115
    sys.stdin = open(os.devnull)  # noqa: SIM115  (likewise)
    if "tensorflow" in sys.modules:
        sys.modules["tensorflow"].config.set_visible_devices([], "GPU")  # the cell may set the variable that hides it
    if settings.floatx is None:
        return
    import keras

    keras.config.set_floatx(settings.floatx)
    keras.config.set_image_data_format(settings.image_data_format)
    if settings.dtype_policy is not None:
        keras.config.set_dtype_policy(settings.dtype_policy)


def _take_environment(settings: Settings) -> None:
    """Return the user's variables as they are now; this process was started with those of an earlier moment."""
    users = {name: value for name, value in settings.environment if name not in FIXED}
    if users:
        for name in os.environ.keys() - users.keys() - FIXED.keys():
            del os.environ[name]
        os.environ.update(users)
