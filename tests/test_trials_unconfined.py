"""Trials where the system cannot confine a process, and trials that do not fork: nothing is written twice."""

from __future__ import annotations

import contextlib
import sqlite3
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
import tensorflow as tf

from conv_magic.engine import runner
from conv_magic.sandbox import landlock
from conv_magic.sandbox.scratch import Scratch
from conv_magic.sandbox.trial import Ended
from conv_magic.sandbox.unconfined import REMARK, UNCONFINED, UNCONFINED_TOO_LARGE

WRITES = {
    "sqlite": (
        "import sqlite3\nwith sqlite3.connect({place!r} + 'rows.db') as db:\n"
        "    db.execute('insert into runs values (1)')"
    ),
    "gfile": "import tensorflow as tf\nwith tf.io.gfile.GFile({place!r} + 'text', 'a') as f:\n    f.write('x')",
    "checkpoint": "import tensorflow as tf\ntf.train.Checkpoint(v=tf.Variable(2.0)).write({place!r} + 'saved')",
    "weights": (
        "import keras\nm = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])\n"
        "m.save_weights({place!r} + 'm.weights.h5')"
    ),
    "remove": "import tensorflow as tf\ntf.io.gfile.remove({place!r} + 'text')",
    "os.remove": "import os\nos.remove({place!r} + 'text')",
    "rename": "import tensorflow as tf\ntf.io.gfile.rename({place!r} + 'text', {place!r} + 'other')",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    here = tmp_path / "here"
    here.mkdir()
    (here / "text").write_text("x")
    (here / "m.weights.h5").write_text("mine")
    (here / "link").symlink_to(here / "text")
    with contextlib.closing(sqlite3.connect(here / "rows.db")) as database, database:
        database.execute("create table runs (n)")
    tf.train.Checkpoint(v=tf.Variable(1.0)).write(str(here / "saved"))
    monkeypatch.chdir(here)
    return here


def contents(folder: Path) -> dict[str, tuple[float, bytes]]:
    return {path.name: (path.lstat().st_mtime, path.read_bytes()) for path in folder.iterdir()}


@pytest.fixture(scope="module")
def unconfined() -> Iterator[Scratch]:
    scratch = Scratch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(landlock.SWITCH, "0")
        scratch.start()
    with scratch:
        yield scratch


@pytest.mark.parametrize("name", WRITES)
def test_what_c_code_writes_goes_into_a_copy(unconfined: Scratch, name: str, folder: Path) -> None:
    before = contents(folder)
    trial = unconfined.try_cell(WRITES[name].format(place=""), {}, filename="<cell>", limit=60)
    assert (trial.ended, trial.copied) == (Ended.RAN, True), trial.error
    assert contents(folder) == before
    assert not unconfined.confined


@pytest.mark.parametrize("name", WRITES)
def test_what_names_a_place_outside_is_not_tried(unconfined: Scratch, name: str, folder: Path) -> None:
    before = contents(folder)
    trial = unconfined.try_cell(WRITES[name].format(place=f"{folder}/"), {}, filename="<cell>", limit=60)
    assert (trial.ended, trial.needs) == (Ended.RAISED, UNCONFINED)
    assert contents(folder) == before


def test_a_place_outside_that_a_value_names_is_seen(unconfined: Scratch, folder: Path) -> None:
    import pickle

    for value in (str(folder), folder, [{"place": str(folder)}]):
        trial = unconfined.try_cell("place", {"place": pickle.dumps(value)}, filename="<cell>", limit=60)
        assert trial.needs == UNCONFINED
    for source in ("import os\nos.environ['HERE']", "import os\nos.path.join(os.path.dirname(os.__file__), 'x')"):
        assert unconfined.try_cell(source, {}, filename="<cell>", limit=60).needs == UNCONFINED
    assert unconfined.try_cell("'a / b', '/', 'x\\n/'", {}, filename="<cell>", limit=60).needs in (None, UNCONFINED)
    home = "from pathlib import Path\nPath('~/x').expanduser().write_text('x'); Path.home().joinpath('y').touch()"
    assert unconfined.try_cell(home, {}, filename="<cell>", limit=60).ended is Ended.RAN


def test_a_place_outside_that_an_own_module_names_is_seen(
    unconfined: Scratch, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    (folder / "inner.py").write_text(f"place = {str(folder)!r}")
    (folder / "outer.py").write_text("import inner")
    (folder / "fine.py").write_text("import os\nplace = 'here'")
    assert unconfined.try_cell("import outer", {}, filename="<cell>", limit=60).needs == UNCONFINED
    assert unconfined.try_cell("import fine", {}, filename="<cell>", limit=60).ended is Ended.RAN


def test_a_large_folder_is_not_copied(unconfined: Scratch, folder: Path) -> None:
    with (folder / "large").open("wb") as file:
        file.truncate(1 << 27)
    trial = unconfined.try_cell("x = 1", {}, filename="<cell>", limit=60)
    assert trial.needs == UNCONFINED_TOO_LARGE


def test_it_is_said_once(folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv(landlock.SWITCH, "0")
    runner._complain_once.cache_clear()
    shared = runner.shared_scratch("conv_magic.engine.runner:tried")
    shared.stop()
    source = (
        "import keras, numpy as np\nwith open('text', 'a') as f: f.write('')\n"
        "keras.layers.Conv2D(4, 3)(np.zeros((8, 8, 3), 'float32'))"
    )
    try:
        for _ in range(2):
            report = runner.run(source, verify=True)
            assert any(fix.verified for d in report.diagnoses for fix in d.fixes)
    finally:
        shared.stop()
        runner._complain_once.cache_clear()
    assert capfd.readouterr().err.count(REMARK) == 1


@pytest.mark.skipif(not landlock.available(), reason="the system has no Landlock")
def test_without_fork_a_trial_is_confined_too(folder: Path) -> None:
    """All of them in one trial, by a whole path, each refused; what is written by a relative one goes into a copy."""
    before = contents(folder)
    source = "refused = []\n"
    for write in WRITES.values():
        text = textwrap.indent(write.format(place=f"{folder}/"), "    ")
        source += f"try:\n{text}\nexcept Exception as error:\n    refused.append(error)\n"
    source += f"assert len(refused) == {len(WRITES)}, refused\n" + WRITES["gfile"].format(place="")
    with Scratch(forks=False) as scratch:
        trial = scratch.try_cell(source, {}, filename="<cell>", limit=60)
    assert (trial.ended, trial.copied) == (Ended.RAN, True), trial.error
    assert contents(folder) == before
