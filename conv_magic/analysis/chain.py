"""How one size became another on the way to a call: `100 -> 50 -> 25 -> 12 (25 // 2, 1 dropped) -> 24`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from conv_magic.arithmetic import Window, windows_of
from conv_magic.model.calls import CallRecord
from conv_magic.model.options import ConvOptions, ConvTransposeOptions, DepthwiseConvOptions, PoolOptions
from conv_magic.model.positions import Span
from conv_magic.model.trace import Trace

_SLIDING = ConvOptions | DepthwiseConvOptions | PoolOptions | ConvTransposeOptions
_SPATIAL = {1: ("steps",), 2: ("height", "width"), 3: ("depth", "height", "width")}
_MOST_STEPS = 200
_MOST_SHOWN = 8


@dataclass(frozen=True, slots=True)
class SizeStep:
    """One call that changed a size.

    dropped   how many entries at the end no window read, where a stride divides with a rest
    rounded   what was divided with that rest, and by what
    """

    before: int
    after: int
    span: Span | None
    op: str
    dropped: int = 0
    divided: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class SizeChain:
    """The steps along one axis, from the first known size on."""

    axis_name: str
    steps: tuple[SizeStep, ...]

    @property
    def words(self) -> str:
        """The chain in one line."""
        shown = self.steps[-_MOST_SHOWN:]
        parts = [str(shown[0].before)]
        for step in shown:
            rest = ""
            if step.dropped and step.divided is not None:
                rest = f" ({step.divided[0]} // {step.divided[1]}, {step.dropped} dropped)"
            parts.append(f"{step.after}{rest}")
        return f"{self.axis_name}: {' -> '.join(parts)}"


def size_chain(trace: Trace, call: CallRecord, place: int, axis: int) -> SizeChain | None:
    """How the size of an input of `call` along an axis came about; None where no recorded step changed it."""
    calls = {each.index: each for each in trace.calls}
    steps: list[SizeStep] = []
    rank = len(call.inputs[place])
    at = _producer(call, place, calls)
    for _ in range(_MOST_STEPS):
        if at is None or not at.inputs or at.output is None or len(at.output) != rank or len(at.inputs[0]) != rank:
            break
        before, after = at.inputs[0][axis], at.output[axis]
        if before is None or after is None:
            break
        if before != after:
            steps.append(_step(at, before, after, axis))
        at = _producer(at, 0, calls)
    if not steps:
        return None
    return SizeChain(_name(rank, axis), tuple(reversed(steps)))


def _producer(call: CallRecord, place: int, calls: Mapping[int, CallRecord]) -> CallRecord | None:
    number = call.producers[place] if place < len(call.producers) else None
    return calls.get(number) if number is not None else None


def _name(rank: int, axis: int) -> str:
    names = _SPATIAL.get(rank - 2, ())
    return names[axis - 1] if 0 < axis <= len(names) else f"axis {axis}"


def _step(call: CallRecord, before: int, after: int, axis: int) -> SizeStep:
    window = _window(call, axis)
    if window is None or isinstance(call.options, ConvTransposeOptions) or window.stride == 1:
        return SizeStep(before, after, call.span, call.op)
    rest = before % window.stride
    unread = before - ((after - 1) * window.stride + window.span) if window.padding == "valid" else 0
    dropped = max(unread, 0)
    divided = (before, window.stride) if rest else None
    return SizeStep(before, after, call.span, call.op, dropped, divided)


def _window(call: CallRecord, axis: int) -> Window | None:
    if not isinstance(call.options, _SLIDING):
        return None
    windows = windows_of(call.options)
    first = 2 if call.options.data_format == "channels_first" else 1
    return windows[axis - first] if 0 <= axis - first < len(windows) else None


def chains_of_branches(trace: Trace, call: CallRecord) -> tuple[SizeChain, ...]:
    """Of a call that joins tensors the chains along the first axis, channels apart, on which they differ."""
    if len(call.inputs) < 2 or len({len(shape) for shape in call.inputs}) != 1:
        return ()
    rank = len(call.inputs[0])
    for axis in range(1, rank - 1):
        if len({shape[axis] for shape in call.inputs if shape[axis] is not None}) > 1:
            found = (size_chain(trace, call, place, axis) for place in range(len(call.inputs)))
            return tuple(dict.fromkeys(chain for chain in found if chain is not None))
    return ()
