"""The contract that would state what a line made: `# shape: (B, 26, 26, 32)`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from conv_magic.analysis.contract_checks import broken_contracts, is_value_of_line
from conv_magic.model.positions import Span
from conv_magic.model.shapes import Shape
from conv_magic.model.trace import Trace
from conv_magic.text.contracts import Pattern, lines_stated
from conv_magic.text.source import Code

BATCH = "B"


def batch_size(trace: Trace) -> int | None:
    """Return the size that `B` stands for: the first axis that most calls' outputs share; None where no two do."""
    first = ((call.output[0], call.span) for call in trace.calls if call.output and len(call.output) > 1)
    counts = Counter(size for size, _ in set(first) if size is not None)
    size, places = counts.most_common(1)[0] if counts else (None, 0)
    return size if places > 1 else None


def outdated_lines(trace: Trace) -> set[tuple[str, int]]:
    """Return the lines, by cell, whose contract does not hold and has only what a pin has: numbers, `_` and `B`."""
    broken = [found.mismatch.contract for found in broken_contracts(trace)]
    return {(c.span.cell, c.line) for c in broken if all(is_like_a_pin(pattern) for pattern in c.patterns)}


def is_like_a_pin(pattern: Pattern) -> bool:
    """Whether a pattern holds nothing but what a pin would: numbers, `_` and `B`."""
    plain = (size.expression is None or size.number is not None or size.name == BATCH for size in pattern.sizes)
    return pattern.gap is None and all(plain)


def pin_of(
    code: Code, line: int, call: Span | None, columns: Sequence[Sequence[Shape]], batch: int | None, outdated: bool
) -> str | None:  # fmt: skip
    """Return the comment that states the values of the call at `call`, else of the assignment noted at `line`.

    `columns` are the shapes that each value had.  None where the line is pinned and its pin not `outdated`, where a
    comment there would be about another value, and for shapes of several ranks.
    """
    pinned = line in lines_stated(code.text, code.cell)
    if (pinned and not outdated) or (call is not None and not is_value_of_line(code, line, call)):
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
    """Write the sizes as a contract; `_` for one that differs or is not known, `B` for the batch's.

    A vector has a batch axis only where it comes `together` with tensors of the same first axis: labels with images.
    """
    if not shapes or len({len(shape) for shape in shapes}) > 1:
        return None
    axes = [set(sizes) for sizes in zip(*shapes, strict=True)]
    texts = [str(min(sizes)) if len(sizes) == 1 and None not in sizes else "_" for sizes in axes]
    if len(axes) > (0 if together else 1) and axes[0] - {None} <= {batch}:
        texts[0] = BATCH
    return texts
