"""The scratch process starts without the user's folder on its import path; a trial has it."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from conv_magic.sandbox.isolated import command, safe_path
from conv_magic.sandbox.scratch import Scratch
from conv_magic.sandbox.trial import Ended

SHADOWS = ("queue", "random", "six", "wrapt", "requests", "h5py", "keras_tuner", "packaging")


def test_nothing_of_the_users_runs_at_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither from the working folder, nor from folders put before all others by the person or the environment."""
    mark = tmp_path / "ran"
    folders = {way: tmp_path / way for way in ("here", "inserted", "given")}
    for way, folder in folders.items():
        folder.mkdir()
        for name in SHADOWS:
            (folder / f"{name}.py").write_text(f"open({str(mark)!r}, 'a').write({name!r})\nraise ImportError('mine')\n")
        (folder / f"mine_{way}.py").write_text("size = 8\n")
    monkeypatch.chdir(folders["here"])
    monkeypatch.setattr(sys, "path", ["", str(folders["inserted"]), str(folders["given"]), *sys.path])
    monkeypatch.setenv("PYTHONPATH", str(folders["given"]))
    with Scratch() as scratch:
        source = "import mine_here, mine_inserted, mine_given\nassert mine_here.size == 8"
        trial = scratch.try_cell(source, {}, filename="<cell>", limit=60)
    assert trial.ended is Ended.RAN, trial.error
    assert not mark.exists()


def test_the_import_path_is_kept_in_its_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", str(tmp_path), "/one", *sys.path, "/two"])
    found = safe_path()
    assert str(tmp_path) not in found
    assert [entry for entry in found if entry in ("/one", "/two")] == ["/one", "/two"]
    assert found.index("/one") > found.index(sysconfig.get_path("stdlib"))
    shown = subprocess.run(
        [*command([])[:2], "-c", "import sys; print('' in sys.path)"], capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "False"
