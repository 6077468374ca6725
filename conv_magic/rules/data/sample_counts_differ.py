"""The data, the labels and the sample weights have different numbers of samples.

What: `fit` and `evaluate` take the first axis of data, labels and weights as the samples; the counts differ.
Why: data and labels were cut at different indices, training data met test labels, a reshape with -1 and a wrong number
of channels made more samples than there were, pairs were joined end to end.
Example:

    pixels = images.reshape(-1, 32, 32, 1)          # 60 colour images become 180
    model.fit(pixels, labels)

Use instead:

    pixels = images.reshape(-1, 32, 32, 3)

Fix safety: a number or a name in the text is changed only where the counts then agree.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.operands import Operand, operand_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import counted, name_of, spelled
from conv_magic.model.options import FitOptions
from conv_magic.model.trace import Trace
from conv_magic.model.values import NamedValue
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix, indexed
from conv_magic.text.source import Code, argument, called_name

code = "sample-counts-differ"

_MODEL = (
    "import keras\nimport numpy as np\nfrom keras import layers\n"
    "model = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(1)])\n"
    "model.compile('sgd', 'mse')\n"
)
VALID: tuple[str, ...] = (
    _MODEL + "photos, prices = np.zeros((9, 8, 8, 3)), np.zeros(9)\n"
    "model.fit(photos[:6], prices[:6], validation_data=(photos[6:], prices[6:]), verbose=0)\n",
)
INVALID: tuple[str, ...] = (
    _MODEL + "photos, prices = np.zeros((9, 8, 8, 3)), np.zeros(9)\n"
    "first, rest = photos[:6], photos[6:]\n"
    "first_prices, rest_prices = prices[:7], prices[7:]\n"
    "model.fit(first, first_prices, verbose=0)\n",
    _MODEL + "x_train, x_test = np.zeros((9, 8, 8, 3)), np.zeros((4, 8, 8, 3))\n"
    "y_train, y_test = np.zeros(9), np.zeros(4)\n"
    "model.fit(x_train, y_test, verbose=0)\n",
    _MODEL + "photos, prices = np.zeros((9, 8, 8, 3)), np.zeros(9)\n"
    "cut = 6\nfirst, first_prices = photos[:cut], prices[:cut]\nmodel.fit(first, prices, verbose=0)\n",
    _MODEL + "raw, prices = np.zeros((6, 8 * 8 * 3)), np.zeros(6)\n"
    "small = keras.Sequential([layers.Conv2D(2, 3), layers.GlobalMaxPooling2D(), layers.Dense(1)])\n"
    "small.compile('sgd', 'mse')\n"
    "images = raw.reshape(-1, 8, 8, 1)\n"
    "small.fit(images, prices, verbose=0)\n",
    "import keras\nimport numpy as np\nfrom keras import layers\n"
    "left, right = keras.Input((5, 5, 1)), keras.Input((5, 5, 1))\n"
    "both = layers.Flatten()(layers.Concatenate()([left, right]))\n"
    "pair = keras.Model([left, right], layers.Dense(1)(both))\n"
    "pair.compile('sgd', 'mse')\n"
    "one, two, same = np.zeros((4, 5, 5, 1)), np.zeros((4, 5, 5, 1)), np.zeros(4)\n"
    "pair.fit(np.vstack([one, two]), same, verbose=0)\n",
    _MODEL + "photos, prices = np.zeros((9, 8, 8, 3)), np.zeros(9)\n"
    "weights = np.ones(6)\nmodel.fit(photos, prices, sample_weight=weights, verbose=0)\n",
    _MODEL + "x_train, x_test = np.zeros((9, 8, 8, 3)), np.zeros((4, 8, 8, 3))\n"
    "y_train, y_test = np.zeros(9), np.zeros(4)\n"
    "model.fit(x_train, y_train, sample_weight=np.full(len(y_test), 0.5), verbose=0)\n",
    _MODEL + "photos, prices = np.zeros((9, 8, 8, 3)), np.zeros(9)\n"
    "model.fit(photos[:6], prices[:6], validation_data=(photos[6:], prices[5:]), verbose=0)\n",
)

_JOINS = {"concatenate", "vstack", "concat", "append", "stack", "r_"}


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a diagnosis where a failed `fit` or `evaluate` was given different numbers of samples."""
    options = call.options
    if call.outcome is not Outcome.RAISED or not isinstance(options, FitOptions) or options.dataset or not options.y:
        return
    if "cardinality" not in (call.error or "") or not options.x or not options.x[0] or not options.y[0]:
        return
    counts = [shape[0] for shape in (*options.x, *options.y) if shape]
    if len(set(counts)) == 1 and options.sample_weight and options.sample_weight[0]:
        yield from _check_weights(call, trace, options)
    if len(set(counts)) == 1 and not options.sample_weight:
        yield from _check_validation(call, trace, options)
    if None in counts or len(set(counts)) < 2:
        return
    have, labels = options.x[0][0], options.y[0][0]
    if have is None or labels is None:
        return
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} was given {counted(have, 'sample')} and labels for {labels}"
        if have != labels
        else f"{name_of(call)} was given different numbers of samples: {', '.join(map(str, counts))}",
        reasons=(
            f"the data is {' and '.join(map(spelled, options.x))}, the labels are "
            f"{' and '.join(map(spelled, options.y))}; the first size of each counts the samples",
        ),
        expected=(have, *options.y[0][1:]),
        actual=options.y[0],
        axes=(0,),
        fixes=tuple(_fixes(call, trace, options, have, labels)),
    )


def _check_weights(call: CallRecord, trace: Trace, options: FitOptions) -> Iterator[Diagnosis]:
    """Yield a diagnosis where sample weights are for another number of samples than data and labels."""
    have, weights = options.x[0][0], options.sample_weight[0]
    operand = operand_of(call, trace)
    given = next((k.value for k in operand.call.keywords if k.arg == "sample_weight"), None) if operand else None
    if operand is None or given is None or have is None or weights[0] is None or weights[0] == have:
        return
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} was given {counted(have, 'sample')} and sample weights for {weights[0]}",
        reasons=("each sample needs a weight of its own",),
        expected=(have, *weights[1:]),
        actual=weights,
        axes=(0,),
        fixes=tuple(_weight_fixes(operand, given, trace, weights[0], have)),
    )


def _weight_fixes(operand: Operand, given: ast.expr, trace: Trace, wrong: int, right: int) -> Iterator[Fix]:
    """Yield fixes of the number of weights where it is written, or of the array that they were counted on."""
    cell, evaluator = operand.code, Evaluator(operand.code, trace)
    title = f"make {counted(right, 'weight')}"
    for node in (n for origin in definitions_of(cell, given) for n in ast.walk(origin) if isinstance(n, ast.expr)):
        is_count = isinstance(node, ast.Constant | ast.Subscript) or (
            isinstance(node, ast.Call) and called_name(node) == "len"
        )
        if is_count and type(evaluator.value(node)) is int and evaluator.value(node) == wrong:
            text = str(right) if isinstance(node, ast.Constant) else f"len({cell.text_of(operand.value)})"
            yield fix(title, cell, [cell.replace(node, text)], Applicability.SURE)
            return
    yield from _slice_fixes(cell, given, wrong, right)
    if wrong > right:
        edit = indexed(cell, given, f"[:{right}]")
        yield fix(f"keep the first {counted(right, 'weight')}", cell, [edit], Applicability.CHOICE)


def _validation_counts(options: FitOptions) -> tuple[int, int] | None:
    """Return how many samples and labels the validation data has, where these differ."""
    (data, *_), (labels, *_) = (options.validation_x or ((),)), (options.validation_y or ((),))
    if not data or not labels or data[0] is None or labels[0] is None or data[0] == labels[0]:
        return None
    return data[0], labels[0]


def _check_validation(call: CallRecord, trace: Trace, options: FitOptions) -> Iterator[Diagnosis]:
    """Yield a diagnosis where the validation data has different numbers of samples and labels."""
    counts, operand = _validation_counts(options), operand_of(call, trace)
    given = next((k.value for k in operand.call.keywords if k.arg == "validation_data"), None) if operand else None
    if counts is None or operand is None or given is None:
        return
    pairs = [o for o in definitions_of(operand.code, given) if isinstance(o, ast.Tuple | ast.List) and len(o.elts) > 1]
    elements = pairs[0].elts if pairs else []
    data, labels = options.validation_x[0], options.validation_y[0]
    both = FitOptions((data,), (labels,), (), (), (), dataset=False)
    yield diagnosed(
        code,
        call,
        f"the validation data of {name_of(call)} has {counted(counts[0], 'sample')} and labels for {counts[1]}",
        reasons=(f"the data is {spelled(data)}, the labels are {spelled(labels)}",),
        expected=(counts[0], *labels[1:]),
        actual=labels,
        axes=(0,),
        fixes=tuple(_matching_fixes(replace(operand, value=elements[0]), elements[1], trace, both)) if elements else (),
    )


def _fixes(call: CallRecord, trace: Trace, options: FitOptions, have: int, labels: int) -> Iterator[Fix]:
    operand = operand_of(call, trace)
    given = argument(operand.call, 1, "y") if operand else None
    if operand is None or given is None:
        return
    yield from _one_by_one_fixes(operand, trace, options, have, labels)
    yield from _matching_fixes(operand, given, trace, options)


def _matching_fixes(operand: Operand, given: ast.expr, trace: Trace, options: FitOptions) -> Iterator[Fix]:
    """Yield fixes that bring data and labels to one number, where the text says how many there are of one of them."""
    have, labels = options.x[0][0] or 0, options.y[0][0] or 0
    yield from _reshape_size_fixes(operand, trace, have, labels)
    yield from _name_fixes(operand, given, trace, options)
    yield from _slice_fixes(operand.code, given, labels, have)
    yield from _slice_fixes(operand.code, operand.value, have, labels)


def _one_by_one_fixes(operand: Operand, trace: Trace, options: FitOptions, have: int, labels: int) -> Iterator[Fix]:
    """Yield a fix that gives the inputs of a model with several one by one, in place of one joined array."""
    input_counts = [len(v.parts) for v in trace.values if v.kind == "model" and len(v.parts) > 1]
    for origin in definitions_of(operand.code, operand.value):
        if len(options.x) > 1 or not isinstance(origin, ast.Call) or called_name(origin) not in _JOINS:
            continue
        parts = argument(origin, 0, "arrays", "tup", "values")
        if (
            isinstance(parts, ast.List | ast.Tuple)
            and len(parts.elts) in input_counts
            and have == labels * len(parts.elts)
        ):
            text = ", ".join(map(operand.code.text_of, parts.elts))
            edit = operand.code.replace(operand.value, f"[{text}]")
            yield fix("give the inputs one by one", operand.code, [edit], Applicability.SURE)
            return


def _reshape_size_fixes(operand: Operand, trace: Trace, have: int, labels: int) -> Iterator[Fix]:
    """Yield a fix of the last size of a reshape with -1, which made a multiple of the samples."""
    if have % labels:
        return
    for origin in definitions_of(operand.code, operand.value):
        for node in ast.walk(origin):
            if not isinstance(node, ast.Call) or called_name(node) != "reshape":
                continue
            sizes = _reshape_sizes(node)
            values = [Evaluator(operand.code, trace).value(size) for size in sizes]
            if len(values) > 2 and values[0] == -1 and isinstance(values[-1], int):
                edit = operand.code.replace(sizes[-1], str(values[-1] * (have // labels)))
                title = f"reshape to {labels} samples with {counted(values[-1] * (have // labels), 'channel')}"
                yield fix(title, operand.code, [edit], Applicability.SURE)
                return


def _reshape_sizes(node: ast.Call) -> list[ast.expr]:
    """Return the sizes that a reshape is given: one by one, or as the last tuple."""
    last = node.args[-1] if node.args else None
    if isinstance(last, ast.Tuple | ast.List):
        return list(last.elts)
    return list(node.args)


def _part_of(cell: Code, whole: ast.Name, values: list[NamedValue]) -> str | None:
    """Return the one name of a part cut out of an array: `y_train` for `labels` after `y_train = labels[:80]`."""
    found = []
    for value in values:
        binding = cell.binding_at_end(value.name)
        cut = binding.value if binding is not None else None
        if isinstance(cut, ast.Subscript) and isinstance(cut.value, ast.Name) and cut.value.id == whole.id:
            found.append(value.name)
    return found[0] if len(found) == 1 else None


def _name_fixes(operand: Operand, given: ast.expr, trace: Trace, options: FitOptions) -> Iterator[Fix]:
    """Yield a fix that uses other labels or data of the right count: `y_train` for `y_test`."""
    data, labels = options.x[0], options.y[0]
    for expression, partner, shape, count in (
        (given, operand.value, labels, data[0]),
        (operand.value, given, data, labels[0]),
    ):
        if not isinstance(expression, ast.Name) or not isinstance(partner, ast.Name):
            continue
        wanted = (count, *shape[1:])
        fitting = [v for v in trace.values if v.shape == wanted and v.name not in (expression.id, partner.id)]
        name = _most_alike(expression.id, partner.id, fitting) or _part_of(operand.code, expression, fitting)
        if name is not None:
            edit = operand.code.replace(expression, name)
            yield fix(f"use {name} with {partner.id}", operand.code, [edit], Applicability.SURE)
            return


def _most_alike(name: str, partner: str, values: list[NamedValue]) -> str | None:
    """Return the one name that is made of the words of both: `y_train` of `y_test` and `x_train`."""
    words = {*name.split("_"), *partner.split("_")}
    own, other = set(name.split("_")) - set(partner.split("_")), set(partner.split("_")) - set(name.split("_"))
    found = [
        v.name
        for v in values
        if set(v.name.split("_")) <= words and own & set(v.name.split("_")) and other & set(v.name.split("_"))
    ]
    return found[0] if len(found) == 1 else None


def _slice_fixes(cell: Code, given: ast.expr, wrong: int, right: int) -> Iterator[Fix]:
    """Yield a fix of the index at which an array is cut, where the number is written in its slice."""
    binding = cell.binding(given) if isinstance(given, ast.Name) else None
    base = binding.statement if binding is not None else given
    slices = [n for n in ast.walk(base) if isinstance(n, ast.Slice)]
    ends = [end for s in slices for end in (s.lower, s.upper) if isinstance(end, ast.Constant) and end.value == wrong]
    for start in (s.lower for s in slices if s.upper is None and isinstance(s.lower, ast.Constant)):
        first = start.value + wrong - right if isinstance(start.value, int) else 0
        if binding is None and first > 0:
            yield fix(
                f"begin at {first}, as the other does", cell, [cell.replace(start, str(first))], Applicability.SURE
            )
            return
    is_cut = any(isinstance(s.upper, ast.Constant) and s.upper.value == wrong for s in slices)
    if is_cut:
        edits = [cell.replace(end, str(right)) for end in ends]
        yield fix(f"cut at {right}, as the other is", cell, edits, Applicability.SURE)
