"""The branches that a merge layer is to join have different sizes.

What: `Add`, `Concatenate` and their kin need equal sizes (all but the joined axis); two branches disagree.
Why: one branch pads and the other does not, one is pooled once more, an odd size was halved and doubled again.
Example:

    a = layers.Conv2D(8, 3, padding="same")(x)
    b = layers.Conv2D(8, 3)(x)
    layers.Add()([a, b])

Use instead:

    b = layers.Conv2D(8, 3, padding="same")(x)

Fix safety: a layer's padding is changed only where the arithmetic says that the branches then agree; cropping the
larger branch changes no layer.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from conv_magic import arithmetic
from conv_magic.model import (
    Applicability,
    CallRecord,
    ConvOptions,
    DepthwiseConvOptions,
    Diagnosis,
    Fix,
    MergeOptions,
    Options,
    Outcome,
    PoolOptions,
    Severity,
    Shape,
    Trace,
)
from conv_magic.repair.edits import fix, with_argument, wrapped
from conv_magic.rules.provenance import code_of, origin_of, supply_of
from conv_magic.rules.rule import axis_names, name_of, place_of, spelled

code = "sizes-differ"

VALID: tuple[str, ...] = (
    "from keras import Input, layers\nx = Input((16, 16, 3))\n"
    "a = layers.Conv2D(8, 3, padding='same')(x)\nb = layers.Conv2D(4, 1)(x)\n"
    "y = layers.Concatenate()([a, b])\n",
)
INVALID: tuple[str, ...] = (
    "from keras import Input, layers\nx = Input((16, 16, 3))\n"
    "a = layers.Conv2D(8, 3, padding='same')(x)\n"
    "b = layers.Conv2D(8, 3)(x)\n"
    "y = layers.Add()([a, b])\n",
    "import numpy as np\nfrom keras import layers\nx = np.zeros((2, 16, 16, 3), 'float32')\n"
    "a = layers.MaxPooling2D(3, strides=1)(layers.Conv2D(8, 3, padding='same')(x))\n"
    "b = layers.Conv2D(4, 1)(x)\n"
    "y = layers.Concatenate()([a, b])\n",
)


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """One diagnosis where a failed merge was given shapes of one rank that do not agree."""
    options = call.options
    if call.outcome is not Outcome.RAISED or not isinstance(options, MergeOptions) or len(call.inputs) < 2:
        return
    if len({len(shape) for shape in call.inputs}) != 1:
        return
    pair = _odd_one(call, options)
    if pair is None:
        return
    which, axes = pair
    other = call.inputs[0 if which else 1]
    origin, note = origin_of(call, trace, which)
    yield Diagnosis(
        code=code,
        severity=Severity.ERROR,
        call=call.index,
        span=place_of(call),
        layer=name_of(call),
        headline=f"{name_of(call)} cannot join {spelled(call.inputs[0])} and {spelled(call.inputs[which or 1])}",
        reasons=(_asked(options),),
        expected=tuple(None if i == _joined(call, options) else size for i, size in enumerate(other)),
        actual=call.inputs[which],
        axes=axes,
        axis_names=axis_names(len(other)),
        origin=origin,
        origin_note=note,
        fixes=tuple(_fixes(call, options, trace)),
    )


def _asked(options: MergeOptions) -> str:
    besides = "" if options.axis is None else f" but that of axis {options.axis}"
    return f"all sizes{besides} must be equal"


def _joined(call: CallRecord, options: MergeOptions) -> int | None:
    return None if options.axis is None else options.axis % len(call.inputs[0])


def _odd_one(call: CallRecord, options: MergeOptions) -> tuple[int, tuple[int, ...]] | None:
    """The input that differs (of two, the smaller), and the axes in which it does."""
    first = call.inputs[0]
    for index, shape in enumerate(call.inputs[1:], 1):
        axes = _differing(first, shape, _joined(call, options), broadcast=options.axis is None)
        if axes:
            smaller = all((shape[axis] or 0) <= (first[axis] or 0) for axis in axes)
            return (index if smaller else 0), axes
    return None


def _differing(one: Shape, two: Shape, joined: int | None, *, broadcast: bool) -> tuple[int, ...]:
    allowed = {None, 1} if broadcast else {None}
    pairs = enumerate(zip(one, two, strict=True))
    return tuple(i for i, (a, b) in pairs if i != joined and a != b and a not in allowed and b not in allowed)


def _fixes(call: CallRecord, options: MergeOptions, trace: Trace) -> Iterator[Fix]:
    for which in range(len(call.inputs)):
        yield from _padded(call, options, trace, which)
    yield from _cropped(call, options, trace)


def _padded(call: CallRecord, options: MergeOptions, trace: Trace, which: int) -> Iterator[Fix]:
    """Layers of one branch which, padded, give the size of the others."""
    chain = _chain(call, trace, which)
    for place, layer in enumerate(chain):
        changed = _with_same_padding(layer.options)
        cell = code_of(trace, layer.created)
        made = cell.call_at(layer.created) if cell else None
        if changed is None or cell is None or made is None:
            continue
        shapes = [*call.inputs]
        shape = _forward(chain, place, changed)
        if shape is None:
            continue
        shapes[which] = shape
        output = _merged(options, tuple(shapes))
        if output is not None:
            position = 2 if isinstance(changed, PoolOptions) else 3
            edit = with_argument(cell, made, position, "padding", '"same"')
            yield fix(f'pad {name_of(layer)} too: padding="same"', cell, [edit], Applicability.SURE, output)


def _chain(call: CallRecord, trace: Trace, which: int) -> list[CallRecord]:
    """The calls that made an input, the nearest last, as far back as each has one input."""
    chain: list[CallRecord] = []
    index = call.producers[which] if which < len(call.producers) else None
    while index is not None:
        made = trace.calls[index]
        chain.insert(0, made)
        index = made.producers[0] if len(made.producers) == 1 else None
    return chain


def _with_same_padding(options: Options | None) -> Options | None:
    if isinstance(options, ConvOptions | DepthwiseConvOptions | PoolOptions) and options.padding == "valid":
        return replace(options, padding="same")
    return None


def _forward(chain: list[CallRecord], place: int, changed: Options) -> Shape | None:
    """What the chain gives with the options of one layer changed."""
    shapes: tuple[Shape, ...] = chain[place].inputs
    for index, call in enumerate(chain[place:], place):
        options = changed if index == place else call.options
        try:
            shape = arithmetic.expected_shape(options, shapes, call.kernel)
        except arithmetic.ShapeProblem:
            return None
        if shape is None:
            return None
        shapes = (shape,)
    return shapes[0]


def _merged(options: MergeOptions, shapes: tuple[Shape, ...]) -> Shape | None:
    try:
        return arithmetic.expected_shape(options, shapes, None)
    except arithmetic.ShapeProblem:
        return None


def _cropped(call: CallRecord, options: MergeOptions, trace: Trace) -> Iterator[Fix]:
    """The larger of two branches cut to the smaller, at the merge itself."""
    supply = supply_of(call, trace)
    made = supply.code.call_at(call.created) if supply else None
    if supply is None or not isinstance(supply.value, ast.List | ast.Tuple) or len(supply.value.elts) != 2:
        return
    if made is None or not isinstance(made.func, ast.Attribute) or len(call.inputs[0]) != 4:
        return
    for which in (0, 1):
        cut = [_cut(call.inputs[which][axis], call.inputs[1 - which][axis]) for axis in (1, 2)]
        if None in cut or cut == [(0, 0), (0, 0)]:
            continue
        smaller = call.inputs[1 - which][1:3]
        shapes = [*call.inputs]
        shapes[which] = (shapes[which][0], *smaller, shapes[which][3])
        output = _merged(options, tuple(shapes))
        if output is not None:
            library = supply.code.text_of(made.func.value)
            before = f"{library}.Cropping2D({tuple(cut)})("
            edit = wrapped(supply.code, supply.value.elts[which], before, ")")
            title = f"crop the larger branch to {smaller[0]} x {smaller[1]}"
            yield fix(title, supply.code, [edit], Applicability.CHOICE, output)


def _cut(have: int | None, want: int | None) -> tuple[int, int] | None:
    if have is None or want is None or have < want:
        return None
    return (have - want) // 2, have - want - (have - want) // 2
