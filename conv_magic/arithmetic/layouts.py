"""Work out the output shapes of dense, flatten and reshape."""

from __future__ import annotations

from math import prod

from conv_magic.arithmetic.axes import replaced
from conv_magic.arithmetic.convolutions import check_channels
from conv_magic.arithmetic.problems import Reason, ShapeProblem
from conv_magic.model.shapes import Shape


def dense_output_shape(input_shape: Shape, units: int, kernel_channels: int | None = None) -> Shape:
    """Return the output shape of `Dense`: the last axis becomes `units`.

    `kernel_channels` is the length that the kernel is made for, `kernel.shape[0]`, where it exists.
    Raises `ShapeProblem`: RANK, CHANNELS, OPTION.
    """
    if units < 1:
        raise ShapeProblem(f"units is {units}, but must be at least 1", Reason.OPTION)
    if len(input_shape) < 2:
        raise ShapeProblem(
            f"the input {input_shape} has too few axes, but a dense layer needs at least (batch, features)",
            Reason.RANK,
            expected=(None, kernel_channels),
            actual=input_shape,
        )
    check_channels(input_shape, len(input_shape) - 1, kernel_channels)
    return (*input_shape[:-1], units)


def flatten_output_shape(input_shape: Shape) -> Shape:
    """Return the output shape of `Flatten`: (batch, product of the rest), in either data format.

    Raises `ShapeProblem` (RANK) for a scalar.
    """
    if not input_shape:
        raise ShapeProblem("the input is a scalar, but flatten needs a batch axis", Reason.RANK, actual=input_shape)
    return input_shape[0], product(input_shape[1:])


def reshape_output_shape(input_shape: Shape, target_shape: tuple[int, ...]) -> Shape:
    """Return the output shape of `Reshape`: (batch, *target_shape), a -1 worked out if the input is known.

    Raises `ShapeProblem`: RANK for a scalar, OPTION for a wrong target, SIZES where the elements do not come out even.
    """
    if not input_shape:
        raise ShapeProblem("the input is a scalar, but reshape needs a batch axis", Reason.RANK, actual=input_shape)
    if min(target_shape, default=0) < -1 or target_shape.count(-1) > 1:
        raise ShapeProblem(f"target_shape {target_shape} has a size below -1 or more than one -1", Reason.OPTION)
    elements = product(input_shape[1:])
    target = tuple(None if size == -1 else size for size in target_shape)
    if elements is None:
        return (input_shape[0], *target)
    if None not in target:
        _check_elements(input_shape, target_shape, elements, fits=elements == prod(target_shape))
        return (input_shape[0], *target)
    known = -prod(target_shape)
    _check_elements(input_shape, target_shape, elements, fits=known > 0 and elements % known == 0)
    return (input_shape[0], *replaced(target, [target.index(None)], [elements // known]))


def product(sizes: Shape) -> int | None:
    """Return the number of elements, None if a size is unknown."""
    known = [size for size in sizes if size is not None]
    return prod(known) if len(known) == len(sizes) else None


def _check_elements(input_shape: Shape, target_shape: tuple[int, ...], elements: int, *, fits: bool) -> None:
    """Raise `ShapeProblem` (SIZES) unless the elements fit the target shape."""
    if not fits:
        raise ShapeProblem(
            f"the {elements} elements of each example of {input_shape} cannot be laid out as {target_shape}",
            Reason.SIZES,
            actual=input_shape,
        )
