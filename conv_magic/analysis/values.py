"""What an expression stood for when it ran, as plain data that can leave the process."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from typing import Any, Literal

from conv_magic.model.shapes import Shape

Kind = Literal[
    "none", "bool", "int", "float", "str", "dims", "pairs", "array", "arrays", "list", "dict", "class", "function",
    "layer", "model", "dataset", "module", "object",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a class or function; `default` as Python writes it, None where it has none."""

    name: str
    kind: str
    default: str | None


@dataclass(frozen=True, slots=True)
class Value:
    """One value of an expression.

    shape       of an array or tensor; of a built model its output
    parts       shapes of what is in a list or a dataset's element, or of a model's inputs; the pairs of `pairs`
    numbers     an int, or the sizes of `dims`
    text        a string itself, a number or switch as Python writes it, else the name of the class or function
    library     `numpy`, `tensorflow` or `keras` (symbolic) of an array; the module of a class or function
    length      of a list
    number      which object it is: two expressions with the same number gave the same object; 0 where that is not kept
    members     the numbers of what is in a list, of a model's layers, of a method's owner
    is_layer    whether a class makes layers
    """

    kind: Kind
    shape: Shape | None = None
    parts: tuple[Shape | None, ...] = ()
    numbers: Shape = ()
    text: str = ""
    dtype: str = ""
    library: str = ""
    length: int = 0
    number: int = 0
    members: tuple[int, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    is_layer: bool = False


_DEFAULTS = {f.name: f.default for f in fields(Value) if f.default is not MISSING}


def to_plain(value: Value) -> dict[str, Any]:
    """Return the value as JSON knows it, without what is as by default."""
    plain = {name: getattr(value, name) for name in _DEFAULTS if getattr(value, name) != _DEFAULTS[name]}
    if value.parameters:
        plain["parameters"] = [(p.name, p.kind, p.default) for p in value.parameters]
    return {"kind": value.kind, **plain}


def from_plain(plain: dict[str, Any]) -> Value:
    """Return the value that `to_plain` wrote."""
    known = {name: _tuples(given) for name, given in plain.items()}
    if "parameters" in known:
        known["parameters"] = tuple(Parameter(*each) for each in known["parameters"])
    return Value(**known)


def _tuples(plain: Any) -> Any:
    return tuple(map(_tuples, plain)) if isinstance(plain, list) else plain
