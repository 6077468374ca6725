"""More is cropped than the input has.

What: a `Cropping` layer takes rows and columns away on both sides; something must be left.
Why: the amounts were chosen for larger images: the original photographs, or a model that shrinks less.
Example:

    layers.Cropping2D(((50, 20), (0, 0)))(layers.Input((66, 200, 3)))

Use instead:

    layers.Cropping2D(((23, 9), (0, 0)))(layers.Input((66, 200, 3)))

Fix safety: the amounts shrink in proportion until half of the input is left, or the declared input grows by them; which
of the two was meant is the author's choice.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic import arithmetic
from conv_magic.analysis.arguments import option_of, with_option
from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.expected_outputs import problem_of
from conv_magic.analysis.operands import origin_of
from conv_magic.analysis.producers import producer_chain
from conv_magic.analysis.shape_literals import declared_literals
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import axis_names, data_format_of, name_of
from conv_magic.model.options import CroppingOptions
from conv_magic.model.shapes import Pairs
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix

code = "cropping-exceeds-input"

VALID: tuple[str, ...] = ("import keras\ny = keras.layers.Cropping2D(4)(keras.Input((9, 9, 1)))\n",)
INVALID: tuple[str, ...] = (
    "import keras\ny = keras.layers.Cropping2D(((8, 8), (2, 2)))(keras.Input((16, 30, 1)))\n",
    "import keras\nfrom keras import layers\n"
    "net = keras.Sequential([keras.Input((12, 4)), layers.Cropping1D(6), layers.Conv1D(3, 1)])\n",
    "import keras\nfrom keras import layers\n"
    "x = layers.MaxPooling2D(4)(keras.Input((32, 32, 1)))\ny = layers.Cropping2D((4, 1))(x)\n",
)


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Diagnose a failed cropping that would leave nothing."""
    options = call.options
    if call.outcome is Outcome.RETURNED or not isinstance(options, CroppingOptions) or not call.inputs:
        return
    problem = problem_of(call, {arithmetic.Reason.CROPPING})
    if problem is None or problem.axis is None or problem.expected is None:
        return
    shape = call.inputs[0]
    first = 2 if options.data_format == "channels_first" else 1
    cut = options.cropping[problem.axis - first]
    names = axis_names(len(shape), data_format_of(call))
    axis = names[problem.axis] if names else f"axis {problem.axis}"
    yield diagnosed(
        code,
        call,
        f"{name_of(call)} cuts {sum(cut)} from the {shape[problem.axis]} along the {axis}",
        reasons=(f"{shape[problem.axis]} - {cut[0]} - {cut[1]} = {(shape[problem.axis] or 0) - sum(cut)}",),
        expected=problem.expected,
        actual=shape,
        axes=(problem.axis,),
        axis_names=names,
        origin=origin_of(call, trace),
        fixes=_fixes(call, trace, options, first),
    )


def _fixes(call: CallRecord, trace: Trace, options: CroppingOptions, first: int) -> Iterator[Fix]:
    site = call_site_of(call, trace)
    sizes = call.inputs[0][first : first + len(options.cropping)]
    if site is not None:
        less = tuple(_smaller_pair(pair, size) for pair, size in zip(options.cropping, sizes, strict=True))
        text = str(less if len(less) > 1 else less[0])
        output = arithmetic.expected_shape(CroppingOptions(less, options.data_format), call.inputs)
        cell, node = site
        text = _one_number_if_written(option_of(node, "cropping", call.op), less, text)
        edit = with_option(cell, node, "cropping", text, call.op)
        yield fix("crop less: in proportion, half of it stays", cell, [edit], Applicability.CHOICE, output)
    if not producer_chain(call, trace):
        yield from _declared_larger(call, trace, options, first)


def _smaller_pair(pair: tuple[int, int], size: int | None) -> tuple[int, int]:
    """Return a pair that leaves half of `size`, in proportion; the pair itself where it leaves something."""
    total = sum(pair)
    if size is None or total < size:
        return pair
    left = size // 2
    return pair[0] * left // total, pair[1] * left // total


def _one_number_if_written(given: ast.expr | None, less: Pairs, text: str) -> str:
    """Return one number where one is written and one will do, else `text`."""
    numbers = {number for pair in less for number in pair}
    return str(numbers.pop()) if isinstance(given, ast.Constant) and len(numbers) == 1 else text


def _declared_larger(call: CallRecord, trace: Trace, options: CroppingOptions, first: int) -> Iterator[Fix]:
    """Declare the input larger by what is cropped, so that as much is left as was declared."""
    for cell, literal in declared_literals(trace, call.inputs[0][1:]):
        edits = []
        sizes = call.inputs[0][first:]
        for pair, element, size in zip(options.cropping, literal.elts[first - 1 :], sizes, strict=False):
            if size is not None and sum(pair) >= size:
                edits.append(cell.replace(element, str(size + sum(pair))))
        yield fix("declare the input as large as before the cropping", cell, edits, Applicability.CHOICE)
        return
