"""Two workers of one `MultiWorkerMirroredStrategy`, each a process of its own: each has its own rows."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

_SCRIPT = Path(__file__).with_name("multiworker.py")
_LIMIT = 600.0
"""Seconds for both workers together; then they are killed."""


def _free_ports(count: int) -> list[int]:
    taken = [socket.socket() for _ in range(count)]
    try:
        for one in taken:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in taken]
    finally:
        for one in taken:
            one.close()


def _run_workers(folder: Path) -> list[dict[str, Any]]:
    ports = ",".join(map(str, _free_ports(2)))
    outs = [folder / f"worker{index}.json" for index in (0, 1)]
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    workers = [
        subprocess.Popen(
            [sys.executable, str(_SCRIPT), str(index), ports, str(out)],
            env=environment, stdout=subprocess.DEVNULL, stderr=(folder / f"worker{index}.txt").open("w"),
        )
        for index, out in enumerate(outs)
    ]  # fmt: skip
    deadline = time.monotonic() + _LIMIT
    try:
        for worker in workers:
            worker.wait(max(deadline - time.monotonic(), 0.1))
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    for index, out in enumerate(outs):
        assert out.exists(), (folder / f"worker{index}.txt").read_text("utf-8")[-3000:]
    return [json.loads(out.read_text("utf-8")) for out in outs]


def test_each_worker_sees_its_own_replica_on_its_share_of_the_batch(tmp_path: Path) -> None:
    told = _run_workers(tmp_path)
    assert [worker["error"] for worker in told] == ["None", "None"]
    assert told[0]["totals"] == told[1]["totals"]
    assert len(told[0]["totals"]) == 2
    for replica, worker in enumerate(told):
        assert worker["rows"] == [
            ["tf.function", "graph", 16, None, [[4, 8, 8, 3]], []],
            ["Conv2D", "graph", 10, replica, [[4, 8, 8, 3]], [4, 8, 8, 4]],
            ["max_pool2d", "graph", 11, replica, [[4, 8, 8, 4]], [4, 4, 4, 4]],
        ]
