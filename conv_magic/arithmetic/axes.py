"""Find what each axis means, and make options given once for all axes one for each.

Layouts: `channels_last` is (batch, *spatial, channels), `channels_first` (batch, channels, *spatial).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import index

from conv_magic.arithmetic.problems import Reason, ShapeProblem
from conv_magic.model.shapes import DataFormat, Pairs, Shape

Ints = int | Sequence[int]
"""One number for every spatial axis, or one for each."""

SPATIAL_NAMES = {1: ("steps",), 2: ("height", "width"), 3: ("depth", "height", "width")}


def spatial_axes(rank: int, dimensions: int, data_format: DataFormat) -> range:
    """Return the indices of the last `dimensions` spatial axes of a shape of `rank` axes."""
    end = rank - 1 if data_format == "channels_last" else rank
    return range(end - dimensions, end)


def channel_axis(rank: int, dimensions: int, data_format: DataFormat) -> int:
    """Return the index of the channel axis."""
    return rank - 1 if data_format == "channels_last" else rank - dimensions - 1


def replaced(shape: Shape, axes: Iterable[int], sizes: Iterable[int | None]) -> Shape:
    """Return `shape` with `sizes` at `axes`."""
    new = list(shape)
    for axis, size in zip(axes, sizes, strict=True):
        new[axis] = size
    return tuple(new)


def dimensions_of(input_shape: Shape, per_axis_option: object) -> int:
    """Return how many spatial axes a call has: the option's length, or what the input's rank leaves for a number."""
    if isinstance(per_axis_option, Sequence):
        return len(per_axis_option)
    return max(len(input_shape) - 2, 1)


def per_axis(value: Ints, dimensions: int, name: str, least: int = 1) -> tuple[int, ...]:
    """Return `value` as one number for each spatial axis, as Keras standardises it.

    Raises `ShapeProblem` if there are not as many numbers as axes, or one is below `least`.
    """
    try:
        numbers = tuple(map(index, value)) if isinstance(value, Sequence) else (index(value),) * dimensions
    except TypeError:
        raise ShapeProblem(f"{name} {value!r} has entries that are no whole numbers", Reason.OPTION) from None
    if len(numbers) != dimensions:
        raise ShapeProblem(f"{name} {numbers} has {len(numbers)} entries for {dimensions} axes", Reason.OPTION)
    if min(numbers, default=least) < least:
        reason = Reason.STRIDES if name == "strides" else Reason.OPTION
        raise ShapeProblem(f"{name} {numbers} has an entry below {least}", reason)
    return numbers


def pairs(value: Ints | Sequence[Sequence[int]], dimensions: int, name: str) -> Pairs:
    """Return `value` as (before, after) for each spatial axis.

    As `ZeroPadding` and `Cropping` take it: one number, one for each axis, or a pair for each axis; over one axis
    two numbers are a pair.  Raises `ShapeProblem` for another form or a negative entry.
    """
    if not isinstance(value, Sequence):
        value = (value,) * dimensions
    elif dimensions == 1 and len(value) == 2:
        value = (value,)  # type: ignore[assignment]  # two numbers: a sequence with one pair
    if len(value) != dimensions:
        raise ShapeProblem(f"{name} has {len(value)} entries for {dimensions} axes", Reason.OPTION)
    entries = tuple(per_axis(entry, 2, name, least=0) for entry in value)
    return tuple((before, after) for before, after in entries)


def check_rank(
    input_shape: Shape,
    dimensions: int,
    data_format: DataFormat,
    operation: str,
    *,
    channels: int | None = None,
    more: bool = False,
) -> None:
    """Raise `ShapeProblem` unless the input is a batch of `dimensions`-dimensional data with channels.

    `more` permits further batch axes in front, as `tf.nn.conv2d` does
    (https://www.tensorflow.org/api_docs/python/tf/nn/conv2d).
    """
    needed = dimensions + 2
    rank = len(input_shape)
    if rank == needed or (more and rank > needed):
        return
    names = list(SPATIAL_NAMES.get(dimensions, ("...",)))
    names = ["batch", *names, "channels"] if data_format == "channels_last" else ["batch", "channels", *names]
    raise ShapeProblem(
        f"the input {input_shape} has {_axes_in_words(rank)}, but {operation} needs {needed}: ({', '.join(names)})",
        Reason.RANK,
        expected=replaced((None,) * needed, [channel_axis(needed, dimensions, data_format)], [channels]),
        actual=input_shape,
    )


def _axes_in_words(rank: int) -> str:
    return "1 axis" if rank == 1 else f"{rank} axes"
