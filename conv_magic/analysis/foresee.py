"""What an edit does to the recorded calls, by arithmetic: whether the failing call could then take what it is given."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, cast

from conv_magic.analysis.goals import agree
from conv_magic.analysis.program import Program
from conv_magic.arithmetic import ShapeProblem, expected_shape
from conv_magic.model.calls import CallRecord
from conv_magic.model.options import LossOptions, Options
from conv_magic.model.positions import Span, utf16_from_utf8
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace

Becomes = Callable[[Shape], Shape | None]
"""The shape that a value has after an edit, from the one it had; None where that is not known."""


class Verdict(StrEnum):
    """What arithmetic says of an edit."""

    FITS = "fits"
    FAILS = "fails"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Effect:
    """What an edit changes for the recorded calls.

    node     the expression whose value changes; with `before` the call that makes a layer, of which the input changes;
             with `option` the call that makes it, of which an option changes
    becomes  what becomes of the value's shape
    option   the parameter's name and its new value
    """

    node: ast.expr
    becomes: Becomes | None = None
    before: bool = False
    option: tuple[str, Any] | None = None


class _Unknown(Exception):
    """Arithmetic does not reach so far."""


@dataclass
class _Changed:
    """What the effects change of single calls, by index: an input by its place, the output, the options."""

    inputs: dict[int, dict[int, Becomes]]
    outputs: dict[int, Becomes]
    options: dict[int, Options]


class Foresight:
    """The recorded calls up to the one that failed."""

    def __init__(self, program: Program, trace: Trace, failing: CallRecord | None) -> None:
        self._program, self._failing = program, failing
        self._calls = [call for call in trace.calls if failing is None or call.index <= failing.index]
        self._at: dict[Span, list[CallRecord]] = defaultdict(list)
        self._made_at: dict[Span, list[CallRecord]] = defaultdict(list)
        self._of_layer: dict[str, list[CallRecord]] = defaultdict(list)
        for call in self._calls:
            if call.span is not None:
                self._at[call.span].append(call)
            if call.created is not None:
                self._made_at[call.created].append(call)
            if call.layer is not None:
                self._of_layer[call.layer].append(call)
        self._cell = trace.sources[0].cell
        self._lines = program.text.split("\n")

    def of(self, effects: Sequence[Effect]) -> Verdict:
        """Return what becomes of the failing call with all these effects."""
        if self._failing is None or not effects:
            return Verdict.UNKNOWN
        try:
            changed = self._changed(effects)
            return self._replayed(changed)
        except _Unknown:
            return Verdict.UNKNOWN

    def _span(self, node: ast.AST) -> Span:
        line, end = cast("ast.expr", node).lineno, cast("ast.expr", node).end_lineno or 0
        first = utf16_from_utf8(self._lines[line - 1], cast("ast.expr", node).col_offset)
        last = utf16_from_utf8(self._lines[end - 1], cast("ast.expr", node).end_col_offset or 0)
        return Span(self._cell, line, first, end, last)

    def _changed(self, effects: Iterable[Effect]) -> _Changed:
        changed = _Changed({}, {}, {})
        for effect in effects:
            if effect.option is not None:
                made = self._made_at.get(self._span(effect.node), [])
                for call in made or self._at.get(self._span(effect.node), []):
                    options = changed.options.get(call.index, call.options)
                    changed.options[call.index] = _with_option(options, *effect.option)
                if not made and not self._at.get(self._span(effect.node)):
                    raise _Unknown
            elif effect.becomes is not None and effect.before:
                for call in self._known(self._made_at.get(self._span(effect.node))):
                    changed.inputs.setdefault(call.index, {})[0] = effect.becomes
            elif effect.becomes is not None:
                self._change_value(effect.node, effect.becomes, changed)
        return changed

    def _known(self, calls: list[CallRecord] | None) -> list[CallRecord]:
        if not calls:
            raise _Unknown
        return calls

    def _change_value(self, node: ast.expr, becomes: Becomes, changed: _Changed) -> None:
        """Return the value of an argument of a recorded call, or else what a recorded call gives."""
        consumer = self._program.parent(node)
        if isinstance(consumer, ast.List | ast.Tuple):
            consumer = self._program.parent(consumer)
        calls = self._with_layers(self._at.get(self._span(consumer), [])) if isinstance(consumer, ast.Call) else []
        if calls and isinstance(consumer, ast.Call) and node is not consumer.func:
            place = self._place(consumer, node)
            for call in calls:
                if place >= len(call.inputs):
                    raise _Unknown
                changed.inputs.setdefault(call.index, {})[place] = becomes
            return
        if isinstance(consumer, ast.Call | ast.BinOp | ast.Attribute | ast.Subscript):
            raise _Unknown  # it goes on through what was not recorded
        for call in self._known(self._with_layers(self._at.get(self._span(node), []))):
            changed.outputs[call.index] = becomes

    def _with_layers(self, calls: list[CallRecord]) -> list[CallRecord]:
        """Return the calls, and the later ones of the same layers inside models."""
        later = [other for call in calls if call.layer for other in self._of_layer[call.layer]]
        return list({call.index: call for call in [*calls, *later]}.values())

    def _place(self, call: ast.Call, node: ast.expr) -> int:
        """Which of the call's tensors an argument is."""
        tensors: list[ast.expr] = []
        for argument in call.args:
            parts = argument.elts if isinstance(argument, ast.List | ast.Tuple) else [argument]
            tensors += [part for part in parts if self._program.kind(part) == "array"]
        if node not in tensors:
            raise _Unknown
        return tensors.index(node)

    def _replayed(self, changed: _Changed) -> Verdict:
        failing = self._failing
        assert failing is not None
        now: dict[int, Shape | None] = {}
        unsure: set[int] = set()
        for call in self._calls:
            inputs = self._inputs(call, changed, now, unsure)
            if call.index == failing.index:
                return self._ended(call, inputs, changed, now, unsure)
            if inputs is None:
                unsure.add(call.index)
                continue
            if inputs == call.inputs and call.index not in changed.options and call.index not in changed.outputs:
                continue
            self._advance(call, inputs, changed, now, unsure)
            if call.parent is not None and call.index in now:
                self._pass_to_parent(call, now)
        return Verdict.UNKNOWN

    def _inputs(
        self, call: CallRecord, changed: _Changed, now: Mapping[int, Shape | None], unsure: set[int]
    ) -> tuple[Shape, ...] | None:
        """Return what a call is now given; None where that is not known."""
        found: list[Shape] = []
        for place, shape in enumerate(call.inputs):
            producer = call.producers[place] if place < len(call.producers) else None
            if producer in unsure:
                return None
            given = now.get(producer, shape) if producer is not None else shape
            becomes = changed.inputs.get(call.index, {}).get(place)
            after = becomes(given) if becomes is not None and given is not None else given
            if after is None:
                return None
            found.append(after)
        return tuple(found)

    def _advance(
        self,
        call: CallRecord,
        inputs: tuple[Shape, ...],
        changed: _Changed,
        now: dict[int, Shape | None],
        unsure: set[int],
    ) -> None:
        """Return what a call now gives.  Raises `_Unknown` where it would itself fail, which is another fault."""
        options = changed.options.get(call.index, call.options)
        try:
            made = expected_shape(options, inputs, None if call.layer else call.kernel)
        except ShapeProblem:
            raise _Unknown from None
        becomes = changed.outputs.get(call.index)
        if becomes is not None:
            made = becomes(made if made is not None else call.output or ())
        if made is None:
            unsure.add(call.index)
        else:
            now[call.index] = made

    def _pass_to_parent(self, call: CallRecord, now: dict[int, Shape | None]) -> None:
        """Return a model gives what its last layer gives."""
        parent = next((each for each in self._calls if each.index == call.parent), None)
        last = max((each.index for each in self._calls if each.parent == call.parent), default=-1)
        if parent is not None and last == call.index and agree(parent.output, call.output):
            now[parent.index] = now[call.index]

    def _ended(
        self,
        call: CallRecord,
        inputs: tuple[Shape, ...] | None,
        changed: _Changed,
        now: Mapping[int, Shape | None],
        unsure: set[int],
    ) -> Verdict:
        if inputs is None:
            return Verdict.UNKNOWN
        options = changed.options.get(call.index, call.options)
        if inputs == call.inputs and options == call.options:
            linked = all(place is not None for place in call.producers) and len(call.producers) == len(call.inputs)
            return (
                Verdict.FAILS if linked and not unsure and not self._is_inside_changed(call, now) else Verdict.UNKNOWN
            )
        if isinstance(options, LossOptions) and len(inputs) > 1:
            return _of_loss(options, inputs[0], inputs[1])
        if call.accepts is not None and not agree(call.inputs[0], call.accepts) and not agree(inputs[0], call.accepts):
            return Verdict.FAILS
        if options is None:
            return Verdict.UNKNOWN
        try:
            made = expected_shape(options, inputs, None if call.layer else call.kernel)
        except ShapeProblem:
            return Verdict.FAILS
        return Verdict.UNKNOWN if made is None else Verdict.FITS

    def _is_inside_changed(self, call: CallRecord, now: Mapping[int, Shape | None]) -> bool:
        """Whether a model around the call was rebuilt: its own producers then say little."""
        return call.parent is not None and call.parent in now


def _of_loss(options: LossOptions, labels: Shape, output: Shape) -> Verdict:
    if "sparse" in options.name.lower():
        fits = len(labels) == len(output) - 1 or (len(labels) == len(output) and labels[-1:] == (1,))
        return Verdict.FITS if fits and agree(labels[: len(output) - 1], output[:-1]) else Verdict.FAILS
    if agree(labels, output):
        return Verdict.FITS
    if len(labels) == len(output):
        return Verdict.FAILS
    return (
        Verdict.UNKNOWN if abs(len(labels) - len(output)) == 1 and 1 in (*labels[-1:], *output[-1:]) else Verdict.FAILS
    )


def _with_option(options: Options | None, name: str, value: Any) -> Options:
    """Return the options with another value of one; raises `_Unknown` where they have none of that name."""
    if options is None or name not in {field.name for field in fields(options)}:
        raise _Unknown
    old = getattr(options, name)
    if isinstance(old, tuple) and type(value) is int:
        value = (value,) * len(old)
    if isinstance(value, str):
        value = value.lower() if isinstance(old, str) and old.islower() else value
    if type(old) is not type(value) or (isinstance(old, tuple) and len(old) != len(value)):
        raise _Unknown
    return replace(options, **{name: value})
