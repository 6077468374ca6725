"""Read the values of lines with a contract inside functions, as those lines are left.

Python tells a trace function of each call and line (https://docs.python.org/3/library/sys.html#sys.settrace).  That
slows a program down, so it is put in only where a contract stands on a line of a function that no hooked call answers
for, and never over somebody else's.
"""

from __future__ import annotations

import ast
import sys
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

from conv_magic.boundary import Part, hidden, keep_of_hook
from conv_magic.capture.assignments import span_of
from conv_magic.capture.hooks.tensors import shape_of_value
from conv_magic.model.shapes import Shape
from conv_magic.model.values import AssignedValue
from conv_magic.text.contracts import Contract, contracts_in
from conv_magic.text.source import Code, called_name
from conv_magic.text.targets import Target, owner_of, target_text, targets_given, value_of

RETURNED = "the returned value"
_MOST_SHAPES = 32
_HOOKED_WORDS = ("conv", "pool", "bias_add", "dilation")
"""Words in the names of the functions of `tf.nn` and `keras.ops` that are hooked."""

_FOLLOWING = "the values in functions"


@dataclass(eq=False)
class _FollowedStatement:
    """A statement whose values are read: its `targets`, or what a `return` gives; its lines as compiled."""

    statement: ast.stmt
    names: tuple[str, ...]
    targets: tuple[Target, ...]
    first: int
    last: int
    seen: dict[tuple[Shape | None, ...], int] = field(default_factory=dict)

    def note(self, shapes: tuple[Shape | None, ...]) -> None:
        """Count one more time that the statement gave these shapes."""
        if shapes in self.seen or len(self.seen) < _MOST_SHAPES:
            self.seen[shapes] = self.seen.get(shapes, 0) + 1

    def value(self, code: Code) -> AssignedValue:
        """Return what was seen."""
        span = span_of(self.statement, code, 0)
        return AssignedValue(span, self.names, tuple(self.seen), sum(self.seen.values()))


@dataclass
class Following:
    """The followed statements of one run, by file name.  `remark` says why none is followed that should be."""

    followed: dict[str, list[_FollowedStatement]]
    remark: str | None = None
    _wanted: dict[CodeType, list[_FollowedStatement]] = field(default_factory=dict)

    @classmethod
    def of(cls, codes: Mapping[str, Code]) -> Following:
        """Return what is to be followed in these cells."""
        found = {name: list(_statements_to_follow(code)) for name, code in codes.items() if "shape" in code.text}
        return cls({name: statements for name, statements in found.items() if statements})

    def following(self) -> Part:
        """Follow the calls of this thread until closed; a trace function set by the cell itself stays."""
        if not self.followed:
            return
        if sys.gettrace() is not None:
            self.remark = "contracts inside functions are not checked while a debugger or coverage follows the program"
            return
        try:
            tracer = self._called
            sys.settrace(tracer)
            yield
        finally:
            if sys.gettrace() is tracer:
                sys.settrace(None)

    def values(self, codes: Mapping[str, Code]) -> tuple[AssignedValue, ...]:
        """Return what was seen."""
        return tuple(
            AssignedValue(
                span_of(statement.statement, codes[name], 0),
                statement.names,
                tuple(statement.seen),
                sum(statement.seen.values()),
            )
            for name, statements in self.followed.items()
            for statement in statements
            if statement.seen
        )

    @hidden
    def _called(self, frame: FrameType, event: str, argument: Any) -> Any:
        try:
            code = frame.f_code
            if code.co_filename not in self.followed:
                return None
            wanted = self._wanted.get(code)
            if wanted is None:
                lines = {line for _, _, line in code.co_lines() if line is not None}
                wanted = [statement for statement in self.followed[code.co_filename] if statement.first in lines]
                self._wanted[code] = wanted
            return _FollowedCall(wanted) if wanted else None
        except BaseException as fault:
            keep_of_hook(_FOLLOWING, fault)
        return None


class _FollowedCall:
    """Follows one call of a function: a statement is over when a line outside of it begins."""

    def __init__(self, wanted: list[_FollowedStatement]) -> None:
        self._wanted = wanted
        self._statement: _FollowedStatement | None = None
        self._at = 0

    @hidden
    def __call__(self, frame: FrameType, event: str, argument: Any) -> Any:
        try:
            self._on_event(frame, event, argument)
        except BaseException as fault:  # an object of the user's may raise anything when it is asked for its shape
            keep_of_hook(_FOLLOWING, fault)
            self._statement = None
        return self

    def _on_event(self, frame: FrameType, event: str, argument: Any) -> None:
        statement, previous, line = self._statement, self._at, frame.f_lineno
        self._at = line
        if event == "line":
            # a statement of several lines goes back to its first one to assign; at the same line again, it runs again
            if statement is not None and (
                statement.first < line <= statement.last or statement.first == line < previous
            ):
                return
            if statement is not None:
                self._note_targets(statement, frame)
            self._statement = next((each for each in self._wanted if each.first <= line <= each.last), None)
        elif event == "exception":
            self._statement = None
        elif event == "return" and statement is not None:
            if isinstance(statement.statement, ast.Return):
                statement.note(_shapes_returned(argument, len(statement.names)))
            else:
                self._note_targets(statement, frame)
            self._statement = None

    def _note_targets(self, statement: _FollowedStatement, frame: FrameType) -> None:
        names = ChainMap(frame.f_locals, frame.f_globals)
        if statement.targets and all(owner_of(target) in names for target in statement.targets):
            statement.note(tuple(shape_of_value(value_of(target, names)) for target in statement.targets))


def _shapes_returned(value: object, count: int) -> tuple[Shape | None, ...]:
    """Return the shape of what is returned, or of each part if the text returns `count` at once."""
    parts = value if count > 1 and isinstance(value, tuple) and len(value) == count else (value,) * count
    return tuple(map(shape_of_value, parts))


def _statements_to_follow(code: Code) -> Iterator[_FollowedStatement]:
    """Yield the statements with a contract that stand in a function and whose value no hooked call surely gives."""
    contracts = [c for c in contracts_in(code.text, code.cell) if isinstance(c, Contract)]
    for contract in contracts:
        statement = statement_at(contract.line, code)
        if statement is None or not isinstance(code.scope_of(statement), ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        targets = targets_given(statement)
        names = _names_returned(statement) if isinstance(statement, ast.Return) else tuple(map(target_text, targets))
        if names and not is_answered(getattr(statement, "value", None), code):
            last = span_of(statement, code, 0).end_line
            yield _FollowedStatement(statement, names, targets, statement.lineno - code.above, last - code.above)


def _names_returned(statement: ast.Return) -> tuple[str, ...]:
    parts = statement.value.elts if isinstance(statement.value, ast.Tuple) else []
    return tuple(f"returned value {number}" for number, _ in enumerate(parts, 1)) if len(parts) > 1 else (RETURNED,)


_WITH_VALUE = (
    ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return, ast.Expr, ast.For, ast.AsyncFor, ast.With, ast.AsyncWith,
)  # fmt: skip


def statement_at(line: int, code: Code) -> ast.stmt | None:
    """Return the last statement that ends on a line, or has its head there."""
    found = [n for n in code.nodes if isinstance(n, _WITH_VALUE) and span_of(n, code, 0).end_line == line]
    return max(found, key=lambda node: (node.lineno, node.col_offset), default=None)


def is_answered(value: ast.expr | None, code: Code) -> bool:
    """Check whether a value is surely the result of a hooked call: `layers.ReLU()(x)`, `tf.nn.conv2d(x)`."""
    match value:
        case ast.Call(func=ast.Call()):
            return True
        case ast.Call(func=ast.Attribute() as named) if _is_attribute_of_self(named):
            return _holds_call_result(named, code)
        case ast.Call(func=ast.Attribute(value=owner, attr=name)):
            hooked = any(word in name for word in _HOOKED_WORDS)
            return hooked and ast.unparse(owner).rpartition(".")[2] in ("nn", "ops")
        case ast.Call(func=ast.Name() as name):
            definition = code.resolve(name)
            return isinstance(definition, ast.Call) and called_name(definition)[:1].isupper()
        case _:
            return False


def _is_attribute_of_self(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == "self"


def _holds_call_result(node: ast.Attribute, code: Code) -> bool:
    """Check whether `self.name` is assigned the result of a call, as a layer is, not a function of the class."""
    for statement in code.nodes:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call):
            for target in statement.targets:
                if isinstance(target, ast.Attribute) and target.attr == node.attr and _is_attribute_of_self(target):
                    return True
    return False
