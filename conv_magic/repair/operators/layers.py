"""A layer inserted, wrapped, taken away, or another one of its family."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from math import prod

from conv_magic.analysis.case import Case
from conv_magic.analysis.foresee import Becomes, Effect
from conv_magic.analysis.goals import agree
from conv_magic.model.shapes import Shape
from conv_magic.repair.operators.operator import (
    Candidate,
    Operator,
    array_at,
    dimensions_of,
    is_loaded,
    is_receiver,
    makes_layer,
    put,
    tuple_text,
)

_BY_DIMENSION = (
    "Conv", "MaxPooling", "AveragePooling", "GlobalMaxPooling", "GlobalAveragePooling", "UpSampling", "ZeroPadding",
    "Cropping", "SpatialDropout", "MaxPool", "GlobalMaxPool", "AvgPool", "GlobalAvgPool", "DepthwiseConv",
    "SeparableConv",
)  # fmt: skip
_NO_THIRD = ("DepthwiseConv", "SeparableConv")
_SIBLINGS = (
    ("Flatten", "GlobalAveragePooling2D", 0.8), ("Conv2D", "Conv2DTranspose", 1.0), ("Conv2D", "DepthwiseConv2D", 1.6),
    ("Add", "Concatenate", 1.0), ("Concatenate", "Add", 1.4), ("DepthwiseConv2D", "Conv2D", 0.6),
    ("Reshape", "Flatten", 1.2), ("GroupNormalization", "LayerNormalization", 1.5), ("LSTM", "ConvLSTM2D", 1.6),
    ("Dot", "Multiply", 1.2),
)  # fmt: skip
_TIMED = ("Conv", "Pool", "Flatten", "Dense", "Normalization", "Dropout", "Padding", "Cropping", "Resizing")

Made = tuple[str, str, float]
"""A layer's class, the text of its arguments, an extra cost."""


def _sibling(case: Case, node: ast.expr) -> Iterator[Candidate]:
    called = case.value(node.func) if isinstance(node, ast.Call) else None
    if not isinstance(node, ast.Call) or called is None or not makes_layer(case, node):
        return
    name, dimensions = called.text, dimensions_of(called.text)
    others: list[tuple[str, float]] = []
    family, _, rest = name.partition(f"{dimensions}D")
    if dimensions and rest in ("", "Transpose") and family in _BY_DIMENSION:
        known = (1, 2) if family in _NO_THIRD else (1, 2, 3)
        others += [(f"{family}{number}D{rest}", 0.0) for number in known if number != dimensions]
    if name.startswith("Global") and dimensions:
        others.append(("Flatten", 0.6))
    others += [(other, cost) for known_name, other, cost in _SIBLINGS if known_name == name]
    for other, cost in others:
        text, imports = case.program.layer(other)
        if other == "Flatten":
            yield Candidate(put(case, node, f"{text}()"), cost, None, (name, other), imports)
        else:
            yield Candidate(put(case, node.func, text), cost, None, (name, other), imports)


def _timed(case: Case, node: ast.expr) -> Iterator[Candidate]:
    layer = makes_layer(case, node)
    if not is_loaded(node) or (
        not layer and (isinstance(node, ast.Call) or case.program.kind(node) not in ("model", "layer"))
    ):
        return
    called = case.value(node.func) if isinstance(node, ast.Call) else None
    name = called.text if called is not None else ""
    if layer and not any(word in name for word in _TIMED):
        return
    parent = case.program.parent(node)
    if isinstance(parent, ast.Attribute) or (
        isinstance(parent, ast.Call) and "TimeDistributed" in case.program.text_of(parent.func)
    ):
        return
    text, imports = case.program.layer("TimeDistributed")
    given = case.call.inputs[0] if case.call is not None and case.call.inputs else ()
    frames = layer and ((len(given) == 5 and "2D" in name) or (len(given) == 4 and "1D" in name))
    extra = (0.0 if layer else 0.2) - 0.6 * frames
    twin = "frames" if layer and "Dense" not in name else None
    yield Candidate(put(case, node, f"{text}({case.program.text_of(node)})"), extra, None, twin, imports)


def _between(shape: Shape | None, want: Shape | None) -> list[Made]:
    """Layers that could go between a tensor of `shape` and what wants `want`."""
    rank = len(shape) if shape else None
    found: list[Made] = [("Flatten", "()", 0.0)] if rank is None or rank > 2 else []
    if rank in (3, 4, 5, None):
        dimensions = (rank or 4) - 2
        found += [(f"GlobalAveragePooling{dimensions}D", "()", 0.5), (f"GlobalMaxPooling{dimensions}D", "()", 0.8)]
    if shape and None not in shape[1:]:
        found += _reshapes(shape, want)
    if shape and want and len(shape) == len(want):
        found += _fitted(shape, want)
    return found


def _reshapes(shape: Shape, want: Shape | None) -> Iterator[Made]:
    inner = tuple(size or 0 for size in shape[1:])
    if len(shape) <= 4:
        yield "Reshape", f"({tuple_text((*inner, 1))})", 0.2
    if len(shape) == 2:
        yield "Reshape", f"({tuple_text((1, *inner))})", 0.6
        yield "RepeatVector", "(1)", 1.2
    elif len(shape) == 3:
        yield "Permute", "((2, 1))", 1.2
    elif len(shape) == 4:
        yield "Reshape", f"({tuple_text((inner[0] * inner[1], inner[2]))})", 0.5
        yield "Reshape", f"({tuple_text((inner[0], inner[1] * inner[2]))})", 0.8
        yield "Permute", "((2, 3, 1))", 0.6
        yield "Permute", "((3, 1, 2))", 0.9
    elif len(shape) == 5:
        yield "Reshape", f"({tuple_text((inner[0], prod(inner[1:])))})", 0.8
    if want and len(want) > 1 and None not in want[1:]:
        wanted = tuple(size or 0 for size in want[1:])
        if prod(wanted) == prod(inner) and wanted != inner:
            yield "Reshape", f"({tuple_text(wanted)})", 0.0


def _fitted(shape: Shape, want: Shape) -> Iterator[Made]:
    """Layers that change sizes along the axes."""
    size, channels = want[-1], shape[-1]
    if len(want) == 4 and want[1] and want[2] and shape[1:3] != want[1:3]:
        yield from _scaled(shape, want)
        yield "Resizing", f"({want[1]}, {want[2]})", 0.5
        if shape[1] and shape[2]:
            if want[1] <= shape[1] and want[2] <= shape[2]:
                yield "CenterCrop", f"({want[1]}, {want[2]})", 0.3
            elif want[1] >= shape[1] and want[2] >= shape[2]:
                more = (want[1] - shape[1], want[2] - shape[2])
                yield "ZeroPadding2D", f"({tuple((m // 2, m - m // 2) for m in more)})", 0.4
    if size and channels != size:
        if len(want) in (3, 4, 5):
            yield f"Conv{len(want) - 2}D", f"({size}, 1)", 0.8
        elif len(want) == 2:
            yield "Dense", f"({size})", 1.2


def _scaled(shape: Shape, want: Shape) -> Iterator[Made]:
    """Map sizes that are a whole multiple of each other."""
    pairs = [(size, wanted) for size, wanted in zip(shape[1:3], want[1:3], strict=True) if size and wanted]
    if len(pairs) < 2:
        return
    (size, wanted), _ = pairs
    if wanted % size == 0 and all(w == s * (wanted // size) for s, w in pairs):
        yield "UpSampling2D", f"({wanted // size})", 0.1
    elif size % wanted == 0 and all(s == w * (size // wanted) for s, w in pairs):
        yield "MaxPooling2D", f"({size // wanted})", 0.2


def _on_tensor(case: Case, node: ast.expr) -> Iterator[Candidate]:
    found = array_at(case, node)
    parent = case.program.parent(node)
    if found is None or found[0].library != "keras" or is_receiver(case, node) or isinstance(parent, ast.Subscript):
        return
    if isinstance(node, ast.Name) and isinstance(parent, ast.Assign):
        return
    call, _ = case.program.call_of(node)
    called = case.value(call.func) if call is not None else None
    if called is not None and called.text in ("Model", "Functional"):
        return
    wants: list[Shape | None] = [goal.want for goal in case.goals if agree(goal.have[1:], found[1][1:])]
    near = 0.0 if wants or case.is_operand(node) else 0.8
    text = case.program.text_of(node)
    along = [goal.want for goal in case.goals if len(goal.want) == len(goal.have) == len(found[1])]
    for want in wants[:2] or [*along[:2], None]:
        for name, given, extra in _between(found[1], want):
            layer, imports = case.program.layer(name)
            key = name, given, text
            effect = Effect(node, through(name, given))
            yield Candidate(put(case, node, f"{layer}{given}({text})"), near + extra, None, key, imports, effect)


def _insert(case: Case, node: ast.expr) -> Iterator[Candidate]:
    """Before a layer in a list of layers or in a run of `model.add(...)`."""
    if case.program.kind(node) not in ("layer", "model") or "Input" in case.program.text_of(node).partition("(")[0]:
        return
    parent = case.program.parent(node)
    shapes: list[tuple[Shape | None, Shape | None]] = [(goal.have, goal.want) for goal in case.goals]
    if case.call is not None and case.call.inputs:
        shapes.append((case.call.inputs[0], None))
    inserts: dict[tuple[str, str], float] = {}
    for shape, want in shapes[:2] or [(None, None)]:
        for name, given, extra in _between(shape, want):
            inserts.setdefault((name, given), extra)
    start, _ = case.program.span(node)
    for (name, given), extra in inserts.items():
        layer, imports = case.program.layer(name)
        effect = Effect(node, through(name, given), before=True)
        if isinstance(parent, ast.List) and len(parent.elts) > 1:
            yield Candidate(((start, start, f"{layer}{given}, "),), extra, None, None, imports, effect)
        elif isinstance(parent, ast.Call) and isinstance(parent.func, ast.Attribute) and parent.func.attr == "add":
            statement = case.program.statement(parent)
            if not isinstance(case.program.parent(parent), ast.Expr):
                continue
            new = f"{case.program.text_of(parent.func)}({layer}{given})"
            begin = case.program.span(statement)[0]
            changes = ((begin, begin, f"{new}\n{' ' * statement.col_offset}"),)
            yield Candidate(changes, extra, None, None, imports, effect)
            loop = case.program.parent(statement)
            if isinstance(loop, ast.For) and statement is case.program.block(statement)[-1]:
                end = case.program.span(loop)[1]
                yield Candidate(((end, end, f"\n{' ' * loop.col_offset}{new}"),), extra, None, None, imports)


def through(name: str, given: str) -> Becomes:
    """Return what one of the layers above makes of a shape."""
    arguments = ast.literal_eval(f"{given[:-1]},)" if given != "()" else "()")

    def becomes(shape: Shape) -> Shape | None:
        inner = shape[1:]
        sizes = [size for size in inner if size is not None]
        if name == "Flatten":
            return (shape[0], prod(sizes) if len(sizes) == len(inner) else None)
        if name.startswith("Global"):
            return (shape[0], shape[-1]) if len(shape) == (dimensions_of(name) or 0) + 2 else None
        if name == "Reshape":
            return (shape[0], *arguments[0]) if len(sizes) == len(inner) and prod(sizes) == prod(arguments[0]) else None
        if name == "Permute":
            order = arguments[0]
            return (shape[0], *(shape[axis] for axis in order)) if len(order) == len(inner) else None
        if name in ("UpSampling2D", "MaxPooling2D") and len(shape) == 4:
            grown = [
                None if s is None else s * arguments[0] if name[0] == "U" else s // arguments[0] for s in shape[1:3]
            ]
            return (shape[0], *grown, shape[3])
        if name in ("Resizing", "CenterCrop"):
            return (*shape[:-3], *arguments, shape[-1]) if len(shape) in (3, 4) else None
        if name.startswith("Conv") or name == "Dense":
            return (*shape[:-1], arguments[0])
        return None

    return becomes


def _without(case: Case, node: ast.expr) -> Iterator[Candidate]:
    """`Pool()(x)` becomes `x`."""
    parent = case.program.parent(node)
    if isinstance(parent, ast.Call) and parent.func is node and makes_layer(case, node) and len(parent.args) == 1:
        yield Candidate(put(case, parent, case.program.text_of(parent.args[0])), 0.0, None, case.program.text_of(node))


OPERATORS = (
    Operator("sibling layer", 1.5, _sibling, nodes=(ast.Call,)),
    Operator("wrap in TimeDistributed", 1.7, _timed, nodes=(ast.Call, ast.Name)),
    Operator("layer on a tensor", 1.7, _on_tensor, frozenset({"array"})),
    Operator("insert a layer", 1.8, _insert, nodes=(ast.Call, ast.Name)),
    Operator("take the layer away", 2.4, _without, nodes=(ast.Call,)),
)
