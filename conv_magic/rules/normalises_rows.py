"""A batch normalisation over a spatial axis follows a convolution that keeps its channels at the other end.

What: `BatchNormalization(axis=1)` keeps one mean and one scale for each row of the image, not for each channel.
Why: the axis is right for channels-first models, and much code was written for those; there the default is wrong.
Example:

    x = layers.Conv2D(16, 3)(image)
    x = layers.BatchNormalization(axis=1)(x)

Use instead:

    x = layers.BatchNormalization()(x)

Fix safety: the channels are normalised, as the convolution before it counts them; the shapes stay.
"""

from __future__ import annotations

from collections.abc import Iterator

from conv_magic.model import (
    Applicability,
    CallRecord,
    ConvOptions,
    ConvTransposeOptions,
    DepthwiseConvOptions,
    Diagnosis,
    Outcome,
    PoolOptions,
    SameShapeOptions,
    Trace,
)
from conv_magic.repair.edits import fix, with_argument
from conv_magic.rules.makers import chain_to, maker_of
from conv_magic.rules.provenance import origin_of
from conv_magic.rules.rule import axis_names, diagnosed, name_of
from conv_magic.rules.written import Reader
from conv_magic.source import argument

code = "normalises-rows"

VALID: tuple[str, ...] = (
    "import keras\nfrom keras import layers\n"
    "y = layers.BatchNormalization(axis=3)(layers.Conv2D(4, 3)(keras.Input((12, 12, 1))))\n",
    "import keras\nfrom keras import layers\n"
    "x = layers.Conv2D(4, 3, padding='same', data_format='channels_first')(keras.Input((1, 12, 12)))\n"
    "y = layers.BatchNormalization(axis=1)(x)\n",
)
INVALID: tuple[str, ...] = (
    "import keras\nfrom keras import layers\n"
    "x = layers.Conv2D(4, 3)(keras.Input((12, 20, 1)))\n"
    "y = layers.BatchNormalization(axis=1)(layers.Activation('relu')(x))\n",
    "import keras\nfrom keras import layers\nbn_axis = 1\n"
    "net = keras.Sequential([keras.Input((64, 2)), layers.Conv1D(4, 3), layers.BatchNormalization(bn_axis)])\n",
    "import keras\nfrom keras import layers\n"
    "x = layers.Conv2D(4, 3, padding='same', data_format='channels_first')(keras.Input((1, 12, 20)))\n"
    "y = layers.BatchNormalization()(x)\n",
)
_Conv = ConvOptions | DepthwiseConvOptions | ConvTransposeOptions


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """A warning where the normalised axis is 1 and the nearest convolution before it is channels-last."""
    if call.outcome is not Outcome.RETURNED or call.op != "BatchNormalization" or not call.inputs:
        return
    shape = call.inputs[0]
    accepts = call.accepts or ()
    if len(shape) < 3 or len(accepts) != len(shape) or (accepts[1] is None) == (accepts[-1] is None):
        return
    if accepts[1] is None:
        yield from _columns(call, trace)
        return
    before = next((c for c in reversed(chain_to(call, trace)) if isinstance(c.options, _Conv)), None)
    made = maker_of(call, trace)
    given = argument(made[1], 0, "axis") if made else None
    if before is None or getattr(before.options, "data_format", None) != "channels_last":
        return
    if made is None or given is None or Reader(made[0], trace).value(given) != 1:
        return
    names, edit = axis_names(len(shape)), made[0].replace(given, "-1")
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} normalises the {shape[1]} positions along the {names[1] if names else 'first axis'}"
        f", not the {shape[-1]} channels",
        span=made[0].span(made[1]),
        reasons=(f"{name_of(before)} keeps its channels last: axis {len(shape) - 1} of {len(shape)}",),
        actual=shape,
        axes=(1,),
        axis_names=names,
        origin=origin_of(call, trace),
        fixes=(fix("normalise the channels: axis=-1", made[0], [edit], Applicability.SURE, call.output),),
    )


def _columns(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """The reverse: the last axis normalised behind a convolution that keeps its channels first."""
    chain, made, shape = chain_to(call, trace), maker_of(call, trace), call.inputs[0]
    place = next((i for i in reversed(range(len(chain))) if isinstance(chain[i].options, _Conv)), None)
    if place is None or made is None or getattr(chain[place].options, "data_format", None) != "channels_first":
        return
    if not all(isinstance(c.options, SameShapeOptions | PoolOptions) for c in chain[place + 1 :]):
        return
    names, edit = axis_names(len(shape), "channels_first"), with_argument(*made, 0, "axis", "1")
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} normalises the {shape[-1]} positions along the {names[-1] if names else 'last axis'}"
        f", not the {shape[1]} channels",
        span=made[0].span(made[1]),
        reasons=(f"{name_of(chain[place])} keeps its channels first: axis 1 of {len(shape)}",),
        actual=shape,
        axes=(len(shape) - 1,),
        axis_names=names,
        origin=origin_of(call, trace),
        fixes=(fix("normalise the channels: axis=1", made[0], [edit], Applicability.SURE, call.output),),
    )
