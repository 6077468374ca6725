"""The real JupyterLab, started as `make demo` starts it, and its pages as a user handles them."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import IO, TextIO
from urllib.request import Request, urlopen

import nbformat
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from browser.find_browser import FLAGS, MISSING, find_browser
from shared import SECONDS, Stuck

ROOT = Path(__file__).parents[2]
TOKEN = "conv-magic"
expect.set_options(timeout=1000 * SECONDS)
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "docmanager-extension/plugin": {"autosave": False},
}
OLDEST = "CONV_MAGIC_TEST_JUPYTER" in os.environ  # JupyterLab 4.0 and Notebook 7.0, see `run_oldest_lab.py`
FRONT_ENDS = ["lab", "notebook"]
NOTE = ".cm-convmagic-note"
STALE = ".cm-convmagic-stale"
SUSPECT = ".cm-convmagic-suspect"
DOCUMENT = "content => (content.cmTile ?? content.cmView).view.state.doc.toString()"
ADDRESS = re.compile(r"(http://127\.0\.0\.1:\d+)/lab")


@dataclass(frozen=True)
class Lab:
    """A running server: `address` without a trailing slash, `folder` what it serves."""

    address: str
    folder: Path

    def write(self, name: str, *cells: str, kernel: str = "python3") -> str:
        """Write a notebook with these code cells, in the place of an older one; its path as the server knows it."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
        notebook.metadata["kernelspec"] = {"name": kernel, "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, self.folder / name)
        return name

    @contextmanager
    def setting(self, plugin: str, **values: object) -> Iterator[None]:
        """With other user settings of one of JupyterLab's plugins, for pages that are opened meanwhile."""
        path = self.folder.parent / "settings/@jupyterlab" / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), "utf-8")
        try:
            yield
        finally:
            path.unlink()

    def restore_demo(self) -> None:
        """Put the repository's demo.ipynb in the place of a changed one."""
        (self.folder / "demo.ipynb").write_bytes((ROOT / "demo.ipynb").read_bytes())

    def wait_until_it_answers(self) -> None:
        """Ask until there is an answer: an address that is told may not be listened at yet."""
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                self._request("GET", "/api/status").close()
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise Stuck("JupyterLab does not answer") from None
                time.sleep(0.1)

    def shut_kernels_down(self) -> None:
        """End every kernel."""
        for kernel in json.load(self._request("GET", "/api/kernels")):
            self._request("DELETE", f"/api/kernels/{kernel['id']}").close()

    def _request(self, method: str, path: str) -> IO[bytes]:
        headers = {"Authorization": f"token {TOKEN}"}
        answer: IO[bytes] = urlopen(Request(self.address + path, method=method, headers=headers), timeout=SECONDS)
        return answer

    def in_lab(self, path: str) -> str:
        """The address of a notebook in JupyterLab, with a fresh workspace."""
        return f"{self.address}/lab/tree/{path}?reset&token={TOKEN}"

    def in_notebook(self, path: str) -> str:
        """The address of a notebook in Jupyter Notebook."""
        return f"{self.address}/notebooks/{path}?token={TOKEN}"

    def address_in(self, front_end: str, path: str) -> str:
        """The address of a notebook in `lab` or `notebook`."""
        return self.in_lab(path) if front_end == "lab" else self.in_notebook(path)


@contextmanager
def running_lab(folder: Path) -> Iterator[Lab]:
    """The server of `make demo`, with folders, settings and a token of its own."""
    served = folder / "notebooks"
    served.mkdir()
    (served / "demo.ipynb").write_bytes((ROOT / "demo.ipynb").read_bytes())
    flags = f"--no-browser --ip=127.0.0.1 --port={_free_port()} --IdentityProvider.token={TOKEN}"
    command = ["make", "--no-print-directory", "lab", f"NOTEBOOK={served / 'demo.ipynb'}", f"DEMO_FLAGS={flags}"]
    if jupyter := os.environ.get("CONV_MAGIC_TEST_JUPYTER"):  # another one than this environment's
        command.append(f"JUPYTER={jupyter}")
    server = subprocess.Popen(
        command,
        cwd=ROOT,
        env=_environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert server.stdout is not None
    try:
        lab = Lab(_address(server.stdout, folder / "server.log"), served)
        lab.wait_until_it_answers()
        yield lab
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:  # it does not end on a busy machine, or with real-time collaboration
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _free_port() -> int:
    """A port that nobody listens on; older servers do not tell which one they took."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def _environment(folder: Path) -> dict[str, str]:
    names = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    for plugin, values in SETTINGS.items():
        path = folder / "settings/@jupyterlab" / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), "utf-8")
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS", "JUPYTER"))}
    return inherited | {key: str(folder / name) for key, name in names.items()}


def _address(lines: TextIO, log: Path) -> str:
    """The address that the server prints once it answers; its output goes on into `log`."""
    found: Future[str] = Future()

    def read() -> None:
        with log.open("w", encoding="utf-8") as file:
            for line in lines:
                print(line, end="", file=file, flush=True)
                if not found.done() and (match := ADDRESS.search(line)):
                    found.set_result(match[1])
        if not found.done():
            found.set_exception(RuntimeError(f"JupyterLab ended:\n{log.read_text('utf-8')}"))

    Thread(target=read, daemon=True).start()
    return found.result(timeout=SECONDS)


@contextmanager
def running_browser(*flags: str) -> Iterator[Browser]:
    """A headless Chromium."""
    path = find_browser()
    assert path, MISSING
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS, *flags])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def fresh_page(browser: Browser) -> Iterator[Page]:
    """A page that shares nothing with others."""
    with browser.new_context(viewport={"width": 1280, "height": 1400}) as context:
        context.set_default_timeout(1000 * SECONDS)
        yield context.new_page()


class Notebook:
    """A notebook on the screen.  Cells count from 0, code and text alike."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        page.goto(address)
        self.panel = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        self.root = self.panel.locator(".jp-Notebook")
        self.tooltip = page.locator(".cm-convmagic-tooltip")
        expect(self.root.locator(".jp-CodeCell .cm-content").first).to_be_visible()
        # A cell run before the kernel is connected is dropped without a word.
        expect(self.panel.locator(".jp-KernelName")).to_contain_text("Python 3")
        expect(self.panel.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]')).to_be_attached()

    def cell(self, index: int) -> Cell:
        return Cell(self.page, self.root.locator(f'.jp-Cell[data-windowed-list-index="{index}"]'))

    def choose(self, menu: str, submenu: str, item: str) -> None:
        """Choose an entry of a menu within a menu."""
        self.page.get_by_role("menuitem", name=menu, exact=True).click()
        self._entry(submenu).hover()
        self._entry(item).click()

    def _entry(self, label: str) -> Locator:
        """The menu entry of exactly that label: `Theme` is not `Text Editor Theme`."""
        exactly = re.compile(f"^{re.escape(label)}$")
        return self.page.locator(".lm-Menu-item").filter(
            has=self.page.locator(".lm-Menu-itemLabel").filter(has_text=exactly)
        )

    def choose_directly(self, menu: str, item: str) -> None:
        """Choose an entry of a menu."""
        self.page.get_by_role("menuitem", name=menu, exact=True).click()
        self.page.locator(".lm-Menu-item").filter(has_text=item).click()

    def command(self, label: str) -> None:
        """Choose a command of ours in the command palette, as one finds it by its name."""
        self.page.keyboard.press("ControlOrMeta+Shift+c")
        self.page.locator(".lm-CommandPalette-input:visible").fill(label)
        found = self.page.locator('.lm-CommandPalette-item[data-command^="conv-magic:"]')
        found.filter(has=self.page.get_by_text(label, exact=True)).click()

    def command_mode(self, cell: Cell) -> None:
        """Leave the editor of a cell for the cell itself."""
        cell.click(1)
        self.page.keyboard.press("Escape")
        expect(self.panel.locator(".jp-Notebook.jp-mod-commandMode")).to_be_attached()

    def save(self) -> None:
        """Save with the keyboard and wait until it is done."""
        with self.page.expect_response(lambda answer: answer.request.method == "PUT" and "/contents/" in answer.url):
            self.page.keyboard.press("ControlOrMeta+s")

    def use_theme(self, name: str) -> None:
        """Choose a theme in the Settings menu of JupyterLab."""
        self.choose("Settings", "Theme", name)
        light = "true" if name.endswith("Light") else "false"
        expect(self.page.locator(f'body[data-jp-theme-light="{light}"][data-jp-theme-name="{name}"]')).to_be_attached()


class Cell:
    """One code cell, its editor and its outputs."""

    def __init__(self, page: Page, root: Locator) -> None:
        self.page = page
        self.root = root
        self.output = root.locator(".jp-Cell-outputArea")
        self.notes = root.locator(NOTE)
        self.failed = root.locator(".cm-convmagic-failed")
        self.stale = root.locator(STALE)
        self.suspect = root.locator(SUSPECT)
        # The static drawing stays hidden behind the live widget.
        self.rows = self.output.locator(".convmagic-row:visible")
        self.failed_rows = self.output.locator('.convmagic-row[data-status="failed"]:visible')
        self.fixes = self.output.locator(".convmagic-fix:visible")

    def line(self, number: int) -> Locator:
        """A line of the editor, counted from 1."""
        return self.root.locator(".cm-line").nth(number - 1)

    def note(self, number: int) -> Locator:
        """The shapes at the end of a line."""
        return self.line(number).locator(NOTE)

    def stale_note(self, number: int) -> Locator:
        """The same, struck through because the line has changed."""
        return self.line(number).locator(STALE)

    @property
    def text(self) -> str:
        """The code, without what stands at the line ends."""
        text: str = self.root.locator(".cm-content").evaluate(
            "content => (content.cmTile ?? content.cmView).view.state.doc.toString()"
        )
        return text

    @property
    def prompt(self) -> Locator:
        return self.root.locator(".jp-InputPrompt")

    def run(self) -> None:
        """Run the cell with Shift+Enter and wait for its end."""
        before = self.prompt.inner_text()
        self.click(1)
        self.page.keyboard.press("Shift+Enter")
        self.wait_until_run(before)

    def wait_until_run(self, before: str) -> None:
        """Wait until the prompt shows a number other than in `before`."""
        expect(self.prompt).not_to_have_text(before)
        expect(self.prompt).to_have_text(re.compile(r"\[\d+\]"))

    def click(self, number: int) -> None:
        """Put the cursor into a line, not onto what stands at its end."""
        self.line(number).click(position={"x": 8, "y": 8})

    def type_at_end(self, number: int, text: str) -> None:
        """Type at the end of a line."""
        self.click(number)
        self.page.keyboard.press("End")
        self.page.keyboard.type(text)

    def undo(self) -> None:
        self.page.keyboard.press("ControlOrMeta+z")
