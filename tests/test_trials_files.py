"""Fixes of cells that read and write files, tried end to end: each verdict is what the edited cell really does."""

from __future__ import annotations

import contextlib
import io
import shutil
import sqlite3
import sys
import textwrap
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import conv_magic
from conv_magic.engine.report import Report
from conv_magic.model.fixes import Fix
from conv_magic.sandbox.scratch import shared_scratch

BEGIN = """\
import json, os, glob, numpy as np, tensorflow as tf, keras
from pathlib import Path
conv = keras.layers.Conv2D(4, 3)
"""

READING = {
    "open": "rows = open('pixels.csv').read().split()\nx = np.zeros((len(rows), 8, 3), 'float32')\ny = conv(x)",
    "with open": "with open('size.txt') as f:\n    n = int(f.read())\ny = conv(np.zeros((n, n, 3), 'float32'))",
    "read_text": "n = int(Path('size.txt').read_text())\ny = conv(np.zeros((n, n, 3), 'float32'))",
    "read_csv": """
        import pandas as pd
        x = pd.read_csv('pixels.csv', header=None).to_numpy('float32').reshape(8, 8, 3)
        y = conv(x)""",
    "json": "n = json.load(open('config.json'))['size']\ny = conv(np.zeros((n, n, 3), 'float32'))",
    "zipfile": """
        import zipfile
        with zipfile.ZipFile('data.zip') as z:
            n = int(z.read('size.txt'))
        y = conv(np.zeros((n, n, 3), 'float32'))""",
    "np.load npy": "x = np.load('image.npy')\ny = conv(x)",
    "np.load npz": "with np.load('images.npz') as data:\n    x = data['x'][0]\ny = conv(x)",
    "memmap": "x = np.load('image.npy', mmap_mode='r')\ny = conv(tf.constant(x))",
    "PIL": "from PIL import Image\nx = np.asarray(Image.open('images/a/0.png'), 'float32')\ny = conv(x)",
    "load_img": "x = keras.utils.img_to_array(keras.utils.load_img('images/a/0.png'))\ny = conv(x)",
    "h5py": "import h5py\nwith h5py.File('data.h5', 'r') as f:\n    x = f['x'][0]\ny = conv(x)",
    "tfrecord": """
        dataset = tf.data.TFRecordDataset('data.tfrecord')
        for record in dataset:
            x = tf.reshape(tf.io.decode_raw(record, tf.float32), (8, 8, 3))
            y = conv(x)""",
    "tf.io": "x = tf.cast(tf.io.decode_png(tf.io.read_file('images/a/0.png')), tf.float32)\ny = conv(x)",
    "glob": "for f in sorted(glob.glob('images/*/*.png')): y = conv(np.asarray(keras.utils.load_img(f), 'float32'))",
    "listdir": """
        for name in os.listdir('images/a'):
            x = keras.utils.img_to_array(keras.utils.load_img(os.path.join('images', 'a', name)))
            y = conv(x)""",
    "walk": """
        for folder, _, names in os.walk('images'):
            for name in names:
                y = conv(keras.utils.img_to_array(keras.utils.load_img(os.path.join(folder, name))))""",
    "tf.data": """
        files = tf.data.Dataset.list_files('images/*/*.png', shuffle=False)
        images = files.map(lambda f: tf.cast(tf.io.decode_png(tf.io.read_file(f), channels=3), tf.float32))
        ys = [conv(x) for x in images]""",
    "image_dataset": """
        data = keras.utils.image_dataset_from_directory('images', image_size=(8, 8), batch_size=None, verbose=False)
        for x, label in data.take(2):
            y = conv(x)""",
    "own module": "import helper\nx = helper.load('image.npy')\ny = conv(x)",
}
WRITING = {
    "open w": "with open('log.txt', 'w') as f:\n    f.write('begin')\ny = conv(np.load('image.npy'))",
    "open a": """
        with open('size.txt', 'a') as f:
            f.write(' ')
        n = int(open('size.txt').read())
        y = conv(np.zeros((n, n, 3), 'float32'))""",
    "makedirs": """
        os.makedirs('runs/1', exist_ok=True)
        Path('runs/1/note.txt').write_text('x')
        y = conv(np.load('image.npy'))""",
    "np.save": """
        y = conv(np.load('image.npy'))
        np.save('y.npy', y)
        np.savez('image.npz', y=y)
        assert os.path.exists('y.npy')""",
    "model.save": """
        model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3)])
        model.save('model.keras')
        model.save_weights('model.weights.h5')
        model.load_weights('model.weights.h5')
        y = model(np.load('image.npy'))""",
    "checkpoint": """
        v = tf.Variable(1.0)
        tf.train.Checkpoint(v=v).save('ckpt/c')
        with tf.summary.create_file_writer('logs').as_default():
            tf.summary.write('a', tf.constant(1.0), step=1)
        y = conv(np.load('image.npy'))""",
    "h5py a": """
        import h5py
        with h5py.File('data.h5', 'a') as f:
            f.attrs['times'] = f.attrs.get('times', 0) + 1
            x = f['x'][0]
        y = conv(x)""",
    "sqlite": """
        import sqlite3
        with sqlite3.connect('rows.db') as db:
            db.execute('insert into runs values (2)')
        y = conv(np.load('image.npy'))""",
    "gfile": "with tf.io.gfile.GFile('size.txt', 'a') as f:\n    f.write('0')\ny = conv(np.load('image.npy'))",
    "remove": """
        import shutil
        for name in ('config.json', 'size.txt'):
            if os.path.exists(name):
                os.rename(name, name + '.old')
        if os.path.exists('pixels.csv'):
            os.remove('pixels.csv')
        shutil.rmtree('images', ignore_errors=True)
        y = conv(np.load('image.npy'))""",
}


def make_files(folder: Path) -> None:
    image = np.zeros((8, 8, 3), "float32")
    (folder / "pixels.csv").write_text("\n".join([",".join(["0"] * 24)] * 8))
    (folder / "size.txt").write_text("8")
    (folder / "config.json").write_text('{"size": 8}')
    (folder / "helper.py").write_text("import numpy as np\ndef load(path): return np.load(path)\n")
    np.save(folder / "image.npy", image)
    np.savez(folder / "images.npz", x=image[None])
    with zipfile.ZipFile(folder / "data.zip", "w") as archive:
        archive.writestr("size.txt", "8")
    import h5py
    from PIL import Image

    with h5py.File(folder / "data.h5", "w") as file:
        file["x"] = image[None]
    with tf.io.TFRecordWriter(str(folder / "data.tfrecord")) as writer:
        writer.write(image.tobytes())
    for name in ("a", "b"):
        (folder / "images" / name).mkdir(parents=True)
        Image.fromarray(image.astype("uint8")).save(folder / "images" / name / "0.png")
    with contextlib.closing(sqlite3.connect(folder / "rows.db")) as database, database:
        database.execute("create table runs (n)")


def contents(folder: Path) -> dict[str, tuple[float, bytes]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime, path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
    }


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("original")
    make_files(folder)
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working folder, with files of every kind."""
    here = tmp_path / "here"
    shutil.copytree(original, here)
    monkeypatch.chdir(here)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    yield here
    sys.modules.pop("helper", None)


@pytest.fixture(scope="module", autouse=True)
def one_scratch_process() -> Iterator[None]:
    yield
    shared_scratch("conv_magic.engine.runner:tried").stop()


def reported(source: str, folder: Path) -> Report:
    """The report of a cell, tried with what its own run left of the files, which trials leave as they are."""
    from conv_magic.engine import runner

    report = conv_magic.run(source, {"__name__": "__main__"})
    before = contents(folder)
    report = runner.verified(report, runner.packed_for(report, {}))
    assert contents(folder) == before
    return report


def really_runs(fix: Fix, source: str, files: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    with monkeypatch.context() as patch, contextlib.redirect_stdout(io.StringIO()):
        patch.chdir(files)
        try:
            exec(compile(fix.apply(source), "<fixed>", "exec"), {"__name__": "__main__"})
        except Exception:
            return False
        return True


@pytest.mark.parametrize("name", [*READING, *WRITING])
def test_each_verdict_is_right(name: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = BEGIN + textwrap.dedent((READING | WRITING)[name]).strip() + "\n"
    report = reported(source, folder)
    assert report.failure is not None
    fixes = [fix for diagnosis in report.diagnoses for fix in diagnosis.fixes]
    assert fixes
    assert any(fix.verified for fix in fixes), [fix.untried for fix in fixes]
    for number, fix in enumerate(fixes):
        assert fix.verified or (fix.untried or "").startswith("tried: "), fix.untried
        files = tmp_path / f"for fix {number}"
        shutil.copytree(folder, files)
        assert really_runs(fix, source, files, monkeypatch) == fix.verified, fix


def verdicts(source: str, folder: Path) -> list[str | None]:
    """Of each fix None where it holds, else why not."""
    report = reported(BEGIN + textwrap.dedent(source).strip() + "\n", folder)
    return [None if fix.verified else fix.untried for d in report.diagnoses for fix in d.fixes]


PICTURES = "sorted(glob.glob('images/*/*.png'))"
LOAD = "np.asarray(keras.utils.load_img(f), 'float32')"


@pytest.mark.parametrize(
    "source",
    [
        f"for f in {PICTURES}: y = conv({LOAD})",
        f"ys = [conv({LOAD}) for f in {PICTURES}]",
        f"def load_all():\n    for f in {PICTURES}:\n        yield conv({LOAD})\nys = list(load_all())",
        f"for f in {PICTURES}:\n    if f:\n        y = conv({LOAD})",
        f"def last():\n    for f in {PICTURES}:\n        return conv({LOAD})\ny = last()",
    ],
)
def test_what_runs_no_turn_proves_nothing(
    source: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files are gone when the fixes are tried: both would run to their end, and nothing would be learnt."""
    from conv_magic.engine import runner

    report = conv_magic.run(BEGIN + source, {"__name__": "__main__"})
    fixes = [fix for diagnosis in report.diagnoses for fix in diagnosis.fixes]
    assert fixes
    shutil.rmtree(folder / "images")
    report = runner.verified(report, runner.packed_for(report, {}))
    assert {fix.untried for d in report.diagnoses for fix in d.fixes} == {
        "the trial did not come past the call that failed"
    }


def test_a_place_in_a_graph_function_is_reached(folder: Path) -> None:
    """AutoGraph reads the function's text anew."""
    source = """
        @tf.function
        def scores(x):
            return tf.reshape(x, (8, 36))
        y = scores(tf.zeros((5, 6, 6)))"""
    assert verdicts(source, folder) == [None]


def test_it_must_come_as_far_as_before(folder: Path) -> None:
    """The third of three pictures fails; with fewer turns than that a trial does not show that it no longer does."""
    source = """
        turns = 3 - len(glob.glob('left_*'))
        for n in range(turns):
            Path(f'left_{n}').touch()
            y = conv(np.zeros((1, 8, 8, 3) if n < 2 else (8, 8, 3), 'float32'))
        """
    assert set(verdicts(source, folder)) == {"the trial did not come past the call that failed"}


def test_a_linked_file_is_copied_when_it_is_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (folder / "large.bin").open("wb") as large:
        large.truncate((1 << 24) + 1)
    source = """
        with open('large.bin', 'r+b') as f:
            f.write(b'x')
        os.truncate('large.bin', 10)
        y = conv(np.load('image.npy'))
        """
    assert None in verdicts(source, folder)


def test_a_large_folder_is_read_in_place_and_linked(folder: Path) -> None:
    (folder / "many").mkdir()
    for number in range(4001):
        (folder / "many" / str(number)).touch()
    reading = "n = len(os.listdir('many'))\ny = conv(np.load('image.npy'))\nassert n == 4001"
    assert None in verdicts(reading, folder)
    assert None in verdicts(reading + "\nopen('log', 'w')", folder)
    assert set(verdicts("open('many/0', 'w')\n" + reading, folder)) == {
        "writes a file or folder that is too large to copy"
    }


def test_a_folder_too_large_to_copy_is_read(folder: Path) -> None:
    for number in range(4001):
        (folder / str(number)).touch()
    reading = "y = conv(np.load('image.npy'))"
    assert None in verdicts(reading, folder)
    assert set(verdicts("open('log', 'w')\n" + reading, folder)) == {
        "writes files, and the working folder is too large to copy"
    }


def test_an_absolute_path_in_the_working_folder_is_told(folder: Path) -> None:
    assert set(verdicts(f"open({str(folder / 'log')!r}, 'w')\ny = conv(np.load('image.npy'))", folder)) == {
        "writes into the working folder by an absolute path"
    }


def test_a_trial_has_the_arguments_and_the_environment_of_its_owner(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["program", "--size=8"])
    monkeypatch.setenv("SIZE_OF_THIS_TEST", "8")
    source = """
        import sys
        n = int(sys.argv[1].partition('=')[2])
        assert n == int(os.environ['SIZE_OF_THIS_TEST']) and Path.cwd().name == 'here'
        y = conv(np.zeros((n, n, 3), 'float32'))
        """
    assert None in verdicts(source, folder)
