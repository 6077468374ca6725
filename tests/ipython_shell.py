"""A real IPython shell inside the test process, and cells run in it as a person would run them."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from conv_magic.capture import tracer

PREPARATION = "import tensorflow as tf, keras, numpy as np\nfrom keras import layers\nfrom tensorflow.nn import conv2d"


class RecordingShell(InteractiveShell):
    """A shell that keeps the text of every traceback it shows."""

    def _showtraceback(self, etype: Any, evalue: Any, stb: Any) -> None:
        vars(self).setdefault("tracebacks", []).append("\n".join(stb))
        super()._showtraceback(etype, evalue, stb)


@dataclass(frozen=True)
class Ran:
    """What one cell did: IPython's result, what was printed, the tracebacks shown."""

    result: Any
    out: str
    err: str
    tracebacks: list[str]

    @property
    def error(self) -> BaseException | None:
        error: BaseException | None = self.result.error_before_exec or self.result.error_in_exec
        return error


@dataclass
class Notebook:
    """Runs cells one after the other; fails when conv_magic itself reports a fault."""

    shell: Any
    capture: pytest.CaptureFixture[str]

    @property
    def ns(self) -> dict[str, Any]:
        names: dict[str, Any] = self.shell.user_ns
        return names

    def run(self, text: str, **options: Any) -> Ran:
        self.capture.readouterr()
        self.shell.tracebacks = []
        result = self.shell.run_cell(text, **{"store_history": True, **options})
        assert tracer.patched() == ()
        out, err = self.capture.readouterr()
        assert "Error in callback" not in out + err, out + err
        return Ran(result, out, err, self.shell.tracebacks)

    def fresh(self, count: int = 1) -> None:
        """Forget names, outputs and numbers, and Keras' own counters."""
        self.shell.reset(new_session=False)
        self.shell.displayhook.flush()
        self.shell.execution_count = count
        for inputs in (self.shell.history_manager.input_hist_raw, self.shell.history_manager.input_hist_parsed):
            inputs[:] = [""] * count
        self.shell.run_cell(PREPARATION, silent=True)
        self.ns["keras"].utils.clear_session(free_memory=False)


def make_shell(folder: Any) -> Iterator[Any]:
    """The process' one shell, with nothing of the person's own in it."""
    InteractiveShell.clear_instance()
    settings = Config()
    settings.HistoryManager.hist_file = ":memory:"
    settings.InteractiveShell.colors = "nocolor"
    settings.ProfileDir.location = str(folder)
    shell = RecordingShell.instance(config=settings)
    shell.run_line_magic("load_ext", "conv_magic")
    shell.run_cell(PREPARATION, silent=True)
    gc.freeze()  # `reset` collects garbage each time: not TensorFlow's modules too
    yield shell
    gc.unfreeze()
    shell.run_line_magic("unload_ext", "conv_magic")
    shell.history_manager.end_session()
    RecordingShell.clear_instance()


_ADDRESS = re.compile(r"(?<=0x)[0-9a-f]+|(?<=<ipython-input-\d-)[0-9a-f]+|(?<=[a-z>]_)\d+(?=[\]}])")


def without_addresses(text: str) -> str:
    """`text` with every memory address made the same, every digest of a cell's text, every count of graph functions."""
    return _ADDRESS.sub("0", text)
