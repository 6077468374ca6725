"""A stride, dilation or window is zero, counts an axis that it may not, or has the wrong number of entries.

What: strides, dilations and window sizes are at least 1, one for each spatial axis; those of `tf.nn` may also name the
batch and the channels, and must then be 1 there.
Why: a 0 was meant as "do not move", `[2, 2, 2, 2]` as "2 everywhere", and `tf.nn` counts other axes than Keras does.
Example:

    tf.nn.conv2d(images, kernel, strides=[2, 2, 2, 2], padding="SAME")

Use instead:

    tf.nn.conv2d(images, kernel, strides=[1, 2, 2, 1], padding="SAME")

Fix safety: only the invalid entry is changed.  Of strides and a dilation that exclude each other one is made 1.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.evaluation import Evaluator, Value, settings_of
from conv_magic.analysis.operands import origin_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import name_of
from conv_magic.model.positions import Edit
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.signatures.table import Parameter, function_signature, layer_signature, spatial_rank_of
from conv_magic.text.edits import bracketed, fix
from conv_magic.text.source import Code, argument

code = "option-out-of-range"

VALID: tuple[str, ...] = (
    "import tensorflow as tf\ny = tf.nn.conv2d(tf.zeros((1, 9, 9, 1)), tf.zeros((3, 3, 1, 4)), [1, 2, 2, 1], 'SAME')\n",
    "import tensorflow as tf\ny = tf.nn.max_pool2d(tf.zeros((1, 9, 9, 1)), [1, 2, 2, 1], 2, 'SAME')\n",
)
INVALID: tuple[str, ...] = (
    "import tensorflow as tf\nstep = 3\n"
    "y = tf.nn.conv2d(tf.zeros((1, 9, 9, 1)), tf.zeros((3, 3, 1, 4)), [step] * 4, 'SAME')\n",
    "import tensorflow as tf\n"
    "y = tf.nn.max_pool2d(tf.zeros((1, 9, 9, 1)), ksize=[2, 2, 2, 1], strides=2, padding='VALID')\n",
    "import tensorflow as tf\ny = tf.nn.conv1d(tf.zeros((1, 9, 2)), tf.zeros((3, 2, 4)), stride=0, padding='VALID')\n",
    "import tensorflow as tf\ny = tf.nn.conv2d(tf.zeros((1, 9, 9, 1)), tf.zeros((3, 3, 1, 4)), [1, 2, 2], 'SAME')\n",
    "import keras\ny = keras.layers.Conv2D(4, 3, strides=(1, 2, 2, 1))(keras.Input((9, 9, 1)))\n",
    "import keras\ny = keras.layers.Conv2D(4, 3, strides=2, dilation_rate=2)(keras.Input((19, 19, 1)))\n",
    "import keras\n"
    "blocks = [dict(filters=4, strides=2, dilation_rate=1), dict(filters=6, strides=3, dilation_rate=2)]\n"
    "y = keras.Input((32, 32, 1))\n"
    "for block in blocks:\n    y = keras.layers.Conv2D(kernel_size=3, padding='same', **block)(y)\n",
    "import keras\ny = keras.layers.UpSampling2D((2, 2, 1))(keras.Input((9, 9, 4)))\n",
    "import tensorflow as tf\n"
    "y = tf.nn.convolution(tf.ones((1, 9, 9, 2)), tf.ones((3, 3, 2, 4)), [2, 2], 'SAME', dilations=[1, 2])\n",
    "import tensorflow as tf\ny = tf.nn.depthwise_conv2d(tf.zeros((1, 9, 9, 2)), tf.zeros((3, 3, 2, 1)), 2, 'SAME')\n",
    "import tensorflow as tf\nstep = (3, 3)\n"
    "y = tf.nn.depthwise_conv2d(tf.zeros((2, 12, 12, 1)), tf.zeros((3, 3, 1, 4)), strides=step, padding='VALID')\n",
)


_OPTIONS_OF_LAYERS = ("kernel_size", "pool_size", "strides", "dilation_rate", "size")
_OPTIONS_OF_FUNCTIONS = ("pool_size", "strides", "dilation_rate")
_EXCLUSIVE = {"strides", "dilation_rate", "dilations"}
"""Options of which only one may be more than 1."""
_FOUR_STRIDES = {"depthwise_conv2d", "separable_conv2d"}
"""Functions that take their strides as four numbers only."""
_FOUR = "it takes four numbers: for batch, height, width and channels"


@dataclass(frozen=True)
class _Invalid:
    """An option with a value that cannot be: its expression, its value, a valid one, and the reason."""

    option: str
    node: ast.expr
    value: Value
    valid: Value
    reason: str


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Diagnose a failed call that was given an impossible stride, dilation or window."""
    options = _options_of(call) if call.outcome is not Outcome.RETURNED else ()
    site = call_site_of(call, trace) if options else None
    n = _spatial_rank(call)
    if site is None or n < 1:
        return
    spatial_only = call.op[:1].isupper() or call.op == "convolution"
    invalid, exclusive = [], []
    for given in _options_given(*site, options):
        invalid = list(_invalid_options(call, trace, site[0], given, n))
        exclusive = _exclusive_options(trace, site[0], given) if not invalid and spatial_only else []
        if invalid or exclusive:
            break
    else:
        return
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} cannot have {_in_words(invalid or exclusive)}",
        reasons=dict.fromkeys(o.reason for o in invalid or exclusive),
        actual=call.inputs[0] if call.inputs else None,
        origin=origin_of(call, trace),
        fixes=_fixes(trace, site[0], invalid, exclusive),
    )


_Given = dict[str, ast.expr]
"""The expressions given for options, by the parameter's own name."""


def _options_of(call: CallRecord) -> tuple[Parameter, ...]:
    """Return the parameters to look at."""
    function = call.op[:1].islower()
    signature = function_signature(call.op) if function else layer_signature(call.op)
    if signature is None or "LSTM" in call.op or call.op == "UpSampling1D":
        return ()
    found = map(signature.find, _OPTIONS_OF_FUNCTIONS if function else _OPTIONS_OF_LAYERS)
    return tuple(parameter for parameter in found if parameter is not None)


def _spatial_rank(call: CallRecord) -> int:
    """Return how many spatial axes the call is for; `tf.nn.convolution` takes images of any rank."""
    if call.op == "convolution":
        return len(call.inputs[0]) - 2 if call.inputs else 0
    return spatial_rank_of(call.op)


def _options_given(cell: Code, node: ast.Call, options: tuple[Parameter, ...]) -> Iterator[_Given]:
    """Yield the options as the call states them; with `**settings` in it, with those of each dictionary of the cell."""
    written = {o.name: given for o in options if (given := argument(node, o.position, o.name)) is not None}
    unpacking = any(keyword.arg is None for keyword in node.keywords)
    for settings in map(settings_of, cell.nodes) if unpacking else ():
        named = {o.name: settings[o.name] for o in options if o.name in settings}
        if named:
            yield written | named
    yield written


def _in_words(invalid: list[_Invalid]) -> str:
    return " and ".join(f"{o.option}={_as_list(o.value)}" for o in invalid)


def _as_list(value: Value) -> str:
    return str(list(value)) if isinstance(value, tuple) else str(value)


def _invalid_options(call: CallRecord, trace: Trace, cell: Code, options: _Given, n: int) -> Iterator[_Invalid]:
    reader = Evaluator(cell, trace)
    for option, given in options.items():
        value = reader.value(given)
        if value is None or (isinstance(value, tuple) and None in value):
            continue
        valid, reason = _corrected(value, n, call.op, option)
        if valid != value and reason:
            yield _Invalid(option, given, value, valid, reason)


def _corrected(value: Value, n: int, op: str, option: str) -> tuple[Value, str]:
    """Return a valid value for one and why it is not valid; the value itself and no reason where nothing is wrong."""
    function, four = op[:1].islower() and op != "convolution", op in _FOUR_STRIDES and option == "strides"
    if isinstance(value, int):
        if value < 1:
            return ((1,) * (n + 2) if four else 1), "every entry must be at least 1"
        return ((1, value, value, 1), _FOUR) if four else (value, "")
    numbers: tuple[int, ...] = tuple(max(size or 0, 1) for size in value)
    reason = "every entry must be at least 1" if numbers != value else ""
    if function and len(numbers) == n + 2 and {numbers[0], numbers[-1]} != {1} and not (numbers[0] == numbers[1] == 1):
        return (1, *numbers[1:-1], 1), "it cannot move over the batch and the channels, so those two entries must be 1"
    if four and len(numbers) in (1, n):
        return (1, *(numbers * n)[:n], 1), _FOUR
    if function and len(numbers) not in (1, n, n + 2):
        return _with_batch_and_channels(numbers, n), f"it takes 1, {n} or {n + 2} numbers, not {len(numbers)}"
    if not function and len(numbers) != n:
        return _spatial_entries(numbers, n), f"it takes {n} numbers, one for each spatial axis, not {len(numbers)}"
    return numbers, reason


def _spatial_entries(numbers: tuple[int, ...], n: int) -> Value:
    """Return the entries for the spatial axes from a list that has others too."""
    inner = numbers[1:-1] if len(numbers) == n + 2 and numbers[0] == numbers[-1] == 1 else numbers[:n]
    return inner if len(inner) == n else inner[0]


def _with_batch_and_channels(numbers: tuple[int, ...], n: int) -> Value:
    if len(numbers) == n + 1:
        return (*numbers, 1) if numbers[0] == 1 else (1, *numbers) if numbers[-1] == 1 else numbers[:n]
    return numbers[:n] if len(numbers) > n else numbers[0]


def _exclusive_options(trace: Trace, cell: Code, options: _Given) -> list[_Invalid]:
    """Return a stride and a dilation that are both more than 1; empty where that is not so."""
    reader = Evaluator(cell, trace)
    found = []
    for option, given in options.items():
        value = reader.value(given) if option in _EXCLUSIVE else None
        if value is not None and max(n or 1 for n in (value if isinstance(value, tuple) else (value,))) > 1:
            valid = (1,) * len(value) if isinstance(value, tuple) else 1
            found.append(_Invalid(option, given, value, valid, "a kernel is dilated only where it moves by 1"))
    return found if len(found) == 2 else []


def _fixes(trace: Trace, cell: Code, invalid: list[_Invalid], exclusive: list[_Invalid]) -> Iterator[Fix]:
    if invalid:
        words = " and ".join(f"{o.option}={_as_list(o.valid)}" for o in invalid)
        yield fix(f"use {words}", cell, [_valid_value(o, cell, trace) for o in invalid], Applicability.SURE)
    for option in exclusive:
        text = _as_list(option.valid)
        yield fix(f"use {option.option}={text}", cell, [cell.replace(option.node, text)], Applicability.CHOICE)


def _valid_value(invalid: _Invalid, cell: Code, trace: Trace) -> Edit:
    """Change the literal that a value comes from, else put the valid value in place of the expression."""
    for origin in reversed(definitions_of(cell, invalid.node)):
        if isinstance(origin, ast.Constant):
            return cell.replace(origin, _as_list(invalid.valid))
        texts = _elements(origin, cell, trace)
        if texts is not None and isinstance(invalid.valid, tuple) and isinstance(invalid.value, tuple):
            return cell.replace(origin, bracketed(origin, _as_they_stood(texts, invalid.value, invalid.valid)))
    return cell.replace(invalid.node, _as_list(invalid.valid))


def _elements(origin: ast.expr, cell: Code, trace: Trace) -> list[str] | None:
    """Return the texts of the entries of `[1, s, s, 1]` or of `[s] * 4`; None of anything else."""
    if isinstance(origin, ast.List | ast.Tuple) and not any(isinstance(e, ast.Starred) for e in origin.elts):
        return [cell.text_of(element) for element in origin.elts]
    if isinstance(origin, ast.BinOp) and isinstance(origin.op, ast.Mult):
        parts, times = _elements(origin.left, cell, trace), Evaluator(cell, trace).value(origin.right)
        return parts * times if parts is not None and isinstance(times, int) else None
    return None


def _as_they_stood(texts: list[str], value: tuple[int | None, ...], valid: tuple[int | None, ...]) -> Iterator[str]:
    """Yield the new entries, each as it was written where the old ones have it."""
    ahead = max(len(value) - len(valid), 0) // 2
    for index, number in enumerate(valid, ahead):
        yield texts[index] if index < len(value) and value[index] == number else str(number)
