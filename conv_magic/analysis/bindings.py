"""Find the one statement that gave a name its value, or None where the text leaves a choice."""

from __future__ import annotations

import ast
from functools import lru_cache

from conv_magic.analysis.definitions import Function
from conv_magic.text.source import Binding, Code

_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_ALWAYS_RUN = (ast.With, ast.AsyncWith)


def only_binding(code: Code, name: ast.Name) -> Binding | None:
    """Return the one statement that can have given a name its value; None if a branch or a loop leaves a choice.

    In the name's own scope it is the last before its use; for a function's global, the only one in the module.
    """
    use = code.statement_of(name)
    scope = code.scope_of(name)
    if use is None or is_otherwise_bound(code, name):
        return None
    local = code.bindings(scope, name.id)
    if not local:
        at_module = code.bindings(code.tree, name.id) if scope is not code.tree and not parameter_of(code, name) else []
        return at_module[0] if len(at_module) == 1 else None
    loops = _blocks_around(code, use)
    before = [b for b in local if _position_of(b.statement) < _position_of(use) or b.statement in loops]
    if not before:
        return None
    last = max(before, key=lambda b: _position_of(b.statement))
    sure = _always_runs_before(code, last.statement, use) and not _is_rebound_in_loop(code, last, use, local)
    return last if sure else None


def is_otherwise_bound(code: Code, name: ast.Name) -> bool:
    """Check whether something else than a statement of its own scope may bind a name."""
    return name.id in _names_bound_otherwise(code)


def _position_of(statement: ast.stmt) -> tuple[int, int]:
    return statement.lineno, statement.col_offset


@lru_cache(maxsize=64)
def _names_bound_otherwise(code: Code) -> frozenset[str]:
    """Return the names bound by another scope or by something else than a statement: nothing is sure about them."""
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


def _blocks_around(code: Code, use: ast.stmt) -> list[ast.AST]:
    """Return the loops and `with` blocks around a statement: they bind their names before it, also on the same line."""
    return [node for node in code.around(use) if node is not use and isinstance(node, _LOOPS + _ALWAYS_RUN)]


def _always_runs_before(code: Code, statement: ast.stmt, use: ast.stmt) -> bool:
    """Check whether `use` can be reached only after `statement` ran."""
    around = list(code.around(use))
    if statement in around:
        return True  # a loop or `with` that binds the name itself
    inner: ast.AST = statement
    for block in list(code.around(statement))[1:]:
        if isinstance(block, _ALWAYS_RUN) and block not in around:
            inner = block
            continue
        return block in around and _in_same_block(block, inner, around)
    return False


def _in_same_block(block: ast.AST, statement: ast.AST, around: list[ast.AST]) -> bool:
    """Check whether a statement and the block with the use stand in one list of statements, not in `if` and `else`."""
    after = around[around.index(block) - 1]
    for _, value in ast.iter_fields(block):
        if isinstance(value, list) and statement in value:
            return after in value
    return False


def _is_rebound_in_loop(code: Code, last: Binding, use: ast.stmt, local: list[Binding]) -> bool:
    """Check whether a loop around the use, but not around the binding, binds the name for its next round."""
    outside = set(map(id, code.around(last.statement)))
    for loop in code.around(use):
        if isinstance(loop, _LOOPS) and id(loop) not in outside:
            inside = {id(node) for node in ast.walk(loop)}
            if any(id(b.statement) in inside for b in local):
                return True
    return False


def parameter_of(code: Code, name: ast.Name) -> Function | None:
    """Return the function that has this name as a parameter, None if the innermost function has not."""
    for node in code.around(name):
        if isinstance(node, Function):
            given = node.args
            every = [*given.posonlyargs, *given.args, *given.kwonlyargs]
            return node if name.id in {a.arg for a in every} else None
    return None


def sole_assignment(code: Code, attribute: ast.Attribute) -> ast.stmt | None:
    """Return the only statement of the cell that assigns `self.x`, None if there are none or several."""
    text = ast.unparse(attribute)
    found = [n for n in code.nodes if isinstance(n, ast.Assign) and any(ast.unparse(t) == text for t in n.targets)]
    return found[0] if len(found) == 1 else None
