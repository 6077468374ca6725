"""The words that every view shares: text made safe to show, shapes, numbers, options."""

from __future__ import annotations

import re
from collections.abc import Sequence

from conv_magic.model.calls import Tracing
from conv_magic.model.fixes import Fix, Proof
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
    ReshapeOptions,
    UpSamplingOptions,
    ZeroPaddingOptions,
)
from conv_magic.model.shapes import Pairs, Shape
from conv_magic.model.trace import Source

_PICTURES = {code: 0x2400 + code for code in range(0x20)} | {0x7F: 0x2421}
# the second set of controls, what turns the direction of its neighbours (https://trojansource.codes), breaks a line or
# hides; `js/src/core/visible.ts` has the same
_HIDDEN = [*range(0x80, 0xA0), 0x61C, 0x200B, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A), 0xFEFF]
_CONTROLS = _PICTURES | dict.fromkeys(_HIDDEN, 0xFFFD)
_SURROGATE = re.compile("[\ud800-\udfff]")


def well_formed(text: str) -> str:
    """`text` with each lone surrogate replaced by U+FFFD."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def printable(text: str) -> str:
    """`text` with control characters made visible (pictures from U+2400 on, else U+FFFD): none reaches a terminal."""
    return text if text.isprintable() else well_formed(text).translate(_CONTROLS)


def one_line(text: str) -> str:
    """`text` without line breaks, tabs and control characters."""
    return printable(" ".join(text.split()))


def shape_text(shape: Shape | None) -> str:
    """`(None, 28, 28, 3)`; an empty text for an unknown shape."""
    return "" if shape is None else str(shape)


def number_text(number: int | None) -> str:
    """`9,408` exactly, from ten thousand on with one decimal: `31.8 k`, `1.2 M`; an empty text for None."""
    if number is None:
        return ""
    return f"{number:,}" if abs(number) < 10_000 else _scaled(number)


def _scaled(number: int) -> str:
    """With one decimal and the unit's letter: `31.8 k`."""
    value = float(number)
    for unit in ("k", "M", "G"):
        value /= 1000
        if abs(value) < 999.95:
            return f"{value:.1f}".removesuffix(".0") + f" {unit}"
    return f"{value / 1000:,.1f}".removesuffix(".0") + " T"


def bytes_text(size: int) -> str:
    """Write a size in memory: `640 B`, `2.1 MB`; a thousand bytes are a kilobyte."""
    return f"{size} B" if size < 1000 else f"{_scaled(size)}B"


def seconds_text(seconds: float) -> str:
    """Write a time: `0.42 ms`, `21 ms`, `1.3 s`, `2 min 5 s`."""
    if seconds >= 100:
        return f"{int(seconds // 60)} min {round(seconds % 60)} s"
    value, unit = (seconds, "s") if seconds >= 1 else (seconds * 1000, "ms")
    return f"{float(f'{value:.2g}'):g} {unit}"


def options_text(options: Options | None) -> str:
    """Write the options briefly: `3×3, stride 2, same`; strides and dilation only where they are not 1."""
    match options:
        case ConvOptions() | DepthwiseConvOptions() | ConvTransposeOptions():
            window = _window(options.kernel_size, options.strides, options.padding, options.dilation_rate)
            return ", ".join(filter(None, [window, _channels(options)]))
        case PoolOptions():
            window = _window(options.pool_size, options.strides, options.padding, options.dilation_rate)
            return f"{window}, over {options.over_channels[0]} channels" if options.over_channels else window
        case None:
            return ""
    return _plain_options(options)


def tracing_text(tracing: Tracing | None) -> str:
    """`traced 3 times, for n = 0, 1, 2`; nothing for the one trace that a graph needs."""
    if tracing is None or tracing.times < 2:
        return ""
    more = ", ..." if any(len(seen) < tracing.times for _, seen in tracing.numbers) else ""
    values = (f"{name} = {', '.join(seen)}{more}" for name, seen in tracing.numbers if len(seen) > 1)
    return ", for ".join([f"traced {tracing.times} times", *values])


def _channels(options: ConvOptions | DepthwiseConvOptions | ConvTransposeOptions) -> str:
    match options:
        case ConvOptions(groups=groups) if groups > 1:
            return f"{groups} groups"
        case DepthwiseConvOptions(depth_multiplier=multiplier) if multiplier > 1:
            return f"depth multiplier {multiplier}"
        case ConvTransposeOptions(output_padding=(*added,)):
            return f"output padding {tuple(added)}"
    return ""


def _plain_options(options: Options) -> str:
    match options:
        case GlobalPoolOptions():
            return "all positions"
        case ZeroPaddingOptions():
            return f"adds {options.padding}"
        case CroppingOptions():
            return f"cuts {options.cropping}"
        case UpSamplingOptions():
            return _times(options.size)
        case DenseOptions():
            return f"{options.units} units"
        case ReshapeOptions():
            return f"to {options.target_shape}"
        case MergeOptions(axis=int(axis)):
            return f"along axis {axis}"
    return ""


def _window(size: tuple[int, ...], strides: tuple[int, ...], padding: str | Pairs, dilation: tuple[int, ...]) -> str:
    words = [
        _times(size),
        _steps("stride", strides),
        padding.lower() if isinstance(padding, str) else f"padding {padding}",
        _steps("dilation", dilation),
    ]
    return ", ".join(filter(None, words))


def _steps(word: str, steps: tuple[int, ...]) -> str:
    """`stride 2`, `stride 2×1`; nothing where every step is 1."""
    different = set(steps)
    if different <= {1}:
        return ""
    return f"{word} {steps[0] if len(different) == 1 else _times(steps)}"


def _times(sizes: tuple[int, ...]) -> str:
    return "×".join(map(str, sizes))


def _listed(names: Sequence[str]) -> str:
    """`In [2], In [3] and In [4]`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def proof_text(fix: Fix, trying: bool, sources: Sequence[Source] = ()) -> str:
    """How a fix was tried, or why it was not; `sources` has the names of the cells that it needs to run again."""
    if fix.proof is Proof.RAN and fix.reruns:
        labels = {source.cell: source.label for source in sources}
        again = list(dict.fromkeys(one_line(labels.get(cell, "an earlier cell")) for cell in fix.reruns))
        return f"tried: with {_listed(again)} run again, the cell runs to its end"
    if fix.proof is Proof.RAN:
        return "tried: the cell now runs to its end"
    if fix.proof is Proof.SHAPES:
        return "tried with shapes only: every shape in the cell now fits"
    if fix.untried:
        reason = one_line(fix.untried)
        return reason if reason.startswith("tried:") else f"not tried: {reason}"
    return "not tried yet" if trying else "not tried"
