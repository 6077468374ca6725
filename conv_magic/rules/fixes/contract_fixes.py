"""What would make a contract hold: other layers on the way to the value, another value, or another contract."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
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
    """Edits of layers in words, and the options that the calls then have; `added` where nothing written is changed."""

    title: str
    edits: Edits
    changes: dict[int, Options]
    added: bool


def contract_fixes(broken: Broken, trace: Trace) -> Iterator[Fix]:
    """The fixes, those of the model first; last the contract changed to what came, where the cell ran to its end."""
    expected, actual = broken.mismatch.match.expected, broken.mismatch.actual
    if broken.call is not None:
        found = (
            _of_layers(broken.call, expected, _binders(broken, trace), trace) if len(expected) == len(actual) else ()
        )
        yield from list(found)[:_MOST]
        yield from _of_rank(broken.call, expected, trace) if len(expected) != len(actual) else ()
    else:
        yield from _of_value(broken, trace)
    if failed_innermost(trace.calls) is None:
        yield _restated(broken)


# -- layers ------------------------------------------------------------------------------------------------------------


def _binders(broken: Broken, trace: Trace) -> list[CallRecord]:
    """The calls on other lines whose results gave the contract's names their sizes."""
    known = broken.mismatch.match.names
    bound = {known[name].span for name in names_in(broken.mismatch.pattern) if name in known}
    lines = {span.line for span in bound if span != broken.mismatch.contract.span}
    return [call for line in lines for call in calls_stated(line, broken.code, trace)]


def _of_layers(call: CallRecord, want: Shape, binders: list[CallRecord], trace: Trace) -> Iterator[Fix]:
    """Arguments of the layers that led here, changed so that the arithmetic gives the wanted shape."""
    chain = (*before(call, trace), call)
    actual = call.output or ()
    channels = channel_axis(call, len(want))
    differ = {axis for axis, size in enumerate(want) if size is not None and size != actual[axis]}
    if 0 in differ:
        return
    widths = list(_other_width(chain, want[channels], trace)) if channels in differ else [None]
    sizes = list(_other_sizes(call, chain, want, trace)) if differ - {channels} else [None]
    for width in widths:
        for size in sizes:
            yield from _joined([way for way in (size, width) if way is not None], call, want, binders, trace)


def _joined(
    ways: list[_Way], call: CallRecord, want: Shape, binders: list[CallRecord], trace: Trace
) -> Iterator[Fix]:  # fmt: skip
    cells = {way.edits[0].cell for way in ways}
    if len(cells) != 1:
        return
    changes = {index: options for way in ways for index, options in way.changes.items()}
    if len(ways) == 2 and ways[0].changes.keys() & ways[1].changes.keys():
        changes = _both(ways[0].changes, ways[1].changes)
    what_if = WhatIf(trace, changes)
    output = what_if.output(call.index)
    if not _is(output, want) or any(what_if.output(binder.index) != binder.output for binder in binders):
        return
    sure = Applicability.SURE if all(way.added for way in ways) else Applicability.CHOICE
    edits = [edit for way in ways for edit in way.edits[1]]
    yield fix(", and ".join(way.title for way in ways), ways[0].edits[0], edits, sure, output)


def _both(sizes: dict[int, Options], widths: dict[int, Options]) -> dict[int, Options]:
    """The options with the window of the one and the width of the other."""
    joined = {**widths, **sizes}
    for index in sizes.keys() & widths.keys():
        options, width = sizes[index], getattr(widths[index], "filters", None)
        joined[index] = replace(options, filters=width) if isinstance(options, ConvOptions) else options
    return joined


def _is(shape: Shape | None, want: Shape) -> bool:
    return shape is not None and len(shape) == len(want) and all(
        size is None or size == other for size, other in zip(want, shape, strict=True)
    )  # fmt: skip


def _other_width(chain: tuple[CallRecord, ...], want: int | None, trace: Trace) -> Iterator[_Way]:
    """The filters or units of the layer that decided the channels."""
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


def _other_sizes(call: CallRecord, chain: tuple[CallRecord, ...], want: Shape, trace: Trace) -> Iterator[_Way]:
    """Paddings and strides along the way, then the window of the last layer that has one; what was left out first."""
    every = changes_along(chain, 1, 2)
    padded = [change for change in every if change.argument == "padding"]
    groups = [[change] for change in every] + [padded] * (len(padded) > 1)
    ways = []
    for group in sorted(groups, key=lambda group: (not group[0].added, len(group))):
        changes = with_changes(group, chain)
        output = WhatIf(trace, changes).output(call.index)
        edits = changed_all(group, trace) if _has_sizes(output, want, call) else None
        if edits is not None:
            ways.append(_Way(_title(group), edits, changes, group[0].added))
    fewest = min((way.title.count(" and ") for way in ways), default=0)
    yield from (way for way in ways if way.title.count(" and ") == fewest)
    yield from _other_strides(call, chain, want, trace)
    yield from _other_windows(call, chain, want, trace)


def _has_sizes(output: Shape | None, want: Shape, call: CallRecord) -> bool:
    """Whether a shape is the wanted one but for its channels."""
    channels = channel_axis(call, len(want))
    return _is(output, tuple(None if axis == channels else size for axis, size in enumerate(want)))


def _title(group: list[Change]) -> str:
    names = " and ".join(name_of(change.call) for change in group)
    return f"give {names} {group[0].argument}={group[0].text}"


def _other_strides(call: CallRecord, chain: tuple[CallRecord, ...], want: Shape, trace: Trace) -> Iterator[_Way]:
    """The strides of one of `tf.nn`'s own functions, the last one first."""
    for made in reversed(chain):
        options, found = made.options, call_site_of(made, trace)
        if made.layer is not None or found is None or not isinstance(options, ConvOptions | PoolOptions):
            continue
        for stride in _STRIDES:
            changes: dict[int, Options] = {made.index: replace(options, strides=(stride,) * len(options.strides))}
            if stride not in options.strides and _has_sizes(WhatIf(trace, changes).output(call.index), want, call):
                edit = with_option(found[0], found[1], "strides", str(stride), made.op)
                yield _Way(f"give {name_of(made)} strides={stride}", (found[0], [edit]), changes, added=False)


def _other_windows(call: CallRecord, chain: tuple[CallRecord, ...], want: Shape, trace: Trace) -> Iterator[_Way]:
    last = call
    while isinstance(last.options, SameShapeOptions) and last.producers and last.producers[0] is not None:
        last = trace.calls[last.producers[0]]
    options = last.options
    if not isinstance(options, ConvOptions | DepthwiseConvOptions | PoolOptions) or last.layer is None:
        return
    sizes = tuple(None if axis == channel_axis(last, len(want)) else size for axis, size in enumerate(want))
    for window in kernel_sizes_giving(last.inputs[0], options, sizes)[:1]:
        found = call_site_of(last, trace)
        if found is None or options.padding == "same" or max(window) < 2:
            return
        pool = isinstance(options, PoolOptions)
        text = str(window[0]) if len(set(window)) == 1 else str(window)
        edit = with_option(found[0], found[1], "pool_size" if pool else "kernel_size", text, last.op)
        changed: Options = replace(options, pool_size=window) if isinstance(options, PoolOptions) else replace(
            options, kernel_size=window
        )  # fmt: skip
        title = f"give {name_of(last)} a {'pool' if pool else 'kernel'} of {' x '.join(map(str, window))}"
        yield _Way(title, (found[0], [edit]), {last.index: changed}, added=False)


def _of_rank(call: CallRecord, want: Shape, trace: Trace) -> Iterator[Fix]:
    """A layer that takes the axes away, behind the one that made the value."""
    actual = call.output or ()
    if len(want) != 2 or len(actual) < 3 or None in actual[1:]:
        return
    features = prod(size or 0 for size in actual[1:])
    layers = [("Flatten", "flatten", features), (f"GlobalAveragePooling{len(actual) - 2}D", "pool", actual[-1])]
    for layer, verb, made in layers:
        edits = added_behind(call, trace, layer, "") if want[1] in (None, made) else None
        if edits is not None:
            yield fix(f"{verb} what {name_of(call)} gives: {layer}()", *edits, Applicability.CHOICE, (actual[0], made))


# -- values ------------------------------------------------------------------------------------------------------------


def _of_value(broken: Broken, trace: Trace) -> Iterator[Fix]:
    """The expression that gives the value: an axis added or taken, or the numbers of the literal that it is made of."""
    code, want, actual = broken.code, broken.mismatch.match.expected, broken.mismatch.actual
    value = _expression(broken)
    if value is None:
        return
    index = _index(actual, want)
    if index is not None:
        word = "add the missing axis" if len(want) > len(actual) else "take the axis of size 1 away"
        yield fix(f"{word}: {index}", code, [indexed(code, value, index)], Applicability.CHOICE)
    if len(want) == len(actual):
        for edit in _numbers(code, trace, value, actual, want):
            yield fix(f"make it {_spelled(actual, want)}", code, [edit], Applicability.CHOICE)
            break


def _expression(broken: Broken) -> ast.expr | None:
    """The right side of the statement at the contract's line, if it gives one name its value."""
    line = broken.mismatch.contract.line
    ending = [n for n in broken.code.nodes if isinstance(n, ast.Assign | ast.AnnAssign) and n.end_lineno == line]
    if not ending or broken.name is None or len(broken.mismatch.contract.patterns) > 1:
        return None
    last = max(ending, key=lambda node: (node.lineno, node.col_offset))
    target = last.targets[0] if isinstance(last, ast.Assign) else last.target
    return last.value if isinstance(target, ast.Name) else None


def _index(actual: Shape, want: Shape) -> str | None:
    """What to write behind a value to give it one axis of size 1 more at an end, or less."""
    if len(want) == len(actual) + 1:
        options = [("[..., None]", (*actual, 1)), ("[None]", (1, *actual))]
    elif len(want) == len(actual) - 1:
        options = [(text, rest) for text, size, rest in
                   (("[..., 0]", actual[-1], actual[:-1]), ("[0]", actual[0], actual[1:])) if size == 1]  # fmt: skip
    else:
        return None
    return next((text for text, shape in options if _is(shape, want)), None)


def _numbers(code: Code, trace: Trace, value: ast.expr, actual: Shape, want: Shape) -> Iterator[Edit]:
    for sizes, wanted in ((actual, want), (actual[1:], want[1:])):
        for literal in shape_literals(code, trace, value, sizes) if sizes else ():
            differ = [place for place, size in enumerate(wanted) if size is not None and size != sizes[place]]
            if len(differ) == 1 and isinstance(literal.elts[differ[0]], ast.Constant):
                yield code.replace(literal.elts[differ[0]], str(wanted[differ[0]]))


def _spelled(actual: Shape, want: Shape) -> str:
    return str(tuple(new if new is not None else old for old, new in zip(actual, want, strict=True)))


# -- the contract itself -----------------------------------------------------------------------------------------------


def _restated(broken: Broken) -> Fix:
    contract, actual = broken.mismatch.contract, broken.mismatch.actual
    patterns = [_with(p, broken) if p is broken.mismatch.pattern else p for p in contract.patterns]
    edit = Edit(contract.span, f"# shape: {', '.join(map(str, patterns))}")
    return fix(f"state what came: {actual}", broken.code, [edit], Applicability.CHOICE)


def _with(pattern: Pattern, broken: Broken) -> Pattern:
    """The pattern with the sizes that differ as they came; all of them where the number of axes differs."""
    actual, axes = broken.mismatch.actual, broken.mismatch.match.axes
    if len(broken.mismatch.match.expected) != len(actual):
        return Pattern(tuple(_size(size) for size in actual))
    missing = len(actual) - len(pattern.sizes)
    sizes = list(pattern.sizes)
    for axis in axes:
        place = axis if pattern.gap is None or axis < pattern.gap else axis - missing
        sizes[place] = _size(actual[axis])
    return Pattern(tuple(sizes), pattern.gap)


def _size(size: int | None) -> Size:
    return Size("_", None) if size is None else Size(str(size), ast.Constant(size))
