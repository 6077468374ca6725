"""Repairs of the `data_format` of a call whose data has its channels on the other side."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.arguments import option_of
from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.operands import codes_of
from conv_magic.model.calls import CallRecord
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import data_format_of
from conv_magic.model.positions import Edit
from conv_magic.model.trace import Trace
from conv_magic.text.edits import bracketed, fix
from conv_magic.text.source import Code, called_name

_OTHER = {
    "NCHW": "NHWC", "NCW": "NWC", "NCDHW": "NDHWC", "channels_first": "channels_last",
}  # fmt: skip
_PER_AXIS = ("strides", "dilations", "ksize")


def data_format_repaired(call: CallRecord, trace: Trace, axis: int, want: int | None) -> Iterator[Fix]:
    """State channels-last for a channels-first call on data whose last axis has the channels it needs."""
    site = call_site_of(call, trace)
    if site is None or axis != 1 or data_format_of(call) != "channels_first" or call.inputs[0][-1] != want:
        return
    code, node = site
    given = option_of(node, "data_format", call.op)
    literal = next((o for o in definitions_of(code, given) if isinstance(o, ast.Constant)), None) if given else None
    other = _OTHER.get(str(literal.value)) if literal is not None else None
    if literal is not None and other is not None:
        quote = code.text_of(literal)[-1]
        edits = [code.replace(literal, f"{quote}{other}{quote}"), *_channel_entries_last(code, node)]
        yield fix(f"say {other}, which the data is", code, edits, Applicability.SURE)


def channels_last_set(call: CallRecord, trace: Trace) -> Iterator[Fix]:
    """Set channels-last for the whole program, where it is set otherwise and the images have their colours last."""
    colours = call.inputs[0][-1:] in ((1,), (3,), (4,)) and call.inputs[0][1] not in (1, 3, 4)
    if data_format_of(call) != "channels_first" or not colours:
        return
    for code in codes_of(trace):
        for node in code.nodes:
            if isinstance(node, ast.Call) and called_name(node) == "set_image_data_format" and node.args:
                given = node.args[0]
                if isinstance(given, ast.Constant) and given.value == "channels_first":
                    edit = code.replace(given, '"channels_last"')
                    yield fix("set channels_last, which the images are", code, [edit], Applicability.SURE)
                    return


def _channel_entries_last(code: Code, node: ast.Call) -> Iterator[Edit]:
    """Move the channels' entry of options that have one for each axis to the end."""
    for name in _PER_AXIS:
        given = next((k.value for k in node.keywords if k.arg == name), None)
        if isinstance(given, ast.List | ast.Tuple) and len(given.elts) > 3:
            texts = [code.text_of(element) for element in given.elts]
            moved = [texts[0], *texts[2:], texts[1]]
            if moved != texts:
                yield code.replace(given, bracketed(given, moved))
