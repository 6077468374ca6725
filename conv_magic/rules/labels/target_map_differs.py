"""The model's output map and the maps it is compared with differ in size, in channels or in axes.

What: a mask, image or grid of labels is compared value by value with the output, but one of them has another shape.
Why: a mask file is read in colour, one convolution of a decoder does not pad, a size is not divisible by the poolings,
an upsampling is missing, a discriminator that judges patches is given one label an image.
Example:

    model = ...                      # gives (None, 32, 32, 1)
    model.fit(images, masks)         # masks are (n, 32, 32, 3)

Use instead:

    model.fit(images, masks[..., :1])

Fix safety: targets with the size of the model's own input are right, and the model is made to return that size; other
targets are brought to the output's shape.  Some losses repeat a single channel without an error: then a warning.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.loaders import loader_edits
from conv_magic.analysis.operands import code_of, module_alias
from conv_magic.analysis.trace_graph import graph_of, latest_before
from conv_magic.analysis.training import (
    Training,
    expression_to_edit,
    label_origin,
    output_layer_of,
    own_part,
    repeats_silently,
    training_of,
    with_number,
    with_units,
)
from conv_magic.analysis.what_if import Change, WhatIf, before, changes_along, with_changes
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import axis_names, counted, name_of, spelled
from conv_magic.model.options import PoolOptions
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.fixes.layer_changes import Edits, added_before, added_behind, changed_all
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, indexed, wrapped
from conv_magic.text.source import Code, argument, called_name

code = "target-map-differs"

_START = "import keras\nimport numpy as np\nfrom keras import layers\nfrom keras.models import Sequential\n"
VALID: tuple[str, ...] = (
    _START + "net = Sequential([keras.Input((16, 16, 3)), layers.Conv2D(1, 3, padding='same')])\n"
    "net.compile('sgd', 'mse')\nnet.train_on_batch(np.zeros((2, 16, 16, 3)), np.zeros((2, 16, 16)))\n",
)
INVALID: tuple[str, ...] = (
    "import keras, numpy as np\nfrom keras import layers\n"
    "past, future = 12, 5\n"
    "net = keras.Sequential([keras.Input((past, 2)), layers.LSTM(4), layers.RepeatVector(past)])\n"
    "net.add(layers.LSTM(3, return_sequences=True))\nnet.add(layers.Dense(1))\n"
    "net.compile('sgd', 'mae')\n"
    "net.fit(np.zeros((4, past, 2)), np.zeros((4, future, 1)), verbose=0)\n",
    _START + "net = Sequential([keras.Input((16, 16, 3)), layers.Conv2D(1, 3, padding='same', activation='sigmoid')])\n"
    "net.compile('sgd', 'binary_crossentropy')\n"
    "net.fit(np.zeros((4, 16, 16, 3)), np.zeros((4, 16, 16, 3)), verbose=0)\n",
    _START + "x = np.zeros((4, 20, 20, 1), 'float32')\n"
    "inner = keras.Input((20, 20, 1))\n"
    "h = layers.MaxPooling2D()(layers.Conv2D(4, 3, padding='same')(inner))\n"
    "h = layers.UpSampling2D()(layers.Conv2D(4, 3)(h))\n"
    "coder = keras.Model(inner, layers.Conv2D(1, 3, padding='same')(h))\n"
    "coder.compile('sgd', 'mae')\ncoder.evaluate(x, x, verbose=0)\n",
    _START + "x = np.zeros((3, 24, 24, 1), 'float32')\n"
    "coder = Sequential()\ncoder.add(keras.Input((24, 24, 1)))\n"
    "coder.add(layers.Conv2D(4, 3, strides=2, padding='same'))\n"
    "coder.add(layers.Conv2DTranspose(4, 3, padding='same'))\n"
    "coder.add(layers.Conv2D(1, 3, padding='same'))\n"
    "coder.compile('sgd', 'mse')\ncoder.train_on_batch(x, x)\n",
    _START + "series = np.zeros((3, 24, 1), 'float32')\n"
    "coder = Sequential([keras.Input((24, 1)), layers.Conv1D(4, 3, strides=2, padding='same')])\n"
    "coder.add(layers.Conv1DTranspose(1, 3, padding='same'))\n"
    "coder.compile('sgd', 'mse')\ncoder.fit(series, series, verbose=0)\n",
    _START + "judge = Sequential([keras.Input((32, 32, 3)), layers.Conv2D(4, 4, strides=4), layers.Conv2D(1, 1)])\n"
    "judge.compile('sgd', 'binary_crossentropy')\n"
    "real = np.ones((6, 1))\njudge.train_on_batch(np.zeros((6, 32, 32, 3)), real)\n",
)

_CONSTANT = {"ones", "zeros", "full"}
_CHANNELS = (3, 4)


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """One diagnosis where a loss met maps of another shape than the output's."""
    training = training_of(call, trace)
    training = own_part(training) if training is not None else None
    if training is None or not _differ(training):
        return
    true, pred = training.y_true, training.y_pred
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} cannot compare targets {spelled(true)} with an output of {spelled(pred)}"
        if call.outcome is not Outcome.RETURNED
        else f"{name_of(call)} compares targets {spelled(true)} with an output of {spelled(pred)}",
        reasons=_reasons(training),
        expected=pred,
        actual=true,
        axes=_axes(true, pred),
        axis_names=axis_names(len(pred)),
        origin=label_origin(training),
        fixes=_fixes(training),
    )


def _differ(training: Training) -> bool:
    true, pred = training.y_true, training.y_pred
    if len(pred) < 3 or not true or training.call.op == "metrics" or "sparse" in name_of(training.call).lower():
        return False
    if training.call.outcome is Outcome.RETURNED:
        return repeats_silently(training) and _repeated(true, pred)
    return bool(_axes(true, pred)) or len(true) != len(pred)


def _repeated(true: Shape, pred: Shape) -> bool:
    """Whether values of the targets were surely repeated over the output."""
    if len(true) == len(pred):
        return any(a == 1 and b not in (1, None) for a, b in zip(true[1:], pred[1:], strict=True))
    return len(true) <= 2 and len(pred) == 4 and any(size not in (1, None) for size in pred[1:])


def _axes(true: Shape, pred: Shape) -> tuple[int, ...]:
    if len(true) != len(pred):
        return ()
    pairs = enumerate(zip(true, pred, strict=True))
    return tuple(i for i, (a, b) in pairs if i and a is not None and b is not None and a != b)


def _reasons(training: Training) -> Iterator[str]:
    true, pred = training.y_true, training.y_pred
    if len(true) != len(pred):
        yield f"the targets have {len(true)} {'axis' if len(true) == 1 else 'axes'}, the output has {len(pred)}"
    elif _axes(true, pred) == (len(pred) - 1,):
        yield f"the targets have {counted(true[-1], 'channel')}, the output has {counted(pred[-1], 'channel')}"
    if training.call.outcome is Outcome.RETURNED:
        yield "it repeats what is missing, so it ran all the same"


def _fixes(training: Training) -> Iterator[Fix]:
    true, pred = training.y_true, training.y_pred
    if len(true) != len(pred):
        yield from _other_axes(training)
    elif _axes(true, pred) == (len(pred) - 1,):
        yield from _other_channels(training)
    elif len(pred) == 4 and true[-1] == pred[-1]:
        yield from _other_sizes(training)
    elif len(pred) == 3 and true[-1] == pred[-1]:
        yield from _other_steps(training)


def _other_axes(training: Training) -> Iterator[Fix]:
    true, pred = training.y_true, training.y_pred
    labels, cell = training.labels, training.code
    if labels is None:
        return
    if true[1:] == pred[1:-1] and pred[-1] == 1:
        edit = indexed(cell, expression_to_edit(cell, labels), "[..., None]")
        yield fix("add the channel axis to the targets", cell, [edit], Applicability.SURE)
    rest = ", ".join(str(size) for size in pred[1:])
    for origin in definitions_of(cell, labels) if None not in pred[1:] else ():
        for node in ast.walk(origin):
            if isinstance(node, ast.Call) and called_name(node) in _CONSTANT and node.args:
                first = _first_size(cell.text_of(node.args[0]), node.args[0], training)
                if first is not None:
                    edit = cell.replace(node.args[0], f"({first}, {rest})")
                    yield fix("make one label for every place of the output", cell, [edit], Applicability.SURE)
                    return


def _first_size(text: str, shape: ast.expr, training: Training) -> str | None:
    if isinstance(shape, ast.Tuple | ast.List):
        return training.code.text_of(shape.elts[0]) if shape.elts else None
    return text if isinstance(Evaluator(training.code, training.trace).value(shape), int) else None


def _is_own_input(training: Training) -> bool:
    """Whether the targets are the very data that the model is given, as an autoencoder's are."""
    if training.data is not None and training.labels is not None:
        return ast.unparse(training.data) == ast.unparse(training.labels)
    return False


def _other_channels(training: Training) -> Iterator[Fix]:
    true, pred = training.y_true, training.y_pred
    labels, cell = training.labels, training.code
    colours = pred[-1] == 1 and true[-1] in _CHANNELS and not _is_own_input(training)
    if colours and labels is not None:
        edit = indexed(cell, expression_to_edit(cell, labels), "[..., :1]")
        yield fix("keep one of the masks' equal channels", cell, [edit], Applicability.SURE)
        for title, edit in loader_edits(cell, labels, 1):
            yield fix(title, cell, [edit], Applicability.CHOICE)
            break
    elif colours and training.data is not None and training.given is not None and training.given.dataset:
        edit = wrapped(cell, training.data, "", f".map(lambda x, y: (x, y[..., :{pred[-1]}]))")
        yield fix("keep one of the masks' equal channels", cell, [edit], Applicability.SURE)
    head = output_layer_of(training.call, training.trace)
    if head is not None and true[-1] is not None:
        for place, (where, edit) in enumerate(with_units(head, training.trace, true[-1])):
            sure = not colours and not place
            title = f"give {name_of(head)} {counted(true[-1], 'filter')}"
            yield fix(title, where, [edit], Applicability.SURE if sure else Applicability.CHOICE)


def _other_sizes(training: Training) -> Iterator[Fix]:
    """The model made to give the targets' size; else the targets resized, where the output has the input's size."""
    true, pred = training.y_true, training.y_pred
    last = _last(training.call, training.trace)
    given = training.given
    size = _spatial_of(given.x[0]) if given is not None and given.x else None
    if size is not None and size == pred[1:3] != true[1:3]:
        if last is not None and _is_enlarged(training):
            yield from _nearly(last, training.trace, true, [])
        yield from _resized_targets(training)
        return
    if last is not None:
        yield from _model_fixes(last, training.trace, true)
    if not _is_own_input(training):
        yield from _resized_targets(training)


def _is_enlarged(training: Training) -> bool:
    """Whether the targets are the data several times as large, as those of a network for super-resolution."""
    given = training.given
    channels = given.x[0][-1] if given is not None and given.x and given.x[0] else None
    return channels == training.y_true[-1] and _factor(training.y_pred, training.y_true) is not None


def _other_steps(training: Training) -> Iterator[Fix]:
    """A sequence of as many steps as the targets have, where a vector was repeated at each step."""
    last, want = _last(training.call, training.trace), training.y_true[1]
    chain = (*before(last, training.trace), last) if last is not None else ()
    for call in reversed(chain):
        cell = code_of(training.trace, call.created) if call.op == "RepeatVector" else None
        made = cell.call_at(call.created) if cell is not None else None
        given = argument(made, 0, "n") if made is not None else None
        if cell is None or given is None or want is None or not call.output or call.output[1] != training.y_pred[1]:
            continue
        named = isinstance(given, ast.Name) and _serves_elsewhere(cell, given)
        edits = [cell.replace(given, str(want))] if named else list(with_number(cell, training.trace, given, want))
        yield fix(f"repeat the vector at {want} steps", cell, edits[:1], Applicability.SURE)
        return
    if last is not None:
        yield from _model_fixes(last, training.trace, training.y_true)


def _serves_elsewhere(cell: Code, name: ast.Name) -> bool:
    """Whether other places of the text use a name too."""
    uses = [n for n in ast.walk(cell.tree) if isinstance(n, ast.Name) and n.id == name.id]
    return sum(isinstance(n.ctx, ast.Load) for n in uses) > 1


def _spatial_of(shape: Shape) -> Shape | None:
    return shape[1:3] if len(shape) == 4 else None


def _last(call: CallRecord, trace: Trace) -> CallRecord | None:
    """The last layer that made the output."""
    index = graph_of(trace)
    for made in latest_before(index.giving(call.inputs[1]), call.index):
        ran = made.outcome is Outcome.RETURNED and made.layer is not None
        if ran and not index.has_inside(made):
            return made
    return None


def _resized_targets(training: Training) -> Iterator[Fix]:
    name = module_alias(training.code, "tensorflow")
    keras = module_alias(training.code, "keras")
    height, width = training.y_pred[1:3]
    if training.labels is None or height is None or width is None or not (name or keras):
        return
    library = f"{name}.image" if name else f"{keras}.ops.image"
    how = f', ({height}, {width}), {"method" if name else "interpolation"}="nearest")'
    edit = wrapped(training.code, training.labels, f"{library}.resize(", how)
    title = f"resize the targets to {height} x {width}"
    yield fix(title, training.code, [edit], Applicability.CHOICE, None)


def _model_fixes(last: CallRecord, trace: Trace, want: Shape) -> Iterator[Fix]:
    """Arguments of layers changed so that the output has the size; else as near as that goes and cut or resized."""
    chain = (*before(last, trace), last)
    every = changes_along(chain, 2, 1)
    padded = [change for change in every if change.argument == "padding"]
    convolutions = [change for change in padded if not isinstance(change.options, PoolOptions)]
    ways = [[change] for change in every] + [convolutions] * (len(convolutions) > 1)
    sizes = [WhatIf(trace, with_changes(way, chain)).output(last.index) for way in ways]
    exact = [way for way, size in zip(ways, sizes, strict=True) if size is not None and size[1:3] == want[1:3]]
    exact.sort(key=lambda way: (len(way), not way[0].added))
    exact = [way for way in exact if len(way) == len(exact[0])]
    for way in exact[:3]:
        edits = changed_all(way, trace)
        if edits is not None:
            yield _fix(_title(way), edits, Applicability.SURE if way[0].added else Applicability.CHOICE)
    if not exact and len(want) == 4:
        near = [way for way, size in zip(ways, sizes, strict=True) if way[0] in padded and _a_little_larger(size, want)]
        yield from _nearly(last, trace, want, near[:1])


def _nearly(last: CallRecord, trace: Trace, want: Shape, near: list[list[Change]]) -> Iterator[Fix]:
    height, width = want[1:3]
    if factor := _factor(last.output, want):
        edits = added_before(last, trace, "UpSampling2D", str(factor))
        if edits is not None:
            sure = Applicability.CHOICE if near else Applicability.SURE
            yield _fix(f"enlarge the maps {factor} times before the last layer", edits, sure)
    for way in near:
        cut = added_behind(last, trace, "CenterCrop", f"{height}, {width}")
        first = changed_all(way, trace)
        if cut is not None and first is not None and cut[0].cell == first[0].cell:
            title = f"{_title(way)}, and cut the output to {height} x {width}"
            yield fix(title, cut[0], [*first[1], *cut[1]], Applicability.SURE)
    edits = added_behind(last, trace, *_fitted(last.output, want))
    if edits is not None:
        yield _fix(f"bring the output to {height} x {width}", edits, Applicability.CHOICE)


def _fix(title: str, edits: Edits, applicability: Applicability) -> Fix:
    return fix(title, edits[0], edits[1], applicability)


def _title(way: list[Change]) -> str:
    names = " and ".join(name_of(change.call) for change in way)
    return f"give {names} {way[0].argument}={way[0].text}"


def _fitted(output: Shape | None, want: Shape) -> tuple[str, str]:
    """The layer that brings an output to a size: cut where it is larger, else resized."""
    larger = output is not None and all((a or 0) >= (b or 0) for a, b in zip(output[1:3], want[1:3], strict=True))
    return ("CenterCrop" if larger else "Resizing"), f"{want[1]}, {want[2]}"


def _factor(output: Shape | None, want: Shape) -> int | None:
    if output is None or None in (*output[1:3], *want[1:3]):
        return None
    ratios = {(b or 0) / (a or 1) for a, b in zip(output[1:3], want[1:3], strict=True)}
    ratio = ratios.pop()
    return int(ratio) if not ratios and ratio > 1 and ratio == int(ratio) else None


def _a_little_larger(shape: Shape | None, want: Shape) -> bool:
    pairs = zip(shape[1:3], want[1:3], strict=True) if shape is not None else [(None, None)]
    return all(a is not None and b is not None and b <= a < 1.5 * b for a, b in pairs)
