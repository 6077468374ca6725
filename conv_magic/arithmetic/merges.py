"""Work out the output shapes where several inputs become one.

A size that is unknown in one input and settled by another one is settled in the output: after `Add` of
(None, 4) and (8, 4) the batch is 8.  Keras itself leaves some of those unknown.
"""

from __future__ import annotations

from collections.abc import Sequence

from conv_magic.arithmetic.axes import replaced
from conv_magic.arithmetic.problems import Reason, ShapeProblem
from conv_magic.model.shapes import Shape


def concatenate_output_shape(input_shapes: Sequence[Shape], axis: int = -1) -> Shape:
    """Return the output shape of `Concatenate`: sizes at `axis` are added, all others must be equal.

    Raises `ShapeProblem`: RANK, AXIS, SIZES; `ValueError` without inputs.
    """
    first = _first_input(input_shapes)
    rank = len(first)
    if not -rank <= axis < rank:
        raise ShapeProblem(f"the input {first} has no axis {axis} to concatenate along", Reason.AXIS, actual=first)
    joined = axis % rank
    common = replaced(first, [joined], [None])
    for index, shape in enumerate(input_shapes[1:], 1):
        pattern = replaced(common, [joined], [None])
        if len(shape) != rank:
            message = f"{shape} cannot be concatenated with {first}: they have {len(shape)} and {rank} axes"
            raise ShapeProblem(message, Reason.RANK, expected=pattern, actual=shape, index=index)
        common = tuple(
            None if a == joined else _equal(sizes, a, shape, index, replaced(common, [joined], [shape[joined]]))
            for a, sizes in enumerate(zip(common, shape, strict=True))
        )
    along = [shape[joined] for shape in input_shapes]
    known = [size for size in along if size is not None]
    return replaced(common, [joined], [sum(known) if len(known) == len(along) else None])


def broadcast_output_shape(input_shapes: Sequence[Shape]) -> Shape:
    """Return the output shape of `Add`, `Multiply`, `Maximum` and the like, by Keras' rules.

    Batch sizes must be equal.  The other axes are aligned at the right; a size of 1 is repeated.
    Source: `keras.layers.Add`, https://keras.io/api/layers/merging_layers/add/
    Raises `ShapeProblem`: RANK for a scalar, SIZES; `ValueError` without inputs.
    """
    _first_input(input_shapes)
    batch: int | None = None
    rest: Shape = ()
    for index, shape in enumerate(input_shapes):
        if not shape:
            raise ShapeProblem("a merge takes no scalar", Reason.RANK, expected=(None,), actual=shape, index=index)
        batch = _equal((batch, shape[0]), 0, shape, index, (batch, *shape[1:]))
        rest = _broadcast(rest, shape, index)
    return (batch, *rest)


def _first_input(input_shapes: Sequence[Shape]) -> Shape:
    """Return the first input's shape; raise `ValueError` if there is none."""
    if not input_shapes:
        raise ValueError("a merge needs at least one input")
    return input_shapes[0]


def _broadcast(rest: Shape, shape: Shape, index: int) -> Shape:
    """Return `rest` (without batch) and `shape` (with batch) broadcast together, without batch."""
    rank = max(len(rest), len(shape) - 1)
    left, right = ((1,) * (rank - len(sizes)) + sizes for sizes in (rest, shape[1:]))
    offset = len(shape) - rank  # of an axis of the result in `shape`
    result: list[int | None] = []
    for position, (a, b) in enumerate(zip(left, right, strict=True)):
        if a == 1 or b == 1:
            result.append(b if a == 1 else a)
        else:
            axis = position + offset
            result.append(_equal((a, b), axis, shape, index, replaced(shape, [axis], [a])))
    return tuple(result)


def _equal(sizes: tuple[int | None, int | None], axis: int, shape: Shape, index: int, expected: Shape) -> int | None:
    """Return the size that both must have; raise `ShapeProblem` (SIZES) if both are known and differ."""
    needed, given = sizes
    if needed is None or given is None:
        return given if needed is None else needed
    if needed != given:
        raise ShapeProblem(
            f"axis {axis} of {shape} is {given}, but the inputs before it have {needed} there",
            Reason.SIZES,
            axis,
            expected=expected,
            actual=shape,
            index=index,
        )
    return given
