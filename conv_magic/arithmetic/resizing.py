"""Work out the output shapes where spatial axes are padded, cropped or repeated."""

from __future__ import annotations

from collections.abc import Sequence

from conv_magic.arithmetic.axes import Ints, check_rank, dimensions_of, pairs, per_axis, replaced, spatial_axes
from conv_magic.arithmetic.problems import Reason, ShapeProblem
from conv_magic.model.shapes import DataFormat, Shape


def zero_padding_output_shape(
    input_shape: Shape, padding: Ints | Sequence[Sequence[int]] = 1, data_format: DataFormat = "channels_last"
) -> Shape:
    """Return the output shape of `ZeroPadding1D/2D/3D`; `padding` in any form that Keras takes.

    Raises `ShapeProblem`: RANK, OPTION.
    """
    dimensions = _dimensions_resized(input_shape, padding)
    added = [before + after for before, after in pairs(padding, dimensions, "padding")]
    check_rank(input_shape, dimensions, data_format, f"a {dimensions}-D zero padding")
    axes = spatial_axes(len(input_shape), dimensions, data_format)
    return replaced(input_shape, axes, [_plus(input_shape[a], n) for a, n in zip(axes, added, strict=True)])


def cropping_output_shape(
    input_shape: Shape, cropping: Ints | Sequence[Sequence[int]] = 1, data_format: DataFormat = "channels_last"
) -> Shape:
    """Return the output shape of `Cropping1D/2D/3D`; `cropping` in any form that Keras takes.

    Raises `ShapeProblem`: RANK, OPTION, CROPPING where nothing would be left.
    """
    dimensions = _dimensions_resized(input_shape, cropping)
    cut = [before + after for before, after in pairs(cropping, dimensions, "cropping")]
    check_rank(input_shape, dimensions, data_format, f"a {dimensions}-D cropping")
    axes = spatial_axes(len(input_shape), dimensions, data_format)
    sizes = [_plus(input_shape[a], -n) for a, n in zip(axes, cut, strict=True)]
    empty = [axis for axis, size in zip(axes, sizes, strict=True) if size is not None and size < 1]
    if empty:
        raise ShapeProblem(
            f"cropping takes {cut[empty[0] - axes[0]]} from axis {empty[0]} of {input_shape} and leaves nothing",
            Reason.CROPPING,
            empty[0],
            expected=replaced(input_shape, empty, [cut[axis - axes[0]] + 1 for axis in empty]),
            actual=input_shape,
        )
    return replaced(input_shape, axes, sizes)


def up_sampling_output_shape(input_shape: Shape, size: Ints = 2, data_format: DataFormat = "channels_last") -> Shape:
    """Return the output shape of `UpSampling1D/2D/3D`: each spatial axis `size` times as long.

    Raises `ShapeProblem`: RANK, OPTION.
    """
    dimensions = dimensions_of(input_shape, size)
    factors = per_axis(size, dimensions, "size")
    check_rank(input_shape, dimensions, data_format, f"a {dimensions}-D up-sampling")
    axes = spatial_axes(len(input_shape), dimensions, data_format)
    old = [input_shape[axis] for axis in axes]
    return replaced(input_shape, axes, [None if n is None else n * f for n, f in zip(old, factors, strict=True)])


def _dimensions_resized(input_shape: Shape, value: Ints | Sequence[Sequence[int]]) -> int:
    """Return `dimensions_of`, but 1 for two plain numbers on an input with one spatial axis: they are a pair."""
    flat = isinstance(value, Sequence) and len(value) == 2 and not isinstance(value[0], Sequence)
    return 1 if flat and len(input_shape) == 3 else dimensions_of(input_shape, value)


def _plus(size: int | None, change: int) -> int | None:
    return None if size is None else size + change
