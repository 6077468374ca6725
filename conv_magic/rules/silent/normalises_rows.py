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

from conv_magic.analysis.arguments import option_of, with_option
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
from conv_magic.text.edits import fix
from conv_magic.text.source import Code

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
_Convolution = ConvOptions | DepthwiseConvOptions | ConvTransposeOptions


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a warning where the normalised axis is not that of the channels of the convolution before."""
    if call.outcome is not Outcome.RETURNED or call.op != "BatchNormalization" or not call.inputs:
        return
    shape = call.inputs[0]
    accepts = call.accepts or ()
    if len(shape) < 3 or len(accepts) != len(shape) or (accepts[1] is None) == (accepts[-1] is None):
        return
    last = len(shape) - 1
    data_format: DataFormat = "channels_first" if accepts[1] is None else "channels_last"
    axis, channels = (last, 1) if accepts[1] is None else (1, last)
    chain, call_site = producer_chain(call, trace), call_site_of(call, trace)
    index = next((i for i in reversed(range(len(chain))) if isinstance(chain[i].options, _Convolution)), None)
    if index is None or call_site is None or getattr(chain[index].options, "data_format", None) != data_format:
        return
    if not (_sets_axis_one(call_site, trace) if axis == 1 else _keep_axes(chain[index + 1 :])):
        return
    right = "-1" if axis == 1 else "1"
    names = axis_names(len(shape), data_format)
    edit = with_option(*call_site, "axis", right, call.op)
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} normalises the {shape[axis]} positions along the {names[axis] if names else f'axis {axis}'}"
        f", not the {shape[channels]} channels",
        span=call_site[0].span(call_site[1]),
        reasons=(
            f"{name_of(chain[index])} keeps its channels {'last' if axis == 1 else 'first'}:"
            f" axis {channels} of {len(shape)}",
        ),
        actual=shape,
        axes=(axis,),
        axis_names=names,
        origin=origin_of(call, trace),
        fixes=(fix(f"normalise the channels: axis={right}", call_site[0], [edit], Applicability.SURE, call.output),),
    )


def _sets_axis_one(call_site: tuple[Code, ast.Call], trace: Trace) -> bool:
    """Check whether the text sets the axis to 1."""
    given = option_of(call_site[1], "axis")
    return given is not None and Evaluator(call_site[0], trace).value(given) == 1


def _keep_axes(between: Sequence[CallRecord]) -> bool:
    """Check whether the calls between leave the axes as they are, whatever their own data_format."""
    return all(isinstance(call.options, SameShapeOptions | PoolOptions) for call in between)
