"""How far each expression is from the failure, along the flow of objects where it was seen, else of names."""

from __future__ import annotations

import ast
import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from conv_magic.analysis.program import Program

FAR = 7.0
"""The distance of what nothing links to the failure."""

_PART, _OUTER, _MADE, _BOUND, _INSIDE, _MEMBER = 0.15, 0.4, 0.7, 1.0, 0.6, 1.0
"""A step to a part of an expression, to a call around it, to what made an object, to what bound a name, into a function
that was called, to a layer of a model."""
_TRAINING = ("fit", "evaluate", "predict", "train_on_batch", "test_on_batch")
_GROWING = ("add", "append", "extend", "insert", "update", "compile", "build")


class Flow:
    """Distances from `starts`: expressions and statements, each with the distance it starts at."""

    def __init__(self, program: Program, starts: Mapping[ast.AST, float]) -> None:
        self._program = program
        self._found: dict[ast.AST, float] = {}
        self._search(starts)

    def distance(self, node: ast.AST) -> float:
        """How many steps a node is from the failure, at most `FAR`."""
        found = self._found.get(node)
        if found is not None:
            return min(found, FAR)
        for around in self._program.around(node):
            if around in self._found:
                extra = 0.3 if isinstance(around, ast.expr) else 0.6
                return min(self._found[around] + extra, FAR)
            if isinstance(around, ast.stmt):
                break
        return FAR

    def _search(self, starts: Mapping[ast.AST, float]) -> None:
        queue: list[tuple[float, int, ast.AST]] = []
        for order, (node, distance) in enumerate(starts.items()):
            heapq.heappush(queue, (distance, order, node))
        order = len(queue)
        while queue:
            distance, _, node = heapq.heappop(queue)
            if node in self._found or distance > FAR:
                continue
            self._found[node] = distance
            for other, step in self._next(node):
                if other not in self._found:
                    order += 1
                    heapq.heappush(queue, (distance + step, order, other))

    def _next(self, node: ast.AST) -> Iterator[tuple[ast.AST, float]]:
        yield from ((part, _PART) for part in _parts(node))
        if isinstance(node, ast.stmt):
            yield from ((around, _OUTER) for around in self._heads(node))
            return
        yield self._program.statement(node), 0.05
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            yield from ((value, _BOUND) for value in self._bound(node))
        if isinstance(node, ast.Call):
            yield from self._called(node)
        yield from self._objects(node)

    def _heads(self, statement: ast.stmt) -> Iterator[ast.AST]:
        """Yield what a loop that the statement is in runs over, and its condition."""
        for around in self._program.around(statement):
            if isinstance(around, ast.For):
                yield around.iter
            elif isinstance(around, ast.If | ast.While):
                yield around.test
            elif isinstance(around, ast.FunctionDef | ast.ClassDef):
                return

    def _objects(self, node: ast.AST) -> Iterator[tuple[ast.AST, float]]:
        value = self._program.value(node)
        if value is None:
            return
        made = self._program.origin(value.number)
        if made is not None and made is not node and value.kind not in ("class", "function", "module"):
            yield made, _MADE
        if value.kind == "model":
            for member in value.members:
                layer = self._program.origin(member)
                if layer is not None:
                    yield layer, _MEMBER
        if value.number:
            yield from ((call, _MADE) for call in self._changing.get(value.number, ()))

    @cached_property
    def _changing(self) -> dict[int, list[ast.Call]]:
        """The calls of methods that change an object, by its number: `model.add(...)`."""
        found: dict[int, list[ast.Call]] = defaultdict(list)
        for node in self._program.nodes.values():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _GROWING:
                value = self._program.value(node.func.value)
                if value is not None and value.number:
                    found[value.number].append(node)
        return found

    def _called(self, node: ast.Call) -> Iterator[tuple[ast.AST, float]]:
        value = self._program.value(node.func)
        if value is None:
            return
        if value.kind == "function" and value.text in self._functions:
            yield from ((each, _INSIDE) for each in self._functions[value.text])
        elif value.kind in ("layer", "model", "object"):
            yield from ((each, _INSIDE) for each in self._methods.get((value.text, "call"), ()))
            yield from ((each, _INSIDE) for each in self._methods.get((value.text, "__call__"), ()))
        elif value.kind == "class":
            yield from ((each, _BOUND) for each in self._methods.get((value.text, "__init__"), ()))

    @cached_property
    def _functions(self) -> dict[str, list[ast.AST]]:
        """What the functions of each name give back, and the statements in them."""
        found: dict[str, list[ast.AST]] = defaultdict(list)
        for node in self._program.statements:
            if isinstance(node, ast.FunctionDef):
                found[node.name] += _results(node)
        return found

    @cached_property
    def _methods(self) -> dict[tuple[str, str], list[ast.AST]]:
        found: dict[tuple[str, str], list[ast.AST]] = {}
        for owner in self._program.statements:
            if not isinstance(owner, ast.ClassDef):
                continue
            for node in owner.body:
                if isinstance(node, ast.FunctionDef):
                    found[owner.name, node.name] = _results(node) if node.name != "__init__" else list(node.body)
        return found

    def _bound(self, node: ast.Name | ast.Attribute) -> Iterator[ast.AST]:
        if isinstance(node, ast.Attribute):
            yield from self._bindings.get(f".{node.attr}", ())
            return
        scope = self._program.scope(node)
        yield from (value for value, where in self._named.get(node.id, ()) if where in (scope, None))
        arguments = getattr(scope, "args", None)
        if isinstance(arguments, ast.arguments) and isinstance(scope, ast.FunctionDef | ast.Lambda):
            yield from self._given_for(scope, arguments, node.id)

    @cached_property
    def _bindings(self) -> dict[str, list[ast.AST]]:
        """What is assigned to attributes, by `.name`."""
        found: dict[str, list[ast.AST]] = defaultdict(list)
        for target, value, _ in self._assigned:
            if isinstance(target, ast.Attribute):
                found[f".{target.attr}"].append(value)
        return found

    @cached_property
    def _named(self) -> dict[str, list[tuple[ast.AST, ast.AST | None]]]:
        found: dict[str, list[tuple[ast.AST, ast.AST | None]]] = defaultdict(list)
        for target, value, statement in self._assigned:
            if isinstance(target, ast.Name):
                found[target.id].append((value, self._program.scope(statement)))
        return found

    @cached_property
    def _assigned(self) -> list[tuple[ast.expr, ast.AST, ast.stmt]]:
        found: list[tuple[ast.expr, ast.AST, ast.stmt]] = []
        for node in self._program.statements:
            if isinstance(node, ast.Assign):
                pairs: Iterable[tuple[ast.expr, ast.expr]] = ((target, node.value) for target in node.targets)
            elif isinstance(node, ast.AugAssign) or (isinstance(node, ast.AnnAssign) and node.value is not None):
                pairs = [(node.target, node.value)]  # type: ignore[list-item]  # there is one
            elif isinstance(node, ast.For):
                pairs = [(node.target, node.iter)]
            elif isinstance(node, ast.With):
                pairs = [(i.optional_vars, i.context_expr) for i in node.items if i.optional_vars is not None]
            else:
                continue
            found += [(name, part, node) for target, value in pairs for name, part in _paired(target, value)]
        return found

    def _given_for(self, scope: ast.AST, arguments: ast.arguments, name: str) -> Iterator[ast.AST]:
        """Yield what calls of a function in the text give for a parameter, and its default."""
        names = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
        if name not in (*names, *(a.arg for a in arguments.kwonlyargs)):
            return
        for default, given in zip(reversed(arguments.defaults), reversed(names), strict=False):
            if given == name:
                yield default
        calls, method = self._calls_of(scope)
        place = names.index(name) - method if name in names else -1
        for call in calls:
            yield from (keyword.value for keyword in call.keywords if keyword.arg == name)
            if 0 <= place < len(call.args):
                yield call.args[place]

    def _calls_of(self, scope: ast.AST) -> tuple[list[ast.Call], int]:
        """Return the calls of a function, and whether its first parameter is its owner."""
        owner = self._program.parent(scope)
        calls = [node for node in self._program.nodes.values() if isinstance(node, ast.Call)]
        if isinstance(scope, ast.Lambda):
            around = self._program.parent(scope)
            names = {getattr(target, "id", "") for target in getattr(around, "targets", ())}
            return [call for call in calls if getattr(call.func, "id", None) in names], 0
        name = getattr(scope, "name", "")
        named = [call for call in calls if getattr(call.func, "id", getattr(call.func, "attr", None)) == name]
        if not isinstance(owner, ast.ClassDef):
            return named, 0
        if name == "__init__":
            return [
                call for call in calls if getattr(call.func, "id", getattr(call.func, "attr", None)) == owner.name
            ], 1
        if name in ("call", "__call__", "build"):
            values = ((call, self._program.value(call.func)) for call in calls)
            return [
                call
                for call, value in values
                if value is not None and value.text == owner.name and value.kind != "class"
            ], 1
        return [call for call in calls if getattr(call.func, "attr", None) == name], 1


def _results(function: ast.FunctionDef) -> list[ast.AST]:
    returned = [n.value for n in ast.walk(function) if isinstance(n, ast.Return) and n.value is not None]
    return list(returned) or list(function.body)


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield child
        elif isinstance(child, ast.keyword | ast.comprehension | ast.withitem):
            yield from _parts(child)


def _paired(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    if isinstance(target, ast.Tuple | ast.List):
        same = isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts)
        for place, part in enumerate(target.elts):
            yield from _paired(part, value.elts[place] if same else value)  # type: ignore[attr-defined]  # then it has
    elif isinstance(target, ast.Starred):
        yield target.value, value
    else:
        yield target, value
