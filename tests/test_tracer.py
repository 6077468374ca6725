"""The tracer with a fake op: hooks go in, calls are recorded, everything is put back."""

from __future__ import annotations

import threading
import traceback
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from conv_magic.boundary import begun, clean_traceback
from conv_magic.capture import tracer
from conv_magic.capture.hooks.entry import AttributeSlot, Captured, CellSlot, Description, Hook
from conv_magic.capture.recorder import Recorder
from conv_magic.model.calls import Outcome

Array = np.ndarray[Any, Any]


def _filtered(fn: Any) -> Any:
    """A traceback filter as TensorFlow and Keras have one: a closure over `fn`."""

    def error_handler(*args: Any, **kwargs: Any) -> Any:
        return fn(*args, **kwargs)

    return error_handler


def _add_row(x: Array, fail: bool = False) -> Array:
    if fail:
        raise ArithmeticError("asked to fail")
    return np.concatenate([x, x[:1]])


fake = SimpleNamespace(op=_filtered(_add_row))
alias = fake.op

FAKE = Hook(
    name="fake.op",
    find=lambda: CellSlot.of(fake.op, "fn"),
    capture=lambda x, fail=False: Captured((x,), fail),
    describe=lambda captured, inputs: Description("op"),
    contains=lambda captured: False,
    guard=True,
)


def _recorder(most: int = 100) -> Recorder:
    return tracer.new_recorder({__file__}, most=most, guard=True)


@pytest.fixture
def recorder() -> Any:
    made = _recorder()
    made_in = begun(tracer.tracing(made, hooks=(FAKE,)))
    yield made
    made_in.close()


def test_a_call_by_any_name_is_a_row(recorder: Recorder) -> None:
    fake.op(np.zeros((2, 3)))
    alias(x=np.zeros((4, 3)))
    assert [(row.inputs, row.output) for row in recorder.rows] == [(((2, 3),), (3, 3)), (((4, 3),), (5, 3))]
    assert recorder.faults == []


def test_a_loop_is_one_row_with_a_count(recorder: Recorder) -> None:
    for _ in range(1000):
        fake.op(np.zeros((2, 3)))
    (row,) = recorder.rows
    assert row.count == 1000
    assert row.seconds > 0


def test_the_error_is_the_same_object_and_shows_no_frame_of_ours(recorder: Recorder) -> None:
    with pytest.raises(ArithmeticError, match="asked to fail") as caught:
        fake.op(np.zeros((2, 3)), fail=True)
    clean_traceback(caught.value)
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names == ["test_the_error_is_the_same_object_and_shows_no_frame_of_ours", "error_handler", "_add_row"]
    assert recorder.rows[0].outcome is Outcome.RAISED
    assert recorder.rows[0].error == "asked to fail"


def test_wrong_arguments_fail_as_they_would(recorder: Recorder) -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        fake.op()


def test_an_error_of_ours_does_not_reach_the_call() -> None:
    def describe(captured: Captured, inputs: object) -> Description:
        raise RuntimeError("a bug")

    broken = Hook("fake.op", FAKE.find, FAKE.capture, describe, FAKE.contains)
    recorder = _recorder()
    recorder_in = begun(tracer.tracing(recorder, hooks=(broken,)))
    try:
        assert fake.op(np.zeros((2, 3))).shape == (3, 3)
    finally:
        recorder_in.close()
    assert recorder.faults == ["fake.op: RuntimeError: a bug"]


def test_the_guard_raises_in_place_of_the_call_each_time() -> None:
    recorder = _recorder(most=1)
    recorder_in = begun(
        tracer.tracing(recorder, lambda row: ValueError("no") if row.inputs[0][0] == 0 else None, hooks=(FAKE,))
    )
    try:
        import tensorflow as _tensorflow  # noqa: F401  the guard asks it whether ops run at once

        for _ in range(3):
            with pytest.raises(ValueError, match="no"):
                fake.op(np.zeros((0, 3)))
        fake.op(np.zeros((1, 3)))
        with pytest.raises(ValueError, match="no"):
            fake.op(np.zeros((0, 4)))
    finally:
        recorder_in.close()
    assert [row.outcome for row in recorder.rows] == [Outcome.GUARDED]
    assert recorder.dropped == 4


def test_traces_may_nest_and_end_in_any_order() -> None:
    original = FAKE.find().get()  # type: ignore[union-attr]  # the fake has its slot
    outer, inner = _recorder(), _recorder()
    outer_in = begun(tracer.tracing(outer, hooks=(FAKE,)))
    fake.op(np.zeros((1, 1)))
    inner_in = begun(tracer.tracing(inner, hooks=(FAKE,)))
    fake.op(np.zeros((2, 1)))
    outer_in.close()
    fake.op(np.zeros((3, 1)))
    assert tracer.patched() != ()
    inner_in.close()
    inner_in.close()
    fake.op(np.zeros((4, 1)))
    assert [row.inputs[0][0] for row in outer.rows] == [1, 2]
    assert [row.inputs[0][0] for row in inner.rows] == [2, 3]
    assert FAKE.find().get() is original  # type: ignore[union-attr]


def test_threads_are_seen_and_one_that_outlives_the_trace_does_no_harm() -> None:
    recorder = _recorder()
    go_on, started = threading.Event(), threading.Event()
    results: list[Array] = []

    def slow(x: Array) -> Array:
        started.set()
        go_on.wait(10)
        return x

    held = SimpleNamespace(op=_filtered(slow))
    find = partial(CellSlot.of, held.op, "fn")
    hook = Hook("held.op", find, lambda x: Captured((x,), 0), FAKE.describe, FAKE.contains)
    recorder_in = begun(tracer.tracing(recorder, hooks=(hook,)))
    thread = threading.Thread(target=lambda: results.append(held.op(np.zeros((2, 2)))))
    thread.start()
    assert started.wait(10)
    recorder_in.close()
    assert tracer.patched() == ()
    go_on.set()
    thread.join(10)
    assert results[0].shape == (2, 2)
    assert recorder.faults == []


def test_an_attribute_is_put_back_as_it_stood() -> None:
    class Owner:
        @staticmethod
        def make() -> int:
            return 1

    slot = AttributeSlot(Owner, "make")
    before = vars(Owner)["make"]
    slot.set(staticmethod(lambda: 2))
    assert Owner.make() == 2
    slot.set(before)
    assert vars(Owner)["make"] is before


def test_rows_are_bounded_and_what_was_left_out_is_counted() -> None:
    recorder = _recorder(most=10)
    recorder_in = begun(tracer.tracing(recorder, hooks=(FAKE,)))
    try:
        for size in range(1, 51):
            fake.op(np.zeros((size, 1)))
    finally:
        recorder_in.close()
    assert len(recorder.rows) == 10
    assert recorder.dropped == 40
