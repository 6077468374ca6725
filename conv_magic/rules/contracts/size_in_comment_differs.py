"""A comment beside a layer states the size that it would give with padding, and it does not pad.

What: the line says `# 64x64`; the map is 62 x 62, and with `padding="same"` it would be 64 x 64.
Why: one of several similar layers was left without its padding; nothing raises until sizes are compared.
Example:

    layers.Conv2D(16, 3, activation="relu"),                  # 64x64

Use instead:

    layers.Conv2D(16, 3, padding="same", activation="relu"),  # 64x64

Fix safety: only where the comment is a size and nothing else, padding gives exactly that size, and another line's
comment shows that outputs are meant, not inputs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from conv_magic.analysis.arguments import with_option
from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.expected_outputs import output_for
from conv_magic.analysis.operands import origin_of
from conv_magic.analysis.what_if import padding_changes
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability
from conv_magic.model.naming import axis_names, name_of, spelled
from conv_magic.model.options import PoolOptions
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix

code = "size-in-comment-differs"

_IMPORTS = "import keras\nfrom keras import layers\nx = keras.Input((32, 32, 3))\n"
VALID: tuple[str, ...] = (
    _IMPORTS + "y = layers.Conv2D(8, 3)(x)  # 30x30x8\nz = layers.Conv2D(8, 3)(x)  # 3x3\n"
    "w = layers.Conv2D(8, 3)(x)  # from 32x32\nv = layers.MaxPooling2D(3)(x)  # 32x32\n",
    _IMPORTS + "y = layers.Conv2D(8, 3)(x)  # 32x32\nz = layers.Conv2D(8, 3)(y)  # 30x30\n",  # what goes in
)
INVALID: tuple[str, ...] = (
    _IMPORTS + "x = layers.UpSampling2D()(x)  # 64x64\ny = layers.Conv2D(8, 3)(x)  # 64x64x8\n",
    _IMPORTS + "net = keras.Sequential([\n    keras.Input((21, 21, 1)),\n"
    "    layers.Conv2D(4, 5, strides=2),  # 11x11\n    layers.Conv2D(2, 3),  # 7x7x2\n])\n",
)
_SIZE = re.compile(r"^[\s,\])}]*#\s*(?:->|→)?\s*\(?(\d+)\s*[x×]\s*(\d+)(?:\s*[x×]\s*(\d+))?\)?\s*$")


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Warn where padding would give the size that stands alone in the comment of the layer's line."""
    if call.outcome is not Outcome.RETURNED or call.layer is None or call.output is None or len(call.output) != 4:
        return
    site, change = call_site_of(call, trace), next(padding_changes(call), None)
    stated = _size_in_comment(call, trace) if change is not None and not isinstance(call.options, PoolOptions) else None
    if site is None or change is None or stated is None:
        return
    padded = output_for(replace(call, options=change.options), call.inputs[0])
    if padded is None or not _is_padded_size(stated, padded, call):
        return
    if not any(_states_output(other, trace) for other in trace.calls):
        return
    edit = with_option(*site, "padding", '"same"', call.op)
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} gives {spelled(call.output)}, and its line states {stated[1]} x {stated[2]}",
        reasons=("padding is valid: the border that the kernel cannot cover is lost",),
        expected=padded,
        actual=call.output,
        axes=(1, 2),
        axis_names=axis_names(4),
        origin=origin_of(call, trace),
        fixes=(fix('pad the input: padding="same"', site[0], [edit], Applicability.SURE, padded),),
    )


def _size_in_comment(call: CallRecord, trace: Trace) -> re.Match[str] | None:
    """Return the size that stands alone in the comment behind a layer, or behind its call on a value; else None."""
    site = call_site_of(call, trace) if call.layer is not None else None
    if site is None:
        return None
    cell, node = site
    line, end = cell.code_line(node.end_lineno or 0), node.end_col_offset or 0
    return _SIZE.match(re.sub(r"^\(\w*\)", "", line.encode()[end:].decode(errors="ignore")))


def _is_padded_size(stated: re.Match[str], padded: Shape, call: CallRecord) -> bool:
    """Check whether the comment's numbers are the padded output's, and neither the window's nor the actual ones."""
    size, options = (int(stated[1]), int(stated[2])), call.options
    if getattr(options, "data_format", "") != "channels_last" or size == getattr(options, "kernel_size", ()):
        return False
    actual = call.output[1:3] if call.output else ()
    return size == padded[1:3] != actual and (stated[3] is None or int(stated[3]) == padded[3])


def _states_output(call: CallRecord, trace: Trace) -> bool:
    """Check whether a layer's comment states its output and not its input: so the cell's comments are about outputs."""
    if call.layer is None or call.output is None or len(call.output) != 4 or not call.inputs:
        return False
    if call.inputs[0][1:3] == call.output[1:3] or (stated := _size_in_comment(call, trace)) is None:
        return False
    return (int(stated[1]), int(stated[2])) == call.output[1:3]
