"""Training cut to one step, for a trial: enough to meet every shape, in the time of one batch.

It replaces methods of Keras' own classes, so it belongs into a process that is thrown away.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

Method = Callable[..., Any]

_FEW = 64
"""A prediction for at most so many samples is not worth cutting."""
_MOST_EPOCHS = 10_000


def shorten_training() -> None:
    """Cut `fit`, `evaluate` and `predict` of the Keras that is imported, `tf.keras` too where it is another one."""
    for owner in _trainers():
        for name, cut in (("fit", _short_fit), ("evaluate", _short_evaluate), ("predict", _short_predict)):
            setattr(owner, name, cut(getattr(owner, name)))


def _trainers() -> set[type]:
    models = []
    if (keras := sys.modules.get("keras")) is not None:
        models.append(keras.Model)
    if (tensorflow := sys.modules.get("tensorflow")) is not None:
        models.append(tensorflow.keras.Model)
    return {next(c for c in model.__mro__ if "fit" in vars(c)) for model in models}


# The wrapped method is the free variable `fn` of each, as in Keras' own traceback filter.


def _short_fit(fn: Method) -> Method:
    signature = inspect.signature(fn)

    @functools.wraps(fn)
    def fit(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        asked = given.arguments
        first, last = asked["initial_epoch"], asked["epochs"]
        asked.update(
            epochs=min(last, first + 1),
            steps_per_epoch=1,
            verbose=0,
            callbacks=_own_callbacks(asked["callbacks"]),
        )
        _build_optimizer(given.args[0])
        if asked["validation_data"] is not None or asked["validation_split"]:
            asked.update(validation_steps=1, validation_freq=1)
        return _as_if_repeated(fn(*given.args, **given.kwargs), first, last)

    return fit


def _build_optimizer(model: Any) -> None:
    """Make its variables ahead: where the step itself makes them, TensorFlow traces the step twice.

    https://www.tensorflow.org/guide/function#creating_tfvariables
    A step of the user's own may train other variables than the model's, so that is left alone.
    """
    own = getattr(type(model), "train_step", None)
    optimizer = getattr(model, "optimizer", None)
    of_keras = getattr(own, "__module__", "").startswith("keras.src.")
    if of_keras and model.built and optimizer is not None and not optimizer.built:
        optimizer.build(model.trainable_variables)


def _as_if_repeated(history: Any, first: int, last: int) -> Any:
    """Return the history of all epochs that were asked for: cells plot it against `range(epochs)`."""
    epochs = min(last - first, _MOST_EPOCHS)
    if epochs > 1:
        history.history = {name: values[-1:] * epochs for name, values in history.history.items()}
        history.epoch = list(range(first, first + epochs))
    return history


def _own_callbacks(callbacks: Any) -> Any:
    """Return the user's own callbacks; Keras' write files, schedule and stop, which one step does not need."""
    if not isinstance(callbacks, list | tuple):
        return None
    return [c for c in callbacks if type(c).__module__.partition(".")[0] not in ("keras", "tf_keras")]


def _short_evaluate(fn: Method) -> Method:
    @functools.wraps(fn)
    def evaluate(*args: Any, **kwargs: Any) -> Any:
        given = inspect.signature(fn).bind(*args, **kwargs)
        given.arguments.update(steps=1, verbose=0)
        return fn(*given.args, **given.kwargs)

    return evaluate


def _short_predict(fn: Method) -> Method:
    """Only arrays are cut, for the answer must keep one row a sample: the first batch's are repeated."""

    @functools.wraps(fn)
    def predict(*args: Any, **kwargs: Any) -> Any:
        given = inspect.signature(fn).bind(*args, **kwargs)
        given.arguments["verbose"] = 0
        samples = given.arguments["x"]
        if not hasattr(samples, "shape") or len(samples) <= _FEW or given.arguments.get("steps"):
            return fn(*given.args, **given.kwargs)
        given.arguments["steps"] = 1
        return _repeated(fn(*given.args, **given.kwargs), len(samples))

    return predict


def _repeated(rows: Any, count: int) -> Any:
    if isinstance(rows, dict):
        return {name: _repeated(part, count) for name, part in rows.items()}
    if isinstance(rows, list | tuple):
        return type(rows)(_repeated(part, count) for part in rows)
    return np.resize(rows, (count, *rows.shape[1:]))
