"""The names of calls, axes, shapes and counts, the same in every text."""

from __future__ import annotations

from conv_magic.model.calls import CallRecord
from conv_magic.model.positions import Span
from conv_magic.model.shapes import DataFormat, Shape

_SPATIAL = {0: (), 1: ("steps",), 2: ("height", "width"), 3: ("depth", "height", "width")}


def axis_names(rank: int, data_format: DataFormat = "channels_last") -> tuple[str, ...]:
    """Return the names of the axes of an image-like tensor of that rank, empty if there is no custom."""
    if rank == 2:
        return ("batch", "features")
    spatial = _SPATIAL.get(rank - 2)
    if not spatial:
        return ()
    return ("batch", "channels", *spatial) if data_format == "channels_first" else ("batch", *spatial, "channels")


def filter_axes(spatial_rank: int) -> str:
    """Return the names of a filter's spatial axes: `height, width`."""
    return "length" if spatial_rank == 1 else ", ".join(_SPATIAL[spatial_rank])


def data_format_of(call: CallRecord) -> DataFormat:
    """Return the layout in which the call counts its axes."""
    return getattr(call.options, "data_format", "channels_last")


def channel_axis(call: CallRecord, rank: int) -> int:
    """Return the index of the channel axis among `rank` axes."""
    return 1 if data_format_of(call) == "channels_first" else rank - 1


def shown_span(call: CallRecord) -> Span | None:
    """Return the span at which a fault of `call` is shown: its layer's creation, if inside the running statement."""
    if not call.direct and call.created is not None and call.span is not None and call.span.contains(call.created):
        return call.created
    return call.span


def name_of(call: CallRecord) -> str:
    """Return the layer's name, else the function's."""
    return call.layer or call.op


def spelled(shape: Shape | None) -> str:
    """Return a shape as Python writes it."""
    return "unknown" if shape is None else str(tuple(shape))


def counted(number: int | None, noun: str) -> str:
    """Return a number with its noun: `1 channel`, `3 channels`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
