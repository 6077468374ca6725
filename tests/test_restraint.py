"""A trial changes nothing outside of it: files, processes, sockets, shared memory, metadata; and says what it lacked.

`run_side_effects.py` tries each effect by itself, with and without Landlock and fork, and first whether it can be seen.
"""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from conv_magic.sandbox import seccomp, system_calls
from conv_magic.sandbox.confinement import of_this_system
from conv_magic.sandbox.scratch import Scratch
from conv_magic.sandbox.trial import Ended
from side_effects import GROUPS, World, cell_of, cell_of_all, is_shell

complete = pytest.mark.skipif(
    not of_this_system().complete, reason="this system has no Landlock, or no seccomp filters"
)


@pytest.fixture(scope="module")
def scratch() -> Iterator[Scratch]:
    with Scratch() as warm:
        yield warm


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


@complete
@pytest.mark.parametrize("group", GROUPS)
def test_nothing_is_seen_outside(scratch: Scratch, world: World, group: str) -> None:
    effects = [effect for effect in GROUPS[group].strip().splitlines() if not is_shell(effect)]
    trial = scratch.try_cell(cell_of_all(world, effects), {}, filename="<cell>", limit=120)
    assert trial.ended is Ended.RAN, trial.error
    assert world.changed() == ()


@pytest.mark.parametrize(
    ("effect", "needs"),
    [
        ("socket.socket(type=socket.SOCK_DGRAM).sendmsg([b'x'], [], 0, UDP)", "needs the network"),
        ("socket.socketpair()[0].sendmsg([b'x'], [], 0, UNIX)", "needs the network"),
        (
            "from multiprocessing.shared_memory import SharedMemory as S; S(SHM)",
            "uses memory that other processes share",
        ),
        ("open(W + '/pipe').read()", "reads a pipe or a device"),
        ("os.fork()", "needs another program"),
        ("import multiprocessing.util as u; u.spawnv_passfds(b'/bin/ls', [b'ls'], [])", "needs another program"),
        ("import multiprocessing as m; m.get_context('spawn').Process().start()", "needs another program"),
        ("import multiprocessing as m; m.get_context('fork').Process().start()", "needs another program"),
        ("signal.pidfd_send_signal(os.pidfd_open(PID), 9)", "changes another process"),
        ("os.setpriority(os.PRIO_PROCESS, PID, 7)", "changes another process"),
        ("os.sched_setaffinity(PID, {0})", "changes another process"),
        ("import resource; resource.prlimit(PID, resource.RLIMIT_NOFILE, (50, 60))", "changes another process"),
    ],
)
def test_what_no_trial_may_do_is_named(scratch: Scratch, world: World, effect: str, needs: str) -> None:
    trial = scratch.try_cell(cell_of(world, effect), {}, filename="<cell>", limit=60)
    assert (trial.ended, trial.needs) == (Ended.RAISED, needs), trial.error


@complete
def test_what_only_the_system_refuses_is_named_too(scratch: Scratch, world: World) -> None:
    effect = "ctypes.CDLL(None, use_errno=True).kill(PID, 9)\nraise OSError(ctypes.get_errno(), os.strerror(1))"
    trial = scratch.try_cell(
        cell_of(world, "C = ctypes.CDLL(None, use_errno=True); " + effect), {}, filename="<cell>", limit=60
    )
    assert trial.needs == "does what no trial may do", trial.error


@pytest.mark.parametrize("forks", [True, False])
def test_what_a_trial_needs_is_there(forks: bool) -> None:
    cell = """
        import asyncio, os, resource, shutil, tempfile, threading
        from multiprocessing.pool import ThreadPool
        import numpy as np, tensorflow as tf
        assert ThreadPool(3).map(lambda x: 2 * x, range(4)) == [0, 2, 4, 6]
        assert asyncio.run(asyncio.to_thread(lambda: 3)) == 3
        thread = threading.Thread(target=os.getpid)
        thread.start()
        thread.join()
        data = tf.data.Dataset.range(9).map(lambda x: x + 1, num_parallel_calls=4).prefetch(2).cache()
        assert sum(x.numpy() for x in data) == 45
        with open("one", "w") as file:
            file.write("x")
        shutil.copy2("one", "two")
        os.setpriority(os.PRIO_PROCESS, 0, 15)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.prlimit(os.getpid(), resource.RLIMIT_CORE)
        tempfile.TemporaryDirectory().cleanup()
        """
    with Scratch(forks=forks) as scratch:
        trial = scratch.try_cell(textwrap.dedent(cell), {}, filename="<cell>", limit=60)
    assert trial.held, (trial.line, trial.error)


LINGERS = "C.fork() or linger()\n" * 3 + "import time; time.sleep(0.2)"


@pytest.mark.skipif(not Path("/proc").exists(), reason="processes are found in /proc")
@pytest.mark.parametrize("forks", [True, False])
def test_processes_of_a_trial_end_with_it(monkeypatch: pytest.MonkeyPatch, world: World, forks: bool) -> None:
    """Also where nothing keeps it from starting them, and in a session of their own."""
    monkeypatch.setenv(seccomp.SWITCH, "0")
    with Scratch(forks=forks) as scratch:
        trial = scratch.try_cell(cell_of(world, LINGERS), {}, filename="<cell>", limit=60)
        assert trial.ended is Ended.RAN, trial.error
        if not forks:
            scratch.stop()
        assert world.started() == []


def test_numbers_of_system_calls_are_the_systems_own() -> None:
    headers = ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm-generic/unistd.h")
    for column, header in enumerate(headers):
        if not os.path.exists(header):
            continue
        text = Path(header).read_text()
        known = {n.removeprefix("3264_"): int(v) for n, v in re.findall(r"__NR(?:3264)?_(\w+)\s+(\d+)", text)}
        for name, numbers in system_calls.NUMBERS.items():
            assert name not in known or numbers[column] == known[name], name
