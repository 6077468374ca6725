"""Whether a cell may write outside its own folder, where the system does not keep it from that.

An audit hook sees what Python writes, not what C code does: SQLite, HDF5, TensorFlow.  Without Landlock a trial stands
in a copy of the working folder, and is made only if nothing in sight names a place outside of it: neither the texts of
cells and of the user's own modules, nor a value.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.machinery
import os
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from conv_magic.sandbox.workplace import Workplace
from conv_magic.text import source as cell_source

UNCONFINED = "names a place outside the working folder, where this system cannot keep a trial from writing"
UNCONFINED_TOO_LARGE = "this system cannot keep a trial from writing, and the working folder is too large to copy"
REMARK = (
    "this system cannot confine a process (it has no Landlock), so fixes are tried in a copy of the working folder,"
    " and not at all where the cell names a place outside of it"
)

_ASKS_OUTSIDE = frozenset({"environ", "environb", "getenv", "expandvars", "__file__"})
_REMOTE = re.compile(r"^(?!https?:)[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_MOST_PARTS = 1_000
"""Parts of a value that are looked at."""


def leads_outside(texts: Iterable[str], namespace: Mapping[str, Any], place: Workplace) -> bool:
    """Whether the texts of cells or the values of their names hold a path outside that can be written."""
    trees = _with_own_modules([tree for text in texts if (tree := cell_source.parse(text)) is not None])
    names = {name for tree in trees for node in ast.walk(tree) if (name := _name(node)) is not None}
    if names & _ASKS_OUTSIDE:
        return True
    words = [n.value for t in trees for n in ast.walk(t) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return any(_is_outside(text, place) for text in [*words, *_texts_in(namespace)])


def _with_own_modules(trees: list[ast.Module]) -> list[ast.Module]:
    """Return the trees, and those of the modules that they import and that are no installed packages."""
    seen: set[str] = set()
    for tree in trees:  # grows while it is gone through
        for name in sorted(_imported(tree) - seen):
            seen.add(name)
            path = _own_file(name)
            if path is not None and len(trees) < _MOST_PARTS:
                with contextlib.suppress(OSError, SyntaxError, ValueError), open(path, "rb") as file:
                    trees.append(ast.parse(file.read()))
    return trees


def _imported(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def _own_file(name: str) -> str | None:
    """Return the file of a module of the user's own, without importing it; None for Python's and installed ones."""
    places: Sequence[str] | None = [entry for entry in sys.path if not _is_installed(entry)]
    path = None
    for part in name.split("."):
        spec = importlib.machinery.PathFinder.find_spec(part, places)
        if spec is None:
            return None
        path, places = spec.origin, list(spec.submodule_search_locations or ())
    return path


def _is_installed(entry: str) -> bool:
    library = sysconfig.get_path("stdlib")
    return "-packages" in entry or entry.endswith(".zip") or entry == library or entry.startswith(library + os.sep)


def _name(node: ast.AST) -> str | None:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None


def _texts_in(namespace: Mapping[str, Any]) -> Iterator[str]:
    waiting = list(namespace.values())
    for _ in range(_MOST_PARTS):
        if not waiting:
            return
        value = waiting.pop()
        if isinstance(value, str | os.PathLike):
            yield str(value)
        elif isinstance(value, list | tuple | set):
            waiting += list(value)[:_MOST_PARTS]
        elif isinstance(value, dict):
            waiting += list(value.values())[:_MOST_PARTS]
        elif type(value).__module__ == "__main__" and hasattr(value, "__dict__"):
            waiting += list(vars(value).values())
    yield from (os.sep for _ in waiting[:1])  # too many to look at: taken for a place outside


def _is_outside(text: str, place: Workplace) -> bool:
    if not text or "\n" in text or "\0" in text or len(text) > 4096:
        return False
    if _REMOTE.match(text):
        return True
    path = os.path.realpath(os.path.expanduser(text))
    if place.is_own(path) or path == os.devnull:
        return False
    at = path if os.path.lexists(path) else os.path.dirname(path)
    return os.access(at, os.W_OK)
