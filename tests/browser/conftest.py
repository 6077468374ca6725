"""One JupyterLab for all browser tests; a fresh page and notebook for each.

A kernel belongs to its notebook's path and lives until its module's tests are over: those that write their notebooks
to one path share a kernel, which has imported TensorFlow already.  After a test that failed, server, kernels and
browser are new ones.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Error, Page

from browser.lab import ROOT, Lab, fresh_page, running_browser, running_lab
from shared import Shared

PICTURES = ROOT / "test-results"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Save what the page looked like when a test failed."""
    report = yield
    page = getattr(item, "funcargs", {}).get("page")
    if report.when == "call" and report.failed and page:
        with contextlib.suppress(Error):  # of a page that hangs there is none
            page.screenshot(path=PICTURES / f"{item.name}.png", full_page=True, timeout=30_000)
    return report


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared[Lab]]:
    with Shared(lambda: running_lab(tmp_path_factory.mktemp("lab"))) as servers:
        yield servers


@pytest.fixture(scope="module")  # while one is open, an event loop runs in this thread, which other tests do not expect
def browsers() -> Iterator[Shared[Browser]]:
    with Shared(running_browser) as browsers:
        yield browsers


@pytest.fixture(scope="module")
def no_kernels_afterwards(servers: Shared[Lab]) -> Iterator[None]:
    yield
    lab = servers.open
    if lab is not None:
        lab.shut_kernels_down()


@pytest.fixture
def lab(servers: Shared[Lab], no_kernels_afterwards: None, request: pytest.FixtureRequest) -> Iterator[Lab]:
    with servers.lent_to(request.node) as lab:
        yield lab


@pytest.fixture
def page(browsers: Shared[Browser], request: pytest.FixtureRequest) -> Iterator[Page]:
    with browsers.lent_to(request.node) as browser, fresh_page(browser) as page:
        yield page
