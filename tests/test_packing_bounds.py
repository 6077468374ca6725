"""Packing the namespace is held to a time, runs no code of the user's where that can be avoided, and raises nothing."""

from __future__ import annotations

import itertools
import linecache
import pickle
import signal
import sys
import textwrap
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from conv_magic.sandbox import packing, unpacking
from conv_magic.sandbox.packing import pack_names

_cells = itertools.count(1)


@pytest.fixture
def notebook() -> dict[str, Any]:
    return {"__name__": "__main__", "ran": [], "np": np, "tf": tf, "keras": keras}


def run_cell(source: str, namespace: dict[str, Any]) -> None:
    text, filename = textwrap.dedent(source), f"<bounds cell {next(_cells)}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    exec(compile(text, filename, "exec", dont_inherit=True), namespace)


def unpacked(packed: packing.Packed) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    unpacking.unpack(packed.names, namespace)
    return namespace


@pytest.mark.parametrize(
    "method",
    [
        "def __reduce__(self): return ran.append(1) or (list, ())",
        "def __reduce_ex__(self, protocol): return ran.append(1) or (list, ())",
        "def __getstate__(self): return ran.append(1) or {}",
        "def __getnewargs__(self): return ran.append(1) or ()",
        "def __getattribute__(self, name): return ran.append(1) or object.__getattribute__(self, name)",
        "__class__ = property(lambda self: ran.append(1) or list)",
        "__dict__ = property(lambda self: ran.append(1) or {})",
        "@functools.lru_cache\n    def __getstate__(self): return ran.append(1) or {}",
    ],
)
def test_users_own_pickling_does_not_run(notebook: dict[str, Any], method: str) -> None:
    run_cell(f"import functools\nclass A:\n    {method}\na = A()\nran.clear()", notebook)
    packed = pack_names("a", notebook)
    assert notebook["ran"] == []
    assert packed.missing == ("a",)
    assert packed.told("a") == "needs `a`, which cannot be copied"


@pytest.mark.parametrize(
    ("base", "method", "arguments"),
    [
        ("object", "__getattr__", ""),
        ("object", "__len__", ""),
        ("dict", "items", "{1: 2}"),
        ("dict", "keys", "{1: 2}"),
        ("list", "__iter__", "[1, 2]"),
        ("tuple", "__iter__", "[1, 2]"),
        ("str", "__str__", "'text'"),
        ("int", "__int__", "7"),
        ("float", "__float__", "7.5"),
        ("complex", "__complex__", "7j"),
        ("bytes", "__bytes__", "b'7'"),
    ],
)
def test_instances_are_taken_apart(notebook: dict[str, Any], base: str, method: str, arguments: str) -> None:
    source = f"""
        class A({base}):
            def {method}(self, *arguments):
                ran.append(arguments)
                raise AttributeError(arguments)
        a = A({arguments})
        a.own = [3]
        ran.clear()
        """
    run_cell(source, notebook)
    packed = pack_names("a", notebook)
    assert notebook["ran"] == []
    assert packed.missing == ()
    made = unpacked(packed)["a"]
    assert made.own == [3]
    kind = {"object": object, "dict": dict, "list": list, "tuple": tuple}.get(base)
    if kind is not None and kind is not object:
        assert kind.__len__(made) == kind.__len__(notebook["a"])


def test_common_kinds_of_instances_travel(notebook: dict[str, Any]) -> None:
    run_cell(
        """
        import collections, dataclasses, enum, typing
        class Size(typing.NamedTuple):
            height: int
            def area(self): pass
        class Mode(enum.Enum):
            ON = 1
            def on(self): pass
        class Failed(ValueError):
            def why(self): pass
        @dataclasses.dataclass(frozen=True, slots=True)
        class Settings:
            size: int
            def area(self): pass
        class Slotted:
            __slots__ = ("a", "b")
            def area(self): pass
        class Counted(collections.OrderedDict):
            def most(self): pass
        size, mode, failed, settings, slotted = Size(3), Mode.ON, Failed("x", 4), Settings(5), Slotted()
        slotted.a = 6
        counted = Counted(a=1)
        """,
        notebook,
    )
    packed = pack_names("size, mode, failed, settings, slotted, counted, Mode", notebook)
    assert packed.missing == ()
    made = unpacked(packed)
    assert (*made["size"], made["mode"].value, made["failed"].args) == (3, 1, ("x", 4))
    assert (made["settings"].size, dict(made["counted"]), made["slotted"].a) == (5, {"a": 1}, 6)
    assert not hasattr(made["slotted"], "b")
    assert "__slotnames__" not in vars(notebook["Slotted"])


def test_what_claims_to_wrap_itself_ends(notebook: dict[str, Any]) -> None:
    run_cell("def f(): pass\nf.__wrapped__ = f", notebook)
    assert pack_names("f", notebook).missing == ("f",)


def test_a_class_that_is_called_eager_tensor(notebook: dict[str, Any]) -> None:
    run_cell("class EagerTensor:\n    def f(self): pass\nt = EagerTensor()\nx = 3", notebook)
    assert pickle.loads(pack_names("x", notebook).names["x"]) == 3
    assert pack_names("t", notebook).missing == ()


@pytest.mark.parametrize("name", ["keras", "tensorflow"])
def test_a_module_that_is_called_as_a_framework(
    notebook: dict[str, Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """As with a file `keras.py` beside the notebook."""
    monkeypatch.setitem(sys.modules, name, ModuleType(name))
    notebook["x"] = 3
    assert pack_names("x", notebook).missing == ()


def test_what_is_not_late_is_not_called_late(notebook: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "names_needed_by", None)  # a fault of ours
    run_cell("def f(): pass\nx = 3", notebook)
    assert pack_names("f, x", notebook).told("f") == "needs `f`, which cannot be copied"


def test_many_parts_take_no_longer_than_they_may(notebook: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "SECONDS", 0.01)
    notebook["many"] = [(number,) for number in range(1_000_000)]
    packed = pack_names("many", notebook)
    assert packed.missing == ("many",)
    assert packed.told("many") == "needs `many`, which could not be copied within 0.01 s"


LAYER = """
class Own(keras.layers.Layer):
    def get_config(self):
        ran.append(1)
        {act}
layer = Own()
"""


@pytest.fixture
def gate(notebook: dict[str, Any]) -> Iterator[threading.Event]:
    """What code of the user's waits for, in vain."""
    notebook["gate"] = event = threading.Event()
    yield event
    event.set()


def test_a_method_that_does_not_return_holds_nothing(notebook: dict[str, Any], gate: threading.Event) -> None:
    run_cell(LAYER.format(act="gate.wait()"), notebook)
    notebook["x"] = 3
    packed = pack_names("x + layer", notebook)
    assert notebook["ran"] == [1]
    assert packed.missing == ("layer",)
    assert packed.told("layer") == "needs `layer`, which could not be copied within 0.5 s"


@pytest.mark.parametrize(
    "error", ["SystemExit(3)", "KeyboardInterrupt", "GeneratorExit", "RecursionError", "BaseException"]
)
def test_nothing_that_a_method_raises_escapes(notebook: dict[str, Any], error: str) -> None:
    run_cell(LAYER.format(act=f"raise {error}"), notebook)
    packed = pack_names("layer", notebook)
    assert notebook["ran"] == [1]
    assert packed.missing == ("layer",)


def test_an_interrupt_of_the_users_passes_through(notebook: dict[str, Any], gate: threading.Event) -> None:
    notebook["stop"] = lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    run_cell(LAYER.format(act="stop(); gate.wait()"), notebook)
    with pytest.raises(KeyboardInterrupt):
        pack_names("layer", notebook)


def test_a_large_tensor_is_not_copied(notebook: dict[str, Any]) -> None:
    notebook["x"] = tf.zeros((70, 3))
    notebook["words"] = tf.constant(["a", "b"])
    made = unpacked(pack_names("x, words", notebook))
    assert made["x"].shape == (70, 3)
    assert made["words"].numpy().tolist() == [b"a", b"b"]
