"""Weights come from a model, a file or an array of other sizes than the layer has.

What: `load_weights` and `set_weights` need the same layers with the same shapes; one of them has another.
Why: a network for five classes is to be refined for four: its head has another size, the rest is the same.
Example:

    model = build(n_classes=4)
    model.load_weights("five_classes.weights.h5")

Use instead:

    model.load_weights("five_classes.weights.h5", skip_mismatch=True)

Fix safety: with `skip_mismatch` the layers that differ keep their fresh weights and must be trained; all others are
loaded.  Where a function makes both models, the second can be made with the arguments of the first.  The file's shapes
are read from Keras' message: the file itself is not opened again.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.operands import code_of, module_alias
from conv_magic.analysis.training import with_number
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import spelled
from conv_magic.model.trace import Trace
from conv_magic.rules.fixes.axis_order import order_between
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, with_argument, wrapped
from conv_magic.text.source import Code, argument, called_name

code = "weights-of-another-model"

_NET = (
    "import os, tempfile, keras\nfrom keras import layers\n"
    "def net(n):\n"
    "    return keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D({filters}, 3, name='c'), layers.Flatten(),\n"
    "                             layers.Dense(n, name='out')])\n"
    "file = os.path.join(tempfile.mkdtemp(), 'net.weights.h5')\n"
)
VALID: tuple[str, ...] = (_NET.format(filters=2) + "net(3).save_weights(file)\nnet(3).load_weights(file)\n",)
INVALID: tuple[str, ...] = (
    "import keras, numpy as np\n"
    "torch = {'a': np.ones((6, 2, 5, 3)), 'b': np.ones((7, 6, 3, 3))}\n"
    "net = keras.Sequential([keras.Input((16, 16, 2)), keras.layers.Conv2D(6, (5, 3), name='a')])\n"
    "net.add(keras.layers.Conv2D(7, 3, name='b'))\n"
    "for name in ('a', 'b'):\n"
    "    kernel = np.transpose(torch[name], (2, 3, 0, 1))\n"
    "    net.get_layer(name).set_weights([kernel, np.zeros(len(torch[name]))])\n",
    "import keras, numpy as np\n"
    "kernel, bias = np.ones((6, 4)), np.zeros(6)\n"
    "layer = keras.layers.Dense(6)\nlayer.build((None, 4))\nlayer.set_weights([kernel, bias])\n",
    _NET.format(filters=2) + "net(3).save_weights(file)\nother = net(7)\nother.load_weights(file)\n",
    _NET.format(filters="n") + "net(3).save_weights(file)\nother = net(6)\nother.load_weights(filepath=file)\n",
    "import keras\nfrom keras import layers\n"
    "def net(n):\n    return keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(n, 3), layers.Flatten()])\n"
    "big, small = net(6), net(3)\nsmall.set_weights(big.get_weights())\n",
    "import keras, numpy as np\n"
    "words, vectors = ['a', 'b', 'c'], np.zeros((4, 5))\n"
    "layer = keras.layers.Embedding(len(words), 5)\nlayer.build((None, 7))\nlayer.set_weights([vectors])\n",
    "import os, tempfile, keras\nfrom keras import layers\n"
    "def net(side):\n"
    "    return keras.Sequential([keras.Input((side, side, 1)), layers.Flatten(), layers.Dense(3)])\n"
    "file = os.path.join(tempfile.mkdtemp(), 'net.weights.h5')\n"
    "old, new = net(8), net(9)\nold.save_weights(file)\nnew.load_weights(file)\n",
)
_MATRIX = 2
_LAYER = re.compile(r"<(\w+) name=([\w.]+), built")
_SHAPES = re.compile(r"variable\.shape=(\([\d, ]*\)), Received: value\.shape=(\([\d, ]*\))")
_SHAPES_SET = re.compile(
    r"Layer (\S+) weight shape (\([\d, ]*\)) is not compatible with provided weight shape (\([\d, ]*\))"
)
_TRAINING = {"fit", "train_on_batch", "fit_generator"}


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where Keras says that a weight has another shape than the layer's."""
    cell = code_of(trace, call.span)
    node = cell.call_at(call.span) if cell else None
    if call.outcome is Outcome.RETURNED or cell is None or node is None:
        return
    if called_name(node) == "load_weights" and argument(node, 1, "skip_mismatch") is None:
        yield from _check_loading(call, cell, node)
    elif called_name(node) == "set_weights":
        yield from _check_setting(call, trace, cell, node)


def _check_loading(call: CallRecord, cell: Code, node: ast.Call) -> Iterator[Diagnosis]:
    """Yield the diagnosis of a `load_weights` that failed."""
    found = _SHAPES.search(call.error or "")
    if found is None:
        return
    layer = _LAYER.search(call.error or "")
    name = layer[2] if layer else "a layer"
    edit = with_argument(cell, node, 1, "skip_mismatch", "True")
    skipped = fix("load all layers that fit, and leave this one as it is", cell, [edit], Applicability.SURE)
    is_head = layer is not None and layer[1] == "Dense" and not _only_inputs_differ(found)
    is_skipping_useless = not is_head and not _is_trained_after(cell, node)
    alike_fixes = tuple(_alike_fixes(cell, node, Applicability.SURE if is_skipping_useless else Applicability.CHOICE))
    yield diagnosed(
        code,
        call,
        f"the file holds weights of {found[2]} for {name}, whose own are {found[1]}",
        layer=name,
        reasons=("a layer takes only weights of its own shape",),
        fixes=(*alike_fixes, skipped) if is_skipping_useless else (skipped, *alike_fixes),
    )


def _only_inputs_differ(found: re.Match[str]) -> bool:
    """Check whether only the number of inputs differs: the layer's own units are the same."""
    own, other = ast.literal_eval(found[1]), ast.literal_eval(found[2])
    return len(own) == len(other) == _MATRIX and bool(own[1] == other[1])


def _is_trained_after(cell: Code, node: ast.Call) -> bool:
    """Check whether the text trains a model below a call."""
    later = (n for n in ast.walk(cell.tree) if isinstance(n, ast.Call) and n.lineno > node.lineno)
    return any(called_name(n) in _TRAINING for n in later)


def _check_setting(call: CallRecord, trace: Trace, cell: Code, node: ast.Call) -> Iterator[Diagnosis]:
    """Yield the diagnosis of a `set_weights` that failed."""
    found = _SHAPES_SET.search(call.error or "")
    if found is None:
        return
    yield diagnosed(
        code,
        call,
        f"the weights are of {found[3]} where {found[1]} has {found[2]}",
        layer=found[1],
        reasons=("a layer takes only weights of its own shape",),
        expected=ast.literal_eval(found[2]),
        actual=ast.literal_eval(found[3]),
        fixes=(
            *_transposing_fixes(cell, trace, node, found),
            *_alike_fixes(cell, node, Applicability.SURE),
            *_layer_size_fixes(cell, trace, node, found),
        ),
    )


def _transposing_fixes(cell: Code, trace: Trace, node: ast.Call, found: re.Match[str]) -> Iterator[Fix]:
    """Yield a fix that transposes the weights, as PyTorch keeps them, or changes the transposition in the text."""
    own, other = ast.literal_eval(found[2]), ast.literal_eval(found[3])
    order = order_between(other, own) if len(own) > 1 else None
    if order is None:
        return
    for literal in _transpositions(cell, len(own)):
        before = Evaluator(cell, trace).value(literal)
        if isinstance(before, tuple) and sorted(map(str, before)) == sorted(map(str, range(len(own)))):
            corrected = tuple(before[axis] for axis in order)
            texts = zip(literal.elts, before, corrected, strict=True)
            edits = [cell.replace(element, str(new)) for element, old, new in texts if old != new]
            yield fix(f"transpose to {corrected}", cell, edits, Applicability.SURE)
            return
    given = argument(node, 0, "weights")
    first = given.elts[0] if isinstance(given, ast.List) and given.elts else None
    numpy = module_alias(cell, "numpy")
    if first is not None and numpy is not None:
        edit = wrapped(cell, first, f"{numpy}.transpose(", f", {order})")
        yield fix(f"transpose them to {found[2]}", cell, [edit], Applicability.SURE)


def _transpositions(cell: Code, rank: int) -> Iterator[ast.Tuple | ast.List]:
    """Yield the orders of axes that the text transposes to, of that many axes."""
    for node in cell.nodes:
        if isinstance(node, ast.Call) and called_name(node) == "transpose":
            for given in (*node.args, *(keyword.value for keyword in node.keywords)):
                if isinstance(given, ast.Tuple | ast.List) and len(given.elts) == rank:
                    yield given


def _alike_fixes(cell: Code, node: ast.Call, sure: Applicability) -> Iterator[Fix]:
    """Yield a fix that makes the model with the arguments of the one that the weights come from.

    One function has to make both.
    """
    target = _creation_of(cell, node.func.value) if isinstance(node.func, ast.Attribute) else None
    for source in _source_models(cell, node):
        creation = _creation_of(cell, source)
        if (
            target is None
            or creation is None
            or creation is target
            or ast.unparse(creation.func) != ast.unparse(target.func)
        ):
            continue
        old, new = cell.text_of(target), cell.text_of(creation)
        if old != new and called_name(creation)[:1].islower():
            yield fix(f"make both models alike: {new}", cell, [cell.replace(target, new)], sure)
            return


def _source_models(cell: Code, node: ast.Call) -> Iterator[ast.expr]:
    """Yield the models whose weights are set, or were saved, above."""
    given = argument(node, 0, "filepath", "weights")
    if given is None:
        return
    for call in (*definitions_of(cell, given), *ast.walk(cell.tree)):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        file = argument(call, 0, "filepath") if called_name(call) == "save_weights" else None
        is_taken = called_name(call) == "get_weights" and call in definitions_of(cell, given)
        if is_taken or (file is not None and ast.unparse(file) == ast.unparse(given)):
            yield call.func.value


def _creation_of(cell: Code, owner: ast.expr) -> ast.Call | None:
    """Return the call that makes what an expression stands for."""
    return next((o for o in definitions_of(cell, owner) if isinstance(o, ast.Call)), None)


def _layer_size_fixes(cell: Code, trace: Trace, node: ast.Call, found: re.Match[str]) -> Iterator[Fix]:
    """Yield a fix that makes the layer with the one size that the array has, where that is the layer's own argument."""
    own, other = ast.literal_eval(found[2]), ast.literal_eval(found[3])
    axes = [i for i, pair in enumerate(zip(own, other, strict=False)) if pair[0] != pair[1]]
    creation = _creation_of(cell, node.func.value) if isinstance(node.func, ast.Attribute) else None
    if creation is None or len(own) != len(other) or len(axes) != 1:
        return
    is_embedding = called_name(creation) == "Embedding"
    position, names = (axes[0], ("input_dim", "output_dim")) if is_embedding else (0, ("units", "filters"))
    given = argument(creation, position, names[position]) if is_embedding else argument(creation, 0, *names)
    if given is None or (not is_embedding and axes[0] != len(own) - 1):
        return
    want = other[axes[0]]
    title = f"make the layer for weights of {spelled(other)}"
    if want - own[axes[0]] == 1 and not isinstance(given, ast.Constant):
        edits = [cell.replace(given, f"{cell.text_of(given)} + 1")]
        yield fix(title, cell, edits, Applicability.SURE)
        return
    for edit in with_number(cell, trace, given, want):
        yield fix(title, cell, [edit], Applicability.SURE)
        return
