"""One failing cell: its program, what is wanted, and how far each expression is from the failure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cached_property

from conv_magic.analysis.flow import Flow
from conv_magic.analysis.foresee import Foresight
from conv_magic.analysis.goals import Goal, Wanted, agree, goals_of
from conv_magic.analysis.program import Program
from conv_magic.analysis.values import Value
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.options import LossOptions
from conv_magic.model.positions import Span
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace

_MADE_UP = re.compile(
    r"\b(rand|randn|randint|random|uniform|normal|zeros|ones|integers|standard_normal|arange|linspace|random_sample)$"
)
_FAILED = (Outcome.RAISED, Outcome.GUARDED, Outcome.ENTERED)
_MOST_STEPS = 8


class Case:
    """What operators and ranking know of a fault.

    `call` is the record of the call that failed, with its places in the text of `program`; `faults` are our own errors.
    """

    def __init__(
        self, program: Program, trace: Trace, call: CallRecord | None, diagnoses: tuple[Diagnosis, ...]
    ) -> None:
        self.program, self.trace, self.call, self.diagnoses = program, trace, call, diagnoses
        message = program.observed.error[1] or (call.error or "" if call is not None else "")
        self.wanted = Wanted(goals_of(message, call, diagnoses), message, call)
        self.open = program.open_expressions()
        self.flow = Flow(program, self._starts())
        self.foresight = Foresight(program, trace, call)
        self.faults: list[str] = []

    @property
    def goals(self) -> tuple[Goal, ...]:
        """What would make the failing call possible."""
        return self.wanted.goals

    def value(self, node: ast.AST) -> Value | None:
        """Return what an expression stood for."""
        return self.program.value(node)

    def is_operand(self, node: ast.AST) -> bool:
        """Whether an expression is an operand of a call or operation that was under way at the failure."""
        return node in self._operands

    @cached_property
    def _operands(self) -> set[ast.AST]:
        found: set[ast.AST] = set()
        for node in self.open:
            if isinstance(node, ast.Call):
                found |= {*node.args, *(keyword.value for keyword in node.keywords)}
                for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
                    if isinstance(argument, ast.List | ast.Tuple):
                        found |= {*argument.elts}
            elif isinstance(node, ast.BinOp):
                found |= {node.left, node.right}
        return found

    @property
    def is_loss(self) -> bool:
        """Whether labels and outputs met in a loss or metric."""
        return self.call is not None and isinstance(self.call.options, LossOptions)

    @property
    def kernel(self) -> Shape | None:
        """The kernel of the failing call."""
        return self.call.kernel if self.call is not None else None

    def fit(self, node: ast.AST, after: Shape) -> float | None:
        """Return the cost of a value of the shape `after`, None where the failing call could not take it."""
        value = self.value(node)
        now = value.shape if value is not None else None
        if now is None:
            return 1.8
        near: bool | None = None
        for goal in self.goals:
            same = len(now) == len(goal.have) and agree(now[1:], goal.have[1:])
            if same or now == goal.have:
                if len(after) == len(goal.want) and agree(after[1:], goal.want[1:]):
                    return 0.0 if agree(after, goal.want) else 0.1
                near = False
            elif now and now == goal.have[1:] and agree(after, goal.want[1:]):
                return 0.3
        operand = self.is_operand(node)
        if near is False:
            return 2.0 if operand and len(after) != len(now) else None
        if operand:
            return 1.2 if self.goals else 0.2
        return 1.8 if self.goals else 0.8

    def in_given_data(self, node: ast.AST) -> bool:
        """Whether a node is inside a call that makes up or loads data: its sizes are facts, not choices."""
        for around in self.program.around(node):
            if isinstance(around, ast.stmt):
                return False
            if isinstance(around, ast.Call) and self._makes_data(around):
                value = self.value(around)
                return value is None or value.shape != self.kernel or self.kernel is None
        return False

    def _is_given(self, value: ast.expr) -> bool:
        calls = (node for node in ast.walk(value) if isinstance(node, ast.Call))
        return self.program.kind(value) == "array" and any(self._makes_data(call) for call in calls)

    def _makes_data(self, call: ast.Call) -> bool:
        called = self.program.text_of(call.func)
        return bool(_MADE_UP.search(called)) and self.program.kind(call) == "array"

    @cached_property
    def data_names(self) -> frozenset[str]:
        """The names of what was made up or loaded as data."""
        found: set[str] = set()
        for statement in self.program.statements:
            if isinstance(statement, ast.Assign) and self._is_given(statement.value):
                names = (node for target in statement.targets for node in ast.walk(target))
                found |= {node.id for node in names if isinstance(node, ast.Name)}
        return frozenset(found)

    def _starts(self) -> dict[ast.AST, float]:
        found: dict[ast.AST, float] = {}

        def put(node: ast.AST | None, distance: float) -> None:
            if node is not None and distance < found.get(node, 99.0):
                found[node] = distance

        for depth, node in enumerate(reversed(self.open)):
            put(node, 0.4 * min(depth, 4))
        last = self.program.observed.last
        if last:  # what was read or made last is never far from what failed, an unpacking for one
            put(self.program.nodes.get(max(last, key=lambda site: last[site])), 0.3 if self.open else 0.0)
        for distance, span in self._recorded():
            put(self._node_at(span), distance)
        for place, diagnosis in enumerate(self.diagnoses):
            for where in (diagnosis.span, diagnosis.origin):
                put(self._node_at(where), 0.2 + place)
        return found

    def _recorded(self) -> Iterator[tuple[float, Span | None]]:
        """Yield the places of the failing call and of those before it, from the recorded flow."""
        calls = {call.index: call for call in self.trace.calls}
        todo, seen = [self.call] if self.call is not None else [], set()
        for step in range(_MOST_STEPS):
            before = []
            for call in todo:
                seen.add(call.index)
                yield step * 0.6, call.span
                yield step * 0.6, call.created
                before += [calls[p] for p in call.producers if p is not None and p in calls and p not in seen]
            todo = before
        for call in self.trace.calls:
            if call.outcome in _FAILED:
                yield 0.4, call.span

    def _node_at(self, span: Span | None) -> ast.AST | None:
        """Return the smallest expression or statement that covers a place in the text."""
        if span is None or span.cell != self.trace.sources[0].cell:
            return None
        nodes = self._at_lines.get((span.line, span.end_line), ())
        exact = [
            n
            for n in nodes
            if isinstance(n, ast.Call) and (n.col_offset, n.end_col_offset) == (span.column, span.end_column)
        ]
        if exact:
            return exact[0]
        covering = [s for s in self.program.statements if s.lineno <= span.line <= (s.end_lineno or 0)]
        return max(covering, key=lambda s: (s.lineno, -(s.end_lineno or 0)), default=None)

    @cached_property
    def _at_lines(self) -> dict[tuple[int, int | None], list[ast.expr]]:
        found: dict[tuple[int, int | None], list[ast.expr]] = {}
        for node in self.program.nodes.values():
            found.setdefault((node.lineno, node.end_lineno), []).append(node)
        return found
