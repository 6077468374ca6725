"""The scratch process starts without the user's folder on its import path; a trial has it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from conv_magic.repair.isolated import command, safe_path
from conv_magic.repair.scratch import Scratch
from conv_magic.repair.trial import Ended

SHADOWS = ("queue", "random", "six", "wrapt", "requests", "h5py", "keras_tuner", "packaging")


@pytest.mark.parametrize("way", ["here", "inserted", "python path"])
def test_nothing_of_the_users_runs_at_start(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = tmp_path / "ran"
    for name in SHADOWS:
        (tmp_path / f"{name}.py").write_text(f"open({str(mark)!r}, 'a').write({name!r})\nraise ImportError('mine')\n")
    (tmp_path / "mine.py").write_text("size = 8\n")
    if way == "here":
        monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["" if way == "here" else str(tmp_path), *sys.path])
    if way == "python path":
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Scratch() as scratch:
        trial = scratch.try_cell("import mine\nassert mine.size == 8", {}, filename="<cell>", limit=60)
    assert trial.ended is Ended.RAN, trial.error
    assert not mark.exists()


def test_the_import_path_is_kept_in_its_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", str(tmp_path), "/one", *sys.path, "/two"])
    found = safe_path()
    assert str(tmp_path) not in found
    assert found[-2:] == ["/one", "/two"]
    shown = subprocess.run(
        [*command([])[:2], "-c", "import sys; print('' in sys.path)"], capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "False"
