"""A comment beside a layer states the size that it would give with padding, and it does not pad.

What: the line says `# 64x64`; the map is 62 x 62, and with `padding="same"` it would be 64 x 64.
Why: one of several alike layers was left without its padding; nothing raises until sizes are compared.
Example:

    layers.Conv2D(16, 3, activation="relu"),                  # 64x64

Use instead:

    layers.Conv2D(16, 3, padding="same", activation="relu"),  # 64x64

Fix safety: only said where the comment is a size and nothing else, padding gives exactly that size, and another line's
comment shows that outputs are meant, not inputs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from conv_magic import arithmetic
from conv_magic.analysis.call_sites import call_site_of
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
from conv_magic.text.edits import fix, with_argument

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
    """A warning where padding would give the size that stands alone in the comment of the layer's line."""
    if call.outcome is not Outcome.RETURNED or call.layer is None or call.output is None or len(call.output) != 4:
        return
    made, change = call_site_of(call, trace), next(padding_changes(call), None)
    found = _stated(call, trace) if change is not None and not isinstance(call.options, PoolOptions) else None
    if made is None or change is None or found is None:
        return
    try:
        padded = arithmetic.expected_shape(change.options, call.inputs, call.kernel)
    except arithmetic.ShapeProblem:
        return
    if padded is None or not _means(found, padded, call) or not any(_holds(other, trace) for other in trace.calls):
        return
    edit = with_argument(*made, 3, "padding", '"same"')
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} gives {spelled(call.output)}, and its line states {found[1]} x {found[2]}",
        reasons=("padding is valid: the border that the kernel cannot cover is lost",),
        expected=padded,
        actual=call.output,
        axes=(1, 2),
        axis_names=axis_names(4),
        origin=origin_of(call, trace),
        fixes=(fix('pad the input: padding="same"', made[0], [edit], Applicability.SURE, padded),),
    )


def _stated(call: CallRecord, trace: Trace) -> re.Match[str] | None:
    """The size that stands alone in the comment behind a layer, or behind its call on a value."""
    made = call_site_of(call, trace) if call.layer is not None else None
    if made is None:
        return None
    line, end = made[0].code_line(made[1].end_lineno or 0), made[1].end_col_offset or 0
    return _SIZE.match(re.sub(r"^\(\w*\)", "", line.encode()[end:].decode(errors="ignore")))


def _means(found: re.Match[str], padded: Shape, call: CallRecord) -> bool:
    """Whether the comment's numbers are the padded output's, and neither the window's nor what came."""
    size, options = (int(found[1]), int(found[2])), call.options
    if getattr(options, "data_format", "") != "channels_last" or size == getattr(options, "kernel_size", ()):
        return False
    came = call.output[1:3] if call.output else ()
    return size == padded[1:3] != came and (found[3] is None or int(found[3]) == padded[3])


def _holds(call: CallRecord, trace: Trace) -> bool:
    """Whether a layer's comment states its output and not its input: so the cell's comments are about outputs."""
    if call.layer is None or call.output is None or len(call.output) != 4 or not call.inputs:
        return False
    if call.inputs[0][1:3] == call.output[1:3] or (found := _stated(call, trace)) is None:
        return False
    return (int(found[1]), int(found[2])) == call.output[1:3]
