"""Data, labels, losses and datasets that do not go with the model."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from score.cell import Cell, argument, called, keyword_gone, root, whole
from score.mutator import Mutation, mutator

_TRAINS = ("fit", "train_on_batch", "evaluate", "test_on_batch")


@mutator("list-not-array")
def list_for_array(cell: Cell) -> Iterator[Mutation]:
    """A list of arrays where one array is wanted."""
    for call in cell.calls("array", "stack"):
        if root(call.func) == "np" and len(call.args) == 1:
            yield Mutation(cell.put((call, cell.part(call.args[0]))), because="what takes it needs one array")
    for call in cell.calls("predict", *_TRAINS):
        if call.args and isinstance(call.args[0], ast.Name):
            yield Mutation(cell.put((call.args[0], f"list({call.args[0].id})")), because="the model has one input")


@mutator("dataset-batch")
def dataset_not_batched(cell: Cell) -> Iterator[Mutation]:
    """`.batch(n)` left out."""
    for call in cell.calls("batch"):
        if isinstance(call.func, ast.Attribute) and root(call) != "w":
            value = cell.part(call.func.value)
            statement = cell.statement(call)
            if (
                isinstance(statement, ast.Assign)
                and cell.part(statement) == f"{value} = {value}.batch({cell.part(call.args[0])})"
            ):
                yield Mutation(cell.without(statement), because="the model takes batches; any size will do")
            else:
                yield Mutation(cell.put((call, value)), because="the model takes batches; any size will do")


@mutator("dataset-batch")
def dataset_batched_twice(cell: Cell) -> Iterator[Mutation]:
    """`.batch(n)` twice."""
    for call in cell.calls("batch"):
        if isinstance(call.func, ast.Attribute) and root(call) != "w":
            text = f"{cell.part(call)}.batch({cell.part(call.args[0])})"
            yield Mutation(cell.put((call, text)), because="there is one batch axis too many, and two batch calls")


@mutator("labels-encoding")
def labels_left_as_numbers(cell: Cell) -> Iterator[Mutation]:
    """One-hot encoding of the labels left out."""
    for call in cell.calls("to_categorical", "one_hot"):
        if call.args:
            yield Mutation(
                cell.put((call, cell.part(call.args[0]))),
                because="the loss states the encoding; either side may be repaired",
            )
    for node in cell.nodes:
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Call) and called(node.value) == "eye":
            inner = cell.part(node.slice)
            text = f"np.array({inner})" if inner.startswith("[") else inner
            yield Mutation(cell.put((node, text)), because="the loss states the encoding; either side may be repaired")


@mutator("labels-encoding")
def labels_encoded_for_sparse_loss(cell: Cell) -> Iterator[Mutation]:
    """One-hot labels for a sparse loss."""
    classes = [whole(call.args[0]) for call in cell.calls("Dense") if call.args]
    if "np" not in cell.imported or not classes or not (classes[-1] or 0) > 1:
        return
    for call in cell.calls(*_TRAINS):
        if len(call.args) > 1 and isinstance(call.args[1], ast.Name) and '"sparse_' in cell.text.replace("'", '"'):
            name = call.args[1].id
            line = f"{name} = np.eye({classes[-1]})[{name}]"
            yield Mutation(
                cell.before(cell.statement(call), line),
                because="the loss states the encoding; either side may be repaired",
            )
            break


@mutator("labels-encoding")
def loss_for_other_encoding(cell: Cell) -> Iterator[Mutation]:
    """`categorical` for `sparse_categorical` crossentropy, or the other way round."""
    pairs = (
        (r"(?<!sparse_)categorical_crossentropy", "sparse_categorical_crossentropy"),
        (r"sparse_categorical_crossentropy", "categorical_crossentropy"),
        (r"SparseCategoricalCrossentropy", "CategoricalCrossentropy"),
        (r"sparse_softmax_cross_entropy_with_logits", "softmax_cross_entropy_with_logits"),
        (r"(?<!sparse_)softmax_cross_entropy_with_logits", "sparse_softmax_cross_entropy_with_logits"),
    )
    for old, new in pairs:
        for found in re.finditer(old, cell.text):
            text = cell.text[: found.start()] + new + cell.text[found.end() :]
            yield Mutation(text, because="the labels that are given state the encoding")


@mutator("x-and-y")
def x_and_y_swapped(cell: Cell) -> Iterator[Mutation]:
    """`fit(y, x)`."""
    for call in cell.calls(*_TRAINS):
        if len(call.args) > 1:
            first, second = call.args[:2]
            changes = ((first, cell.part(second)), (second, cell.part(first)))
            yield Mutation(cell.put(*changes), because="the model's input and output state which is which")


@mutator("x-and-y")
def target_and_prediction_swapped(cell: Cell) -> Iterator[Mutation]:
    """`loss(y_pred, y_true)`."""
    for call in cell.calls():
        name = cell.part(call.func).lower()
        if (
            len(call.args) > 1
            and ("crossentropy" in name or "loss" in name)
            and not isinstance(cell.parents[call], ast.keyword)
        ):
            first, second = call.args[:2]
            changes = ((first, cell.part(second)), (second, cell.part(first)))
            yield Mutation(
                cell.put(*changes), because="names, and one axis more or integers, tell labels from predictions"
            )


@mutator("wrong-variable")
def whole_set_for_part(cell: Cell) -> Iterator[Mutation]:
    """The wrong part of the data: `y` for `y_train`, `X_test` for `X_train`."""
    names = {node.id for node in cell.nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    for call in cell.calls(*_TRAINS, "subtract"):
        for node in ast.walk(call):
            if isinstance(node, ast.Name) and (found := re.fullmatch(r"(\w+?)(_?)(train|test|val)", node.id)):
                for other in (found[1], *(f"{found[1]}{found[2]}{part}" for part in ("train", "test", "val"))):
                    if other in names and other != node.id:
                        yield Mutation(cell.put((node, other)), because="its partner is named after the other part")
                        break


@mutator("wrong-variable")
def slice_of_one_partner_only(cell: Cell) -> Iterator[Mutation]:
    """A slice taken of the inputs but not of the labels, or the other way round."""
    for call in cell.calls(*_TRAINS, "predict"):
        for node in ast.walk(call):
            if (
                isinstance(node, ast.Subscript)
                and isinstance(node.slice, ast.Slice)
                and isinstance(node.value, ast.Name)
            ):
                yield Mutation(cell.put((node, node.value.id)), because="its partner is cut, at a place that is stated")


@mutator("sample-weight")
def weights_of_other_length(cell: Cell) -> Iterator[Mutation]:
    """Sample weights made for all the data, or for each class."""
    for call in cell.calls("where"):
        if "weight" in cell.part(cell.statement(call)):
            for node in ast.walk(call):
                if isinstance(node, ast.Name) and node.id.endswith("_train"):
                    yield Mutation(
                        cell.put((node, node.id.removesuffix("_train"))), because="the labels state the length"
                    )
    for call in cell.calls("fit"):
        weights = argument(call, "sample_weight")
        if weights is not None:
            yield Mutation(cell.put((weights, f"{cell.part(weights)}[:-1]")), because="the labels state the length")


def _made_flat(node: ast.AST) -> ast.expr | None:
    """What `node` makes one axis of: `x` of `x[:, 0]`, `x.ravel()`, `x.reshape(-1)`, `tf.squeeze(x)`."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple) and len(node.slice.elts) == 2:
        first, last = node.slice.elts
        whole_axis = isinstance(first, ast.Slice) and not first.upper and not first.lower
        return node.value if whole_axis and whole(last) == 0 else None
    if not isinstance(node, ast.Call):
        return None
    method = node.func.value if isinstance(node.func, ast.Attribute) else None
    if called(node) == "squeeze" and node.args:
        return node.args[0]
    if called(node) in ("flatten", "ravel", "squeeze") and not node.args:
        return method
    return method if called(node) == "reshape" and [whole(a) for a in node.args] == [-1] else None


@mutator("broadcast", silent=True)
def column_against_row(cell: Cell) -> Iterator[Mutation]:
    """(n, 1) against (n,): what was a difference for each example is one for each pair."""
    because = "the two have the same length, and the result has a row for each pair"
    for node in cell.nodes:
        value = _made_flat(node)
        if value is not None:
            yield Mutation(cell.put((node, cell.part(value))), because=because)


@mutator("broadcast", silent=True)
def row_for_column(cell: Cell) -> Iterator[Mutation]:
    """(n,) for (n, 1) in what is compared with a prediction of (n, 1)."""
    for call in cell.calls("randint", "rand", "zeros", "uniform"):
        for node in (argument(call, "shape"), argument(call, "size"), *call.args):
            if isinstance(node, ast.Tuple) and len(node.elts) == 2 and whole(node.elts[1]) == 1:
                text = f"({cell.part(node.elts[0])},)"
                yield Mutation(cell.put((node, text)), because="the prediction has a column for each example")


@mutator("rank-missing-batch")
def data_of_one_example(cell: Cell) -> Iterator[Mutation]:
    """One example where the batch is meant: `x[0]` for `x`."""
    for call in cell.calls(*_TRAINS, "predict"):
        for node in call.args[:1]:
            if isinstance(node, ast.Name):
                yield Mutation(
                    cell.put((node, f"{node.id}[0]")), because="its partner is the whole batch, or the rank is stated"
                )


@mutator("matmul")
def transposition_in_product_forgotten(cell: Cell) -> Iterator[Mutation]:
    """`transpose_b=True` or `.T` left out."""
    for call in cell.calls("matmul"):
        gone = keyword_gone(cell, call, "transpose_b")
        if gone:
            yield Mutation(gone, because="the inner sizes fit with the transposition only")
    for node in cell.nodes:
        if isinstance(node, ast.Attribute) and node.attr == "T":
            yield Mutation(cell.put((node, cell.part(node.value))), because="the sizes fit with the transposition only")


@mutator("matmul")
def operands_of_product_swapped(cell: Cell) -> Iterator[Mutation]:
    """`matmul(b, a)` for `matmul(a, b)`."""
    for call in cell.calls("matmul", "dot"):
        if len(call.args) > 1:
            first, second = call.args[:2]
            changes = ((first, cell.part(second)), (second, cell.part(first)))
            yield Mutation(cell.put(*changes), because="the inner sizes fit in one order only")
    for node in cell.nodes:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            changes = ((node.left, cell.part(node.right)), (node.right, cell.part(node.left)))
            yield Mutation(cell.put(*changes), because="the inner sizes fit in one order only")


MUTATORS = (
    list_for_array,
    dataset_not_batched,
    dataset_batched_twice,
    labels_left_as_numbers,
    labels_encoded_for_sparse_loss,
    loss_for_other_encoding,
    x_and_y_swapped,
    target_and_prediction_swapped,
    whole_set_for_part,
    slice_of_one_partner_only,
    weights_of_other_length,
    column_against_row,
    row_for_column,
    data_of_one_example,
    transposition_in_product_forgotten,
    operands_of_product_swapped,
)
