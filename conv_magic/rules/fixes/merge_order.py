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
class _Taken:
    """The list taken otherwise; `first` is the place of what then comes first, None where that depends on a number."""

    title: str
    edit: Edit
    kept: str
    first: int | None


def of_other_end(merge: Merge, trace: Trace) -> Iterator[Fix]:
    """The list of shortcuts in its other order: sure where the one that then comes first is known to fit."""
    lists = {value.name: value.parts for value in trace.values if value.kind == "list"}
    for place, part in enumerate(merge.parts if len(merge.parts) == 2 else ()):
        wanted = merge.call.inputs[1 - place][1:-1]
        for given in _given(merge.code, part):
            for taken in (*_taken(merge.code, given, lists), *_iterated(merge.code, given, lists)):
                sure = _fits(taken, lists.get(taken.kept), wanted)
                if sure is not False:
                    how = Applicability.SURE if sure else Applicability.CHOICE
                    yield fix(taken.title, merge.code, [taken.edit], how)


def _fits(taken: _Taken, parts: tuple[Shape, ...] | None, wanted: Shape) -> bool | None:
    """Whether what then comes first has the wanted sizes; None where the list is not known."""
    if parts is None:
        return None
    sizes = [shape[1:-1] for shape in parts]
    if taken.first is None:
        return wanted in sizes
    return -len(sizes) <= taken.first < len(sizes) and sizes[taken.first] == wanted


def _given(code: Code, part: ast.expr) -> list[ast.expr]:
    """What a part is: itself, or what the calls of its function give for it."""
    function = code.scope_of(part)
    if isinstance(part, ast.Name) and isinstance(function, ast.FunctionDef) and is_parameter(code, part):
        return list(arguments_for(code, function, part.id))
    return [part]


def _taken(code: Code, part: ast.expr, lists: Lists) -> Iterator[_Taken]:
    """`skips.pop(0)`, `skips[i]`: the one at the other end."""
    bound = code.binding(part) if isinstance(part, ast.Name) else None
    match bound.value if bound is not None and bound.value is not None else part:
        case ast.Call(func=ast.Attribute(value=ast.Name() as kept, attr="pop"), args=args) as call:
            name, first = kept.id, not args
            text = f"{name}.pop({'0' if first else ''})"
            if _is_list(code, kept, lists) and (first or ast.unparse(args[0]) == "0"):
                title = f"take the {'first' if first else 'last'} of {name}"
                yield _Taken(title, code.replace(call, text), name, 0 if first else -1)
        case ast.Subscript(value=ast.Name() as kept, slice=index) if _is_list(code, kept, lists) and _counts(index):
            at = index.operand if isinstance(index, ast.UnaryOp) else index
            text = f"-{code.text_of(at)} - 1"
            yield _Taken(f"count {kept.id} from its end: [{text}]", code.replace(index, text), kept.id, None)


def _counts(index: ast.expr) -> bool:
    """Whether an index is that of a loop, or its negative: `i`, `-i`."""
    if isinstance(index, ast.UnaryOp) and isinstance(index.op, ast.USub):
        index = index.operand
    return isinstance(index, ast.Name)


def _iterated(code: Code, part: ast.expr, lists: Lists) -> Iterator[_Taken]:
    """`for skip in skips`, also within `zip` and `enumerate`."""
    if not isinstance(part, ast.Name):
        return
    for loop in (node for node in code.around(part) if isinstance(node, ast.For)):
        iterated = _behind(loop.target, loop.iter, part.id)
        bound = code.binding(iterated) if isinstance(iterated, ast.Name) else None
        first = bound.value if bound is not None else None
        if first is not None and _list_of(first) is not None and _is_list(code, _list_of(first), lists):
            iterated = first  # `skips = reversed(skips)` before the loop
        kept = _list_of(iterated) if iterated is not None else None
        if iterated is None or kept is None or not _is_list(code, kept, lists):
            continue
        name, bare = kept.id, isinstance(iterated, ast.Name)
        ways = [("from its end, without the last", f"reversed({name}[:-1])", -2)]
        if bare:
            ways.insert(0, ("from its end", f"reversed({name})", -1))
        else:
            ways.append(("from its beginning", name, 0))
        for words, text, place in ways:
            yield _Taken(f"go through {name} {words}", code.replace(iterated, text), name, place)


def _behind(target: ast.expr, iterated: ast.expr, name: str) -> ast.expr | None:
    """What a loop takes a name of its target from."""
    if isinstance(target, ast.Name):
        return iterated if target.id == name else None
    if not isinstance(target, ast.Tuple) or not isinstance(iterated, ast.Call):
        return None
    called = iterated.func.id if isinstance(iterated.func, ast.Name) else ""
    if called == "enumerate" and len(target.elts) == 2 and iterated.args:
        return _behind(target.elts[1], iterated.args[0], name)
    if called == "zip" and len(target.elts) == len(iterated.args):
        found = (_behind(*pair, name) for pair in zip(target.elts, iterated.args, strict=True))
        return next((each for each in found if each is not None), None)
    return None


def _list_of(node: ast.expr | None) -> ast.Name | None:
    """The list in `skips`, `reversed(skips)`, `skips[::-1]`."""
    match node:
        case ast.Name():
            return node
        case ast.Call(func=ast.Name(id="reversed"), args=[ast.Name() as kept]):
            return kept
        case ast.Subscript(value=ast.Name() as kept, slice=ast.Slice(lower=None, upper=None, step=ast.UnaryOp())):
            return kept
    return None


def _is_list(code: Code, kept: ast.Name | None, lists: Lists) -> bool:
    """Whether a name stands for several maps: put into a list one by one, or what a model of several outputs gave."""
    if kept is None or kept.id in lists:
        return kept is not None
    bound = code.binding(kept)
    if bound is not None and isinstance(bound.value, ast.ListComp | ast.Call):
        return True
    return f"{kept.id}.append" in {ast.unparse(n.func) for n in code.nodes if isinstance(n, ast.Call)}
