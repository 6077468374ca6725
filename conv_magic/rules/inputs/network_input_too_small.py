"""A ready-made network is asked for images smaller than it can take.

What: the networks of `keras.applications` halve their input five times and refuse sizes that would leave nothing.
Why: they were made for photographs; digits of 28 x 28 and small crops are below their least size.
Example:

    base = MobileNet(input_shape=(28, 28, 3), include_top=False, weights=None)

Use instead:

    base = MobileNet(input_shape=(32, 32, 3), include_top=False, weights=None)
    model = Sequential([Input((28, 28, 3)), Resizing(32, 32), base])

Fix safety: the data stay as they are; the model resizes them to the least size that the network takes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.networks import is_network
from conv_magic.analysis.operands import code_of, module_alias
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import spelled
from conv_magic.model.positions import Edit
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, wrapped
from conv_magic.text.layer_edits import layer_before, layer_name, put_before
from conv_magic.text.source import Code, called_name

code = "network-input-too-small"

VALID: tuple[str, ...] = (
    "from keras.applications import MobileNet\n"
    "base = MobileNet(input_shape=(32, 32, 3), include_top=False, weights=None, alpha=0.25)\n",
)
INVALID: tuple[str, ...] = (
    "import keras\nfrom keras import layers\nfrom keras.applications import MobileNet\n"
    "base = MobileNet(input_shape=(28, 28, 3), include_top=False, weights=None, alpha=0.25)\n"
    "model = keras.Sequential([layers.Input((28, 28, 3)), base, layers.Flatten()])\n",
    "import keras\nfrom keras import layers\nfrom keras.applications import MobileNet\n"
    "image = keras.Input((20, 24, 3))\n"
    "base = MobileNet(input_shape=(20, 24, 3), include_top=False, weights=None, alpha=0.25)\n"
    "y = layers.GlobalAveragePooling2D()(base(image))\n",
)

_LEAST = re.compile(r"at least (\d+)x(\d+)")


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where a network refused the size it was asked for."""
    match = _LEAST.search(call.error or "") if call.outcome is Outcome.RAISED and is_network(call.op) else None
    cell = code_of(trace, call.span)
    node = cell.call_at(call.span) if cell else None
    if match is None or cell is None or node is None:
        return
    least = int(match[1]), int(match[2])
    input_shape = next((k.value for k in node.keywords if k.arg == "input_shape"), None)
    sizes = Evaluator(cell, trace).value(input_shape) if input_shape is not None else None
    if input_shape is None or not isinstance(sizes, tuple) or len(sizes) != 3:
        return
    yield diagnosed(
        code,
        call,
        f"{call.op} takes images of at least {least[0]} x {least[1]}; it was asked for {spelled(sizes)}",
        expected=(None, *_size_wanted(sizes, least)),
        actual=(None, *sizes),
        origin=(cell.span(input_shape), "the size is asked for here"),
        fixes=_fixes(cell, node, input_shape, sizes, least),
    )


def _size_wanted(sizes: Shape, least: tuple[int, int]) -> Shape:
    """Return the sizes, none below the least that the network takes."""
    return (*(max(size or 0, low) for size, low in zip(sizes, least, strict=False)), *sizes[2:])


def _shared_side(cell: Code, shape: ast.Tuple | ast.List, sizes: Shape, wanted: Shape) -> ast.expr | None:
    """Return the number behind height and width, where both are one name that the text uses for more than this."""
    height, width = shape.elts[:2]
    if not isinstance(height, ast.Name) or not isinstance(width, ast.Name) or height.id != width.id:
        return None
    reads = [n for n in cell.nodes if isinstance(n, ast.Name) and n.id == height.id and isinstance(n.ctx, ast.Load)]
    binding = cell.binding(height)
    value = binding.value if binding is not None else None
    return value if len(reads) > 2 and wanted[0] == wanted[1] and isinstance(value, ast.Constant) else None


def _fixes(cell: Code, node: ast.Call, input_shape: ast.expr, sizes: Shape, least: tuple[int, int]) -> Iterator[Fix]:
    wanted = _size_wanted(sizes, least)
    for origin in definitions_of(cell, input_shape):
        if isinstance(origin, ast.Tuple | ast.List):
            number = _shared_side(cell, origin, sizes, wanted)
            if number is not None:
                title = f"make {cell.text_of(origin.elts[0])} {wanted[0]} everywhere"
                yield fix(title, cell, [cell.replace(number, str(wanted[0]))], Applicability.SURE)
            edit = cell.replace(input_shape, spelled(wanted))
            resizing = _resizing_edits(cell, node, wanted)
            if resizing:
                title = f"resize the images to {wanted[0]} x {wanted[1]} before the network"
                yield fix(title, cell, [edit, *resizing], Applicability.SURE)
            else:
                yield fix(f"ask for {wanted[0]} x {wanted[1]}", cell, [edit], Applicability.CHOICE)
            return
        yield from _data_resized(cell, origin, wanted)


def _resizing_edits(cell: Code, node: ast.Call, wanted: Shape) -> list[Edit]:
    """Return the edits that put a Resizing layer before every use of the network."""
    example = _example_layer(cell)
    spelling = layer_name(cell, example, "Resizing") if example else None
    if spelling is None:
        return []
    layer = f"{spelling[0]}({wanted[0]}, {wanted[1]})"
    edits = [_layer_before_use(cell, use, layer) for use in _network_uses(cell, node)]
    known = [edit for edit in edits if edit is not None]
    return [*known, *spelling[1]] if known else []


def _example_layer(cell: Code) -> ast.Call | None:
    """Return some call in the text that makes a layer, as an example of how layers are spelled there."""
    for node in ast.walk(cell.tree):
        if isinstance(node, ast.Call) and called_name(node)[:1].isupper() and not is_network(called_name(node)):
            owner = cell.text_of(node.func.value).split(".")[-1] if isinstance(node.func, ast.Attribute) else "L"
            if owner in ("layers", "L"):
                return node
    return None


def _network_uses(cell: Code, node: ast.Call) -> Iterator[ast.expr]:
    """Yield the expression that makes the network, and every name that stands for it where it is read."""
    yield node
    for name in ast.walk(cell.tree):
        if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Load) and node in definitions_of(cell, name)[1:2]:
            yield name


def _layer_before_use(cell: Code, use: ast.expr, layer: str) -> Edit | None:
    """Return the edit that puts a layer before one use of the network; None where that cannot be told."""
    parent = cell.parent(use)
    if isinstance(use, ast.Call):
        return layer_before(cell, use, layer)
    if isinstance(parent, ast.List | ast.Tuple):
        return put_before(cell, use, f"{layer},")
    if isinstance(parent, ast.Call) and parent.func is use and parent.args:
        return cell.replace(parent.args[0], f"{layer}({cell.text_of(parent.args[0])})")
    if isinstance(parent, ast.Call) and called_name(parent) == "add" and isinstance(cell.parent(parent), ast.Expr):
        return put_before(cell, parent, f"{cell.text_of(parent.func)}({layer})", own_line=True)
    return None


def _data_resized(cell: Code, origin: ast.expr, wanted: Shape) -> Iterator[Fix]:
    """Yield a fix that resizes the data where they are made, where the size was read off them."""
    tensorflow = module_alias(cell, "tensorflow")
    names = [node for node in ast.walk(origin) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
    for name in names if tensorflow and isinstance(origin, ast.Attribute | ast.Subscript) else ():
        producer = next((value for value in definitions_of(cell, name)[1:] if not isinstance(value, ast.Name)), None)
        if producer is not None:
            edit = wrapped(cell, producer, f"{tensorflow}.image.resize(", f", ({wanted[0]}, {wanted[1]}))")
            title = f"resize {name.id} to {wanted[0]} x {wanted[1]} where it is made"
            yield fix(title, cell, [edit], Applicability.SURE)
            return
