"""The calls as a pandas frame: one row a call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any

import pandas as pd

from conv_magic.model.calls import CallRecord
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.document import Document
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Source
from conv_magic.views.excerpt import Excerpts
from conv_magic.views.verdict import place_text, statuses
from conv_magic.views.wire import to_json

COLUMNS = {
    "call": "index of the call, in the order in which calls were entered",
    "line": "line of the call, from 1, in the cell that it is written in",
    "code": "text of the call",
    "layer": "the name of the layer, or of the tf.function; missing for a function such as tf.nn.conv2d",
    "op": "the operation: the layer's class or the function's name",
    "parent": "`call` of the call inside which this one ran",
    "replica": "number of the tf.distribute replica that made the call",
    "mode": "eager (on values), graph (while a tf.function was traced) or symbolic (Keras' symbolic tensors)",
    "input_shape": "shape of the input, a tuple of shapes where there are several; None is an unknown dimension",
    "producers": "for each input the `call` that made it, else the name and line of the user's own array; or None",
    "kernel_shape": "shape of the kernel or weight matrix",
    "strides": "steps of the window along each spatial axis",
    "padding": "same, valid, causal, or (before, after) for each spatial axis",
    "dilation_rate": "steps between the kernel's own points along each spatial axis",
    "groups": "number of groups that the channels are convolved in",
    "data_format": "channels_last or channels_first",
    "dtype": "type of the numbers",
    "expected_shape": "shape that the arithmetic predicts; None where it cannot",
    "output_shape": "shape that came; None where the call did not return",
    "params": "numbers that the layer learns or keeps",
    "macs": "multiply-accumulate operations of one run",
    "receptive_field": "how many input positions along each spatial axis one output position sees",
    "output_bytes": "size of the output in bytes",
    "count": "how many calls this row stands for: calls of one place with equal shapes",
    "traces": "how often a graph was traced for it: of a tf.function, or of Keras' own step in fit, evaluate, predict",
    "seconds": "wall time of all calls of this row together",
    "status": "ok, warning, failed, or guarded (stopped before TensorFlow ran it)",
    "diagnosis": "code of the diagnosis of this call",
    "fix": "title of its first fix",
}
"""The columns in their order, and what each means."""

_TEXT = pd.StringDtype("python")  # pyarrow, where it is installed, takes no lone surrogates
_DTYPES: dict[str, Any] = {
    **dict.fromkeys(("call", "count"), "int64"),
    **dict.fromkeys(("line", "parent", "replica", "groups", "params", "macs", "output_bytes", "traces"), "Int64"),
    **dict.fromkeys(("code", "layer", "op", "mode", "data_format", "dtype", "status", "diagnosis", "fix"), _TEXT),
    "seconds": "float64",
}


def to_frame(document: Document) -> pd.DataFrame:
    """One row a call, with the columns of `COLUMNS`.

    `frame.attrs["report"]` is the whole document as JSON, `frame.attrs["columns"]` what each column means.
    """
    rows = _columns_of(document)
    frame = pd.DataFrame({name: pd.Series(rows[name], dtype=_DTYPES.get(name, "object")) for name in COLUMNS})
    frame.attrs["report"] = to_json(document)
    frame.attrs["columns"] = dict(COLUMNS)
    return frame


def _columns_of(document: Document) -> dict[str, list[Any]]:
    calls = document.trace.calls
    excerpts = Excerpts(document.trace.sources)
    diagnoses: dict[int | None, Diagnosis] = {d.call: d for d in reversed(document.diagnoses)}
    found = [diagnoses.get(call.index) for call in calls]
    return {
        **{name: [value(call) for call in calls] for name, value in _FROM_CALL.items()},
        "producers": [_producers(call, document.trace.sources) for call in calls],
        "code": [excerpts.code(call.span) for call in calls],
        "status": list(statuses(document)),
        "diagnosis": [d.code if d else None for d in found],
        "fix": [d.fixes[0].title if d and d.fixes else None for d in found],
    }


def _inputs(call: CallRecord) -> Shape | tuple[Shape, ...] | None:
    if not call.inputs:
        return None
    return call.inputs[0] if len(call.inputs) == 1 else call.inputs


def _producers(call: CallRecord, sources: Sequence[Source]) -> tuple[int | str | None, ...]:
    pairs = zip_longest(call.producers, call.given)
    return tuple(f"{given.name} ({place_text(given.span, sources)})" if given else made for made, given in pairs)


def _option(name: str) -> Callable[[CallRecord], Any]:
    """Return a getter of the call options' field `name`; it returns None for a family without it."""
    return lambda call: getattr(call.options, name, None)


_FROM_CALL: dict[str, Callable[[CallRecord], Any]] = {
    "call": lambda call: call.index,
    "line": lambda call: call.span.line if call.span else None,
    "layer": lambda call: call.layer,
    "op": lambda call: call.op,
    "parent": lambda call: call.parent,
    "replica": lambda call: call.replica,
    "mode": lambda call: call.mode.value,
    "input_shape": _inputs,
    "kernel_shape": lambda call: call.kernel,
    **{name: _option(name) for name in ("strides", "padding", "dilation_rate", "groups", "data_format")},
    "dtype": lambda call: call.dtype,
    "expected_shape": lambda call: call.expected,
    "output_shape": lambda call: call.output,
    "params": lambda call: call.cost.params,
    "macs": lambda call: call.cost.macs,
    "receptive_field": lambda call: call.cost.receptive_field,
    "output_bytes": lambda call: call.cost.output_bytes,
    "count": lambda call: call.count,
    "traces": lambda call: call.tracing.times if call.tracing else None,
    "seconds": lambda call: call.cost.seconds,
}
