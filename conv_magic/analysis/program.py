"""A failing cell's text with the values that its expressions had."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from conv_magic.analysis.instrument import numbered
from conv_magic.analysis.values import Value, from_plain

Change = tuple[int, int, str]
"""A stretch of the text in UTF-8 bytes, and what replaces it."""

_COLOUR = re.compile(r"\x1b\[\d*m")
_ATOMS = (ast.Name, ast.Call, ast.Attribute, ast.Subscript, ast.List, ast.Tuple, ast.Dict)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_OPENING = ("numpy", "tensorflow", "keras")
_ALIASES = {"numpy": "np", "tensorflow": "tf", "keras": "keras"}


@dataclass(frozen=True)
class Observed:
    """What `observe` answered: by the expression's number its values, the latest last, and when it was met.

    count, first, last   how often, and the first and last moment
    origin               for an object's number the expression that gave it first
    error                the type and text of the error that ended the run, both empty if none did
    """

    values: dict[int, tuple[Value, ...]]
    count: dict[int, int]
    first: dict[int, int]
    last: dict[int, int]
    origin: dict[int, int]
    error: tuple[str, str]
    seconds: float = 0.0

    @classmethod
    def of(cls, answer: str) -> Observed:
        """Return what the JSON of an answer says."""
        plain = json.loads(answer)
        error = plain["error"] or {"type": "", "text": ""}
        count, first, last, origin = (
            {int(key): number for key, number in plain[name].items()} for name in ("count", "first", "last", "origin")
        )
        return cls(
            {int(site): tuple(map(from_plain, values)) for site, values in plain["values"].items()},
            count,
            first,
            last,
            origin,
            (error["type"], _COLOUR.sub("", error["text"])),
            plain["seconds"],
        )


class Program:
    """The text, its tree, and what was observed of it."""

    def __init__(self, text: str, observed: Observed) -> None:
        self.text, self.observed = text, observed
        self.raw = text.encode()
        self.tree = ast.parse(text)
        self.nodes = numbered(self.tree)
        self.sites = {node: site for site, node in self.nodes.items()}
        self.parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}
        self.statements = [node for node in ast.walk(self.tree) if isinstance(node, ast.stmt)]
        self._starts = [0]
        for line in self.raw.split(b"\n"):
            self._starts.append(self._starts[-1] + len(line) + 1)

    # the text

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Where a node stands, in bytes."""
        start = self._starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]  # expressions, statements
        end = self._starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]
        return start, end

    def text_of(self, node: ast.AST) -> str:
        """Return a node's text."""
        start, end = self.span(node)
        return self.raw[start:end].decode()

    def before_suffix(self, node: ast.expr) -> str:
        """Return a node's text so that `[...]` or `.name` may follow it."""
        text = self.text_of(node)
        return text if isinstance(node, _ATOMS) else f"({text})"

    def edited(self, changes: Sequence[Change]) -> str | None:
        """Return the text with all changes made; None if two of them overlap."""
        raw, end = self.raw, len(self.raw) + 1
        for start, stop, text in sorted(changes, reverse=True):
            if stop > end:
                return None
            raw, end = raw[:start] + text.encode() + raw[stop:], start
        return raw.decode()

    def place(self, offset: int) -> tuple[int, int]:
        """Return the line, from 1, and the column in bytes of an offset in bytes."""
        line = self.raw[:offset].count(b"\n")
        return line + 1, offset - self._starts[line]

    # the values

    def values(self, node: ast.AST) -> tuple[Value, ...]:
        """Return the different values that an expression had, the latest last."""
        return self.observed.values.get(self.sites.get(node, -1), ())  # type: ignore[call-overload]

    def value(self, node: ast.AST) -> Value | None:
        """Return the latest value."""
        found = self.values(node)
        return found[-1] if found else None

    def kind(self, node: ast.AST) -> str:
        """Return the kind of the latest value, empty where there is none."""
        found = self.value(node)
        return found.kind if found else ""

    def count(self, node: ast.AST) -> int:
        """How often an expression was evaluated."""
        return self.observed.count.get(self.sites.get(node, -1), 0)  # type: ignore[call-overload]

    def last(self, node: ast.AST) -> int:
        """When it was evaluated last, 0 for never."""
        return self.observed.last.get(self.sites.get(node, -1), 0)  # type: ignore[call-overload]

    def first(self, node: ast.AST) -> int:
        """When it was evaluated first."""
        return self.observed.first.get(self.sites.get(node, -1), 0)  # type: ignore[call-overload]

    def origin(self, number: int) -> ast.expr | None:
        """Return the expression that gave an object first."""
        return self.nodes.get(self.observed.origin.get(number, -1))

    # the structure

    def parent(self, node: ast.AST) -> ast.AST | None:
        """Return the node that it is a part of."""
        return self.parents.get(node)

    def around(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield what a node stands in, from the inside."""
        at = self.parents.get(node)
        while at is not None:
            yield at
            at = self.parents.get(at)

    def statement(self, node: ast.AST) -> ast.stmt:
        """Return the innermost statement around a node, or itself."""
        if isinstance(node, ast.stmt):
            return node
        return next(each for each in self.around(node) if isinstance(each, ast.stmt))

    def scope(self, node: ast.AST) -> ast.AST | None:
        """Return the function or lambda around a node; None at the top level."""
        return next((each for each in self.around(node) if isinstance(each, _SCOPES)), None)

    def block(self, statement: ast.stmt) -> list[ast.stmt]:
        """Return the statements among which one stands."""
        parent = self.parents.get(statement)
        for name in ("body", "orelse", "finalbody"):
            found = getattr(parent, name, None)
            if isinstance(found, list) and statement in found:
                return found
        return []

    def call_of(self, node: ast.AST) -> tuple[ast.Call | None, str | None]:
        """Return the call of which `node` is an argument, and the argument's name where it is given by name."""
        parent = self.parents.get(node)
        if isinstance(parent, ast.keyword):
            call = self.parents.get(parent)
            return (call, parent.arg) if isinstance(call, ast.Call) else (None, None)
        return (parent, None) if isinstance(parent, ast.Call) and node in parent.args else (None, None)

    def argument_name(self, node: ast.AST) -> str | None:
        """Return the name of the parameter that `node` is given for, also by position."""
        call, name = self.call_of(node)
        if call is None or name is not None or node not in call.args:
            return name
        called = self.value(call.func)
        names = [p.name for p in called.parameters if p.kind.startswith("POSITIONAL")] if called else []
        place = call.args.index(node)
        return names[place] if place < len(names) else None

    def role(self, node: ast.AST) -> str:
        """Return the parameter that `node` is given for, or is an element of what is given for it."""
        at: ast.AST | None = node
        for _ in range(3):
            if at is None:
                break
            name = self.argument_name(at)
            if name is not None:
                return name
            at = self.parents.get(at)
            if not isinstance(at, ast.Tuple | ast.List | ast.UnaryOp):
                break
        return ""

    def open_expressions(self) -> list[ast.expr]:
        """Return the expressions that were being evaluated when the run failed, the innermost last."""
        return self._open

    @cached_property
    def _open(self) -> list[ast.expr]:
        found: list[tuple[int, ast.expr]] = []
        for node in self.nodes.values():
            if isinstance(node, ast.Call):
                parts: list[ast.expr] = [node.func, *node.args, *(k.value for k in node.keywords)]
            elif isinstance(node, ast.BinOp):
                parts = [node.left, node.right]
            elif isinstance(node, ast.Subscript | ast.Attribute):
                parts = [node.value]
            elif isinstance(node, ast.Compare):
                parts = [node.left, *node.comparators]
            else:
                continue
            counted = [part for part in parts if part in self.sites and self.count(part)]
            if (
                counted
                and self.count(counted[0]) > self.count(node)
                and isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
            ):
                found.append((max(map(self.last, counted)), node))
        return [node for _, node in sorted(found, key=lambda pair: pair[0])]

    # names for what an edit needs

    @cached_property
    def modules(self) -> dict[str, str]:
        """How the text calls modules and what it imported of them: `numpy` is `np`."""
        found: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    found.setdefault(alias.name, alias.asname or alias.name)
            elif isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    found.setdefault(f"{node.module}.{alias.name}", alias.asname or alias.name)
        for node in self.nodes.values():
            value = self.value(node)
            if value is not None and value.kind == "module" and isinstance(node, ast.Name):
                path = value.text.removeprefix("keras._tf_keras.").replace("keras.api", "keras")
                found.setdefault(path, node.id)
        if "tensorflow" in found:
            found.setdefault("keras", f"{found['tensorflow']}.keras")
        for path in [path for path in found if path.startswith("tensorflow.keras")]:
            found.setdefault(path.removeprefix("tensorflow."), found[path])
        return found

    def named(self, path: str) -> tuple[str, str]:
        """How the text can write `numpy.stack`, and the line of import that it needs first, or nothing."""
        if path in self.modules:
            return self.modules[path], ""
        parts = path.split(".")
        for cut in range(len(parts) - 1, 0, -1):
            prefix = ".".join(parts[:cut])
            if prefix in self.modules:
                return ".".join([self.modules[prefix], *parts[cut:]]), ""
        alias = _ALIASES[parts[0]]
        return ".".join([alias, *parts[1:]]), f"import {parts[0]}" + (f" as {alias}\n" if alias != parts[0] else "\n")

    def layer(self, name: str) -> tuple[str, str]:
        """Return the same for one of Keras' layers, in the way in which the text writes other layers."""
        for text, value in self._layer_classes.items():
            if value.text == name:
                return text, ""
        for text in self._layer_classes:
            if "." in text and not text.startswith("self."):
                return f"{text.rpartition('.')[0]}.{name}", ""
        return self.named(f"keras.layers.{name}")

    @cached_property
    def _layer_classes(self) -> dict[str, Value]:
        values = (
            (node, self.value(node)) for node in self.nodes.values() if isinstance(node, ast.Name | ast.Attribute)
        )
        return {
            self.text_of(node): value
            for node, value in values
            if value is not None and value.is_layer and value.library.startswith("keras.")
            and value.text not in ("Model", "Sequential", "Functional")
        }  # fmt: skip
