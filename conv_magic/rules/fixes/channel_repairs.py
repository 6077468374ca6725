"""Repairs of data with other channels than a convolution takes: at the expression, its loader or its parts."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.expected_outputs import output_for
from conv_magic.analysis.loaders import loader_edits
from conv_magic.analysis.operands import Operand, module_alias
from conv_magic.analysis.shape_literals import transposing
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.model.calls import CallRecord, Mode
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.options import DepthwiseConvOptions, FitOptions
from conv_magic.model.trace import Trace
from conv_magic.text.edits import fix, indexed, wrapped
from conv_magic.text.source import Code, called_name

_JOINING_FUNCTIONS = {"concatenate", "concat", "Concatenate"}
_TRANSPARENCY = "leave out the fourth channel (transparency)"


def data_repaired(call: CallRecord, trace: Trace, operand: Operand, axis: int, have: int, want: int) -> Iterator[Fix]:
    """Offer the repairs of a call's input, the likeliest first.

    A dataset is mapped; arrays and tensors are changed where they are passed.
    """
    if _comes_from_dataset(call, trace):
        yield from _loader_changed(operand, want)
        yield from _dataset_mapped(operand, trace, have, want)
        return
    shape = call.inputs[0]
    last = axis == len(shape) - 1
    if last and shape[1] == want and have > want:
        yield from _channels_moved_last(call, operand)
    if last and have * 3 == want * 4:
        yield from _without_transparency(call, operand, have, want)
    if have == 1:
        yield from _channel_repeated(call, operand, axis, want)
    if last and have == 3 and want == 1 and not isinstance(call.options, DepthwiseConvOptions):
        yield from _turned_grayscale(call, operand)
    yield from _loader_changed(operand, want)


def _comes_from_dataset(call: CallRecord, trace: Trace) -> bool:
    """Check whether a dataset or a generator brought the data."""
    *_, outermost = (call, *graph_of(trace).ancestors(call))
    return isinstance(outermost.options, FitOptions) and outermost.options.dataset


def _loader_changed(operand: Operand, want: int) -> Iterator[Fix]:
    for title, edit in loader_edits(operand.code, operand.value, want):
        yield fix(title, operand.code, [edit], Applicability.SURE)


def _dataset_mapped(operand: Operand, trace: Trace, have: int, want: int) -> Iterator[Fix]:
    name = operand.value.id if isinstance(operand.value, ast.Name) else None
    parts = next((v.parts for v in trace.values if v.name == name and v.kind == "dataset"), ())
    tensorflow = module_alias(operand.code, "tensorflow")
    change = {
        (3, 1): f"{tensorflow}.image.rgb_to_grayscale(x)" if tensorflow else None,
        (1, 3): f"{tensorflow}.image.grayscale_to_rgb(x)" if tensorflow else None,
        (4, 3): "x[..., :3]",
    }.get((have, want))
    if change is None or not 1 <= len(parts) <= 2:
        return
    function = f"lambda x, y: ({change}, y)" if len(parts) == 2 else f"lambda x: {change}"
    title = {(3, 1): "turn the colours to grayscale", (1, 3): "repeat the one channel 3 times"}.get(
        (have, want), _TRANSPARENCY
    )
    edit = indexed(operand.code, operand.value, f".map({function})")
    yield fix(title, operand.code, [edit], Applicability.SURE)


def _channels_moved_last(call: CallRecord, operand: Operand) -> Iterator[Fix]:
    shape = call.inputs[0]
    order = (0, *range(2, len(shape)), 1)
    around = transposing(operand.code, order)
    if around is not None:
        edit = wrapped(operand.code, operand.value, *around)
        predicted = output_for(call, tuple(shape[axis] for axis in order))
        yield fix("move the channels from axis 1 to the last", operand.code, [edit], Applicability.SURE, predicted)


def _without_transparency(call: CallRecord, operand: Operand, have: int, want: int) -> Iterator[Fix]:
    """Make RGB of RGBA; where several pictures lie behind one another, of each."""
    predicted = output_for(call, (*call.inputs[0][:-1], want))
    if have == 4:
        edit = indexed(operand.code, operand.value, "[..., :3]")
        yield fix(_TRANSPARENCY, operand.code, [edit], Applicability.SURE, predicted)
        return
    pictures = _joined_pictures(operand.code, operand.value, have // 4)
    if pictures:
        edits = [indexed(operand.code, picture, "[..., :3]") for picture in pictures]
        title = f"leave out the fourth channel (transparency) of each of the {have // 4} pictures"
        yield fix(title, operand.code, edits, Applicability.SURE, predicted)


def _joined_pictures(code: Code, value: ast.expr, count: int) -> list[ast.expr]:
    """Return the `count` expressions that are joined to make a value; empty where there are none."""
    for origin in definitions_of(code, value):
        for call in (node for node in ast.walk(origin) if isinstance(node, ast.Call)):
            if called_name(call) not in _JOINING_FUNCTIONS:
                continue
            for parts in (*call.args, *(keyword.value for keyword in call.keywords)):
                parts = definitions_of(code, parts)[-1]
                if isinstance(parts, ast.List | ast.Tuple) and len(parts.elts) == count:
                    return parts.elts
                if isinstance(parts, ast.ListComp | ast.GeneratorExp):
                    return [parts.elt]
    return []


def _channel_repeated(call: CallRecord, operand: Operand, axis: int, want: int) -> Iterator[Fix]:
    library = _library_that_repeats(operand.code, symbolic=call.mode is Mode.SYMBOLIC)
    if library is not None:
        edit = wrapped(operand.code, operand.value, f"{library}.repeat(", f", {want}, axis={1 if axis == 1 else -1})")
        shape = (*call.inputs[0][:axis], want, *call.inputs[0][axis + 1 :])
        title = f"repeat the one channel {want} times"
        yield fix(title, operand.code, [edit], Applicability.SURE, output_for(call, shape))


def _library_that_repeats(cell: Code, *, symbolic: bool) -> str | None:
    """Return a library of the cell that repeats along an axis; for symbolic tensors one of Keras."""
    spellings = (("keras", "{}.ops"), ("tensorflow", "{}.keras.ops" if symbolic else "{}"), ("numpy", "{}"))
    for module, spelling in spellings if symbolic else (spellings[1], spellings[0], spellings[2]):
        name = module_alias(cell, module)
        if name and not (symbolic and module == "numpy"):
            return spelling.format(name)
    return None


def _turned_grayscale(call: CallRecord, operand: Operand) -> Iterator[Fix]:
    tensorflow, keras = module_alias(operand.code, "tensorflow"), module_alias(operand.code, "keras")
    predicted = output_for(call, (*call.inputs[0][:-1], 1))
    title = "turn the colours to grayscale"
    symbolic = call.mode is Mode.SYMBOLIC
    library = keras or tensorflow if symbolic else tensorflow or keras
    if library is not None:
        inside = "ops.image" if library == keras else "keras.ops.image" if symbolic else "image"
        module = f"{library}.{inside}"
        edit = wrapped(operand.code, operand.value, f"{module}.rgb_to_grayscale(", ")")
        yield fix(title, operand.code, [edit], Applicability.SURE, predicted)
    elif module_alias(operand.code, "numpy"):
        edit = indexed(operand.code, operand.value, ".mean(axis=-1, keepdims=True)")
        yield fix(title, operand.code, [edit], Applicability.SURE, predicted)
