"""What tracing costs: traced and plain runs side by side, interleaved, each ratio beside its budget.

    python tests/benchmark.py [NAME ...]      loading, loop, forward, build, many, rows, statements,
                                              failing, notes, trials

Each round measures both, in turns first and second.  A ratio is that of the least disturbed rounds: other work on the
machine only ever adds time.
"""

from __future__ import annotations

import ast
import os
import resource
import statistics
import subprocess
import sys
import time
import timeit
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import conv_magic
from conv_magic.capture import assigned


def _seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _traced_seconds(work: Callable[[], Any]) -> float:
    """The time of the work alone; that of the report comes after it and is not the call's."""
    with conv_magic.trace():
        return _seconds(work)


def ratio(work: Callable[[], Any], rounds: int) -> tuple[float, float, float]:
    """Traced over plain, and both in seconds: the means of the fastest quarter of the rounds."""
    work()
    _traced_seconds(work)
    pairs = []
    for number in range(rounds):
        if number % 2:
            traced, plain = _traced_seconds(work), _seconds(work)
        else:
            plain, traced = _seconds(work), _traced_seconds(work)
        pairs.append((plain, traced))
    fastest = [sorted(column)[: max(rounds // 4, 1)] for column in zip(*pairs, strict=True)]
    plain, traced = map(statistics.mean, fastest)
    return traced / plain, plain, traced


def _say(name: str, budget: float, found: tuple[float, float, float], unit: float, word: str) -> None:
    of_ratio, plain, traced = found
    verdict = "within" if of_ratio <= budget else "OVER"
    print(f"{name:32} {of_ratio:6.3f}  budget {budget:.2f}  {verdict:6}  "
          f"plain {plain / unit:.1f} {word}, traced {traced / unit:.1f} {word}", flush=True)  # fmt: skip


_LOADING = """
import time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
started = time.process_time()
shell.run_line_magic("load_ext", "conv_magic")
print(time.process_time() - started)
"""


def loading() -> None:
    """`%load_ext conv_magic` in a fresh process, in seconds of its processor."""
    command = [sys.executable, "-P", "-c", _LOADING]
    seconds = min(float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(5))
    verdict = "within" if seconds <= 0.050 else "OVER"
    print(f"loading the extension: {seconds * 1000:.0f} ms, budget 50 ms  {verdict}", flush=True)


def loop() -> None:
    """A tiny `tf.nn.conv2d` in a loop."""
    import tensorflow as tf

    x, kernel, calls = tf.ones((1, 8, 8, 3)), tf.ones((3, 3, 3, 4)), 400

    def work() -> None:
        for _ in range(calls):
            tf.nn.conv2d(x, kernel, 1, "SAME")

    _say("tiny eager conv2d in a loop", 1.15, ratio(work, 61), calls * 1e-6, "us a call")


def forward() -> None:
    """An eager forward pass of ResNet50."""
    import keras
    import tensorflow as tf

    model, x = keras.applications.ResNet50(weights=None), tf.ones((1, 224, 224, 3))
    _say("eager ResNet50 forward", 1.02, ratio(lambda: model(x), 31), 1e-3, "ms")


def build() -> None:
    """Building ResNet50."""
    import keras

    _say("building ResNet50", 1.10, ratio(lambda: keras.applications.ResNet50(weights=None), 9), 1e-3, "ms")


def many() -> None:
    """100,000 calls: how much memory they take, and how long their frame."""
    import tensorflow as tf

    kernel = tf.ones((1, 1, 1, 1))
    tensors = [tf.ones((1, height, width, 1)) for height in range(1, 151) for width in range(1, 101)]

    def work(calls: int) -> None:
        for number in range(calls):
            tf.nn.conv2d(tensors[number % len(tensors)], kernel, 1, "SAME")

    work(20_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with conv_magic.trace() as tracing:
        work(100_000)
        during = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report = tracing.report
    assert report is not None
    seconds = _seconds(report.frame)
    print(f"100,000 calls of 15,000 shapes: {len(report.trace.calls):,} rows, {report.trace.dropped:,} not recorded, "
          f"{(during - before) / 1024:.0f} MiB more; frame in {seconds:.2f} s, budget 1 s")  # fmt: skip


_CELLS = {
    "empty cell": "x = 1",
    "tiny conv2d": "import tensorflow as tf\ntf.nn.conv2d(tf.zeros((1, 28, 28, 1)), tf.zeros((3, 3, 1, 4)), 1, 'SAME')",
    "one-step fit": """
import keras, numpy as np
model = keras.Sequential([keras.layers.Conv2D(4, 3), keras.layers.Flatten(), keras.layers.Dense(2)])
model.compile("adam", "mse")
model.fit(np.zeros((640, 8, 8, 1)), np.zeros((640, 2)), epochs=7)
""",
}


def trials() -> None:
    """How long it takes to try a cell, from a cold start and on."""
    from conv_magic.sandbox.scratch import Scratch

    def tried(cell: str) -> None:
        assert scratch.try_cell(cell, {}, filename="<cell>", limit=60.0).held

    with Scratch() as scratch:
        print(f"trial, cold start: {_seconds(lambda: tried('x = 1')):.2f} s")
        for name, cell in _CELLS.items():
            print(
                f"trial, {name}: {statistics.median(_seconds(lambda cell=cell: tried(cell)) for _ in range(5)):.3f} s"
            )


def notes() -> None:
    """Noting the value of one assignment, a statement that is put behind it."""
    import keras
    import numpy as np
    import tensorflow as tf

    zeros, times = np.zeros((4, 28, 28, 1), "float32"), 20_000
    tensor = tf.zeros(zeros.shape)
    values = (zeros, tensor, keras.Input((28, 28, 1)), tf.Variable(tensor), keras.Variable(tensor), 3)
    for value in values:
        noted = assigned.Assignments("x = value\nx = x")
        statement = ast.unparse(noted.instrument(ast.parse("x = value\nx = x")).body[1])
        seconds = min(timeit.repeat(statement, globals={"x": value}, number=times, repeat=15))
        noted.part.close()
        cost = seconds / times * 1e6
        verdict = "within" if cost <= 1 else "OVER"
        print(f"noting {type(value).__name__:24} {cost:6.2f} us  budget 1.00  {verdict}", flush=True)


def _ended(text: str) -> tuple[float, float, int]:
    """Seconds of the processor that a cell takes plainly, and traced up to its report; the rows of that."""
    times = [time.process_time()]
    exec(compile(text, "<plain>", "exec"), {"__name__": "__main__"})
    times.append(time.process_time())
    report = conv_magic.run(text)
    times.append(time.process_time())
    return times[1] - times[0], times[2] - times[1], len(report.trace.calls)


def rows() -> None:
    """The end of a cell with 10,000 distinct rows, in seconds of the processor."""
    import tensorflow as tf

    kernel = tf.ones((1, 1, 1, 1))
    tensors = [tf.ones((1, height, width, 1)) for height in range(1, 101) for width in range(1, 101)]
    seconds = []
    for _ in range(3):
        with conv_magic.trace() as tracing:
            for tensor in tensors:
                tf.nn.conv2d(tensor, kernel, 1, "SAME")
            started = time.process_time()
        seconds.append(time.process_time() - started)
    assert tracing.report is not None
    verdict = "within" if min(seconds) <= 1 else "OVER"
    print(f"end of a cell of {len(tracing.report.trace.calls):,} rows: {min(seconds):.2f} s, budget 1 s  {verdict}")


def statements() -> None:
    """Cells of 5,000 and 20,000 statements: how many times the plain time, and what one statement costs."""
    conv_magic.run("import tensorflow as tf\nx = tf.zeros((1, 8, 8, 3))\n")
    for count in (5_000, 20_000):
        lines = (f"a{number} = x + {number}\n" for number in range(count))
        plain, traced, _ = _ended("import tensorflow as tf\nx = tf.zeros((1, 8, 8, 3))\n" + "".join(lines))
        print(f"{count:,} statements: plain {plain:.2f} s, traced {traced:.2f} s, "
              f"{traced / plain:.1f} times, {(traced - plain) / count * 1e6:.0f} us each", flush=True)  # fmt: skip


_FAILING_CELLS = """
import contextlib, io, resource, statistics, sys, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
traced = sys.argv[1] == "traced"
if traced:
    shell.run_line_magic("load_ext", "conv_magic")
shell.run_cell("import keras, numpy as np\\nfrom keras import layers")
times, memory = [], []
for number in range(int(sys.argv[2])):
    text = (
        "%%convshapes --no-verify\\n" * traced
        + f"def block{number}(x):\\n    return layers.Conv2D(4, 3, padding='same')(x)\\n"
        + f"image{number} = keras.Input((28, 28, {number % 7 + 1}))\\n"
        + f"model = keras.Model(image{number}, block{number}(image{number}))\\n"
        + f"model(np.zeros((4, 28, 28, {number % 7 + 2}), 'float32'))\\n"
    )
    started = time.process_time()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        shell.run_cell(text, store_history=True)
    times.append(time.process_time() - started)
    memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
print(statistics.median(times[5:25]), statistics.median(times[-20:]), memory[-1] - memory[20])
"""


def failing(count: int = 500) -> None:
    """500 failing cells, plainly and traced: the last beside the first, and the memory."""
    found = []
    for kind in ("plain", "traced"):
        command = [sys.executable, "-P", "-c", _FAILING_CELLS, kind, str(count)]
        early, late, grown = map(float, subprocess.run(command, capture_output=True, check=True).stdout.split())
        found.append((early, late, grown))
        print(f"{count} failing cells, {kind}: early {early * 1000:.0f} ms, late {late * 1000:.0f} ms, "
              f"ratio {late / early:.2f}, {grown:.0f} MiB more", flush=True)  # fmt: skip
    verdict = "within" if found[1][1] <= 1.2 * found[1][0] and found[1][2] - found[0][2] <= 50 else "OVER"
    print(f"{count} failing cells: budget 1.2 times and 50 MiB beyond the plain ones'  {verdict}")


BENCHMARKS = {
    each.__name__: each for each in (loading, loop, forward, build, many, rows, statements, failing, notes, trials)
}

if __name__ == "__main__":
    for chosen in sys.argv[1:] or BENCHMARKS:
        BENCHMARKS[chosen]()
