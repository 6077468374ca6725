"""Evaluate the numbers and shapes in the text: `features.shape[1:]`, `(side // 2, 8)`, `input_shape=size`."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from conv_magic.analysis.definitions import definitions_of
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.text.source import Code

Value = int | Shape
_OPERATIONS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_MOST_POWER = 8
_DEEPEST = 20


@dataclass(frozen=True)
class Evaluator:
    """The expressions of one cell, evaluated without running it.

    `instead` are other values for expressions of the text: what would come out if this literal were another number.
    """

    code: Code
    trace: Trace
    instead: Mapping[ast.expr, int] = field(default_factory=dict)

    def value(self, node: ast.expr, depth: int = 0) -> Value | None:
        """Return the whole number or the shape that an expression stands for, None if it is not known."""
        if node in self.instead:
            return self.instead[node]
        if depth > _DEEPEST:
            return None
        match node:
            case ast.Constant(value=int(number)) if not isinstance(number, bool):
                return number
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                return self._sequence(elements, depth)
            case ast.Attribute(attr="shape", value=owner):
                return self.shape_of(owner, depth + 1)
            case ast.Subscript(slice=ast.Constant(value=str())):
                return self._value_of_name(node, depth)
            case ast.Subscript(value=owner, slice=index):
                return self._item_of(self.value(owner, depth + 1), index, depth)
            case ast.Name() | ast.Attribute():
                return self._value_of_name(node, depth)
        return self._computed(node, depth + 1)

    def _computed(self, node: ast.expr, depth: int) -> Value | None:
        """Return the value of an operation or of a call of `len`, `int`, `tuple`, `tf.shape` and their like."""
        match node:
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                number = self.value(inner, depth)
                return -number if isinstance(number, int) else None
            case ast.BinOp(left=left, op=how, right=right):
                return _result_of(self.value(left, depth), how, self.value(right, depth))
            case ast.Call(func=ast.Name(id="len"), args=[owner]):
                shape = self.shape_of(owner, depth)
                return shape[0] if shape else self._length(owner)
            case ast.Call(func=ast.Name(id="int" | "tuple" | "list"), args=[inner]):
                return self.value(inner, depth)
            case ast.Call(func=ast.Attribute(attr="shape" | "int_shape"), args=[owner]):  # `tf.shape(x)`
                return self.shape_of(owner, depth)
            case ast.Call(func=ast.Attribute(attr="get_shape", value=owner), args=[]):
                return self.shape_of(owner, depth)
            case ast.Call(func=ast.Attribute(attr="as_list", value=inner), args=[]):
                return self.value(inner, depth)
        return None

    def _length(self, node: ast.expr) -> int | None:
        """Return the length of a list, tuple, set or dictionary that the text writes out."""
        for origin in definitions_of(self.code, node):
            match origin:
                case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items) | ast.Dict(values=items):
                    return None if any(isinstance(item, ast.Starred) for item in items) else len(items)
        return None

    def shape_of(self, node: ast.expr, depth: int = 0) -> Shape | None:
        """Return the shape of the array or tensor that an expression stands for, None if it is not known."""
        if isinstance(node, ast.Name):
            return self._shape_of_name(node)
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant | ast.UnaryOp | ast.Slice):
            shape = self.shape_of(node.value, depth + 1) if depth < _DEEPEST else None
            if shape:
                return (None, *shape[1:]) if isinstance(node.slice, ast.Slice) else shape[1:]
        return None

    def _shape_of_name(self, name: ast.Name) -> Shape | None:
        """Return the shape that a name has: in the function that failed if the name stands in it, else in the cell."""
        known = [v for v in self.trace.values if v.name == name.id and v.shape is not None]
        scope = getattr(self.code.scope_of(name), "name", "")
        return next((v.shape for v in (*(v for v in known if v.scope == scope), *known)), None)

    def _sequence(self, elements: list[ast.expr], depth: int) -> Shape | None:
        sizes: list[int | None] = []
        for element in elements:
            if isinstance(element, ast.Constant) and element.value is None:
                sizes.append(None)
                continue
            starred = isinstance(element, ast.Starred)
            value = self.value(element.value if isinstance(element, ast.Starred) else element, depth + 1)
            if value is None or isinstance(value, tuple) is not starred:
                return None
            sizes.extend(value if isinstance(value, tuple) else (value,))
        return tuple(sizes)

    def _item_of(self, value: Value | None, index: ast.expr, depth: int) -> Value | None:
        if not isinstance(value, tuple):
            return None
        if isinstance(index, ast.Slice):
            lower, upper = (None if end is None else self.value(end, depth + 1) for end in (index.lower, index.upper))
            if isinstance(lower, tuple) or isinstance(upper, tuple):
                return None
            return value[lower:upper]
        position = self.value(index, depth + 1)
        return value[position] if isinstance(position, int) and -len(value) <= position < len(value) else None

    def _argument_given(self, node: ast.expr) -> Value | None:
        """Return what a parameter of the function that failed was given in the call that failed."""
        scope = self.code.scope_of(node)
        if not isinstance(node, ast.Name) or not isinstance(scope, ast.FunctionDef):
            return None
        parameters = (*scope.args.posonlyargs, *scope.args.args, *scope.args.kwonlyargs)
        if node.id not in (a.arg for a in parameters):
            return None
        known = (v for v in self.trace.values if v.name == node.id and v.scope == scope.name and v.kind == "number")
        value = next(known, None)
        return None if value is None else value.numbers[0] if value.type == "int" else value.numbers

    def _value_of_name(self, node: ast.expr, depth: int) -> Value | None:
        local = None if self.instead else self._argument_given(node)
        if local is not None:
            return local
        for origin in definitions_of(self.code, node)[1:]:
            value = self.value(origin, depth + 1)
            if value is not None:
                return value
        if isinstance(node, ast.Name):
            numbers = next((v for v in self.trace.values if v.name == node.id and v.kind == "number"), None)
            if numbers is not None:
                return numbers.numbers[0] if numbers.type == "int" else numbers.numbers
        return None


def _result_of(left: Value | None, how: ast.operator, right: Value | None) -> Value | None:
    if isinstance(left, tuple) and isinstance(right, tuple):
        return left + right if isinstance(how, ast.Add) else None
    if isinstance(left, tuple) and isinstance(right, int) and isinstance(how, ast.Mult):
        return left * right if 0 <= right < _MOST_POWER else None
    if not isinstance(left, int) or not isinstance(right, int):
        return None
    if isinstance(how, ast.Pow):
        return int(left**right) if 0 <= right <= _MOST_POWER else None
    if isinstance(how, ast.FloorDiv | ast.Mod) and right == 0:
        return None
    operation = _OPERATIONS.get(type(how))
    return operation(left, right) if operation else None


def factors_of(product: ast.expr) -> list[ast.expr]:
    """Return the factors of a product as it is written, `7 * 7 * 64`; any other expression is its only factor."""
    if isinstance(product, ast.BinOp) and isinstance(product.op, ast.Mult):
        return [*factors_of(product.left), *factors_of(product.right)]
    return [product]


def settings_of(node: ast.AST) -> dict[str, ast.expr]:
    """Return the named values of `{"strides": 2}` or `dict(strides=2)`."""
    match node:
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            return {k.value: v for k, v in pairs if isinstance(k, ast.Constant) and isinstance(k.value, str)}
        case ast.Call(func=ast.Name(id="dict"), keywords=given):
            return {keyword.arg: keyword.value for keyword in given if keyword.arg is not None}
    return {}


def expressions_in(code: Code) -> Iterator[ast.expr]:
    """Yield every expression of the text that may stand for a number or a shape."""
    wanted = (ast.Constant, ast.Name, ast.BinOp, ast.Tuple, ast.List, ast.Subscript, ast.Attribute)
    return (node for node in ast.walk(code.tree) if isinstance(node, wanted) and _is_loaded(node))


def _is_loaded(node: ast.expr) -> bool:
    return isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
