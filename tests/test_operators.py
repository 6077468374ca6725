"""Each operator on an example: among the edits that it offers is the one that is meant."""

from __future__ import annotations

import ast

import pytest

from conv_magic.analysis.case import Case
from conv_magic.analysis.instrument import NOTE, noting
from conv_magic.analysis.observe import Notes
from conv_magic.analysis.program import Observed, Program
from conv_magic.model.positions import digest
from conv_magic.model.trace import Source, Trace
from conv_magic.repair.operators.statements import statement_changes
from conv_magic.repair.operators.table import OPERATORS
from conv_magic.repair.titles import title_of

NUMPY = "import numpy as np\n"
KERAS = "import numpy as np\nimport keras\nfrom keras import layers\n"
TF = "import numpy as np\nimport tensorflow as tf\n"
BROADCAST = "operands could not be broadcast together with shapes "

# name -> the code before, the line to change, what it becomes, what the error says
EXAMPLES = {
    "add axis": (
        NUMPY + "x = np.zeros((4, 28, 28))\n",
        "y = x.sum(",
        "y = x[..., None].sum(",
        "expected ndim=4, found ndim=3. Full shape received: (4, 28, 28)",
    ),
    "drop axis": (
        NUMPY + "x = np.zeros((4, 1))\n",
        "y = np.abs(x)",
        "y = np.abs(x[..., 0])",
        BROADCAST + "(4, 1) (4,)",
    ),
    "transpose": (
        NUMPY + "x = np.zeros((2, 3, 8, 8))\n",
        "y = np.abs(x)",
        "y = np.abs(x.transpose(0, 2, 3, 1))",
        "expected axis -1 of input shape to have value 3, but received input with shape (2, 3, 8, 8)",
    ),
    "reshape": (
        NUMPY + "x = np.zeros((4, 784))\n",
        "y = np.abs(x)",
        "y = np.abs(x.reshape(4, 28, 28, 1))",
        "expected shape=(None, 28, 28, 1), found shape=(4, 784)",
    ),
    "repeat channels": (
        NUMPY + "x = np.zeros((2, 8, 8, 1))\n",
        "y = np.abs(x)",
        "y = np.abs(np.repeat(x, 3, axis=-1))",
        "expected axis -1 of input shape to have value 3, but received input with shape (2, 8, 8, 1)",
    ),
    "keep some of an axis": (
        NUMPY + "x = np.zeros((2, 8, 8, 4))\n",
        "y = np.abs(x)",
        "y = np.abs(x[..., :3])",
        "expected axis -1 of input shape to have value 3, but received input with shape (2, 8, 8, 4)",
    ),
    "make as large as its neighbour": (
        NUMPY + "a = np.zeros((1, 9, 8, 2))\nb = np.zeros((1, 8, 8, 2))\n",
        "c = np.maximum(a, a), (a, b)",
        "c = np.maximum(a, a), (a[:, :b.shape[1]], b)",
        "",
    ),
    "resize images": (
        TF + "x = np.zeros((2, 20, 20, 3))\n",
        "y = np.abs(x)",
        "y = np.abs(tf.image.resize(x, (32, 32)))",
        "expected shape=(None, 32, 32, 3), found shape=(2, 20, 20, 3)",
    ),
    "swap sizes": (NUMPY, "y = np.zeros((3, 32, 16))", "y = np.zeros((32, 16, 3))", ""),
    "insert a size": (NUMPY, "y = np.zeros((28, 28))", "y = np.zeros((28, 28, 1))", ""),
    "delete a size": (NUMPY, "y = np.zeros((60, 28, 28))", "y = np.zeros((28, 28))", ""),
    "replace the sizes": (
        NUMPY,
        "y = np.zeros((4, 4, 8))",
        "y = np.zeros((8, 8, 8))",
        "expected shape=(None, 8, 8, 8), found shape=(None, 4, 4, 8)",
    ),
    "slice the shape": (
        NUMPY + "x = np.zeros((60, 31))\n",
        "y = np.zeros(shape=x.shape)",
        "y = np.zeros(shape=x.shape[1:])",
        "",
    ),
    "number to sizes": (KERAS, "y = keras.Input(shape=128)", "y = keras.Input(shape=(128,))", ""),
    "another number": (NUMPY, "y = np.zeros(24)", "y = np.zeros(32)", BROADCAST + "(24,) (32,)"),
    "size that keeps the total": (
        NUMPY + "h, w = 6, 8\nv = h, w\nx = np.zeros((2, 48))\n",
        "y = x.reshape(2, h, h)",
        "y = x.reshape(2, h, w)",
        "",
    ),
    "another axis": (NUMPY + "x = np.zeros((4, 5))\n", "y = np.sum(x, axis=0)", "y = np.sum(x, axis=1)", ""),
    "compute another number": (NUMPY + "n = 24\n", "y = np.zeros(n)", "y = np.zeros(n * 2)", BROADCAST + "(24,) (48,)"),
    "another word": (KERAS, "y = layers.Conv2D(4, 3, padding='valid')", "y = layers.Conv2D(4, 3, padding='same')", ""),
    "another class of its family": (
        KERAS,
        "y = keras.losses.CategoricalCrossentropy()",
        "y = keras.losses.SparseCategoricalCrossentropy()",
        "",
    ),
    "set an argument": (KERAS, "y = layers.LSTM(4)", "y = layers.LSTM(4, return_sequences=True)", ""),
    "drop an argument": (KERAS, "y = layers.Conv2D(4, 3, strides=2)", "y = layers.Conv2D(4, 3)", ""),
    "two numbers to one size": (KERAS, "y = layers.Conv2D(6, 5, 5)", "y = layers.Conv2D(6, (5, 5))", ""),
    "swap two arguments": (NUMPY + "a = np.zeros((2, 3))\nb = np.zeros((4, 2))\n", "y = b @ a", "y = a @ b", ""),
    "sibling layer": (KERAS, "y = layers.MaxPooling2D(2)", "y = layers.MaxPooling1D(2)", ""),
    "wrap in TimeDistributed": (
        KERAS,
        "y = [layers.Conv2D(4, 3)]",
        "y = [layers.TimeDistributed(layers.Conv2D(4, 3))]",
        "",
    ),
    "layer on a tensor": (
        KERAS + "x = keras.Input((4, 4, 2))\n",
        "y = layers.Dense(3)(x)",
        "y = layers.Dense(3)(layers.Flatten()(x))",
        "",
    ),
    "insert a layer": (
        KERAS,
        "y = [layers.Conv2D(4, 3), layers.Dense(3)]",
        "y = [layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(3)]",
        "",
    ),
    "take the layer away": (KERAS + "x = keras.Input((4, 4, 2))\n", "y = layers.MaxPooling2D()(x)", "y = x", ""),
    "encode labels": (
        KERAS + "x = np.zeros(4, int)\n",
        "y = np.abs(x)",
        "y = np.abs(keras.utils.to_categorical(x, 10))",
        "labels and logits: shapes (4,) and (4, 10)",
    ),
    "list to array": (NUMPY + "x = [np.zeros(3), np.ones(3)]\n", "y = len(x)", "y = len(np.stack(x))", ""),
    "array to list": (
        NUMPY + "def fails(x):\n    raise ValueError\nx = np.zeros((4, 2, 5))\n",
        "y = fails(x)",
        "y = fails([x[:, 0], x[:, 1]])",
        "",
    ),
    "cast": (
        NUMPY + "x = np.zeros(3)\n",
        "y = np.abs(x)",
        "y = np.abs(x.astype('float32'))",
        "expected a float32 tensor but type float64",
    ),
    "sizes where values belong": (
        TF + "def fails(x):\n    raise ValueError\n",
        "y = fails([1, 28, 28, 1])",
        "y = fails(tf.random.normal([1, 28, 28, 1]))",
        "",
    ),
    "batch the dataset": (
        TF + "def fails(x):\n    raise ValueError\nds = tf.data.Dataset.range(3)\n",
        "y = fails(ds)",
        "y = fails(ds.batch(8))",
        "",
    ),
    "take the call away": (NUMPY + "x = np.zeros((4, 5))\n", "y = np.squeeze(x)", "y = x", ""),
    "less of an index": (NUMPY + "x = np.zeros((4, 5))\n", "y = np.abs(x[0])", "y = np.abs(x[:1])", ""),
    "another name": (
        NUMPY + "a = np.zeros((4, 5))\nb = np.zeros((4, 6))\nc = np.abs(b)\n",
        "y = np.abs(a)",
        "y = np.abs(b)",
        "",
    ),
    "arguments in a list": (
        KERAS + "a = keras.Input((4,))\nb = keras.Input((4,))\n",
        "y = layers.Add()(a, b)",
        "y = layers.Add()([a, b])",
        "",
    ),
    "index of the partner": (
        NUMPY + "a = np.zeros((4, 5))\nb = np.zeros((4, 5))\n",
        "y = np.maximum(a[:2], b)",
        "y = np.maximum(a[:2], b[:2])",
        "",
    ),
    "another index, as the partner's": (
        NUMPY + "a = np.zeros((4, 5))\nb = np.zeros((4, 5))\n",
        "y = np.maximum(a[:2], b[0])",
        "y = np.maximum(a[:2], b[:2])",
        "",
    ),
    "another function of its family": (
        NUMPY + "a = np.zeros((4, 5))\n",
        "y = np.stack([a, a])",
        "y = np.concatenate([a, a])",
        "",
    ),
    "take the conversion away": ("x = [1, 2]\n", "y = list(x)", "y = x", ""),
    "names for what is unpacked": (NUMPY + "x = np.zeros((4, 5, 6))\n", "h, w = x.shape", "_, h, w = x.shape", ""),
    "parts of an index in another order": (
        NUMPY + "x = np.zeros((4, 5))\n",
        "y = x[None, ...]",
        "y = x[..., None]",
        "",
    ),
    "more inputs for a model": (
        KERAS
        + "a = keras.Input((4,))\nb = keras.Input((4,))\nm = keras.Model([a, b], layers.Add()([a, b]))\n"
        + "p = np.zeros((2, 4))\nq = np.zeros((2, 4))\nr = p, q\n",
        "y = m(p)",
        "y = m([p, q])",
        "",
    ),
    "call the layer": (KERAS + "x = keras.Input((4,))\nz = x\n", "y = layers.Dense(3)", "y = layers.Dense(3)(x)", ""),
}


def case_of(text: str, message: str) -> Case:
    """The case of a text that was run here, with what its error is said to be."""
    notes = Notes()
    try:
        exec(compile(noting(ast.parse(text)), "<example>", "exec"), {NOTE: notes})
    except Exception as error:
        message = message or str(error) or "it fails"
    values = {site: tuple(given) for site, given in notes.values.items()}
    observed = Observed(values, notes.count, notes.first, notes.last, notes.origin, ("ValueError", message))
    source = Source("c0", text, digest(text), None, "this cell")
    return Case(Program(text, observed), Trace((source,), ()), None, ())


@pytest.mark.parametrize("name", [operator.name for operator in OPERATORS])
def test_an_operator_offers_what_is_meant(name: str) -> None:
    before, line, wanted, message = EXAMPLES[name]
    if line.endswith("("):
        line, wanted = f"{line})", f"{wanted})"
    case = case_of(before + line, message)
    (operator,) = (each for each in OPERATORS if each.name == name)
    sites = (node for node in case.program.nodes.values() if operator.applies(case, node))
    offered = [candidate for node in sites for candidate in operator.candidates(case, node)]
    texts = {case.program.edited(candidate.changes) for candidate in offered}
    assert before + wanted in texts
    for candidate in offered:
        title = title_of(case.program, candidate.changes)
        assert title
        assert "\n" not in title


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("x = 1\nx = x + 1\n", "x = 1\npass\n"),
        ("x = [1]\nx.append(2)\n", "x = [1]\npass\n"),
        ("x = 1\ny = 2\n", "y = 2\nx = 1\n"),
        ("for x in (1, 2):\n    y = x\n    z = y\n", "for x in (1, 2):\n    y = x\nz = y\n"),
    ],
)
def test_statements_are_taken_away_exchanged_and_moved(text: str, wanted: str) -> None:
    case = case_of(text, "")
    offered = [candidate for s in case.program.statements for _, _, candidate in statement_changes(case, s)]
    assert wanted in {case.program.edited(candidate.changes) for candidate in offered}
