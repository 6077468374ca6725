"""A Chromium to test with: one that is there, else Playwright's, else Debian's.

`python -m browser.find_browser` (in tests/) prints the path of one; `--install` fetches one when none is there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
MISSING = "no browser: none is on PATH and none could be installed; install Chromium or Google Chrome"


def find_browser() -> str | None:
    """The path of a Chromium, or None."""
    return _on_path() or _from_playwright()


def install_browser() -> str | None:
    """The path of a Chromium, fetched if there is none; None where that fails."""
    return find_browser() or _install_with_playwright() or _install_with_apt()


def _on_path() -> str | None:
    found = (shutil.which(name) for name in NAMES)
    # Ubuntu's `chromium` may be a snap: it cannot see the temporary folders that Playwright works in.
    return next((path for path in found if path and Path(path).resolve().name != "snap"), None)


def _from_playwright() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def _install_with_playwright() -> str | None:
    libraries = ["--with-deps"] if _is_root_with_apt() else []
    _run([sys.executable, "-m", "playwright", "install", *libraries, "chromium"])
    return _from_playwright()


def _install_with_apt() -> str | None:
    if _is_root_with_apt() and _run(["apt-get", "update", "-qq"]):
        _run(["apt-get", "install", "-qq", "-y", "--no-install-recommends", "chromium"])
    return _on_path()


def _is_root_with_apt() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None


def _run(command: list[str]) -> bool:
    print(*command, file=sys.stderr)
    return subprocess.run(command, stdout=sys.stderr, check=False).returncode == 0


def main() -> int:
    path = install_browser() if "--install" in sys.argv[1:] else find_browser()
    print(path or MISSING, file=sys.stdout if path else sys.stderr)
    return 0 if path else 1


if __name__ == "__main__":
    raise SystemExit(main())
