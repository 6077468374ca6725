"""Tokens with a last axis of length 1 were given to an embedding.

What: an `Embedding` puts its vector behind every token: of (batch, steps, 1) it makes four axes, and the layers of
sequences take three.
Why: recurrent and one-dimensional layers need a feature axis; an embedding in front of them makes it itself.
Example:

    text = keras.Input((80, 1))
    y = layers.LSTM(32)(layers.Embedding(5000, 64)(text))

Use instead:

    text = keras.Input((80,))

Fix safety: an axis of length 1 is taken out; Keras takes data with that axis for such an input as well.
"""

from __future__ import annotations

from collections.abc import Iterator

from conv_magic.analysis.input_declarations import declarations
from conv_magic.analysis.operands import operand_of, origin_of
from conv_magic.analysis.producers import producer_chain
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import name_of, spelled
from conv_magic.model.positions import Edit, Span
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, indexed

code = "tokens-with-extra-axis"

_START = "import keras, numpy as np\nfrom keras import layers\n"
VALID: tuple[str, ...] = (_START + "y = layers.LSTM(3)(layers.Embedding(9, 4)(keras.Input((7,))))\n",)
INVALID: tuple[str, ...] = (
    _START + "y = layers.LSTM(3)(layers.Embedding(9, 4)(keras.Input((7, 1))))\n",
    _START + "steps = 7\nnet = keras.Sequential([layers.Input(shape=(steps, 1)), layers.Embedding(9, 4)])\n"
    "net.add(layers.Conv1D(3, 3))\n",
    _START + "words, embed = np.zeros((5, 7, 1), int), layers.Embedding(9, 4)\n"
    "vectors = embed(words)\ny = layers.GRU(2)(vectors)\n",
)

_RANK = 4


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where a layer fails on four axes that an embedding made of tokens with an axis too many."""
    if call.outcome is not Outcome.RAISED or call.layer is None or not call.inputs or len(call.inputs[0]) != _RANK:
        return
    embedding = next((c for c in reversed(producer_chain(call, trace)) if c.op == "Embedding"), None)
    if embedding is None or len(embedding.inputs[0]) != _RANK - 1 or embedding.inputs[0][-1] != 1:
        return
    given = embedding.inputs[0]
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} takes (batch, steps, features); {name_of(embedding)} gives {spelled(embedding.output)}",
        reasons=(f"the tokens are {spelled(given)}: the embedding puts its vector behind the axis of length 1",),
        expected=(*given[:2], call.inputs[0][-1]),
        actual=call.inputs[0],
        origin=origin_of(embedding, trace),
        fixes=(*_declaration_fixes_of(given, trace), *_indexing_fixes(embedding, trace)),
    )


def _declaration_fixes_of(shape: Shape, trace: Trace) -> Iterator[Fix]:
    """Yield a fix that declares the tokens without their last axis."""
    for declaration in declarations(trace):
        elements = getattr(declaration.value, "elts", [])
        if declaration.sizes != shape[1:] or len(elements) < 2:
            continue
        before, last = declaration.code.span(elements[-2]), declaration.code.span(elements[-1])
        span = Span(before.cell, before.end_line, before.end_column, last.end_line, last.end_column)
        edit = Edit(span, "," if len(elements) == 2 else "")
        yield fix("declare the tokens without the axis of length 1", declaration.code, [edit], Applicability.SURE)
        return


def _indexing_fixes(embedding: CallRecord, trace: Trace) -> Iterator[Fix]:
    """Yield a fix that takes the last axis out of the tokens where they are passed."""
    operand = operand_of(embedding, trace)
    if operand is not None and embedding.direct and None not in embedding.inputs[0]:
        edit = indexed(operand.code, operand.value, "[..., 0]")
        yield fix("take the axis of length 1 out of the tokens", operand.code, [edit], Applicability.SURE)
