"""What a repair costs: which is tried first, and which of those that hold stands first.

One table of weights, each with its reason.  A unit is about one plain, local edit.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from conv_magic.analysis.case import Case
from conv_magic.analysis.program import Change
from conv_magic.analysis.values import Value
from conv_magic.model.options import LossOptions
from conv_magic.model.shapes import Shape


@dataclass(frozen=True)
class Weights:
    """Costs.

    foreseen        so much earlier is tried what arithmetic says makes the failing call possible
    step            for each step from the failure: the error shows near its cause
    twin            a change at several places at once is more than one at one place
    character       for each character changed: a slip is short
    imported        it needs an import
    made_up_data    sizes of data are facts, not choices
    model_size      kernel sizes, filters and units are what the author decided
    named           less for the argument that the error's text names
    model_input     the declared input of a model changed
    model_output    the output of a model changed
    classes         the same of a model that ends in a vector, where labels say how long it has to be
    layers          another number of layers
    array           for each name whose shape changed
    other_data      made-up data are made up otherwise
    lost            for each name that the cell used and no longer does
    almost          an image model's output is now a little smaller or larger than its input: meant is usually equal
    turns           a loop that runs less often only hides its fault
    harms           labels, predictions or given data altered only so that sizes agree
    """

    foreseen: float = 1.2
    step: float = 0.45
    twin: float = 0.35
    character: float = 0.007
    imported: float = 0.15
    made_up_data: float = 0.9
    model_size: float = 0.3
    named: float = 0.4
    model_input: float = 1.6
    model_output: float = 1.2
    classes: float = 0.3
    layers: float = 0.5
    array: float = 0.1
    other_data: float = 0.5
    lost: float = 0.9
    almost: float = 0.8
    turns: float = 1.5
    harms: float = 1.5


WEIGHTS = Weights()

_RANK = frozenset({
    "add axis", "drop axis", "slice the shape", "insert a size", "delete a size", "sibling layer",
    "wrap in TimeDistributed", "layer on a tensor", "insert a layer", "number to sizes", "less of an index",
    "list to array", "take the call away", "batch the dataset", "array to list", "take the layer away",
    "sizes where values belong", "reshape",
})  # fmt: skip
"""Operators that change how many axes there are."""
_SIZE = frozenset({
    "another number", "compute another number", "swap sizes", "keep some of an axis", "make as large as its neighbour",
    "resize images", "repeat channels", "transpose", "two numbers to one size",
})  # fmt: skip
"""Operators that change how long axes are."""
_HARMING = frozenset({
    "keep some of an axis", "make as large as its neighbour", "resize images", "repeat channels", "drop axis",
    "another name",
})  # fmt: skip


def against_fault(operator: str, fault: str) -> float:
    """Return the cost of an operator that changes another thing than what the error is about."""
    if fault == "rank":
        return {"another number": 1.3, "transpose": 1.0, "cast": 1.0}.get(operator, 0.7 * (operator in _SIZE))
    if fault == "size":
        return 1.0 if operator == "cast" else 0.35 * (operator in _RANK)
    if fault == "dtype":
        return 1.0 * (operator in _RANK | _SIZE)
    if fault == "word":
        return 0.8 * (operator in _RANK | _SIZE)
    return 0.0


def at_site(case: Case, node: ast.expr) -> float:
    """Return the cost of changing this expression, whichever way."""
    kind, cost = case.program.kind(node), 0.0
    if kind in ("int", "dims", "list", "float") and case.in_given_data(node):
        cost += WEIGHTS.made_up_data
    role, value, words = case.program.role(node), case.value(node), case.wanted.first_words
    if role in ("kernel_size", "filters", "units") and kind == "int" and role not in words:
        clashing = {have for have, _ in case.wanted.clashes()}
        if value is None or not clashing & set(value.numbers):
            cost += WEIGHTS.model_size
    if role and role.strip("s") in words and role not in ("x", "y", "a", "shape", "input", "inputs"):
        cost -= WEIGHTS.named
    if _counts_turns(case, node):
        cost += WEIGHTS.turns
    return cost


def _counts_turns(case: Case, node: ast.expr) -> bool:
    """Whether it says how often a loop runs."""
    call, _ = case.program.call_of(node)
    return call is not None and case.program.text_of(call.func) == "range"


def in_context(case: Case, operator: str, node: ast.expr) -> float:
    """Return what the failing call makes likelier or not: labels against outputs above all."""
    call = case.call
    if call is None:
        return 0.0
    if "reshape" in call.op.lower() and operator in (
        "add axis",
        "drop axis",
        "transpose",
        "list to array",
        "another name",
    ):
        return 0.8
    if not isinstance(call.options, LossOptions) or len(call.inputs) < 2:
        return 0.0
    labels, output = call.inputs[:2]
    if operator == "another word" and "crossentropy" in str(getattr(node, "value", "")):
        return -0.6 if len(output) - len(labels) in (0, 1) else -0.2
    if operator == "insert a layer" and len(labels) < len(output) and len(output) > 2:
        return -0.7
    if operator in _HARMING:
        return WEIGHTS.harms
    return -0.2 if operator == "encode labels" else 0.0


def size_of(case: Case, changes: tuple[Change, ...]) -> int:
    """How many characters differ, at most 120."""
    total = 0
    for start, end, new in changes:
        old = case.program.raw[start:end].decode()
        same = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
        old, new = old[same:], new[same:]
        shorter = min(len(old), len(new))
        tail = next((i for i in range(shorter) if old[-1 - i] != new[-1 - i]), shorter)
        total += max(len(old), len(new)) - tail
    return min(total, 120)


@dataclass(frozen=True)
class Before:
    """What the cell's names stood for before a repair, as far as the run came."""

    names: Mapping[str, Value]
    data: frozenset[str]
    used: frozenset[str]
    is_loss: bool


def before(case: Case) -> Before:
    """Return what a repair is compared with."""
    latest: dict[str, tuple[int, Value]] = {}
    for node in case.program.nodes.values():
        value = case.value(node)
        if not isinstance(node, ast.Name) or value is None or case.program.scope(node) is not None:
            continue
        if case.program.last(node) >= latest.get(node.id, (0, value))[0]:
            latest[node.id] = case.program.last(node), value
    receivers = (
        node.func.value for node in case.open if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    )
    growing = {case.program.text_of(receiver) for receiver in receivers}
    names = {name: value for name, (_, value) in latest.items() if name not in growing or value.kind != "model"}
    return Before(names, case.data_names, _used(case.program.text), case.is_loss)


def _used(text: str) -> frozenset[str]:
    names = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name))
    return frozenset(node.id for node in names if isinstance(node.ctx, ast.Load)) - {"np", "tf", "keras", "layers", "L"}


def evidence(was: Before, text: str, after: Mapping[str, Value]) -> dict[str, float]:
    """Return what speaks against a repair that holds, from what the names stand for with it."""
    found: dict[str, float] = {}
    for name, value in after.items():
        old = was.names.get(name)
        if value.kind == "model" and _almost(value.parts[0] if value.parts else None, value.shape):
            found["almost"] = WEIGHTS.almost
        if old is None or old.kind != value.kind:
            continue
        if value.kind == "model":
            _compare_models(was, old, value, found)
        elif value.kind in ("array", "arrays", "dims") and (old.shape, old.parts, old.numbers) != (
            value.shape,
            value.parts,
            value.numbers,
        ):
            found["array"] = found.get("array", 0.0) + WEIGHTS.array + WEIGHTS.other_data * (name in was.data)
    lost = was.used - _used(text)
    if lost:
        found["lost"] = WEIGHTS.lost * len(lost)
    return found


def _compare_models(was: Before, old: Value, new: Value, found: dict[str, float]) -> None:
    if old.parts and new.parts and old.parts != new.parts:
        found["model_input"] = WEIGHTS.model_input
    if old.shape and new.shape and old.shape != new.shape:
        vector = not was.is_loss or len(new.shape) == 2
        found["model_output"] = WEIGHTS.classes if vector else WEIGHTS.model_output
    if old.length and new.length and old.length != new.length:
        found["layers"] = WEIGHTS.layers


def _almost(given: Shape | None, made: Shape | None) -> bool:
    if given is None or made is None or len(given) != 4 or len(made) != 4:
        return False
    return any(a and b and a != b and abs(a - b) <= a // 3 for a, b in zip(given[1:3], made[1:3], strict=True))
