"""Let every function of the package raise, while cells run: each cell is to be what it would be without us.

    python tests/run_own_faults.py [--kind ValueError] [--cell good] [--only PATTERN] [--part 0 --parts 4]

For each function that a cell reaches, each kind of error and each cell: the cell under `%%convshapes` has the result,
the error, the output and the traceback of the plain one, one line tells of the fault, and nothing of ours stays in.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from conftest import hookable_functions
from own_faults import KINDS, Faults, import_all, prepare

os.environ.pop("CONV_MAGIC_STRICT", None)  # what a user is told

BORDERS = {
    "conv_magic.capture.hooked:hooked.wrapper": 0, "conv_magic.capture.hooked:hooked_new.wrapper": 1,
    "conv_magic.capture.tracer:_Watcher.find_spec": 0, "conv_magic.boundary:contained.entrance": 0,
    "conv_magic.capture.assigned:_note": 0, "conv_magic.text.targets:attribute": 0, "conv_magic.text.targets:entry": 0,
    "conv_magic.capture.following:Following._called": 0, "conv_magic.capture.following:_FollowedCall.__call__": 0,
    "conv_magic.notebook.magic:begin": 0, "conv_magic.notebook.extension:Extension.before_cell": 0,
    "conv_magic.notebook.extension:Extension.visit": 0,
    "conv_magic.notebook.extension:Extension.transform": 0, "conv_magic.notebook.extension:Extension.after_cell": 0,
    "conv_magic.notebook.extension:Extension.make_sure": 0, "conv_magic.notebook.extension:Extension.take_out": 0,
    "conv_magic.notebook.outputs:LiveOutput._watch": 0,
}  # fmt: skip
"""The functions that the shell or the user's own frames call: nothing of ours stands in them outside of a `try`.

The number is that of the `try`; another one is around the user's own function.
"""

MAGIC = "%%convshapes"
PREPARATION = """
import tensorflow as tf, keras, numpy as np
from keras import layers
calls = []
class Counted(layers.Layer):
    def __init__(self):
        super().__init__()
        self.inner = layers.Conv2D(2, 3)
    def call(self, x):
        calls.append(x.shape)
        return self.inner(x)
def halves(x):
    y = x[:, ::2]  # (2, 4, 3)
    return y
class Box:
    pass
x, k = tf.ones((1, 8, 8, 3)), tf.ones((3, 3, 3, 4))
"""
GOOD = """
calls.clear()
box, parts = Box(), {}
for turn in range(3):
    y = tf.nn.conv2d(x, k, 1, "SAME")
    box.z = layers.Flatten()(y)
    parts["a"] = tf.nn.max_pool2d(y, 2, 2, "SAME")
layer = Counted()
out = layer(x)
h = halves(np.zeros((2, 8, 3)))
@tf.function
def step(a):
    return tf.nn.bias_add(a, tf.ones((4,)))
step(y)
i = keras.Input((8, 8, 3))
s = keras.ops.max_pool(i, 2)
loss = keras.losses.MeanSquaredError()(tf.ones((2, 1)), tf.zeros((2, 1)))
print(len(calls), out.shape, "printed")
len(calls), float(loss)
"""
FAILING = """
calls.clear()
layer = Counted()
out = layer(x)
first = layers.Dense(3)(layers.Flatten()(out))
print(len(calls), "printed")
layers.Conv2D(2, 3)(tf.zeros((8, 8, 1)))
"""


CELLS = {"failing": FAILING, "good": GOOD}


@dataclass
class Told:
    """What a cell did."""

    result: str
    error: str
    out: str
    err: str
    tracebacks: str
    notices: list[str] = field(default_factory=list)


class Bench:
    """One shell, and cells run in it with one of our functions raising."""

    def __init__(self, faults: Faults) -> None:
        from ipython_shell import make_shell, without_addresses  # here, because it imports the package

        self.faults, self._clean = faults, without_addresses
        self._shells = make_shell(tempfile.mkdtemp())
        self.shell = next(self._shells)
        self._quietly("%xmode Plain")  # every frame, and a tenth of the time
        self._quietly(PREPARATION)

    def _quietly(self, text: str) -> None:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            result = self.shell.run_cell(text, silent=True)
        assert result.success, result

    def run(self, text: str) -> Told:
        """Run a cell as the same number each time."""
        self.shell.execution_count = 7
        self.shell.tracebacks = []
        sys.modules["keras"].utils.clear_session(free_memory=False)
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            result = self.shell.run_cell(text, store_history=True)
        error = result.error_before_exec or result.error_in_exec
        lines = err.getvalue().splitlines()
        return Told(
            repr(result.result),
            f"{type(error).__name__}: {error}",
            out.getvalue(),
            "\n".join(line for line in lines if not line.startswith("conv_magic: ")),
            self._clean("\n".join(self.shell.tracebacks)),
            [line for line in lines if line.startswith("conv_magic: ")],
        )

    def state(self) -> list[str]:
        """What of ours is still in."""
        modules = sys.modules
        hooks, tracer, assigned = (modules[f"conv_magic.capture.{name}"] for name in ("hooked", "tracer", "assigned"))
        ours = next(each for each in self.shell.ast_transformers if type(each).__name__ == "Extension")
        wrong = {
            "hooks": tracer.patched(),
            "recorders": hooks.state.recorders,
            "noted": assigned.awaited(),
            "trace function": sys.gettrace(),
            "custom exceptions": self.shell.custom_exceptions,
            "watcher": [each for each in sys.meta_path if type(each).__name__ == "_Watcher"],
            "runs": ours.runs,
            "infos": ours.infos,
            "within": hooks.inside.call,
            "a hook in its place": [
                name for name, found in hookable_functions().items() if "conv_magic" in getattr(found, "__module__", "")
            ],
        }
        return [f"{name}: {value}" for name, value in wrong.items() if value]

    def wrong(self, told: Told, plain: Told, times: int) -> Iterator[str]:
        left = self.state()
        if left:
            yield f"stayed: {left}"
        for name in ("result", "error", "err", "tracebacks"):
            if getattr(told, name) != getattr(plain, name):
                yield f"{name}: {getattr(told, name)[-200:]!r} for {getattr(plain, name)[-200:]!r}"
        if not told.out.startswith(plain.out.removesuffix(_last_line(plain.out))):
            yield f"output: {told.out[:200]!r}"
        if len(told.notices) != min(times, 1):
            yield f"{len(told.notices)} notices: {told.notices}"


def _last_line(text: str) -> str:
    return text.splitlines(keepends=True)[-1] if text else ""


class Trial:
    """One cell, plain and traced, and with one function after the other raising."""

    def __init__(self, bench: Bench, cell: str, options: str) -> None:
        self.bench, self.text = bench, f"{MAGIC} {options}\n{cell.lstrip()}"
        self.plain = bench.run(f"# {self.text}")
        assert bench.run(f"# {self.text}") == self.plain, "the plain cell is not the same each time"
        bench.run(self.text)
        bench.faults.forget()
        self.end()
        self.reached = bench.faults.found()

    def end(self) -> None:
        """Without a fault all is seen, and nothing is told of us."""
        told = self.bench.run(self.text)
        assert (told.error, told.notices, self.bench.state()) == (self.plain.error, [], []), told

    def wrong_with(self, number: int, kind: type[BaseException]) -> str | None:
        """What is not as promised, None if all is."""
        self.bench.faults.arm(number, kind)
        try:
            told = self.bench.run(self.text)
        finally:
            times = self.bench.faults.disarm()
        problem = next(self.bench.wrong(told, self.plain, times), None)
        if problem is not None and problem.startswith("stayed"):
            _repair(self.bench)
        return problem


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=[kind.__name__ for kind in KINDS], help="only this kind of error")
    parser.add_argument("--cell", choices=list(CELLS), help="only this cell")
    parser.add_argument("--only", default="", help="a pattern for `module:function`")
    parser.add_argument("--once", action="store_true", help="each function in one cell only")
    parser.add_argument("--part", type=int, default=0)
    parser.add_argument("--parts", type=int, default=1)
    args = parser.parse_args()
    faults = prepare(BORDERS)
    import conv_magic  # noqa: F401

    bench = Bench(faults)
    import_all()
    wrong: list[tuple[str, str, str]] = []
    tries, ever = 0, set()
    done: set[int] = set()
    for name in [args.cell] if args.cell else CELLS:
        done = done if args.once else set()
        for options in ("-V -q", "-V"):  # most functions are reached without the table, and faster
            trial = Trial(bench, CELLS[name], options)
            started, numbers = time.process_time(), [n for n in trial.reached if n not in done]
            done |= set(numbers)
            wanted = [n for n in numbers if re.search(args.only, faults.names[n])][args.part :: args.parts]
            for number in wanted:
                for kind in [each for each in KINDS if args.kind in (None, each.__name__)]:
                    tries += 1
                    problem = trial.wrong_with(number, kind)
                    if problem is not None:
                        wrong.append((faults.names[number], f"{kind.__name__}, {name}", problem))
                        print(": ".join(wrong[-1])[:500], flush=True)
            print(f"{name} {options}: {len(wanted)} functions, {time.process_time() - started:.0f} s", flush=True)
            trial.end()
        ever |= done
    print(
        f"{len(faults.names)} functions, {len(ever)} reached; {tries} tries, "
        f"{tries - len(wrong)} as promised, {len(wrong)} not"
    )
    return int(bool(wrong))


def _repair(bench: Bench) -> None:
    """Take out by force what stayed, so that the next try begins without it."""
    hooks = sys.modules["conv_magic.capture.hooked"]
    state = hooks.state
    state.recorders.clear()
    for slot, original, _ in reversed(list(state.patched.values())):
        slot.set(original)
    state.patched.clear()
    state.only = None
    hooks.inside.call = False
    sys.settrace(None)
    sys.meta_path[:] = [each for each in sys.meta_path if type(each).__name__ != "_Watcher"]
    sys.modules["conv_magic.capture.assigned"]._seen.clear()
    bench.shell.set_custom_exc((), None)
    ours = next((each for each in bench.shell.ast_transformers if type(each).__name__ == "Extension"), None)
    if ours is not None:
        ours.runs.clear()
        ours.infos.clear()
    else:
        bench.shell.run_line_magic("load_ext", "conv_magic")


if __name__ == "__main__":
    sys.exit(main())
