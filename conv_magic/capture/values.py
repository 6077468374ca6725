"""Read what the user's names stood for, and the call that failed unseen by any hook, from the frame it failed in."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import FrameType, ModuleType, TracebackType
from typing import Any

from conv_magic.capture.hooks.tensors import dtype_of, shape_of, shape_of_value, tensors_in
from conv_magic.capture.rows import LineSite, Place, words_of
from conv_magic.model.positions import Span
from conv_magic.model.shapes import Shape
from conv_magic.model.values import NamedValue
from conv_magic.text.source import Code

_MOST_NUMBERS = 8
_MOST_PARTS = 32
_FRAMEWORKS = ("tensorflow", "keras", "numpy")
_MODULES = {name: name for name in _FRAMEWORKS} | {"keras.api": "keras", "keras._tf_keras.keras": "keras"}


def named_values(code: Code, namespace: Mapping[str, Any], scope: str = "") -> tuple[NamedValue, ...]:
    """Return the values of the names that a cell's text mentions, as far as they have to do with shapes."""
    mentioned = dict.fromkeys(node.id for node in ast.walk(code.tree) if isinstance(node, ast.Name))
    found = (_named_value(name, namespace[name], scope) for name in mentioned if name in namespace)
    return (
        *(value for value in found if value is not None),
        *(_framework_modules(namespace, scope) if not scope else ()),
    )


def _framework_modules(namespace: Mapping[str, Any], scope: str) -> Iterator[NamedValue]:
    """Yield the frameworks that a fix can name, imported by any cell."""
    for name, value in namespace.items():
        if isinstance(value, ModuleType) and (known := _MODULES.get(value.__name__)):
            yield NamedValue(name, scope, "module", known)


def _named_value(name: str, value: Any, scope: str) -> NamedValue | None:
    """Return a name's value, None if it has nothing to do with shapes."""
    kind = type(value).__name__
    if isinstance(value, bool | str | bytes | type):
        return None
    numbers = _whole_numbers(value)
    if numbers is not None:
        return NamedValue(name, scope, "number", kind, numbers=numbers)
    if _is_keras(value, "keras.src.trainers.trainer", "Trainer"):
        return NamedValue(name, scope, "model", kind, *_ends_of(value))
    if _is_keras(value, "keras.src.layers.layer", "Layer"):
        return NamedValue(name, scope, "layer", kind)
    if hasattr(type(value), "element_spec"):
        parts = tuple(shape_of(spec) or () for spec in tensors_in(value.element_spec))
        return NamedValue(name, scope, "dataset", kind, parts=parts)
    if type(value) is list and 0 < len(value) <= _MOST_PARTS:
        shapes = [shape_of(element) for element in value]
        known = tuple(shape for shape in shapes if shape is not None)
        return NamedValue(name, scope, "list", kind, parts=known) if len(known) == len(shapes) else None
    shape = shape_of_value(value)
    if shape is None:
        return None
    array = type(value).__module__.split(".")[0] in ("numpy", "pandas")
    return NamedValue(name, scope, "array" if array else "tensor", kind, shape, dtype=dtype_of(value))


def _whole_numbers(value: Any) -> tuple[int, ...] | None:
    values = value if isinstance(value, tuple | list) else (value,)
    return tuple(values) if len(values) <= _MOST_NUMBERS and values and all(type(v) is int for v in values) else None


def _is_keras(value: Any, module: str, name: str) -> bool:
    kind = getattr(sys.modules.get(module), name, None)
    return kind is not None and isinstance(value, kind)


def _ends_of(model: Any) -> tuple[Shape | None, tuple[Shape, ...]]:
    """Return output shape and input shapes of a built functional model."""
    outputs = [shape_of(tensor) for tensor in tensors_in(_model_attribute(model, "outputs"))]
    inputs = [shape_of(tensor) or () for tensor in tensors_in(_model_attribute(model, "inputs"))]
    return (outputs[0] if outputs else None), tuple(inputs)


def _model_attribute(model: Any, name: str) -> Any:
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
    """Return where in the user's text the exception was raised, also in code that AutoGraph rewrote."""
    found: FailingFrame | None = None
    framework = False
    for frame, instruction in _frames_of(error.__traceback__):
        framework = str(frame.f_globals.get("__name__", "")).split(".")[0] in _FRAMEWORKS
        if frame.f_code.co_filename in files:
            names = {**frame.f_globals, **frame.f_locals}
            function = frame.f_code.co_name if frame.f_code.co_name != "<module>" else ""
            found = FailingFrame((frame.f_code, instruction), function, names, in_framework=False)
    rewritten = _rewritten_line(error, files)
    if rewritten is not None:
        framework = framework or _raised_below(error, files)
        return FailingFrame(rewritten, "", found.names if found else {}, framework)
    if found is not None and (graph_line := _graph_line(error, files, found.function)) is not None:
        return FailingFrame(graph_line, "", {}, in_framework=True)
    return replace(found, in_framework=framework) if found else None


def _raised_below(error: BaseException, files: Mapping[str, Code]) -> bool:
    """Check whether AutoGraph noted a library's frame inside the user's innermost one."""
    stack: Any = getattr(getattr(error, "ag_error_metadata", None), "translated_stack", ())
    return bool(stack) and stack[0].filename not in files


_GRAPH_FRAME = re.compile(r'^  File "(.+)", line (\d+), in (.+)$', re.MULTILINE)


def _graph_line(error: BaseException, files: Mapping[str, Code], function: str) -> LineSite | None:
    """Return the user's line that made the node which failed in a graph, None if it is in the same function.

    TensorFlow names it in the message only, as the lines of a traceback.
    """
    text = words_of(error)
    if not text.startswith("Graph execution error"):
        return None
    lines = [found for found in _GRAPH_FRAME.finditer(text) if found[1] in files]
    if not lines or lines[-1][3] in ("<module>", function):
        return None
    return LineSite(lines[-1][1], int(lines[-1][2]))


def _frames_of(traceback: TracebackType | None) -> Iterator[tuple[FrameType, int]]:
    while traceback is not None:
        yield traceback.tb_frame, traceback.tb_lasti
        traceback = traceback.tb_next


def _rewritten_line(error: BaseException, files: Mapping[str, Code]) -> LineSite | None:
    """Return the user's innermost line that AutoGraph has noted on the exception.

    https://github.com/tensorflow/tensorflow/blob/master/tensorflow/python/autograph/pyct/error_utils.py
    """
    stack = getattr(getattr(error, "ag_error_metadata", None), "translated_stack", ())
    for frame in stack:  # innermost first
        if frame.filename in files:
            return LineSite(frame.filename, frame.lineno)
    return None


SAME_SHAPE = {
    "relu", "relu6", "leaky_relu", "elu", "gelu", "selu", "swish", "silu", "sigmoid", "tanh", "softmax", "square",
    "abs",
}  # fmt: skip
"""Functions whose result has the shape of their one argument."""


@dataclass(frozen=True)
class Operand:
    """A tensor that an operation was given: its shape, and the number of the call that made it, where seen."""

    shape: Shape
    producer: int | None = None


def operands(
    code: Code, span: Span, names: Mapping[str, Any], made: Mapping[Span, Operand]
) -> tuple[str, tuple[Operand, ...]] | None:
    """Return the operation at a span and its operands, as far as plain names and recorded calls show them.

    Only names, their attributes `self.x`, literals and the calls in `made` are looked at; nothing of the user's runs.
    """
    found = _operation_at(code, span)
    if found is None:
        return None
    operation, given = found
    return operation, tuple(operand for expression in given for operand in _operands_in(code, expression, names, made))


def _operation_at(code: Code, span: Span) -> tuple[str, list[ast.expr]] | None:
    node = code.node_at(span, ast.expr) or code.node_at(span, ast.AugAssign)
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func).split("(")[0].rpartition(".")[2]
        owner = [node.func.value] if isinstance(node.func, ast.Attribute) else []
        return name or "call", [*owner, *node.args, *(keyword.value for keyword in node.keywords)]
    if isinstance(node, ast.BinOp):
        return type(node.op).__name__.lower(), [node.left, node.right]
    if isinstance(node, ast.AugAssign):
        return type(node.op).__name__.lower(), [node.target, node.value]
    statement = code.node_at(span, ast.stmt)
    value = getattr(statement, "value", None)  # only the line is known: its operands' names are not at hand
    return (ast.unparse(value.func).rpartition(".")[2] or "call", []) if isinstance(value, ast.Call) else None


def _operands_in(
    code: Code, node: ast.expr, names: Mapping[str, Any], made: Mapping[Span, Operand]
) -> Iterator[Operand]:
    if isinstance(node, ast.List | ast.Tuple):
        for element in node.elts:
            yield from _operands_in(code, element, names, made)
    elif isinstance(node, ast.Call):
        known = made.get(code.span(node))
        if known is not None:
            yield known
        elif len(node.args) == 1 and ast.unparse(node.func).rpartition(".")[2] in SAME_SHAPE:
            yield from _operands_in(code, node.args[0], names, made)
    else:
        for tensor in tensors_in(_value_in(node, names)):
            shape = shape_of(tensor)
            if shape is not None:
                yield Operand(shape)


def _value_in(node: ast.expr, names: Mapping[str, Any]) -> Any:
    """Return the value of a name, an attribute of a name or an entry of a plain dictionary or list, else None."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        collection, key = _value_in(node.value, names), node.slice.value
        if type(collection) is dict:
            return collection.get(key)
        return (
            collection[key]
            if type(collection) in (list, tuple) and type(key) is int and key < len(collection)
            else None
        )
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        owner = names.get(node.value.id)
        return vars(owner).get(node.attr) if hasattr(owner, "__dict__") else None
    return None


_SHAPES_IN_MESSAGE = (
    re.compile(r"In\[0\]: \[([\d,]*)\], In\[1\]: \[([\d,]*)\]"),
    re.compile(r"Incompatible shapes: \[([\d,]*)\] vs\. \[([\d,]*)\]"),
    re.compile(r"shape\[0\] = \[([\d,]*)\] vs\. shape\[1\] = \[([\d,]*)\]"),
    re.compile(r"broadcast together with shapes \(([\d,]*)\) \(([\d,]*)\)"),
    re.compile(r"labels\.shape=\(([\d, ]*)\) and logits\.shape=\(([\d, ]*)\)"),
)


def shapes_in_message(error: BaseException) -> tuple[Shape, ...]:
    """Return the two shapes that TensorFlow's own message names, empty if it names none."""
    for pattern in _SHAPES_IN_MESSAGE:
        found = pattern.search(words_of(error))
        if found is not None:
            return tuple(tuple(int(n) for n in text.replace(" ", "").split(",") if n) for text in found.groups())
    return ()
