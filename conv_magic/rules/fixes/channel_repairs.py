"""Repairs of data that has other channels than a convolution takes: at the expression, its loader, its parts."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic import arithmetic
from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.loaders import loader_edits
from conv_magic.analysis.operands import Operand, module_alias
from conv_magic.analysis.shape_literals import transposing
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.model.calls import CallRecord, Mode
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.options import DepthwiseConvOptions, FitOptions
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.text.edits import fix, indexed, wrapped
from conv_magic.text.source import Code, called_name

_JOINING = {"concatenate", "concat", "Concatenate"}
_MOVED = "move the channels from axis 1 to the last"
_CUT = "leave out the fourth channel (transparency)"


def of_data(call: CallRecord, trace: Trace, supply: Operand, axis: int, have: int, want: int) -> Iterator[Fix]:
    """The repairs, likeliest first; a dataset is mapped, arrays and tensors are changed where they are given."""
    if _is_dataset(call, trace):
        yield from _at_loader(supply, want)
        yield from _mapped(supply, trace, have, want)
        return
    shape = call.inputs[0]
    last = axis == len(shape) - 1
    if last and shape[1] == want and have > want:
        yield from _moved(call, supply)
    if last and have * 3 == want * 4:
        yield from _without_transparency(call, supply, have, want)
    if have == 1:
        yield from _repeated(call, supply, axis, want)
    if last and have == 3 and want == 1 and not isinstance(call.options, DepthwiseConvOptions):
        yield from _grayscale(call, supply)
    yield from _at_loader(supply, want)


def _is_dataset(call: CallRecord, trace: Trace) -> bool:
    """Whether a dataset or a generator brought the data."""
    *_, outermost = (call, *graph_of(trace).ancestors(call))
    return isinstance(outermost.options, FitOptions) and outermost.options.dataset


def _at_loader(supply: Operand, want: int) -> Iterator[Fix]:
    for title, edit in loader_edits(supply.code, supply.value, want):
        yield fix(title, supply.code, [edit], Applicability.SURE)


def _mapped(supply: Operand, trace: Trace, have: int, want: int) -> Iterator[Fix]:
    name = supply.value.id if isinstance(supply.value, ast.Name) else None
    parts = next((v.parts for v in trace.values if v.name == name and v.kind == "dataset"), ())
    tensorflow = module_alias(supply.code, "tensorflow")
    change = {
        (3, 1): f"{tensorflow}.image.rgb_to_grayscale(x)" if tensorflow else None,
        (1, 3): f"{tensorflow}.image.grayscale_to_rgb(x)" if tensorflow else None,
        (4, 3): "x[..., :3]",
    }.get((have, want))
    if change is None or not 1 <= len(parts) <= 2:
        return
    function = f"lambda x, y: ({change}, y)" if len(parts) == 2 else f"lambda x: {change}"
    words = {(3, 1): "turn the colours to grayscale", (1, 3): "repeat the one channel 3 times"}.get((have, want), _CUT)
    edit = indexed(supply.code, supply.value, f".map({function})")
    yield fix(words, supply.code, [edit], Applicability.SURE)


def _moved(call: CallRecord, supply: Operand) -> Iterator[Fix]:
    shape = call.inputs[0]
    order = (0, *range(2, len(shape)), 1)
    around = transposing(supply.code, order)
    if around is not None:
        edit = wrapped(supply.code, supply.value, *around)
        predicted = _output(call, tuple(shape[axis] for axis in order))
        yield fix(_MOVED, supply.code, [edit], Applicability.SURE, predicted)


def _without_transparency(call: CallRecord, supply: Operand, have: int, want: int) -> Iterator[Fix]:
    """RGBA to RGB; where several pictures lie behind one another, in each of them."""
    predicted = _output(call, (*call.inputs[0][:-1], want))
    if have == 4:
        edit = indexed(supply.code, supply.value, "[..., :3]")
        yield fix(_CUT, supply.code, [edit], Applicability.SURE, predicted)
        return
    pictures = _joined(supply.code, supply.value, have // 4)
    if pictures:
        edits = [indexed(supply.code, picture, "[..., :3]") for picture in pictures]
        title = f"leave out the fourth channel (transparency) of each of the {have // 4} pictures"
        yield fix(title, supply.code, edits, Applicability.SURE, predicted)


def _joined(code: Code, value: ast.expr, count: int) -> list[ast.expr]:
    """The expressions that are joined along the channels to make a value."""
    for origin in definitions_of(code, value):
        for call in (node for node in ast.walk(origin) if isinstance(node, ast.Call)):
            if called_name(call) not in _JOINING:
                continue
            for parts in (*call.args, *(keyword.value for keyword in call.keywords)):
                parts = definitions_of(code, parts)[-1]
                if isinstance(parts, ast.List | ast.Tuple) and len(parts.elts) == count:
                    return parts.elts
                if isinstance(parts, ast.ListComp | ast.GeneratorExp):
                    return [parts.elt]
    return []


def _repeated(call: CallRecord, supply: Operand, axis: int, want: int) -> Iterator[Fix]:
    library = _repeating(supply.code, symbolic=call.mode is Mode.SYMBOLIC)
    if library is not None:
        edit = wrapped(supply.code, supply.value, f"{library}.repeat(", f", {want}, axis={1 if axis == 1 else -1})")
        shape = (*call.inputs[0][:axis], want, *call.inputs[0][axis + 1 :])
        title = f"repeat the one channel {want} times"
        yield fix(title, supply.code, [edit], Applicability.SURE, _output(call, shape))


def _repeating(cell: Code, *, symbolic: bool) -> str | None:
    """A library the cell has that can repeat along an axis, for tensors of any kind first; of Keras', Keras only."""
    spellings = (("keras", "{}.ops"), ("tensorflow", "{}.keras.ops" if symbolic else "{}"), ("numpy", "{}"))
    for module, spelling in spellings if symbolic else (spellings[1], spellings[0], spellings[2]):
        name = module_alias(cell, module)
        if name and not (symbolic and module == "numpy"):
            return spelling.format(name)
    return None


def _grayscale(call: CallRecord, supply: Operand) -> Iterator[Fix]:
    tensorflow, keras = module_alias(supply.code, "tensorflow"), module_alias(supply.code, "keras")
    predicted = _output(call, (*call.inputs[0][:-1], 1))
    title = "turn the colours to grayscale"
    symbolic = call.mode is Mode.SYMBOLIC
    library = keras or tensorflow if symbolic else tensorflow or keras
    if library is not None:
        inside = "ops.image" if library == keras else "keras.ops.image" if symbolic else "image"
        module = f"{library}.{inside}"
        edit = wrapped(supply.code, supply.value, f"{module}.rgb_to_grayscale(", ")")
        yield fix(title, supply.code, [edit], Applicability.SURE, predicted)
    elif module_alias(supply.code, "numpy"):
        edit = indexed(supply.code, supply.value, ".mean(axis=-1, keepdims=True)")
        yield fix(title, supply.code, [edit], Applicability.SURE, predicted)


def _output(call: CallRecord, shape: Shape) -> Shape | None:
    if call.options is None:
        return None
    try:
        return arithmetic.expected_shape(call.options, (shape,), call.kernel)
    except arithmetic.ShapeProblem:
        return None
