"""Another Jupyter to test with, in an environment of its own: our front end and kernel come from this environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

OURS = ("conv-magic", "@jupyter-widgets/jupyterlab-manager", "anywidget")


def make_environment(folder: Path, *packages: str) -> None:
    """Install `packages` into `folder` where that has not been done, and put our front end and kernel there anew."""
    if not (folder / "bin/jupyter").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([folder / "bin/python", "-m", "pip", "install", "--quiet", *packages], check=True)
    home = Path(sys.prefix) / "share/jupyter/labextensions"
    for name in OURS:
        place = folder / "share/jupyter/labextensions" / name  # copied: a server does not follow links
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(home / name, place)
    kernel = folder / "share/jupyter/kernels/python3/kernel.json"
    kernel.parent.mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    kernel.write_text(json.dumps({"argv": argv, "display_name": "Python 3 (ipykernel)", "language": "python"}), "utf-8")
    command = [folder / "bin/python", "-m", "pip", "--disable-pip-version-check", "list", "--format=json"]
    versions = json.loads(subprocess.check_output(command, text=True))
    named = ("jupyterlab", "notebook", "jupyter-collaboration")
    print(*(f"{package['name']} {package['version']}" for package in versions if package["name"] in named), flush=True)


def use_environment(folder: Path) -> None:
    """Let `running_lab` start the Jupyter of `folder`, in this process and those that it starts."""
    os.environ["CONV_MAGIC_TEST_JUPYTER"] = str(folder / "bin/jupyter")
