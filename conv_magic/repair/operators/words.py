"""Another word of an option, another class of its family, a switch turned, an argument given, taken away or swapped."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator

from conv_magic.analysis.case import Case
from conv_magic.analysis.values import Parameter, Value
from conv_magic.model.options import MergeOptions
from conv_magic.repair.operators.operator import (
    Candidate,
    Operator,
    argument_given,
    arguments,
    dimensions_of,
    is_called,
    joined_insertions,
    makes_layer,
    option_effect,
    parameters,
    put,
    tuple_text,
    with_argument,
)

FAMILIES = (
    ("same", "valid", "causal"), ("SAME", "VALID"), ("channels_last", "channels_first"), ("rgb", "grayscale"),
    ("sparse_categorical_crossentropy", "categorical_crossentropy", "binary_crossentropy"),
    ("int", "categorical", "binary"), ("sparse", "categorical", "binary"),
    ("SparseCategoricalCrossentropy", "CategoricalCrossentropy", "BinaryCrossentropy"), ("avg", "max"),
    ("NHWC", "NCHW"), ("NWC", "NCW"), ("sparse_categorical_accuracy", "categorical_accuracy", "binary_accuracy"),
    ("SparseCategoricalAccuracy", "CategoricalAccuracy", "BinaryAccuracy"), ("concat", "sum", "ave"),
)  # fmt: skip
_SWITCHES = {
    "return_sequences": 0.0, "keepdims": 0.0, "include_top": 0.0, "skip_mismatch": 0.0, "sparse_y_pred": 0.1,
    "sparse_y_true": 0.3, "drop_remainder": 0.3, "return_state": 0.5, "stateful": 2.0, "keep_dims": 0.0,
    "from_logits": 1.5, "as_supervised": 0.5, "training": 3.0, "by_name": 1.0, "multi_label": 1.0,
}  # fmt: skip
_CHOICES = {
    "padding": ("'same'", "'valid'", "'causal'"), "data_format": ("'channels_last'", "'channels_first'"),
    "output_padding": ("0", "1"), "axis": ("-1", "1", "0"), "strides": ("1", "2"), "groups": ("8", "4", "2", "1"),
    "shared_axes": ("[1, 2]", "[1]"), "dilation_rate": ("1",), "label_mode": ("'categorical'", "'int'", "'binary'"),
    "class_mode": ("'categorical'", "'sparse'", "'binary'"), "color_mode": ("'grayscale'", "'rgb'"),
    "pooling": ("'avg'",), "pool_size": ("1",), "axes": ("-1", "1"), "stride": ("1",),
}  # fmt: skip
_SLOW = ("strides", "axis", "groups", "pooling")
_ESSENTIAL = (
    "activation", "name", "verbose", "loss", "optimizer", "metrics", "filters", "units", "kernel_size", "rescale",
    "weights",
)  # fmt: skip
_OPTIONS = (
    "strides",
    "padding",
    "data_format",
    "dilation_rate",
    "axis",
    "batch_size",
    "input_shape",
    "groups",
    "output_padding",
)
_SWAPPABLE = ("array", "model", "layer", "int", "arrays", "dims", "dataset")


def _word(case: Case, node: ast.expr) -> Iterator[Candidate]:
    now = node.value if isinstance(node, ast.Constant) else None
    call, _ = case.program.call_of(node)
    one_axis = call is not None and "1D" in case.program.text_of(call.func)
    text = case.program.text_of(node)
    quote = text[0] if text[0] in "'\"" else "'"
    for family in FAMILIES:
        if now not in family:
            continue
        for place, other in enumerate(word for word in family if word != now):
            if other != "causal" or one_axis:
                extra = 0.1 * place + (0.3 if other in ("causal", "valid", "VALID") else 0.0)
                new = quote + other + quote
                effect = option_effect(call, case.program.argument_name(node) or "", new) if call is not None else None
                yield Candidate(put(case, node, new), extra, None, (now, other), effect=effect)


def _class(case: Case, node: ast.expr) -> Iterator[Candidate]:
    value = case.value(node)
    if value is None or not is_called(case, node):
        return
    text = case.program.text_of(node)
    for family in FAMILIES:
        for place, other in enumerate(word for word in family if word != value.text and value.text in family):
            if text.endswith("." + value.text):
                new, imports = text[: -len(value.text)] + other, ""
            else:
                room = "losses" if other.endswith("entropy") else "metrics"
                new, imports = case.program.named(f"keras.{room}.{other}")
            yield Candidate(put(case, node, new), 0.1 * place, None, None, imports)


def _set(case: Case, node: ast.expr) -> Iterator[Candidate]:
    found = parameters(case, node) if isinstance(node, ast.Call) else ()
    called = case.value(node.func) if isinstance(node, ast.Call) else None
    if not isinstance(node, ast.Call) or called is None or not found:
        return
    own = called.library == "__main__"
    for parameter in found:
        if parameter.kind.startswith("VAR") or parameter.name == "self":
            continue
        told = parameter.name in case.wanted.first_words and len(parameter.name) > 3
        told = told and parameter.name not in ("shape", "input", "inputs", "layer")
        for text, cost in _settings(case, node, called, parameter, own):
            changes = with_argument(case, node, parameter.name, text)
            if changes:
                effect = option_effect(node, parameter.name, text)
                yield Candidate(changes, cost - 0.6 * told, None, (parameter.name, text), effect=effect)
    if makes_layer(case, node) and any(word in called.text for word in ("Conv", "Pool")):
        both = [
            change
            for name, text in (("padding", '"same"'), ("strides", "1"))
            for change in with_argument(case, node, name, text)
        ]
        merges = case.call is not None and isinstance(case.call.options, MergeOptions)
        yield Candidate(joined_insertions(both), 0.1 if merges else 0.5, None, "keep size")


def _settings(
    case: Case, call: ast.Call, called: Value, parameter: Parameter, own: bool
) -> Iterator[tuple[str, float]]:
    """Texts that could be given for a parameter, with their costs."""
    name, default = parameter.name, parameter.default
    written = argument_given(case, call, name)
    current = case.program.text_of(written) if isinstance(written, ast.Constant) else default
    if written is not None and not isinstance(written, ast.Constant):
        return
    if current in ("True", "False"):
        if name in _SWITCHES or own:
            yield ("False" if current == "True" else "True"), _SWITCHES.get(name, 0.0 if own else 1.0)
        return
    if written is not None:
        return
    if own:
        yield from _own_settings(case, default)
    elif name in _CHOICES and not (name == "data_format" and "nn" in called.library):
        yield from _choices(case, called, name, default)
    elif name in ("image_size", "target_size") and (default or "").startswith("("):
        sizes = [goal.want[1:3] for goal in case.goals if len(goal.want) == 4 and None not in goal.want[1:3]]
        yield from ((tuple_text(size), 0.0) for size in dict.fromkeys(sizes) if tuple_text(size) != default)
    elif name in ("classes", "num_classes", "output_dim", "depth"):
        yield from ((str(number), 0.5 + 0.1 * place) for place, number in enumerate(case.wanted.numbers()[:3]))
    elif name == "dtype" and any(word in case.wanted.words.lower() for word in ("float", "dtype", "type")):
        yield "'float32'", 0.3


def _own_settings(case: Case, default: str | None) -> Iterator[tuple[str, float]]:
    """For a parameter of the user's own function."""
    word = (default or "")[1:-1]
    families = [family for family in FAMILIES if word in family]
    yield from ((repr(each), 0.1) for family in families for each in family if each != word)
    if default is not None and default.isdigit():
        others = [number for number in case.wanted.numbers()[:5] if str(number) != default]
        yield from ((str(number), 0.5 + 0.05 * place) for place, number in enumerate(others))


def _choices(case: Case, called: Value, name: str, default: str | None) -> Iterator[tuple[str, float]]:
    for place, text in enumerate(_CHOICES[name]):
        same = text in (default, f"'{default}'") or (default == "None" and text == "'channels_last'")
        if same or (default or "").startswith(f"({text},") or ("causal" in text and not called.text.endswith("1D")):
            continue
        cost = 0.2 * place + (0.6 if name in _SLOW else 0.1)
        if name == "padding":
            cost += (0.4 if "causal" in text else 0.0) - 0.35 + 0.7 * (case.wanted.fault() == "rank")
            text = text.upper() if "nn" in called.library else text
        yield text, cost


def _drop(case: Case, node: ast.expr) -> Iterator[Candidate]:
    called = case.value(node.func) if isinstance(node, ast.Call) else None
    if not isinstance(node, ast.Call) or called is None or called.kind not in ("class", "function"):
        return
    pieces = arguments(node)
    scaled = any(max(pair) % min(pair) == 0 and max(pair) // min(pair) in (2, 4, 8) for pair in case.wanted.clashes())
    for place, piece in enumerate(pieces):
        name = case.program.argument_name(piece)
        by_position = piece in node.args
        if place == 0 or name in _ESSENTIAL or (by_position and place != len(node.args) - 1):
            continue
        start, end = case.program.span(pieces[place - 1])[1], case.program.span(piece)[1]
        extra = 0.0 if name in _OPTIONS else 0.9
        extra -= 0.6 if name == "strides" and scaled else 0.0
        key = name, case.program.text_of(piece), case.program.text_of(node.func)
        yield Candidate(((start, end, ""),), extra, None, key)


def _pair_up(case: Case, node: ast.expr) -> Iterator[Candidate]:
    """`Conv2D(32, 3, 3)` as Keras 1 had it, now `Conv2D(32, (3, 3))`."""
    if not isinstance(node, ast.Call) or not makes_layer(case, node) or len(node.args) < 3:
        return
    called = case.value(node.func)
    first, second = node.args[1], node.args[2]
    numbers = case.program.kind(first) == case.program.kind(second) == "int"
    if called is not None and numbers and dimensions_of(called.text) == 2:
        text = f"({case.program.text_of(first)}, {case.program.text_of(second)})"
        yield Candidate(((case.program.span(first)[0], case.program.span(second)[1], text),), 0.0, None, "pair")


def _swap(case: Case, node: ast.expr) -> Iterator[Candidate]:
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, ast.MatMult):
            text = f"{case.program.text_of(node.right)} @ {case.program.text_of(node.left)}"
            yield Candidate(put(case, node, text))
        return
    if not isinstance(node, ast.Call):
        return
    pieces, called = arguments(node), case.value(node.func)
    own = called is not None and called.library == "__main__"
    for first, second in itertools.combinations(pieces[:4], 2):
        a, b = case.value(first), case.value(second)
        texts = case.program.text_of(first), case.program.text_of(second)
        if a is None or b is None or texts[0] == texts[1]:
            continue
        plain = a.kind != b.kind and own and first in node.args and second in node.args
        if not plain and (a.kind != b.kind or a.kind not in _SWAPPABLE):
            continue
        extra = 0.0 if node in case.open or a.kind == "int" else 0.6
        if a.kind == "array" and node in case.open and case.kernel in (a.shape, b.shape) and case.kernel:
            x, kernel = (a.shape, b.shape) if case.kernel == a.shape else (b.shape, a.shape)
            fits = x is not None and kernel is not None and len(x) == len(kernel) > 1 and x[-1] == kernel[-2]
            extra = -0.6 if fits else 1.0
        changes = ((*case.program.span(first), texts[1]), (*case.program.span(second), texts[0]))
        key = pieces.index(first), pieces.index(second), case.program.text_of(node.func)
        yield Candidate(changes, extra + (0.9 if a.kind == b.kind == "int" else 0.0), None, key)


OPERATORS = (
    Operator("another word", 1.4, _word, frozenset({"str"}), (ast.Constant,)),
    Operator("another class of its family", 1.4, _class, frozenset({"class"}), (ast.Attribute, ast.Name)),
    Operator("set an argument", 1.5, _set, nodes=(ast.Call,)),
    Operator("drop an argument", 1.8, _drop, nodes=(ast.Call,)),
    Operator("two numbers to one size", 0.9, _pair_up, nodes=(ast.Call,)),
    Operator("swap two arguments", 1.5, _swap, nodes=(ast.Call, ast.BinOp)),
)
