"""A person at a terminal: real IPython behind a pseudo-terminal, and what stands on its screen."""

from __future__ import annotations

import importlib
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared import SECONDS, Shared, Stuck

pexpect: Any = importlib.import_module("pexpect")  # neither it nor pyte has types
pyte: Any = importlib.import_module("pyte")

ROWS = 400  # more than all that is shown: nothing scrolls away
PROMPT = re.compile(r"^In \[(\d+)\]:")
FAULT = "%%convshapes\nx = tf.zeros((8, 8, 3))\ny = layers.Conv2D(2, 3)(x)\n"


@dataclass
class Terminal:
    """IPython on a screen."""

    folder: Path

    def __post_init__(self) -> None:
        self.screen: Any = pyte.Screen(80, ROWS)
        self._stream: Any = pyte.Stream(self.screen)
        variables = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "CONV_MAGIC_STRICT", "COLUMNS")}
        variables |= {"IPYTHONDIR": str(self.folder), "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        command = ["-m", "IPython", "--no-banner", "--HistoryManager.enabled=False", "--no-confirm-exit"]
        command += ["--TerminalInteractiveShell.autoindent=False", "--TerminalInteractiveShell.term_title=False"]
        self._child: Any = pexpect.spawn(
            sys.executable, ["-P", *command], dimensions=(ROWS, 80), env=variables, cwd=str(self.folder),
            encoding="utf-8", timeout=SECONDS,
        )  # fmt: skip
        self.screen.write_process_input = self._child.send  # where the program asks for the cursor's place

    def resize(self, columns: int) -> None:
        """An empty screen of so many columns, with a prompt."""
        self._child.setwinsize(ROWS, columns)
        self.screen.resize(ROWS, columns)
        before = self.prompts()
        self.screen.reset()
        self._child.send("pass\r")
        self.read_until(lambda: self.prompts() == before + 1)

    def read_until(self, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS
        while not ready():
            if time.monotonic() > deadline:
                raise Stuck("\n".join(self.lines()))
            try:
                self._stream.feed(self._child.read_nonblocking(100_000, timeout=0.2))
            except pexpect.TIMEOUT:
                continue

    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display[: self.screen.cursor.y + 1]]

    def prompts(self) -> int:
        """The number of the prompt at which the cursor stands; 0 while a cell runs."""
        found = [found for line in self.lines()[-2:] if (found := PROMPT.match(line))]
        return int(found[-1][1]) if found else 0

    def send(self, text: str) -> int:
        """Type a cell (as a terminal pastes it, so that nothing is indented) and run it; the number of its prompt."""
        before = self.prompts()
        self._child.send(f"\x1b[200~{text}\x1b[201~\x1b\r")
        return before

    def run(self, text: str) -> list[str]:
        """The lines that a cell leaves on the screen, its own text not among them."""
        start = len(self.lines())
        before = self.send(text)
        self.read_until(lambda: self.prompts() == before + 1)
        return self.lines()[start + text.count("\n") :]

    def interrupt(self) -> None:
        self._child.sendintr()

    def colours_of(self, words: str) -> set[str]:
        """The foreground colours of the last place where these words stand."""
        for row in range(self.screen.cursor.y, -1, -1):
            at = self.screen.display[row].find(words)
            if at >= 0:
                return {self.screen.buffer[row][at + i].fg for i in range(len(words))}
        raise AssertionError(f"{words!r} is not on the screen")

    def close(self) -> None:
        self._child.close(force=True)


@contextmanager
def running_terminal(folder: Path) -> Iterator[Terminal]:
    terminal = Terminal(folder)
    try:
        terminal.read_until(lambda: terminal.prompts() == 1)
        terminal.run("%load_ext conv_magic")
        terminal.run("import tensorflow as tf, os, time; from keras import layers")
        yield terminal
    finally:
        terminal.close()


@pytest.fixture(scope="module")
def terminals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared[Terminal]]:
    with Shared(lambda: running_terminal(tmp_path_factory.mktemp("terminal"))) as terminals:
        yield terminals


@pytest.fixture
def terminal(terminals: Shared[Terminal], request: pytest.FixtureRequest) -> Iterator[Terminal]:
    """IPython on a fresh screen of 80 columns."""
    with terminals.lent_to(request.node) as terminal:
        terminal.resize(80)
        yield terminal


def test_the_fixes_are_tried_before_the_next_prompt_and_told_once(terminal: Terminal) -> None:
    shown = terminal.run(FAULT)
    text = "\n".join(shown)
    assert text.count("error[missing-axis]") == 1
    assert text.count("fixes for missing-axis at line 3") == 1
    untried, tried = text.split("fixes for missing-axis")
    assert "not tried yet" in untried.split("Ctrl-C")[0]
    assert "tried: the cell" not in untried
    assert tried.count("tried: the cell") == tried.count("help:") == untried.count("help:")
    at_prompt = terminal.lines()
    assert terminal.run("1 + 1")[:1] == [f"Out[{terminal.prompts() - 1}]: 2"]
    assert "\n".join(terminal.lines()).startswith("\n".join(at_prompt[:-1]))


def test_an_interrupt_leaves_the_rest_untried_and_goes_on(terminal: Terminal) -> None:
    before = terminal.send(FAULT.replace("%%convshapes", "%%convshapes seen") + "time.sleep(600)\n")
    terminal.read_until(lambda: any(line.startswith("trying the fixes") for line in terminal.lines()[-3:]))
    terminal.interrupt()
    terminal.read_until(lambda: terminal.prompts() == before + 1)
    told = " ".join(" ".join(terminal.lines()).rpartition("fixes for missing-axis")[2].split())
    assert told.count("not tried: interrupted") == told.count("help:") > 0
    assert terminal.run("x.shape, seen.diagnoses[0].fixes[0].untried")[0].endswith(
        "(TensorShape([8, 8, 3]), 'interrupted')"
    )


def test_colours_are_used_where_there_is_a_terminal_that_wants_them(terminal: Terminal) -> None:
    terminal.run(FAULT)
    assert terminal.colours_of("error[missing-axis]") == {"red"}
    assert terminal.colours_of("fixes for missing-axis") == {"default"}
    assert terminal.colours_of("now runs to its end") == {"green", "default"}
    terminal.run("os.environ['NO_COLOR'] = '1'")
    terminal.run(FAULT)
    terminal.run("del os.environ['NO_COLOR']")
    assert terminal.colours_of("error[missing-axis]") == {"default"}


def test_carets_stand_under_wide_characters(terminal: Terminal) -> None:
    shown = terminal.run('%%convshapes -V\nt = "漢字🙂é"; y = layers.Conv2D(2, 3)(tf.zeros((8, 8, 1)))\n')
    row = next(i for i, line in enumerate(terminal.screen.display) if " 2 |" in line and "漢" in line)
    code, carets = terminal.screen.buffer[row], terminal.screen.buffer[row + 1]
    marked = [column for column in range(80) if carets[column].data == "^"]
    assert "".join(code[column].data for column in marked).startswith("layers.Conv2D(2, 3)(")
    assert any("漢字🙂é" in line for line in shown)


@pytest.mark.parametrize("columns", [80, 40])
def test_nothing_is_wider_than_the_screen(terminal: Terminal, columns: int) -> None:
    terminal.resize(columns)
    shown = terminal.run(
        "%%convshapes -V\nx = tf.zeros((1, 8, 8, 3))\nx = layers.Conv2D(2, 3, name='a')(x)\n"
        "y = layers.Conv2D(2, 9, name='b')(x)\n"
    )
    start = next(i for i, line in enumerate(shown) if line.startswith("2 calls, 1 failed"))
    text = shown[start:]
    marks = next(i for i, line in enumerate(text) if "^" in line)
    assert text[marks].lstrip(" |").startswith("^")
    titles = next(line for line in text if line.split()[:2] in (["call", "line"], ["line", "status"]))
    table = text[text.index(titles) + 1 :]
    outputs = titles.index("output") if columns == 40 else titles.index("input")
    assert table[0][outputs:].startswith("(1, ")
    (left_out,) = [line for line in table if line.startswith("  without ")]
    assert ("input" in left_out) == (columns == 40)


def test_table_is_shown_while_on_if_so_wanted(terminal: Terminal) -> None:
    terminal.run("%convshapes on")
    quiet = terminal.run("y = layers.Flatten()(tf.zeros((1, 8)))")
    terminal.run("%convshapes on --table")
    told = terminal.run("y = layers.Flatten()(tf.zeros((1, 8)))")
    terminal.run("%convshapes off")
    assert not any("as the arithmetic says" in line for line in quiet)
    assert any("as the arithmetic says" in line for line in told)
