"""The tensors that are to be joined have different numbers of axes.

What: a map and a vector are joined, an image and a mask without its channel axis, a map and a gate of other channels.
Why: one branch of a model with several inputs was not flattened; a gate was made for another number of channels; a
mask has no channel axis.
Example:

    both = layers.Concatenate()([maps, numbers])                        # (None, 6, 6, 8) and (None, 4)

Use instead:

    both = layers.Concatenate()([layers.Flatten()(maps), numbers])

Fix safety: flattening keeps every number; a global pooling, the other way, keeps one of each channel.  A mask gets an
axis of length 1; a gate gets as many units as there are channels.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.merges import Merge, branches, merge_of
from conv_magic.analysis.operands import module_alias, origin_of
from conv_magic.analysis.training import with_units
from conv_magic.arithmetic import shapes_agree
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import counted, name_of, spelled
from conv_magic.model.options import ConvOptions, DenseOptions
from conv_magic.model.positions import Edit
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.fixes.merge_shortcuts import layer_spelled
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, indexed, wrapped
from conv_magic.text.source import called_name

code = "ranks-to-join-differ"

_IMPORTS = "from keras import Input, layers\nimage, row = Input((9, 9, 2)), Input((4,))\n"
VALID: tuple[str, ...] = (
    _IMPORTS + "x = layers.Flatten()(layers.Conv2D(3, 3)(image))\ny = layers.concatenate([x, row])\n",
    _IMPORTS + "x = layers.Conv2D(6, 3)(image)\n"
    "y = layers.Multiply()([x, layers.Dense(6)(layers.GlobalMaxPooling2D()(x))])\n",
)
INVALID: tuple[str, ...] = (
    _IMPORTS + "x = layers.Conv2D(3, 3)(image)\ny = layers.Concatenate()([layers.Dense(5)(row), x])\n",
    _IMPORTS + "x = layers.Conv2D(6, 3)(image)\ngate = layers.Dense(3)(layers.GlobalMaxPooling2D()(x))\n"
    "y = layers.multiply([x, gate])\n",
    "import tensorflow as tf\nphotos, masks = tf.zeros((2, 8, 8, 3)), tf.zeros((2, 8, 8))\n"
    "y = tf.concat([photos, masks], axis=-1)\n",
    "from keras import Input, layers\nsteps, person = Input((12, 3)), Input((5,))\n"
    "x = layers.Conv1D(4, 3)(steps)\ny = layers.LSTM(6)(layers.concatenate([x, person]))\n",
    "import tensorflow as tf\nfrom tensorflow.keras import layers\nmaps = tf.zeros((3, 6, 6, 8))\n"
    "gate = layers.Dense(8)(layers.GlobalAveragePooling2D()(maps))\ny = maps * gate\n",
    "import tensorflow as tf\nsteps = tf.zeros((3, 9, 5))\n"
    "weights = tf.nn.softmax(tf.reduce_mean(steps, axis=-1))\ny = tf.reduce_sum(steps * weights, axis=1)\n",
)

_OVER_STEPS = {"LSTM", "GRU", "SimpleRNN", "Bidirectional", "Conv1D", "TimeDistributed"}
_POOLS = {3: "GlobalAveragePooling1D", 4: "GlobalAveragePooling2D", 5: "GlobalAveragePooling3D"}


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Diagnose a failed merge of shapes of different ranks."""
    merge = merge_of(call, trace) if call.outcome is Outcome.RAISED else None
    ranks = sorted({len(shape) for shape in call.inputs})
    if merge is None or len(ranks) != 2 or ranks[0] < 2 or not merge.parts:
        return
    high = next(i for i, shape in enumerate(call.inputs) if len(shape) == ranks[1])
    low = next(i for i, shape in enumerate(call.inputs) if len(shape) == ranks[0])
    alike = call.inputs[high][0] == call.inputs[low][0]  # else the shorter has no batch axis: a table of positions
    fixes = tuple(_fixes(merge, trace, high, low)) if alike else ()
    if not fixes:
        return
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} cannot join {spelled(call.inputs[0])} and "
        f"{spelled(next(s for s in call.inputs if len(s) != len(call.inputs[0])))}",
        reasons=(_why_not_joined(merge, high, low),),
        expected=call.inputs[low] if merge.axis is not None else None,
        actual=call.inputs[high],
        origin=origin_of(call, trace, high),
        fixes=fixes,
    )


def _why_not_joined(merge: Merge, high: int, low: int) -> str:
    maps, vector = merge.call.inputs[high], merge.call.inputs[low]
    if merge.axis is None and len(vector) == 2 and _sizes_known_to_differ(maps[-1], vector[-1]):
        return f"the map has {counted(maps[-1], 'channel')}, the vector {counted(vector[-1], 'number')} for each sample"
    return f"one has {len(maps)} axes, the other {len(vector)}"


def _sizes_known_to_differ(one: int | None, two: int | None) -> bool:
    return one is not None and two is not None and one != two


def _fixes(merge: Merge, trace: Trace, high: int, low: int) -> Iterator[Fix]:
    maps, other = merge.call.inputs[high], merge.call.inputs[low]
    channels_differ = merge.axis is None and _sizes_known_to_differ(maps[-1], other[-1])
    weights = channels_differ and None not in (maps[1], other[-1])  # one for each step
    if len(other) == len(maps) - 1 and (len(other) > 2 or weights) and shapes_agree(maps[:-1], other):
        title = "add the channel axis, of length 1" if weights else "add the channel axis"
        edit = indexed(merge.code, merge.parts[low], "[..., None]")
        yield fix(title, merge.code, [edit], Applicability.SURE)
    elif merge.axis is None and len(other) == 2:
        yield from _gate_of_all_channels(merge, trace, low, maps, other)
    elif merge.axis is not None and len(other) == 2:
        yield from _map_and_vector(merge, trace, high, low)


def _gate_of_all_channels(merge: Merge, trace: Trace, low: int, maps: Shape, gate: Shape) -> Iterator[Fix]:
    """Give a vector of one number for each channel as many as the map has, or axes for the map's others."""
    if not _sizes_known_to_differ(maps[-1], gate[-1]):
        if merge.call.layer is None and maps[-1] == gate[-1]:
            edit = indexed(merge.code, merge.parts[low], f"[:, {'None, ' * (len(maps) - 2)}:]")
            axes = {3: "the steps", 4: "height and width"}.get(len(maps), "the map's places")
            yield fix(f"give the gate axes of length 1 for {axes}", merge.code, [edit], Applicability.SURE)
        return
    layers = [c for c in branches(merge, trace)[low] if isinstance(c.options, DenseOptions | ConvOptions)]
    if merge.call.layer is None or not layers or maps[-1] is None:
        return
    title = f"give {name_of(layers[-1])} {counted(maps[-1], 'unit')}"
    for cell, edit in with_units(layers[-1], trace, maps[-1]):
        yield fix(title, cell, [edit], Applicability.SURE)
        return


def _map_and_vector(merge: Merge, trace: Trace, high: int, low: int) -> Iterator[Fix]:
    """Flatten or pool a map beside a vector, or repeat the vector at each step of a sequence."""
    maps = [i for i, shape in enumerate(merge.call.inputs) if len(shape) == len(merge.call.inputs[high])]
    repeated = list(_vector_repeated(merge, trace, high, low))
    yield from repeated
    if repeated:
        return
    if not (open_sizes := any(None in merge.call.inputs[index][1:] for index in maps)):
        yield from _layer_around(merge, trace, maps, "Flatten", "flatten the map", sure=True)
    pool = _POOLS.get(len(merge.call.inputs[high]))
    if pool is not None:
        yield from _layer_around(merge, trace, maps, pool, "keep the mean of each channel", sure=open_sizes)


def _layer_around(merge: Merge, trace: Trace, maps: list[int], layer: str, title: str, *, sure: bool) -> Iterator[Fix]:
    named = _layer_or_module_spelled(merge, trace, layer)
    if named is None:
        return
    edits = [wrapped(merge.code, merge.parts[index], f"{named[0]}()(", ")") for index in maps]
    applicability = Applicability.SURE if sure else Applicability.CHOICE
    yield fix(f"{title}: {layer}", merge.code, [*edits, *named[1]], applicability)


def _vector_repeated(merge: Merge, trace: Trace, high: int, low: int) -> Iterator[Fix]:
    """Repeat the vector at every step, where the result goes on to a layer over steps."""
    shape, named = merge.call.inputs[high], _layer_or_module_spelled(merge, trace, "RepeatVector")
    if len(shape) != 3 or shape[1] is None or named is None or not _goes_over_steps(merge):
        return
    edit = wrapped(merge.code, merge.parts[low], f"{named[0]}({shape[1]})(", ")")
    title = f"repeat the vector at each of the {shape[1]} steps: RepeatVector"
    yield fix(title, merge.code, [edit, *named[1]], Applicability.SURE)


def _goes_over_steps(merge: Merge) -> bool:
    """Check whether a layer over steps is called on the result: around it, or on the name it was given."""
    cell = merge.code
    statement = cell.statement_of(merge.node)
    targets = {ast.unparse(t) for t in statement.targets} if isinstance(statement, ast.Assign) else set()
    for node in ast.walk(cell.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Call) and called_name(node.func) in _OVER_STEPS:
            around = merge.node in ast.walk(node) and node is not merge.node
            later = node.args and ast.unparse(node.args[0]) in targets and node.lineno > merge.node.lineno
            if around or later:
                return True
    return False


def _layer_or_module_spelled(merge: Merge, trace: Trace, layer: str) -> tuple[str, list[Edit]] | None:
    """Return how the cell can spell another layer: like one that it makes, else by a module that it imports."""
    named = layer_spelled(merge, trace, layer)
    if named is not None:
        return named
    keras = module_alias(merge.code, "keras") or module_alias(merge.code, "tensorflow.keras")
    tensorflow = module_alias(merge.code, "tensorflow")
    if keras or tensorflow:
        return f"{keras or f'{tensorflow}.keras'}.layers.{layer}", []
    return None
