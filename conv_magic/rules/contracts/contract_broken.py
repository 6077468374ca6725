"""A line made another shape than the comment at its end states.

What: `# shape: (B, 26, 26, 32)` behind a line says what its value must be; another shape came.
Why: a padding, a stride, a kernel or a number of filters is not what the author had in mind, or the data is not.
Example:

    x = keras.Input((28, 28, 1))
    y = layers.Conv2D(32, 3)(x)  # shape: (B, 28, 28, 32)

Use instead:

    y = layers.Conv2D(32, 3, padding="same")(x)  # shape: (B, 28, 28, 32)

Fix safety: what was left out of a layer is added before what the author wrote is changed, and only where the
arithmetic says that the contract then holds; the last fix states what came, and changes the comment alone.  A size
that is not known contradicts nothing.  A name is bound where it first stands in the cell; where that line runs again
with another size, a later line holds if it holds for one of them.
"""

from __future__ import annotations

from collections.abc import Iterator

from conv_magic.analysis.contract_checks import Broken, broken_contracts
from conv_magic.model.diagnoses import Diagnosis, Severity
from conv_magic.model.naming import axis_names, data_format_of, name_of, shown_span, spelled
from conv_magic.model.positions import Span
from conv_magic.model.trace import Trace
from conv_magic.rules.fixes.contract_fixes import contract_fixes
from conv_magic.text.contract_matching import Names, names_in

code = "contract-broken"

_IMPORTS = "import keras, numpy as np, tensorflow as tf\nfrom keras import layers\n"
_IMAGES = _IMPORTS + "x = keras.Input((28, 28, 1))\n"
VALID: tuple[str, ...] = (
    _IMAGES
    + "y = layers.Conv2D(32, 3)(x)  # shape: (B, H, H, 32)\nz = layers.MaxPooling2D()(y)  # shape: (B, H//2, _, 32)\n",
    _IMPORTS + "images = tf.zeros((10, 28, 28))\n"
    "for x in tf.data.Dataset.from_tensor_slices(images).batch(4):  # shape: (B, H, W)\n"
    "    y = x[..., None]  # shape: (B, H, W, 1)\n"
    "    loss = tf.reduce_mean(y)  # shape: ()\n",
    _IMPORTS + "model = keras.Sequential([\n    keras.Input((28, 28, 1)),\n"
    "    layers.Conv2D(32, 3),  # shape: (None, 26, 26, 32)\n    layers.Flatten(),  # shape: (B, 26*26*32)\n])\n",
)
INVALID: tuple[str, ...] = (
    _IMAGES + "y = layers.Conv2D(32, 3)(x)  # shape: (B, 28, 28, 32)\n",
    _IMAGES + "y = layers.Conv2D(32, 3)(x)  # shape: (B, 28, 28, 64)\n",
    _IMAGES + "h = layers.Conv2D(16, 5)(x)\nh = layers.BatchNormalization()(h)\n"
    "y = layers.ReLU()(h)  # shape: (B, 26, 26, 16)\n",
    _IMPORTS + "model = keras.Sequential([\n    keras.Input((28, 28, 1)),\n"
    "    layers.Conv2D(8, 3, padding='same'),\n    layers.MaxPooling2D(2),  # shape: (B, 28, 28, 8)\n])\n",
    _IMAGES + "y = layers.Conv2D(8, 3, activation='relu')(x)\ny = layers.Flatten()(y)\n"
    "y = layers.Dense(\n    10\n)(y)  # shape: (B, classes)\nz = layers.Dense(12)(y)  # shape: (B, classes)\n",
    _IMAGES + "y = layers.Conv2D(8, 3)(x)  # shape: (B, 5408)\n",
    _IMPORTS + "x = np.zeros((4, 28, 28))  # shape: (B, 32, 28)\n",
    _IMPORTS + "x = np.zeros((4, 28, 28))\ny = x[:, ::2]  # shape: (..., 14, 28, 1)\n",
    _IMPORTS + "def block(x):\n    x = layers.Conv2D(8, 3)(x)  # shape: (B, 28, 28, 8)\n    return layers.ReLU()(x)\n"
    "y = block(keras.Input((28, 28, 1)))\n",
    _IMAGES + "y = layers.Conv2D(1, 3)(x)  # shape: (B, H, H, 1)\nz = layers.Conv2D(1, 3)(y)  # shape: (B, H, H, 1)\n",
    _IMAGES + "y = layers.Conv2D(1, 3)(x)  # shape: (B, 28, 28, 1)\nz = layers.Add()([x, y])\n",
    _IMPORTS + "x = tf.zeros((1, 64, 64, 3))\ny = tf.nn.conv2d(x, tf.zeros((3, 3, 3, 8)), strides=[1, 1, 1, 1], "
    "padding='SAME')  # shape: (1, 32, 32, 8)\n",
    _IMPORTS + "x = tf.zeros((1, 64, 64, 3))\ny = tf.nn.max_pool2d(x, 3, 1, 'VALID')  # shape: (1, 64, 64, 3)\n",
)


def check_cell(trace: Trace) -> Iterator[Diagnosis]:
    """Diagnose each contract that does not hold."""
    for broken in broken_contracts(trace):
        yield _diagnosis(broken, trace)


def _diagnosis(broken: Broken, trace: Trace) -> Diagnosis:
    mismatch, call = broken.mismatch, broken.call
    expected, actual = mismatch.match.expected, mismatch.actual
    origin, note = _origin_of_contract(broken)
    return Diagnosis(
        code=code,
        severity=Severity.WARNING,
        call=call.index if call is not None else None,
        span=mismatch.contract.span,
        layer=name_of(call) if call is not None else None,
        headline=_headline(broken),
        reasons=tuple(_reasons(broken)),
        expected=expected,
        actual=actual,
        axes=mismatch.match.axes,
        axis_names=axis_names(len(expected), data_format_of(call)) if call is not None else (),
        origin=origin,
        origin_note=note,
        fixes=tuple(contract_fixes(broken, trace)),
    )


def _headline(broken: Broken) -> str:
    value = f"{name_of(broken.call)} gives" if broken.call is not None else "the value is"
    subject = f"{broken.name} is" if broken.name is not None else value
    return f"{subject} {spelled(broken.mismatch.actual)}, its contract states {broken.mismatch.pattern}"


def _reasons(broken: Broken) -> Iterator[str]:
    mismatch = broken.mismatch
    want, rank = len(mismatch.match.expected), len(mismatch.actual)
    if want != rank:
        yield f"it has {rank} {'axis' if rank == 1 else 'axes'}, the contract {want}"
    own, origin = mismatch.contract.span, _origin_of_contract(broken)[0]
    sizes: dict[Span, list[str]] = {}
    for name, bound in _names_bound(broken).items():
        sizes.setdefault(bound.span, []).append(f"{name} = {bound.size}")
    for span, names in sizes.items():
        if span != origin:
            yield f"{', '.join(names)}, by {'this contract' if span == own else f'the contract on line {span.line}'}"


def _names_bound(broken: Broken) -> Names:
    """Return the names that the contract mentions, with the sizes they had when it was read."""
    known = broken.mismatch.match.names
    return {name: known[name] for name in names_in(broken.mismatch.pattern) if name in known}


def _origin_of_contract(broken: Broken) -> tuple[Span | None, str | None]:
    """Return the contract that bound the name which differs; else where the layer was made, or called."""
    sizes = broken.mismatch.pattern.sizes
    for axis in broken.mismatch.match.axes:
        name = sizes[axis].name if broken.mismatch.pattern.gap is None and axis < len(sizes) else None
        bound = _names_bound(broken).get(name) if name else None
        if bound is not None and bound.span != broken.mismatch.contract.span:
            return bound.span, f"{name} = {bound.size}, by the contract on line {bound.span.line}"
    call = broken.call
    span = None if call is None else call.created if call.layer is not None else shown_span(call)
    line = broken.mismatch.contract.span.line
    if call is None or span is None or span.line <= line <= span.end_line:
        return None, None
    return span, f"{name_of(call)} is made on line {span.line}"
