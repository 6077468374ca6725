"""A stride, dilation or window is zero, counts an axis that it may not, or has the wrong number of entries.

What: strides, dilations and window sizes are at least 1, one for each spatial axis; those of `tf.nn` may also name the
batch and the channels, and must then be 1 there.
Why: a 0 was meant as "do not move", `[2, 2, 2, 2]` as "2 everywhere", and `tf.nn` counts other axes than Keras does.
Example:

    tf.nn.conv2d(images, kernel, strides=[2, 2, 2, 2], padding="SAME")

Use instead:

    tf.nn.conv2d(images, kernel, strides=[1, 2, 2, 1], padding="SAME")

Fix safety: only the entry that cannot be is changed.  Of a stride and a dilation that exclude each other either goes.
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
from conv_magic.text.edits import fix
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
_LISTED = {"depthwise_conv2d", "separable_conv2d"}
"""Functions that take their strides as four numbers only."""
_FOUR = "it takes four numbers: for batch, height, width and channels"


@dataclass(frozen=True)
class _Wrong:
    """An option that cannot be: as written, what it comes to, what it could be, and why it cannot."""

    option: str
    given: ast.expr
    value: Value
    right: Value
    why: str


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """One diagnosis where a failed call was given an impossible option."""
    options = _options_of(call) if call.outcome is not Outcome.RETURNED else ()
    made = call_site_of(call, trace) if options else None
    n = _spatial_rank(call)
    if made is None or n < 1:
        return
    alone = call.op[:1].isupper() or call.op == "convolution"
    wrong, exclusive = [], []
    for given in _arguments(*made, options):
        wrong = list(_wrong(call, trace, made[0], given, n))
        exclusive = _exclusive(trace, made[0], given) if not wrong and alone else []
        if wrong or exclusive:
            break
    else:
        return
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} cannot have {_listed(wrong or exclusive)}",
        reasons=dict.fromkeys(w.why for w in wrong or exclusive),
        actual=call.inputs[0] if call.inputs else None,
        origin=origin_of(call, trace),
        fixes=_fixes(trace, made[0], wrong, exclusive),
    )


_Given = dict[str, ast.expr]
"""By the parameter's own name."""


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


def _arguments(cell: Code, made: ast.Call, options: tuple[Parameter, ...]) -> Iterator[_Given]:
    """The options as they are written in the call; with `**settings` in it, with those of each dictionary."""
    written = {o.name: given for o in options if (given := argument(made, o.position, o.name)) is not None}
    unpacking = any(keyword.arg is None for keyword in made.keywords)
    for settings in map(settings_of, cell.nodes) if unpacking else ():
        named = {o.name: settings[o.name] for o in options if o.name in settings}
        if named:
            yield written | named
    yield written


def _listed(wrong: list[_Wrong]) -> str:
    return " and ".join(f"{w.option}={_spelled(w.value)}" for w in wrong)


def _spelled(value: Value) -> str:
    return str(list(value)) if isinstance(value, tuple) else str(value)


def _wrong(call: CallRecord, trace: Trace, cell: Code, options: _Given, n: int) -> Iterator[_Wrong]:
    reader = Evaluator(cell, trace)
    for option, given in options.items():
        value = reader.value(given)
        if value is None or (isinstance(value, tuple) and None in value):
            continue
        right, why = _corrected(value, n, call.op, option)
        if right != value and why:
            yield _Wrong(option, given, value, right, why)


def _corrected(value: Value, n: int, op: str, option: str) -> tuple[Value, str]:
    """What a value could be, and why it cannot be what it is; the value itself where nothing is wrong."""
    function, listed = op[:1].islower() and op != "convolution", op in _LISTED and option == "strides"
    if isinstance(value, int):
        if value < 1:
            return ((1,) * (n + 2) if listed else 1), "every entry must be at least 1"
        return ((1, value, value, 1), _FOUR) if listed else (value, "")
    numbers: tuple[int, ...] = tuple(max(size or 0, 1) for size in value)
    why = "every entry must be at least 1" if numbers != value else ""
    if function and len(numbers) == n + 2 and {numbers[0], numbers[-1]} != {1} and not (numbers[0] == numbers[1] == 1):
        return (1, *numbers[1:-1], 1), "it cannot move over the batch and the channels, so those two entries must be 1"
    if listed and len(numbers) in (1, n):
        return (1, *(numbers * n)[:n], 1), _FOUR
    if function and len(numbers) not in (1, n, n + 2):
        return _counted_for(numbers, n), f"it takes 1, {n} or {n + 2} numbers, not {len(numbers)}"
    if not function and len(numbers) != n:
        return _spatial(numbers, n), f"it takes {n} numbers, one for each spatial axis, not {len(numbers)}"
    return numbers, why


def _spatial(numbers: tuple[int, ...], n: int) -> Value:
    """The entries for the spatial axes of a list that has others too."""
    inner = numbers[1:-1] if len(numbers) == n + 2 and numbers[0] == numbers[-1] == 1 else numbers[:n]
    return inner if len(inner) == n else inner[0]


def _counted_for(numbers: tuple[int, ...], n: int) -> Value:
    if len(numbers) == n + 1:
        return (*numbers, 1) if numbers[0] == 1 else (1, *numbers) if numbers[-1] == 1 else numbers[:n]
    return numbers[:n] if len(numbers) > n else numbers[0]


def _exclusive(trace: Trace, cell: Code, options: _Given) -> list[_Wrong]:
    """A stride and a dilation that are both more than 1."""
    reader = Evaluator(cell, trace)
    found = []
    for option, given in options.items():
        value = reader.value(given) if option in _EXCLUSIVE else None
        if value is not None and max(n or 1 for n in _tuple(value)) > 1:
            why = "a kernel is dilated only where it moves by 1"
            right = (1,) * len(value) if isinstance(value, tuple) else 1
            found.append(_Wrong(option, given, value, right, why))
    return found if len(found) == 2 else []


def _tuple(value: Value) -> tuple[int | None, ...]:
    return value if isinstance(value, tuple) else (value,)


def _fixes(trace: Trace, cell: Code, wrong: list[_Wrong], exclusive: list[_Wrong]) -> Iterator[Fix]:
    if wrong:
        words = " and ".join(f"{w.option}={_spelled(w.right)}" for w in wrong)
        yield fix(f"use {words}", cell, [_set(w, cell, trace) for w in wrong], Applicability.SURE)
    for one in exclusive:
        text = _spelled(one.right)
        yield fix(f"use {one.option}={text}", cell, [cell.replace(one.given, text)], Applicability.CHOICE)


def _set(wrong: _Wrong, cell: Code, trace: Trace) -> Edit:
    """The smallest edit of the literal that a value comes from; else the value in place of the expression."""
    for origin in reversed(definitions_of(cell, wrong.given)):
        if isinstance(origin, ast.Constant):
            return cell.replace(origin, _spelled(wrong.right))
        texts = _elements(origin, cell, trace)
        if texts is not None and isinstance(wrong.right, tuple) and isinstance(wrong.value, tuple):
            opening, closing = ("(", ")") if isinstance(origin, ast.Tuple) else ("[", "]")
            return cell.replace(origin, f"{opening}{', '.join(_merged(texts, wrong.value, wrong.right))}{closing}")
    return cell.replace(wrong.given, _spelled(wrong.right))


def _elements(origin: ast.expr, cell: Code, trace: Trace) -> list[str] | None:
    """The texts of the entries of `[1, s, s, 1]` or of `[s] * 4`."""
    if isinstance(origin, ast.List | ast.Tuple) and not any(isinstance(e, ast.Starred) for e in origin.elts):
        return [cell.text_of(element) for element in origin.elts]
    if isinstance(origin, ast.BinOp) and isinstance(origin.op, ast.Mult):
        parts, times = _elements(origin.left, cell, trace), Evaluator(cell, trace).value(origin.right)
        return parts * times if parts is not None and isinstance(times, int) else None
    return None


def _merged(texts: list[str], value: tuple[int | None, ...], right: tuple[int | None, ...]) -> Iterator[str]:
    """The new entries, each as it was written where it stood there or elsewhere in the old ones."""
    ahead = max(len(value) - len(right), 0) // 2
    for place, number in enumerate(right):
        at = place + ahead
        yield texts[at] if at < len(value) and value[at] == number else str(number)
