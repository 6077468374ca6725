"""Where a name got its value, if the text leaves only one answer."""

from __future__ import annotations

import ast
from functools import lru_cache

from conv_magic.analysis.definitions import Function
from conv_magic.text.source import Binding, Code

_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_ALWAYS_RUN = (ast.With, ast.AsyncWith)


def only_binding(code: Code, name: ast.Name) -> Binding | None:
    """The one statement that can have given a name its value; None where a branch or a loop leaves a choice.

    In the name's own scope it is the last before its use; for a function's global, the only one in the module.
    """
    use = code.statement_of(name)
    scope = code.scope_of(name)
    if use is None or is_otherwise_bound(code, name):
        return None
    own = code.bindings(scope, name.id)
    if not own:
        outer = code.bindings(code.tree, name.id) if scope is not code.tree and not parameter_of(code, name) else []
        return outer[0] if len(outer) == 1 else None
    loops = _lasting_into(code, use)
    before = [b for b in own if _start(b.statement) < _start(use) or b.statement in loops]
    if not before:
        return None
    last = max(before, key=lambda b: _start(b.statement))
    return last if _always_before(code, last.statement, use) and not _carried(code, last, use, own) else None


def is_otherwise_bound(code: Code, name: ast.Name) -> bool:
    """Whether something else than a statement of its own scope may bind a name."""
    return name.id in _otherwise_bound(code)


def _start(statement: ast.stmt) -> tuple[int, int]:
    return statement.lineno, statement.col_offset


@lru_cache(maxsize=64)
def _otherwise_bound(code: Code) -> frozenset[str]:
    """The names that something else than a statement binds, or another scope: of them nothing is sure."""
    found: set[str] = set()
    for node in code.nodes:
        match node:
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                found.update(names)
            case ast.NamedExpr(target=target) | ast.comprehension(target=target):
                found.update(n.id for n in ast.walk(target) if isinstance(n, ast.Name))
            case ast.alias():
                found.add((node.asname or node.name).partition(".")[0])
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                found.add(name)
            case ast.Delete(targets=targets):
                found.update(n.id for n in targets if isinstance(n, ast.Name))
    return frozenset(found)


def _lasting_into(code: Code, use: ast.stmt) -> list[ast.AST]:
    """The loops and `with` around a statement: they bind their names before it on the same line too."""
    return [node for node in code.around(use) if node is not use and isinstance(node, _LOOPS + _ALWAYS_RUN)]


def _always_before(code: Code, statement: ast.stmt, use: ast.stmt) -> bool:
    """Whether whoever reaches `use` has passed `statement`."""
    around = list(code.around(use))
    if statement in around:
        return True  # a loop or `with` that binds the name itself
    at: ast.AST = statement
    for block in list(code.around(statement))[1:]:
        if isinstance(block, _ALWAYS_RUN) and block not in around:
            at = block
            continue
        return block in around and _same_part(block, at, around)
    return False


def _same_part(block: ast.AST, statement: ast.AST, around: list[ast.AST]) -> bool:
    """Whether a statement and what leads on to the use stand in one list of statements: not in `if` and `else`."""
    after = around[around.index(block) - 1]
    for _, value in ast.iter_fields(block):
        if isinstance(value, list) and statement in value:
            return after in value
    return False


def _carried(code: Code, last: Binding, use: ast.stmt, own: list[Binding]) -> bool:
    """Whether a loop around the use, but not around the binding, binds the name for its next round."""
    outside = set(map(id, code.around(last.statement)))
    for loop in code.around(use):
        if isinstance(loop, _LOOPS) and id(loop) not in outside:
            inside = {id(node) for node in ast.walk(loop)}
            if any(id(b.statement) in inside for b in own):
                return True
    return False


def parameter_of(code: Code, name: ast.Name) -> Function | None:
    """The function whose parameter a name is."""
    for node in code.around(name):
        if isinstance(node, Function):
            given = node.args
            every = [*given.posonlyargs, *given.args, *given.kwonlyargs]
            return node if name.id in {a.arg for a in every} else None
    return None


def sole_assignment(code: Code, attribute: ast.Attribute) -> ast.stmt | None:
    """The only statement of the cell that assigns `self.x`."""
    text = ast.unparse(attribute)
    found = [n for n in code.nodes if isinstance(n, ast.Assign) and any(ast.unparse(t) == text for t in n.targets)]
    return found[0] if len(found) == 1 else None
