"""Repairs of a `tf.nn` kernel that was made for another number of channels than its input has."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.arguments import option_of
from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.definitions import arguments_for, definitions_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.expected_outputs import output_for
from conv_magic.analysis.operands import module_alias
from conv_magic.analysis.shape_literals import size_expressions
from conv_magic.analysis.training import with_number
from conv_magic.arithmetic.axes import replaced
from conv_magic.model.calls import CallRecord
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import channel_axis, counted
from conv_magic.model.options import ConvTransposeOptions, DepthwiseConvOptions
from conv_magic.model.positions import Edit
from conv_magic.model.trace import Trace
from conv_magic.text.edits import fix, wrapped
from conv_magic.text.source import Code, argument, called_name


def kernel_for_channels(call: CallRecord, trace: Trace, have: int) -> Iterator[Fix]:
    """Offer a `tf.nn` kernel made for `have` input channels, where the text writes the kernel's shape."""
    site = call_site_of(call, trace)
    filters = option_of(site[1], "filters", call.op) if site else None
    if call.layer is not None or call.kernel is None or site is None or filters is None:
        return
    cell, node = site
    transposed = isinstance(call.options, ConvTransposeOptions)
    axis = len(call.kernel) - (1 if transposed else 2)
    kernel = replaced(call.kernel, (axis,), (have,))
    yield from _channels_of_other_axis(call, cell, axis)
    for sizes in size_expressions(cell, trace, filters, call.kernel):
        named = _parameter_for(cell, sizes[axis], have, trace)
        edits = [named] if named is not None else with_number(cell, trace, sizes[axis], have)
        for edit in edits:
            title = f"make the kernel for {counted(have, 'channel')}"
            yield fix(title, cell, [edit], Applicability.CHOICE, output_for(call, call.inputs[0], kernel))
            return
    yield from _other_constructor_argument(cell, node, trace, call.kernel[axis], have)


def _other_constructor_argument(
    cell: Code, failed: ast.Call, trace: Trace, want: int | None, have: int
) -> Iterator[Fix]:
    """Change the argument of the user's own class that the kernel's channels come from: `Net(in_channels=4)`."""
    model_class = next((n for n in cell.around(failed) if isinstance(n, ast.ClassDef)), None)
    constructions = [
        n for n in cell.nodes if isinstance(n, ast.Call) and model_class and called_name(n) == model_class.name
    ]
    arguments = (
        [*constructions[0].args, *(k.value for k in constructions[0].keywords)] if len(constructions) == 1 else []
    )
    reader = Evaluator(cell, trace)
    fitting = [node for node in arguments if reader.value(node) == want]
    if model_class is not None and len(fitting) == 1:
        title = f"make {model_class.name} for {counted(have, 'channel')}"
        yield fix(title, cell, [cell.replace(fitting[0], str(have))], Applicability.CHOICE)


def _channels_of_other_axis(call: CallRecord, cell: Code, channels: int) -> Iterator[Fix]:
    """Repair a kernel whose shape takes the channels from another axis of the input: `input_shape[1]`."""
    shape, kernel = call.inputs[0], call.kernel or ()
    found: list[ast.expr] = []
    for node in cell.nodes:
        if isinstance(node, ast.Tuple | ast.List) and len(node.elts) == len(kernel):
            match node.elts[channels]:
                case ast.Subscript(value=owner, slice=ast.Constant(value=int(axis)) as index) if (
                    0 < axis < len(shape) - 1 and shape[axis] == kernel[channels] and "shape" in ast.unparse(owner)
                ):
                    found.append(index)
    if len(found) == 1 and channel_axis(call, len(shape)) == len(shape) - 1:
        title = "make the kernel for the channels, which are the input's last axis"
        yield fix(title, cell, [cell.replace(found[0], "-1")], Applicability.SURE)


def _parameter_for(cell: Code, size: ast.expr, want: int, trace: Trace) -> Edit | None:
    """Replace a parameter by another of its function that is always `want`: `in_channels` for `out_channels`."""
    scope = cell.scope_of(size)
    if not isinstance(size, ast.Name) or not isinstance(scope, ast.FunctionDef):
        return None
    for parameter in (*scope.args.posonlyargs, *scope.args.args, *scope.args.kwonlyargs):
        given = list(arguments_for(cell, scope, parameter.arg)) if parameter.arg not in (size.id, "self") else []
        if given and all(Evaluator(cell, trace).value(value) == want for value in given):
            return cell.replace(size, parameter.arg)
    return None


def kernel_repeated(call: CallRecord, trace: Trace, have: int) -> Iterator[Fix]:
    """Offer a depthwise kernel for `have` channels: its one channel repeated, or its own repetition changed."""
    site = call_site_of(call, trace)
    filters = option_of(site[1], "filters", call.op) if site else None
    tensorflow = module_alias(site[0], "tensorflow") if site else None
    depthwise = call.layer is None and isinstance(call.options, DepthwiseConvOptions)
    if not depthwise or site is None or filters is None or tensorflow is None or call.kernel is None:
        return
    yield from _other_repetitions(call, trace, site[0], filters, have)
    if call.kernel[-2] == 1:
        edit = wrapped(site[0], filters, f"{tensorflow}.repeat(", f", {have}, axis=2)")
        kernel = replaced(call.kernel, (2,), (have,))
        title = f"use the kernel on each of the {have} channels"
        yield fix(title, site[0], [edit], Applicability.SURE, output_for(call, call.inputs[0], kernel))


def _other_repetitions(call: CallRecord, trace: Trace, cell: Code, filters: ast.expr, have: int) -> Iterator[Fix]:
    """Change how often a kernel is repeated or tiled to the number of channels."""
    want = (call.kernel or (None, None))[-2]
    for origin in definitions_of(cell, filters):
        for node in (n for n in ast.walk(origin) if isinstance(n, ast.Call) and called_name(n) in ("repeat", "tile")):
            times = argument(node, 1, "repeats", "multiples", "reps")
            count = times.elts[2] if isinstance(times, ast.List | ast.Tuple) and len(times.elts) == 4 else times
            if count is None or Evaluator(cell, trace).value(count) != want:
                continue
            for edit in with_number(cell, trace, count, have):
                title = f"repeat the kernel for {counted(have, 'channel')}"
                yield fix(title, cell, [edit], Applicability.SURE)
                return
