"""Write the documents that the front end's tests draw, from the dataclasses of `conv_magic.model`.

python js/test/make_documents.py            write test/documents/*.json
python js/test/make_documents.py --check    exit with status 1 if a file is not what would be written
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from conv_magic.model.calls import CallRecord, Cost, Mode, Outcome
from conv_magic.model.diagnoses import Diagnosis, Severity
from conv_magic.model.document import SCHEMA, Document, Failure
from conv_magic.model.fixes import Applicability, Fix, Proof
from conv_magic.model.notes import LineNote
from conv_magic.model.options import ConvOptions, MergeOptions, PoolOptions
from conv_magic.model.positions import Edit, Span, digest
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Source, Trace
from conv_magic.views.wire import to_wire

FOLDER = Path(__file__).parent / "documents"

BLOCK = """\
def block(x, filters):
    x = layers.Conv2D(filters, 3, padding="same")(x)
    x = layers.BatchNormalization()(x)
    return layers.MaxPooling2D()(x)
"""

CELL = """\
%%convshapes
inputs = keras.Input((28, 28, 3))
edges = layers.Conv2D(3, 3, padding="same", name="edges")(inputs)
x = layers.Concatenate()([inputs, edges])
stem = layers.Conv2D(64, 3, name="stem")
preview = stem(inputs)
y = block(x, 32)
x = stem(x)  # é 🙂
"""


def source(cell: str, text: str, cell_id: str | None, label: str) -> Source:
    """Return a cell's text with its digest."""
    return Source(cell, text, digest(text), cell_id, label)


def span(cell: str, text: str, line: int, part: str) -> Span:
    """Where `part` stands on a line of `text`."""
    content = text.split("\n")[line - 1]
    before = content[: content.index(part)]
    column = len(before.encode("utf-16-le")) // 2
    return Span(cell, line, column, line, column + len(part.encode("utf-16-le")) // 2)


def call(index: int, op: str, layer: str | None, place: Span | None, **more: Any) -> CallRecord:
    """Return a call that returned what the arithmetic says, unless `more` says otherwise."""
    output: Shape | None = more.pop("output", None)
    inputs: tuple[Shape, ...] = more.pop("inputs", ())
    fields: dict[str, Any] = {
        "created": None, "parent": None, "mode": Mode.SYMBOLIC, "replica": None, "inputs": inputs,
        "producers": (None,) * len(inputs), "kernel": None, "options": None, "dtype": "float32",
        "expected": output, "output": output, "outcome": Outcome.RETURNED, "error": None, "count": 1, "cost": Cost(),
    }  # fmt: skip
    return CallRecord(index, op, layer, place, **{**fields, **more})


def conv(filters: int, padding: str = "same", size: int = 3) -> ConvOptions:
    """Return a square kernel, one step at a time."""
    return ConvOptions((size, size), (1, 1), padding, (1, 1), 1, filters, "channels_last")


def broken() -> Document:
    """Return a layer built for 3 channels is given 6; a function of an older cell runs in between."""

    def at(line: int, part: str) -> Span:
        return span("this", CELL, line, part)

    def old(line: int, part: str) -> Span:
        return span("older", BLOCK, line, part)

    image, six = (None, 28, 28, 3), (None, 28, 28, 6)
    fault, origin = at(8, "stem(x)"), at(4, "layers.Concatenate()([inputs, edges])")
    calls = (
        call(0, "InputLayer", "input_layer", at(2, "keras.Input((28, 28, 3))"), output=image),
        call(1, "Conv2D", "edges", at(3, 'layers.Conv2D(3, 3, padding="same", name="edges")(inputs)'), inputs=(image,),
             output=image, kernel=(3, 3, 3, 3), options=conv(3), cost=Cost(84, 63_504, (3, 3))),
        call(2, "Concatenate", "concatenate", origin, inputs=(image, image), output=six, options=MergeOptions(-1)),
        call(3, "Conv2D", "stem", at(6, "stem(inputs)"), inputs=(image,), output=(None, 26, 26, 64),
             kernel=(3, 3, 3, 64), options=conv(64, "valid"), cost=Cost(1_792, 1_168_128, (3, 3))),
        call(4, "Conv2D", "conv2d", old(2, 'layers.Conv2D(filters, 3, padding="same")(x)'), inputs=(six,),
             output=(None, 28, 28, 32), kernel=(3, 3, 6, 32), options=conv(32), cost=Cost(1_760, 1_354_752, (3, 3))),
        call(5, "BatchNormalization", "batch_normalization", old(3, "layers.BatchNormalization()(x)"),
             inputs=((None, 28, 28, 32),), output=(None, 28, 28, 32), cost=Cost(128)),
        call(6, "MaxPooling2D", "max_pooling2d", old(4, "layers.MaxPooling2D()(x)"), inputs=((None, 28, 28, 32),),
             output=(None, 14, 14, 32), options=PoolOptions((2, 2), (2, 2), "valid", "channels_last")),
        call(7, "Conv2D", "stem", fault, inputs=(six,), kernel=(3, 3, 3, 64), options=conv(64, "valid"), output=None,
             outcome=Outcome.RAISED, error="ValueError: Input 0 of layer \"stem\" is incompatible with the layer"),
    )  # fmt: skip
    diagnosis = Diagnosis(
        "channels-differ", Severity.ERROR, 7, fault, "stem",
        "stem cannot take 6 channels with a kernel made for 3",
        ("kernel (3, 3, 3, 64) was built at line 6, for 3 input channels", "line 8 gives it (None, 28, 28, 6)"),
        (None, None, None, 3), six, (3,), ("batch", "height", "width", "channels"), origin,
        "the 6 comes from Concatenate of (.., 3) and (.., 3)", fixes(),
    )  # fmt: skip
    notes = (
        LineNote("this", 2, "(None, 28, 28, 3)", "ok", (0,)),
        LineNote("this", 3, "(None, 28, 28, 3)", "ok", (1,), None, "(None, 28, 28, 3) -> (None, 28, 28, 3)",
                 "# shape: (B, 28, 28, 3)"),
        LineNote("this", 4, "(None, 28, 28, 6)", "origin", (2,), 0),
        LineNote("this", 6, "(None, 26, 26, 64)", "ok", (3,), None, "(None, 28, 28, 3) -> (None, 26, 26, 64)",
                 "# shape: (B, 26, 26, 64)"),
        LineNote("this", 7, "(None, 14, 14, 32)", "ok", (4, 5, 6)),
        LineNote("this", 8, "cannot take (None, 28, 28, 6)", "failed", (7,), 0),
        LineNote("older", 2, "(None, 28, 28, 32)", "ok", (4,), None, "(None, 28, 28, 3) -> (None, 28, 28, 32)",
                 "# shape: (B, 28, 28, 32)", True),
        LineNote("older", 3, "(None, 28, 28, 32)", "ok", (5,), later=True),
        LineNote("older", 4, "(None, 14, 14, 32)", "ok", (6,), later=True),
    )  # fmt: skip
    sources = (source("this", CELL, "cell-run", "this cell"), source("older", BLOCK, "cell-block", "In [1]"))
    failure = Failure("ValueError", 'Input 0 of layer "stem" is incompatible with the layer', fault)
    return Document(
        SCHEMA, (("tensorflow", "2.21.0"), ("keras", "3.15.1")), Trace(sources, calls), (diagnosis,), notes, failure
    )


def fixes() -> tuple[Fix, ...]:
    """One that ran, one tried with shapes, one with a placeholder."""
    made = digest(CELL)
    whole = span("this", CELL, 8, "x = stem(x)")
    argument = span("this", CELL, 8, "(x)")
    return (
        Fix("build a new Conv2D for this input", (Edit(whole, 'x = layers.Conv2D(64, 3, name="stem_2")(x)'),),
            Applicability.SURE, (None, 26, 26, 64), made, "this", Proof.RAN),
        Fix("give it the image instead", (Edit(argument, "(inputs)"),),
            Applicability.CHOICE, (None, 26, 26, 64), made, "this", Proof.SHAPES),
        Fix("pick the channels to keep", (Edit(argument, "(x[..., :<3 channels>])"),),
            Applicability.DISPLAY, None, made, "this", None, "it has a placeholder"),
    )  # fmt: skip


def fine() -> Document:
    """Two calls, as the arithmetic says; one line ran five times."""
    loop = "for kernel in kernels:\n    y = tf.nn.conv2d(x, kernel, 1, 'SAME')\n"
    text = f"%%convshapes\nx = tf.zeros((1, 32, 32, 3))\n{loop}"
    place = span("this", text, 4, "tf.nn.conv2d(x, kernel, 1, 'SAME')")
    calls = (
        call(0, "conv2d", None, place, inputs=((1, 32, 32, 3),), output=(1, 32, 32, 64), kernel=(3, 3, 3, 64),
             options=conv(64, "SAME"), count=5, mode=Mode.EAGER, cost=Cost(1728, 1_769_472)),
    )  # fmt: skip
    notes = (LineNote("this", 4, "(1, 32, 32, 64)  x5", "ok", (0,)),)
    return Document(SCHEMA, (), Trace((source("this", text, None, "this cell"),), calls), (), notes, None)


def nested() -> Document:
    """Return a model of two layers, called once for each of four sizes on one line; the third call is a warning."""
    text = "%%convshapes\nfor size in sizes:\n    y = model(tf.zeros((1, size, size, 3)))\n"
    place = span("this", text, 3, "model(tf.zeros((1, size, size, 3)))")
    calls: list[CallRecord] = []
    for size in (8, 9, 10, 11):
        image, outer = (1, size, size, 3), len(calls)
        made = (1, size - 2, size - 2, 4)
        wrong = (1, size, size, 4)
        calls += (
            call(outer, "Sequential", "model", place, inputs=(image,), output=(1, 4), mode=Mode.EAGER,
                 cost=Cost(None, None, None, 16, 0.25)),
            call(outer + 1, "Conv2D", "conv", place, inputs=(image,), expected=made,
                 output=wrong if size == 10 else made, parent=outer, options=conv(4, "valid"), mode=Mode.EAGER,
                 cost=Cost(112, 108 * (size - 2) ** 2, (3, 3), 16 * (size - 2) ** 2, 0.125)),
            call(outer + 2, "GlobalAveragePooling2D", "pool", place, inputs=(made,), output=(1, 4), parent=outer,
                 mode=Mode.EAGER, cost=Cost(0, None, None, 16, 0.0625)),
        )  # fmt: skip
    notes = (LineNote("this", 3, "(1, 4)", "ok", tuple(range(len(calls)))),)
    return Document(SCHEMA, (), Trace((source("this", text, None, "this cell"),), tuple(calls)), (), notes, None)


def hostile() -> Document:
    """Names and texts that would do harm if they were taken for markup; right-to-left marks; quotes."""
    name = "<script>window.harmed = true</script>"
    text = "x = layers.Conv2D(1, 1, name='<img src=x onerror=\"window.harmed = true\">')(x)\n"
    place = span("this", text, 1, "layers.Conv2D")
    diagnosis = Diagnosis(
        "channels-differ", Severity.WARNING, 0, place, name, f"{name} \u202e takes \"3\" & '6'", ("<b>bold</b>",),
        (None, 3), (None, 6), (1,), ("<i>batch</i>", "channels"), None, None,
        (Fix("<u>fix</u>", (Edit(place, "layers.<s>Conv3D</s>"),), Applicability.SURE, None, digest(text), "this"),),
    )  # fmt: skip
    calls = (call(0, "Conv2D", name, place, inputs=((None, 6),), output=(None, 6)),)
    notes = (LineNote("this", 1, "<b>(None, 6)</b>", "warning", (0,), 0),)
    return Document(SCHEMA, (), Trace((source("this", text, None, "this cell"),), calls), (diagnosis,), notes, None)


def written() -> dict[str, Any]:
    """Each document by its name: complete, and as a notebook carries it, whole or cut to the rows that must stay."""
    complete = TypeAdapter(Document)
    return {
        **{make.__name__: complete.dump_python(make(), mode="json") for make in (broken, fine, hostile, nested)},
        "packed": to_wire(broken()),
        "cut": to_wire(nested(), 6),
    }


def main(arguments: list[str]) -> int:
    """Write the documents, or compare them with `--check`; the exit status."""
    stale = 0
    for name, data in written().items():
        target = FOLDER / f"{name}.json"
        text = json.dumps(data, indent=1) + "\n"
        if "--check" not in arguments:
            target.write_text(text, encoding="utf-8")
        elif not target.is_file() or target.read_text(encoding="utf-8") != text:
            print(f"{target.name} is stale; run: python js/test/make_documents.py", file=sys.stderr)
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
