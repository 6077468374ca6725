"""The input lacks its batch or its channel axis.

What: a convolution, pooling or model was given a tensor with fewer axes than it needs.
Why: one image has no batch axis, a stack of grayscale images no channel axis; libraries that read images add neither.
Example:

    images = np.random.rand(60, 28, 28).astype("float32")
    layers.Conv2D(8, 3)(images)

Use instead:

    layers.Conv2D(8, 3)(images[..., None])

Fix safety: an axis of length 1 is added, no number is changed.  Where both places are possible, both are offered.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from conv_magic import arithmetic
from conv_magic.model import Applicability, CallRecord, Diagnosis, Fix, Outcome, Severity, Shape, Trace
from conv_magic.repair.edits import fix, indexed
from conv_magic.rules.provenance import declared_inputs, is_fed_in_batches, origin_of, supply_of
from conv_magic.rules.rule import axis_names, channel_axis, data_format_of, name_of, place_of, spelled
from conv_magic.source import Code

code = "missing-axis"

VALID: tuple[str, ...] = (
    "import tensorflow as tf\ny = tf.nn.conv2d(tf.zeros((1, 28, 28, 1)), tf.zeros((3, 3, 1, 4)), 1, 'SAME')\n",
    "import keras, numpy as np\n"
    "model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Conv2D(4, 3)])\n"
    "model.predict(np.zeros((3, 28, 28)), verbose=0)\n",
)
INVALID: tuple[str, ...] = (
    "import tensorflow as tf\n"
    "image = tf.zeros((28, 28, 1))\n"
    "y = tf.nn.conv2d(image, tf.zeros((3, 3, 1, 4)), 1, 'SAME')\n",
    "import numpy as np\nfrom keras import layers\n"
    "images = np.zeros((60, 28, 28), 'float32')\n"
    "y = layers.Conv2D(8, 3)(images)\n",
    "import keras, numpy as np\n"
    "model = keras.Sequential([keras.Input((24, 24, 3)), keras.layers.Conv2D(4, 3)])\n"
    "picture = np.zeros((24, 24, 3), 'float32')\n"
    "model.predict(picture, verbose=0)\n",
    "import keras\nmodel = keras.Sequential([keras.Input((28, 28)), keras.layers.Conv2D(4, 3)])\n",
)


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """One diagnosis where the failed call's first input has too few axes."""
    if call.outcome not in (Outcome.RAISED, Outcome.GUARDED) or not call.inputs or call.accepts is None:
        return
    actual, needed = call.inputs[0], call.accepts
    if not len(needed) - 2 <= len(actual) < len(needed):
        return
    given: Shape = (None, *actual[1:]) if actual and is_fed_in_batches(call, trace) else actual
    ways = _likeliest_first(call, given, list(_ways(call, given)))
    missing = ways[0] if ways else (0,)
    names = axis_names(len(needed), data_format_of(call))
    origin, note = origin_of(call, trace)
    yield Diagnosis(
        code=code,
        severity=Severity.ERROR,
        call=call.index,
        span=place_of(call),
        layer=name_of(call),
        headline=f"{name_of(call)} needs {_listed(names) or f'{len(needed)} axes'}; this input has {len(actual)} axes",
        reasons=_reasons(call, names, missing),
        expected=needed,
        actual=actual,
        axes=missing,
        axis_names=names,
        origin=origin,
        origin_note=note,
        fixes=tuple(_fixes(call, trace, given, ways)),
    )


def _listed(names: tuple[str, ...]) -> str:
    return f"({', '.join(names)})" if names else ""


def _reasons(call: CallRecord, names: tuple[str, ...], missing: tuple[int, ...]) -> tuple[str, ...]:
    lacking = " and ".join(names[axis] for axis in missing) if names else "leading"
    reasons = [f"the {lacking} axis is missing" if len(missing) == 1 else f"the {lacking} axes are missing"]
    if call.outcome is Outcome.GUARDED:
        reasons.append("TensorFlow would have ended the whole process here, so the call was not made")
    return tuple(reasons)


def _ways(call: CallRecord, actual: Shape) -> Iterator[tuple[int, ...]]:
    """The sets of axes which, added with length 1, give what is needed."""
    needed = call.accepts or ()
    places = sorted({0, channel_axis(call, len(needed))})
    for missing in combinations(places, len(needed) - len(actual)):
        if all(size in (None, 1) for size in (needed[axis] for axis in missing)) and _fits(
            needed, _widened(actual, missing)
        ):
            yield missing


def _widened(actual: Shape, missing: tuple[int, ...]) -> Shape:
    shape = list(actual)
    for axis in missing:
        shape.insert(axis, 1)
    return tuple(shape)


def _fits(needed: Shape, shape: Shape) -> bool:
    return all(None in pair or pair[0] == pair[1] for pair in zip(needed, shape, strict=True))


def _likeliest_first(call: CallRecord, actual: Shape, ways: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """An unknown first size is a batch; a last size of 1, 3 or 4 is channels; else a stack of planes is likelier."""
    has_channels = actual[-1:] in ((1,), (3,), (4,)) and actual[:1] != (None,)
    return sorted(ways, key=lambda missing: (0 in missing) != has_channels)


def _fixes(call: CallRecord, trace: Trace, actual: Shape, ways: list[tuple[int, ...]]) -> Iterator[Fix]:
    sure = Applicability.SURE if len(ways) == 1 else Applicability.CHOICE
    supply = supply_of(call, trace)
    for missing in ways:
        shape = _widened(actual, missing)
        title, index = _words(call, missing)
        predicted = _predicted(call, shape)
        for code_, literal in declared_inputs(trace, actual[1:]) if 0 not in missing and actual[:1] == (None,) else ():
            text = spelled(shape[1:])
            yield fix(f"{title} to the declared input", code_, [code_.replace(literal, text)], sure, predicted)
        if supply is None:
            continue
        yield fix(title, supply.code, [indexed(supply.code, supply.value, index)], sure, predicted)
        yield from _at_binding(supply.code, call, trace, title, index, predicted)


def _at_binding(
    cell: Code, call: CallRecord, trace: Trace, title: str, index: str, predicted: Shape | None
) -> Iterator[Fix]:
    supply = supply_of(call, trace)
    binding = supply.binding if supply else None
    if binding is not None and binding.value is not None and call.producers[:1] == (None,):
        where = f"{title} where {binding.name} is made"
        yield fix(where, cell, [indexed(cell, binding.value, index)], Applicability.CHOICE, predicted)


def _words(call: CallRecord, missing: tuple[int, ...]) -> tuple[str, str]:
    first = data_format_of(call) == "channels_first"
    if len(missing) == 2:
        return "add the batch and the channel axis", "[None, None, ...]" if first else "[None, ..., None]"
    if missing == (0,):
        return "add the batch axis", "[None, ...]"
    return "add the channel axis", "[:, None, ...]" if first else "[..., None]"


def _predicted(call: CallRecord, shape: Shape) -> Shape | None:
    if call.options is None:
        return None
    try:
        return arithmetic.expected_shape(call.options, (shape,), call.kernel)
    except arithmetic.ShapeProblem:
        return None
