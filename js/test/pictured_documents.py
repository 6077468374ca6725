"""Documents with more of a network in them than those of `make_documents.py`, for the pictures of the flow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from make_documents import call, source

from conv_magic.analysis.edit_sites import edit_sites
from conv_magic.model.calls import CallRecord, Cost, Outcome
from conv_magic.model.diagnoses import Diagnosis, Severity
from conv_magic.model.document import SCHEMA, Document
from conv_magic.model.options import (
    ConvOptions,
    DenseOptions,
    FlattenOptions,
    MergeOptions,
    PoolOptions,
    SameShapeOptions,
    UpSamplingOptions,
)
from conv_magic.model.positions import Span
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace

CHAIN = """\
inputs = keras.Input((28, 28, 1))
x = layers.Conv2D(8, 3, name="first")(inputs)
x = layers.MaxPooling2D()(x)
x = layers.Flatten()(x)
x = layers.Dense(10)(x)
"""


class Network:
    """Calls made one after another, each on a line of its own that makes its layer and calls it."""

    def __init__(self, text: str = "") -> None:
        self.text = text
        self.calls: list[CallRecord] = []

    def add(self, op: str, options: object, given: list[int | Shape], output: Shape | None, **more: object) -> int:
        """Return a call; `given` are the indices of the calls before it, or shapes from outside."""
        index = len(self.calls)
        inputs = tuple(g if isinstance(g, tuple) else self.calls[g].output or () for g in given)
        producers = tuple(g if isinstance(g, int) else None for g in given)
        line = more.pop("line", index + 1)
        created = more.pop("created", Span("this", int(str(line)), 0, int(str(line)), 9))
        place = replace(created, end_column=created.end_column + 3) if isinstance(created, Span) else None
        self.calls.append(
            call(index, op, f"{op.lower()}_{index}", place, inputs=inputs, producers=producers, output=output,
                 options=options, created=created, **more)
        )  # fmt: skip
        return index

    def document(self, *diagnoses: Diagnosis) -> Document:
        """With where its options are written."""
        trace = Trace((source("this", self.text, "cell-run", "this cell"),), tuple(self.calls))
        return Document(SCHEMA, (), trace, diagnoses, (), None, sites=edit_sites(trace))


def conv(size: int, filters: int, stride: int = 1, padding: str = "same") -> ConvOptions:
    """Return a convolution of an image."""
    return ConvOptions((size, size), (stride, stride), padding, (1, 1), 1, filters, "channels_last")


def chain() -> Document:
    """Return a small classifier; every option is written in the cell."""
    net = Network(CHAIN)

    def made(line: int, part: str) -> Span:
        start = CHAIN.split("\n")[line - 1].index(part)
        return Span("this", line, start, line, start + len(part))

    image = (None, 28, 28, 1)
    first = net.add("Conv2D", conv(3, 8, padding="valid"), [image], (None, 26, 26, 8), kernel=(3, 3, 1, 8),
                    created=made(2, 'layers.Conv2D(8, 3, name="first")'),
                    cost=Cost(80, receptive_field=(3, 3)))  # fmt: skip
    pool = net.add("MaxPooling2D", PoolOptions((2, 2), (2, 2), "valid", "channels_last"), [first], (None, 13, 13, 8),
                   created=made(3, "layers.MaxPooling2D()"), cost=Cost(0, receptive_field=(4, 4)))  # fmt: skip
    flat = net.add(
        "Flatten", FlattenOptions("channels_last"), [pool], (None, 1352), created=made(4, "layers.Flatten()")
    )
    net.add("Dense", DenseOptions(10), [flat], (None, 10), kernel=(1352, 10), created=made(5, "layers.Dense(10)"))
    return net.document()


def residual() -> Document:
    """Two residual blocks, the second with a convolution beside it; the last sum fails, and says why."""
    net = Network("x\n" * 20)
    x = net.add("Conv2D", conv(3, 16), [(None, 32, 32, 3)], (None, 32, 32, 16), cost=Cost(receptive_field=(3, 3)))
    relu = net.add("ReLU", SameShapeOptions(), [x], (None, 32, 32, 16))
    y = net.add("Conv2D", conv(3, 16), [relu], (None, 32, 32, 16))
    x = net.add("Add", MergeOptions(None), [y, x], (None, 32, 32, 16))
    side = net.add("Conv2D", conv(1, 32, 2), [x], (None, 16, 16, 32))
    y = net.add("Conv2D", conv(3, 32, 2, "valid"), [x], (None, 15, 15, 32))
    y = net.add("BatchNormalization", SameShapeOptions(), [y], (None, 15, 15, 32))
    net.add("Add", MergeOptions(None), [y, side], None, outcome=Outcome.RAISED, error="no")
    origin = net.calls[5].created
    return net.document(Diagnosis("sizes-differ", Severity.ERROR, 7, origin, "add_7", "no", origin=origin))


def hourglass(levels: int = 3) -> Document:
    """Down and up again, with a skip at each level: arcs in each other."""
    net = Network("x\n" * 60)
    size, skips = 64, []
    x: int | Shape = (None, size, size, 3)
    for level in range(levels):
        x = net.add("Conv2D", conv(3, 16 << level), [x], (None, size, size, 16 << level))
        skips.append(x)
        size //= 2
        x = net.add("MaxPooling2D", PoolOptions((2, 2), (2, 2), "valid", "channels_last"), [x],
                    (None, size, size, 16 << level))  # fmt: skip
    for level in reversed(range(levels)):
        size *= 2
        x = net.add("UpSampling2D", UpSamplingOptions((2, 2), "channels_last"), [x], (None, size, size, 16 << level))
        x = net.add("Concatenate", MergeOptions(-1), [x, skips[level]], (None, size, size, 32 << level))
        x = net.add("Conv2D", conv(3, 16 << level), [x], (None, size, size, 16 << level))
    return net.document()


def folded() -> Document:
    """Return a model inside a cell that goes on, called twice, and an inner failure in another."""
    net = Network("x\n" * 20)
    model = net.add("Sequential", None, [(8, 28, 28, 1)], (8, 26, 26, 4), count=2)
    net.add("Conv2D", conv(3, 4, padding="valid"), [(8, 28, 28, 1)], (8, 26, 26, 4), parent=model)
    outer = net.add("Functional", None, [model], None, outcome=Outcome.RAISED, error="no")
    inner = net.add("Conv2D", conv(1, 8), [model], (8, 26, 26, 8), parent=outer)
    net.add("Conv2D", conv(31, 8, padding="valid"), [inner], None, parent=outer, outcome=Outcome.RAISED, error="no")
    net.add("Dense", DenseOptions(4), [(8, 7)], (8, 4))
    return net.document()


def fan() -> Document:
    """Four branches side by side, as in an inception block, and a second chain that has nothing to do with them."""
    net = Network("x\n" * 20)
    image = (None, 28, 28, 192)
    ends = [net.add("Conv2D", conv(1, 64), [image], (None, 28, 28, 64))]
    for size in (3, 5):
        narrow = net.add("Conv2D", conv(1, 16), [image], (None, 28, 28, 16))
        ends.append(net.add("Conv2D", conv(size, 32), [narrow], (None, 28, 28, 32)))
    pool = net.add("MaxPooling2D", PoolOptions((3, 3), (1, 1), "same", "channels_last"), [image], image)
    ends.append(net.add("Conv2D", conv(1, 32), [pool], (None, 28, 28, 32)))
    net.add("Concatenate", MergeOptions(-1), [*ends], (None, 28, 28, 160))
    dense = net.add("Dense", DenseOptions(4), [(2, 7)], (2, 4))
    net.add("Dense", DenseOptions(2), [dense], (2, 2))
    return net.document()


def long(layers: int = 200) -> Document:
    """Many layers in a row, the last of which fails."""
    net = Network("x\n" * (layers + 1))
    x: int | Shape = (None, 224, 224, 3)
    for _ in range(layers):
        x = net.add("Conv2D", conv(3, 8), [x], (None, 224, 224, 8))
    net.add("Conv2D", conv(300, 8, padding="valid"), [x], None, outcome=Outcome.RAISED, error="no")
    return net.document()


def alone() -> Document:
    """Return calls that do not follow each other: no flow."""
    net = Network("x\n")
    net.add("Dense", DenseOptions(4), [(2, 7)], (2, 4))
    return net.document()


def pictured() -> Iterator[tuple[str, Document]]:
    """Each with its name."""
    for make in (chain, residual, hourglass, folded, fan, alone, long):
        yield make.__name__, make()
