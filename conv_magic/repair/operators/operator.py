"""What an operator is: a small edit of the text that changes one value in one way; and what operators share."""

from __future__ import annotations

import ast
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass

from conv_magic.analysis.case import Case
from conv_magic.analysis.foresee import Effect
from conv_magic.analysis.program import Change
from conv_magic.analysis.values import Parameter, Value
from conv_magic.model.shapes import Shape


@dataclass(frozen=True, slots=True)
class Candidate:
    """One edit that an operator offers.  It has no title: that is made from the edit itself, see `titles`.

    changes   what to replace in the text
    cost      what it costs beside the operator's own cost
    after     the shape of the changed value afterwards
    twin      candidates of one operator with the same key are also offered all at once
    imports   the line of import that it needs
    effect    what it changes for the recorded calls, where that is known
    """

    changes: tuple[Change, ...]
    cost: float = 0.0
    after: Shape | None = None
    twin: Hashable = None
    imports: str = ""
    effect: Effect | None = None


Candidates = Callable[[Case, ast.expr], Iterator[Candidate]]


@dataclass(frozen=True, slots=True)
class Operator:
    """A kind of edit.

    kinds       of which run-time kinds of values; empty for any
    nodes       of which syntactic forms; empty for any
    cost        how unlikely it is to be what the author wants, all else being equal
    candidates  the edits at one expression
    """

    name: str
    cost: float
    candidates: Candidates
    kinds: frozenset[str] = frozenset()
    nodes: tuple[type[ast.expr], ...] = ()

    def applies(self, case: Case, node: ast.expr) -> bool:
        """Whether it can do something at an expression."""
        if self.nodes and not isinstance(node, self.nodes):
            return False
        return not self.kinds or case.program.kind(node) in self.kinds


def put(case: Case, node: ast.expr, text: str) -> tuple[Change, ...]:
    """Return the edit that puts a text in the place of an expression."""
    return ((*case.program.span(node), text),)


def indexed(case: Case, node: ast.expr, *parts: str) -> str:
    """Return the expression with an index behind it."""
    return f"{case.program.before_suffix(node)}[{', '.join(parts)}]"


def at_axis(axis: int, rank: int, what: str) -> list[str]:
    """Return the parts of an index that is `what` at one axis of `rank` and keeps all others."""
    return ["...", what] if axis == rank - 1 and axis else [":"] * axis + [what]


def tuple_text(sizes: Iterable[object]) -> str:
    """Sizes as a tuple is written."""
    parts = [str(size) for size in sizes]
    return "(" + ", ".join(parts) + ("," if len(parts) == 1 else "") + ")"


def is_loaded(node: ast.expr) -> bool:
    """Whether an expression is read, not assigned to."""
    return isinstance(getattr(node, "ctx", ast.Load()), ast.Load)


def is_called(case: Case, node: ast.AST) -> bool:
    """Whether it is what a call calls."""
    parent = case.program.parent(node)
    return isinstance(parent, ast.Call) and parent.func is node


def is_receiver(case: Case, node: ast.AST) -> bool:
    """Whether an attribute of it is read."""
    return isinstance(case.program.parent(node), ast.Attribute)


def array_at(case: Case, node: ast.expr) -> tuple[Value, Shape] | None:
    """Return the array that an expression stands for, with its shape, where another may be put in its place."""
    value = case.value(node)
    if value is None or value.kind != "array" or value.shape is None or len(value.shape) > 6:
        return None
    if isinstance(node, ast.List | ast.Tuple | ast.Constant) or not is_loaded(node):
        return None
    parent = case.program.parent(node)
    if isinstance(parent, ast.Attribute) and not is_called(case, parent):
        return None
    if isinstance(parent, ast.Expr):
        return None
    return value, value.shape


def parameters(case: Case, call: ast.Call) -> tuple[Parameter, ...]:
    """Return the parameters of what a call calls."""
    value = case.value(call.func)
    return value.parameters if value is not None and value.kind in ("class", "function") else ()


def arguments(call: ast.Call) -> list[ast.expr]:
    """All arguments, by position and by name."""
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def argument_given(case: Case, call: ast.Call, name: str) -> ast.expr | None:
    """Return the expression that a call gives for a parameter."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    return next((each for each in call.args if case.program.argument_name(each) == name), None)


def with_argument(case: Case, call: ast.Call, name: str, text: str) -> tuple[Change, ...]:
    """Return the edit that gives `name=text` to a call, in place of what is given; empty where it has no room."""
    given = argument_given(case, call, name)
    if given is not None:
        return ((*case.program.span(given), text),)
    if any(keyword.arg is None for keyword in call.keywords) or any(isinstance(a, ast.Starred) for a in call.args):
        return ()
    found = arguments(call)
    end = case.program.span(call)[1] - 1
    if not found:
        return ((end, end, f"{name}={text}"),)
    if len(found) == 1 and isinstance(found[0], ast.GeneratorExp):
        return ()
    last = max(case.program.span(each)[1] for each in found)
    rest = case.program.raw[last:end].decode()
    closing = len(rest) - len(rest.lstrip(" \t\n)")) if rest.lstrip(" \t\n").startswith(")") else 0
    place = last + len(rest[:closing].rstrip().encode())
    return ((place, place, f", {name}={text}"),)


def option_effect(node: ast.Call, name: str, text: str) -> Effect | None:
    """Return what another value of a parameter changes, where it is written out."""
    try:
        return Effect(node, option=(name, ast.literal_eval(text)))
    except (ValueError, SyntaxError):
        return None


def joined_insertions(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Return the changes with insertions at one place made one."""
    merged: dict[tuple[int, int], str] = {}
    for start, end, text in changes:
        merged[start, end] = merged.get((start, end), "") + text
    return tuple((start, end, text) for (start, end), text in merged.items())


def makes_layer(case: Case, node: ast.expr) -> bool:
    """Whether a call was seen to make a layer of Keras' own."""
    value = case.value(node.func) if isinstance(node, ast.Call) else None
    return value is not None and value.is_layer and value.text not in ("Model", "Sequential", "Functional")


def dimensions_of(name: str) -> int | None:
    """Return the 2 of `Conv2D`."""
    return next((int(letter) for letter in name if letter in "123"), None)


def unlike_images(shape: Shape) -> float:
    """Return the cost of a batch of images that does not look like (batch, height, width, few channels)."""
    if len(shape) < 3 or None in shape[1:]:
        return 0.0
    few = shape[-1] in (1, 2, 3, 4)
    square = len(shape) < 4 or ((shape[1] or 0) > 4 and (shape[2] or 0) > 1)
    return 0.25 * (not few and shape[0] == 1) + 0.4 * (not square)
