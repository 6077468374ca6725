"""A graph is traced anew at nearly every call, although one graph would do.

What: a `tf.function` is traced for each new Python number, for each new size, or is made again in a loop; or `compile`
in a loop gives `fit` a new training step each time.
Why: tracing runs the Python code and builds a graph, which takes a thousand times as long as running one; the result is
the same, so it only shows as a slow loop whose memory grows.
Example:

    @tf.function
    def step(images, epoch):
        return tf.reduce_mean(images) * epoch

    for epoch in range(100):
        step(images, epoch)                                # 100 graphs

Use instead:

    for epoch in range(100):
        step(images, tf.constant(epoch, tf.float32))       # one graph

Fix safety: a number given as a tensor, `reduce_retracing=True` and a function made before the loop give the same
values; `compile` before the loop keeps the optimizer's state from one `fit` to the next.  Quiet until TensorFlow's own
measure is reached (five of the last ten calls were traced), and where the number, the size or the values around it
decide the graph.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from conv_magic.analysis.operands import code_of, codes_of, module_alias
from conv_magic.analysis.trace_graph import graph_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis, Severity
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import name_of
from conv_magic.model.positions import Edit, Span
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.text.edits import fix, with_argument, wrapped
from conv_magic.text.source import Code, argument, called_name

code = "graph-traced-again"

_HEAD = "import tensorflow as tf\nw = tf.zeros((3, 3, 1, 2))\n"
VALID: tuple[str, ...] = (
    # a few numbers, and numbers that decide the graph
    _HEAD + "@tf.function\ndef f(x, scale):\n    return tf.nn.conv2d(x, w, 1, 'SAME') * scale\n"
    "for scale in (1.0, 2.0, 3.0):\n    f(tf.zeros((1, 8, 8, 1)), scale)\n",
    _HEAD + "@tf.function\ndef f(x, rate):\n    return tf.nn.conv2d(x, w, 1, 'SAME', dilations=rate)\n"
    "for rate in range(1, 7):\n    f(tf.zeros((1, 8, 8, 1)), rate)\n",
    # another layer each time
    "import keras\nimport tensorflow as tf\nfor filters in range(1, 7):\n"
    "    layer = keras.layers.Conv2D(filters, 3)\n    f = tf.function(lambda x: layer(x))\n"
    "    f(tf.zeros((1, 8, 8, 1)))\n",
    # each model is compiled once
    "import keras\nimport numpy as np\nfor rate in (0.1, 0.01, 0.001):\n"
    "    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1)])\n"
    "    model.compile('sgd', 'mse')\n    model.fit(np.zeros((4, 3, 3)), np.zeros((4, 1)), verbose=0)\n",
)
INVALID: tuple[str, ...] = (
    _HEAD + "@tf.function\ndef step(images, epoch):\n"
    "    return tf.reduce_mean(tf.nn.conv2d(images, w, 1, 'SAME')) * epoch\n"
    "for epoch in range(8):\n    loss = step(tf.zeros((4, 8, 8, 1)), epoch)\n",
    _HEAD + "@tf.function\ndef features(signal):\n    return tf.nn.conv2d(signal, w, 1, 'SAME')\n"
    "for length in range(8, 15):\n    y = features(tf.zeros((1, length, 8, 1)))\n",
    _HEAD + "def blur(x):\n    return tf.nn.conv2d(x, w, 1, 'SAME')\n"
    "for _ in range(4):\n    fast = tf.function(blur)\n    y = fast(tf.zeros((1, 8, 8, 1)))\n",
    "import keras\nimport numpy as np\n"
    "model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1)])\n"
    "for epoch in range(4):\n    model.compile('sgd', 'mse')\n"
    "    model.fit(np.zeros((4, 3, 3)), np.zeros((4, 1)), verbose=0)\n",
)
_OFTEN, _ANEW = 5, 3
_BATCHES = ("fit", "evaluate", "predict")
_LOOPS = (ast.For, ast.While, ast.AsyncFor)


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Yield a note where one graph would have done."""
    if call.tracing is None or call.outcome is not Outcome.RETURNED or not call.direct:
        return
    found = next((finding for finding in (kind(call, trace) for kind in _KINDS) if finding is not None), None)
    if found is not None:
        headline, reasons, origin, fixes = found
        yield Diagnosis(
            code=code,
            severity=Severity.NOTE,
            call=call.index,
            span=call.span,
            layer=name_of(call),
            headline=headline,
            reasons=reasons,
            origin=origin[0] if origin else None,
            origin_note=f"{origin[1]} on line {origin[0].line}" if origin else None,
            fixes=fixes,
        )


_Finding = tuple[str, tuple[str, ...], tuple[Span, str] | None, tuple[Fix, ...]]
"""The headline, the reasons, the origin with its words, and the fixes of a note."""


def _for_each_number(call: CallRecord, trace: Trace) -> _Finding | None:
    """Return what is found where only a Python number changes, which the function only calculates with."""
    assert call.tracing is not None
    varied = [(name, numbers) for name, numbers in call.tracing.numbers if len(numbers) >= _OFTEN]
    alike = [c for c in graph_of(trace).of_layer(call.layer) if (c.op, c.inputs) == (call.op, call.inputs)]
    cell, span = code_of(trace, call.span), call.span
    if len(varied) != 1 or not call.tracing.frequent or alike != [call] or cell is None or span is None:
        return None
    name, numbers = varied[0]
    definition = _sole_definition(trace, call)
    if definition is None or not _only_calculates(definition[0], definition[1], name):
        return None
    headline = f"{name_of(call)} is traced again for each Python number: {call.tracing.times} graphs for one shape"
    reason = f"{name} was {', '.join(numbers[:_OFTEN])}, ...; a Python number is part of the graph, a tensor is not"
    return (
        headline,
        (reason,),
        (definition[0].span(definition[1]), f"{name_of(call)} is defined"),
        _tensor_fixes(call, trace, name, definition),
    )


def _sole_definition(trace: Trace, call: CallRecord) -> tuple[Code, ast.FunctionDef] | None:
    """Return the one function of that name in the cells; None where there are several."""
    found = [
        (cell, node)
        for cell in codes_of(trace)
        for node in cell.nodes
        if isinstance(node, ast.FunctionDef) and node.name == call.layer
    ]
    return found[0] if len(found) == 1 else None


def _only_calculates(cell: Code, function: ast.FunctionDef, name: str) -> bool:
    """Check whether every use of a parameter is a sum, product or comparison with something that may be a tensor."""
    uses = [node for node in ast.walk(function) if isinstance(node, ast.Name) and node.id == name]
    return all(isinstance(node.ctx, ast.Load) and _is_calculation(cell, node) for node in uses)


def _is_calculation(cell: Code, node: ast.expr) -> bool:
    """Check the same of one use."""
    parent = next((n for n in cell.around(node) if n is not node), None)
    if isinstance(parent, ast.BinOp):
        other = parent.left if parent.right is node else parent.right
        return not isinstance(other, ast.Constant) or _is_calculation(cell, parent)
    if isinstance(parent, ast.Compare):
        return isinstance(next((n for n in cell.around(parent) if n is not parent), None), ast.If)
    return isinstance(parent, ast.Call) and called_name(parent) == "print"


def _tensor_fixes(
    call: CallRecord, trace: Trace, name: str, definition: tuple[Code, ast.FunctionDef]
) -> tuple[Fix, ...]:
    """Return the fix that passes the number as a tensor, of the inputs' dtype where it is multiplied with them."""
    cell = code_of(trace, call.span)
    node = cell.call_at(call.span) if cell is not None else None
    alias = module_alias(cell, "tensorflow") if cell is not None else None
    if cell is None or node is None or alias is None:
        return ()
    parameters = [a.arg for a in (*definition[1].args.posonlyargs, *definition[1].args.args) if a.arg != "self"]
    given = argument(node, parameters.index(name), name) if name in parameters else None
    if given is None:
        return ()
    mixed = any(isinstance(n, ast.BinOp) and _is_side_of(n, name) for n in ast.walk(definition[1]))
    dtype = f", {alias}.{call.dtype}" if mixed and call.dtype else ""
    edit = wrapped(cell, given, f"{alias}.constant(", f"{dtype})")
    return (fix(f"give {name} as a tensor", cell, [edit], Applicability.SURE, call.output),)


def _is_side_of(operation: ast.BinOp, name: str) -> bool:
    """Check whether a name is one side of an operation."""
    return any(isinstance(side, ast.Name) and side.id == name for side in (operation.left, operation.right))


def _for_each_size(call: CallRecord, trace: Trace) -> _Finding | None:
    """Return what is found where one function object is given another size of its tensors each time."""
    alike = [c for c in graph_of(trace).at(call.span) if (c.op, c.layer) == (call.op, call.layer)]
    ranks = {tuple(map(len, c.inputs)) for c in alike}
    frequent = any(c.tracing is not None and c.tracing.frequent for c in alike)
    if alike[0] is not call or len(alike) < _OFTEN or len(ranks) > 1 or not frequent:
        return None
    found = _sole_tf_function(trace, call)
    if found is None:
        return None
    cell, function = found
    headline = f"{name_of(call)} is traced again for each new shape: {len(alike)} graphs"
    shapes = ", ".join(" and ".join(map(str, c.inputs)) for c in alike[:3])
    reason = f"it was given {shapes}, ...; with the size left open one graph takes them all"
    edit = (
        with_argument(cell, function, None, "reduce_retracing", "True")
        if isinstance(function, ast.Call)
        else wrapped(cell, function, "", "(reduce_retracing=True)")
    )
    change = fix("let TensorFlow leave the differing sizes open", cell, [edit], Applicability.SURE, _open_shape(alike))
    return headline, (reason,), (cell.span(function), f"{name_of(call)} is made"), (change,)


def _open_shape(alike: Sequence[CallRecord]) -> Shape | None:
    """Return the shape of all outputs, with None where they differ; None where their ranks do."""
    outputs = [call.output for call in alike if call.output is not None]
    if len(outputs) < len(alike) or len(set(map(len, outputs))) > 1:
        return None
    return tuple(sizes[0] if len(set(sizes)) == 1 else None for sizes in zip(*outputs, strict=True))


def _sole_tf_function(trace: Trace, call: CallRecord) -> tuple[Code, ast.expr] | None:
    """Return the `tf.function` of a function that the cells make once and without further arguments."""
    found = _sole_definition(trace, call)
    if found is None:
        return None
    cell, function = found
    decorated = [d for d in function.decorator_list if _is_tf_function(d)]
    if not decorated:
        calls = (n for n in cell.nodes if isinstance(n, ast.Call) and _is_tf_function(n))
        decorated = [n for n in calls if n.args and ast.unparse(n.args[0]) == function.name]
    if len(decorated) != 1 or _may_run_again(cell, decorated[0]):
        return None
    sole = decorated[0]
    return None if isinstance(sole, ast.Call) and sole.keywords else (cell, sole)


def _is_tf_function(node: ast.expr) -> bool:
    """Check whether an expression is `tf.function`, or a call of it."""
    callee = node.func if isinstance(node, ast.Call) else node
    return ast.unparse(callee) in ("tf.function", "tensorflow.function", "function")


def _may_run_again(cell: Code, node: ast.AST) -> bool:
    """Check whether a loop, or a function that may be called more than once, is around a node or what it decorates."""
    functions = [n for n in cell.around(node) if isinstance(n, ast.FunctionDef)]
    inner = 1 if functions and node in functions[0].decorator_list else 0
    return len(functions) > inner or any(isinstance(n, _LOOPS) for n in cell.around(node))


def _for_each_function(call: CallRecord, trace: Trace) -> _Finding | None:
    """Return what is found where function objects of the same code see the same values, one for each call."""
    assert call.tracing is not None
    if call.op in _BATCHES or not call.tracing.alike or call.tracing.functions < _ANEW:
        return None
    headline = f"{name_of(call)} is made anew for each call: {call.tracing.functions} functions, each traced"
    reason = "all are of the same code and see the same values; a tf.function keeps its graph only as long as it lives"
    cell = code_of(trace, call.span)
    node = cell.call_at(call.span) if cell is not None else None
    binding = (
        cell.binding(node.func) if cell is not None and node is not None and isinstance(node.func, ast.Name) else None
    )
    if cell is None or binding is None:
        return headline, (reason,), None, ()
    edits = _moved_before_loop(cell, binding.statement)
    fixes = (fix("make it once, before the loop", cell, edits, Applicability.SURE, call.output),) if edits else ()
    return headline, (reason,), (cell.span(binding.statement), f"{binding.name} is made"), fixes


def _for_each_compile(call: CallRecord, trace: Trace) -> _Finding | None:
    """Return what is found where `compile` is in the loop of `fit`, with nothing in it that the loop changes."""
    assert call.tracing is not None
    cell = code_of(trace, call.span)
    node = cell.call_at(call.span) if cell is not None else None
    if call.op not in _BATCHES or call.tracing.functions < _ANEW or cell is None or node is None:
        return None
    model = ast.unparse(node.func).rpartition(".")[0]
    loop = next((n for n in cell.around(node) if isinstance(n, _LOOPS)), None)
    compiled = [n for n in loop.body if _compiles(n, model)] if loop is not None else []
    if len(compiled) != 1:
        return None
    edits = _moved_before_loop(cell, compiled[0])
    if not edits:
        return None
    line = cell.span(compiled[0]).line
    headline = f"{call.op} traces its step anew in each call: {call.tracing.functions} times"
    reason = f"{model}.compile on line {line} makes a new one, and a new optimizer, each time round the loop"
    change = fix("compile once, before the loop", cell, edits, Applicability.CHOICE, call.output)
    return headline, (reason,), (cell.span(compiled[0]), f"{model} is compiled"), (change,)


def _compiles(statement: ast.stmt, model: str) -> bool:
    """Check whether a statement compiles that model."""
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Call) and ast.unparse(value.func) == f"{model}.compile"


def _moved_before_loop(cell: Code, statement: ast.stmt) -> list[Edit]:
    """Return the edits that move a statement before the loop around it; none where it needs what the loop makes."""
    loop = next((n for n in cell.around(statement) if isinstance(n, _LOOPS)), None)
    if loop is None or statement not in loop.body or len(loop.body) < 2:
        return []
    read = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    others: list[ast.AST] = [loop.target if isinstance(loop, ast.For | ast.AsyncFor) else loop.test]
    others += [n for n in loop.body if n is not statement]
    bound = {
        n.id for other in others for n in ast.walk(other) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    span, start = cell.span(statement), cell.span(loop)
    is_alone = (
        not cell.code_line(span.line)[: span.column].strip()
        and not cell.code_line(span.end_line)[span.end_column :].strip()
    )
    if read & bound or not is_alone or isinstance(statement, ast.FunctionDef):
        return []
    indent = cell.code_line(start.line)[: start.column]
    text = cell.text_of(statement).replace(f"\n{cell.code_line(span.line)[: span.column]}", f"\n{indent}")
    return [
        Edit(Span(span.cell, start.line, start.column, start.line, start.column), f"{text}\n{indent}"),
        Edit(Span(span.cell, span.line, 0, span.end_line + 1, 0), ""),
    ]


_KINDS = (_for_each_number, _for_each_function, _for_each_compile, _for_each_size)
