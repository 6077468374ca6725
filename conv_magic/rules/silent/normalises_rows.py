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

import ast
from collections.abc import Iterator, Sequence

from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.operands import origin_of
from conv_magic.analysis.producers import producer_chain
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability
from conv_magic.model.naming import axis_names, name_of
from conv_magic.model.options import (
    ConvOptions,
    ConvTransposeOptions,
    DepthwiseConvOptions,
    PoolOptions,
    SameShapeOptions,
)
from conv_magic.model.shapes import DataFormat
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, with_argument
from conv_magic.text.source import Code, argument

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
    """A warning where the normalised axis is not the one on which the nearest convolution before keeps its channels."""
    if call.outcome is not Outcome.RETURNED or call.op != "BatchNormalization" or not call.inputs:
        return
    shape = call.inputs[0]
    accepts = call.accepts or ()
    if len(shape) < 3 or len(accepts) != len(shape) or (accepts[1] is None) == (accepts[-1] is None):
        return
    last = len(shape) - 1
    data_format: DataFormat = "channels_first" if accepts[1] is None else "channels_last"
    axis, channels = (last, 1) if accepts[1] is None else (1, last)
    chain, made = producer_chain(call, trace), call_site_of(call, trace)
    place = next((i for i in reversed(range(len(chain))) if isinstance(chain[i].options, _Conv)), None)
    if place is None or made is None or getattr(chain[place].options, "data_format", None) != data_format:
        return
    if not (_says_rows(made, trace) if axis == 1 else _keeps_channels(chain[place + 1 :])):
        return
    right = "-1" if axis == 1 else "1"
    names = axis_names(len(shape), data_format)
    edit = with_argument(*made, 0, "axis", right)
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} normalises the {shape[axis]} positions along the {names[axis] if names else f'axis {axis}'}"
        f", not the {shape[channels]} channels",
        span=made[0].span(made[1]),
        reasons=(
            f"{name_of(chain[place])} keeps its channels {'last' if axis == 1 else 'first'}:"
            f" axis {channels} of {len(shape)}",
        ),
        actual=shape,
        axes=(axis,),
        axis_names=names,
        origin=origin_of(call, trace),
        fixes=(fix(f"normalise the channels: axis={right}", made[0], [edit], Applicability.SURE, call.output),),
    )


def _says_rows(made: tuple[Code, ast.Call], trace: Trace) -> bool:
    given = argument(made[1], 0, "axis")
    return given is not None and Evaluator(made[0], trace).value(given) == 1


def _keeps_channels(between: Sequence[CallRecord]) -> bool:
    """Whether what comes between leaves the axes where they are, whatever its own data_format."""
    return all(isinstance(call.options, SameShapeOptions | PoolOptions) for call in between)
