"""An earlier layer made one vector of each sample, and this one still needs the steps or the map.

What: a recurrent layer returns its last step only, `Flatten` and a global pooling drop every axis but one, `Dense`
makes a row of numbers; the layer behind needs (batch, steps, channels) or a map.
Why: recurrent layers are stacked; a `Flatten` or global pooling stands before the last convolution; frames are
flattened together; a generator's `Reshape` is missing.
Example:

    x = layers.LSTM(32)(series)
    x = layers.LSTM(16)(x)

Use instead:

    x = layers.LSTM(32, return_sequences=True)(series)

Fix safety: the layer that dropped the axes keeps them, or is left out; for `Dense` the shape is that which its number
of units is written as.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from math import prod

from conv_magic.analysis.arguments import option_of
from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.evaluation import Evaluator, factors_of, settings_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import axis_names, name_of, spelled
from conv_magic.model.options import DenseOptions, FlattenOptions, GlobalPoolOptions, SameShapeOptions
from conv_magic.model.positions import Edit
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.fixes.layer_changes import added_behind, removed
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import after, fix, with_argument
from conv_magic.text.layer_edits import layer_name
from conv_magic.text.source import Code, argument, called_name

code = "axes-dropped-early"

_SEQUENTIAL = "import keras\nfrom keras import layers\nmodel = keras.Sequential()\n"
VALID: tuple[str, ...] = (
    _SEQUENTIAL + "model.add(keras.Input((12, 3)))\n"
    "model.add(layers.GRU(8, return_sequences=True))\nmodel.add(layers.GRU(4))\n",
    "import keras\nfrom keras import layers\n"
    "x = layers.Flatten()(layers.Conv1D(4, 3)(keras.Input((12, 3))))\ny = layers.RepeatVector(5)(layers.Dense(6)(x))\n",
)
INVALID: tuple[str, ...] = (
    _SEQUENTIAL + "model.add(keras.Input((12, 3)))\nmodel.add(layers.GRU(8))\n"
    "model.add(layers.BatchNormalization())\nmodel.add(layers.GRU(4))\n",
    "import keras\nfrom keras.layers import LSTM, Bidirectional, Conv1D\n"
    "model = keras.Sequential([keras.Input((20, 4)), Bidirectional(LSTM(8)), Conv1D(6, 3)])\n",
    "import keras\nfrom keras import layers\n"
    "clip = keras.Input((5, 12, 12, 1))\n"
    "x = layers.TimeDistributed(layers.MaxPooling2D())(clip)\n"
    "x = layers.Flatten()(x)\n"
    "y = layers.SimpleRNN(3)(x)\n",
    _SEQUENTIAL + "model.add(keras.Input((18, 18, 2)))\nmodel.add(layers.Conv2D(4, 3))\n"
    "model.add(layers.Flatten())\nmodel.add(layers.Conv2D(6, 3))\nmodel.add(layers.Flatten())\n",
    "import keras\nfrom keras import layers\n"
    "model = keras.Sequential([\n"
    "    keras.Input((30, 2)),\n"
    "    layers.Conv1D(8, 3),\n"
    "    layers.GlobalMaxPooling1D(),\n"
    "    layers.LSTM(4),\n"
    "])\n",
    "from keras import Input, layers\n"
    "seed = Input((16,))\n"
    "x = layers.Dense(5 * 6 * 8)(seed)\n"
    "x = layers.LeakyReLU()(x)\n"
    "image = layers.Conv2DTranspose(3, 4, strides=2, padding='same')(x)\n",
    "import keras\nfrom keras import layers\nx = keras.Input((15, 6))\n"
    "for each in ({'units': 4, 'return_sequences': True}, {'units': 3}):\n    x = layers.LSTM(**each)(x)\n"
    "y = layers.Conv1D(2, 3)(x)\n",
    "import keras\nfrom keras import layers\nx = keras.Input((15, 6))\n"
    "for level, units in enumerate((9, 8, 7)):\n"
    "    x = layers.LSTM(units, return_sequences=level == 0)(x)\n",
    "import keras\nfrom keras import layers\nx, sizes = keras.Input((15, 6)), [9, 8, 7]\n"
    "for level, units in enumerate(sizes):\n"
    "    last = level == len(sizes) - 1\n"
    "    x = layers.LSTM(units, return_sequences=last)(x)\n",
    "import numpy as np\nfrom keras import layers\nframes = np.zeros((2, 4, 10, 10, 1), 'float32')\n"
    "x = layers.ConvLSTM2D(3, 3)(frames)\n"
    "y = layers.ConvLSTM2D(2, 3)(x)\n",
    "import keras\nfrom keras import layers\n"
    "words = keras.Input((15, 6))\nx = layers.LSTM(8)(words)\ny = layers.TimeDistributed(layers.Dense(3))(x)\n",
)

_RECURRENT = {"LSTM", "GRU", "SimpleRNN", "RNN", "Bidirectional", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"}
_MOST_STEPS = 50


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where a failed layer needs axes that a layer before it dropped."""
    needed = _rank_needed(call)
    if call.outcome is not Outcome.RAISED or needed is None or not call.inputs or len(call.inputs[0]) >= needed:
        return
    dropping = _dropping(call, trace)
    if dropping is None:
        return
    fixes = tuple(_fixes(call, trace, dropping, needed))
    if not fixes:
        return
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} needs {_axes_spelled(needed)}; {name_of(dropping)} left {spelled(call.inputs[0])}",
        reasons=(_reason_for(dropping),),
        expected=(None,) * needed,
        actual=call.inputs[0],
        axis_names=axis_names(needed),
        origin=(
            dropping.created,
            f"{name_of(dropping)} makes {spelled(dropping.output)} of {spelled(dropping.inputs[0])}",
        ),
        fixes=fixes,
    )


def _rank_needed(call: CallRecord) -> int | None:
    """Return how many axes the layer needs; None where it is not known, or where the sizes are fixed too."""
    if call.layer is None:
        return None
    if call.op == "TimeDistributed":
        return 3
    free = call.accepts is not None and set(call.accepts[1:-1]) <= {None}
    return len(call.accepts) if call.accepts is not None and free else None


def _axes_spelled(needed: int) -> str:
    """Return the names of that many axes in brackets."""
    return f"({', '.join(axis_names(needed))})"


def _dropping(call: CallRecord, trace: Trace) -> CallRecord | None:
    """Return the layer before it that dropped the axes, or the Dense that made a vector of a vector."""
    current, rank = call, len(call.inputs[0])
    for _ in range(_MOST_STEPS):
        producer = current.producers[0] if len(current.producers) == 1 else None
        if producer is None:
            return None
        current = trace.calls[producer]
        if not current.inputs or current.created is None:
            return None
        if len(current.inputs[0]) > rank:
            return current
        if isinstance(current.options, DenseOptions) and rank == 2:
            return _recurrent_before(current, trace) or current
        if not isinstance(current.options, SameShapeOptions):
            return None
    return None


def _recurrent_before(dense: CallRecord, trace: Trace) -> CallRecord | None:
    """Return the recurrent layer before a Dense, which returned its last step only."""
    producer = dense.producers[0] if len(dense.producers) == 1 else None
    before = trace.calls[producer] if producer is not None else None
    return before if before is not None and before.op in _RECURRENT else None


def _reason_for(dropping: CallRecord) -> str:
    """Return what the layer leaves of each sample."""
    if dropping.op in _RECURRENT:
        return f"{name_of(dropping)} returns only its last step"
    if isinstance(dropping.options, GlobalPoolOptions):
        return f"{name_of(dropping)} keeps one number of each channel"
    if isinstance(dropping.options, DenseOptions):
        return f"{name_of(dropping)} makes one row of {dropping.options.units} numbers of each sample"
    return f"{name_of(dropping)} puts all numbers of a sample into one row"


def _fixes(call: CallRecord, trace: Trace, dropping: CallRecord, needed: int) -> Iterator[Fix]:
    rank = len(dropping.inputs[0])
    if dropping.op in _RECURRENT and rank == needed:
        yield from _return_steps_fixes(trace, dropping, within=call.created == dropping.created)
    elif isinstance(dropping.options, FlattenOptions):
        if rank > needed and needed == 3:
            yield from _frame_fixes(trace, dropping)
        elif rank == needed:
            yield from _removal_fixes(trace, dropping)
    elif isinstance(dropping.options, GlobalPoolOptions) and rank == needed and not _is_pointwise(call):
        yield from _removal_fixes(trace, dropping)
    elif isinstance(dropping.options, DenseOptions) and rank == 2:
        yield from _reshape_fixes(trace, dropping, needed)


def _is_pointwise(call: CallRecord) -> bool:
    """Check whether each position is worked on by itself, as in a gate: then one position is enough."""
    return set(getattr(call.options, "kernel_size", ())) == {1}


def _return_steps_fixes(trace: Trace, dropping: CallRecord, *, within: bool) -> Iterator[Fix]:
    """Yield a fix that lets the layer return all steps.

    With `within` the failed layer is made on the same line: a loop then lets all but its last return them.
    """
    call_site = call_site_of(dropping, trace)
    if call_site is None:
        return
    cell, node = call_site
    if dropping.op == "Bidirectional":
        inner = option_of(node, "layer", dropping.op)
        inner = next((o for o in definitions_of(cell, inner) if isinstance(o, ast.Call)), None) if inner else None
        if not isinstance(inner, ast.Call):
            return
        node = inner
    given = argument(node, None, "return_sequences")
    number = _loop_index(cell, given) if given is not None and within else None
    if given is not None and number is not None:
        text = f"{number[0]} < len({number[1]}) - 1"
        title = f"let all but the last return every step: return_sequences={text}"
        yield fix(title, cell, [cell.replace(given, text)], Applicability.SURE)
        return
    edit = with_argument(cell, node, None, "return_sequences", "True")
    if given is None and any(keyword.arg is None for keyword in node.keywords):  # `LSTM(**settings)`
        lacking = list(_settings_completed(cell, "return_sequences"))
        if len(lacking) != 1:
            return
        edit = lacking[0]
    title = f"let {name_of(dropping)} return every step: return_sequences=True"
    yield fix(title, cell, [edit], Applicability.SURE, _output_with_steps(dropping))


def _settings_completed(cell: Code, name: str) -> Iterator[Edit]:
    """Yield the edits that set `name` to True in those elements of a list of settings that lack it."""
    for sequence in (node for node in cell.nodes if isinstance(node, ast.List | ast.Tuple)):
        settings = [(setting, settings_of(setting)) for setting in sequence.elts]
        if any(name in keys for _, keys in settings):
            for setting, keys in settings:
                if name not in keys and isinstance(setting, ast.Call):
                    yield with_argument(cell, setting, None, name, "True")
                elif name not in keys and isinstance(setting, ast.Dict) and setting.values:
                    yield after(cell, setting.values[-1], f', "{name}": True')


def _loop_index(cell: Code, given: ast.expr) -> tuple[str, str] | None:
    """Return the index that a loop counts and the text of what it iterates over; None where `given` needs no index."""
    named = {n.id for o in definitions_of(cell, given) for n in ast.walk(o) if isinstance(n, ast.Name)}
    for loop in cell.around(given):
        match loop:
            case ast.For(
                target=ast.Tuple(elts=[ast.Name(id=index), _]),
                iter=ast.Call(func=ast.Name(id="enumerate"), args=[iterated]),
            ) if index in named:
                is_zip = isinstance(iterated, ast.Call) and called_name(iterated) == "zip"
                iterables = iterated.args if isinstance(iterated, ast.Call) and is_zip else [iterated]
                return (index, cell.text_of(iterables[0])) if iterables else None
    return None


def _output_with_steps(dropping: CallRecord) -> Shape | None:
    """Return the output shape with the steps kept; None for layers of which it is not known."""
    if dropping.output is None or dropping.op not in ("LSTM", "GRU", "SimpleRNN", "Bidirectional"):
        return None
    return (*dropping.inputs[0][:2], *dropping.output[1:])


def _frame_fixes(trace: Trace, dropping: CallRecord) -> Iterator[Fix]:
    """Yield a fix that flattens each frame by itself, so that time stays an axis."""
    call_site = call_site_of(dropping, trace)
    spelling = layer_name(*call_site, "TimeDistributed") if call_site else None
    if call_site is None or spelling is None:
        return
    cell, creation = call_site
    edit = cell.replace(creation, f"{spelling[0]}({cell.text_of(creation)})")
    shape = dropping.inputs[0]
    sizes = shape[2:]
    flat = None if None in sizes else prod(size or 0 for size in sizes)
    title = "flatten each frame by itself: TimeDistributed"
    yield fix(title, cell, [edit, *spelling[1]], Applicability.SURE, (*shape[:2], flat))


def _removal_fixes(trace: Trace, dropping: CallRecord) -> Iterator[Fix]:
    """Yield a fix that leaves the layer out."""
    edits = removed(dropping, trace)
    if edits is not None:
        yield fix(f"leave out {name_of(dropping)}", edits[0], edits[1], Applicability.SURE)


def _reshape_fixes(trace: Trace, dense: CallRecord, needed: int) -> Iterator[Fix]:
    """Yield a fix that puts a Reshape behind the Dense, to the sizes that its units are written as: `7 * 7 * 64`."""
    call_site = call_site_of(dense, trace)
    units = option_of(call_site[1], "units", dense.op) if call_site else None
    if call_site is None or units is None or not isinstance(dense.options, DenseOptions):
        return
    cell = call_site[0]
    for origin in definitions_of(cell, units):
        factors = factors_of(origin)
        evaluator = Evaluator(cell, trace)
        values = [evaluator.value(factor) for factor in factors]
        sizes = tuple(value for value in values if isinstance(value, int))
        if len(factors) == needed - 1 and len(sizes) == len(values) and prod(sizes) == dense.options.units:
            is_readable = origin is units or all(isinstance(f, ast.Constant) for f in factors)
            text = ", ".join(map(cell.text_of, factors)) if is_readable else ", ".join(map(str, sizes))
            edits = added_behind(dense, trace, "Reshape", f"({text})")
            if edits is not None:
                title = f"reshape its output to {spelled(sizes)}"
                yield fix(title, edits[0], edits[1], Applicability.SURE, (dense.inputs[0][0], *sizes))
            return
