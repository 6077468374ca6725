"""Right programs must stay quiet: every architecture of `keras.applications`, built and called under the trace.

    python tests/run_right_programs.py [NAME ...]

Each is built without weights at the smallest size that its documentation allows, summed up, called on two images and
compiled.  Prints one line for each and what was diagnosed; the exit status is 1 if anything was.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator

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


def architectures() -> Iterator[str]:
    """The names of the functions that build a model."""
    import keras

    for name, value in vars(keras.applications).items():
        if callable(value) and name[:1].isupper():
            yield name


def main() -> int:
    """Run them all; 1 if any right program was diagnosed or failed."""
    wrong = 0
    names = sys.argv[1:] or sorted(architectures())
    for name in names:
        started = time.monotonic()
        report = conv_magic.run(_CELL.format(name=name, size=_SIZES.get(name, 64)))
        found = [f"{d.code} at line {d.line}: {d.headline}" for d in report.diagnoses]
        wrong += bool(found or report.error)
        calls = sum(call.count for call in report.trace.calls)
        print(f"{name:<20} {calls:6} calls {time.monotonic() - started:6.1f} s", report.error or "", *found, flush=True)
    print(f"{len(names)} architectures, {wrong} diagnosed or failed")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
