"""The filter's axes stand in another order than TensorFlow's, or filter and image were exchanged.

What: `tf.nn.conv2d` takes a filter of (height, width, in, out), `conv2d_transpose` one of (height, width, out, in).
Why: PyTorch keeps (out, in, height, width); the last two axes are easily given in the order of the other function;
and both image and filter are just tensors, so that nothing but the order of the arguments tells them apart.
Example:

    weight = torch_conv.weight.numpy()                     # (8, 3, 5, 5)
    tf.nn.conv2d(photo, weight, 1, "SAME")

Use instead:

    tf.nn.conv2d(photo, tf.transpose(weight, [2, 3, 1, 0]), 1, "SAME")

Fix safety: no number is changed, only the order of axes or of arguments, and only where the call is then possible.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace

from conv_magic import arithmetic
from conv_magic.analysis.arguments import option_of
from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.operands import origin_of
from conv_magic.analysis.shape_literals import reordered, shape_literals, transposing
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import channel_axis, filter_axes, name_of, spelled
from conv_magic.model.options import ConvOptions, ConvTransposeOptions, DepthwiseConvOptions
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, wrapped
from conv_magic.text.source import Code

code = "filter-layout"

Filtered = ConvOptions | DepthwiseConvOptions | ConvTransposeOptions

VALID: tuple[str, ...] = (
    "import tensorflow as tf\ny = tf.nn.conv2d(tf.zeros((1, 9, 9, 3)), tf.zeros((5, 5, 3, 8)), 1, 'SAME')\n",
    "import tensorflow as tf\n"
    "y = tf.nn.conv2d_transpose(tf.zeros((1, 9, 9, 8)), tf.zeros((3, 3, 4, 8)), [1, 18, 18, 4], 2)\n",
    "import tensorflow as tf\ny = tf.nn.conv2d(tf.zeros((1, 9, 9, 3)), tf.zeros((1, 3, 3, 3)), 1, 'SAME')\n",
)
INVALID: tuple[str, ...] = (
    "import numpy as np\nimport tensorflow as tf\n"
    "weight = np.ones((16, 4, 7, 7), 'float32')\n"
    "y = tf.nn.conv2d(tf.zeros((2, 20, 20, 4)), weight, 2, 'SAME')\n",
    "import tensorflow as tf\n"
    "up = tf.zeros((1, 6, 6, 10))\n"
    "filters = tf.Variable(tf.random.normal([3, 3, 10, 5]))\n"
    "y = tf.nn.conv2d_transpose(up, filters, [1, 12, 12, 5], 2)\n",
    "import tensorflow as tf\n"
    "picture, sobel = tf.zeros((1, 30, 40, 1)), tf.zeros((3, 3, 1, 2))\n"
    "y = tf.nn.conv2d(sobel, picture, 1, 'SAME')\n",
    "import tensorflow as tf\n"
    "weight = tf.zeros((64, 3, 3, 3))\n"
    "y = tf.nn.conv2d(tf.zeros((1, 80, 80, 3)), weight, 1, 'SAME')\n",
)
_MANY = 16


@dataclass(frozen=True)
class _Order:
    """An order of a filter's axes; `before` and `after` name the axes as they are and as they should be."""

    axes: tuple[int, ...]
    before: str
    after: str


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Diagnose a `tf.nn` filter whose axes are in another order; where it ran, only one that can hardly be meant."""
    options, kernel = call.options, call.kernel
    if call.layer is not None or not isinstance(options, Filtered) or kernel is None or not call.inputs:
        return
    ran = call.outcome is Outcome.RETURNED
    if ran and not _has_order_of_pytorch(call, kernel):
        return
    site = call_site_of(call, trace)
    fixes = tuple(_fixes(call, trace, options, site, ran=ran)) if site else ()
    if not fixes or (not ran and _is_possible(options, call.inputs[0], kernel)):
        return
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} takes a filter of ({_filter_axes(options)}); this one is {spelled(kernel)}",
        reasons=_reasons(call, options, kernel, ran=ran),
        actual=call.inputs[0],
        origin=origin_of(call, trace),
        fixes=fixes,
    )


def _filter_axes(options: Filtered) -> str:
    spatial = filter_axes(len(options.kernel_size))
    match options:
        case ConvTransposeOptions():
            return f"{spatial}, out, in"
        case DepthwiseConvOptions():
            return f"{spatial}, in, multiplier"
    return f"{spatial}, in, out"


def _reasons(call: CallRecord, options: Filtered, kernel: Shape, *, ran: bool) -> Iterator[str]:
    axis = -1 if isinstance(options, ConvTransposeOptions) else -2
    have = call.inputs[0][channel_axis(call, len(call.inputs[0]))]
    if ran:
        sizes = " x ".join(map(str, kernel[: len(options.kernel_size)]))
        yield f"so its window is {sizes} and it makes {kernel[-1]} channels"
        yield "PyTorch's order is (out, in, height, width)"
    else:
        yield f"in that order it is made for {kernel[axis]} channels; the input {spelled(call.inputs[0])} has {have}"


def _has_order_of_pytorch(call: CallRecord, kernel: Shape) -> bool:
    """Check for a PyTorch filter that fits by chance: a window of 64 x 3 that makes 3 channels of 3."""
    if not isinstance(call.options, ConvOptions) or len(kernel) != 4 or None in kernel:
        return False
    outputs, inputs, height, width = (size or 0 for size in kernel)
    channels = call.inputs[0][channel_axis(call, len(call.inputs[0]))]
    return height == width == inputs == channels and height > 1 and outputs >= max(_MANY, 4 * inputs)


def _is_possible(options: Filtered, shape: Shape, kernel: Shape) -> bool:
    """Check whether the call works with that filter, used on all channels at once."""
    n = len(options.kernel_size)
    if len(kernel) != n + 2 or None in kernel:
        return False
    sizes, inner, outer = kernel[:n], kernel[n], kernel[n + 1]
    channels = shape[1] if options.data_format == "channels_first" else shape[-1]
    changed: Filtered
    if isinstance(options, ConvOptions):
        changed, takes = replace(options, kernel_size=sizes, filters=outer, groups=1), inner  # type: ignore[arg-type]  # no None
    elif isinstance(options, ConvTransposeOptions):
        changed, takes = replace(options, kernel_size=sizes, filters=inner), outer  # type: ignore[arg-type]
    else:
        changed, takes = replace(options, kernel_size=sizes, depth_multiplier=outer), inner  # type: ignore[arg-type]
    try:
        arithmetic.expected_shape(changed, (shape,), kernel)
    except arithmetic.ShapeProblem:
        return False
    return channels is None or takes == channels


def _possible_orders(options: Filtered) -> Iterator[_Order]:
    n = len(options.kernel_size)
    names = filter_axes(n)
    spatial = tuple(range(n))
    later = tuple(range(2, n + 2))
    if isinstance(options, DepthwiseConvOptions):
        yield _Order((*spatial, n + 1, n), f"{names}, multiplier, in", f"{names}, in, multiplier")
        yield _Order((*later, 0, 1), f"in, multiplier, {names}", f"{names}, in, multiplier")
        return
    first, last = ("in", "out") if isinstance(options, ConvTransposeOptions) else ("out", "in")
    yield _Order((*spatial, n + 1, n), f"{names}, {first}, {last}", f"{names}, {last}, {first}")
    yield _Order((*later, 1, 0), f"{first}, {last}, {names}", f"{names}, {last}, {first}")


def _fixes(
    call: CallRecord, trace: Trace, options: Filtered, site: tuple[Code, ast.Call], *, ran: bool
) -> Iterator[Fix]:
    cell, node = site
    image, filters = option_of(node, "input", call.op), option_of(node, "filters", call.op)
    if filters is None or image is None or call.kernel is None:
        return
    shape = call.inputs[0]
    n = len(options.kernel_size)
    if (
        not ran
        and isinstance(options, ConvOptions)
        and _is_possible(options, call.kernel, shape)
        and (set(call.kernel[:n]) == {1} or _is_as_square(shape[:n], call.kernel[:n]))
    ):
        edits = [cell.replace(image, cell.text_of(filters)), cell.replace(filters, cell.text_of(image))]
        title = "give the image first and the filter second"
        yield fix(title, cell, edits, Applicability.SURE, _conv_output(options, call.kernel, shape))
    for order in _possible_orders(options):
        kernel = tuple(call.kernel[axis] for axis in order.axes)
        plain = call.kernel[-2:] == (1, 1) and call.kernel[0] == call.kernel[1]  # a blur or an edge filter
        likely = _is_as_square(kernel[:n], call.kernel[:n]) and not plain
        if likely and _is_possible(options, shape, kernel) and not (ran and order.axes[0] == 0):
            yield from _with_order(cell, trace, filters, order, call.kernel, _conv_output(options, shape, kernel))
            return


def _is_as_square(window: Shape, written: Shape) -> bool:
    """Check whether another order has a window with no more different sizes than the one written.

    A window of 3 x 3 was meant as such; 1 x 1 tells nothing, it may be the first axes of an image.
    """
    return set(written) == {1} or len(set(window)) <= len(set(written))


def _with_order(
    cell: Code, trace: Trace, filters: ast.expr, order: _Order, kernel: Shape, output: Shape | None
) -> Iterator[Fix]:
    title = f"reorder the filter from ({order.before}) to ({order.after})"
    sure = Applicability.SURE
    if order.axes[0] == 0:  # only the last two: where the filter is made from a written shape, there
        for literal in shape_literals(cell, trace, filters, kernel):
            yield fix(title, cell, [cell.replace(literal, reordered(cell, literal, order.axes))], sure, output)
            break
    around = transposing(cell, order.axes)
    if around is not None:
        yield fix(title, cell, [wrapped(cell, filters, *around)], sure, output)


def _conv_output(options: Filtered, shape: Shape, kernel: Shape) -> Shape | None:
    if not isinstance(options, ConvOptions):
        return None
    n = len(options.kernel_size)
    changed = replace(options, kernel_size=kernel[:n], filters=kernel[-1], groups=1)  # type: ignore[arg-type]  # no None
    return arithmetic.expected_shape(changed, (shape,), kernel)
