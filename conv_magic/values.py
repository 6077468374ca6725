"""What the user's names stood for, and the call that failed unseen by any hook, read from the frame it failed in."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import FrameType, TracebackType
from typing import Any

from conv_magic.hooks.tensors import dtype_of, shape_of, tensors_in
from conv_magic.model import NamedValue, Shape
from conv_magic.positions import Span
from conv_magic.recorder import LineSite, Place
from conv_magic.source import Code

_MOST_NUMBERS = 8
_FRAMEWORKS = ("tensorflow", "keras", "numpy")


def named_values(code: Code, namespace: Mapping[str, Any], scope: str = "") -> tuple[NamedValue, ...]:
    """The values of the names that a cell's text mentions, as far as they have to do with shapes."""
    mentioned = dict.fromkeys(node.id for node in ast.walk(code.tree) if isinstance(node, ast.Name))
    found = (_named(name, namespace[name], scope) for name in mentioned if name in namespace)
    return tuple(value for value in found if value is not None)


def _named(name: str, value: Any, scope: str) -> NamedValue | None:
    kind = type(value).__name__
    if isinstance(value, bool | str | bytes | type):
        return None
    numbers = _numbers(value)
    if numbers is not None:
        return NamedValue(name, scope, "number", kind, numbers=numbers)
    if _is_keras(value, "keras.src.trainers.trainer", "Trainer"):
        return NamedValue(name, scope, "model", kind, *_ends_of(value))
    if _is_keras(value, "keras.src.layers.layer", "Layer"):
        return NamedValue(name, scope, "layer", kind)
    if hasattr(type(value), "element_spec"):
        parts = tuple(shape_of(spec) or () for spec in tensors_in(value.element_spec))
        return NamedValue(name, scope, "dataset", kind, parts=parts)
    shape = shape_of(value)
    if shape is None:
        return None
    array = type(value).__module__.split(".")[0] in ("numpy", "pandas")
    return NamedValue(name, scope, "array" if array else "tensor", kind, shape, dtype=dtype_of(value))


def _numbers(value: Any) -> tuple[int, ...] | None:
    values = value if isinstance(value, tuple | list) else (value,)
    return tuple(values) if len(values) <= _MOST_NUMBERS and values and all(type(v) is int for v in values) else None


def _is_keras(value: Any, module: str, name: str) -> bool:
    kind = getattr(sys.modules.get(module), name, None)
    return kind is not None and isinstance(value, kind)


def _ends_of(model: Any) -> tuple[Shape | None, tuple[Shape, ...]]:
    """Output and input shapes of a built functional model."""
    outputs = [shape_of(tensor) for tensor in tensors_in(_attribute(model, "outputs"))]
    inputs = [shape_of(tensor) or () for tensor in tensors_in(_attribute(model, "inputs"))]
    return (outputs[0] if outputs else None), tuple(inputs)


def _attribute(model: Any, name: str) -> Any:
    try:
        return getattr(model, name, None)
    except (AttributeError, ValueError):  # a model that was never called
        return None


@dataclass(frozen=True)
class FailingFrame:
    """The user's innermost frame of an exception.

    names         what its code could see
    in_framework  whether TensorFlow, Keras or NumPy raised the exception, called from there
    """

    place: Place
    function: str
    names: Mapping[str, Any]
    in_framework: bool


def failing_frame(error: BaseException, files: Mapping[str, Code]) -> FailingFrame | None:
    """Where in the user's text the exception was raised, also where AutoGraph rewrote the code."""
    found: FailingFrame | None = None
    framework = False
    for frame, instruction in _frames(error.__traceback__):
        framework = str(frame.f_globals.get("__name__", "")).split(".")[0] in _FRAMEWORKS
        if frame.f_code.co_filename in files:
            names = {**frame.f_globals, **frame.f_locals}
            function = frame.f_code.co_name if frame.f_code.co_name != "<module>" else ""
            found = FailingFrame((frame.f_code, instruction), function, names, in_framework=False)
    rewritten = _rewritten_line(error, files)
    if rewritten is not None:
        return FailingFrame(rewritten, "", found.names if found else {}, framework)
    return replace(found, in_framework=framework) if found else None


def _frames(traceback: TracebackType | None) -> Iterator[tuple[FrameType, int]]:
    while traceback is not None:
        yield traceback.tb_frame, traceback.tb_lasti
        traceback = traceback.tb_next


def _rewritten_line(error: BaseException, files: Mapping[str, Code]) -> LineSite | None:
    """The innermost user line that AutoGraph has noted on the exception.

    https://github.com/tensorflow/tensorflow/blob/master/tensorflow/python/autograph/pyct/error_utils.py
    """
    stack = getattr(getattr(error, "ag_error_metadata", None), "translated_stack", ())
    for frame in stack:  # innermost first
        if frame.filename in files:
            return LineSite(frame.filename, frame.lineno)
    return None


def operands(code: Code, span: Span, names: Mapping[str, Any]) -> tuple[str, tuple[Shape, ...]] | None:
    """The operation at a place of the text and the shapes it was given, as far as plain names tell.

    Only names, their attributes `self.x` and literals are looked at: nothing of the user's is run.
    """
    node = code.node_at(span, ast.expr)
    if isinstance(node, ast.Call):
        given: list[ast.expr] = [*node.args, *(keyword.value for keyword in node.keywords)]
        operation = ast.unparse(node.func).split("(")[0].rpartition(".")[2]
    elif isinstance(node, ast.BinOp):
        given, operation = [node.left, node.right], type(node.op).__name__.lower()
    else:
        return None
    shapes = [shape for each in given for shape in _shapes(each, names)]
    return operation or "call", tuple(shapes)


def _shapes(node: ast.expr, names: Mapping[str, Any]) -> Iterator[Shape]:
    if isinstance(node, ast.List | ast.Tuple):
        for element in node.elts:
            yield from _shapes(element, names)
        return
    value = names.get(node.id) if isinstance(node, ast.Name) else None
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        value = vars(names[node.value.id]).get(node.attr) if hasattr(names.get(node.value.id), "__dict__") else None
    for tensor in tensors_in(value):
        shape = shape_of(tensor)
        if shape is not None:
            yield shape
