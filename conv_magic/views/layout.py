"""A diagnosis laid out as lines of pieces with roles; the text and the HTML view only colour the pieces.

error[channels-differ]: conv2d_3 cannot take 6 channels with a kernel made for 3
  12 |   x = layers.Conv2D(64, 3)(x)
     |                            ^ this is (None, 28, 28, 6)
     |       kernel (3, 3, 3, 64) needs     (None, 28, 28, 3)
     |                                                     ^ channels
  note: the 6 comes from line 9, Concatenate of (.., 3) and (.., 3)
  help: build a new Conv2D for this input  ->  (None, 26, 26, 64)   tried: the cell now runs to its end
"""

from __future__ import annotations

from collections.abc import Iterator

from conv_magic.analysis.trace_graph import graph_of
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.document import Document
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.views.comparison import Line, Piece, Role, Shapes
from conv_magic.views.excerpt import Excerpts, columns_of
from conv_magic.views.fitting import window
from conv_magic.views.verdict import place_text
from conv_magic.views.wording import one_line, proof_text, shape_text

WIDEST = 110
"""Beyond so many columns the shapes get lines of their own instead of standing behind the carets."""


def head(diagnosis: Diagnosis) -> Line:
    """`error[channels-differ]: ` and the headline."""
    severity: Role = diagnosis.severity.value
    return (Piece(f"{severity}[{diagnosis.code}]", severity), Piece(f": {one_line(diagnosis.headline)}"))


def notes(document: Document, diagnosis: Diagnosis) -> list[str]:
    """Return the reasons behind the headline, and last where the differing size comes from."""
    facts = [one_line(reason) for reason in diagnosis.reasons]
    if diagnosis.origin_note:
        facts.append(one_line(diagnosis.origin_note))
    elif diagnosis.origin:
        facts.append(f"it comes from {place_text(diagnosis.origin, document.trace.sources)}")
    else:
        facts.extend(_given(document, diagnosis))
    return facts


def _given(document: Document, diagnosis: Diagnosis) -> Iterator[str]:
    """Which arrays of the user's the call was given, those apart that its own line makes."""
    calls = document.trace.calls
    call = calls[diagnosis.call] if diagnosis.call is not None and diagnosis.call < len(calls) else None
    for given in dict.fromkeys(call.given) if call is not None else ():
        if given is not None and (call is None or call.span is None or given.span.line != call.span.line):
            yield f"{one_line(given.name)} is made on {place_text(given.span, document.trace.sources)}"


def fix_title(fix: Fix) -> str:
    """Return the fix's title, with a remark where something is left to fill in."""
    blank = " (a template to fill in)" if fix.applicability is Applicability.DISPLAY else ""
    return one_line(fix.title) + blank


def help_line(document: Document, fix: Fix) -> Line:
    """Return the title, the shape that results, and how the fix was tried."""
    result = f"  ->  {shape_text(fix.predicted)}" if fix.predicted is not None else ""
    proof = Piece(proof_text(fix, document.trying, document.trace.sources), "good" if fix.verified else "dim")
    return (Piece(f"{fix_title(fix)}{result}   "), proof)


def excerpt(
    document: Document, excerpts: Excerpts, diagnosis: Diagnosis, width: int | None = None
) -> Iterator[Line]:  # fmt: skip
    """Yield the line of code with carets under the span, and the actual shape above the needed one.

    At most `width` columns: a longer line of code is cut around the span.
    """
    widest = min(WIDEST, width or WIDEST)
    shapes = Shapes.of(diagnosis)
    label = _needs(document, diagnosis) if shapes.expected else ""
    line = excerpts.line(diagnosis.span.cell, diagnosis.span.line) if diagnosis.span else None
    if diagnosis.span is None or line is None:
        yield from _shapes_alone(" " * 4, shapes, label, 0, widest)
        return
    if diagnosis.span.cell != document.trace.sources[0].cell:
        yield (Piece(f"  {place_text(diagnosis.span, document.trace.sources)}", "dim"),)
    number = str(diagnosis.span.line)
    gutter = f"  {' ' * len(number)} |   "
    code, start, end = excerpts.columns(diagnosis.span)
    if width is not None:
        code, start, end = window(code, start, end, max(width - len(gutter), 12))
    role: Role = diagnosis.severity.value
    carets = Piece("^" * max(end - start, 1), role)
    yield (Piece(f"  {number} |   ", "dim"), Piece(code))
    under = (Piece(gutter, "dim"), Piece(" " * start), carets)
    indent = columns_of(code) - columns_of(code.lstrip(" ")) + 4
    behind = start + columns_of(carets.text) + len(" this is ")
    if (
        shapes.actual
        and behind + shapes.width <= widest
        and (width is None or _fits(label, indent, shapes, width - len(gutter)))
    ):
        shift = max(behind, indent + columns_of(label) + 1 if label else 0)
        yield (*under, Piece(" this is ".ljust(shift - behind + len(" this is "))), *shapes.actual)
        yield from _needed(gutter, shapes, label, indent, shift)
    else:
        yield under
        yield from _shapes_alone(gutter, shapes, label, indent, widest)


def _fits(label: str, indent: int, shapes: Shapes, width: int) -> bool:
    return indent + columns_of(label) + 1 + shapes.width <= width


def _needs(document: Document, diagnosis: Diagnosis) -> str:
    """Who needs the expected shape: the kernel where there is one, else the layer."""
    call: CallRecord | None = None
    if diagnosis.call is not None:
        call = graph_of(document.trace).numbered(diagnosis.call)
    if call and call.outcome is Outcome.RETURNED:
        return "expected is"
    if call and call.kernel is not None:
        return f"kernel {shape_text(call.kernel)} needs"
    name = diagnosis.layer or (call.layer or call.op if call else None)
    return f"{one_line(name)} needs" if name else "needed is"


def _needed(gutter: str, shapes: Shapes, label: str, indent: int, shift: int) -> Iterator[Line]:
    if shapes.expected:
        padding = " " * (shift - indent - columns_of(label))
        yield (Piece(gutter, "dim"), Piece(" " * indent + label + padding), *shapes.expected)
    if shapes.marks:
        yield (Piece(gutter, "dim"), Piece(" " * shift), *shapes.marks)


def _shapes_alone(gutter: str, shapes: Shapes, label: str, indent: int, widest: int) -> Iterator[Line]:
    """Both shapes on lines of their own, one above the other; who needs it on a third where they are too wide."""
    given = "this is"
    if len(gutter) + indent + max(columns_of(label), len(given)) + 1 + shapes.width > widest:
        indent = 0
        if columns_of(label) > len("needed is"):
            yield (Piece(gutter, "dim"), Piece(f"{label}:"))
            label = "needed is"
    shift = indent + max(columns_of(label), len(given)) + 1
    if shapes.actual:
        yield (Piece(gutter, "dim"), Piece((" " * indent + given).ljust(shift)), *shapes.actual)
    yield from _needed(gutter, shapes, label, indent, shift)
