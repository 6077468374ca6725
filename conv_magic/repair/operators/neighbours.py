"""A tensor made as large as the one it meets: cropped, padded, pooled, resized, projected."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.case import Case
from conv_magic.model.shapes import Shape
from conv_magic.repair.operators.operator import Candidate, Operator, array_at, indexed, is_loaded, put, tuple_text


def _to_neighbour(case: Case, node: ast.expr) -> Iterator[Candidate]:
    found = array_at(case, node)
    parent = case.program.parent(node)
    if found is None or not isinstance(parent, ast.List | ast.Tuple | ast.BinOp | ast.Call):
        return
    value, shape = found
    symbolic = value.library == "keras"
    for other in ast.iter_child_nodes(parent):
        if other is node or not isinstance(other, ast.expr) or not is_loaded(other):
            continue
        beside = case.value(other)
        if beside is None or beside.kind != "array" or beside.shape is None:
            continue
        if len(beside.shape) == len(shape):
            yield from _cropped(case, node, shape, other, beside.shape, symbolic)
            yield from _resized(case, node, shape, beside.shape, symbolic)
            if symbolic:
                yield from _projected(case, node, shape, beside.shape)
                yield from _enlarged(case, node, shape, beside.shape)
        elif len(beside.shape) > len(shape) == 2 and symbolic:
            layer, imports = case.program.layer("Reshape")
            sizes = tuple_text((*(1,) * (len(beside.shape) - 2), shape[-1]))
            yield Candidate(
                put(case, node, f"{layer}({sizes})({case.program.text_of(node)})"), 0.4, None, None, imports
            )


def _cropped(
    case: Case, node: ast.expr, shape: Shape, other: ast.expr, wanted: Shape, symbolic: bool
) -> Iterator[Candidate]:
    last = max(2, len(shape) - 1)
    larger = [
        axis for axis, (size, want) in enumerate(zip(shape, wanted, strict=True))
        if 0 < axis < last and size and want and size > want > 1
    ]  # fmt: skip
    if not larger or len(shape) not in (3, 4, 5):
        return
    known = isinstance(other, ast.Name | ast.Attribute)
    name = case.program.text_of(other)
    bounds = {axis: f"{name}.shape[{axis}]" if known else str(wanted[axis]) for axis in larger}
    parts = [f":{bounds[axis]}" if axis in bounds else ":" for axis in range(max(larger) + 1)]
    yield Candidate(put(case, node, indexed(case, node, *parts)), 0.0, None, "crop")
    if symbolic and len(shape) == 4:
        text = case.program.text_of(node)
        layer, imports = case.program.layer("CenterCrop")
        yield Candidate(put(case, node, f"{layer}({wanted[1]}, {wanted[2]})({text})"), 0.2, None, None, imports)
        factor = (shape[1] or 0) // (wanted[1] or 1)
        if factor > 1:
            layer, imports = case.program.layer("MaxPooling2D")
            yield Candidate(put(case, node, f"{layer}({factor}, padding='same')({text})"), -0.1, None, None, imports)


def _resized(case: Case, node: ast.expr, shape: Shape, wanted: Shape, symbolic: bool) -> Iterator[Candidate]:
    if len(shape) != 4 or shape[1:3] == wanted[1:3] or None in wanted[1:3]:
        return
    text = case.program.text_of(node)
    if symbolic:
        layer, imports = case.program.layer("Resizing")
        yield Candidate(put(case, node, f"{layer}({wanted[1]}, {wanted[2]})({text})"), 0.6, None, None, imports)
    else:
        function, imports = case.program.named("tensorflow.image.resize")
        yield Candidate(put(case, node, f"{function}({text}, ({wanted[1]}, {wanted[2]}))"), 0.5, None, None, imports)


def _projected(case: Case, node: ast.expr, shape: Shape, wanted: Shape) -> Iterator[Candidate]:
    """Through a convolution with a 1x1 kernel that gives the channels of the other."""
    if not 3 <= len(shape) <= 5 or not shape[-1] or not wanted[-1] or shape[-1] == wanted[-1]:
        return
    layer, imports = case.program.layer(f"Conv{len(shape) - 2}D")
    size, want = shape[1], wanted[1]
    strides = f", strides={-(-size // want)}" if size and want and size > want else ""
    new = f"{layer}({wanted[-1]}, 1{strides})({case.program.text_of(node)})"
    yield Candidate(put(case, node, new), 0.6, None, None, imports)


def _enlarged(case: Case, node: ast.expr, shape: Shape, wanted: Shape) -> Iterator[Candidate]:
    if len(shape) not in (3, 4):
        return
    pairs = [(s, w) for s, w in zip(shape[1:-1], wanted[1:-1], strict=True) if s and w]
    if not any(s < w for s, w in pairs) or any(s > w for s, w in pairs):
        return
    text = case.program.text_of(node)
    size, want = pairs[0]
    factor = want // size
    if factor > 1 and all(s * factor == w for s, w in pairs):
        layer, imports = case.program.layer(f"UpSampling{len(shape) - 2}D")
        yield Candidate(put(case, node, f"{layer}({factor})({text})"), 0.3, None, None, imports)
    elif len(shape) == 4 and len(pairs) == 2:
        layer, imports = case.program.layer("ZeroPadding2D")
        pads = tuple((0, w - s) for s, w in pairs)
        yield Candidate(put(case, node, f"{layer}({pads})({text})"), 0.3, None, None, imports)


OPERATORS = (Operator("make as large as its neighbour", 1.6, _to_neighbour, frozenset({"array"})),)
