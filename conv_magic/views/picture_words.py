"""The arithmetic of a call as sentences: under its picture, and for those who do not see it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from conv_magic.arithmetic.axes import SPATIAL_NAMES
from conv_magic.arithmetic.geometry import AxisGeometry
from conv_magic.model.options import (
    ConvTransposeOptions,
    CroppingOptions,
    GlobalPoolOptions,
    Options,
    UpSamplingOptions,
    ZeroPaddingOptions,
)

_SIDES = {"height": ("above", "below"), "width": ("left", "right")}
_ELEMENTS = {"height": "row", "width": "column", "steps": "step", "depth": "slice"}


def arithmetic_words(options: Options | None, axes: Sequence[AxisGeometry]) -> tuple[str, ...]:
    """One sentence for each different axis, then what else there is to say of it."""
    written = writes(options)
    said: list[str] = []
    for names, axis in _alike(axes):
        name = listed(names)
        said.append(f"{name}: {_formula(options, axis, axes.index(axis))}")
        if not isinstance(options, GlobalPoolOptions):
            said += _remarks(names, axis, written, resized=isinstance(options, ZeroPaddingOptions | CroppingOptions))
    return tuple(said)


def writes(options: Options | None) -> bool:
    """Whether the windows of a call stand on its output."""
    return isinstance(options, ConvTransposeOptions | UpSamplingOptions)


def is_same(options: Options | None) -> bool:
    """Whether the padding is the word SAME, in any case."""
    padding = getattr(options, "padding", None)
    return isinstance(padding, str) and padding.lower() == "same"


def _alike(axes: Sequence[AxisGeometry]) -> list[tuple[list[str], AxisGeometry]]:
    """Axes that are computed alike, together."""
    groups: dict[AxisGeometry, list[str]] = {}
    for name, axis in zip(SPATIAL_NAMES[len(axes)], axes, strict=True):
        groups.setdefault(axis, []).append(name)
    return [(names, axis) for axis, names in groups.items()]


def listed(names: Sequence[str]) -> str:
    """`height`, `height and width`, `depth, height and width`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _formula(options: Options | None, axis: AxisGeometry, place: int) -> str:
    match options:
        case ZeroPaddingOptions():
            return f"{axis.size} + {axis.before} + {axis.after} = {axis.windows}"
        case CroppingOptions():
            return f"{axis.size} − {-axis.before} − {-axis.after} = {signed(axis.windows)}"
        case UpSamplingOptions():
            return f"{axis.windows} × {axis.stride} = {axis.size}"
        case GlobalPoolOptions():
            return f"one window over all {axis.size}"
        case ConvTransposeOptions():
            return _transposed(options, axis, place)
    if is_same(options):
        return f"⌈{axis.size} / {axis.stride}⌉ = {axis.windows}"
    return _valid(axis)


def _valid(axis: AxisGeometry) -> str:
    """`(28 + 0 − 3) / 1 + 1 = 26`, with the bounds of the quotient where it may not be whole."""
    quotient = f"({axis.size} + {axis.before + axis.after} − {axis.span}) / {axis.stride}"
    if axis.stride > 1:
        quotient = f"⌊{quotient}⌋"
    return f"{quotient} + 1 = {signed(axis.windows)}"


def _transposed(options: ConvTransposeOptions, axis: AxisGeometry, place: int) -> str:
    same = is_same(options)
    if options.output_shape is not None:
        back = -(-axis.size // axis.stride) if same else (axis.size - axis.span) // axis.stride + 1
        quotient = f"⌈{axis.size} / {axis.stride}⌉" if same else f"⌊({axis.size} − {axis.span}) / {axis.stride}⌋ + 1"
        goal = "" if back == axis.windows else f", not the {axis.windows} that are there"
        return f"{axis.size} is asked for, and the convolution back makes {quotient} = {signed(back)}{goal}"
    given = options.output_padding[place] if options.output_padding is not None else None
    if same and given is None:
        return f"{axis.windows} × {axis.stride} = {axis.size}"
    least = axis.span % 2 if same else axis.span
    extra = given if given is not None else max(axis.stride - axis.span, 0)
    more = f" + {extra}" if extra else ""
    return f"({axis.windows} − 1) × {axis.stride} + {least}{more} = {axis.size}"


def _remarks(names: list[str], axis: AxisGeometry, written: bool, resized: bool) -> Iterator[str]:
    if axis.dilation_rate > 1 and axis.kernel_size > 1:
        yield f"a kernel of {axis.kernel_size} with a dilation of {axis.dilation_rate} reaches over {axis.span}"
    if resized:
        if axis.windows < 1:
            yield f"{-axis.before - axis.after} are cut from {axis.size}, so nothing is left"
        return
    if axis.before or axis.after:
        verb = "what is cut away" if written else "padding"
        one, other = _SIDES.get(names[0], ("before", "after")) if len(names) == 1 else ("before", "after")
        yield f"{verb}: {axis.before} {one}, {axis.after} {other}"
    if axis.excess and not written:
        whole = "the padded input" if axis.padded > axis.size else "the input"
        yield f"the window of {axis.span} is {axis.excess} larger than {whole} of {axis.padded}"
    elif axis.unread:
        yield _unread(names, axis, "never written but for the bias" if written else "never read")


def _unread(names: list[str], axis: AxisGeometry, fate: str) -> str:
    """Write `the last row and column are never read`, `128 of 256 rows and columns are never read`."""
    nouns = [_ELEMENTS[name] for name in names]
    if axis.unread != axis.unread_end:
        return f"{axis.unread} of {axis.size} {listed([f'{noun}s' for noun in nouns])} are {fate}"
    if axis.unread == 1:
        return f"the last {listed(nouns)} {'is' if len(nouns) == 1 else 'are'} {fate}"
    return f"the last {axis.unread} {listed([f'{noun}s' for noun in nouns])} are {fate}"


def signed(number: int) -> str:
    """Write a number with a minus sign, not a hyphen."""
    return str(number) if number >= 0 else f"−{-number}"
