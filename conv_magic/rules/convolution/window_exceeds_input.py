"""The window does not fit on the input.

What: with `padding="valid"` a convolution or pooling needs an input at least as large as its (dilated) window.
Why: each valid convolution and each pooling shrinks the image; deep in a model little is left of a small one.
Example:

    layers.Conv2D(8, 5)(small)              # small is (None, 3, 3, 4)

Use instead:

    layers.Conv2D(8, 5, padding="same")(small)

Fix safety: `padding="same"` keeps kernel and filters and changes the output's size; a smaller kernel changes the
weights.  Which of the two was meant is the author's choice.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from conv_magic import arithmetic
from conv_magic.analysis.arguments import option_of, with_option
from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.expected_outputs import problem_of
from conv_magic.analysis.operands import origin_of
from conv_magic.analysis.shape_literals import shape_literals
from conv_magic.model.calls import CallRecord, Mode, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import axis_names, data_format_of, name_of, spelled
from conv_magic.model.options import ConvOptions, DepthwiseConvOptions, PoolOptions
from conv_magic.model.positions import Edit
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.fixes.data_formats import channels_last_set
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix
from conv_magic.text.source import Code

code = "window-exceeds-input"


VALID: tuple[str, ...] = (
    "import tensorflow as tf\ny = tf.nn.conv2d(tf.zeros((1, 5, 5, 1)), tf.zeros((5, 5, 1, 4)), 1, 'VALID')\n",
    "from keras import Input, layers\nx = Input((None, None, 3))\ny = layers.MaxPooling2D(8)(layers.Conv2D(4, 7)(x))\n",
)
INVALID: tuple[str, ...] = (
    "import keras\nfrom keras import layers\nkeras.backend.set_image_data_format('channels_first')\n"
    "try:\n    y = layers.Conv2D(8, 5)(keras.Input((12, 12, 3)))\n"
    "finally:\n    keras.config.set_image_data_format('channels_last')\n",
    "import tensorflow as tf\n"
    "small = tf.zeros((1, 3, 3, 2))\n"
    "y = tf.nn.conv2d(small, tf.zeros((5, 5, 2, 4)), strides=1, padding='VALID')\n",
    "import tensorflow as tf\n"
    "small = tf.zeros((1, 2, 2, 2))\n"
    "y = tf.nn.conv2d(small, tf.zeros((3, 3, 2, 4)), strides=1, padding='VALID')\n",
    "from keras import Input, layers\nx = Input((12, 12, 3))\n"
    "h = layers.MaxPooling2D(4)(x)\n"
    "y = layers.Conv2D(8, 5)(h)\n",
    "import keras\nfrom keras import layers\n"
    "model = keras.Sequential([\n"
    "    keras.Input((8, 8, 1)),\n"
    "    layers.Conv2D(4, 3),\n"
    "    layers.MaxPooling2D(3),\n"
    "    layers.Conv2D(8, kernel_size=(3, 3)),\n"
    "])\n",
)


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Diagnose a call that failed, or gave an empty result, because its window is larger than its input."""
    options = call.options
    if (
        (call.outcome not in (Outcome.RAISED, Outcome.GUARDED) and not _gave_nothing(call))
        or not isinstance(options, arithmetic.SlidingOptions)
        or not call.inputs
    ):
        return
    problem = problem_of(call, {arithmetic.Reason.WINDOW})
    if problem is None or problem.expected is None:
        return
    actual = call.inputs[0]
    axes = tuple(i for i, (have, want) in enumerate(zip(actual, problem.expected, strict=True)) if have != want)
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} cannot lay a window of {_by_sizes(_window_of(options))} "
        f"on an input of {_by_sizes(_spatial_sizes(call, options))}",
        reasons=_reasons(call, options),
        expected=problem.expected,
        actual=actual,
        axes=axes,
        axis_names=axis_names(len(actual), data_format_of(call)),
        origin=origin_of(call, trace),
        fixes=_fixes(call, options, trace),
    )


def _gave_nothing(call: CallRecord) -> bool:
    """Check for an empty result, which TensorFlow without oneDNN gives for a window one larger than its input."""
    if call.mode is not Mode.EAGER or not call.inputs or call.output is None:
        return False
    return 0 not in call.inputs[0] and 0 in call.output


def _window_of(options: arithmetic.SlidingOptions) -> tuple[int, ...]:
    if isinstance(options, PoolOptions):
        return options.pool_size
    pairs = zip(options.kernel_size, options.dilation_rate, strict=True)
    return tuple(arithmetic.effective_kernel_size(size, rate) for size, rate in pairs)


def _spatial_sizes(call: CallRecord, options: arithmetic.SlidingOptions) -> Shape:
    shape, n = call.inputs[0], len(_window_of(options))
    return shape[-n:] if options.data_format == "channels_first" else shape[-n - 1 : -1]


def _by_sizes(sizes: Shape) -> str:
    return " x ".join("?" if size is None else str(size) for size in sizes)


def _reasons(call: CallRecord, options: arithmetic.SlidingOptions) -> tuple[str, ...]:
    reasons = []
    for size, window, stride in zip(_spatial_sizes(call, options), _window_of(options), options.strides, strict=True):
        if size is not None and size < window:
            over = "" if stride == 1 else f" / {stride}"
            sum_ = f"({size} - {window}){over} + 1 = {(size - window) // stride + 1}"
            reasons.append(f"padding is valid, so the output's size would be {sum_}")
            break
    if not isinstance(options, PoolOptions) and max(options.dilation_rate) > 1:
        reasons.append(
            f"the kernel {_by_sizes(options.kernel_size)} reaches over {_by_sizes(_window_of(options))} by its dilation"
        )
    if call.outcome is Outcome.RETURNED:
        reasons.append(f"the result {spelled(call.output)} is empty")
    if call.outcome is Outcome.GUARDED:
        reasons.append("TensorFlow would have given a wrong result or ended the process here, so the call was not made")
    return tuple(reasons)


def _fixes(call: CallRecord, options: arithmetic.SlidingOptions, trace: Trace) -> Iterator[Fix]:
    site = call_site_of(call, trace)
    if site is None:
        return
    channels_last = list(channels_last_set(call, trace))
    if channels_last:
        yield from channels_last
        return
    yield _with_padding(call, options, *site)
    if isinstance(options, DepthwiseConvOptions):
        return
    for sizes in dict.fromkeys((_fitting(call, options, odd=True), _fitting(call, options, odd=False))):
        if sizes:
            yield from _smaller_window(call, options, trace, site, sizes)


def _with_padding(call: CallRecord, options: arithmetic.SlidingOptions, cell: Code, node: ast.Call) -> Fix:
    word = "same" if call.layer is not None else "SAME"
    edit = with_option(cell, node, "padding", f'"{word}"', call.op)
    predicted = arithmetic.expected_shape(replace(options, padding="same"), call.inputs, call.kernel)
    return fix(f'pad the input: padding="{word}"', cell, [edit], Applicability.CHOICE, predicted)


def _fitting(call: CallRecord, options: arithmetic.SlidingOptions, *, odd: bool) -> tuple[int, ...] | None:
    """Return the largest window that fits; if `odd`, of a kernel the largest odd one where there is a choice."""
    odd = odd and not isinstance(options, PoolOptions)
    sizes = []
    for size, window, full in zip(
        _spatial_sizes(call, options), arithmetic.kernel_sizes_of(options), _window_of(options), strict=True
    ):
        if size is None or full <= size:
            sizes.append(window)
        elif full != window:
            return None
        else:
            sizes.append(size - 1 if odd and window % 2 and size % 2 == 0 else size)
    return tuple(sizes) if all(size > 0 for size in sizes) else None


def _smaller_window(
    call: CallRecord,
    options: ConvOptions | PoolOptions,
    trace: Trace,
    site: tuple[Code, ast.Call],
    sizes: tuple[int, ...],
) -> Iterator[Fix]:
    text = str(sizes[0]) if len(set(sizes)) == 1 else spelled(sizes)
    if isinstance(options, PoolOptions):
        changed: ConvOptions | PoolOptions = replace(options, pool_size=sizes)
        title, name = f"pool over {_by_sizes(sizes)}", "pool_size"
    else:
        changed = replace(options, kernel_size=sizes)
        title, name = f"use a kernel of {_by_sizes(sizes)}", "kernel_size"
    if call.layer is not None:
        edits = [with_option(*site, name, text, call.op)]
        predicted = arithmetic.expected_shape(changed, call.inputs, None)
    else:
        edits, predicted = _smaller_kernel(call, trace, *site, sizes), None
    if edits:
        yield fix(title, site[0], edits, Applicability.CHOICE, predicted)


def _smaller_kernel(call: CallRecord, trace: Trace, cell: Code, node: ast.Call, sizes: tuple[int, ...]) -> list[Edit]:
    kernel = option_of(node, "filters", call.op)
    if call.kernel is None or kernel is None:
        return []
    for literal in shape_literals(cell, trace, kernel, call.kernel):
        pairs = zip(literal.elts, sizes, strict=False)
        return [cell.replace(number, str(size)) for number, size in pairs]
    return []
