"""Repairs of a merge whose shortcuts were kept in a list: taken from its other end, or without the deepest one.

A U-Net keeps a map at each level going down and joins them in the reverse order going up.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from conv_magic.analysis.definitions import arguments_for, is_parameter
from conv_magic.analysis.merges import Merge
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.positions import Edit
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.text.edits import fix
from conv_magic.text.source import Code

Lists = Mapping[str, tuple[Shape, ...]]
"""The shapes of the maps in each list of the user's."""


@dataclass(frozen=True)
class _OtherOrder:
    """The list `kept` taken in another order; `first` is the index of what then comes first, None if not known."""

    title: str
    edit: Edit
    kept: str
    first: int | None


def shortcut_of_other_end(merge: Merge, trace: Trace) -> Iterator[Fix]:
    """Take the list of shortcuts in its other order: sure where the one that then comes first fits."""
    lists = {value.name: value.parts for value in trace.values if value.kind == "list"}
    for index, part in enumerate(merge.parts if len(merge.parts) == 2 else ()):
        wanted = merge.call.inputs[1 - index][1:-1]
        for given in passed_parts(merge.code, part):
            for order in (*_other_element(merge.code, given, lists), *_other_iteration(merge.code, given, lists)):
                fits = _fits_first(order, lists.get(order.kept), wanted)
                if fits is not False:
                    applicability = Applicability.SURE if fits else Applicability.CHOICE
                    yield fix(order.title, merge.code, [order.edit], applicability)


def _fits_first(order: _OtherOrder, parts: tuple[Shape, ...] | None, wanted: Shape) -> bool | None:
    """Check whether what then comes first has the wanted sizes; None where the list is not known."""
    if parts is None:
        return None
    sizes = [shape[1:-1] for shape in parts]
    if order.first is None:
        return wanted in sizes
    return -len(sizes) <= order.first < len(sizes) and sizes[order.first] == wanted


def passed_parts(code: Code, part: ast.expr) -> list[ast.expr]:
    """Return what a part of a merge stands for: itself, or what the calls of its function pass for it."""
    function = code.scope_of(part)
    if isinstance(part, ast.Name) and isinstance(function, ast.FunctionDef) and is_parameter(code, part):
        return list(arguments_for(code, function, part.id))
    return [part]


def _other_element(code: Code, part: ast.expr, lists: Lists) -> Iterator[_OtherOrder]:
    """Offer the element at the other end for `skips.pop(0)`, `skips[i]`."""
    bound = code.binding(part) if isinstance(part, ast.Name) else None
    match bound.value if bound is not None and bound.value is not None else part:
        case ast.Call(func=ast.Attribute(value=ast.Name() as kept, attr="pop"), args=args) as call:
            name, first = kept.id, not args
            text = f"{name}.pop({'0' if first else ''})"
            if _is_list(code, kept, lists) and (first or ast.unparse(args[0]) == "0"):
                title = f"take the {'first' if first else 'last'} of {name}"
                yield _OtherOrder(title, code.replace(call, text), name, 0 if first else -1)
        case ast.Subscript(value=ast.Name() as kept, slice=index) if _is_list(code, kept, lists) and _is_loop_index(
            index
        ):
            number = index.operand if isinstance(index, ast.UnaryOp) else index
            text = f"-{code.text_of(number)} - 1"
            yield _OtherOrder(f"count {kept.id} from its end: [{text}]", code.replace(index, text), kept.id, None)


def _is_loop_index(index: ast.expr) -> bool:
    """Check whether an index is a name, as that of a loop, or its negative: `i`, `-i`."""
    if isinstance(index, ast.UnaryOp) and isinstance(index.op, ast.USub):
        index = index.operand
    return isinstance(index, ast.Name)


def _other_iteration(code: Code, part: ast.expr, lists: Lists) -> Iterator[_OtherOrder]:
    """Offer the other order for `for skip in skips`, also within `zip` and `enumerate`."""
    if not isinstance(part, ast.Name):
        return
    for loop in (node for node in code.around(part) if isinstance(node, ast.For)):
        iterated = _iterated_for(loop.target, loop.iter, part.id)
        bound = code.binding(iterated) if isinstance(iterated, ast.Name) else None
        first = bound.value if bound is not None else None
        if first is not None and _list_in(first) is not None and _is_list(code, _list_in(first), lists):
            iterated = first  # `skips = reversed(skips)` before the loop
        kept = _list_in(iterated) if iterated is not None else None
        if iterated is None or kept is None or not _is_list(code, kept, lists):
            continue
        name, bare = kept.id, isinstance(iterated, ast.Name)
        ways = [("from its end, without the last", f"reversed({name}[:-1])", -2)]
        if bare:
            ways.insert(0, ("from its end", f"reversed({name})", -1))
        else:
            ways.append(("from its beginning", name, 0))
        for words, text, first_index in ways:
            yield _OtherOrder(f"go through {name} {words}", code.replace(iterated, text), name, first_index)


def _iterated_for(target: ast.expr, iterated: ast.expr, name: str) -> ast.expr | None:
    """Return what a loop takes a name of its target from, None where that is not known."""
    if isinstance(target, ast.Name):
        return iterated if target.id == name else None
    if not isinstance(target, ast.Tuple) or not isinstance(iterated, ast.Call):
        return None
    called = iterated.func.id if isinstance(iterated.func, ast.Name) else ""
    if called == "enumerate" and len(target.elts) == 2 and iterated.args:
        return _iterated_for(target.elts[1], iterated.args[0], name)
    if called == "zip" and len(target.elts) == len(iterated.args):
        found = (_iterated_for(*pair, name) for pair in zip(target.elts, iterated.args, strict=True))
        return next((node for node in found if node is not None), None)
    return None


def _list_in(node: ast.expr | None) -> ast.Name | None:
    """Return the list in `skips`, `reversed(skips)`, `skips[::-1]`; None in anything else."""
    match node:
        case ast.Name():
            return node
        case ast.Call(func=ast.Name(id="reversed"), args=[ast.Name() as kept]):
            return kept
        case ast.Subscript(value=ast.Name() as kept, slice=ast.Slice(lower=None, upper=None, step=ast.UnaryOp())):
            return kept
    return None


def _is_list(code: Code, kept: ast.Name | None, lists: Lists) -> bool:
    """Check whether a name stands for several maps: put into a list one by one, or the outputs of a model."""
    if kept is None or kept.id in lists:
        return kept is not None
    bound = code.binding(kept)
    if bound is not None and isinstance(bound.value, ast.ListComp | ast.Call):
        return True
    return f"{kept.id}.append" in {ast.unparse(n.func) for n in code.nodes if isinstance(n, ast.Call)}
