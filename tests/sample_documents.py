"""Documents made by hand, one for each way a run can go; spans are found in the text, so they cannot drift."""

from __future__ import annotations

from dataclasses import replace

from conv_magic.model.calls import CallRecord, Cost, Mode, Outcome
from conv_magic.model.diagnoses import Diagnosis, Severity
from conv_magic.model.document import SCHEMA, Document, Failure
from conv_magic.model.fixes import Applicability, Fix, Proof
from conv_magic.model.notes import LineNote
from conv_magic.model.options import ConvOptions, DenseOptions, FlattenOptions, MergeOptions, Options, PoolOptions
from conv_magic.model.positions import Edit, Span, digest, utf16_from_char
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Source, Trace


def span_of(text: str, code: str, cell: str = "cell") -> Span:
    """The place of `code`, which occurs once in `text`."""
    start = text.index(code)
    assert text.find(code, start + 1) < 0, f"{code!r} occurs twice"
    return Span(cell, *_place(text, start), *_place(text, start + len(code)))


def _place(text: str, offset: int) -> tuple[int, int]:
    start_of_line = text.rfind("\n", 0, offset) + 1
    return text.count("\n", 0, offset) + 1, utf16_from_char(text[start_of_line:], offset - start_of_line)


def source(text: str, cell: str = "cell", label: str = "this cell") -> Source:
    return Source(cell, text, digest(text), None, label)


NO_COST = Cost()


def call(
    index: int,
    op: str,
    given: tuple[Shape, ...],
    expected: Shape | None,
    output: Shape | None,
    *,
    layer: str | None = None,
    span: Span | None = None,
    parent: int | None = None,
    kernel: Shape | None = None,
    options: Options | None = None,
    outcome: Outcome = Outcome.RETURNED,
    mode: Mode = Mode.SYMBOLIC,
    error: str | None = None,
    count: int = 1,
    cost: Cost = NO_COST,
) -> CallRecord:
    return CallRecord(
        index=index,
        op=op,
        layer=layer,
        span=span,
        created=span,
        parent=parent,
        mode=mode,
        replica=None,
        inputs=given,
        producers=(None,) * len(given),
        kernel=kernel,
        options=options,
        dtype="float32",
        expected=expected,
        output=output,
        outcome=outcome,
        error=error,
        count=count,
        cost=cost,
    )


def document(
    sources: tuple[Source, ...],
    calls: tuple[CallRecord, ...],
    diagnoses: tuple[Diagnosis, ...] = (),
    notes: tuple[LineNote, ...] = (),
    failure: Failure | None = None,
) -> Document:
    return Document(SCHEMA, (("tensorflow", "2.21.0"),), Trace(sources, calls), diagnoses, notes, failure)


def conv(size: int, filters: int, padding: str = "valid", stride: int = 1) -> ConvOptions:
    return ConvOptions((size, size), (stride, stride), padding, (1, 1), 1, filters, "channels_last")


CHANNELS = """\
%%convshapes
from tensorflow import keras
from keras import layers

# two looks at the same image
inputs = keras.Input((28, 28, 3))
near = layers.Conv2D(3, 3, padding="same")(inputs)
far = layers.Conv2D(3, 3, padding="same", dilation_rate=2)(inputs)
x = layers.Concatenate()([near, far])

# the layer was made for the image alone
x = again(x)
"""


def wrong_channels() -> Document:
    """A convolution whose kernel was made for other channels; with an error message that wants to be HTML."""
    image, both = (None, 28, 28, 3), (None, 28, 28, 6)
    near, far, merge, last = (
        span_of(CHANNELS, code)
        for code in (
            'layers.Conv2D(3, 3, padding="same")(inputs)',
            'layers.Conv2D(3, 3, padding="same", dilation_rate=2)(inputs)',
            "layers.Concatenate()([near, far])",
            "again(x)",
        )
    )
    wide = ConvOptions((3, 3), (1, 1), "same", (2, 2), 1, 3, "channels_last")
    cost = Cost(params=84, macs=63_504, output_bytes=None)
    message = "Input 0 of layer <again> is incompatible & has 6 channels\nReceived: input_shape=(None, 28, 28, 6)"
    calls = (
        call(0, "Conv2D", (image,), image, image, layer="conv2d", span=near, kernel=(3, 3, 3, 3),
             options=conv(3, 3, "same"), cost=cost),
        call(1, "Conv2D", (image,), image, image, layer="conv2d_1", span=far, kernel=(3, 3, 3, 3),
             options=wide, cost=cost),
        call(2, "Concatenate", (image, image), both, both, layer="concatenate", span=merge, options=MergeOptions(-1)),
        call(3, "Conv2D", (both,), None, None, layer="again", span=last, kernel=(3, 3, 3, 64), options=conv(3, 64),
             outcome=Outcome.RAISED, error=message, cost=Cost(params=1_792)),
    )  # fmt: skip
    argument = Span("cell", last.line, last.end_column - 2, last.line, last.end_column - 1)
    fixes = (
        Fix("build a new Conv2D for this input", (Edit(last, "layers.Conv2D(64, 3)(x)"),), Applicability.SURE,
            (None, 26, 26, 64), digest(CHANNELS), "cell", Proof.RAN),
        Fix("give it the image alone", (Edit(argument, "inputs"),), Applicability.CHOICE,
            (None, 26, 26, 64), digest(CHANNELS), "cell", Proof.SHAPES),
        Fix("choose the channels with a 1×1 convolution", (Edit(argument, "layers.Conv2D(3, 1)(x)"),),
            Applicability.CHOICE, (None, 26, 26, 64), digest(CHANNELS), "cell", None, "the time ran out"),
    )  # fmt: skip
    fault = Diagnosis(
        code="channels-differ",
        severity=Severity.ERROR,
        call=3,
        span=argument,
        layer="again",
        headline="again cannot take 6 channels with a kernel made for 3",
        expected=image,
        actual=both,
        axes=(3,),
        axis_names=("batch", "height", "width", "channels"),
        origin=merge,
        origin_note="the 6 comes from line 9, Concatenate of (.., 3) and (.., 3)",
        fixes=fixes,
    )
    notes = (
        LineNote("cell", 7, "(None, 28, 28, 3)", "ok", (0,)),
        LineNote("cell", 8, "(None, 28, 28, 3)", "ok", (1,)),
        LineNote("cell", 9, "(None, 28, 28, 6): the 6 channels", "origin", (2,), 0),
        LineNote("cell", 12, "6 channels, needs 3", "failed", (3,), 0),
    )
    return document((source(CHANNELS),), calls, (fault,), notes, Failure("ValueError", message, last))


FINE = """\
from keras import Sequential, layers
model = Sequential([
    layers.Conv2D(32, 3, strides=2, padding="same"),
    layers.MaxPooling2D(),
    layers.Flatten(),
    layers.Dense(10),
])
for batch in batches:
    scores = model(batch)
"""


def all_fine() -> Document:
    """A model called in a loop: its layers are rows inside its row, each standing for 100 calls."""
    place = span_of(FINE, "model(batch)")
    images: Shape = (16, 64, 64, 3)
    steps: tuple[tuple[str, str, Shape, Shape, Shape | None, Options, Cost], ...] = (
        ("Conv2D", "conv2d", images, (16, 32, 32, 32), (3, 3, 3, 32), conv(3, 32, "same", 2),
         Cost(896, 14_155_776, (3, 3), 2_097_152, 0.21)),
        ("MaxPooling2D", "max_pooling2d", (16, 32, 32, 32), (16, 16, 16, 32), None,
         PoolOptions((2, 2), (2, 2), "valid", "channels_last"), Cost(0, None, (5, 5), 524_288, 0.02)),
        ("Flatten", "flatten", (16, 16, 16, 32), (16, 8192), None, FlattenOptions("channels_last"), Cost(0)),
        ("Dense", "dense", (16, 8192), (16, 10), (8192, 10), DenseOptions(10), Cost(81_930, 1_310_720, None, 640)),
    )  # fmt: skip
    whole = call(0, "Sequential", (images,), None, (16, 10), layer="sequential", span=place, mode=Mode.EAGER,
                 count=100, cost=Cost(82_826, 15_466_496, None, 640, 0.4))  # fmt: skip
    inner = tuple(
        call(index, op, (given,), made, made, layer=layer, span=place, parent=0, kernel=kernel, options=options,
             mode=Mode.EAGER, count=100, cost=cost)
        for index, (op, layer, given, made, kernel, options, cost) in enumerate(steps, 1)
    )  # fmt: skip
    notes = (LineNote("cell", 9, "(16, 64, 64, 3) → (16, 10)  ×100", "ok", (0, 1, 2, 3, 4)),)
    return document((source(FINE),), (whole, *inner), notes=notes)


GUARDED = """\
import tensorflow as tf
bild = "größe"; digit = tf.zeros((28, 28, 1)); kernel = tf.zeros((3, 3, 1, 8))
out = tf.nn.conv2d(digit, kernel, strides=1, padding="SAME")
"""


def guarded() -> Document:
    """A forgotten batch axis, stopped before TensorFlow ends the process."""
    place = span_of(GUARDED, 'tf.nn.conv2d(digit, kernel, strides=1, padding="SAME")')
    argument = Span("cell", 3, 19, 3, 24)
    stopped = call(0, "conv2d", ((28, 28, 1),), None, None, span=place, kernel=(3, 3, 1, 8), options=conv(3, 8, "SAME"),
                   mode=Mode.EAGER, outcome=Outcome.GUARDED, error="conv2d needs 4 axes")  # fmt: skip
    batch = Fix("add the batch axis", (Edit(Span("cell", 3, 24, 3, 24), "[tf.newaxis]"),), Applicability.SURE,
                (1, 28, 28, 8), digest(GUARDED), "cell")  # fmt: skip
    fault = Diagnosis(
        code="batch-axis-missing",
        severity=Severity.ERROR,
        call=0,
        span=argument,
        layer=None,
        headline="conv2d cannot take 3 axes: the batch axis is missing",
        reasons=("TensorFlow 2.21.0 ends the process on such a call; it was stopped before",),
        expected=(None, 28, 28, 1),
        actual=(28, 28, 1),
        axes=(0,),
        axis_names=("batch", "height", "width", "channels"),
        origin=span_of(GUARDED, "tf.zeros((28, 28, 1))"),
        fixes=(batch,),
    )
    note = LineNote("cell", 3, "3 axes, needs 4", "failed", (0,), 0)
    failure = Failure("ShapeError", "conv2d needs 4 axes", place)
    return replace(document((source(GUARDED),), (stopped,), (fault,), (note,), failure), trying=True)


SAMPLES = {"wrong_channels": wrong_channels, "all_fine": all_fine, "guarded": guarded}
