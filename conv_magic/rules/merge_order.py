"""Repairs of a merge whose shortcuts were kept in a list: taken from its other end, or without the deepest one.

A U-Net keeps a map at each level going down and joins them in the reverse order going up.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.model import Applicability, Fix
from conv_magic.positions import Edit
from conv_magic.repair.edits import fix
from conv_magic.rules.merges import Merge
from conv_magic.rules.origins import arguments_for, is_parameter
from conv_magic.source import Code


def of_other_end(merge: Merge) -> Iterator[Fix]:
    """The list of shortcuts in its other order."""
    code = merge.code
    for part in merge.parts:
        for given in _given(code, part):
            for title, edit in (*_taken(code, given), *_iterated(code, given)):
                yield fix(title, code, [edit], Applicability.CHOICE)


def _given(code: Code, part: ast.expr) -> list[ast.expr]:
    """What a part is: itself, or what the calls of its function give for it."""
    function = code.scope_of(part)
    if isinstance(part, ast.Name) and isinstance(function, ast.FunctionDef) and is_parameter(code, part):
        return list(arguments_for(code, function, part.id))
    return [part]


def _taken(code: Code, part: ast.expr) -> Iterator[tuple[str, Edit]]:
    """`skips.pop(0)`, `skips[i]`: the one at the other end."""
    bound = code.binding(part) if isinstance(part, ast.Name) else None
    match bound.value if bound is not None and bound.value is not None else part:
        case ast.Call(func=ast.Attribute(value=ast.Name() as kept, attr="pop"), args=args) as call if _is_list(
            code, kept
        ):
            if not args:
                yield f"take the first of {kept.id}: pop(0)", code.replace(call, f"{kept.id}.pop(0)")
            elif isinstance(args[0], ast.Constant) and args[0].value == 0:
                yield f"take the last of {kept.id}: pop()", code.replace(call, f"{kept.id}.pop()")
        case ast.Subscript(value=ast.Name() as kept, slice=index) if _is_list(code, kept) and _counts(code, index):
            at = index.operand if isinstance(index, ast.UnaryOp) else index
            text = f"-{code.text_of(at)} - 1" if isinstance(at, ast.Name) else f"-({code.text_of(at)}) - 1"
            yield f"count {kept.id} from its end: [{text}]", code.replace(index, text)


def _counts(code: Code, index: ast.expr) -> bool:
    """Whether an index is that of a loop, or its negative: `i`, `-i`."""
    if isinstance(index, ast.UnaryOp) and isinstance(index.op, ast.USub):
        index = index.operand
    return any(isinstance(node, ast.Name) for node in ast.walk(index)) and not isinstance(index, ast.BinOp)


def _iterated(code: Code, part: ast.expr) -> Iterator[tuple[str, Edit]]:
    """`for skip in skips`, also within `zip` and `enumerate`."""
    if not isinstance(part, ast.Name):
        return
    for loop in (node for node in code.around(part) if isinstance(node, ast.For)):
        iterated = _behind(loop.target, loop.iter, part.id)
        bound = code.binding(iterated) if isinstance(iterated, ast.Name) else None
        first = bound.value if bound is not None else None
        if first is not None and _list_of(first) is not None and _is_list(code, _list_of(first)):
            iterated = first  # `skips = reversed(skips)` before the loop
        kept = _list_of(iterated) if iterated is not None else None
        if iterated is None or kept is None or not _is_list(code, kept):
            continue
        turned, bare = f"reversed({kept.id})", isinstance(iterated, ast.Name)
        if bare:
            yield f"go through {kept.id} from its end", code.replace(iterated, turned)
        cut = f"reversed({kept.id}[:-1])"
        yield f"go through {kept.id} from its end, without the last", code.replace(iterated, cut)
        if not bare:
            yield f"go through {kept.id} from its beginning", code.replace(iterated, kept.id)


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


def _is_list(code: Code, kept: ast.Name | None) -> bool:
    """Whether a name stands for several maps: put into a list one by one, or what a model of several outputs gave."""
    bound = code.binding(kept) if kept is not None else None
    if kept is None or (bound is not None and isinstance(bound.value, ast.ListComp | ast.Call)):
        return kept is not None
    return f"{kept.id}.append" in {ast.unparse(n.func) for n in code.nodes if isinstance(n, ast.Call)}
