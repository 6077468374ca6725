"""Repairs of a merge at its shortcut: projected by a 1x1 convolution, or pooled as the other branch is."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.arguments import option_of, with_option
from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.merges import Merge, merged
from conv_magic.analysis.training import with_units
from conv_magic.model.calls import CallRecord
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import counted, name_of
from conv_magic.model.options import ConvOptions, ConvTransposeOptions, DenseOptions, PoolOptions
from conv_magic.model.positions import Edit
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.fixes.merge_layers import strides_as_written
from conv_magic.text.edits import fix, wrapped
from conv_magic.text.layer_edits import layer_name


def projected(
    merge: Merge, trace: Trace, chains: list[tuple[CallRecord, ...]], which: int, other: int
) -> Iterator[Fix]:
    """Bring a shortcut without layers of its own to the other branch's shape by a 1x1 convolution."""
    if merge.axis is not None or not merge.parts or len(merge.call.inputs) != 2:
        return
    without_layers = [index for index, chain in enumerate(chains) if not chain and chains[1 - index]]
    if len(without_layers) != 1:
        yield from _projection_widened(merge, trace, chains)
        return
    index = without_layers[0]
    shape, wanted = merge.call.inputs[index], merge.call.inputs[1 - index]
    strides = _strides_between(shape, wanted)
    layer = layer_spelled(merge, trace, f"Conv{len(shape) - 2}D")
    if strides is None or layer is None or _runs_in_call(merge):
        return
    name, imports = layer
    last = last_setting_channels(chains[1 - index])
    filters = _filters_written(last, trace, merge) or str(wanted[-1])
    step = "" if strides == 1 else f", strides={strides_as_written(str(strides), merge.node, chains, merge.code)}"
    pad = ', padding="same"' if strides > 1 else ""
    edit = wrapped(merge.code, merge.parts[index], f"{name}({filters}, 1{step}{pad})(", ")")
    if shape[-1] != wanted[-1]:
        title = f"project the shortcut to {counted(wanted[-1], 'channel')}"
        yield fix(title, merge.code, [edit, *imports], Applicability.SURE)


def _projection_widened(merge: Merge, trace: Trace, chains: list[tuple[CallRecord, ...]]) -> Iterator[Fix]:
    """Give a shortcut's own 1x1 convolution the filters of the other branch."""
    for index, chain in enumerate(chains):
        last = last_setting_channels(chain)
        options = last.options if last else None
        if not isinstance(options, ConvOptions) or set(options.kernel_size) != {1} or len(chain) > 2:
            continue
        shape, wanted = merge.call.inputs[index], merge.call.inputs[1 - index]
        if last is not None and shape[-1] != wanted[-1] and wanted[-1] is not None and shape[1:-1] == wanted[1:-1]:
            for cell, edit in with_units(last, trace, wanted[-1]):
                title = f"give {name_of(last)} {counted(wanted[-1], 'filter')}"
                yield fix(title, cell, [edit], Applicability.SURE)
                return


def projection_strided(merge: Merge, trace: Trace, chains: list[tuple[CallRecord, ...]], ratio: int) -> Iterator[Fix]:
    """Give a shortcut's 1x1 convolution the strides that its branch has as well."""
    for index, chain in enumerate(chains if merge.axis is None and len(chains) == 2 else ()):
        sizing = [c for c in chain if isinstance(c.options, ConvOptions)]
        options = sizing[0].options if len(sizing) == 1 else None
        strided = [c for c in chains[1 - index] if set(getattr(c.options, "strides", ())) == {ratio}]
        if not isinstance(options, ConvOptions) or {*options.kernel_size, *options.strides} != {1} or not strided:
            continue
        site, other = call_site_of(sizing[0], trace), call_site_of(strided[0], trace)
        if site is None or other is None:
            continue
        written = option_of(other[1], "strides", strided[0].op)
        same = site[0] is other[0] and site[0].scope_of(site[1]) is other[0].scope_of(other[1])
        text = other[0].text_of(written) if written is not None and same else str(ratio)
        edits = [with_option(*site, "strides", text, sizing[0].op)]
        title = f"give {name_of(sizing[0])} the strides of the other branch: strides={text}"
        yield fix(title, site[0], edits, Applicability.SURE)


def _filters_written(last: CallRecord | None, trace: Trace, merge: Merge) -> str | None:
    """Return how the main branch writes its filters, if the merge stands in the same function; else None."""
    site = call_site_of(last, trace) if last else None
    given = option_of(site[1], "filters", last.op) if site and last else None
    if site is None or given is None or site[0].cell != merge.code.cell:
        return None
    cell = site[0]
    names = (node for node in ast.walk(given) if isinstance(node, ast.Name))
    in_loop = any(isinstance(around, ast.For) for name in names for around in cell.around(name))
    return cell.text_of(given) if cell.scope_of(given) is cell.scope_of(merge.node) and not in_loop else None


def _strides_between(shape: Shape, wanted: Shape) -> int | None:
    """Return the strides with which a padded 1x1 convolution makes one shape of another, None without."""
    ratios = set()
    for have, want in zip(shape[1:-1], wanted[1:-1], strict=True):
        if have is None or want is None:
            ratios.add(1)
        else:
            ratios.add(next((s for s in range(1, 17) if -(-have // s) == want), 0))
    return ratios.pop() if len(ratios) == 1 and 0 not in ratios else None


def pooled(
    merge: Merge, trace: Trace, chains: list[tuple[CallRecord, ...]], which: int, other: int, ratio: int
) -> Iterator[Fix]:
    """Pool the larger of two branches as the smaller one was."""
    if not merge.parts or len(merge.call.inputs) != 2:
        return
    smaller, larger = sorted((which, other), key=lambda index: merge.call.inputs[index][1] or 0)
    if chains[larger] or len(merge.call.inputs[0]) not in (3, 4, 5):
        return
    pools = [c for c in chains[smaller] if isinstance(c.options, PoolOptions) and set(c.options.strides) == {ratio}]
    kind = pools[-1].op if pools else f"MaxPooling{len(merge.call.inputs[0]) - 2}D"
    named = layer_spelled(merge, trace, kind)
    if named is None or _runs_in_call(merge):
        return
    padded = ', padding="same"' if any(getattr(p.options, "padding", "") == "same" for p in pools) else ""
    text = f"{named[0]}({ratio}{padded})("
    edit = wrapped(merge.code, merge.parts[larger], text, ")")
    title = "pool the shortcut as the other branch is"
    shapes = list[Shape | None](merge.call.inputs)
    shapes[larger] = (*merge.call.inputs[smaller][:-1], merge.call.inputs[larger][-1])
    predicted = merged(merge, tuple(shapes))
    yield fix(title, merge.code, [edit, *named[1]], Applicability.SURE, predicted)


def _runs_in_call(merge: Merge) -> bool:
    """Check whether the merge stands in a method that runs at each call of a layer: no layer may be made there."""
    scope = merge.code.scope_of(merge.node)
    return isinstance(scope, ast.FunctionDef) and scope.name in ("call", "__call__") and merge.call.parent is not None


def layer_spelled(merge: Merge, trace: Trace, layer: str) -> tuple[str, list[Edit]] | None:
    """Return how the cell can spell another layer, with the imports for it; None where that is not known."""
    for call in (merge.call, *reversed(trace.calls)):
        node = merge.code.call_at(call.created)
        if node is not None and (named := layer_name(merge.code, node, layer)) is not None:
            return named
    return None


def last_setting_channels(chain: tuple[CallRecord, ...]) -> CallRecord | None:
    """Return the last layer of a branch that sets its channels, None without one."""
    sizing = [c for c in chain if isinstance(c.options, ConvOptions | DenseOptions | ConvTransposeOptions)]
    return sizing[-1] if sizing else None
