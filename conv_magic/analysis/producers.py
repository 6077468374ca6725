"""Follow a call back along its producers, into models, to the layer that decided a size."""

from __future__ import annotations

from conv_magic.analysis.trace_graph import graph_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.options import (
    ConvOptions,
    ConvTransposeOptions,
    CroppingOptions,
    DenseOptions,
    DepthwiseConvOptions,
    GlobalPoolOptions,
    PoolOptions,
    SameShapeOptions,
    UpSamplingOptions,
    ZeroPaddingOptions,
)
from conv_magic.model.trace import Trace

_KEEPING_CHANNELS = (
    SameShapeOptions | PoolOptions | GlobalPoolOptions | UpSamplingOptions | ZeroPaddingOptions | CroppingOptions
)
_SETTING_CHANNELS = ConvOptions | ConvTransposeOptions | DepthwiseConvOptions | DenseOptions
_MOST_STEPS = 500


def producer_chain(call: CallRecord, trace: Trace, index: int = 0) -> list[CallRecord]:
    """Return the producers of an input, the first one first, as far back as each has one input; models are opened."""
    chain: list[CallRecord] = []
    producer = call.producers[index] if index < len(call.producers) else None
    while producer is not None and len(chain) < _MOST_STEPS:
        layer = last_layer_of(trace.calls[producer], trace)
        chain.insert(0, layer)
        producer = layer.producers[0] if len(layer.producers) == 1 else None
    return chain


def last_layer_of(call: CallRecord, trace: Trace) -> CallRecord:
    """Return the innermost call whose output is that of `call`: the last layer of a model, or the call itself."""
    inside = [c for c in graph_of(trace).inside(call) if c.output == call.output]
    if not inside and call.options is None and call.layer is not None:
        inside = _last_layer_built(call, trace)
    return last_layer_of(inside[-1], trace) if inside and inside[-1] is not call else call


def _last_layer_built(model: CallRecord, trace: Trace) -> list[CallRecord]:
    """Return the last layer of a model that is called symbolically: Keras ran its layers when the model was built."""
    found = []
    for call in graph_of(trace).giving(model.output):
        if call.index < model.index and call.options is not None and call.outcome is Outcome.RETURNED:
            first = (producer_chain(call, trace) or [call])[0]
            if first.inputs[:1] == (model.accepts,) and first.producers == (None,):
                found.append(call)
    return found[-1:]


def layer_setting_channels(chain: list[CallRecord]) -> CallRecord | None:
    """Return the layer that decided the channels at the end of a chain; None if the data did, or it is not known."""
    for call in reversed(chain):
        if isinstance(call.options, _SETTING_CHANNELS):
            return call
        if not _passes_channels_on(call):
            return None
    return None


def has_channels_of_data(chain: list[CallRecord]) -> bool:
    """Check whether the channels at the end of a chain are those of the data at its start."""
    return all(map(_passes_channels_on, chain))


def _passes_channels_on(call: CallRecord) -> bool:
    return isinstance(call.options, _KEEPING_CHANNELS) and not getattr(call.options, "over_channels", ())
