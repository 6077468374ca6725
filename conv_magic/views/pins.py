"""The contract that would state what a line made: `# shape: (B, 26, 26, 32)`."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Sequence

from conv_magic.contracts import contracts_in
from conv_magic.model import Shape, Trace
from conv_magic.positions import Span
from conv_magic.source import Code, called_name

BATCH = "B"


def batch_size(trace: Trace) -> int | None:
    """The size that `B` stands for: the first axis that most calls' outputs share; None where no two do."""
    first = ((call.output[0], call.span) for call in trace.calls if call.output and len(call.output) > 1)
    counts = Counter(size for size, _ in set(first) if size is not None)
    size, places = counts.most_common(1)[0] if counts else (None, 0)
    return size if places > 1 else None


def pin_of(
    code: Code, line: int, call: Span | None, columns: Sequence[Sequence[Shape]], batch: int | None
) -> str | None:  # fmt: skip
    """The comment that states the values made by the call at `call`, else by the assignment, whose note is at `line`.

    `columns` are the shapes that each value had.  None where the line is pinned, where a comment there would be about
    another value, and for shapes of several ranks.
    """
    pinned = any(found.span.line == line for found in contracts_in(code.text, code.cell))
    if pinned or (call is not None and not _is_value_of_line(code, line, call)):
        return None
    known = len(columns)
    while known and not columns[known - 1]:
        known -= 1
    together = known > 1 and len({tuple(shape[:1] for shape in shapes) for shapes in columns[:known]}) == 1
    stated = [_stated(shapes, batch, together) for shapes in columns[:known]]
    texts = [text for text in stated if text is not None]
    return f"# shape: {', '.join(texts)}" if texts and len(texts) == known else None


def _stated(shapes: Sequence[Shape], batch: int | None, together: bool) -> str | None:
    sizes = sizes_of(shapes, batch, together)
    return None if sizes is None else f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


def sizes_of(shapes: Sequence[Shape], batch: int | None, together: bool = False) -> list[str] | None:
    """The sizes as a contract states them; `_` for one that differs or is not known, `B` for the batch's.

    A vector has a batch axis only where it comes `together` with tensors of the same first axis: labels with images.
    """
    if not shapes or len({len(shape) for shape in shapes}) > 1:
        return None
    axes = [set(sizes) for sizes in zip(*shapes, strict=True)]
    texts = [str(min(sizes)) if len(sizes) == 1 and None not in sizes else "_" for sizes in axes]
    if len(axes) > (0 if together else 1) and axes[0] - {None} <= {batch}:
        texts[0] = BATCH
    return texts


def _is_value_of_line(code: Code, line: int, span: Span) -> bool:
    """Whether a contract on that line is about what was made at `span`: the statement's value, or a layer in a list."""
    node = code.call_at(span)
    statement = code.statement_of(node) if node else None
    if node is None or statement is None:
        return False
    if span.end_line == line and statement.end_lineno != line:
        return True
    value = getattr(statement, "value", None)
    if statement.end_lineno != line or not isinstance(statement, ast.Assign | ast.AnnAssign | ast.Return | ast.Expr):
        return False
    return value is node or (isinstance(statement, ast.Expr) and _adds(value, node))


def _adds(call: ast.expr | None, layer: ast.Call) -> bool:
    """Whether it is `model.add(layer)`."""
    return isinstance(call, ast.Call) and called_name(call) == "add" and call.args == [layer]
