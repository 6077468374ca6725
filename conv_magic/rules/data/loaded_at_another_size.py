"""A loader resizes the images to its own default size, and the model was declared for another.

What: the images of a folder come in a size that the loader decides; the model takes one size only.
Why: `image_dataset_from_directory` and `flow_from_directory` make 256 x 256 of every image unless told otherwise.
Example:

    data = keras.utils.image_dataset_from_directory(folder)          # gives (None, 256, 256, 3)
    model = keras.Sequential([keras.Input((60, 60, 3)), ...])

Use instead:

    data = keras.utils.image_dataset_from_directory(folder, image_size=(60, 60))

Fix safety: the loader follows the model, no layer changes.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.operands import code_of
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability
from conv_magic.model.naming import axis_names, name_of
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, with_argument
from conv_magic.text.source import Code, argument, called_name

code = "loaded-at-another-size"

_START = (
    "import os, tempfile\nimport tensorflow as tf\nfrom tensorflow import keras\n"
    "folder = tempfile.mkdtemp()\n"
    "for kind in ('dog', 'fox'):\n"
    "    os.mkdir(os.path.join(folder, kind))\n"
    "    png = tf.io.encode_png(tf.zeros((40, 50, 3), tf.uint8))\n"
    "    tf.io.write_file(os.path.join(folder, kind, 'one.png'), png)\n"
    "model = keras.Sequential([keras.Input((32, 48, 3)), keras.layers.Flatten(), keras.layers.Dense(1)])\n"
    "model.compile('sgd', 'mse')\n"
)
VALID: tuple[str, ...] = (
    _START + "data = keras.utils.image_dataset_from_directory(folder, image_size=(32, 48), verbose=False)\n"
    "model.evaluate(data, verbose=0)\n",
)
INVALID: tuple[str, ...] = (
    _START + "data = keras.utils.image_dataset_from_directory(folder, batch_size=2, verbose=False)\n"
    "model.evaluate(data, verbose=0)\n",
    _START + "data = keras.utils.image_dataset_from_directory(folder, image_size=(24, 32), verbose=False)\n"
    "model.fit(data.map(lambda x, y: (x / 255.0, y)), verbose=0)\n",
)

_SIZE_OPTIONS = {
    "image_dataset_from_directory": "image_size",
    "flow_from_directory": "target_size",
    "flow_from_dataframe": "target_size",
}


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where a model failed on images that a loader made of another size."""
    model = _model_of_another_size(call, trace) if call.outcome is Outcome.RAISED else None
    if model is None or model.accepts is None:
        return
    have, want = model.inputs[0], model.accepts
    sizes = want[1:3]
    loaded = _loader_of_data(call, trace)
    if loaded is None:
        return
    cell, loader, keyword = loaded
    text = f"({sizes[0]}, {sizes[1]})"
    origin = cell.span(loader)
    yield diagnosed(
        code,
        call,
        f"{name_of(model)} takes images of {_sizes_spelled(sizes)}; the loader makes them {_sizes_spelled(have[1:3])}",
        layer=name_of(model),
        reasons=(f"{called_name(loader)} resizes to {_sizes_spelled(have[1:3])}",),
        expected=want,
        actual=have,
        axes=tuple(axis for axis in (1, 2) if have[axis] != want[axis]),
        axis_names=axis_names(4),
        origin=(origin, f"the images are loaded on line {origin.line}"),
        fixes=(
            fix(
                f"load the images with {keyword}={text}",
                cell,
                [with_argument(cell, loader, None, keyword, text)],
                Applicability.SURE,
            ),
        ),
    )


def _model_of_another_size(call: CallRecord, trace: Trace) -> CallRecord | None:
    """Return the call, or the model around it, whose input has another height or width than it was declared for."""
    for candidate in (call, *graph_of(trace).ancestors(call)):
        have, want = (candidate.inputs or ((),))[0], candidate.accepts or ()
        if len(have) == len(want) == 4 and None not in want[1:3] and have[1:3] != want[1:3] and have[3] == want[3]:
            return candidate
    return None


def _sizes_spelled(sizes: Shape) -> str:
    """Return the sizes in words: `60 x 60`."""
    return " x ".join(str(size) for size in sizes)


def _loader_of_data(call: CallRecord, trace: Trace) -> tuple[Code, ast.Call, str] | None:
    """Return the call that loaded the data of the running line, with its cell and the option for the size."""
    cell = code_of(trace, call.span)
    node = cell.call_at(call.span) if cell else None
    data = argument(node, 0, "x", "inputs") if node is not None else None
    if cell is None or data is None:
        return None
    waiting, seen = [data], 0
    while waiting and seen < 20:
        seen += 1
        for origin in definitions_of(cell, waiting.pop(0)):
            for inner in ast.walk(origin):
                if isinstance(inner, ast.Call) and called_name(inner) in _SIZE_OPTIONS:
                    return cell, inner, _SIZE_OPTIONS[called_name(inner)]
                if isinstance(inner, ast.Name) and inner is not origin and isinstance(inner.ctx, ast.Load):
                    waiting.append(inner)
    return None
