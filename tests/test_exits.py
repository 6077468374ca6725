"""However a traced block ends, every patched place holds the very object that it held before."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import linecache
import re
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import conv_magic
from conv_magic.boundary import begun
from conv_magic.capture import tracer
from conv_magic.capture.hooks.entry import InheritedSlot, Slot
from conv_magic.capture.hooks.keras_layers import find_new
from conv_magic.capture.hooks.table import HOOKS

_OURS = Path(conv_magic.__file__).parent


def _places() -> dict[str, object]:
    """What each place that is ever patched holds, and where modules are looked for."""
    held: dict[str, object] = {f"finder {number}": finder for number, finder in enumerate(sys.meta_path)}
    for name, slot in _slots().items():
        held[name] = slot.get()
        if isinstance(slot, InheritedSlot):
            held[f"own {name}"] = vars(slot.owner).get(slot.attribute)
    return held


def _slots() -> dict[str, Slot]:
    """Every hook's place; some functions of `tf.compat.v1` are those of `tf` and have none of their own."""
    found = {hook.name: hook.find() for hook in HOOKS} | {"keras.layers.Layer.__new__": find_new()}
    return {name: slot for name, slot in found.items() if slot is not None}


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Each test ends with everything in its place, after having found it patched in between."""
    before = _places()
    yield
    _assert_as(before)


def _assert_as(before: dict[str, object]) -> None:
    after = _places()
    assert after.keys() == before.keys()
    assert [name for name, held in before.items() if after[name] is not held] == []
    assert tracer.patched() == ()


def _call() -> Any:
    assert {_slots()[name] for name in tracer.patched()} == set(_slots().values())
    return keras.layers.Conv2D(1, 3)(tf.nn.conv2d(np.ones((1, 8, 8, 1)), np.ones((3, 3, 1, 1)), 1, "SAME"))


def _fit(callback: Callable[[], None]) -> None:
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(1, 3), keras.layers.Flatten()])
    model.compile("sgd", "mse")
    called = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: callback())
    model.fit(np.zeros((4, 8, 8, 1)), np.zeros((4, 36)), batch_size=1, verbose=0, callbacks=[called])


def _raise(error: BaseException) -> None:
    _call()
    raise error


def test_return() -> None:
    def function() -> Any:
        with conv_magic.trace():
            return _call()

    assert function().shape == (1, 6, 6, 1)


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError])
def test_an_error_in_the_block(kind: type[BaseException]) -> None:
    error = kind("away")
    with pytest.raises(kind) as caught, conv_magic.trace():
        _raise(error)
    assert caught.value is error


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_in_the_middle_of_fit(kind: type[BaseException]) -> None:
    error = kind("away")
    with pytest.raises(kind) as caught, conv_magic.trace() as tracing:
        _fit(lambda: _raise(error))
    assert caught.value is error
    assert tracing.report is not None
    assert tracing.report.error is error


@pytest.mark.parametrize("statement", ["x = 1", "1 / 0", "raise SystemExit(3)", "exit_()"])
def test_run(statement: str) -> None:
    conv_magic.run(f"call()\n{statement}", {"call": _call, "exit_": sys.exit})


def test_run_interrupted() -> None:
    with pytest.raises(KeyboardInterrupt):
        conv_magic.run("call()\nraise KeyboardInterrupt", {"call": _call})


def test_nested() -> None:
    with conv_magic.trace() as outer:
        with conv_magic.trace() as inner:
            _call()
        report = conv_magic.run("call()\nrun('call()', {'call': call})", {"call": _call, "run": conv_magic.run})
        _call()
    assert report.error is None
    assert inner.report is not None
    assert outer.report is not None
    assert sum(call.count for call in inner.report.trace.calls) == 2
    assert sum(call.count for call in outer.report.trace.calls) == 8


def test_ending_in_another_order_than_begun() -> None:
    first, second = contextlib.ExitStack(), contextlib.ExitStack()
    outer = first.enter_context(conv_magic.trace())
    inner = second.enter_context(conv_magic.trace())
    _call()
    first.close()
    _call()
    second.close()
    for tracing, count in ((outer, 2), (inner, 4)):
        assert tracing.report is not None
        assert tracing.report.trace.sources[0].text == Path(__file__).read_text()
        assert sum(call.count for call in tracing.report.trace.calls) == count


def test_a_generator_abandoned_inside_the_block() -> None:
    def generator() -> Iterator[Any]:
        while True:
            yield _call()

    with conv_magic.trace():
        next(generator())
        kept = generator()
        next(kept)
    with pytest.raises(AssertionError):  # it goes on, unpatched
        next(kept)


def test_a_block_inside_an_abandoned_generator() -> None:
    def generator() -> Iterator[Any]:
        with conv_magic.trace():
            yield _call()

    made = generator()
    next(made)
    _call()
    del made
    gc.collect()
    assert tracer.patched() == ()


def test_a_thread_that_outlives_the_block() -> None:
    go_on, inside = threading.Event(), threading.Event()
    results: list[Any] = []

    class Waits(keras.layers.Layer):
        def call(self, x: Any) -> Any:
            inside.set()
            go_on.wait(10)
            return keras.ops.relu(tf.nn.conv2d(x, tf.ones((1, 1, 1, 1)), 1, "SAME"))

    with conv_magic.trace():
        layer = Waits()
        layer.built = True
        thread = threading.Thread(target=lambda: results.extend(layer(tf.ones((1, 4, 4, 1))) for _ in range(3)))
        thread.start()
        assert inside.wait(10)
    try:
        assert tracer.patched() == ()
    finally:
        go_on.set()
        thread.join(10)
    assert {result.shape for result in results} == {(1, 4, 4, 1)}


def test_threads_that_trace_at_once() -> None:
    failed: list[BaseException] = []
    start = threading.Barrier(4)

    def work() -> None:
        try:
            start.wait(10)
            for _ in range(20):
                with conv_magic.trace() as tracing:
                    tf.nn.relu(tf.nn.max_pool2d(tf.ones((1, 4, 4, 1)), 2, 2, "SAME"))
                assert tracing.report is not None
                assert tracing.report.trace.calls
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []


def test_tasks_that_trace_at_once() -> None:
    async def work(steps: int) -> None:
        with conv_magic.trace():
            for _ in range(steps):
                _call()
                await asyncio.sleep(0)

    async def main() -> None:
        cancelled = asyncio.ensure_future(work(1000))
        await asyncio.gather(work(3), work(1), work(5))
        cancelled.cancel()
        await asyncio.gather(cancelled, return_exceptions=True)

    asyncio.run(main())


def test_results_of_many_threads_are_told_apart() -> None:
    kernel = tf.ones((1, 1, 1, 1))

    def work() -> None:
        kept = [tf.nn.conv2d(tf.ones((1, 2, 2, 1)), kernel, 1, "SAME") for _ in range(3000)]
        assert len(kept) == 3000

    with conv_magic.trace() as tracing:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert tracing.report is not None
    assert len({call.index for call in tracing.report.trace.calls}) == len(tracing.report.trace.calls)


_WITHOUT_A_LOOK = re.compile(r"try:|finally:|while True:|break|raise \w+|if \w+ is not None:|\w+(: [\w| ]+)? = \w+")
"""Lines that neither call nor go back: there Python looks for no signal."""


class _InterruptAt:
    """Raises `KeyboardInterrupt` at the n-th line of our own code that a block runs, or of those functions of ours."""

    def __init__(self, number: int, functions: Sequence[str]) -> None:
        self.left, self.functions = number, functions

    def __call__(self, frame: FrameType, event: str, argument: object) -> Any:
        code = frame.f_code
        if not code.co_filename.startswith(str(_OURS)) or (self.functions and code.co_name not in self.functions):
            return None
        if event == "line" and not _WITHOUT_A_LOOK.fullmatch(
            linecache.getline(code.co_filename, frame.f_lineno).strip()
        ):
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt
        return self


def _interrupted(block: Callable[[], object], number: int, functions: Sequence[str] = ()) -> bool:
    """Whether an interrupt at that line came, and out."""
    interrupt = _InterruptAt(number, functions)
    before = sys.gettrace()
    sys.settrace(interrupt)
    try:
        block()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    assert interrupt.left > 0, f"the interrupt at line event {number} was lost"
    return False


def _traced_block() -> None:
    with conv_magic.trace():
        pass


BLOCKS = pytest.mark.parametrize("block", [_traced_block, lambda: conv_magic.run("x = 1")], ids=["trace", "run"])


@BLOCKS
def test_an_interrupt_at_many_lines_of_ours(block: Callable[[], object]) -> None:
    before, number = _places(), 1
    while _interrupted(block, number):
        _assert_as(before)
        number += 17
    assert number > 1000


@BLOCKS
def test_an_interrupt_at_every_line_that_begins_or_ends_a_trace(block: Callable[[], object]) -> None:
    before, number = _places(), 1
    while _interrupted(block, number, ("run", "__enter__", "start", "finish", "stop")):
        _assert_as(before)
        number += 1
    assert number > 30


def test_an_interrupt_while_a_call_is_noted_blinds_no_later_trace() -> None:
    number = 1
    pooled = [tf.ones((1, 4, 4, 1)), 2, 2, "SAME"]

    def block() -> None:
        with conv_magic.trace():
            for _ in range(3):
                tf.nn.max_pool2d(*pooled)

    while _interrupted(block, number, ("enter", "_enter", "_refusal", "_leave", "leave")):
        with conv_magic.trace() as tracing:
            tf.nn.max_pool2d(*pooled)
        assert tracing.report is not None
        assert len(tracing.report.trace.calls) == 1
        number += 1
    assert number > 50


def test_stopping_is_done_before_an_interrupt_comes_out() -> None:
    before, number = _places(), 1

    def block() -> None:
        begun(tracer.tracing(tracer.new_recorder(set(), most=1, guard=True))).close()

    while _interrupted(block, number, ("tracing",)):
        _assert_as(before)
        number += 5
    assert number > 100
