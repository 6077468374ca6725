"""The wheel is complete, and it is what these tests run against."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
from importlib.metadata import version
from pathlib import Path
from zipfile import ZipFile

import pytest

import conv_magic

ROOT = Path(__file__).parents[1]
SITE_PACKAGES = Path(sysconfig.get_path("purelib"))
LAB_EXTENSION = "share/jupyter/labextensions/conv-magic"


@pytest.fixture(scope="module")
def wheel() -> ZipFile:
    (path,) = (ROOT / "dist").glob("*.whl")
    return ZipFile(path)


def test_the_tests_run_against_the_installed_package() -> None:
    assert Path(conv_magic.__file__).is_relative_to(SITE_PACKAGES)


def test_the_installed_package_is_this_wheel(wheel: ZipFile) -> None:
    modules = [name for name in wheel.namelist() if name.startswith("conv_magic/")]
    different = [name for name in modules if (SITE_PACKAGES / name).read_bytes() != wheel.read(name)]
    assert modules
    assert not different


def test_the_wheel_holds_every_module_of_the_working_tree(wheel: ZipFile) -> None:
    modules = {path.relative_to(ROOT).as_posix(): path for path in (ROOT / "conv_magic").rglob("*.py")}
    assert {name for name in wheel.namelist() if name.endswith(".py")} == set(modules)
    assert all(wheel.read(name) == path.read_bytes() for name, path in modules.items())


def test_the_wheel_holds_the_front_end(wheel: ZipFile) -> None:
    names = wheel.namelist()
    assert "conv_magic/py.typed" in names
    assert "conv_magic/static/widget.js" in names
    assert [name for name in names if name.endswith(f"{LAB_EXTENSION}/package.json")]
    assert [name for name in names if f"{LAB_EXTENSION}/static/remoteEntry" in name]


def test_there_is_one_version() -> None:
    assert json.loads((ROOT / "js/package.json").read_text("utf-8"))["version"] == conv_magic.__version__
    assert version("conv-magic") == conv_magic.__version__
    assert f"## {conv_magic.__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_package_works_from_an_empty_folder(tmp_path: Path) -> None:
    script = "import conv_magic; print(conv_magic.__version__, conv_magic.__file__)"
    result = subprocess.run(
        [sys.executable, "-I", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert result.stdout.split()[0] == conv_magic.__version__
    assert Path(result.stdout.split()[1]).is_relative_to(SITE_PACKAGES)


def test_jupyterlab_lists_the_extension_as_enabled(tmp_path: Path) -> None:
    command = [sys.executable, "-I", "-m", "jupyter", "labextension", "list"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    plain = re.sub(r"\x1b\[\d+m", "", result.stdout + result.stderr)
    assert f"conv-magic v{conv_magic.__version__} enabled OK" in plain
