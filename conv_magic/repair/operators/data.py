"""Labels encoded otherwise, lists made arrays, types cast, datasets batched."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.case import Case
from conv_magic.repair.operators.operator import (
    Candidate,
    Operator,
    array_at,
    at_axis,
    indexed,
    is_called,
    is_receiver,
    put,
)

_TYPES = ("float64", "int64", "int32", "uint8", "float32", "bool", "float16")


def _encode(case: Case, node: ast.expr) -> Iterator[Candidate]:
    found = array_at(case, node)
    if found is None or found[0].library == "keras" or not found[1] or not case.wanted.is_about_labels():
        return
    value, shape = found
    text = case.program.text_of(node)
    classes = [goal.want[-1] for goal in case.goals if goal.want and (goal.want[-1] or 0) > 1]
    if len(shape) == 1 or shape[-1] == 1 or "float" not in value.dtype:
        for count in list(dict.fromkeys(classes))[:2]:
            function, imports = case.program.named("keras.utils.to_categorical")
            yield Candidate(put(case, node, f"{function}({text}, {count})"), 0.0, None, text, imports)
    if len(shape) >= 2 and (shape[-1] or 0) > 1:
        function, imports = case.program.named("tensorflow.argmax")
        if value.library == "numpy":
            new, imports = f"{case.program.before_suffix(node)}.argmax(axis=-1)", ""
        else:
            new = f"{function}({text}, axis=-1)"
        yield Candidate(put(case, node, new), 0.0, shape[:-1], text, imports)
    words = case.wanted.words.lower()
    if "label" in words and "range" in words:
        yield Candidate(put(case, node, f"{case.program.before_suffix(node)} - 1"), 0.0, None, text)


def _stack(case: Case, node: ast.expr) -> Iterator[Candidate]:
    value = case.value(node)
    if value is None or value.kind != "arrays" or value.library == "keras" or len(set(value.parts)) != 1:
        return
    parent = case.program.parent(node)
    if parent is not None and is_called(case, parent):
        return
    call, _ = case.program.call_of(node)
    text = case.program.text_of(node)
    for place, name in enumerate(("numpy.stack", "numpy.concatenate")):
        function, imports = case.program.named(name)
        others = (function, case.program.named("numpy.array")[0])
        if call is not None and case.program.text_of(call.func) in others and len(call.args) == 1:
            yield Candidate(put(case, call.func, function), 0.1 * place, None, name, imports)
        else:
            yield Candidate(put(case, node, f"{function}({text})"), 0.1 * place, None, (name, text), imports)


def _unstack(case: Case, node: ast.expr) -> Iterator[Candidate]:
    found = array_at(case, node)
    if found is None or not found[1] or not case.is_operand(node) or is_receiver(case, node):
        return
    _, shape = found
    for axis in dict.fromkeys((1, 0, len(shape) - 1)):
        count = shape[axis] if len(shape) > axis else None
        if count in (2, 3):
            parts = [indexed(case, node, *at_axis(axis, len(shape), str(place))) for place in range(count)]
            yield Candidate(put(case, node, f"[{', '.join(parts)}]"), 0.2 * (axis != 1))
    text = case.program.text_of(node)
    yield Candidate(put(case, node, f"[{text}, {text}]"), 2.5)


def _cast(case: Case, node: ast.expr) -> Iterator[Candidate]:
    words = case.wanted.words.lower()
    found = array_at(case, node)
    if found is None or (case.wanted.fault() != "dtype" and "dtype" not in words) or found[0].library == "keras":
        return
    value, _ = found
    text = case.program.text_of(node)
    for want in ("float32", "int32"):
        if value.dtype == want or value.dtype not in _TYPES or (want != "float32" and want not in words):
            continue
        function, imports = case.program.named("tensorflow.cast")
        if value.library == "numpy":
            new, imports = f"{case.program.before_suffix(node)}.astype('{want}')", ""
        else:
            new = f"{function}({text}, '{want}')"
        extra = (0.0 if want == "float32" else 0.5) + (0.0 if case.is_operand(node) else 0.6)
        yield Candidate(put(case, node, new), extra, None, text, imports)


def _values(case: Case, node: ast.expr) -> Iterator[Candidate]:
    """Sizes where values belong: `conv([1, 28, 28, 1])`."""
    call, _ = case.program.call_of(node)
    if call is not None and call in case.open:
        function, imports = case.program.named("tensorflow.random.normal")
        yield Candidate(put(case, node, f"{function}({case.program.text_of(node)})"), 0.0, None, None, imports)


def _batch(case: Case, node: ast.expr) -> Iterator[Candidate]:
    value = case.value(node)
    if value is None or (is_receiver(case, node) and not isinstance(node, ast.Call)):
        return
    if isinstance(node, ast.Name) and not case.is_operand(node):
        return
    text, before = case.program.text_of(node), case.program.before_suffix(node)
    near = 0.0 if case.is_operand(node) else 0.1
    if ".batch(" not in text:
        yield Candidate(put(case, node, f"{before}.batch({_batch_size(case)})"), near, None, text)
    if ".batch(" in text or any(part and len(part) > 4 for part in value.parts):
        yield Candidate(put(case, node, f"{before}.unbatch()"), 1.0, None, ("un", text))
    if len(value.parts) == 2 and value.parts[0] and isinstance(node, ast.Call | ast.Name):
        yield from _mapped(case, node, before, text)


def _batch_size(case: Case) -> str:
    """Return the batch size that the text uses elsewhere."""
    for node in case.program.nodes.values():
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute) and node.func.attr == "batch" and node.args:
                return case.program.text_of(node.args[0])
            for keyword in node.keywords:
                if keyword.arg == "batch_size":
                    return case.program.text_of(keyword.value)
    return "8"


def _mapped(case: Case, node: ast.expr, before: str, text: str) -> Iterator[Candidate]:
    expand, imports = case.program.named("tensorflow.expand_dims")
    yield Candidate(
        put(case, node, f"{before}.map(lambda x, y: ({expand}(x, -1), y))"), 0.6, None, ("x", text), imports
    )
    yield Candidate(
        put(case, node, f"{before}.map(lambda x, y: (x, {expand}(y, -1)))"), 1.1, None, ("y", text), imports
    )
    one_hot, _ = case.program.named("tensorflow.one_hot")
    classes = [goal.want[-1] for goal in case.goals if goal.want and (goal.want[-1] or 0) > 1]
    for count in classes[:1]:
        new = f"{before}.map(lambda x, y: (x, {one_hot}(y, {count})))"
        yield Candidate(put(case, node, new), 1.0, None, ("hot", text), imports)
    resize, _ = case.program.named("tensorflow.image.resize")
    for goal in case.goals:
        size = goal.want[1:3]
        if len(goal.want) == len(goal.have) == 4 and None not in size and goal.have[1:3] != size:
            new = f"{before}.map(lambda x, y: ({resize}(x, ({size[0]}, {size[1]})), y))"
            yield Candidate(put(case, node, new), 0.9, None, ("size", text), imports)


OPERATORS = (
    Operator("encode labels", 1.9, _encode, frozenset({"array"})),
    Operator("list to array", 0.7, _stack, frozenset({"arrays"})),
    Operator("array to list", 1.5, _unstack, frozenset({"array"})),
    Operator("cast", 1.0, _cast, frozenset({"array"})),
    Operator("sizes where values belong", 1.6, _values, frozenset({"dims"}), (ast.List, ast.Tuple)),
    Operator("batch the dataset", 1.2, _batch, frozenset({"dataset"})),
)
