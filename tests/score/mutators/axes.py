"""An axis too many, too few or in the wrong place."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from score.cell import Cell, argument, called, keyword_gone, root, whole
from score.mutator import Mutation, mutator

STATED = "the rank that the callee needs is fixed, and which axis is missing or extra shows in the shape"
_MODEL_CALLS = ("fit", "predict", "evaluate", "train_on_batch", "test_on_batch", "predict_on_batch")


@mutator("rank-missing-axis")
def expand_dims_forgotten(cell: Cell) -> Iterator[Mutation]:
    """`expand_dims(x, ...)` left out."""
    for call in cell.calls("expand_dims"):
        if call.args:
            yield Mutation(cell.put((call, cell.part(call.args[0]))), because=STATED)


def _adds_axis(node: ast.AST) -> bool:
    return (isinstance(node, ast.Constant) and node.value is None) or (
        isinstance(node, ast.Attribute) and node.attr == "newaxis"
    )


@mutator("rank-missing-axis")
def newaxis_forgotten(cell: Cell) -> Iterator[Mutation]:
    """`x[None]`, `x[..., tf.newaxis]` left out."""
    for node in cell.nodes:
        if isinstance(node, ast.Subscript):
            parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            rest = [p for p in parts if not _adds_axis(p)]
            plain = all((isinstance(p, ast.Slice) and not (p.lower or p.upper or p.step)) or _dots(p) for p in rest)
            if len(rest) < len(parts) and plain:
                yield Mutation(cell.put((node, cell.part(node.value))), because=STATED)


def _dots(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is Ellipsis


@mutator("rank-extra-axis")
def axis_added_at_call(cell: Cell) -> Iterator[Mutation]:
    """A batch axis added to what already has one."""
    library = cell.library()
    for call in cell.calls("predict", "fit", "train_on_batch"):
        if library and call.args and isinstance(call.args[0], ast.Name):
            x = call.args[0]
            yield Mutation(cell.put((x, f"{library}.expand_dims({x.id}, axis=0)")), because=STATED)


@mutator("rank-extra-axis")
def last_axis_added(cell: Cell) -> Iterator[Mutation]:
    """A channel axis added to data that has one."""
    library = cell.library()
    for call in cell.calls(*_MODEL_CALLS):
        if library and call.args and isinstance(call.args[0], ast.Name):
            statement = cell.statement(call)
            name = call.args[0].id
            yield Mutation(cell.before(statement, f"{name} = {library}.expand_dims({name}, -1)"), because=STATED)


@mutator("rank-missing-batch")
def slice_became_index(cell: Cell) -> Iterator[Mutation]:
    """`x[:1]` became `x[0]`: the batch axis is lost."""
    for node in cell.nodes:
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
            upper, lower = whole(node.slice.upper), whole(node.slice.lower) or 0
            if upper is not None and not node.slice.step and 0 <= upper - lower <= 5:
                yield Mutation(cell.put((node.slice, str(lower))), because=STATED)


@mutator("squeeze-too-many", silent=True)
def squeeze_without_axis(cell: Cell) -> Iterator[Mutation]:
    """`squeeze(x, axis=...)` without its axis."""
    for call in cell.calls("squeeze"):
        gone = keyword_gone(cell, call, "axis")
        if gone:
            yield Mutation(gone, because="an axis of size 1 that a later line needs is gone")


@mutator("wrong-axis")
def expanded_at_other_end(cell: Cell) -> Iterator[Mutation]:
    """`expand_dims` at the other end."""
    for call in cell.calls("expand_dims"):
        axis = argument(call, "axis", 1)
        number = whole(axis)
        if axis is not None and number is not None:
            yield Mutation(cell.put((axis, "0" if number in (-1, 1) else "-1")), because=STATED)


@mutator("wrong-axis")
def newaxis_at_other_end(cell: Cell) -> Iterator[Mutation]:
    """`x[..., None]` for `x[None, ...]` and the other way round."""
    for node in cell.nodes:
        if isinstance(node, ast.Subscript):
            if isinstance(node.slice, ast.Tuple) and len(node.slice.elts) == 2:
                first, second = node.slice.elts
                if _adds_axis(first) != _adds_axis(second):
                    changes = ((first, cell.part(second)), (second, cell.part(first)))
                    yield Mutation(cell.put(*changes), because=STATED)
            elif _adds_axis(node.slice):
                yield Mutation(cell.put((node.slice, f"..., {cell.part(node.slice)}")), because=STATED)


def _shape(call: ast.Call) -> list[ast.expr]:
    """The sizes that a call making data states."""
    if root(call.func) not in ("np", "tf", "rng", "keras", "random", "layers"):
        return []
    if called(call) in ("rand", "randn"):
        return call.args
    for node in (argument(call, "shape"), argument(call, "size"), *call.args):
        if isinstance(node, ast.Tuple | ast.List):
            return node.elts
    return []


_MAKERS = ("rand", "randn", "uniform", "normal", "random", "randint")


@mutator("channels-first-data")
def data_made_channels_first(cell: Cell) -> Iterator[Mutation]:
    """Images as (N, C, H, W), for a model that takes (N, H, W, C)."""
    for call in cell.calls(*_MAKERS):
        sizes = _shape(call)
        if 3 < len(sizes) < 6 and whole(sizes[-1]) in (1, 2, 3) and isinstance(cell.statement(call), ast.Assign):
            order = [sizes[0], sizes[-1], *sizes[1:-1]]
            texts = [cell.part(size) for size in order]
            changes = tuple(zip(sizes, texts, strict=True))
            yield Mutation(cell.put(*changes), because="1 to 3 channels stand where rows are read")


@mutator("channels-first-data")
def transposed_as_for_torch(cell: Cell) -> Iterator[Mutation]:
    """A transposition to channels first that no layer here asks for."""
    library = "np" if "np" in cell.imported else "tf" if "tf" in cell.imported else None
    for call in cell.calls(*_MAKERS):
        sizes, statement = _shape(call), cell.statement(call)
        if library and len(sizes) == 4 and isinstance(statement, ast.Assign) and whole(sizes[-1]) in (1, 3):
            name = cell.part(statement.targets[0])
            if statement.value is call or called(call) in cell.part(statement.value):
                line = f"{name} = {library}.transpose({name}, (0, 3, 1, 2))"
                yield Mutation(cell.after(statement, line), because="1 to 3 channels stand where rows are read")


@mutator("transpose-wrong")
def transpose_left_out(cell: Cell) -> Iterator[Mutation]:
    """A transposition left out."""
    for call in cell.calls("transpose", "Permute"):
        if called(call) == "Permute" and isinstance(outer := cell.parents[call], ast.Call) and outer.args:
            yield Mutation(cell.put((outer, cell.part(outer.args[0]))), because="the sizes fit in one order only")
        elif called(call) == "transpose" and root(call.func) in ("tf", "np", "ops") and call.args:
            yield Mutation(cell.put((call, cell.part(call.args[0]))), because="the sizes fit in one order only")
        elif called(call) == "transpose" and isinstance(call.func, ast.Attribute):
            yield Mutation(cell.put((call, cell.part(call.func.value))), because="the sizes fit in one order only")


@mutator("transpose-wrong")
def order_of_axes_shifted(cell: Cell) -> Iterator[Mutation]:
    """Another order of axes in a transposition."""
    for call in cell.calls("transpose"):
        for node in call.args:
            if isinstance(node, ast.Tuple) and all(whole(n) is not None for n in node.elts):
                texts = [cell.part(n) for n in node.elts]
                moved = [*texts[:-2], texts[-1], texts[-2]]
                yield Mutation(
                    cell.put(*zip(node.elts, moved, strict=True)),
                    because="the reshape after it names the sizes in the order that was meant",
                )


_REDUCED = ("reduce_sum", "reduce_mean", "reduce_max", "sum", "mean", "max", "argmax", "softmax", "norm", "min")


@mutator("keepdims-missing", silent=True)
def keepdims_forgotten(cell: Cell) -> Iterator[Mutation]:
    """`keepdims=True` left out."""
    for call in cell.calls(*_REDUCED):
        gone = keyword_gone(cell, call, "keepdims")
        if gone:
            yield Mutation(gone, because="what is reduced meets what was not, along the axis that is gone")


@mutator("wrong-axis")
def reduced_along_neighbour(cell: Cell) -> Iterator[Mutation]:
    """A reduction along the axis beside the one that was meant."""
    for call in cell.calls(*_REDUCED, "stack", "l2_normalize"):
        axis = argument(call, "axis")
        number = whole(axis)
        if axis is not None and number is not None:
            new = {-1: 0, 0: 1, 1: 0, 2: 1, -2: -1}.get(number, number - 1)
            yield Mutation(cell.put((axis, str(new))), because="what it is combined with fits along one axis only")


@mutator("wrong-axis")
def joined_along_other_axis(cell: Cell) -> Iterator[Mutation]:
    """Tensors joined along an axis in which they agree, not the one in which they differ."""
    for call in cell.calls("Concatenate", "concatenate", "concat"):
        axis = argument(call, "axis")
        number = whole(axis)
        because = "all sizes but those along one axis are equal, or a later line needs that axis"
        if axis is not None and number is not None:
            yield Mutation(cell.put((axis, "1" if number in (-1, 0, 3) else "-1")), because=because)
        elif not argument(call, "axis", 1) and called(call) == "Concatenate":
            yield Mutation(cell.put((call, f"{cell.part(call.func)}(axis=1)")), because=because)


@mutator("stack-for-concat")
def stacked_instead_of_joined(cell: Cell) -> Iterator[Mutation]:
    """`stack` for `concat`: one axis more."""
    for call in cell.calls("concat", "concatenate", "hstack", "dstack"):
        new = {"concat": "stack", "concatenate": "stack", "hstack": "vstack", "dstack": "vstack"}[called(call)]
        function = call.func
        if isinstance(function, ast.Attribute) and root(function) in ("tf", "np", "ops"):
            yield Mutation(cell.put((function, f"{root(function)}.{new}")), because=STATED)


@mutator("reshape-missing")
def reshape_left_out(cell: Cell) -> Iterator[Mutation]:
    """`reshape` of data or of a tensor left out."""
    for call in cell.calls("reshape", "flatten", "ravel"):
        if root(call.func) in ("tf", "np", "ops") and len(call.args) > 1:
            yield Mutation(cell.put((call, cell.part(call.args[0]))), because=STATED)
        elif isinstance(call.func, ast.Attribute) and root(call.func) not in ("tf", "np", "ops"):
            yield Mutation(cell.put((call, cell.part(call.func.value))), because=STATED)


@mutator("rank-missing-batch")
def batch_forgotten_in_unpacking(cell: Cell) -> Iterator[Mutation]:
    """`h, w, c = x.shape` of what has a batch axis too."""
    for node in cell.nodes:
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Tuple)
            and ".shape" in cell.part(node.value)
        ):
            names = node.targets[0].elts
            if len(names) > 2 and isinstance(node.value, ast.Attribute):
                rest = ", ".join(cell.part(name) for name in names[1:])
                yield Mutation(cell.put((node.targets[0], rest)), because="one size more comes than there are names")


@mutator("wrong-axis")
def other_size_of_shape(cell: Cell) -> Iterator[Mutation]:
    """`x.shape[1]` for `x.shape[-1]` and the like."""
    for node in cell.nodes:
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute) and node.value.attr == "shape":
            number = whole(node.slice)
            if number is not None:
                new = {-1: 1, 0: 1, 1: 2, 2: 1}.get(number, 0)
                yield Mutation(cell.put((node.slice, str(new))), because="one of the sizes fits, the others do not")


MUTATORS = (
    expand_dims_forgotten,
    newaxis_forgotten,
    axis_added_at_call,
    last_axis_added,
    slice_became_index,
    squeeze_without_axis,
    expanded_at_other_end,
    newaxis_at_other_end,
    data_made_channels_first,
    transposed_as_for_torch,
    transpose_left_out,
    order_of_axes_shifted,
    keepdims_forgotten,
    reduced_along_neighbour,
    joined_along_other_axis,
    stacked_instead_of_joined,
    reshape_left_out,
    batch_forgotten_in_unpacking,
    other_size_of_shape,
)
