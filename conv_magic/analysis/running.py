"""Texts run in the process of a trial, quickly: nothing compiled, no step of training beyond its forward pass."""

from __future__ import annotations

import linecache
import sys
from typing import Any, Protocol

from conv_magic.boundary import begun
from conv_magic.capture import tracer
from conv_magic.capture.guard import refuse
from conv_magic.capture.rows import words_of

_LONGEST_ERROR = 4000
_FILENAME = "<observed cell>"


class Start(Protocol):
    """What cells are run from; see `repair.trial.Start`."""

    def fresh(self) -> dict[str, Any]:
        """Return the namespace that the cell starts from, made anew."""
        ...


def run_eagerly() -> None:
    """Let every line meet values; the shapes of gradients follow from those of the forward pass, so none is taken.

    It changes Keras and TensorFlow for good, so it belongs into a process that is thrown away.
    """
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is not None:
        tensorflow.config.run_functions_eagerly(True)
    trainer: Any = sys.modules.get("keras.src.trainers.trainer")
    if trainer is not None:
        trainer.model_supports_jit = lambda model: False
    backend: Any = sys.modules.get("keras.src.backend.tensorflow.trainer")
    if backend is not None:
        backend.TensorFlowTrainer.train_step = lambda model, data: model.test_step(data)


def run_text(text: str, space: dict[str, Any]) -> dict[str, Any] | None:
    """Run a text under the guard; its error as data."""
    linecache.cache[_FILENAME] = (len(text), None, text.splitlines(keepends=True), _FILENAME)
    recorder = tracer.new_recorder({_FILENAME}, most=1, guard=True)
    try:
        code = compile(text, _FILENAME, "exec", dont_inherit=True)
        hooks = begun(tracer.tracing(recorder, refuse))
        try:
            exec(code, space)
        finally:
            hooks.close()
    except BaseException as error:  # the cell may raise anything, SystemExit too
        return {"type": type(error).__name__, "text": words_of(error)[:_LONGEST_ERROR], "line": _line(error)}
    return None


def _line(error: BaseException) -> int | None:
    line, at = None, error.__traceback__
    while at is not None:
        if at.tb_frame.f_code.co_filename == _FILENAME:
            line = at.tb_lineno
        at = at.tb_next
    return line
