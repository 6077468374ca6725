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
    """A note where one graph would have done."""
    if call.tracing is None or call.outcome is not Outcome.RETURNED or not call.direct:
        return
    found = next((said for said in (kind(call, trace) for kind in _KINDS) if said is not None), None)
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


_Said = tuple[str, tuple[str, ...], tuple[Span, str] | None, tuple[Fix, ...]]
"""Headline, reasons, where it comes from and that in words, fixes."""


def _for_each_number(call: CallRecord, trace: Trace) -> _Said | None:
    """The same shapes and another Python number each time, which the function only calculates with."""
    assert call.tracing is not None
    varied = [(name, seen) for name, seen in call.tracing.numbers if len(seen) >= _OFTEN]
    alike = [c for c in graph_of(trace).of_layer(call.layer) if (c.op, c.inputs) == (call.op, call.inputs)]
    where, given = code_of(trace, call.span), call.span
    if len(varied) != 1 or not call.tracing.frequent or alike != [call] or where is None or given is None:
        return None
    name, seen = varied[0]
    made = _definition(trace, call)
    if made is None or not _only_calculates(made[0], made[1], name):
        return None
    headline = f"{name_of(call)} is traced again for each Python number: {call.tracing.times} graphs for one shape"
    reason = f"{name} was {', '.join(seen[:_OFTEN])}, ...; a Python number is part of the graph, a tensor is not"
    return (
        headline,
        (reason,),
        (made[0].span(made[1]), f"{name_of(call)} is defined"),
        _as_tensor(call, trace, name, made),
    )


def _definition(trace: Trace, call: CallRecord) -> tuple[Code, ast.FunctionDef] | None:
    """The one function of that name in the cells."""
    found = [
        (where, node)
        for where in codes_of(trace)
        for node in where.nodes
        if isinstance(node, ast.FunctionDef) and node.name == call.layer
    ]
    return found[0] if len(found) == 1 else None


def _only_calculates(where: Code, function: ast.FunctionDef, name: str) -> bool:
    """Whether every use of a parameter is a sum, product or comparison with something that may be a tensor."""
    uses = [node for node in ast.walk(function) if isinstance(node, ast.Name) and node.id == name]
    return all(isinstance(node.ctx, ast.Load) and _calculates(where, node) for node in uses)


def _calculates(where: Code, node: ast.expr) -> bool:
    around = next((n for n in where.around(node) if n is not node), None)
    if isinstance(around, ast.BinOp):
        other = around.left if around.right is node else around.right
        return not isinstance(other, ast.Constant) or _calculates(where, around)
    if isinstance(around, ast.Compare):
        return isinstance(next((n for n in where.around(around) if n is not around), None), ast.If)
    return isinstance(around, ast.Call) and called_name(around) == "print"


def _as_tensor(call: CallRecord, trace: Trace, name: str, made: tuple[Code, ast.FunctionDef]) -> tuple[Fix, ...]:
    """The number handed over as a tensor, of the images' type where it is multiplied with them."""
    where = code_of(trace, call.span)
    node = where.call_at(call.span) if where is not None else None
    alias = module_alias(where, "tensorflow") if where is not None else None
    if where is None or node is None or alias is None:
        return ()
    parameters = [a.arg for a in (*made[1].args.posonlyargs, *made[1].args.args) if a.arg != "self"]
    given = argument(node, parameters.index(name), name) if name in parameters else None
    if given is None:
        return ()
    mixed = any(isinstance(n, ast.BinOp) and _holds(n, name) for n in ast.walk(made[1]))
    kind = f", {alias}.{call.dtype}" if mixed and call.dtype else ""
    edit = wrapped(where, given, f"{alias}.constant(", f"{kind})")
    return (fix(f"give {name} as a tensor", where, [edit], Applicability.SURE, call.output),)


def _holds(operation: ast.BinOp, name: str) -> bool:
    return any(isinstance(side, ast.Name) and side.id == name for side in (operation.left, operation.right))


def _for_each_size(call: CallRecord, trace: Trace) -> _Said | None:
    """One function object, another size of its tensors each time."""
    alike = [c for c in graph_of(trace).at(call.span) if (c.op, c.layer) == (call.op, call.layer)]
    ranks = {tuple(map(len, c.inputs)) for c in alike}
    frequent = any(c.tracing is not None and c.tracing.frequent for c in alike)
    if alike[0] is not call or len(alike) < _OFTEN or len(ranks) > 1 or not frequent:
        return None
    place = _made_once(trace, call)
    if place is None:
        return None
    where, made = place
    headline = f"{name_of(call)} is traced again for each new shape: {len(alike)} graphs"
    shapes = ", ".join(" and ".join(map(str, c.inputs)) for c in alike[:3])
    reason = f"it was given {shapes}, ...; with the size left open one graph takes them all"
    edit = (
        with_argument(where, made, None, "reduce_retracing", "True")
        if isinstance(made, ast.Call)
        else wrapped(where, made, "", "(reduce_retracing=True)")
    )
    change = fix("let TensorFlow leave the differing sizes open", where, [edit], Applicability.SURE, _open(alike))
    return headline, (reason,), (where.span(made), f"{name_of(call)} is made"), (change,)


def _open(alike: Sequence[CallRecord]) -> Shape | None:
    """The shape that all outputs are of, the sizes in which they differ left open."""
    outputs = [call.output for call in alike if call.output is not None]
    if len(outputs) < len(alike) or len(set(map(len, outputs))) > 1:
        return None
    return tuple(sizes[0] if len(set(sizes)) == 1 else None for sizes in zip(*outputs, strict=True))


def _made_once(trace: Trace, call: CallRecord) -> tuple[Code, ast.expr] | None:
    """The `tf.function` of a function that the cells make once and without further arguments."""
    found = _definition(trace, call)
    if found is None:
        return None
    where, function = found
    decorated = [d for d in function.decorator_list if _is_function(d)]
    if not decorated:
        calls = (n for n in where.nodes if isinstance(n, ast.Call) and _is_function(n))
        decorated = [n for n in calls if n.args and ast.unparse(n.args[0]) == function.name]
    if len(decorated) != 1 or _repeated(where, decorated[0]):
        return None
    made = decorated[0]
    return None if isinstance(made, ast.Call) and made.keywords else (where, made)


def _is_function(node: ast.expr) -> bool:
    callee = node.func if isinstance(node, ast.Call) else node
    return ast.unparse(callee) in ("tf.function", "tensorflow.function", "function")


def _repeated(where: Code, node: ast.AST) -> bool:
    """Whether a loop, or a function that may be called more than once, is around a node or around what it decorates."""
    functions = [n for n in where.around(node) if isinstance(n, ast.FunctionDef)]
    inner = 1 if functions and node in functions[0].decorator_list else 0
    return len(functions) > inner or any(isinstance(n, _LOOPS) for n in where.around(node))


def _made_anew(call: CallRecord, trace: Trace) -> _Said | None:
    """Function objects of the same code that see the same values, one for each call."""
    assert call.tracing is not None
    if call.op in _BATCHES or not call.tracing.alike or call.tracing.functions < _ANEW:
        return None
    headline = f"{name_of(call)} is made anew for each call: {call.tracing.functions} functions, each traced"
    reason = "all are of the same code and see the same values; a tf.function keeps its graph only as long as it lives"
    where = code_of(trace, call.span)
    node = where.call_at(call.span) if where is not None else None
    bound = (
        where.binding(node.func) if where is not None and node is not None and isinstance(node.func, ast.Name) else None
    )
    if where is None or bound is None:
        return headline, (reason,), None, ()
    edits = _before_its_loop(where, bound.statement)
    fixes = (fix("make it once, before the loop", where, edits, Applicability.SURE, call.output),) if edits else ()
    return headline, (reason,), (where.span(bound.statement), f"{bound.name} is made"), fixes


def _compiled_anew(call: CallRecord, trace: Trace) -> _Said | None:
    """`compile` in the loop of `fit`, with nothing in it that the loop changes."""
    assert call.tracing is not None
    where = code_of(trace, call.span)
    node = where.call_at(call.span) if where is not None else None
    if call.op not in _BATCHES or call.tracing.functions < _ANEW or where is None or node is None:
        return None
    model = ast.unparse(node.func).rpartition(".")[0]
    loop = next((n for n in where.around(node) if isinstance(n, _LOOPS)), None)
    compiled = [n for n in loop.body if _compiles(n, model)] if loop is not None else []
    if len(compiled) != 1:
        return None
    edits = _before_its_loop(where, compiled[0])
    if not edits:
        return None
    line = where.span(compiled[0]).line
    headline = f"{call.op} traces its step anew in each call: {call.tracing.functions} times"
    reason = f"{model}.compile on line {line} makes a new one, and a new optimizer, each time round the loop"
    change = fix("compile once, before the loop", where, edits, Applicability.CHOICE, call.output)
    return headline, (reason,), (where.span(compiled[0]), f"{model} is compiled"), (change,)


def _compiles(statement: ast.stmt, model: str) -> bool:
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Call) and ast.unparse(value.func) == f"{model}.compile"


def _before_its_loop(where: Code, statement: ast.stmt) -> list[Edit]:
    """A statement moved to stand before the loop around it; none where it needs what the loop makes."""
    loop = next((n for n in where.around(statement) if isinstance(n, _LOOPS)), None)
    if loop is None or statement not in loop.body or len(loop.body) < 2:
        return []
    needs = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    others: list[ast.AST] = [loop.target if isinstance(loop, ast.For | ast.AsyncFor) else loop.test]
    others += [n for n in loop.body if n is not statement]
    bound = {
        n.id for other in others for n in ast.walk(other) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    at, start = where.span(statement), where.span(loop)
    alone = (
        not where.code_line(at.line)[: at.column].strip() and not where.code_line(at.end_line)[at.end_column :].strip()
    )
    if needs & bound or not alone or isinstance(statement, ast.FunctionDef):
        return []
    indent = where.code_line(start.line)[: start.column]
    text = where.text_of(statement).replace(f"\n{where.code_line(at.line)[: at.column]}", f"\n{indent}")
    return [
        Edit(Span(at.cell, start.line, start.column, start.line, start.column), f"{text}\n{indent}"),
        Edit(Span(at.cell, at.line, 0, at.end_line + 1, 0), ""),
    ]


_KINDS = (_for_each_number, _made_anew, _compiled_anew, _for_each_size)
