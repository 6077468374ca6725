"""Whether a file, or a text that names files, is our own code: a checkout, or its environment, may be called so too."""

from __future__ import annotations

import sys
from pathlib import Path

import conv_magic

PACKAGE = Path(conv_magic.__file__).parent
_PLACES = {PACKAGE.parent, Path(__file__).parents[1], Path(sys.prefix), Path(sys.base_prefix)}


def is_own_file(file: str) -> bool:
    """Whether a file, as a frame names it, is one of ours."""
    return "conv_magic_hook" in file or Path(file).is_relative_to(PACKAGE)


def names_own_code(text: str) -> bool:
    """Whether a traceback names our package; the folders that we, TensorFlow and the tests stand in do not count."""
    for place in sorted(map(str, _PLACES), key=len, reverse=True):
        text = text.replace(f"{place}/", "").replace(f"{_shortened(place)}/", "")
    return "conv_magic" in text


def _shortened(place: str) -> str:
    """As IPython writes a folder of the user's."""
    home = str(Path("~").expanduser())
    return place.replace(home, "~", 1) if place.startswith(f"{home}/") else place
