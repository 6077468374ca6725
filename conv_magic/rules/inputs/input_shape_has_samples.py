"""A declared input shape counts the samples.

What: `Input(shape=...)` or `input_shape=` describes one sample; this one has the number of samples, or None, in front.
Why: `x.shape` is the whole array's shape, and Keras adds the batch axis itself.
Example:

    layers.Conv2D(8, 3, input_shape=images.shape)

Use instead:

    layers.Conv2D(8, 3, input_shape=images.shape[1:])

Fix safety: the first size is left out; where the next layer needs a channel axis besides, one of length 1 is added,
and Keras adds the same to the data.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.input_declarations import Declaration, declarations
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import name_of, spelled
from conv_magic.model.options import FitOptions
from conv_magic.model.positions import Edit
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix
from conv_magic.text.source import Code, called_name

code = "input-shape-has-samples"

VALID: tuple[str, ...] = (
    "import numpy as np\nfrom keras import Sequential, layers\n"
    "images = np.zeros((9, 12, 12, 1))\n"
    "model = Sequential([layers.Input(images.shape[1:]), layers.Conv2D(4, 3)])\n",
)
INVALID: tuple[str, ...] = (
    "import numpy as np\nfrom keras import Sequential, layers\n"
    "images = np.zeros((9, 12, 12, 1))\n"
    "model = Sequential([layers.Input(images.shape), layers.Conv2D(4, 3)])\n",
    "from keras import Input, layers\nx = Input((None, 20, 20, 3))\ny = layers.MaxPooling2D()(x)\n",
    "import numpy as np\nfrom keras import Sequential, layers\n"
    "table, prices = np.zeros((40, 12)), np.zeros(40)\n"
    "def build(shape):\n"
    "    return Sequential([layers.Input(shape), layers.Conv1D(4, 3), layers.Flatten(), layers.Dense(1)])\n"
    "model = build(table.shape)\n"
    "model.compile('sgd', 'mse')\n"
    "model.fit(table, prices, verbose=0)\n",
    "import numpy as np\nfrom keras import Input, layers\n"
    "waves = np.zeros((30, 12, 2))\n"
    "x = Input(shape=(waves.shape[0], waves.shape[1], waves.shape[2]))\n"
    "y = layers.Conv1D(4, 3)(x)\n",
)

_OVER_TIME = {"TimeDistributed", "LSTM", "GRU", "SimpleRNN", "ConvLSTM2D", "Bidirectional"}


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where a failed call met a declared input one axis too long."""
    if call.outcome is not Outcome.RAISED or not call.inputs:
        return
    actual, accepts = call.inputs[0], call.accepts or ()
    for declared in declarations(trace):
        sizes = declared.sizes
        if sizes is None or len(sizes) < 2 or declared.batched:
            continue
        layer = _counts_samples(call, declared, sizes, trace) if actual == (None, *sizes) else False
        model = accepts == (None, *sizes) and actual[1:] == sizes[1:] and _counts_labels(call, declared, sizes, trace)
        if layer or model:
            yield _diagnosis(call, declared, sizes, trace)
            return


def _counts_samples(call: CallRecord, declared: Declaration, sizes: Shape, trace: Trace) -> bool:
    """Check whether a layer was built on a declared input with an axis too many, which can only be the batch."""
    rank = _windowed_rank(call)
    if rank is None or len(sizes) != rank:
        return False
    if _is_shape_of_array(sizes, trace) or _starts_with_batch(declared):
        return True
    calls = (node for node in ast.walk(declared.code.tree) if isinstance(node, ast.Call))
    return sizes[0] is None and not any(called_name(node) in _OVER_TIME for node in calls)


def _counts_labels(call: CallRecord, declared: Declaration, sizes: Shape, trace: Trace) -> bool:
    """Check whether a model's declared input starts with the number of samples.

    It does where the shape is read off an array, or its first size is the number of labels.
    """
    origins = definitions_of(declared.code, declared.value)
    is_read = any(isinstance(node, ast.Attribute) and node.attr == "shape" for o in origins for node in ast.walk(o))
    for around in (call, *graph_of(trace).ancestors(call)):
        if isinstance(around.options, FitOptions) and around.options.y:
            return _is_shape_of_array(sizes, trace) and around.options.y[0][:1] == sizes[:1]
    return is_read and _is_shape_of_array(sizes, trace)


def _starts_with_batch(declared: Declaration) -> bool:
    """Check whether the first size is written as a name for the batch."""
    for origin in definitions_of(declared.code, declared.value):
        if isinstance(origin, ast.Tuple | ast.List) and origin.elts:
            return isinstance(origin.elts[0], ast.Name) and "batch" in origin.elts[0].id.lower()
    return False


def _windowed_rank(call: CallRecord) -> int | None:
    """Return the number of axes, with the batch, that a convolution or pooling works on; None for another layer."""
    window = getattr(call.options, "kernel_size", None) or getattr(call.options, "pool_size", None)
    return len(window) + 2 if window else None


def _is_shape_of_array(sizes: Shape, trace: Trace) -> bool:
    """Check whether some array of the user's has exactly this shape, samples and all."""
    return any(value.shape == sizes for value in trace.values if value.kind in ("array", "tensor"))


def _diagnosis(call: CallRecord, declared: Declaration, sizes: Shape, trace: Trace) -> Diagnosis:
    lacks_channels = _lacks_channels(sizes, trace)
    wanted = (None, *sizes[1:], *((1,) if lacks_channels else ()))
    fixes = tuple(_fixes(declared, sizes, trace, add_channels=lacks_channels))
    span = fixes[0].edits[0].span if fixes else declared.code.span(declared.value)
    return diagnosed(
        code,
        call,
        f"{name_of(call)} was declared for samples of {spelled(sizes)}; one sample is {spelled(wanted[1:])}",
        reasons=("Keras adds the batch axis to a declared shape itself",),
        expected=wanted,
        actual=(None, *sizes),
        axes=(1,),
        origin=(span, f"the shape is declared on line {span.line}"),
        fixes=fixes,
    )


def _lacks_channels(sizes: Shape, trace: Trace) -> bool:
    """Check whether the first layer, windowed over all of these axes, needs one more once the samples are left out."""
    consumer = next((call for call in trace.calls if call.inputs[:1] == ((None, *sizes),)), None)
    rank = _windowed_rank(consumer) if consumer is not None else None
    return rank is not None and rank == len(sizes) + 1


def _fixes(declared: Declaration, sizes: Shape, trace: Trace, *, add_channels: bool) -> Iterator[Fix]:
    cell = declared.code
    for origin in definitions_of(cell, declared.value):
        edit = _first_size_removed(cell, origin, sizes, trace, add_channels=add_channels)
        if edit is not None:
            title = "declare the shape of one sample"
            yield fix(f"{title}, with a channel axis" if add_channels else title, cell, [edit], Applicability.SURE)
            return


def _first_size_removed(cell: Code, value: ast.expr, sizes: Shape, trace: Trace, *, add_channels: bool) -> Edit | None:
    """Return the edit that leaves the first size out, and adds a channel axis of length 1 with `add_channels`."""
    if isinstance(value, ast.Attribute) and value.attr == "shape":
        text = f"{cell.text_of(value)}[1:]"
        return cell.replace(value, f"(*{text}, 1)" if add_channels else text)
    if isinstance(value, ast.Tuple | ast.List) and Evaluator(cell, trace).value(value) == sizes:
        texts = [*(cell.text_of(element) for element in value.elts[1:]), *(("1",) if add_channels else ())]
        return cell.replace(value, f"({texts[0]},)" if len(texts) == 1 else f"({', '.join(texts)})")
    return None
