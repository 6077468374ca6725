"""Refuse calls that TensorFlow's kernels would not survive, or answer with rubbish, before TensorFlow gets them.

With oneDNN these abort or answer with zeros or with the input's own shape:
https://github.com/tensorflow/tensorflow/issues/111453, /89852, /95415, /111457, /112536.  Only calls that the
arithmetic finds impossible are refused.  Where oneDNN is off none is: TensorFlow itself raises for every one of them,
but for a window one larger than its input, of which it makes an empty result.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from conv_magic import arithmetic
from conv_magic.capture import capability
from conv_magic.capture.hooks.entry import Description
from conv_magic.capture.rows import Row
from conv_magic.model.options import ConvTransposeOptions, DepthwiseConvOptions
from conv_magic.model.shapes import Shape

# oneDNN does not always see that a transposed convolution cannot make the stated size
_REFUSED = {arithmetic.Reason.RANK, arithmetic.Reason.WINDOW, arithmetic.Reason.OUTPUT_SIZE}
_OF_SIZES = {arithmetic.Reason.CHANNELS, arithmetic.Reason.SIZES, arithmetic.Reason.OUTPUT_SIZE}


class ImpossibleCall(ValueError):
    """A call that TensorFlow would not survive; raised in its place."""


def refuse(row: Row) -> ImpossibleCall | None:
    """Return the error to raise instead of the call, None to let it pass."""
    known = row.description
    if known is None or not row.inputs or capability.onednn() is False:
        return None
    try:
        if known.options is not None:
            arithmetic.expected_shape(known.options, row.inputs, known.kernel)
    except arithmetic.ShapeProblem as problem:
        if problem.reason in _REFUSED or _ends_process_unchecked(problem, known, row.inputs):
            return ImpossibleCall(f"{known.op}: {problem}")
    return _malformed(row, known)


def _ends_process_unchecked(problem: arithmetic.ShapeProblem, known: Description, inputs: tuple[Shape, ...]) -> bool:
    """Check whether a size is zero or negative: oneDNN then returns or aborts before it checks anything else."""
    options = known.options
    if problem.reason is arithmetic.Reason.OPTION:
        padding = getattr(options, "padding", "")
        negative = not isinstance(padding, str) and min(size for pair in padding for size in pair) < 0
        return negative or _differs_beside_kernel(known, inputs)
    stated = getattr(options, "output_shape", None) or ()
    by_channels = problem.reason is arithmetic.Reason.CHANNELS  # found before the windows were looked at
    if by_channels and isinstance(options, DepthwiseConvOptions) and _exceeds(options, inputs[0]):
        return True
    return _has_empty_axis((*inputs, known.kernel or (), stated))


def _exceeds(options: DepthwiseConvOptions, shape: Shape) -> bool:
    """Check whether the window is larger than its input as well, whatever else was found first."""
    n = len(options.kernel_size)
    sizes = shape[-n:] if options.data_format == "channels_first" else shape[-n - 1 : -1]
    axis_windows = arithmetic.windows_of(options)
    return any(
        size is not None and window.output_size(size) < 1 for window, size in zip(axis_windows, sizes, strict=False)
    )


def _differs_beside_kernel(known: Description, inputs: tuple[Shape, ...]) -> bool:
    """Check whether a transposed convolution with an empty kernel, which gives zeros, states sizes that do not fit."""
    options = known.options
    if not isinstance(options, ConvTransposeOptions) or 0 not in options.kernel_size or options.output_shape is None:
        return False
    filled = replace(options, kernel_size=tuple(max(size, 1) for size in options.kernel_size))
    first = 2 if options.data_format == "channels_first" else 1
    empty = [index for index, size in enumerate(options.kernel_size) if size == 0]
    try:
        axis_windows = arithmetic.windows_of(filled)
        arithmetic.expected_shape(filled, inputs, known.kernel)
    except arithmetic.ShapeProblem as problem:
        if problem.reason in (arithmetic.Reason.STRIDES, arithmetic.Reason.RANK):
            return True
        if problem.reason in _OF_SIZES and problem.axis not in {first + index for index in empty}:
            return True
        if problem.reason is not arithmetic.Reason.OUTPUT_SIZE:
            return False
    alone = len(options.output_shape) == len(options.kernel_size)  # the spatial sizes may be stated alone
    for index in empty:
        size, given = options.output_shape[index if alone else first + index], inputs[0][first + index]
        if None not in (size, given) and axis_windows[index]._replace(kernel_size=0).output_size(size or 0) != given:
            return True
    return False


def _malformed(row: Row, known: Description) -> ImpossibleCall | None:
    """Return the error for a call that is wrong in several ways, of which one ends the process."""
    stated = getattr(row.callee, "output_shape", None)
    if isinstance(stated, tuple) and any(isinstance(size, int) and size < 0 for size in stated):
        return ImpossibleCall(f"{known.op}: output_shape {stated} has a negative size")
    kernel = known.kernel
    is_empty = kernel is not None and _has_empty_axis(
        (*row.inputs, kernel, stated if isinstance(stated, tuple) else ())
    )
    if known.accepts is None:
        impossible_rank = known.options is None and is_empty and kernel is not None and not 3 <= len(kernel) <= 5
        return ImpossibleCall(f"{known.op}: a kernel {kernel} of rank {len(kernel or ())}") if impossible_rank else None
    given, needed = len(row.inputs[0]), len(known.accepts)
    if isinstance(stated, tuple) and len(stated) != needed and (len(stated), needed) != (2, 4):
        return ImpossibleCall(f"{known.op}: output_shape {stated} has {len(stated)} entries, but {needed} are needed")
    for name in ("window", "strides"):
        steps = getattr(row.callee, name, None)
        if isinstance(steps, tuple) and len(steps) not in (1, needed - 2, needed):
            return ImpossibleCall(f"{known.op}: {name} {steps} has {len(steps)} entries for an input of rank {needed}")
    if given < needed or (given > needed and row.hook.name.startswith("tf.raw_ops.")):
        return ImpossibleCall(f"{known.op}: the input {row.inputs[0]} has rank {given}, but {needed} is needed")
    if known.options is None and is_empty and kernel is not None and len(kernel) != needed:
        return ImpossibleCall(f"{known.op}: the kernel {kernel} has rank {len(kernel)}, but {needed} is needed")
    return None


def _has_empty_axis(shapes: Iterable[Shape]) -> bool:
    return any(size is not None and size < 1 for shape in shapes for size in shape)
