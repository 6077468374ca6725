"""Side effects of a notebook's cell whose fixes are tried: each must be seen once, as the user's own run has it."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from notebook_kernel import MIME, Kernel, report_in, running_kernel
from side_effects import World

FAILS = "\nlayers.Conv2D(2, 3)(tf.zeros((8, 8, 1)))"

Count = Callable[[World, dict[str, Any]], int]

SAMPLE: list[tuple[str, Count]] = [
    ("open(W + '/count', 'a').write('x')", lambda world, _: _size(world, "count")),
    ("open('count', 'a').write('x')", lambda world, _: _size(world, "count")),
    ("!printf x >> {W}/count", lambda world, _: _size(world, "count")),
    ("g = tf.io.gfile.GFile(W + '/count', 'a'); g.write('x'); g.close()", lambda world, _: _size(world, "count")),
    ("g = tf.io.gfile.GFile('count', 'a'); g.write('x'); g.close()", lambda world, _: _size(world, "count")),
    (
        "import sqlite3; b = sqlite3.connect(W + '/base.db'); b.execute('insert into t values (1)'); b.commit()",
        lambda world, _: _rows(world),
    ),
    (
        "import sqlite3; b = sqlite3.connect('base.db'); b.execute('insert into t values (1)'); b.commit()",
        lambda world, _: _rows(world),
    ),
    ("import h5py; f = h5py.File(W + '/data.h5', 'a'); f['x'][0] += 1; f.close()", lambda world, _: _number(world)),
    ("from multiprocessing.shared_memory import SharedMemory as S; m = S(SHM); m.buf[0] += 1; m.close()",
     lambda _, state: int(state["shared memory"][0])),
    ("socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', UDP)", lambda _, state: int(state["udp"])),
    ("socket.socket(type=socket.SOCK_DGRAM).sendmsg([b'x'], [], 0, UDP)", lambda _, state: int(state["udp"])),
    ("socket.create_connection(TCP).close()", lambda _, state: int(state["tcp"])),
    ("open(W + '/pipe', 'rb', buffering=0).read(3)", lambda _, state: (10 - int(state["pipe"])) // 3),
    ("subprocess.Popen(SLEEP)", lambda world, _: len(world.started())),
    ("os.fork() or linger()", lambda world, _: len(world.started())),
    ("os.setpriority(os.PRIO_PROCESS, PID, os.getpriority(os.PRIO_PROCESS, PID) + 2)",
     lambda _, state: int(state["process"][1]) // 2),
    ("os.chmod(F, (os.stat(F).st_mode & 0o777) + 1)",
     lambda world, _: ((world.folder / "file").stat().st_mode & 0o777) - 0o644),
    ("os.utime(os.open(F, os.O_RDONLY), (os.stat(F).st_mtime + 0, os.stat(F).st_mtime // 1000 + 1))",
     lambda world, _: 1 if (world.folder / "file").stat().st_mtime > 10**6 else 2),
]  # fmt: skip
"""An effect that adds up, and how often it was had."""


def _size(world: World, name: str) -> int:
    return (world.folder / name).stat().st_size


def _rows(world: World) -> int:
    return len(sqlite3.connect(world.folder / "base.db").execute("select * from t").fetchall())


def _number(world: World) -> int:
    import h5py

    with h5py.File(world.folder / "data.h5", "r") as data:
        return int(data["x"][0])


def _after_its_trials(kernel: Kernel, text: str) -> str:
    """Run a cell, wait until its fixes are tried; what is said of the first."""
    cell = kernel.run("%%convshapes\n" + text)
    sent: list[dict[str, Any]] = []

    def tried() -> bool:
        sent[:] = [c["data"] for c in cell.of_type("display_data", "update_display_data") if MIME in c["data"]]
        return bool(sent) and not report_in(sent[-1]).trying

    kernel.pump(tried)
    fixes = [fix for diagnosis in report_in(sent[-1]).diagnoses for fix in diagnosis.fixes]
    return "no fix" if not fixes else "tried" if fixes[0].verified else str(fixes[0].untried)


def run_in_kernel(tell: Callable[[str], None]) -> int:
    """Try the sample in a kernel; how many effects were not had just once."""
    wrong = 0
    with tempfile.TemporaryDirectory() as home, running_kernel(Path(home)) as kernel:
        kernel.check("from conv_magic.notebook import live\nlive.FIRST = 3600")
        for effect, count in SAMPLE:
            with tempfile.TemporaryDirectory(prefix="side-effects-") as folder:
                world = World(Path(folder))
                kernel.check(f"{world.prelude}os.chdir(W)")
                said = _after_its_trials(kernel, effect + FAILS)
                times = count(world, world.state())
                world.close()
            wrong += times != 1
            tell(f"kernel: {times} times: {effect} ({said})")
    tell(f"in a kernel: {len(SAMPLE)} effects, not had just once: {wrong}")
    return wrong
