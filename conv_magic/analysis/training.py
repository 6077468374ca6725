"""Find the ends of training in the text: the labels, the data, the loss, and the layer that makes the output."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace

from conv_magic.analysis.arguments import option_of
from conv_magic.analysis.definitions import definitions_of
from conv_magic.analysis.evaluation import Evaluator
from conv_magic.analysis.operands import code_of, codes_of
from conv_magic.analysis.trace_graph import graph_of, latest_before
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.options import ConvOptions, DenseOptions, FitOptions, LossOptions
from conv_magic.model.positions import Edit, Span
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.text.edits import with_argument
from conv_magic.text.source import Code, argument, called_name

_TRAINING = {"fit", "evaluate", "train_on_batch", "test_on_batch"}
_LARGEST = 4096


@dataclass(frozen=True)
class Training:
    """A loss that compared labels with an output.

    call    the loss' (or the metrics') own row
    node    the call in the text that led to it: `model.fit(...)`, or the loss' own
    labels  the expression that gives the labels; None where a dataset brings them
    data    the expression that gives the data: an array, or the dataset
    """

    trace: Trace
    call: CallRecord
    code: Code
    node: ast.Call
    labels: ast.expr | None
    data: ast.expr | None

    @property
    def y_true(self) -> Shape:
        """Return the labels' shape."""
        return self.call.inputs[0]

    @property
    def y_pred(self) -> Shape:
        """Return the output's shape."""
        return self.call.inputs[1]

    @property
    def given(self) -> FitOptions | None:
        """Return the options of the `fit` around the loss, None outside one."""
        parent = self.call.parent
        options = self.trace.calls[parent].options if parent is not None else None
        return options if isinstance(options, FitOptions) else None


def training_of(call: CallRecord, trace: Trace) -> Training | None:
    """Return the labels and data of a loss or of metrics as the text gives them, None for other calls."""
    if len(call.inputs) != 2 or not isinstance(call.options, LossOptions):
        return None
    code = code_of(trace, call.span)
    node = code.call_at(call.span) if code else None
    if code is None or node is None:
        return None
    if called_name(node) not in _TRAINING:
        labels = argument(node, 0, "y_true", "labels", "target") if call.direct else None
        return Training(trace, call, code, node, labels, None)
    data, labels = argument(node, 0, "x"), argument(node, 1, "y")
    return Training(trace, call, code, node, labels, data)


def compared_in(call: CallRecord, trace: Trace) -> Training | None:
    """Return the loss inside a `fit` whose graph compared the two shapes only as it ran."""
    if call.outcome is not Outcome.RAISED or "Incompatible shapes" not in (call.error or ""):
        return None
    inside = (training_of(call_inside, trace) for call_inside in reversed(graph_of(trace).inside(call)))
    return next((training for training in inside if training is not None), None)


def loss_given(training: Training) -> tuple[Code, ast.expr] | None:
    """Return the expression of the loss: in `compile`, or where it was made; of several the one that failed."""
    given = _losses_compiled(training)
    if given is None or called_name(training.node) not in _TRAINING:
        return given
    part = _part_of_loss(*given, training.call)
    return (given[0], _last_definition(given[0], part[1])) if part is not None else given


def _losses_compiled(training: Training) -> tuple[Code, ast.expr] | None:
    """Return what `compile` was given as the loss, or the loss that is called directly; None if not unique."""
    if called_name(training.node) not in _TRAINING:
        return training.code, _last_definition(training.code, training.node.func)
    owner = training.node.func.value if isinstance(training.node.func, ast.Attribute) else None
    compiled = [(code, call) for code in codes_of(training.trace) for call in _calls_named(code, "compile")]
    of_model = [(code, call) for code, call in compiled if _same_owner(call, owner)] or compiled
    if not of_model or (len(of_model) > 1 and of_model is compiled):
        return None
    code, call = of_model[-1]
    given = argument(call, 1, "loss")
    if given is None:
        return None
    return code, _last_definition(code, given)


def _part_of_loss(code: Code, losses: ast.expr, call: CallRecord) -> tuple[str | int, ast.expr] | None:
    """Return key or index, and expression, of the one of several losses that was called; None if not unique."""
    parts: list[tuple[str | int, ast.expr]] = []
    if isinstance(losses, ast.Dict):
        named = zip(losses.keys, losses.values, strict=True)
        parts = [(str(key.value), value) for key, value in named if isinstance(key, ast.Constant)]
    elif isinstance(losses, ast.List | ast.Tuple):
        parts = list(enumerate(losses.elts))
    found = [part for part in parts if _is_loss(_last_definition(code, part[1]), call)]
    return found[0] if len(found) == 1 else None


def _is_loss(given: ast.expr, call: CallRecord) -> bool:
    """Check whether an expression of a loss is the one of a call."""
    if isinstance(given, ast.Constant):
        return given.value == call.layer
    return isinstance(given, ast.Call) and called_name(given) == call.op


def own_part(training: Training) -> Training:
    """Return the training with the labels of the loss' own output, where the model has several.

    Labels of which the output is not known are left out.
    """
    given = training.given
    if given is None or len(given.y) < 2 or training.labels is None:
        return training
    compiled = _losses_compiled(training)
    part = _part_of_loss(compiled[0], compiled[1], training.call) if compiled is not None else None
    for origin in definitions_of(training.code, training.labels) if part is not None else ():
        if part is not None and isinstance(origin, ast.List | ast.Tuple) and isinstance(part[0], int):
            return replace(training, labels=origin.elts[part[0]] if part[0] < len(origin.elts) else None)
        if part is not None and isinstance(origin, ast.Dict):
            named = zip(origin.keys, origin.values, strict=True)
            own = (v for k, v in named if isinstance(k, ast.Constant) and k.value == part[0])
            return replace(training, labels=next(own, None))
    return replace(training, labels=None)


def _last_definition(code: Code, expression: ast.expr) -> ast.expr:
    """Return the last expression that a name leads to."""
    return definitions_of(code, expression)[-1]


def _calls_named(code: Code, name: str) -> Iterator[ast.Call]:
    return (node for node in ast.walk(code.tree) if isinstance(node, ast.Call) and called_name(node) == name)


def _same_owner(call: ast.Call, owner: ast.expr | None) -> bool:
    if not isinstance(call.func, ast.Attribute) or owner is None:
        return False
    return ast.unparse(call.func.value) == ast.unparse(owner)


def output_layer_of(call: CallRecord, trace: Trace) -> CallRecord | None:
    """Return the Dense or convolution that made the output which a loss was given."""
    graph = graph_of(trace)
    for producer in latest_before(graph.giving(call.inputs[1]), call.index):
        if graph.has_inside(producer) or producer.outcome is not Outcome.RETURNED:
            continue
        if isinstance(producer.options, DenseOptions | ConvOptions) and producer.created is not None:
            return producer
    return None


def last_layer_before(training: Training) -> CallRecord | None:
    """Return the last layer without calls inside that gave the output's shape before the loss."""
    index = graph_of(training.trace)
    for call in latest_before(index.giving(training.y_pred), training.call.index):
        if call.outcome is Outcome.RETURNED and call.layer is not None and not index.has_inside(call):
            return call
    return None


def labels_fit(labels: Shape, output: Shape) -> bool:
    """Check whether labels have an output's shape, but for the batch; a single unit may come without its axis."""
    return labels[1:] == output[1:] or (output[-1] == 1 and labels[1:] == output[1:-1])


def activation_of(layer: CallRecord, trace: Trace) -> str | None:
    """Return the word given as `activation` where a layer is made, None if it is not a plain string."""
    code = code_of(trace, layer.created)
    call_site = code.call_at(layer.created) if code else None
    given = argument(call_site, None, "activation") if call_site else None
    return given.value if isinstance(given, ast.Constant) and isinstance(given.value, str) else None


def with_units(layer: CallRecord, trace: Trace, want: int) -> Iterator[tuple[Code, Edit]]:
    """Yield edits that give the layer another number of units or filters, where the number is written first."""
    code = code_of(trace, layer.created)
    call_site = code.call_at(layer.created) if code else None
    given = option_of(call_site, "units", layer.op) if call_site else None
    if code is None or call_site is None or given is None:
        return
    if not _made_at_other_sizes(layer, trace):
        yield from ((code, edit) for edit in with_number(code, trace, given, want))
    elif isinstance(given, ast.Name):
        yield from ((code, edit) for edit in _loop_edit(code, given, want))


def _made_at_other_sizes(layer: CallRecord, trace: Trace) -> bool:
    """Check whether the line that made this layer made others of another size too."""
    return any(other.options != layer.options for other in graph_of(trace).made_at(layer.created))


def with_number(
    code: Code, trace: Trace, given: ast.expr, want: int, have: int | None = None
) -> Iterator[Edit]:  # fmt: skip
    """Yield edits after which an expression is `want`: at the literal behind it, then at the expression itself.

    `have` is what it is now, where several calls of a function gave it several values.
    """
    origins = [o for o in definitions_of(code, given) if have is None or Evaluator(code, trace).value(o) == have]
    for origin in reversed(origins):
        literal = _literal_edit(code, trace, origin, want)
        if literal is not None:
            yield literal
            break
    if not isinstance(given, ast.Constant):
        yield code.replace(given, str(want))


def _literal_edit(code: Code, trace: Trace, origin: ast.expr, want: int) -> Edit | None:
    """Return the edit of the one literal that makes an expression `want`, None if no number does."""
    if isinstance(origin, ast.Constant) and type(origin.value) is int:
        return code.replace(origin, str(want))
    if not isinstance(origin, ast.BinOp):
        return None
    for node in ast.walk(origin):
        if isinstance(node, ast.Constant) and type(node.value) is int:
            for number in range(1, _LARGEST):
                if Evaluator(code, trace, {node: number}).value(origin) == want:
                    return code.replace(node, str(number))
    return None


def _loop_edit(code: Code, name: ast.Name, want: int) -> Iterator[Edit]:
    """Yield the edit of the last number of the loop that a layer's size is taken from."""
    for around in code.around(name):
        if isinstance(around, ast.For) and ast.unparse(around.target) == name.id:
            if isinstance(around.iter, ast.Tuple | ast.List) and around.iter.elts:
                yield code.replace(around.iter.elts[-1], str(want))
            return


def expression_to_edit(code: Code, expression: ast.expr) -> ast.expr:
    """Return the expression to edit for a value: where its name was bound if that is used twice, else its use."""
    if not isinstance(expression, ast.Name):
        return expression
    bound = code.binding(expression)
    if bound is None or bound.value is None or not isinstance(bound.statement, ast.Assign):
        return expression
    uses = [
        node
        for node in ast.walk(code.tree)
        if isinstance(node, ast.Name) and node.id == expression.id and isinstance(node.ctx, ast.Load)
    ]
    return bound.value if len(uses) > 1 and isinstance(bound.statement.targets[0], ast.Name) else expression


LOADERS = {
    "image_dataset_from_directory": "label_mode",
    "flow_from_directory": "class_mode",
    "flow_from_dataframe": "class_mode",
}
_MODES = {
    "label_mode": {"ids": "int", "one-hot": "categorical", "binary": "binary"},
    "class_mode": {"ids": "sparse", "one-hot": "categorical", "binary": "binary"},
}


def loaders_of(training: Training) -> Iterator[tuple[Code, ast.Call]]:
    """Yield the calls that load the training's data from a folder."""
    if training.data is None:
        return
    for origin in definitions_of(training.code, training.data):
        for node in ast.walk(origin):
            if isinstance(node, ast.Call) and called_name(node) in LOADERS:
                yield training.code, node


def with_label_mode(code: Code, loader: ast.Call, kind: str) -> Edit:
    """Return the edit that makes a loader give its labels as `ids`, `one-hot` or `binary`."""
    keyword = LOADERS[called_name(loader)]
    return with_argument(code, loader, None, keyword, f'"{_MODES[keyword][kind]}"')


def label_origin(training: Training) -> tuple[Span | None, str | None]:
    """Return the line that made the labels, or the data that holds them, and a sentence that says so."""
    given = training.labels if training.labels is not None else training.data
    bound = training.code.binding(given) if isinstance(given, ast.Name) else None
    if bound is None:
        return None, None
    span = training.code.span(bound.statement)
    subject = "the labels are" if training.labels is not None else "the labels come with"
    participle = "made" if training.labels is not None else f"{bound.name}, made"
    return span, f"{subject} {participle} on line {span.line}"


_REPEATING = {
    "mse", "mae", "mape", "msle", "huber", "log_cosh", "logcosh", "poisson", "kl_divergence", "mean_squared_error",
    "mean_absolute_error", "mean_absolute_percentage_error", "mean_squared_logarithmic_error", "MeanSquaredError",
    "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanSquaredLogarithmicError", "Huber", "LogCosh", "Poisson",
    "KLDivergence",
}  # fmt: skip


def repeats_silently(training: Training) -> bool:
    """Check whether the loss silently repeats a single column, or whole labels, over a larger output."""
    call = training.call
    if call.op == "metrics":
        return False
    return call.op in _REPEATING or (call.op == "loss" and call.layer in _REPEATING)
