"""Interrupt traced cells at random moments: the hooks are off after each, the next cell runs, no interrupt is lost.

    python tests/run_interrupts.py [COUNT] [SEED]

A timer's signal raises `KeyboardInterrupt` wherever the main thread is, as Ctrl-C and a kernel's interrupt do: in the
user's code, in ours, while IPython prints a traceback, while the report is made.
"""

from __future__ import annotations

import io
import os
import random
import re
import signal
import sys
import time
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from own_code import is_own_file, names_own_code
from own_faults import Faults
from run_own_faults import FAILING, GOOD, MAGIC, Bench

_LIBRARY = re.compile(r"site-packages/(tensorflow|keras|IPython|numpy)/")
CELLS = (
    GOOD,
    FAILING,
    "one = 1\none / 0\n",
    "y = tf.nn.conv2d(x, k, 1, 'SAME')\nbox = Box()\nbox.y = y\nbox.y.shape\n",
)


@dataclass
class Shot:
    """One interrupt: the cell it came in, where it came, and what is not as it should be."""

    cell: int
    fired: bool = False
    where: str = ""
    in_ours: bool = False
    in_libraries: bool = False
    for_the_next: bool = False
    stack: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


class Gallery:
    """Cells, how long each takes, and interrupts at random moments of them."""

    def __init__(self, seed: int) -> None:
        self.bench, self.random = Bench(Faults()), random.Random(seed)
        self.shot = Shot(0)
        self.unraised: list[str] = []
        sys.unraisablehook = self._unraisable
        self.texts = [f"{MAGIC} -V\n{cell.lstrip()}" for cell in CELLS]
        for text in self.texts * 2:
            self.bench.run(text)
        self.seconds = [self._seconds(text) for text in self.texts]

    def _seconds(self, text: str) -> float:
        started = time.process_time()
        self.bench.run(text)
        return time.process_time() - started

    def _unraisable(self, told: Any) -> None:
        self.unraised.append(f"{told.exc_type.__name__} in {told.object!r}")

    def _fire(self, number: int, frame: FrameType | None) -> None:
        self.shot.fired = True
        at, files = frame, []
        while at is not None:
            files.append(f"{at.f_code.co_filename}:{at.f_code.co_name}")
            at = at.f_back
        self.shot.stack = [file.rpartition("site-packages/")[2] for file in files]
        self.shot.where = files[0] if files else ""
        nearest = next((file for file in files if is_own_file(file) or _LIBRARY.search(file)), "")
        self.shot.in_libraries = not is_own_file(nearest)  # TensorFlow, Keras and IPython swallow some, as without us
        self.shot.in_ours = any(map(is_own_file, files))
        raise KeyboardInterrupt

    def shoot(self) -> Shot:
        """Run one of the cells and interrupt it, or miss it by a little."""
        number = self.random.randrange(len(self.texts))
        self.shot = shot = Shot(number)
        self.unraised.clear()
        shell, out, err = self.bench.shell, io.StringIO(), io.StringIO()
        shell.tracebacks, shell.execution_count = [], 7
        before, result, escaped = signal.signal(signal.SIGPROF, self._fire), None, False
        try:
            with redirect_stdout(out), redirect_stderr(err):
                signal.setitimer(signal.ITIMER_PROF, self.random.uniform(1e-5, 1.05 * self.seconds[number]))
                try:
                    result = shell.run_cell(self.texts[number], store_history=True)
                finally:
                    signal.setitimer(signal.ITIMER_PROF, 0)
        except KeyboardInterrupt:
            escaped = True
        finally:
            signal.signal(signal.SIGPROF, before)
        error = (result.error_before_exec or result.error_in_exec) if result is not None else None
        shown = "\n".join([out.getvalue(), err.getvalue(), *shell.tracebacks])
        told = escaped or isinstance(error, KeyboardInterrupt) or "KeyboardInterrupt" in shown or "interrupted" in shown
        theirs = shot.in_libraries or (self.unraised and not any(map(names_own_code, self.unraised)))
        if shot.fired and not told and not theirs:
            shot.wrong.append(f"lost: {self.unraised or 'swallowed'}")
        if names_own_code("\n".join([*shell.tracebacks, out.getvalue()])) or "conv_magic_hook" in shown:
            shot.wrong.append("shows our frames")
        left = self.bench.state()
        if left and shot.fired and shot.where.endswith("events.py:trigger"):
            shot.for_the_next = True  # the shell itself was cut short before it told of the cell's end
            self.bench.run("pass")
            left = self.bench.state()
        shot.wrong += [f"stayed: {what}" for what in left]
        if shot.wrong:
            self.bench.shell.events.trigger("post_run_cell", None)
        return shot

    def still_works(self) -> bool:
        """Whether a traced cell is reported as before."""
        told = self.bench.run(self.texts[3])
        return "conv2d" in told.out and not told.notices and told.error.startswith("NoneType")


def main() -> int:
    count, seed = (int(text) for text in (*sys.argv[1:], *("1000", "1")[len(sys.argv) - 1 :]))
    gallery = Gallery(seed)
    wrong: list[Shot] = []
    fired, late, unusable, started = 0, 0, 0, time.process_time()
    places: Counter[str] = Counter()
    while fired < count:
        shot = gallery.shoot()
        fired += shot.fired
        late += shot.for_the_next
        places["ours" if shot.in_ours else "IPython" if "IPython" in shot.where else "other"] += shot.fired
        if shot.wrong:
            wrong.append(shot)
            print(f"cell {shot.cell}, at {' < '.join(shot.stack[:12])}: {'; '.join(shot.wrong)}", flush=True)
        if fired % 25 == 0 and not gallery.still_works():
            unusable += 1
            print(f"unusable after an interrupt at {shot.where}", flush=True)
    print(
        f"{fired} interrupts ({dict(places)}): {len(wrong)} not as promised, {unusable} times unusable, "
        f"{late} times the hooks were left to the next cell; "
        f"{time.process_time() - started:.0f} s"
    )
    return int(bool(wrong) or bool(unusable))


if __name__ == "__main__":
    sys.exit(main())
