"""What would make the failing call possible: shapes that met, and what each would have to be."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from math import prod

from conv_magic.model.calls import CallRecord
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.options import FitOptions, LossOptions, MergeOptions, ReshapeOptions
from conv_magic.model.shapes import Shape

_SHAPE = re.compile(r"(?<!\w)[\[(]((?:\d+|None|\?|-1)?(?:, ?(?:\d+|None|\?|-1))*),?[\])]")
_SPACED = re.compile(r"(?<!\w)[\[(]((?:\d+|None)(?: (?:\d+|None))+)[\])]")
_TAIL = re.compile(r"Arguments received by|Stack trace|Call arguments received|\[\[\{\{node|Detected at node")
_AXIS = re.compile(
    r"expected axis (-?\d+) of input shape to have value (\d+), but received input with shape ([\[(][^\])]*[\])])"
)
_RANK = re.compile(
    r"expected (?:min_|max_)?ndim=(\d+), found (?:min_|max_)?ndim=\d+\. Full shape received: ([\[(][^\])]*[\])])"
)
_STATED = re.compile(r"expected shape=([\[(][^\])]*[\])]), found shape=([\[(][^\])]*[\])])")
_TOTALS = (
    re.compile(r"tensor with (\d+) values, but the requested shape (?:has|requires a multiple of) (\d+)"),
    re.compile(r"cannot reshape array of size (\d+) into shape ([\[(][^\])]*[\])])"),
)
_EQUAL = re.compile(r"[Dd]imensions must be equal, but are (\d+) and (\d+)")
_MATRIX = re.compile(r"Matrix size-incompatible")
_MOST_SHAPES = 4
_FAR = 100_000


@dataclass(frozen=True, slots=True)
class Goal:
    """A value that has the shape `have` would have to have the shape `want`; None there stands for any size.

    firm   whether the callee states it; else two values differ, and either may be the one to change
    """

    have: Shape
    want: Shape
    firm: bool = False


def agree(a: Shape | None, b: Shape | None) -> bool:
    """Whether two shapes can be the same."""
    if a is None or b is None or len(a) != len(b):
        return False
    return all(x is None or y is None or x == y for x, y in zip(a, b, strict=True))


def reason_line_of(message: str) -> str:
    """Return the part of an error's text that says what is wrong, without the wrapper's first words."""
    text = _TAIL.split(message)[0]
    lines = [
        line for line in text.splitlines() if not line.startswith(("Exception encountered", "Graph execution error"))
    ]
    return "\n".join(lines).strip() or text


def speaks_of_shapes(message: str) -> bool:
    """Whether an error is about sizes, axes or ranks of tensors."""
    words = reason_line_of(message).lower()
    if any(word in words for word in _OTHER_WORDS):
        return False
    return bool(shapes_in(words)) or any(word in words for word in _SHAPE_WORDS)


def shapes_in(text: str) -> list[Shape]:
    """Return the shapes that a text spells, in order."""
    text = _SPACED.sub(lambda found: "[" + found[1].replace(" ", ", ") + "]", text)
    return [_sizes(found) for found in _SHAPE.findall(text)]


def _sizes(text: str) -> Shape:
    return tuple(None if part in ("None", "?", "-1") else int(part) for part in re.findall(r"None|\?|-?\d+", text))


def numbers_in(text: str) -> list[int]:
    """Return the whole numbers of a text that could be sizes."""
    found = (int(each) for each in re.findall(r"(?<![\w.])\d+(?![\w.]*\d*\.\d)", text))
    return [number for number in found if 0 < number < _FAR]


def goals_of(message: str, call: CallRecord | None, diagnoses: Sequence[Diagnosis]) -> tuple[Goal, ...]:
    """All goals, the surest first, each once."""
    found = [
        *_stated(reason_line_of(message)),
        *(_of_call(call) if call is not None else ()),
        *_of_diagnoses(diagnoses),
    ]
    found += _met(reason_line_of(message))
    unique: dict[tuple[Shape, Shape], Goal] = {}
    for goal in found:
        if goal.have != goal.want:
            unique.setdefault((goal.have, goal.want), goal)
    return tuple(unique.values())


def _stated(text: str) -> Iterator[Goal]:
    """Yield what Keras says that it expected."""
    for axis, size, shape in _AXIS.findall(text):
        have = _sizes(shape)
        if -len(have) <= int(axis) < len(have):
            want = [None] * len(have)
            yield Goal(have, _with(want, int(axis), int(size)), firm=True)
    for rank, shape in _RANK.findall(text):
        yield Goal(_sizes(shape), (None,) * int(rank), firm=True)
    for want_text, have_text in _STATED.findall(text):
        yield Goal(_sizes(have_text), _sizes(want_text), firm=True)


def _with(sizes: Sequence[int | None], axis: int, size: int) -> Shape:
    changed = list(sizes)
    changed[axis] = size
    return tuple(changed)


def _met(text: str) -> Iterator[Goal]:
    """Pairs of shapes that the text names side by side."""
    if "zero or negative" in text:
        return  # the shapes there are of different things
    shapes = [shape for shape in shapes_in(text) if shape][:_MOST_SHAPES]
    if _MATRIX.search(text) or "MatMul" in text:
        if len(shapes) > 1 and len(shapes[0]) > 1 and len(shapes[1]) > 1 and shapes[0][-1] != shapes[1][-2]:
            first, second = shapes[0], shapes[1]
            yield Goal(first, (*[None] * (len(first) - 1), second[-2]))
            yield Goal(second, (*[None] * (len(second) - 2), first[-1], None))
        return
    for first, second in permutations(dict.fromkeys(shapes), 2):
        if first != second and abs(len(first) - len(second)) <= 2:
            yield Goal(first, second)


def _of_call(call: CallRecord) -> Iterator[Goal]:
    given = call.inputs[0] if call.inputs else None
    if call.accepts is not None and given is not None and not agree(given, call.accepts):
        yield Goal(given, call.accepts, firm=True)
    kernel = call.kernel
    family = getattr(call.options, "family", "")
    if kernel is not None and given is not None and len(kernel) == len(given) and call.created is None and given[-1]:
        if family in ("conv", "depthwise_conv") and kernel[-2] != given[-1]:
            yield Goal(kernel, (*[None] * (len(kernel) - 2), given[-1], None))
            yield Goal(given, (*[None] * (len(given) - 1), kernel[-2]))
        elif family == "conv_transpose" and kernel[-1] != given[-1]:
            yield Goal(kernel, (*[None] * (len(kernel) - 1), given[-1]))
    meets = isinstance(call.options, LossOptions | MergeOptions) or call.op in (
        "add",
        "multiply",
        "subtract",
        "mul",
        "sub",
    )
    if meets and len(call.inputs) > 1:
        yield from _pairs(call)
    if isinstance(call.options, FitOptions):
        yield from (Goal(y, x) for x in call.options.x for y in call.options.y if x[:1] != y[:1])


def _pairs(call: CallRecord) -> Iterator[Goal]:
    axis = getattr(call.options, "axis", None)
    usual = Counter(shape[:-1] for shape in call.inputs).most_common(1)[0][0] if len(call.inputs) > 2 else None
    spread = axis is None and not isinstance(call.options, LossOptions)
    for have, other in permutations(call.inputs, 2):
        if have == other or (usual is not None and other[:-1] != usual):
            continue
        want = list(other)
        if axis is not None and -len(want) <= axis < len(want):
            want[axis] = None
        if spread and len(have) == len(other):
            want = [None if 1 in pair else pair[1] for pair in zip(have, other, strict=True)]
        yield Goal(have, tuple(want))


def _of_diagnoses(diagnoses: Iterable[Diagnosis]) -> Iterator[Goal]:
    for diagnosis in diagnoses:
        if diagnosis.expected and diagnosis.actual:
            yield Goal(diagnosis.actual, diagnosis.expected, firm=True)


@dataclass(frozen=True)
class Wanted:
    """The goals with what follows from them for numbers."""

    goals: tuple[Goal, ...]
    message: str
    call: CallRecord | None

    @property
    def words(self) -> str:
        """What the error says is wrong."""
        return reason_line_of(self.message)

    @property
    def firm(self) -> tuple[Goal, ...]:
        """The goals that the callee states."""
        return tuple(goal for goal in self.goals if goal.firm)

    def clashes(self) -> dict[tuple[int, int], float]:
        """Pairs of a number and what it should be, with a cost: less for what the callee states."""
        found: dict[tuple[int, int], float] = {}
        for goal in self.goals:
            if len(goal.have) != len(goal.want) or sorted(map(str, goal.have[1:])) == sorted(map(str, goal.want[1:])):
                continue
            for place, (have, want) in enumerate(zip(goal.have, goal.want, strict=True)):
                if have and want and have != want and (place or len(goal.have) == 1):
                    found.setdefault((have, want), 0.6 if want == 1 else 0.0)
                    found.setdefault((want, have), 0.8 if have == 1 else 0.25)
        equal = _EQUAL.search(self.words)
        if equal:
            first, second = int(equal[1]), int(equal[2])
            found.setdefault((first, second), 0.1)
            found.setdefault((second, first), 0.1)
        return found

    def totals(self) -> tuple[tuple[int, int], ...]:
        """Pairs of the number of values there are and the number wanted."""
        found: list[tuple[int, int]] = []
        options = self.call.options if self.call is not None else None
        if isinstance(options, ReshapeOptions) and self.call is not None and self.call.inputs:
            have = prod(size for size in self.call.inputs[0][1:] if size)
            want = prod(size for size in options.target_shape if size > 0)
            found.append((have, want))
        for pattern in _TOTALS:
            for have_text, want_text in pattern.findall(self.words):
                want = prod(size for size in _sizes(want_text) if size) if not want_text.isdigit() else int(want_text)
                found.append((int(have_text), want))
        return tuple(pair for pair in dict.fromkeys(found) if pair[0] and pair[1] and pair[0] != pair[1])

    def ratios(self) -> tuple[tuple[int, int], ...]:
        """By what a number would have to grow so that clashing sizes or totals agree: numerator, denominator."""
        found = [(want, have) for have, want in self.clashes()]
        for have, want in self.totals():
            found += [(have, want), (want, have)]
        for goal in self.goals:
            have, want = (goal.have[:1] or (None,))[0] or 0, (goal.want[:1] or (None,))[0] or 0
            if have and want and have != want and max(have, want) % min(have, want) == 0:
                found += [(have, want), (want, have)]
        return tuple(dict.fromkeys(found))

    def numbers(self) -> tuple[int, ...]:
        """Numbers worth trying, the most telling first."""
        found: list[int | None] = []
        for goal in self.goals:
            found += [*goal.want, *goal.have]
        if self.call is not None:
            for shape in (self.call.kernel, *self.call.inputs, self.call.expected):
                found += shape or ()
        found += numbers_in(self.words)
        return tuple(dict.fromkeys(number for number in found if number and 0 < number < _FAR))

    def fault(self) -> str:
        """Return what sort of fault the message tells of: `rank`, `size`, `dtype`, `word` or `other`."""
        words = self.words.lower()
        if "shape" not in words[:80] and any(word in words for word in _DTYPE_WORDS):
            return "dtype"
        if self.totals():
            return "size"
        if any(word in words for word in _RANK_WORDS) or any(len(g.have) != len(g.want) for g in self.goals):
            return "rank"
        if any(word in words for word in _OPTION_WORDS):
            return "word"
        if "shape" not in self.first_words and any(word in self.first_words for word in _OPTIONS):
            return "word"
        return "size" if self.goals or len(numbers_in(self.words)) >= 2 else "other"

    @property
    def first_words(self) -> str:
        """The beginning of what the error says, in small letters."""
        return re.split(r"(?<=[a-z`'])[.:,;] ", self.words.lower())[0][:200]

    def is_about_labels(self) -> bool:
        """Whether labels and outputs met."""
        if self.call is not None and isinstance(self.call.options, LossOptions | FitOptions):
            return True
        return any(word in self.words.lower() for word in ("label", "loss", "class", "target", "logits"))


_SHAPE_WORDS = (
    "shape", "rank", "ndim", "dimension", "axis", "axes", "channel", "broadcast", "input size", "output size", "depth",
    "sequence", "cardinality", "padding", "stride", "kernel", "filter", "cannot be more than the number", "inputs",
    "tensor", "unpack",
)  # fmt: skip
_OTHER_WORDS = ("singleton", "created on the first call", "no such file", "out of memory")
"""What speaks of tensors too, and is about something else."""
_DTYPE_WORDS = (
    "data type", "dtype", "float32 and float64", "type float64", "type float32", "expected to be a double",
    "expected to be a float", "int32 tensor",
)  # fmt: skip
_RANK_WORDS = (
    "ndim",
    "rank",
    "4-dimensional",
    "3-dimensional",
    "5-dimensional",
    "number of dimensions",
    "same number of dim",
)
_OPTION_WORDS = (
    "invalid padding", "unknown padding", "padding` argument", "invalid value for attr", "got an unexpected keyword",
    "must be in", "padding' must",
)  # fmt: skip
_OPTIONS = ("padding", "stride", "data_format", "dilation", "axis")
