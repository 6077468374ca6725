"""Work out which option, or which input, gives a wanted output shape.

In a wanted shape None stands for any size.  An answer is given only if it is sure: every size that is wanted
along a spatial axis is known to result.  Each function returns all its answers, the nearest to what is
written first, and an empty tuple where there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from conv_magic.arithmetic.axes import spatial_axes
from conv_magic.arithmetic.expected import expected_shape
from conv_magic.arithmetic.problems import ShapeProblem
from conv_magic.arithmetic.windows import PADDING_WORDS, Window, WindowOptions, windows_of
from conv_magic.model.options import ConvOptions, ConvTransposeOptions, DepthwiseConvOptions, PoolOptions
from conv_magic.model.shapes import Pairs, Shape

Axes = list[tuple[Window, int | None, int | None]]
"""For each spatial axis its window, the input's size and the wanted one."""


def paddings_giving(input_shape: Shape, options: WindowOptions, output_shape: Shape) -> tuple[str | Pairs, ...]:
    """Return the paddings that give `output_shape`: words, or, if no word does, the least (before, after) pairs.

    Pairs are found for convolutions only; an odd number goes after, as SAME does.
    """
    words = PADDING_WORDS if isinstance(options, ConvOptions) and len(options.kernel_size) == 1 else PADDING_WORDS[:2]
    fitting = tuple(word for word in words if _gives(replace(options, padding=word), input_shape, output_shape))
    if fitting or not isinstance(options, ConvOptions | DepthwiseConvOptions):
        return fitting
    pairs = tuple(_least_padding(*axis) for axis in _axes_wanted(input_shape, options, output_shape))
    return (pairs,) if _gives(replace(options, padding=pairs), input_shape, output_shape) else ()


def strides_giving(input_shape: Shape, options: WindowOptions, output_shape: Shape) -> tuple[tuple[int, ...], ...]:
    """Return the strides that give `output_shape`: equal on all axes, or, if none is, the nearest on each axis.

    Looked for up to the larger of the input's and the wanted size.
    """
    found = _choices(_axes_wanted(input_shape, options, output_shape), "stride", options)
    changed = [(strides, replace(options, strides=strides)) for strides in found]
    return tuple(strides for strides, option in changed if _gives(option, input_shape, output_shape))


def kernel_sizes_giving(input_shape: Shape, options: WindowOptions, output_shape: Shape) -> tuple[tuple[int, ...], ...]:
    """Return the kernel (or pool) sizes that give `output_shape`, chosen as in `strides_giving`.

    Under SAME the size of the kernel changes nothing: then all are answers, or none.
    """
    found = _choices(_axes_wanted(input_shape, options, output_shape), "kernel_size", options)
    changed = [
        (sizes, replace(options, pool_size=sizes))
        if isinstance(options, PoolOptions)
        else (sizes, replace(options, kernel_size=sizes))
        for sizes in found
    ]
    return tuple(sizes for sizes, option in changed if _gives(option, input_shape, output_shape))


def output_padding_giving(
    input_shape: Shape, options: ConvTransposeOptions, output_shape: Shape
) -> tuple[tuple[int, ...], ...]:
    """Return the `output_padding` with which a transposed convolution gives `output_shape`, one at most."""
    found: list[int] = []
    for window, size, wanted in _axes_wanted(input_shape, options, output_shape):
        if size is None or wanted is None:
            found.append(0)
        else:
            found.append(wanted - window.transposed_size(size, 0))
    answer = tuple(found)
    changed = replace(options, output_padding=answer, output_shape=None)
    return (answer,) if _gives(changed, input_shape, output_shape) else ()


def poolings_until_collapse(
    size: int, pool_size: int = 2, strides: int | None = None, padding: Literal["valid", "same"] = "valid"
) -> tuple[int, ...]:
    """Return the sizes after one, two, ... equal poolings, until the next is impossible or changes nothing.

    Its length says how many poolings fit: 28 gives (14, 7, 3, 1).  `strides` None means `pool_size`.
    """
    window = Window(pool_size, pool_size if strides is None else strides, padding)
    sizes = [size]
    while sizes[-1] >= window.least_size and window.output_size(sizes[-1]) < sizes[-1]:
        sizes.append(window.output_size(sizes[-1]))
    return tuple(sizes[1:])


def input_sizes_giving(output_size: int, windows: Sequence[Window]) -> tuple[int, ...]:
    """Return the input sizes, smallest first, from which a chain of windows on one axis makes `output_size`.

    `windows` go from the input to the output.  Output sizes grow with input sizes in steps of at most one, so what
    leads into an interval is an interval.
    """
    low, high = output_size, output_size
    for window in reversed(windows):
        shift = 1 if window.added is None else window.span - window.added
        low = max((low - 1) * window.stride + shift, 1)
        high = high * window.stride + shift - 1
    return tuple(range(low, high + 1)) if output_size > 0 else ()


def sizes_divisible_by(size: int, factor: int) -> tuple[int, ...]:
    """Return `size` if `factor` divides it, else the nearest sizes below (unless 0) and above that it divides."""
    below = size - size % factor
    if below == size:
        return (size,)
    return tuple(near for near in (below, below + factor) if near > 0)


def _axes_wanted(input_shape: Shape, options: WindowOptions, output_shape: Shape) -> Axes:
    """Return window, input size and wanted size of each spatial axis, empty if the ranks do not fit."""
    axis_windows = windows_of(options)
    if len(output_shape) != len(input_shape) or len(input_shape) < len(axis_windows) + 2:
        return []
    axes = spatial_axes(len(input_shape), len(axis_windows), options.data_format)
    return [(window, input_shape[axis], output_shape[axis]) for window, axis in zip(axis_windows, axes, strict=True)]


def _gives(options: WindowOptions, input_shape: Shape, output_shape: Shape) -> bool:
    """Check whether the call surely gives the wanted spatial sizes, and does not contradict the others."""
    try:
        result = expected_shape(options, (input_shape,))
    except ShapeProblem:
        return False
    if result is None or len(result) != len(output_shape):
        return False
    spatial = spatial_axes(len(result), len(windows_of(options)), options.data_format)
    return all(
        wanted is None or size == wanted or (size is None and axis not in spatial)
        for axis, (size, wanted) in enumerate(zip(result, output_shape, strict=True))
    )


def _least_padding(window: Window, size: int | None, wanted: int | None) -> tuple[int, int]:
    """Return the least padding (before, after) that gives the wanted size."""
    if size is None or wanted is None:
        return 0, 0
    total = max((wanted - 1) * window.stride + window.span - size, 0)
    return total // 2, total - total // 2


def _choices(axes: Axes, field: Literal["stride", "kernel_size"], options: WindowOptions) -> list[tuple[int, ...]]:
    """Return values of `field` that may do, one number for each axis: equal ones, or else the nearest on each."""
    limit = max((n for _, size, wanted in axes for n in (size, wanted) if n is not None), default=1)
    extra = options.output_padding if isinstance(options, ConvTransposeOptions) else None
    candidates = [
        [
            value
            for value in sorted(range(1, limit + 1), key=lambda value: abs(value - getattr(window, field)))
            if _gives_size(_with_field(window, field, value), size, wanted, options, extra[index] if extra else None)
        ]
        for index, (window, size, wanted) in enumerate(axes)
    ]
    if not candidates or not all(candidates):
        return []
    equal = [value for value in candidates[0] if all(value in values for values in candidates[1:])]
    return [(value,) * len(candidates) for value in equal] or [tuple(values[0] for values in candidates)]


def _with_field(window: Window, field: Literal["stride", "kernel_size"], value: int) -> Window:
    return window._replace(stride=value) if field == "stride" else window._replace(kernel_size=value)


def _gives_size(
    window: Window, size: int | None, wanted: int | None, options: WindowOptions, output_padding: int | None
) -> bool:
    """Check whether a window turns `size` into `wanted`; an unknown input size gives only an unknown one."""
    if size is None or wanted is None:
        return wanted is None
    if isinstance(options, ConvTransposeOptions):
        stated = options.output_shape is not None
        result = wanted if stated else window.transposed_size(size, output_padding)
        return result == wanted and window.output_size(result) == size
    return window.output_size(size) == wanted
