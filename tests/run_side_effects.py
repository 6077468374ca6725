"""Try side effects by the hundred in trials, and count those that are seen outside: `python tests/run_side_effects.py`.

Each effect is first had plainly, as the user's own cell has it: an effect that nobody sees there proves nothing.  Then
in trials: with and without Landlock, with and without fork.  `--kernel` adds a sample in a notebook's kernel, where an
effect must be seen once.  `--only WORD` takes the effects that hold a word, `--configurations 0,2` some of the four.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from conv_magic.sandbox.scratch import Scratch
from conv_magic.sandbox.trial import Ended, Trial
from side_effects import EFFECTS, World, cell_of, cell_of_all, is_shell

Effect = tuple[str, str]
CONFIGURATIONS = [(True, True), (True, False), (False, True), (False, False)]
"""Landlock, fork."""
BATCH = 40
LIMIT = 60.0
PLAIN_LIMIT = 20.0


@contextmanager
def world() -> Iterator[World]:
    """A fresh world, in which this process stands."""
    here = os.getcwd()
    with tempfile.TemporaryDirectory(prefix="side-effects-") as folder:
        made = World(Path(folder))
        os.chdir(folder)
        try:
            yield made
        finally:
            os.chdir(here)
            made.close()


def had_plainly(effect: str) -> tuple[str, ...]:
    """What is seen of an effect that a cell has, without us."""
    with world() as around:
        child = os.fork()
        if child == 0:
            try:
                null = os.open(os.devnull, os.O_RDWR)
                for standard in (0, 1, 2):
                    os.dup2(null, standard)
                os.setpgid(0, 0)
                from IPython.core.interactiveshell import InteractiveShell

                InteractiveShell().run_cell(cell_of(around, effect))
            finally:
                os._exit(0)
        deadline = time.monotonic() + PLAIN_LIMIT
        while not os.waitpid(child, os.WNOHANG)[0] and time.monotonic() < deadline:
            if time.monotonic() > deadline - PLAIN_LIMIT + 3 and around.changed():
                break
            time.sleep(0.02)
        seen = around.changed()
        try:
            os.killpg(child, 9)
            os.waitpid(child, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
        return seen


def had_in_trial(scratch: Scratch, effects: Sequence[str]) -> tuple[Trial, tuple[str, ...]]:
    """A trial of a cell that has these effects, and what is seen of them outside."""
    with world() as around:
        cell = cell_of(around, effects[0]) if len(effects) == 1 else cell_of_all(around, effects)
        trial = scratch.try_cell(cell, {}, filename="<cell>", limit=LIMIT)
        return trial, around.changed()


@contextmanager
def switched(landlock: bool) -> Iterator[None]:
    """With Landlock, or as on a system without."""
    switches = {"CONV_MAGIC_LANDLOCK": "0"}
    if not landlock:
        os.environ.update(switches)
    try:
        yield
    finally:
        for name in switches:
            os.environ.pop(name, None)


def run(effects: Sequence[Effect], landlock: bool, forks: bool, tell: Callable[[str], None]) -> int:
    """Try all effects in trials of that kind; how many were seen outside."""
    ended: Counter[str] = Counter()
    seen: list[str] = []
    with switched(landlock), Scratch(forks=forks) as scratch:

        def alone(effect: str) -> None:
            trial, changes = had_in_trial(scratch, [effect])
            ended["refused" if trial.needs else trial.ended] += 1
            if changes:
                seen.append(f"    {effect}  ->  {', '.join(changes)} ({trial.ended}, {trial.needs})")

        if forks:
            for _, effect in effects:
                alone(effect)
        else:
            plain = [effect for _, effect in effects if not is_shell(effect)]
            for start in range(0, len(plain), BATCH):
                batch = plain[start : start + BATCH]
                trial, changes = had_in_trial(scratch, batch)
                if changes or trial.ended is not Ended.RAN:
                    for effect in batch:
                        alone(effect)
                else:
                    ended["tried together"] += len(batch)
            for effect in filter(is_shell, (e for _, e in effects)):
                alone(effect)
    name = f"{'with' if landlock else 'without'} Landlock, {'with' if forks else 'without'} fork"
    tell(f"{name}: {len(effects)} effects, {dict(ended)}, seen outside: {len(seen)}")
    for line in seen:
        tell(line)
    return len(seen)


def main() -> int:
    """Run as the arguments say; the exit status is 1 if an effect was seen outside a trial, or none plainly."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", default="")
    options.add_argument("--after", default="", help="the effect after which to begin")
    options.add_argument("--configurations", default="0,1,2,3")
    options.add_argument("--no-control", action="store_true")
    options.add_argument("--verbose", action="store_true")
    options.add_argument("--kernel", action="store_true")
    chosen = options.parse_args()
    import keras  # noqa: F401  imported before the fork, so that no plain cell has to
    import tensorflow  # noqa: F401  the same

    def tell(line: str) -> None:
        print(line, flush=True)

    effects = [(group, effect) for group, effect in EFFECTS if chosen.only in group + " " + effect]
    if chosen.after:
        effects = effects[[effect for _, effect in effects].index(chosen.after) + 1 :]
    if not chosen.no_control:
        unseen = []
        for _, effect in effects:
            if chosen.verbose:
                tell(effect)
            if not had_plainly(effect):
                unseen.append(effect)
        tell(f"had plainly: {len(effects)} effects, seen: {len(effects) - len(unseen)}")
        for effect in unseen:
            tell(f"    not seen plainly: {effect}")
        effects = [(group, effect) for group, effect in effects if effect not in unseen]
    numbers = [int(n) for n in chosen.configurations.split(",") if n]
    seen = sum(run(effects, *CONFIGURATIONS[number], tell) for number in numbers)
    if chosen.kernel:
        from side_effects_kernel import run_in_kernel

        seen += run_in_kernel(tell)
    return 1 if seen or not effects else 0


if __name__ == "__main__":
    sys.exit(main())
