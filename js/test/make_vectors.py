"""Write the vectors that hold the front end's arithmetic and pictures to those of Python.

python js/test/make_vectors.py            write test/vectors.json, test/pictures.json and test/flows.json
python js/test/make_vectors.py --check    exit with status 1 if a file is not what would be written
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from pictured_documents import pictured

from conv_magic.arithmetic.expected import expected_shape
from conv_magic.arithmetic.geometry import AxisGeometry, axis_geometry, transposed_geometry
from conv_magic.arithmetic.problems import ShapeProblem
from conv_magic.arithmetic.windows import Window
from conv_magic.model.options import (
    ConvOptions,
    ConvTransposeOptions,
    CroppingOptions,
    DenseOptions,
    DepthwiseConvOptions,
    FlattenOptions,
    GlobalPoolOptions,
    MergeOptions,
    Options,
    PoolOptions,
    ReshapeOptions,
    SameShapeOptions,
    UpSamplingOptions,
    ZeroPaddingOptions,
)
from conv_magic.model.shapes import DataFormat, Shape
from conv_magic.views.flow import flow_of
from conv_magic.views.flow_picture import flow_picture
from conv_magic.views.ink import Path as Strokes
from conv_magic.views.ink import Rect, Scene
from conv_magic.views.picture import drawn
from conv_magic.views.wire import to_wire

FOLDER = Path(__file__).parent
SEED, SHAPES, AXES = 20_240, 3_000, 1_500
MOST_DRAWN = 150
MOST_INKS = 120  # of a flow: enough to see that both draw alike
FAMILIES: tuple[type[Any], ...] = (
    ConvOptions, DepthwiseConvOptions, ConvTransposeOptions, PoolOptions, GlobalPoolOptions, ZeroPaddingOptions,
    CroppingOptions, UpSamplingOptions, DenseOptions, FlattenOptions, ReshapeOptions, MergeOptions, SameShapeOptions,
)  # fmt: skip

Case = tuple[Options, tuple[Shape, ...], Shape | None]


class Draw:
    """Calls drawn at random, most of them possible, about a third not."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def number(self, low: int, high: int) -> int:
        """Return a whole number, ends included."""
        return self.random.randint(low, high)

    def some(self, low: int, high: int, count: int) -> tuple[int, ...]:
        """`count` numbers, often equal, as people write them."""
        first = self.number(low, high)
        return (first,) * count if self.random.random() < 0.6 else tuple(self.number(low, high) for _ in range(count))

    def padding(self, dimensions: int, *words: str) -> str | tuple[tuple[int, int], ...]:
        """Return a word, now and then pairs."""
        if self.random.random() < 0.15:
            return tuple((self.number(0, 3), self.number(0, 3)) for _ in range(dimensions))
        return self.random.choice(words)

    def format(self) -> DataFormat:
        """Return a layout, mostly channels_last."""
        return self.random.choice(("channels_last", "channels_last", "channels_first"))

    def shape(self, dimensions: int, channels: int, data_format: str) -> Shape:
        """Return an input, now and then of another rank or with an unknown size."""
        spatial: list[int | None] = [self.number(1, 20) for _ in range(dimensions)]
        if spatial and self.random.random() < 0.1:
            spatial[0] = None
        sizes = [*spatial, channels] if data_format == "channels_last" else [channels, *spatial]
        odd = self.random.random()
        batch = [self.random.choice((None, 1, 8))]
        return tuple(sizes if odd < 0.05 else [*batch, *batch, *sizes] if odd < 0.1 else [*batch, *sizes])

    def convolution(self) -> Case:
        """Return a convolution."""
        n, layout = self.number(1, 3), self.format()
        groups = self.random.choice((1, 1, 1, 2, 3))
        filters = groups * self.number(1, 4) + (self.random.random() < 0.1)
        channels = groups * self.number(1, 4) + (self.random.random() < 0.15)
        size, strides, rate = self.some(1, 5, n), self.some(1, 3, n), self.some(1, 2, n)
        words = ("valid", "same", "SAME", "VALID", "causal") if n == 1 else ("valid", "same", "SAME", "VALID")
        options = ConvOptions(size, strides, self.padding(n, *words), rate, groups, filters, layout)
        depth = self.random.choice((None, channels // groups, channels // groups, self.number(1, 4)))
        return options, (self.shape(n, channels, layout),), None if depth is None else (*size, depth, filters)

    def depthwise(self) -> Case:
        """Return a depthwise or separable one."""
        n, layout, channels = self.number(1, 2), self.format(), self.number(1, 5)
        size, strides, rate = self.some(1, 5, n), self.some(1, 3, n), self.some(1, 2, n)
        padding, times = self.padding(n, "valid", "same"), self.number(1, 3)
        options = DepthwiseConvOptions(size, strides, padding, rate, times, self.random.choice((None, 7)), layout)
        depth = self.random.choice((None, channels, channels, self.number(1, 5)))
        return options, (self.shape(n, channels, layout),), None if depth is None else (*size, depth, times)

    def transposed(self) -> Case:
        """Return a transposed one, now and then with a stated output."""
        n, layout, channels, filters = self.number(1, 3), self.format(), self.number(1, 4), self.number(1, 4)
        size, strides, rate = self.some(1, 5, n), self.some(1, 4, n), self.some(1, 2, n)
        extra = self.some(0, 2, n) if self.random.random() < 0.3 else None
        given = self.shape(n, channels, layout)
        asked = None
        if self.random.random() < 0.3:
            doubled = [None if s is None else s * strides[0] + self.number(-1, 1) for s in given]
            asked = tuple(doubled[:1] + doubled[1:-1] + [filters]) if layout == "channels_last" else tuple(doubled)
        options = ConvTransposeOptions(
            size, strides, self.padding(n, "valid", "same"), rate, extra, asked, filters, layout
        )
        depth = self.random.choice((None, channels, channels, self.number(1, 4)))
        return options, (given,), None if depth is None else (*size, filters, depth)

    def pool(self) -> Case:
        """Return a pooling."""
        n, layout = self.number(1, 3), self.format()
        words = self.padding(n, "valid", "same", "VALID", "SAME")
        rate = self.some(1, 2, n) if self.random.random() < 0.2 else ()
        size, stride, over = self.some(1, 4, n), self.some(1, 4, n), ()
        if self.random.random() < 0.2:
            size, over = (1,) * n, (self.number(2, 3),) * 2
        return PoolOptions(size, stride, words, layout, rate, over), (self.shape(n, 6, layout),), None

    def resizing(self) -> Case:
        """Yield padding, cropping, up-sampling and global pooling."""
        n, layout = self.number(1, 3), self.format()
        ends = tuple((self.number(0, 4), self.number(0, 4)) for _ in range(n))
        kind = self.number(0, 3)
        options: Options = (
            ZeroPaddingOptions(ends, layout), CroppingOptions(ends, layout),
            UpSamplingOptions(self.some(1, 3, n), layout), GlobalPoolOptions(self.random.random() < 0.5, layout),
        )[kind]  # fmt: skip
        return options, (self.shape(n, 3, layout),), None

    def layout(self) -> Case:
        """Dense, flatten, reshape."""
        given = self.shape(self.number(0, 3), self.number(1, 6), "channels_last")
        target = tuple(self.number(1, 6) for _ in range(self.number(1, 3)))
        if self.random.random() < 0.5:
            target = (*target[:-1], -1)
        kind = self.number(0, 2)
        if kind == 0:
            depth = self.random.choice((None, given[-1] if given else 1, 4))
            return DenseOptions(self.number(1, 9)), (given,), None if depth is None else (depth, 9)
        return (FlattenOptions("channels_last") if kind == 1 else ReshapeOptions(target)), (given,), None

    def merge(self) -> Case:
        """Several inputs joined."""
        first = self.shape(self.number(1, 2), self.number(1, 4), "channels_last")
        others = [tuple(self.number(1, 9) if self.random.random() < 0.1 else size for size in first) for _ in range(2)]
        if self.random.random() < 0.1:
            others[0] = others[0][1:]
        axis = self.random.choice((None, -1, -1, 1, 5))
        return MergeOptions(axis), (first, *others), None

    def case(self) -> Case:
        """Any of them."""
        kinds = (self.convolution, self.depthwise, self.transposed, self.pool, self.resizing, self.layout, self.merge)
        return self.random.choices(kinds, (8, 3, 6, 4, 4, 3, 3))[0]()


def flat(options: Options) -> list[Any]:
    """Return the family, then the fields in their order."""
    values = asdict(options)
    return [values.pop("family"), *values.values()]


def family_of(kind: type[Any]) -> str:
    """Return the word that a type of options carries."""
    return next(str(field.default) for field in fields(kind) if field.name == "family")


def answer(case: Case) -> Any:
    """Return the shape, or why there is none."""
    try:
        return expected_shape(*case)
    except ShapeProblem as problem:
        return {"reason": problem.reason.value, "axis": problem.axis, "index": problem.index}


def axis_vector(draw: Draw) -> list[Any]:
    """Return an axis: size, window, and what its geometry is."""
    padding: Any = draw.random.choice(("valid", "same", (draw.number(0, 4), draw.number(0, 4))))
    window = Window(draw.number(1, 7), draw.number(1, 5), padding, draw.number(1, 4))
    size = draw.number(1, 40)
    given = [size, *window]
    axis = axis_geometry(size, window)
    back = transposed_geometry(axis.windows, window, size)
    assert axis == back
    return [given, [*axis], [axis.span, axis.excess, axis.last, axis.unread_end, axis.unread]]


def vectors() -> str:
    """Shapes and axes, one a line."""
    draw = Draw(SEED)
    cases = [draw.case() for _ in range(SHAPES)]
    names = {family_of(kind): [f.name for f in fields(kind) if f.name != "family"] for kind in FAMILIES}
    shapes = [dumped([flat(case[0]), case[1], case[2], answer(case)]) for case in cases]
    axes = [dumped(axis_vector(draw)) for _ in range(AXES)]
    rows = {"shapes": ",\n".join(shapes), "axes": ",\n".join(axes)}
    body = ",\n".join(f'"{name}": [\n{text}\n]' for name, text in rows.items())
    return f'{{"fields": {dumped(names)},\n"geometry": {dumped(list(AxisGeometry._fields))},\n{body}}}\n'


def dumped(value: Any) -> str:
    """Compact JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def square(
    size: int, stride: int = 1, padding: Any = "valid", rate: int = 1, groups: int = 1, n: int = 2
) -> ConvOptions:
    """Return a convolution with 8 filters, as every axis alike."""
    return ConvOptions((size,) * n, (stride,) * n, padding, (rate,) * n, groups, 8, "channels_last")


def transposed(size: int, stride: int, padding: str, asked: Shape | None = None) -> ConvTransposeOptions:
    """Return a transposed convolution of an image."""
    return ConvTransposeOptions(
        (size,) * 2, (stride,) * 2, padding, (1, 1), None, asked, 8, "channels_last"
    )  # fmt: skip


def pictures() -> Iterator[tuple[Options, tuple[Shape, ...], Shape | None, bool]]:
    """Yield calls with a picture of each kind, and whether they are strict."""
    last: DataFormat = "channels_last"
    for options, shape in (
        (square(3), (None, 28, 28, 1)), (square(3, 2, "same"), (1, 28, 27, 3)), (square(3, 2), (1, 10, 9, 3)),
        (square(7, 2, "SAME"), (None, 224, 224, 3)), (square(3, 1, "same", 4), (None, 16, 16, 3)),
        (square(2, 2, "valid", 2), (None, 12, 12, 3)), (square(5), (None, 3, 3, 16)), (square(5), (None, 12, 3, 16)),
        (square(1, 2), (None, 56, 56, 64)), (square(3, 1, "same", 24), (None, 65, 65, 8)),
        (square(3, 1, ((1, 0), (2, 1))), (1, 9, 9, 8)), (square(3, 1, "same"), (1, 8, 300, 8)),
        (PoolOptions((2, 2), (3, 3), "valid", last), (None, 16, 16, 4)),
        (transposed(3, 2, "valid"), (None, 7, 7, 4)), (transposed(3, 2, "same"), (None, 14, 14, 4)),
        (transposed(2, 3, "valid"), (None, 4, 4, 4)), (transposed(3, 2, "same", (1, 15, 15, 8)), (1, 7, 7, 8)),
        (UpSamplingOptions((2, 2), last), (None, 7, 7, 4)), (GlobalPoolOptions(False, last), (None, 7, 7, 512)),
        (ZeroPaddingOptions(((1, 1), (2, 3)), last), (None, 10, 10, 4)),
        (CroppingOptions(((1, 1), (2, 3)), last), (None, 10, 10, 4)),
        (CroppingOptions(((2, 2), (2, 3)), last), (None, 3, 9, 4)),
        (ZeroPaddingOptions(((3, 0),), last), (None, 10, 4)),
        (square(3, 2, "causal", 2, n=1), (None, 20, 4)), (square(400, 160, n=1), (None, 16_000, 1)),
        (square(9, n=1), (None, 4, 1)), (square(3, 1, "same", n=3), (None, 16, 64, 64, 1)),
        (square(3), (28, 28, 1)), (PoolOptions((2, 2), (2, 2), "valid", last), (1, 2, 28, 28, 1)),
        (square(3, groups=4), (None, 28, 28, 10)), (square(3), (None, None, 28, 3)),
    ):  # fmt: skip
        yield options, (shape,), None, False
    yield square(3), ((None, 28, 28, 6),), (3, 3, 3, 8), True
    yield square(3), ((None, 28, 28, 64),), (3, 3, 128, 8), True
    yield square(3), ((28, 28),), (3, 3, 1, 8), True
    yield square(3), ((1, 1, 28, 28, 3),), (3, 3, 3, 8), True
    yield DenseOptions(10), ((None, 1352),), (3136, 10), False
    yield MergeOptions(None), ((None, 32, 32, 16), (None, 30, 30, 16)), None, False
    yield MergeOptions(-1), ((None, 8, 8, 16), (None, 8, 16), (None, 7, 7, 4)), None, False
    yield MergeOptions(1), ((None, 8, 8, 16), (None, 4, 9, 16)), None, False


def ink_vector(scene: Scene) -> list[list[Any]]:
    """Each ink as a list, lengths rounded so that no last bit counts."""
    inks: list[list[Any]] = []
    for ink in scene.inks:
        if isinstance(ink, Rect):
            inks.append(["rect", ink.role, *(round(v, 2) for v in (ink.x, ink.y, ink.width, ink.height))])
        elif isinstance(ink, Strokes):
            inks.append(["path", ink.role, ink.d])
        else:
            inks.append(["text", ink.role, round(ink.x, 2), round(ink.y, 2), ink.text, ink.anchor])
    return inks


def picture_vectors() -> str:
    """Scenes and words, side by side and stacked."""
    lines = []
    for options, inputs, kernel, strict in pictures():
        made = [drawn(options, inputs, kernel, strict=strict, stacked=stacked) for stacked in (False, True)]
        seen = [
            None if p is None else [round(p.scene.width, 2), round(p.scene.height, 2), ink_vector(p.scene), p.words]
            for p in made
        ]
        lines.append(dumped([flat(options), inputs, kernel, strict, *seen]))
    return "[\n" + ",\n".join(lines) + "\n]\n"


def flow_vectors() -> str:
    """Documents and their flow: the nodes' places, the links, the scene and the words."""
    lines = []
    for name, document in pictured():
        flow = flow_of(document, MOST_DRAWN)
        if flow is None:
            lines.append(dumped([name, to_wire(document), None]))
            continue
        picture = flow_picture(flow)
        nodes = [
            [n.call.index if n.call else None, n.column, n.track, n.folded, n.status, n.origin] for n in flow.nodes
        ]
        links = [[link.source, link.target] for link in flow.links]
        size = [round(picture.scene.width, 2), round(picture.scene.height, 2)]
        inks = ink_vector(picture.scene)[:MOST_INKS]
        lines.append(dumped([name, to_wire(document), [nodes, links, flow.hidden, size, inks, picture.words]]))
    return "[\n" + ",\n".join(lines) + "\n]\n"


def main(arguments: list[str]) -> int:
    """Write the vectors, or compare them with `--check`; the exit status."""
    stale = 0
    for name, make in (("vectors", vectors), ("pictures", picture_vectors), ("flows", flow_vectors)):
        target, text = FOLDER / f"{name}.json", make()
        if "--check" not in arguments:
            target.write_text(text, encoding="utf-8")
        elif not target.is_file() or target.read_text(encoding="utf-8") != text:
            print(f"{target.name} is stale; run: python js/test/make_vectors.py", file=sys.stderr)
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
