"""Right programs must stay quiet: Keras' own architectures and the examples of its documentation, under the trace.

    python tests/run_right_programs.py [--architectures NAME ... | --examples]

Every architecture of `keras.applications` is built without weights at the smallest size that its documentation allows,
with and without its top, called on two images and compiled.  Every example in the docstrings of the public Keras API
that runs as it stands is run again under the trace.  Prints what was diagnosed; the exit status is 1 if anything was.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from doctest import DocTestParser
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import conv_magic

_CELL = """
import keras
import numpy as np

model = keras.applications.{name}(weights=None, classes=7, input_shape=({size}, {size}, 3))
model.compile("sgd", "sparse_categorical_crossentropy")
scores = model(np.zeros((2, {size}, {size}, 3), "float32"))
features = keras.applications.{name}(weights=None, include_top=False, input_shape=({size}, {size}, 3), pooling="avg")
head = keras.Sequential([features, keras.layers.Dense(3, activation="softmax")])
head.compile("sgd", "categorical_crossentropy")
"""
_SIZES = {"InceptionV3": 75, "InceptionResNetV2": 75, "Xception": 71, "NASNetLarge": 331, "NASNetMobile": 224}

_IMPORTS = """
import keras
import numpy as np
import tensorflow as tf
from keras import Input, Model, Sequential, callbacks, layers, losses, metrics, models, ops, optimizers
from keras.layers import *
keras.utils.set_random_seed(1)
"""
_PLACES = ("layers", "losses", "metrics", "models", "ops", "optimizers", "activations", "regularizers", "callbacks")
_FENCED = re.compile(r"^```(?:python)?\n(.*?)^```", re.MULTILINE | re.DOTALL)


def architectures() -> Iterator[str]:
    """The names of the functions that build a model."""
    import keras

    for name, value in vars(keras.applications).items():
        if callable(value) and name[:1].isupper():
            yield name


def run_architectures(names: list[str]) -> int:
    """How many of them were diagnosed or failed."""
    wrong = 0
    for name in names or sorted(architectures()):
        started = time.monotonic()
        report = conv_magic.run(_CELL.format(name=name, size=_SIZES.get(name, 64)))
        wrong += bool(report.diagnoses or report.error)
        calls = sum(call.count for call in report.trace.calls)
        print(f"{name:<20} {calls:6} calls {time.monotonic() - started:6.1f} s", *_said(report), flush=True)
    print(f"{len(names or list(architectures()))} architectures, {wrong} diagnosed or failed")
    return wrong


def _said(report: Any) -> list[str]:
    found = [f"{d.code} at line {d.line}: {d.headline}" for d in report.diagnoses]
    return [*([repr(report.error)[:200]] if report.error else []), *found]


def examples() -> Iterator[tuple[str, str]]:
    """The examples in the docstrings of the public API, by the name of what they document."""
    import inspect

    import keras

    documented = [(f"keras.{place}", vars(getattr(keras, place))) for place in _PLACES] + [("keras", vars(keras))]
    seen: set[str] = set()
    for place, members in documented:
        for name, member in sorted(members.items()):
            text = inspect.getdoc(member) if callable(member) and not name.startswith("_") else None
            for number, source in enumerate(_sources(text or "")):
                if source not in seen:
                    seen.add(source)
                    yield f"{place}.{name}[{number}]", source


def _sources(text: str) -> Iterator[str]:
    """The fenced blocks of a docstring, and its `>>>` lines as one."""
    for block in _FENCED.findall(text):
        if ">>>" not in block:
            yield block
    with contextlib.suppress(ValueError):  # a block that only looks like a session
        session = "".join(example.source for example in DocTestParser().get_examples(text))
        if session:
            yield session


def run_examples() -> int:
    """How many examples that run plainly were diagnosed, or fail under the trace."""
    ran = wrong = calls = 0
    for name, example in examples():
        source = _IMPORTS + example
        if not _runs(source):
            continue
        ran += 1
        with contextlib.redirect_stdout(io.StringIO()):
            report = conv_magic.run(source)
        calls += sum(call.count for call in report.trace.calls)
        if report.diagnoses or report.error:
            wrong += 1
            print(name, *_said(report), flush=True)
    print(f"{ran} examples that run, {calls} calls, {wrong} diagnosed or failed")
    return wrong


def _runs(source: str) -> bool:
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(source, "<example>", "exec"), {"__name__": "__main__"})
    except Exception:
        return False
    return True


def main() -> int:
    """Run what is asked for, both by default; 1 if any right program was diagnosed or failed."""
    asked = sys.argv[1:2]
    wrong = 0
    os.chdir(tempfile.mkdtemp())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if asked != ["--architectures"]:
            wrong += run_examples()
        if asked != ["--examples"]:
            wrong += run_architectures(sys.argv[2:])
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
