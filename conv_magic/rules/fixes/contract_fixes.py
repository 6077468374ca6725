"""Repairs of a broken contract: other layers on the way to the value, another value, or another contract."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from math import prod

from conv_magic.analysis.arguments import with_option
from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.contract_checks import Broken, calls_stated
from conv_magic.analysis.producers import layer_setting_channels
from conv_magic.analysis.shape_literals import shape_literals
from conv_magic.analysis.training import with_units
from conv_magic.analysis.what_if import Change, WhatIf, before, changes_along, with_changes
from conv_magic.arithmetic.inverse import kernel_sizes_giving
from conv_magic.model.calls import CallRecord
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import channel_axis, counted, name_of
from conv_magic.model.options import (
    ConvOptions,
    ConvTransposeOptions,
    DenseOptions,
    DepthwiseConvOptions,
    Options,
    PoolOptions,
    SameShapeOptions,
)
from conv_magic.model.positions import Edit
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.records.calls import failed_innermost
from conv_magic.rules.fixes.layer_changes import Edits, added_behind, changed_all
from conv_magic.text.contract_matching import names_in
from conv_magic.text.contracts import Pattern, Size
from conv_magic.text.edits import fix, indexed
from conv_magic.text.source import Code

_MOST = 4
_STRIDES = (1, 2, 3, 4)


@dataclass(frozen=True)
class _Way:
    """Edits of layers, with their title and the calls' new options; `added` if no written argument is changed."""

    title: str
    edits: Edits
    changes: dict[int, Options]
    added: bool


def contract_fixes(broken: Broken, trace: Trace) -> Iterator[Fix]:
    """Yield the fixes, those of the model first; last the contract changed to what came, if the cell ran to its end."""
    expected, actual = broken.mismatch.match.expected, broken.mismatch.actual
    if broken.call is not None:
        if len(expected) == len(actual):
            yield from islice(_layers_changed(broken.call, expected, _binding_calls(broken, trace), trace), _MOST)
        else:
            yield from _axes_taken_away(broken.call, expected, trace)
    else:
        yield from _other_value(broken, trace)
    if failed_innermost(trace.calls) is None:
        yield _contract_changed(broken)


# -- layers ------------------------------------------------------------------------------------------------------------


def _binding_calls(broken: Broken, trace: Trace) -> list[CallRecord]:
    """Return the calls on other lines whose results gave the contract's names their sizes."""
    known = broken.mismatch.match.names
    bound = {known[name].span for name in names_in(broken.mismatch.pattern) if name in known}
    lines = {span.line for span in bound if span != broken.mismatch.contract.span}
    return [call for line in lines for call in calls_stated(line, broken.code, trace)]


def _layers_changed(call: CallRecord, want: Shape, binders: list[CallRecord], trace: Trace) -> Iterator[Fix]:
    """Change arguments of the layers that led here so that the arithmetic gives the wanted shape."""
    chain = (*before(call, trace), call)
    actual = call.output or ()
    channels = channel_axis(call, len(want))
    differ = {axis for axis, size in enumerate(want) if size is not None and size != actual[axis]}
    if 0 in differ:
        return
    widths = list(_other_width(chain, want[channels], trace)) if channels in differ else [None]
    sizes = list(_other_paddings(call, chain, want, trace)) if differ - {channels} else [None]
    for width in widths:
        for size in sizes:
            yield from _ways_together([way for way in (size, width) if way is not None], call, want, binders, trace)


def _ways_together(
    ways: list[_Way], call: CallRecord, want: Shape, binders: list[CallRecord], trace: Trace
) -> Iterator[Fix]:  # fmt: skip
    """Make several ways one fix, if the contract then holds and those that it takes names from still do."""
    cells = {way.edits[0].cell for way in ways}
    if len(cells) != 1:
        return
    changes = {index: options for way in ways for index, options in way.changes.items()}
    if len(ways) == 2 and ways[0].changes.keys() & ways[1].changes.keys():
        changes = _sizes_and_widths(ways[0].changes, ways[1].changes)
    what_if = WhatIf(trace, changes)
    output = what_if.output(call.index)
    if not _is_as_stated(output, want) or any(what_if.output(binder.index) != binder.output for binder in binders):
        return
    sure = Applicability.SURE if all(way.added for way in ways) else Applicability.CHOICE
    edits = [edit for way in ways for edit in way.edits[1]]
    yield fix(", and ".join(way.title for way in ways), ways[0].edits[0], edits, sure, output)


def _sizes_and_widths(sizes: dict[int, Options], widths: dict[int, Options]) -> dict[int, Options]:
    """Return the options with the windows of one way and the filters of the other."""
    joined = {**widths, **sizes}
    for index in sizes.keys() & widths.keys():
        options, width = sizes[index], getattr(widths[index], "filters", None)
        joined[index] = replace(options, filters=width) if isinstance(options, ConvOptions) else options
    return joined


def _is_as_stated(shape: Shape | None, want: Shape) -> bool:
    """Check whether a shape is the wanted one, as far as its sizes are stated."""
    return shape is not None and len(shape) == len(want) and all(
        size is None or size == other for size, other in zip(want, shape, strict=True)
    )  # fmt: skip


def _other_width(chain: tuple[CallRecord, ...], want: int | None, trace: Trace) -> Iterator[_Way]:
    """Offer other filters or units of the layer that set the channels."""
    setter = layer_setting_channels(list(chain))
    if setter is None or want is None or want < 1 or isinstance(setter.options, DepthwiseConvOptions):
        return
    noun = "unit" if isinstance(setter.options, DenseOptions) else "filter"
    for code, edit in with_units(setter, trace, want):
        changes = {setter.index: _with_width(setter.options, want)}
        yield _Way(f"give {name_of(setter)} {counted(want, noun)}", (code, [edit]), changes, added=False)


def _with_width(options: Options | None, want: int) -> Options:
    assert options is not None, "a layer that decides the channels has options"
    if isinstance(options, DenseOptions):
        return replace(options, units=want)
    return replace(options, filters=want) if isinstance(options, ConvOptions | ConvTransposeOptions) else options


def _other_paddings(call: CallRecord, chain: tuple[CallRecord, ...], want: Shape, trace: Trace) -> Iterator[_Way]:
    """Offer other paddings and strides along the way, then another window of the last layer that has one.

    What was left out of a layer comes before what was written.
    """
    every = changes_along(chain, 1, 2)
    padded = [change for change in every if change.argument == "padding"]
    groups = [[change] for change in every] + [padded] * (len(padded) > 1)
    ways = []
    for group in sorted(groups, key=lambda group: (not group[0].added, len(group))):
        changes = with_changes(group, chain)
        output = WhatIf(trace, changes).output(call.index)
        edits = changed_all(group, trace) if _has_spatial_sizes(output, want, call) else None
        if edits is not None:
            ways.append(_Way(_title_of(group), edits, changes, group[0].added))
    fewest = min((way.title.count(" and ") for way in ways), default=0)
    yield from (way for way in ways if way.title.count(" and ") == fewest)
    yield from _other_strides(call, chain, want, trace)
    yield from _other_windows(call, chain, want, trace)


def _has_spatial_sizes(output: Shape | None, want: Shape, call: CallRecord) -> bool:
    """Check whether a shape is the wanted one but for its channels."""
    channels = channel_axis(call, len(want))
    return _is_as_stated(output, tuple(None if axis == channels else size for axis, size in enumerate(want)))


def _title_of(group: list[Change]) -> str:
    names = " and ".join(name_of(change.call) for change in group)
    return f"give {names} {group[0].argument}={group[0].text}"


def _other_strides(call: CallRecord, chain: tuple[CallRecord, ...], want: Shape, trace: Trace) -> Iterator[_Way]:
    """Offer other strides of a `tf.nn` function on the way, the last one first."""
    for producer in reversed(chain):
        options, site = producer.options, call_site_of(producer, trace)
        if producer.layer is not None or site is None or not isinstance(options, ConvOptions | PoolOptions):
            continue
        for stride in _STRIDES:
            changes: dict[int, Options] = {producer.index: replace(options, strides=(stride,) * len(options.strides))}
            if stride not in options.strides and _has_spatial_sizes(
                WhatIf(trace, changes).output(call.index), want, call
            ):
                edit = with_option(*site, "strides", str(stride), producer.op)
                yield _Way(f"give {name_of(producer)} strides={stride}", (site[0], [edit]), changes, added=False)


def _other_windows(call: CallRecord, chain: tuple[CallRecord, ...], want: Shape, trace: Trace) -> Iterator[_Way]:
    last = call
    while isinstance(last.options, SameShapeOptions) and last.producers and last.producers[0] is not None:
        last = trace.calls[last.producers[0]]
    options = last.options
    if not isinstance(options, ConvOptions | DepthwiseConvOptions | PoolOptions) or last.layer is None:
        return
    sizes = tuple(None if axis == channel_axis(last, len(want)) else size for axis, size in enumerate(want))
    for window in kernel_sizes_giving(last.inputs[0], options, sizes)[:1]:
        site = call_site_of(last, trace)
        if site is None or options.padding == "same" or max(window) < 2:
            return
        pool = isinstance(options, PoolOptions)
        text = str(window[0]) if len(set(window)) == 1 else str(window)
        edit = with_option(*site, "pool_size" if pool else "kernel_size", text, last.op)
        changed: Options = replace(options, pool_size=window) if isinstance(options, PoolOptions) else replace(
            options, kernel_size=window
        )  # fmt: skip
        title = f"give {name_of(last)} a {'pool' if pool else 'kernel'} of {' x '.join(map(str, window))}"
        yield _Way(title, (site[0], [edit]), {last.index: changed}, added=False)


def _axes_taken_away(call: CallRecord, want: Shape, trace: Trace) -> Iterator[Fix]:
    """Put a layer that takes the axes away behind the one that made the value."""
    actual = call.output or ()
    if len(want) != 2 or len(actual) < 3 or None in actual[1:]:
        return
    features = prod(size or 0 for size in actual[1:])
    layers = [("Flatten", "flatten", features), (f"GlobalAveragePooling{len(actual) - 2}D", "pool", actual[-1])]
    for layer, verb, units in layers:
        edits = added_behind(call, trace, layer, "") if want[1] in (None, units) else None
        if edits is not None:
            yield fix(f"{verb} what {name_of(call)} gives: {layer}()", *edits, Applicability.CHOICE, (actual[0], units))


# -- values ------------------------------------------------------------------------------------------------------------


def _other_value(broken: Broken, trace: Trace) -> Iterator[Fix]:
    """Change the expression that gives the value: an axis added or taken, or a number of its literal."""
    code, want, actual = broken.code, broken.mismatch.match.expected, broken.mismatch.actual
    value = _value_of_line(broken)
    if value is None:
        return
    index = _index_for_rank(actual, want)
    if index is not None:
        word = "add the missing axis" if len(want) > len(actual) else "take the axis of size 1 away"
        yield fix(f"{word}: {index}", code, [indexed(code, value, index)], Applicability.CHOICE)
    if len(want) == len(actual):
        for edit in _other_numbers(code, trace, value, actual, want):
            yield fix(f"make it {_wanted_in_words(actual, want)}", code, [edit], Applicability.CHOICE)
            break


def _value_of_line(broken: Broken) -> ast.expr | None:
    """Return the right side of the statement at the contract's line, if it gives one name its value; else None."""
    line = broken.mismatch.contract.line
    ending = [n for n in broken.code.nodes if isinstance(n, ast.Assign | ast.AnnAssign) and n.end_lineno == line]
    if not ending or broken.name is None or len(broken.mismatch.contract.patterns) > 1:
        return None
    last = max(ending, key=lambda node: (node.lineno, node.col_offset))
    target = last.targets[0] if isinstance(last, ast.Assign) else last.target
    return last.value if isinstance(target, ast.Name) else None


def _index_for_rank(actual: Shape, want: Shape) -> str | None:
    """Return an index that gives a value one axis of size 1 more at an end, or one less; None where none does."""
    if len(want) == len(actual) + 1:
        options = [("[..., None]", (*actual, 1)), ("[None]", (1, *actual))]
    elif len(want) == len(actual) - 1:
        options = [(text, rest) for text, size, rest in
                   (("[..., 0]", actual[-1], actual[:-1]), ("[0]", actual[0], actual[1:])) if size == 1]  # fmt: skip
    else:
        return None
    return next((text for text, shape in options if _is_as_stated(shape, want)), None)


def _other_numbers(code: Code, trace: Trace, value: ast.expr, actual: Shape, want: Shape) -> Iterator[Edit]:
    for sizes, wanted in ((actual, want), (actual[1:], want[1:])):
        for literal in shape_literals(code, trace, value, sizes) if sizes else ():
            differ = [axis for axis, size in enumerate(wanted) if size is not None and size != sizes[axis]]
            if len(differ) == 1 and isinstance(literal.elts[differ[0]], ast.Constant):
                yield code.replace(literal.elts[differ[0]], str(wanted[differ[0]]))


def _wanted_in_words(actual: Shape, want: Shape) -> str:
    return str(tuple(new if new is not None else old for old, new in zip(actual, want, strict=True)))


# -- the contract itself -----------------------------------------------------------------------------------------------


def _contract_changed(broken: Broken) -> Fix:
    contract, actual = broken.mismatch.contract, broken.mismatch.actual
    patterns = [_with_actual_sizes(p, broken) if p is broken.mismatch.pattern else p for p in contract.patterns]
    edit = Edit(contract.span, f"# shape: {', '.join(map(str, patterns))}")
    return fix(f"state what came: {actual}", broken.code, [edit], Applicability.CHOICE)


def _with_actual_sizes(pattern: Pattern, broken: Broken) -> Pattern:
    """Return the pattern with the sizes that differ as they came; with all sizes where the ranks differ."""
    actual, axes = broken.mismatch.actual, broken.mismatch.match.axes
    if len(broken.mismatch.match.expected) != len(actual):
        return Pattern(tuple(_known_size(size) for size in actual))
    missing = len(actual) - len(pattern.sizes)
    sizes = list(pattern.sizes)
    for axis in axes:
        index = axis if pattern.gap is None or axis < pattern.gap else axis - missing
        sizes[index] = _known_size(actual[axis])
    return Pattern(tuple(sizes), pattern.gap)


def _known_size(size: int | None) -> Size:
    return Size("_", None) if size is None else Size(str(size), ast.Constant(size))
