"""Repairs of a merge at its shortcut: projected by a 1x1 convolution, or pooled as the other branch is."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.merges import Merge, merged
from conv_magic.analysis.operands import code_of
from conv_magic.analysis.training import with_units
from conv_magic.model.calls import CallRecord
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import counted, name_of
from conv_magic.model.options import ConvOptions, ConvTransposeOptions, DenseOptions, PoolOptions
from conv_magic.model.positions import Edit
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.fixes.merge_layers import as_written
from conv_magic.text.edits import fix, with_argument, wrapped
from conv_magic.text.layer_edits import layer_name
from conv_magic.text.source import Code, argument


def projected(merge: Merge, trace: Trace, own: list[tuple[CallRecord, ...]], which: int, other: int) -> Iterator[Fix]:
    """A shortcut without layers of its own, brought to the other branch's shape by a 1x1 convolution."""
    if merge.axis is not None or not merge.parts or len(merge.call.inputs) != 2:
        return
    bare = [place for place, chain in enumerate(own) if not chain and own[1 - place]]
    if len(bare) != 1:
        yield from _projection_fixed(merge, trace, own)
        return
    place = bare[0]
    shape, wanted = merge.call.inputs[place], merge.call.inputs[1 - place]
    strides = _strides(shape, wanted)
    layer = layer_like(merge, trace, f"Conv{len(shape) - 2}D")
    if strides is None or layer is None or _is_called_often(merge):
        return
    name, imports = layer
    last = last_sizing(own[1 - place])
    filters = _filters_written(last, trace, merge) or str(wanted[-1])
    step = "" if strides == 1 else f", strides={as_written(str(strides), merge.node, own, trace, merge.code)}"
    pad = ', padding="same"' if strides > 1 else ""
    edit = wrapped(merge.code, merge.parts[place], f"{name}({filters}, 1{step}{pad})(", ")")
    if shape[-1] != wanted[-1]:
        title = f"project the shortcut to {counted(wanted[-1], 'channel')}"
        yield fix(title, merge.code, [edit, *imports], Applicability.SURE)


def _projection_fixed(merge: Merge, trace: Trace, own: list[tuple[CallRecord, ...]]) -> Iterator[Fix]:
    """A shortcut's own 1x1 convolution given the filters, and the strides, of the other branch."""
    for place, chain in enumerate(own):
        last = last_sizing(chain)
        options = last.options if last else None
        if not isinstance(options, ConvOptions) or set(options.kernel_size) != {1} or len(chain) > 2:
            continue
        shape, wanted = merge.call.inputs[place], merge.call.inputs[1 - place]
        if last is not None and shape[-1] != wanted[-1] and wanted[-1] is not None and shape[1:-1] == wanted[1:-1]:
            for cell, edit in with_units(last, trace, wanted[-1]):
                title = f"give {name_of(last)} {counted(wanted[-1], 'filter')}"
                yield fix(title, cell, [edit], Applicability.SURE)
                return


def projection_strided(merge: Merge, trace: Trace, own: list[tuple[CallRecord, ...]], ratio: int) -> Iterator[Fix]:
    """A shortcut's 1x1 convolution given the strides that its branch has as well."""
    for place, chain in enumerate(own if merge.axis is None and len(own) == 2 else ()):
        sizing = [c for c in chain if isinstance(c.options, ConvOptions)]
        options = sizing[0].options if len(sizing) == 1 else None
        strided = [c for c in own[1 - place] if set(getattr(c.options, "strides", ())) == {ratio}]
        if not isinstance(options, ConvOptions) or {*options.kernel_size, *options.strides} != {1} or not strided:
            continue
        made, like = call_site_of(sizing[0], trace), call_site_of(strided[0], trace)
        if made is None or like is None:
            continue
        written = argument(like[1], 2, "strides")
        same = made[0] is like[0] and made[0].scope_of(made[1]) is like[0].scope_of(like[1])
        text = like[0].text_of(written) if written is not None and same else str(ratio)
        edits = [with_argument(*made, 2, "strides", text)]
        title = f"give {name_of(sizing[0])} the strides of the other branch: strides={text}"
        yield fix(title, made[0], edits, Applicability.SURE)


def _filters_written(last: CallRecord | None, trace: Trace, merge: Merge) -> str | None:
    """How the main branch writes its filters, where the merge stands in the same function."""
    cell = code_of(trace, last.created) if last else None
    made = cell.call_at(last.created) if cell and last else None
    given = argument(made, 0, "filters", "units") if made is not None else None
    if cell is None or given is None or cell.cell != merge.code.cell:
        return None
    same = cell.scope_of(given) is cell.scope_of(merge.node)
    return cell.text_of(given) if same and all(not _rebound(cell, n) for n in _names(given)) else None


def _names(node: ast.expr) -> list[ast.Name]:
    return [n for n in ast.walk(node) if isinstance(n, ast.Name)]


def _rebound(cell: Code, name: ast.Name) -> bool:
    """Whether a name changes with a loop."""
    return any(isinstance(n, ast.For) for n in cell.around(name))


def _strides(shape: Shape, wanted: Shape) -> int | None:
    """The strides with which a padded 1x1 convolution brings the one to the other."""
    ratios = set()
    for have, want in zip(shape[1:-1], wanted[1:-1], strict=True):
        if have is None or want is None:
            ratios.add(1)
        else:
            ratios.add(next((s for s in range(1, 17) if -(-have // s) == want), 0))
    return ratios.pop() if len(ratios) == 1 and 0 not in ratios else None


def pooled(
    merge: Merge, trace: Trace, own: list[tuple[CallRecord, ...]], which: int, other: int, ratio: int
) -> Iterator[Fix]:
    """The larger of two branches pooled as the smaller one was."""
    if not merge.parts or len(merge.call.inputs) != 2:
        return
    smaller, larger = sorted((which, other), key=lambda place: merge.call.inputs[place][1] or 0)
    if own[larger] or len(merge.call.inputs[0]) not in (3, 4, 5):
        return
    pools = [c for c in own[smaller] if isinstance(c.options, PoolOptions) and set(c.options.strides) == {ratio}]
    kind = pools[-1].op if pools else f"MaxPooling{len(merge.call.inputs[0]) - 2}D"
    named = layer_like(merge, trace, kind)
    if named is None or _is_called_often(merge):
        return
    padded = ', padding="same"' if any(getattr(p.options, "padding", "") == "same" for p in pools) else ""
    text = f"{named[0]}({ratio}{padded})("
    edit = wrapped(merge.code, merge.parts[larger], text, ")")
    title = "pool the shortcut as the other branch is"
    shapes = list[Shape | None](merge.call.inputs)
    shapes[larger] = (*merge.call.inputs[smaller][:-1], merge.call.inputs[larger][-1])
    predicted = merged(merge, tuple(shapes))
    yield fix(title, merge.code, [edit, *named[1]], Applicability.SURE, predicted)


def _is_called_often(merge: Merge) -> bool:
    """Whether the merge stands in a method that runs at each call of a layer: no layer may be made there."""
    scope = merge.code.scope_of(merge.node)
    return isinstance(scope, ast.FunctionDef) and scope.name in ("call", "__call__") and merge.call.parent is not None


def layer_like(merge: Merge, trace: Trace, layer: str) -> tuple[str, list[Edit]] | None:
    """How the cell would name another layer."""
    for call in (merge.call, *reversed(trace.calls)):
        made = merge.code.call_at(call.created) if call.created is not None else None
        if made is not None:
            return layer_name(merge.code, made, layer)
    return None


def last_sizing(chain: tuple[CallRecord, ...]) -> CallRecord | None:
    """The last layer of a branch that sets its channels."""
    sizing = [c for c in chain if isinstance(c.options, ConvOptions | DenseOptions | ConvTransposeOptions)]
    return sizing[-1] if sizing else None
