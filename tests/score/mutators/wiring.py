"""The right parts wired wrongly: another name, another order, another place."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from score.cell import Cell, called, whole
from score.mutator import Mutation, mutator


@mutator("skip-connection")
def skip_from_other_stage(cell: Cell) -> Iterator[Mutation]:
    """A skip connection from another stage."""
    names = {node.id for node in cell.nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    for node in cell.nodes:
        if isinstance(node, ast.List) and len(node.elts) > 1:
            for item in node.elts:
                if isinstance(item, ast.Name) and (found := re.fullmatch(r"([a-z]+)(\d)", item.id)):
                    for number in (int(found[2]) - 1, int(found[2]) + 1):
                        other = f"{found[1]}{number}"
                        if other in names:
                            yield Mutation(cell.put((item, other)), because="the sizes fit with one stage only")
                            break


@mutator("skip-connection")
def skips_not_reversed(cell: Cell) -> Iterator[Mutation]:
    """The skips of an encoder taken in the order they were made."""
    for call in cell.calls("reversed"):
        yield Mutation(cell.put((call, cell.part(call.args[0]))), because="the sizes fit in the reversed order only")


@mutator("wrong-variable")
def step_skipped(cell: Cell) -> Iterator[Mutation]:
    """A layer called on what came before the last step."""
    for node in cell.nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Call) and len(node.args) == 1:
            given = node.args[0]
            statement = cell.statement(node)
            block = cell.block(statement)
            place = block.index(statement)
            if isinstance(given, ast.Name) and place > 1:
                before = block[place - 1]
                if isinstance(before, ast.Assign) and cell.part(before.targets[0]) == given.id:
                    inner = [
                        n.id for n in ast.walk(before.value) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)
                    ]
                    others = [name for name in inner if name != given.id and _is_value(cell, name)]
                    if others:
                        yield Mutation(cell.put((given, others[-1])), because="the line before makes what is not used")


def _is_value(cell: Cell, name: str) -> bool:
    """Whether `name` is assigned by calling something, as a tensor is, rather than imported or defined."""
    for node in cell.nodes:
        if isinstance(node, ast.Assign) and any(cell.part(target) == name for target in node.targets):
            return isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Call | ast.Attribute | ast.Name)
    return False


@mutator("arguments-swapped")
def arguments_swapped(cell: Cell) -> Iterator[Mutation]:
    """Two arguments of the user's own function swapped."""
    own = {n.name for n in cell.nodes if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    objects = {
        cell.part(node.targets[0])
        for node in cell.nodes
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and called(node.value) in own
    }
    for call in cell.calls():
        if len(call.args) > 1 and (called(call) in own or cell.part(call.func) in objects):
            first, second = call.args[:2]
            if cell.part(first) != cell.part(second):
                changes = ((first, cell.part(second)), (second, cell.part(first)))
                yield Mutation(cell.put(*changes), because="the names of the parameters state the order")


@mutator("list-of-inputs")
def inputs_in_other_order(cell: Cell) -> Iterator[Mutation]:
    """The inputs of a model with several in another order."""
    for call in cell.calls():
        if call.args and isinstance(call.args[0], ast.List) and len(call.args[0].elts) in (2, 3):
            elements = call.args[0].elts
            if called(call) in ("predict", "fit", "train_on_batch") or isinstance(call.func, ast.Name):
                first, second = elements[:2]
                changes = ((first, cell.part(second)), (second, cell.part(first)))
                yield Mutation(cell.put(*changes), because="the model's inputs have shapes of their own")


@mutator("list-of-inputs")
def one_input_of_several(cell: Cell) -> Iterator[Mutation]:
    """One input for a model that takes several."""
    for call in cell.calls("predict", "fit", "train_on_batch", "discriminator", "siamese"):
        if call.args and isinstance(call.args[0], ast.List) and len(call.args[0].elts) > 1:
            first = call.args[0].elts[0]
            yield Mutation(
                cell.put((call.args[0], cell.part(first))), because="the model states its inputs, and a name has each"
            )


@mutator("in-or-out-of-loop")
def moved_out_of_loop(cell: Cell) -> Iterator[Mutation]:
    """The last statement of a loop stands after it."""
    for node in cell.nodes:
        if isinstance(node, ast.For) and len(node.body) > 1 and not node.orelse:
            last = node.body[-1]
            first, end = cell.lines(last)
            if last.lineno == last.end_lineno:
                line = " " * node.col_offset + cell.text[first:end].lstrip()
                yield Mutation(
                    cell.text[:first] + line + cell.text[end:], because="the loop makes it once for each turn"
                )


@mutator("in-or-out-of-loop")
def moved_into_loop(cell: Cell) -> Iterator[Mutation]:
    """The statement after a loop stands in it."""
    for node in cell.nodes:
        if isinstance(node, ast.For) and not node.orelse:
            block = cell.block(node)
            place = block.index(node)
            if place + 1 < len(block):
                after = block[place + 1]
                first, end = cell.lines(after)
                if after.lineno == after.end_lineno and isinstance(after, ast.Assign | ast.Expr):
                    line = " " * node.body[-1].col_offset + cell.text[first:end].lstrip()
                    yield Mutation(
                        cell.text[:first] + line + cell.text[end:], because="it is needed once, after all turns"
                    )


@mutator("statement-missing")
def step_left_out(cell: Cell) -> Iterator[Mutation]:
    """A line that makes data of the right shape left out."""
    for node in cell.nodes:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call | ast.BinOp | ast.Subscript):
            name = cell.part(node.targets[0])
            makers = ("reshape", "expand_dims", "resize", "squeeze", "transpose", "newaxis", "None]", "matmul")
            reads_itself = any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(node.value))
            if reads_itself and any(word in cell.part(node.value) for word in makers):
                yield Mutation(cell.without(node), because="the shape that is stated further on names what is missing")


@mutator("build")
def shape_of_other_axis_in_build(cell: Cell) -> Iterator[Mutation]:
    """A weight made for another axis of the input."""
    for node in cell.nodes:
        if (
            isinstance(node, ast.Subscript)
            and cell.part(node.value) in ("input_shape", "shape")
            and whole(node.slice) == -1
        ):
            yield Mutation(cell.put((node.slice, "0")), because="the product with the input states the axis")


@mutator("list-of-inputs")
def list_reordered(cell: Cell) -> Iterator[Mutation]:
    """The sizes in a configuration in another order, so that stages do not meet."""
    for node in cell.nodes:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.List) and len(node.value.elts) > 2:
            elements = node.value.elts
            if all(isinstance(e, ast.Call) for e in elements):
                first, second = elements[0], elements[-1]
                changes = ((first, cell.part(second)), (second, cell.part(first)))
                yield Mutation(cell.put(*changes), because="sizes grow along the other lists of the cell")


MUTATORS = (
    skip_from_other_stage,
    skips_not_reversed,
    step_skipped,
    arguments_swapped,
    inputs_in_other_order,
    one_input_of_several,
    moved_out_of_loop,
    moved_into_loop,
    step_left_out,
    shape_of_other_axis_in_build,
    list_reordered,
)
