"""Run the browser tests against the oldest JupyterLab and Notebook that we declare.

They are installed into an environment of their own, in the system's folder for temporary files unless a folder is
named.

    .venv/bin/python tests/run_oldest_lab.py [FOLDER] [-- pytest's arguments]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from browser.other_jupyter import make_environment, use_environment

ROOT = Path(__file__).parents[1]
TESTS = ("tests/browser/test_shapes_in_editor.py", "tests/browser/test_runs_in_lab.py")
# With a server of their time.
PACKAGES = ("jupyterlab==4.0.*", "notebook==7.0.*", "jupyter_server<2.11")


def main(arguments: list[str]) -> int:
    """Make the environment where it is missing and run the tests in it; pytest's exit status."""
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    folder = Path(*arguments[:cut][:1] or [tempfile.gettempdir(), "conv_magic-oldest-lab"])
    make_environment(folder, *PACKAGES)
    use_environment(folder)
    return subprocess.run(
        [sys.executable, "-m", "pytest", *TESTS, *arguments[cut + 1 :]], cwd=ROOT, check=False
    ).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
