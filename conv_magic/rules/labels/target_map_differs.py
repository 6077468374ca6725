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

from conv_magic.analysis.arguments import option_of
from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.loaders import loader_edits
from conv_magic.analysis.operands import code_of, module_alias, tensor_library
from conv_magic.analysis.training import (
    Training,
    expression_to_edit,
    label_origin,
    last_layer_before,
    output_layer_of,
    own_part,
    repeats_silently,
    training_of,
    with_number,
    with_units,
)
from conv_magic.analysis.what_if import before
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import axis_names, counted, name_of, spelled
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.fixes.output_sizes import enlargement, near_size_fixes, output_size_fixes
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, indexed, wrapped
from conv_magic.text.source import Code, called_name

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
    """Yield a diagnosis where a loss met maps of another shape than the output's."""
    training = training_of(call, trace)
    training = own_part(training) if training is not None else None
    if training is None or not _maps_differ(training):
        return
    targets, output = training.y_true, training.y_pred
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} cannot compare targets {spelled(targets)} with an output of {spelled(output)}"
        if call.outcome is not Outcome.RETURNED
        else f"{name_of(call)} compares targets {spelled(targets)} with an output of {spelled(output)}",
        reasons=_reasons(training),
        expected=output,
        actual=targets,
        axes=_axes_that_differ(targets, output),
        axis_names=axis_names(len(output)),
        origin=label_origin(training),
        fixes=_fixes(training),
    )


def _maps_differ(training: Training) -> bool:
    """Check whether targets and output, which has more than two axes, have different shapes.

    Of a loss that ran: whether it repeated values silently.
    """
    targets, output = training.y_true, training.y_pred
    if len(output) < 3 or not targets or training.call.op == "metrics" or "sparse" in name_of(training.call).lower():
        return False
    if training.call.outcome is Outcome.RETURNED:
        return repeats_silently(training) and _is_repeated_silently(targets, output)
    return bool(_axes_that_differ(targets, output)) or len(targets) != len(output)


def _is_repeated_silently(targets: Shape, output: Shape) -> bool:
    """Check whether values of the targets were surely repeated over the output."""
    if len(targets) == len(output):
        return any(a == 1 and b not in (1, None) for a, b in zip(targets[1:], output[1:], strict=True))
    return len(targets) <= 2 and len(output) == 4 and any(size not in (1, None) for size in output[1:])


def _axes_that_differ(targets: Shape, output: Shape) -> tuple[int, ...]:
    """Return the axes but the batch whose sizes differ; none where the ranks do."""
    if len(targets) != len(output):
        return ()
    pairs = enumerate(zip(targets, output, strict=True))
    return tuple(i for i, (a, b) in pairs if i and a is not None and b is not None and a != b)


def _reasons(training: Training) -> Iterator[str]:
    targets, output = training.y_true, training.y_pred
    if len(targets) != len(output):
        yield f"the targets have {len(targets)} {'axis' if len(targets) == 1 else 'axes'}, the output has {len(output)}"
    elif _axes_that_differ(targets, output) == (len(output) - 1,):
        yield f"the targets have {counted(targets[-1], 'channel')}, the output has {counted(output[-1], 'channel')}"
    if training.call.outcome is Outcome.RETURNED:
        yield "it repeats what is missing, so it ran all the same"


def _fixes(training: Training) -> Iterator[Fix]:
    targets, output = training.y_true, training.y_pred
    if len(targets) != len(output):
        yield from _rank_fixes(training)
    elif _axes_that_differ(targets, output) == (len(output) - 1,):
        yield from _channel_count_fixes(training)
    elif len(output) == 4 and targets[-1] == output[-1]:
        yield from _map_size_fixes(training)
    elif len(output) == 3 and targets[-1] == output[-1]:
        yield from _step_fixes(training)


def _rank_fixes(training: Training) -> Iterator[Fix]:
    """Yield fixes of targets of another rank."""
    targets, output = training.y_true, training.y_pred
    labels, cell = training.labels, training.code
    if labels is None:
        return
    if targets[1:] == output[1:-1] and output[-1] == 1:
        edit = indexed(cell, expression_to_edit(cell, labels), "[..., None]")
        yield fix("add the channel axis to the targets", cell, [edit], Applicability.SURE)
    sizes = ", ".join(str(size) for size in output[1:])
    for origin in definitions_of(cell, labels) if None not in output[1:] else ():
        for node in ast.walk(origin):
            if isinstance(node, ast.Call) and called_name(node) in _CONSTANT and node.args:
                first = _first_size(cell.text_of(node.args[0]), node.args[0], training)
                if first is not None:
                    edit = cell.replace(node.args[0], f"({first}, {sizes})")
                    yield fix("make one label for every place of the output", cell, [edit], Applicability.SURE)
                    return


def _first_size(text: str, shape: ast.expr, training: Training) -> str | None:
    """Return the text of the first size of a shape that a call is given."""
    if isinstance(shape, ast.Tuple | ast.List):
        return training.code.text_of(shape.elts[0]) if shape.elts else None
    return text if isinstance(Evaluator(training.code, training.trace).value(shape), int) else None


def _is_own_input(training: Training) -> bool:
    """Check whether the targets are the very data that the model is given, as an autoencoder's are."""
    if training.data is not None and training.labels is not None:
        return ast.unparse(training.data) == ast.unparse(training.labels)
    return False


def _channel_count_fixes(training: Training) -> Iterator[Fix]:
    """Yield fixes of targets with another number of channels."""
    targets, output = training.y_true, training.y_pred
    labels, cell = training.labels, training.code
    colours = output[-1] == 1 and targets[-1] in _CHANNELS and not _is_own_input(training)
    if colours and labels is not None:
        edit = indexed(cell, expression_to_edit(cell, labels), "[..., :1]")
        yield fix("keep one of the masks' equal channels", cell, [edit], Applicability.SURE)
        for title, edit in loader_edits(cell, labels, 1):
            yield fix(title, cell, [edit], Applicability.CHOICE)
            break
    elif colours and training.data is not None and training.given is not None and training.given.dataset:
        edit = wrapped(cell, training.data, "", f".map(lambda x, y: (x, y[..., :{output[-1]}]))")
        yield fix("keep one of the masks' equal channels", cell, [edit], Applicability.SURE)
    head = output_layer_of(training.call, training.trace)
    if head is not None and targets[-1] is not None:
        for rank, (edited, edit) in enumerate(with_units(head, training.trace, targets[-1])):
            sure = not colours and not rank
            title = f"give {name_of(head)} {counted(targets[-1], 'filter')}"
            yield fix(title, edited, [edit], Applicability.SURE if sure else Applicability.CHOICE)


def _map_size_fixes(training: Training) -> Iterator[Fix]:
    """Yield fixes that make the model give the targets' size, or that resize the targets.

    An output of the input's own size is taken to be right.
    """
    targets, output = training.y_true, training.y_pred
    last = last_layer_before(training)
    given = training.given
    size = _spatial_of(given.x[0]) if given is not None and given.x else None
    if size is not None and size == output[1:3] != targets[1:3]:
        if last is not None and _is_enlarged(training):
            yield from near_size_fixes(last, training.trace, targets, [])
        yield from _target_fixes(training)
        return
    if last is not None:
        yield from output_size_fixes(last, training.trace, targets)
    if not _is_own_input(training):
        yield from _target_fixes(training)


def _is_enlarged(training: Training) -> bool:
    """Check whether the targets are the data several times as large, as those of a network for super-resolution."""
    given = training.given
    channels = given.x[0][-1] if given is not None and given.x and given.x[0] else None
    return channels == training.y_true[-1] and enlargement(training.y_pred, training.y_true) is not None


def _step_fixes(training: Training) -> Iterator[Fix]:
    """Yield a fix that repeats a vector at as many steps as the targets have."""
    last, want = last_layer_before(training), training.y_true[1]
    chain = (*before(last, training.trace), last) if last is not None else ()
    for call in reversed(chain):
        cell = code_of(training.trace, call.created) if call.op == "RepeatVector" else None
        creation = cell.call_at(call.created) if cell is not None else None
        steps = option_of(creation, "n", call.op) if creation is not None else None
        if cell is None or steps is None or want is None or not call.output or call.output[1] != training.y_pred[1]:
            continue
        named = isinstance(steps, ast.Name) and _is_read_twice(cell, steps)
        edits = [cell.replace(steps, str(want))] if named else list(with_number(cell, training.trace, steps, want))
        yield fix(f"repeat the vector at {want} steps", cell, edits[:1], Applicability.SURE)
        return
    if last is not None:
        yield from output_size_fixes(last, training.trace, training.y_true)


def _is_read_twice(cell: Code, name: ast.Name) -> bool:
    """Check whether a name is read more than once in the text."""
    uses = [n for n in ast.walk(cell.tree) if isinstance(n, ast.Name) and n.id == name.id]
    return sum(isinstance(n.ctx, ast.Load) for n in uses) > 1


def _spatial_of(shape: Shape) -> Shape | None:
    """Return the height and width of a shape of four axes."""
    return shape[1:3] if len(shape) == 4 else None


def _target_fixes(training: Training) -> Iterator[Fix]:
    """Yield a fix that resizes the targets to the output's size."""
    library = tensor_library(training.code)
    height, width = training.y_pred[1:3]
    if training.labels is None or height is None or width is None or not library:
        return
    option = "method" if module_alias(training.code, "tensorflow") else "interpolation"
    arguments = f', ({height}, {width}), {option}="nearest")'
    edit = wrapped(training.code, training.labels, f"{library}.image.resize(", arguments)
    title = f"resize the targets to {height} x {width}"
    yield fix(title, training.code, [edit], Applicability.CHOICE, None)
