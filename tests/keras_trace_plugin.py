"""A pytest plugin for Keras' own tests: each inside `conv_magic.trace()` where asked, and its outcome written down.

`run_keras_tests.py` loads it by name.  The traced block counts as code of the test's own file, so that the calls in it
are the user's and all that follows from that is done: places found, rules asked, a report made.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest

import conv_magic
from conv_magic.capture import tracer

_WORST_FIRST = ("failed", "xpassed", "xfailed", "skipped", "passed")
_written = pytest.StashKey["_Written"]()


class _Written:
    """What became of each test, the processor's seconds for its own code, and how many rows all traces hold."""

    def __init__(self) -> None:
        self.outcomes: dict[str, str] = {}
        self.reasons: dict[str, str] = {}
        self.seconds: dict[str, float] = {}
        self.diagnosed: dict[str, list[str]] = {}
        self.rows = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        outcome: str = report.outcome
        if hasattr(report, "wasxfail"):
            outcome = "xfailed" if report.skipped else "xpassed"
        before = self.outcomes.get(report.nodeid, "passed")
        self.outcomes[report.nodeid] = min(before, outcome, key=_WORST_FIRST.index)
        if report.failed:
            self.reasons[report.nodeid] = report.longreprtext[-2000:]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--conv-magic-trace", action="store_true", help="run each test inside conv_magic.trace()")
    parser.addoption("--write-outcomes", type=Path, required=True, help="a JSON file for what became of each test")


def _skip_if_backend(backend: str, reason: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(backend == "tensorflow", reason=reason)


def pytest_configure(config: pytest.Config) -> None:
    # What Keras' tests ask of its own conftest.py, which is not in the wheel.
    config.addinivalue_line("markers", "requires_trainable_backend: needs a backend with gradients")
    config.addinivalue_line("markers", "multi_device: needs several devices")
    sys.modules["conftest"] = stand_in = ModuleType("conftest")
    vars(stand_in)["skip_if_backend"] = _skip_if_backend
    config.stash[_written] = _Written()
    config.pluginmanager.register(config.stash[_written])


def pytest_sessionfinish(session: pytest.Session) -> None:
    session.config.getoption("--write-outcomes").write_text(json.dumps(vars(session.config.stash[_written])))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    assert isinstance(item, pytest.Function)
    if item.config.getoption("--conv-magic-trace"):
        item.obj = _traced(item.obj, item)
    started = time.process_time()
    try:
        return (yield)
    finally:
        item.config.stash[_written].seconds[item.nodeid] = time.process_time() - started
        assert tracer.patched() == (), f"{item.nodeid} left hooks behind"


def _traced(test: Callable[..., Any], item: pytest.Function) -> Callable[..., Any]:
    """The test inside a trace; with the marks that `unittest` looks for on it."""
    in_its_file = FunctionType(_under_trace.__code__.replace(co_filename=str(item.path)), globals())

    @wraps(test)
    def traced(*args: Any, **kwargs: Any) -> Any:
        return in_its_file(item, test, args, kwargs)

    return traced


def _under_trace(item: pytest.Function, test: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    with conv_magic.trace() as tracing:
        result = test(*args, **kwargs)
    report = tracing.report
    assert report is not None
    written = item.config.stash[_written]
    written.rows += len(report.trace.calls)
    written.diagnosed[item.nodeid] = [diagnosis.code for diagnosis in report.diagnoses]
    return result
