"""The picture of one call's arithmetic: the user's own sizes drawn to scale, and the same in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from conv_magic.arithmetic.axes import SPATIAL_NAMES, channel_axis
from conv_magic.arithmetic.expected import expected_shape, kernel_axis
from conv_magic.arithmetic.geometry import AxisGeometry, geometry_of
from conv_magic.arithmetic.problems import Reason, ShapeProblem
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.naming import counted
from conv_magic.model.options import (
    ConvOptions,
    ConvTransposeOptions,
    CroppingOptions,
    DenseOptions,
    DepthwiseConvOptions,
    GlobalPoolOptions,
    MergeOptions,
    Options,
    PoolOptions,
    UpSamplingOptions,
    ZeroPaddingOptions,
)
from conv_magic.model.shapes import Shape
from conv_magic.views import picture_blocks, picture_grid
from conv_magic.views.ink import Ink, Scene
from conv_magic.views.picture_blocks import BoxRow, BoxState, SlabRow
from conv_magic.views.picture_grid import Captions
from conv_magic.views.picture_words import arithmetic_words, writes
from conv_magic.views.wording import shape_text

Drawn = tuple[list[Ink], float, float]
Spatial = (
    ConvOptions
    | DepthwiseConvOptions
    | ConvTransposeOptions
    | PoolOptions
    | GlobalPoolOptions
    | ZeroPaddingOptions
    | CroppingOptions
    | UpSamplingOptions
)
MOST_INPUTS = 6


@dataclass(frozen=True, slots=True)
class Picture:
    """A scene, and the sentences that say the same."""

    scene: Scene
    words: tuple[str, ...]


def picture_of(call: CallRecord, *, stacked: bool = False) -> Picture | None:
    """Draw a call; None where there is nothing to draw or a size is unknown."""
    strict = call.layer is not None and call.outcome is not Outcome.RETURNED
    return drawn(call.options, call.inputs, call.kernel, strict=strict, stacked=stacked)


def drawn(
    options: Options | None,
    inputs: tuple[Shape, ...],
    kernel: Shape | None,
    *,
    strict: bool = False,
    stacked: bool = False,
) -> Picture | None:
    """Draw a call with these options, on these inputs, with a kernel of this shape.

    `strict` is a layer: it takes no further batch axes, and no channels but those that its kernel was made for.
    """
    if options is None or not inputs:
        return None
    if strict and isinstance(options, ConvOptions) and (refused := _refused(options, inputs[0], kernel)):
        return refused
    try:
        output = expected_shape(options, inputs, kernel)
    except ShapeProblem as problem:
        return _impossible(options, inputs, kernel, problem, stacked)
    return _on_grid(options, inputs[0], output, stacked) if isinstance(options, Spatial) else None


def _refused(options: ConvOptions, given: Shape, kernel: Shape | None) -> Picture | None:
    """Return what a layer refuses although the arithmetic could go on."""
    dimensions = len(options.kernel_size)
    if len(given) > dimensions + 2:
        return _axes(options, given, (None,) * (dimensions + 2))
    return _channels(options, given, kernel) if len(given) == dimensions + 2 else None


def _on_grid(options: Spatial, given: Shape, output: Shape | None, stacked: bool) -> Picture | None:
    """Return the windows of a call on its input; of an impossible one as far as they can stand."""
    axes = geometry_of(options, given, output or _asked(options))
    if not 1 <= len(axes) <= 3 or any(axis.size < 1 for axis in axes):
        return None
    result = f"output {shape_text(output)}" if output is not None else "no output"
    captions = Captions(f"input {shape_text(given)}", result, _window_text(options))
    drawing = _draw(options, axes, captions, stacked)
    return _picture(drawing, arithmetic_words(options, axes))


def _asked(options: Spatial) -> Shape | None:
    """Return the output that was asked of a transposed convolution."""
    return options.output_shape if isinstance(options, ConvTransposeOptions) else None


def _draw(options: Spatial, axes: Sequence[AxisGeometry], captions: Captions, stacked: bool) -> Drawn:
    written = writes(options)
    if isinstance(options, ZeroPaddingOptions | CroppingOptions) and len(axes) < 3:
        return picture_grid.resized(axes, captions)
    if len(axes) == 2:
        return picture_grid.plane(axes, captions, written=written, stacked=stacked)
    room = picture_grid.STACKED_ROOM + 40 if stacked else picture_grid.STRIP_ROOM
    return picture_grid.strips(axes, SPATIAL_NAMES[len(axes)], captions, written=written, room=room)


def _picture(drawing: Drawn, words: tuple[str, ...]) -> Picture:
    inks, width, height = drawing
    return Picture(Scene(width, height, tuple(inks)), words)


def _window_text(options: Spatial) -> str:
    """`first window, 3 × 3`."""
    match options:
        case PoolOptions(pool_size=sizes) | UpSamplingOptions(size=sizes):
            return f"first window, {times(sizes)}"
        case ConvOptions(kernel_size=sizes) | DepthwiseConvOptions(kernel_size=sizes):
            return f"first window, {times(sizes)}"
        case ConvTransposeOptions(kernel_size=sizes):
            return f"what the first element writes, {times(sizes)}"
    return "the window"


def times(sizes: Sequence[int | None]) -> str:
    """`3 × 3`."""
    return " × ".join("?" if size is None else str(size) for size in sizes)


def _impossible(
    options: Options, inputs: tuple[Shape, ...], kernel: Shape | None, problem: ShapeProblem, stacked: bool
) -> Picture | None:
    """Draw what does not fit."""
    match problem.reason:
        case Reason.WINDOW | Reason.CROPPING | Reason.OUTPUT_SIZE if isinstance(options, Spatial):
            return _on_grid(options, inputs[0], None, stacked)
        case Reason.CHANNELS:
            return _channels(options, inputs[0], kernel)
        case Reason.GROUPS if isinstance(options, ConvOptions):
            return _groups(options, inputs[0])
        case Reason.RANK if isinstance(options, Spatial) and problem.expected is not None:
            return _axes(options, inputs[0], problem.expected)
        case Reason.SIZES if isinstance(options, MergeOptions):
            return _merge(inputs, options, problem)
    return None


def _channels(options: Options, given: Shape, kernel: Shape | None) -> Picture | None:
    """Draw the channels of the input over those that the kernel reads."""
    if isinstance(options, DenseOptions):
        have, need, noun, reader = given[-1], kernel_axis(kernel, 0, 0), "feature", "row"
    elif isinstance(options, ConvOptions | DepthwiseConvOptions | ConvTransposeOptions):
        dimensions = len(options.kernel_size)
        place = -1 if isinstance(options, ConvTransposeOptions) else -2
        have = given[channel_axis(len(given), dimensions, options.data_format)]
        need, noun, reader = kernel_axis(kernel, dimensions, place), "channel", "channel"
        if need is not None and isinstance(options, ConvOptions):
            need *= options.groups
    else:
        return None
    if have is None or need is None or have == need:
        return None
    more = f"{have - need} too many" if have > need else f"{need - have} missing"
    both = min(have, need)
    given_text, read_text = counted(have, noun), counted(need, reader)
    rows = (SlabRow(f"{given_text} of the input", have, both), SlabRow(f"{read_text} of the kernel", need, both))
    return _picture(picture_blocks.slabs(rows, more), (f"the input has {given_text}, the kernel reads {need}: {more}",))


def _groups(options: ConvOptions, given: Shape) -> Picture | None:
    """Channels, or filters, that cannot be shared out."""
    channels = given[channel_axis(len(given), len(options.kernel_size), options.data_format)]
    count, noun = (options.filters, "filters") if (options.filters or 0) % options.groups else (channels, "channels")
    if count is None or count < 1:
        return None
    rest = count % options.groups
    row = SlabRow(f"{count} {noun} in {options.groups} groups", count, count - rest, count // options.groups)
    remark = f"{count} = {options.groups} × {count // options.groups} + {rest}: {rest} left over"
    return _picture(picture_blocks.slabs((row,), remark), (remark,))


def _axes(options: Spatial, given: Shape, needed: Shape) -> Picture:
    """Draw the actual axes under the needed ones."""
    names = _axis_names(options, len(needed))
    missing = _missing(given, needed)
    pad = max(len(given) - len(needed), 0)
    needs = tuple((_size(size, "any"), "same") for size in needed)
    rest = iter(given)
    have: list[tuple[str, BoxState]] = [("missing", "missing") if i in missing else (str(next(rest)), "same") for i in
                                        range(len(needed))]  # fmt: skip
    have += [(str(size), "differs") for size in rest]
    rows = (BoxRow("needs", tuple((text, "same") for text, _ in needs)), BoxRow("this is", tuple(have)))
    if pad:
        said = f"{len(given)} axes are given, {len(needed)} are needed: {pad} too many"
    else:
        said = f"{len(given)} axes are given, {len(needed)} are needed: {', '.join(names[i] for i in missing)} missing"
    return _picture(picture_blocks.boxes(names, rows), (said,))


def _missing(given: Shape, needed: Shape) -> list[int]:
    """Which needed axes are not there: the channels if the sizes tell so, else those in front."""
    lacking = max(len(needed) - len(given), 0)
    known = [place for place, size in enumerate(needed) if size is not None]
    if lacking == 1 and known and given and needed[known[0]] == 1 and given[-1] != 1 and given[0] != 1:
        return known[:1]
    return list(range(lacking))


def _axis_names(options: Spatial, rank: int) -> tuple[str, ...]:
    spatial = SPATIAL_NAMES.get(rank - 2, ("...",) * (rank - 2))
    last = getattr(options, "data_format", "channels_last") == "channels_last"
    return ("batch", *spatial, "channels") if last else ("batch", "channels", *spatial)


def _size(size: int | None, unknown: str = "None") -> str:
    return unknown if size is None else str(size)


def _merge(inputs: tuple[Shape, ...], options: MergeOptions, problem: ShapeProblem) -> Picture | None:
    """Draw the shapes of inputs that cannot be joined, the differing axes marked."""
    if problem.axis is None:
        return None
    rank = max(map(len, inputs))
    aligned = [(None,) * (rank - len(shape)) + shape for shape in inputs]
    joined = None if options.axis is None else options.axis % rank
    places = [place for place in range(rank) if place != joined and _differ(aligned, place, options.axis is None)]
    rows = [_merged(number, shape, rank, places) for number, shape in enumerate(inputs[:MOST_INPUTS])]
    names = _axis_names(ZeroPaddingOptions((), "channels_last"), rank) if 3 <= rank <= 5 else ()
    said = [
        f"{names[place] if names else f'axis {place}'}: "
        f"{' and '.join(dict.fromkeys(row.boxes[place][0] for row in rows))} are not equal"
        for place in places
    ]
    return _picture(picture_blocks.boxes(names, rows), tuple(said))


def _differ(shapes: Sequence[Shape], place: int, repeated: bool) -> bool:
    """Whether known sizes at a place are unequal; where a size of 1 is `repeated`, it counts for any."""
    sizes = {shape[place] for shape in shapes} - {None}
    return len(sizes - {1} if repeated and place > 0 else sizes) > 1


def _merged(number: int, shape: Shape, rank: int, differing: Sequence[int]) -> BoxRow:
    lacking = rank - len(shape)
    have: list[tuple[str, BoxState]] = [("", "missing")] * lacking
    have += [(_size(size), "differs" if lacking + i in differing else "same") for i, size in enumerate(shape)]
    return BoxRow(f"input {number + 1}", tuple(have))
