"""The input is not of the size that the model was declared for.

What: a model declares the shape of its input, and what it was given has other sizes.
Why: a size was copied from another data set, an encoder makes another code than the decoder expects.
Example:

    code = Input((4, 4, 8))
    decoder = Model(code, layers.UpSampling2D()(code))
    decoder(encoder(images))                # the encoder makes (None, 8, 8, 8)

Use instead:

    code = Input((8, 8, 8))

Fix safety: no layer is changed; a model whose sizes are fixed behind a Flatten is built for the new size.  Where the
model has already run on inputs of the declared size, it is this input that is changed.
"""

from __future__ import annotations

from collections.abc import Iterator

from conv_magic.analysis.input_declarations import declarations, with_sizes
from conv_magic.analysis.model_data import other_data_of_model
from conv_magic.analysis.operands import operand_of, origin_of, tensor_library
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.arithmetic import shapes_agree
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import axis_names, name_of, spelled
from conv_magic.model.options import FitOptions
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, indexed, wrapped

code = "declared-input-differs"

VALID: tuple[str, ...] = (
    "import keras, numpy as np\nfrom keras import layers\n"
    "model = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(4, 3)])\n"
    "model.predict(np.zeros((2, 40, 30, 3)), verbose=0)\n",
)
INVALID: tuple[str, ...] = (
    "import keras, numpy as np\nfrom keras import layers\n"
    "photo, row = keras.Input((6, 6, 1), name='photo'), keras.Input((9,), name='row')\n"
    "both = layers.concatenate([layers.Flatten()(photo), row])\n"
    "model = keras.Model({'photo': photo, 'row': row}, layers.Dense(1)(both))\n"
    "model.predict({'photo': np.zeros((2, 6, 6, 1)), 'row': np.zeros((2, 7))}, verbose=0)\n",
    "import keras\nfrom keras import layers\n"
    "image = keras.Input((16, 16, 3))\n"
    "encoder = keras.Model(image, layers.MaxPooling2D()(image))\n"
    "code = keras.Input((4, 4, 3))\n"
    "decoder = keras.Model(code, layers.UpSampling2D()(code))\n"
    "y = decoder(encoder(image))\n",
    "import keras, numpy as np\nimport tensorflow as tf\nfrom keras import layers\n"
    "side = 16\n"
    "model = keras.Sequential([keras.Input((side, side, 3)), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(2)])\n"
    "model.compile('sgd', 'mse')\n"
    "photos = np.zeros((4, 24, 24, 3), 'float32')\n"
    "model.fit(photos, np.zeros((4, 2)), verbose=0)\n",
)


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where a model was given an input of its declared rank, but of other sizes."""
    if call.outcome is not Outcome.RAISED:
        return
    if len(call.inputs) > 1:
        yield from _check_several_inputs(call, trace)
        return
    call = _outermost_model_differing(call, trace)
    if len(call.inputs) != 1 or call.accepts is None or call.options is not None:
        return
    actual, declared = call.inputs[0], call.accepts
    axes = _axes_differing(actual, declared)
    if not axes or not _is_declared(declared, trace):
        return
    wanted = tuple(have if have is None else want for have, want in zip(actual, declared, strict=True))
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} was declared for inputs of {spelled(declared[1:])}; this one is {spelled(actual[1:])}",
        expected=wanted,
        actual=actual,
        axes=axes,
        axis_names=axis_names(len(declared)),
        origin=origin_of(call, trace),
        fixes=_fixes(call, trace, actual, declared),
    )


def _check_several_inputs(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where one input of a model with several has other sizes than declared."""
    models = [v.parts for v in trace.values if v.kind == "model" and len(v.parts) == len(call.inputs)]
    if call.layer is None or call.options is not None or len(models) != 1:
        return
    pairs = list(zip(call.inputs, models[0], strict=True))
    differing = [(have, want) for have, want in pairs if not _samples_agree(have, want)]
    if len(differing) != 1 or len(differing[0][0]) != len(differing[0][1]):
        return
    actual, declared = differing[0]
    fixes = tuple(_declaration_fixes(trace, actual, declared))
    if fixes and sum(d.sizes == declared[1:] for d in declarations(trace)) == 1:
        yield diagnosed(
            code,
            call,
            f"{name_of(call)} has an input declared as {spelled(declared[1:])}; it was given {spelled(actual[1:])}",
            expected=declared,
            actual=actual,
            axes=tuple(i for i, (a, b) in enumerate(zip(actual, declared, strict=True)) if i and a != b),
            axis_names=axis_names(len(declared)),
            fixes=fixes,
        )


def _samples_agree(have: Shape, want: Shape) -> bool:
    """Check whether two shapes agree but for the batch."""
    return len(have) == len(want) and shapes_agree(have[1:], want[1:])


def _outermost_model_differing(call: CallRecord, trace: Trace) -> CallRecord:
    """Return the outermost model around that was given other sizes: a Sequential runs on them until a layer fails."""
    outermost = call
    for outer in graph_of(trace).ancestors(call):
        if (
            outer.accepts is not None
            and outer.options is None
            and outer.inputs
            and _axes_differing(outer.inputs[0], outer.accepts)
        ):
            outermost = outer
    return outermost


def _axes_differing(actual: Shape, declared: Shape) -> tuple[int, ...]:
    """Return the axes whose sizes differ; none where the channels do, which is another fault."""
    if len(actual) != len(declared):
        return ()
    pairs = list(enumerate(zip(actual, declared, strict=True)))[1:]
    axes = tuple(axis for axis, (have, want) in pairs if have != want and None not in (have, want))
    return () if len(actual) > 2 and len(actual) - 1 in axes else axes


def _is_declared(sizes: Shape, trace: Trace) -> bool:
    """Check whether the text declares an input of that shape."""
    return any(d.sizes == sizes[1:] for d in declarations(trace))


def _fixes(call: CallRecord, trace: Trace, actual: Shape, declared: Shape) -> Iterator[Fix]:
    ran = any(c.outcome is Outcome.RETURNED and c.op == call.op for c in graph_of(trace).of_layer(call.layer))
    repairs = [_data_fixes(call, trace, declared), _declaration_fixes(trace, actual, declared)]
    for fixes in repairs if ran else reversed(repairs):
        yield from fixes


def _declaration_fixes(trace: Trace, actual: Shape, declared: Shape) -> Iterator[Fix]:
    """Yield fixes that declare the input as it is given."""
    for declaration in declarations(trace):
        if declaration.sizes == declared[1:] and declaration.sizes is not None:
            value = declaration.value
            have, want = (declared, (None, *actual[1:])) if declaration.batched else (declared[1:], actual[1:])
            edits = with_sizes(declaration.code, value, have, want, trace)
            title = f"declare the input as {spelled(actual[1:])}"
            yield fix(title, declaration.code, edits, Applicability.SURE)


def _data_fixes(call: CallRecord, trace: Trace, declared: Shape) -> Iterator[Fix]:
    """Yield a fix that resizes the images to the declared size, wherever the model is given them."""
    operand = operand_of(call, trace, 0)
    if operand is None or len(declared) != 4 or None in declared[1:3]:
        return
    library = tensor_library(operand.code)
    if library is None:
        return
    size = f"({declared[1]}, {declared[2]})"
    if any(isinstance(c.options, FitOptions) and c.options.dataset for c in trace.calls):
        step = f".map(lambda x, y: ({library}.image.resize(x, {size}), y))"
        edit = indexed(operand.code, operand.value, step)
        yield fix(f"resize the images to {declared[1]} x {declared[2]}", operand.code, [edit], Applicability.SURE)
        return
    values = [operand.value, *other_data_of_model(operand, len(declared), trace)]
    edits = [wrapped(operand.code, value, f"{library}.image.resize(", f", {size})") for value in values]
    yield fix(f"resize the images to {declared[1]} x {declared[2]}", operand.code, edits, Applicability.SURE)
