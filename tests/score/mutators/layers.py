"""A layer missing, too many, of the wrong kind, or with a wrong word."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from score.cell import Cell, argument, called, keyword_gone, whole
from score.mutator import Mutation, mutator, twin, twin_argument

_POOLS = ("MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "MaxPool2D", "MaxPool3D", "AveragePooling2D")
_CONVS = ("Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "DepthwiseConv2D", "ConvLSTM2D", "Conv3DTranspose")


def _left_out(cell: Cell, call: ast.Call) -> str | None:
    """The text without the layer that `call` makes: as a statement, as an item of a list, or as a step."""
    outer = cell.parents[call]
    statement = cell.statement(call)
    if isinstance(outer, ast.Call) and outer.func is call and outer.args:
        if isinstance(statement, ast.Assign) and cell.part(statement.targets[0]) == cell.part(outer.args[0]):
            return cell.without(statement)
        return cell.put((outer, cell.part(outer.args[0])))
    if isinstance(outer, ast.Call) and called(outer) == "add" and isinstance(statement, ast.Expr):
        return cell.without(statement)
    if isinstance(outer, ast.List):
        first, last = cell.span(call)
        comma = re.match(r",\s*", cell.text[last:])
        return cell.text[:first] + cell.text[last + comma.end() :] if comma else None
    return None


@mutator("flatten-missing")
def flatten_forgotten(cell: Cell) -> Iterator[Mutation]:
    """`Flatten()` left out before the dense layers."""
    for call in cell.calls("Flatten"):
        yield Mutation(
            _left_out(cell, call), because="labels have one row for each example; Flatten keeps every number"
        )


@mutator("flatten-missing")
def global_pooling_forgotten(cell: Cell) -> Iterator[Mutation]:
    """`GlobalAveragePooling2D()` and its like left out before the head."""
    for call in cell.calls(*(f"Global{kind}Pooling{n}D" for kind in ("Average", "Max") for n in (1, 2, 3))):
        yield Mutation(
            _left_out(cell, call), because="one row for each example is wanted; any repair that gives it counts"
        )


@mutator("flatten-too-early")
def flattened_too_early(cell: Cell) -> Iterator[Mutation]:
    """`Flatten()` before a convolution or a pooling layer."""
    for call in cell.calls(*_CONVS[:3], *_POOLS):
        outer, statement = cell.parents[call], cell.statement(call)
        flatten = cell.part(call.func).replace(called(call), "Flatten")
        if "." not in flatten and flatten not in cell.imported:
            continue
        because = "what follows needs the axes that the Flatten takes away"
        if isinstance(outer, ast.Call) and called(outer) == "add" and isinstance(statement, ast.Expr):
            yield Mutation(cell.before(statement, f"{cell.part(outer.func)}({flatten}())"), because=because)
        elif isinstance(outer, ast.List):
            yield Mutation(cell.put((call, f"{flatten}(), {cell.part(call)}")), because=because)
        elif isinstance(outer, ast.Call) and outer.func is call and outer.args:
            yield Mutation(cell.put((outer.args[0], f"{flatten}()({cell.part(outer.args[0])})")), because=because)


@mutator("reshape-missing")
def reshape_layer_forgotten(cell: Cell) -> Iterator[Mutation]:
    """A `Reshape` layer left out."""
    for call in cell.calls("Reshape", "RepeatVector"):
        product = "the layer before it states the factors" if twin(cell, cell.part(call)) else ""
        because = product or "the rank that follows and the sizes stated nearby give the target"
        yield Mutation(_left_out(cell, call), because=because)


@mutator("dimension-of-layer")
def layer_of_other_dimension(cell: Cell) -> Iterator[Mutation]:
    """`Conv1D` for `Conv2D`, `MaxPooling2D` for `MaxPooling3D` and the like."""
    pattern = re.compile(r"([A-Za-z]+)([123])D(Transpose)?$")
    names = cell.imported
    for call in cell.calls():
        if found := pattern.match(called(call)):
            now = int(found[2])
            new = f"{found[1]}{now - 1 if now > 1 else 2}D{found[3] or ''}"
            function = call.func
            because = "the rank of what comes in states the dimension"
            if new == "LSTM1D" or "ConvLSTM" in new:
                continue
            if isinstance(function, ast.Attribute):
                yield Mutation(cell.put((function, f"{cell.part(function.value)}.{new}")), because=because)
            elif isinstance(function, ast.Name) and ("*" in names or new in names):
                yield Mutation(cell.put((function, new)), because=because)


@mutator("time-distributed-missing")
def time_distributed_forgotten(cell: Cell) -> Iterator[Mutation]:
    """A layer over frames without `TimeDistributed`."""
    for call in cell.calls("TimeDistributed"):
        if call.args:
            yield Mutation(cell.put((call, cell.part(call.args[0]))), because="the layer takes a frame and gets a clip")


@mutator("return-sequences")
def sequence_not_returned(cell: Cell) -> Iterator[Mutation]:
    """`return_sequences=True` left out."""
    for call in cell.calls("LSTM", "GRU", "SimpleRNN", "ConvLSTM2D"):
        yield Mutation(
            keyword_gone(cell, call, "return_sequences"), because="what follows reads a sequence and gets one step"
        )


@mutator("return-sequences")
def sequence_returned(cell: Cell) -> Iterator[Mutation]:
    """`return_sequences=True` where the last step is wanted."""
    for call in cell.calls("LSTM", "GRU"):
        if not argument(call, "return_sequences") and not argument(call, "return_state"):
            text = cell.part(call)[:-1] + ", return_sequences=True)"
            yield Mutation(cell.put((call, text)), because="labels have one row for each example")


@mutator("return-sequences")
def state_not_returned(cell: Cell) -> Iterator[Mutation]:
    """`return_state=True` left out, and its states unpacked."""
    for call in cell.calls("LSTM", "GRU"):
        yield Mutation(keyword_gone(cell, call, "return_state"), because="the line that unpacks names the states")


@mutator("padding")
def valid_for_same(cell: Cell) -> Iterator[Mutation]:
    """`padding="same"` left out."""
    for call in cell.calls(*_CONVS, *_POOLS, "Conv2DTranspose"):
        gone = keyword_gone(cell, call, "padding")
        if gone and "same" in cell.part(argument(call, "padding") or call).lower():
            knowable = len(re.findall(r"padding\s*=\s*[\"']same", cell.text)) > 1
            yield Mutation(
                gone, knowable, "the other convolutions of the cell say same" if knowable else "no twin says same"
            )


@mutator("padding")
def wrong_padding_word(cell: Cell) -> Iterator[Mutation]:
    """A word for the padding that there is not."""
    for call in cell.calls():
        word = argument(call, "padding")
        if isinstance(word, ast.Constant) and isinstance(word.value, str):
            new = {"same": "full", "valid": "none", "causal": "left"}.get(word.value.lower(), "full")
            text = f'"{new}"'
            knowable = cell.text.lower().count(word.value.lower()) > 1
            yield Mutation(
                cell.put((word, text)), knowable, "twins have the word" if knowable else "two words would run"
            )


@mutator("dilation-and-groups")
def groups_do_not_divide(cell: Cell) -> Iterator[Mutation]:
    """A number of groups that the channels cannot be divided by."""
    for call in cell.calls():
        groups = argument(call, "groups")
        if groups is not None:
            number = whole(groups)
            knowable = number is None or twin(cell, number)
            text = "5" if number is None else str(number + 1)
            yield Mutation(
                cell.put((groups, text)), knowable, "a name or a twin has it" if knowable else "no other has it"
            )


@mutator("stride")
def stride_doubled(cell: Cell) -> Iterator[Mutation]:
    """A stride twice as large."""
    for call in cell.calls():
        stride = argument(call, "strides") or argument(call, "stride")
        number = whole(stride)
        if stride is not None and number in (1, 2):
            knowable = twin_argument(cell, call, "strides") or argument(call, "stride") is not None
            yield Mutation(cell.put((stride, str(number * 2))), knowable, "twins have it" if knowable else "no twin")


@mutator("stride")
def stride_forgotten(cell: Cell) -> Iterator[Mutation]:
    """A stride left out."""
    for call in cell.calls(*_CONVS):
        gone = keyword_gone(cell, call, "strides")
        number = argument(call, "strides")
        if gone and number is not None:
            knowable = twin_argument(cell, call, "strides")
            yield Mutation(gone, knowable, "the layers beside it have it" if knowable else "no twin")


@mutator("kernel-too-large")
def kernel_larger_than_map(cell: Cell) -> Iterator[Mutation]:
    """A kernel larger than what it slides over: a digit typed twice."""
    for call in cell.calls(*_CONVS[:3]):
        kernel = argument(call, "kernel_size", 1)
        if kernel is not None and whole(kernel) is not None:
            knowable = twin_argument(cell, call, "kernel_size", 1)
            because = "a layer beside it has the kernel" if knowable else "no other layer has it"
            yield Mutation(cell.put((kernel, cell.part(kernel) * 2)), knowable, because)


@mutator("kernel-too-large")
def pool_larger_than_map(cell: Cell) -> Iterator[Mutation]:
    """A window of a pooling layer larger than what it slides over."""
    for call in cell.calls(*_POOLS):
        size = argument(call, "pool_size", 0)
        outer = cell.parents[call]
        if size is None and isinstance(outer, ast.Call):
            because = "2 is what the layer has by itself and what the cell halves by elsewhere"
            yield Mutation(cell.put((call, f"{cell.part(call.func)}(64)")), because=because)
        elif size is not None:
            knowable = twin_argument(cell, call, "pool_size", 0)
            because = "a layer beside it has the window" if knowable else "no other layer has it"
            yield Mutation(cell.put((size, "64")), knowable, because)


@mutator("kernel-too-large")
def pooled_too_often(cell: Cell) -> Iterator[Mutation]:
    """A pooling layer several times, until nothing is left."""
    for call in cell.calls(*_POOLS):
        outer, statement = cell.parents[call], cell.statement(call)
        because = "the repeated lines are alike; fewer of them run"
        if isinstance(outer, ast.Call) and called(outer) == "add" and isinstance(statement, ast.Expr):
            line = cell.part(statement)
            yield Mutation(cell.after(statement, ("\n" + " " * statement.col_offset).join([line] * 5)), because=because)
        elif isinstance(outer, ast.List):
            lines = f",\n{' ' * call.col_offset}".join([cell.part(call)] * 6)
            yield Mutation(cell.put((call, lines)), because=because)


@mutator("positional-arguments")
def kernel_as_two_numbers(cell: Cell) -> Iterator[Mutation]:
    """`Conv2D(32, 3, 3)` as in Keras 1: the second 3 is a stride."""
    for call in cell.calls("Conv2D", "Conv3D"):
        kernel = argument(call, "kernel_size", 1)
        if isinstance(kernel, ast.Tuple) and not argument(call, "strides"):
            inner = ", ".join(cell.part(item) for item in kernel.elts[:2])
            yield Mutation(
                cell.put((kernel, inner)), because="two equal numbers are a kernel in the old way of writing"
            )


@mutator("upsampling-missing")
def upsampling_forgotten(cell: Cell) -> Iterator[Mutation]:
    """An up-sampling step left out."""
    for call in cell.calls("UpSampling2D", "UpSampling3D", "UpSampling1D"):
        yield Mutation(_left_out(cell, call), because="the target or the skip has twice the size, and twins up-sample")


@mutator("upsampling-missing")
def upsampled_too_much(cell: Cell) -> Iterator[Mutation]:
    """Up-sampling by twice the factor."""
    for call in cell.calls("UpSampling2D", "UpSampling3D"):
        factor = argument(call, "size", 0)
        if factor is not None and (number := whole(factor)):
            yield Mutation(cell.put((factor, str(number * 2))), because="the skip or the target states the size")


@mutator("not-called")
def layer_not_called(cell: Cell) -> Iterator[Mutation]:
    """`x = Flatten()` where `Flatten()(x)` is meant."""
    for call in cell.calls("Flatten", "Dense", "Conv2D", "BatchNormalization", "MaxPooling2D", "Conv1D"):
        outer = cell.parents[call]
        if isinstance(outer, ast.Call) and outer.func is call and isinstance(cell.parents[outer], ast.Assign):
            yield Mutation(
                cell.put((outer, cell.part(call))), because="the lines around it call their layers on the name"
            )


@mutator("list-of-inputs")
def branches_not_in_a_list(cell: Cell) -> Iterator[Mutation]:
    """`Add()(a, b)` for `Add()([a, b])`."""
    for call in cell.calls():
        if call.args and isinstance(call.args[0], ast.List) and isinstance(call.func, ast.Call):
            inner = cell.part(call.args[0])[1:-1]
            yield Mutation(cell.put((call.args[0], inner)), because="a merging layer takes a list")


MUTATORS = (
    flatten_forgotten,
    global_pooling_forgotten,
    flattened_too_early,
    reshape_layer_forgotten,
    layer_of_other_dimension,
    time_distributed_forgotten,
    sequence_not_returned,
    sequence_returned,
    state_not_returned,
    valid_for_same,
    wrong_padding_word,
    groups_do_not_divide,
    stride_doubled,
    stride_forgotten,
    kernel_larger_than_map,
    pool_larger_than_map,
    pooled_too_often,
    kernel_as_two_numbers,
    upsampling_forgotten,
    upsampled_too_much,
    layer_not_called,
    branches_not_in_a_list,
)
