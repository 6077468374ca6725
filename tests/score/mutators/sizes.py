"""A number that does not fit the others."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from score.cell import Cell, argument, called, root, whole
from score.mutator import Mutation, mutator, twin

_DATA = "the data that are given state it"
_MAKERS = ("rand", "randn", "uniform", "normal", "random")


def _inputs(cell: Cell) -> Iterator[tuple[ast.Call, ast.expr]]:
    """The declared inputs and their shapes."""
    for call in cell.calls("Input", "InputLayer"):
        shape = argument(call, "shape", 0)
        if shape is not None:
            yield call, shape


@mutator("input-shape")
def samples_in_input_shape(cell: Cell) -> Iterator[Mutation]:
    """The number of samples in the declared input shape."""
    for _, shape in _inputs(cell):
        if isinstance(shape, ast.Tuple | ast.List) and len(shape.elts) > 1:
            text = f"{cell.part(shape)[0]}64, {cell.part(shape)[1:]}"
            yield Mutation(cell.put((shape, text)), because=_DATA)


@mutator("input-shape")
def channel_missing_in_input_shape(cell: Cell) -> Iterator[Mutation]:
    """No channels in the declared input shape."""
    for _, shape in _inputs(cell):
        if isinstance(shape, ast.Tuple | ast.List) and len(shape.elts) > 1:
            parts = [cell.part(item) for item in shape.elts[:-1]]
            yield Mutation(cell.put((shape, f"({', '.join(parts)},)")), because=_DATA)


@mutator("input-shape")
def channels_first_input_shape(cell: Cell) -> Iterator[Mutation]:
    """Channels first in the declared input shape."""
    for _, shape in _inputs(cell):
        if isinstance(shape, ast.Tuple | ast.List) and len(shape.elts) > 2:
            parts = [cell.part(item) for item in shape.elts]
            yield Mutation(cell.put((shape, f"({', '.join([parts[-1], *parts[:-1]])})")), because=_DATA)


@mutator("input-shape")
def other_image_size(cell: Cell) -> Iterator[Mutation]:
    """Another image or window size in the declared input shape than in the data."""
    for _, shape in _inputs(cell):
        if isinstance(shape, ast.Tuple | ast.List) and len(shape.elts) > 1 and (size := whole(shape.elts[0])):
            yield Mutation(cell.put((shape.elts[0], str(size + size // 4))), because=_DATA)


@mutator("input-shape")
def other_channels_in_input_shape(cell: Cell) -> Iterator[Mutation]:
    """Other channels or features in the declared input shape than in the data."""
    for _, shape in _inputs(cell):
        if isinstance(shape, ast.Tuple | ast.List) and (size := whole(shape.elts[-1])):
            yield Mutation(
                cell.put((shape.elts[-1], str(3 if size == 1 else 1 if size == 3 else size - 1))), because=_DATA
            )


@mutator("input-shape")
def number_for_input_shape(cell: Cell) -> Iterator[Mutation]:
    """`Input((n))` or `Input(n)` for `Input((n,))`."""
    for _, shape in _inputs(cell):
        if isinstance(shape, ast.Tuple) and len(shape.elts) == 1:
            yield Mutation(
                cell.put((shape, cell.part(shape.elts[0]))), because="a shape is a tuple; the number is stated"
            )


@mutator("classes")
def other_number_of_classes(cell: Cell) -> Iterator[Mutation]:
    """A last layer with another number of classes than the labels have."""
    heads = [call for call in cell.calls("Dense") if call.args]
    if not heads or not any(
        word in cell.text for word in ("fit(", "on_batch(", "crossentropy", "cross_entropy", "mse")
    ):
        return
    units = heads[-1].args[0]
    number = whole(units)
    because = "the labels state the number of classes"
    if number and number > 1:
        yield Mutation(cell.put((units, str(number - 1))), because=because)
    elif number is None:
        yield Mutation(cell.put((units, f"{cell.part(units)} - 1")), because=because)


@mutator("classes")
def one_unit_for_classes(cell: Cell) -> Iterator[Mutation]:
    """One unit in the last layer for labels of many classes."""
    heads = [call for call in cell.calls("Dense") if call.args]
    if heads and whole(heads[-1].args[0]) != 1:
        yield Mutation(cell.put((heads[-1].args[0], "1")), because="the labels state the number of classes")


@mutator("filters-differ")
def other_filters(cell: Cell) -> Iterator[Mutation]:
    """Filters that do not fit the branch they are added to."""
    for call in cell.calls("Conv1D", "Conv2D", "Conv3D"):
        filters = argument(call, "filters", 0)
        if filters is not None:
            number = whole(filters)
            knowable = number is None or twin(cell, number)
            text = f"{cell.part(filters)} * 2" if number is None else str(number + 4)
            yield Mutation(cell.put((filters, text)), knowable, "the other branch states it" if knowable else "no twin")


@mutator("filters-differ")
def other_width(cell: Cell) -> Iterator[Mutation]:
    """A dense or embedding width that does not fit what it is added to or goes into."""
    for call in cell.calls("Dense", "Embedding", "LSTM", "GRU"):
        units = argument(call, "units", 0) if called(call) != "Embedding" else argument(call, "output_dim", 1)
        if units is not None:
            number = whole(units)
            knowable = number is None or twin(cell, number)
            text = f"{cell.part(units)} + 1" if number is None else str(number + 2)
            yield Mutation(cell.put((units, text)), knowable, "what it meets states it" if knowable else "no twin")


def _targets(cell: Cell) -> Iterator[ast.Tuple | ast.List]:
    """The targets of reshapes."""
    for call in cell.calls("Reshape", "reshape"):
        for node in (argument(call, "target_shape"), *call.args):
            if isinstance(node, ast.Tuple | ast.List) and len(node.elts) > 1:
                yield node


@mutator("reshape-target")
def reshape_sizes_moved(cell: Cell) -> Iterator[Mutation]:
    """The sizes of a reshape in another order."""
    for target in _targets(cell):
        parts = [cell.part(item) for item in target.elts]
        moved = [parts[-1], *parts[:-1]]
        if moved != parts:
            because = "what follows takes channels last, and reads the sizes in one order"
            yield Mutation(cell.put(*zip(target.elts, moved, strict=True)), because=because)


@mutator("reshape-target")
def reshape_of_other_total(cell: Cell) -> Iterator[Mutation]:
    """A reshape to another total."""
    for target in _targets(cell):
        sizes = [whole(item) for item in target.elts]
        for item, size in zip(target.elts, sizes, strict=True):
            if size and size > 1 and -1 not in sizes:
                knowable = sizes.count(size) > 1 or cell.literals().count(size) > 1
                because = "its neighbour or the total states it" if knowable else "several sizes could be the wrong one"
                yield Mutation(cell.put((item, str(size + 1))), knowable, because)
                break


@mutator("reshape-target")
def reshape_of_one_batch(cell: Cell) -> Iterator[Mutation]:
    """A fixed batch of 1 where -1 or the batch is meant."""
    for target in _targets(cell):
        first = target.elts[0]
        if whole(first) == -1 or not isinstance(first, ast.Constant):
            yield Mutation(cell.put((first, "1")), because="the number of examples is not 1")


@mutator("reshape-target")
def factor_of_product_wrong(cell: Cell) -> Iterator[Mutation]:
    """One factor of a product of sizes wrong."""
    for node in cell.nodes:
        if (
            isinstance(node, ast.BinOp)
            and isinstance(node.op, ast.Mult)
            and isinstance(cell.parents[node], ast.BinOp | ast.Call)
        ):
            number = whole(node.right)
            if number and number > 1:
                knowable = twin(cell, number)
                because = "the factors stand at the other end too" if knowable else "nothing else states it"
                yield Mutation(cell.put((node.right, str(number + 1))), knowable, because)


@mutator("rounding")
def rounded_down(cell: Cell) -> Iterator[Mutation]:
    """A `//` by another number, so that a size is lost."""
    for node in cell.nodes:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv) and whole(node.right):
            number = whole(node.right)
            knowable = cell.text.count(f"// {number}") > 1
            because = "the same division stands elsewhere" if knowable else "only the size that it must give states it"
            yield Mutation(cell.put((node.right, str(number + 1))), knowable, because)  # type: ignore[operator]


_NOISE = re.compile(r"noise|\bz\b|\bz_|latent|hidden|state|Variable")


@mutator("latent-size")
def other_latent_size(cell: Cell) -> Iterator[Mutation]:
    """Noise, a state or a batch of features of another size than the model declares."""
    for call in cell.calls(*_MAKERS):
        sizes = [a for a in call.args if isinstance(a, ast.Tuple | ast.List)]
        dims = sizes[0].elts if sizes else call.args if called(call) in ("rand", "randn") else []
        if len(dims) == 2 and root(call.func) in ("np", "tf"):
            number = _value(cell, dims[-1])
            knowable = bool(_NOISE.search(cell.part(cell.statement(call))))
            because = (
                "the model states the size of noise and of states" if knowable else "data are given; the model may err"
            )
            if number is not None:
                yield Mutation(cell.put((dims[-1], str(number * 2))), knowable, because)


def _value(cell: Cell, size: ast.expr) -> int | None:
    """The number that `size` states, itself or by a name that the cell gives it."""
    for node in cell.nodes:
        if isinstance(size, ast.Name) and isinstance(node, ast.Assign) and cell.part(node.targets[0]) == size.id:
            return whole(node.value)
    return whole(size)


@mutator("off-by-one")
def slice_one_too_long(cell: Cell) -> Iterator[Mutation]:
    """A slice one longer than its partner."""
    for node in cell.nodes:
        if isinstance(node, ast.Slice) and (number := whole(node.upper)) and number not in (1, -1) and node.upper:
            knowable = twin(cell, number)
            yield Mutation(
                cell.put((node.upper, str(number - 1))), knowable, "its partner states it" if knowable else "no twin"
            )


@mutator("off-by-one")
def shift_forgotten(cell: Cell) -> Iterator[Mutation]:
    """`x[:, :-1]` left whole, beside labels that are shifted by one."""
    for node in cell.nodes:
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple):
            last = node.slice.elts[-1] if len(node.slice.elts) == 2 else None
            if isinstance(last, ast.Slice) and (whole(last.upper) == -1 or whole(last.lower) == 1):
                yield Mutation(cell.put((node, cell.part(node.value))), because="its partner is shifted by one")


def _filters(cell: Cell) -> Iterator[ast.Tuple | ast.List]:
    """The shapes of weights made by hand."""
    for call in cell.calls("weight", "normal", "truncated_normal", "ones", "rand", "add_weight"):
        for node in (argument(call, "shape"), *call.args):
            if isinstance(node, ast.Tuple | ast.List) and len(node.elts) > 1:
                outer = cell.part(cell.statement(call))
                if "Variable" in outer or called(call) in ("weight", "add_weight"):
                    yield node


@mutator("filter-layout")
def filter_as_for_torch(cell: Cell) -> Iterator[Mutation]:
    """A filter as (out, in, height, width)."""
    for node in _filters(cell):
        if len(node.elts) in (3, 4):
            parts = [cell.part(item) for item in node.elts]
            moved = [parts[-1], parts[-2], *parts[:-2]]
            yield Mutation(
                cell.put(*zip(node.elts, moved, strict=True)),
                because="TensorFlow's order is fixed; the input has the channels",
            )


@mutator("filter-layout")
def channels_of_filter_swapped(cell: Cell) -> Iterator[Mutation]:
    """In and out of a weight swapped."""
    for node in _filters(cell):
        first, second = node.elts[-2:]
        if cell.part(first) != cell.part(second):
            changes = ((first, cell.part(second)), (second, cell.part(first)))
            yield Mutation(cell.put(*changes), because="the input and the next weight state both")


@mutator("filter-layout")
def filter_of_other_depth(cell: Cell) -> Iterator[Mutation]:
    """A weight for another number of channels than come in."""
    for node in _filters(cell):
        if number := whole(node.elts[-2]):
            yield Mutation(cell.put((node.elts[-2], str(number + 1))), because="the channels that come in state it")


@mutator("filter-layout")
def bias_of_other_length(cell: Cell) -> Iterator[Mutation]:
    """A bias that does not have one number for each filter."""
    for call in cell.calls("bias", "zeros", "add_weight"):
        for node in (argument(call, "shape"), *call.args):
            if isinstance(node, ast.Tuple | ast.List) and len(node.elts) == 1:
                number = whole(node.elts[0])
                text = f"{cell.part(node.elts[0])} + 1" if number is None else str(number * 2)
                yield Mutation(cell.put((node.elts[0], text)), because="the weight before it states the filters")


MUTATORS = (
    samples_in_input_shape,
    channel_missing_in_input_shape,
    channels_first_input_shape,
    other_image_size,
    other_channels_in_input_shape,
    number_for_input_shape,
    other_number_of_classes,
    one_unit_for_classes,
    other_filters,
    other_width,
    reshape_sizes_moved,
    reshape_of_other_total,
    reshape_of_one_batch,
    factor_of_product_wrong,
    rounded_down,
    other_latent_size,
    slice_one_too_long,
    shift_forgotten,
    filter_as_for_torch,
    channels_of_filter_swapped,
    filter_of_other_depth,
    bias_of_other_length,
)
