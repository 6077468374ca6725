"""What holds for every test: TensorFlow is quiet, nothing stays patched, and a stuck suite ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType

import pytest
from hypothesis import HealthCheck, settings

from shared import FAILED

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CONV_MAGIC_STRICT"] = "1"  # an error of our own is a failure, not a line to the user
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Other work may keep the machine busy: no example is too slow.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

LONGEST_FIRST = (
    "test_rules.py",
    "browser/test_shapes_in_editor.py",
    "test_capture_matrix.py",
    "browser/test_table.py",
    "test_keras_harm.py",
    "browser/test_runs_in_lab.py",
    "browser/test_demo_in_lab.py",
    "browser/test_pictures.py",
    "test_generated_calls.py",
    "browser/test_long_cells.py",
    "test_scratch_verify.py",
    "test_exits.py",
    "test_scratch.py",
    "test_combine.py",
    "test_kernel.py",
    "test_live.py",
    "test_cli.py",
    "browser/test_hostile_text.py",
    "test_arithmetic_reference.py",
    "test_multiworker.py",
    "test_tracebacks.py",
    "test_terminal.py",
    "test_demo.py",
    "test_magic.py",
)
"""Files in the order in which processes take them, so that all end together; the short ones come after."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take the longest files first; leave out what needs oneDNN unless this process was started with it."""
    places = {Path(__file__).parent / name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))
    if os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "1":
        return
    pinned = [item for item in items if item.get_closest_marker("onednn") is not None]
    if pinned:
        config.hook.pytest_deselected(items=pinned)
        items[:] = [item for item in items if item not in pinned]


_LONG = 60
"""Seconds after which a test that fails is taken to have waited in vain."""
_MOST_STUCK = 4
"""Tests that wait in vain before the suite is taken to be stuck."""
_stuck: list[str] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Note what failed, for `shared.Shared`; end a suite in which one test after the other waits in vain."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
        if call.duration > _LONG:
            _stuck.append(item.nodeid)
        if len(_stuck) == _MOST_STUCK:
            item.session.shouldfail = f"stuck: {_MOST_STUCK} tests waited in vain, {', '.join(_stuck)}"
    return report


def _closure_cell(wrapper: Callable[..., object]) -> object:
    """What TensorFlow's or Keras' traceback filter calls: the content of its free variable `fn`."""
    assert isinstance(wrapper, FunctionType)
    assert wrapper.__closure__ is not None
    return wrapper.__closure__[wrapper.__code__.co_freevars.index("fn")].cell_contents


def hookable_functions() -> dict[str, object]:
    """The functions behind two places that are hooked, as they are now; empty until TensorFlow is imported."""
    found: dict[str, object] = {}
    tensorflow = sys.modules.get("tensorflow")
    keras = sys.modules.get("keras")
    if tensorflow is not None and hasattr(tensorflow, "nn"):
        found["tf.nn.conv2d"] = _closure_cell(tensorflow.nn.conv2d)
    if keras is not None and hasattr(keras, "layers"):
        found["keras.layers.Layer.__call__"] = _closure_cell(keras.layers.Layer.__call__)
    return found


def _assert_untouched() -> None:
    tracer = sys.modules.get("conv_magic.capture.tracer")
    if tracer is not None:
        assert tracer.patched() == ()
    noting = sys.modules.get("conv_magic.capture.assigned")
    if noting is not None:
        assert noting.awaited() == 0
    for name, function in hookable_functions().items():
        module = getattr(function, "__globals__", {}).get("__name__", "")
        assert not module.startswith("conv_magic"), f"{name} leads into {module}"


@pytest.fixture(autouse=True)
def nothing_patched() -> Iterator[None]:
    """Before and after each test every hooked function is the framework's own, and the same one."""
    _assert_untouched()
    before = hookable_functions()
    yield
    _assert_untouched()
    after = hookable_functions()
    for name, function in before.items():
        assert after[name] is function, f"{name} is another function after the test"
