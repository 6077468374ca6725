"""One JupyterLab for all browser tests; a fresh page and notebook for each.

A kernel belongs to its notebook's path and lives until its module's tests are over: those that write their notebooks
to one path share a kernel, which has imported TensorFlow already.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from browser.lab import ROOT, Lab, running_browser, running_lab

PICTURES = ROOT / "test-results"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Save what the page looked like when a test failed."""
    report = yield
    page = getattr(item, "funcargs", {}).get("page")
    if report.when == "call" and report.failed and page:
        page.screenshot(path=PICTURES / f"{item.name}.png", full_page=True)
    return report


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="module")  # while it is open, an event loop runs in this thread, which other tests do not expect
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def lab(server: Lab) -> Iterator[Lab]:
    """The server, without kernels afterwards."""
    yield server
    server.shut_kernels_down()


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    with browser.new_context(viewport={"width": 1280, "height": 1400}) as context:
        yield context.new_page()
