"""Turn the recorder's rows into call records: spans in the text, expected shapes, cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace

from conv_magic import arithmetic
from conv_magic.capture.hooks.entry import Description
from conv_magic.capture.rows import LineSite, Place, Row, shortened, words_of
from conv_magic.capture.values import FailingFrame, Operand, operands, shapes_in_message
from conv_magic.model.calls import CallRecord, Cost, Mode, Outcome
from conv_magic.model.options import Options
from conv_magic.model.positions import Span
from conv_magic.model.shapes import Shape
from conv_magic.text.source import Code, span_of_line, span_of_site


def span_of(place: Place | None, codes: Mapping[str, Code]) -> Span | None:
    """Return the span of a running instruction in the cells' texts, None if not known; `codes` is by file name."""
    if place is None:
        return None
    if isinstance(place, LineSite):
        code = _cell_of_line(place, codes)
        return span_of_line(code, place.line) if code else None
    code = codes.get(place[0].co_filename)
    return span_of_site(place, code) if code else None


def _cell_of_line(place: LineSite, codes: Mapping[str, Code]) -> Code | None:
    """Return the cell of a line that AutoGraph names: the running one, if it has the same text on that line.

    AutoGraph keeps the code that it made of an equal function of an earlier run, with that run's file name.
    """
    named, running = codes.get(place.filename), next(iter(codes.values()))
    if named is not None and named.code_line(place.line) == running.code_line(place.line):
        return running
    return named


def records(rows: Sequence[Row], codes: Mapping[str, Code]) -> tuple[CallRecord, ...]:
    """Return the rows that are kept as records, in the order of entry."""
    kept = _rows_kept(rows)
    numbers = {row.order: index for index, row in enumerate(kept)}
    calls: list[CallRecord] = []
    fields: list[arithmetic.ReceptiveField | None] = []
    for index, row in enumerate(kept):
        producers = tuple(_index_of(producer, numbers) for producer in row.producers)
        field = _field_through(row, producers, fields)
        fields.append(field)
        calls.append(_record(index, row, numbers, producers, field, codes))
    return tuple(calls)


def settled(row: Row) -> Row:
    """Return the row itself once it is complete, else a copy marked as entered: its thread may still run."""
    if row.outcome in (Outcome.RAISED, Outcome.GUARDED) or (row.count and row.description is not None):
        return row
    unfinished = copy(row)
    unfinished.outcome, unfinished.description = Outcome.ENTERED, unfinished.description or _description_so_far(row)
    return unfinished


def _description_so_far(row: Row) -> Description:
    """Return what is known of a call before it has ended: the hook's name, and the layer's if it has one."""
    owner, _, name = row.hook.name.rpartition(".")
    layer = row.callee[0] if isinstance(row.callee, tuple) and row.callee and isinstance(row.callee[0], str) else None
    return Description(owner.rpartition(".")[2] if name == "__call__" else name, layer)


def _rows_kept(rows: Sequence[Row]) -> list[Row]:
    """Return the rows without Keras' passes that only learn shapes, if the same layer or model also ran on values."""
    ran = {(row.hook.name, row.callee) for row in rows if not row.building}
    entered = {row.parent.order for row in rows if row.parent is not None and not row.building}

    def is_repeated(row: Row) -> bool:
        if row.hook.traces:  # what could not be traced failed at a call inside
            return row.outcome is not Outcome.RETURNED
        return (row.hook.name, row.callee) in ran or (row.parent is not None and row.parent.order in entered)

    return [row for row in rows if not (row.building or row.hook.traces) or not is_repeated(row)]


def _index_of(row: Row | None, indices: Mapping[int, int]) -> int | None:
    """Return the index of a row, or of the nearest row around it that is kept."""
    while row is not None and row.order not in indices:
        row = row.parent
    return indices[row.order] if row is not None else None


def _record(
    index: int,
    row: Row,
    indices: Mapping[int, int],
    producers: tuple[int | None, ...],
    field: arithmetic.ReceptiveField | None,
    codes: Mapping[str, Code],
) -> CallRecord:
    """Return the record of one row."""
    known = row.description or _description_so_far(row)
    created = span_of(row.created, codes)
    expected = expected_output(known.options, row.inputs, known.kernel)
    return CallRecord(
        index=index,
        op=known.op,
        layer=known.layer,
        span=span_of(row.place, codes),
        created=created,
        parent=_index_of(row.parent, indices),
        mode=Mode.SYMBOLIC if row.building else row.mode,
        replica=row.replica,
        inputs=row.inputs,
        producers=producers,
        kernel=known.kernel,
        options=known.options,
        dtype=row.dtype,
        expected=expected,
        output=row.output,
        outcome=row.outcome,
        error=row.error,
        count=max(row.count, 1),
        cost=_cost_of(row, known, field, expected),
        accepts=known.accepts,
        direct=row.direct,
        tracing=row.traces.summary() if row.traces is not None else None,
    )


def expected_output(options: Options | None, inputs: tuple[Shape, ...], kernel: Shape | None) -> Shape | None:
    """Return the shape by the arithmetic, None if it has no formula or the call is impossible."""
    if options is None or not inputs:
        return None
    try:
        return arithmetic.expected_shape(options, inputs, kernel)
    except arithmetic.ShapeProblem:
        return None


def _cost_of(row: Row, known: Description, field: arithmetic.ReceptiveField | None, expected: Shape | None) -> Cost:
    """Return what a call costs, by its real or else its expected output."""
    output = row.output or expected
    macs = arithmetic.macs(known.options, row.inputs, known.kernel, output) if known.options and output else None
    return Cost(known.params, macs, field.size if field else None, row.output_bytes, row.seconds)


def _field_through(
    row: Row, producers: tuple[int | None, ...], fields: Sequence[arithmetic.ReceptiveField | None]
) -> arithmetic.ReceptiveField | None:
    """Return how much of the cell's own input one output value depends on, None if it is not known."""
    options = row.description.options if row.description else None
    if row.outcome is not Outcome.RETURNED or not row.inputs:
        return None
    known = [fields[p] for p in producers if p is not None and p < len(fields)]
    start = known[0] if known else arithmetic.ReceptiveField.of_input(max(len(row.inputs[0]) - 2, 0))
    for other in known[1:]:
        start = start.joined(other) if start and other else None
    try:
        return start.through(options) if start else None
    except arithmetic.ShapeProblem:  # options that the arithmetic has no meaning for
        return None


def with_unseen_failure(
    calls: tuple[CallRecord, ...],
    rows: Sequence[Row],
    frame: FailingFrame,
    error: BaseException,
    codes: Mapping[str, Code],
) -> tuple[CallRecord, ...]:
    """Return the calls and the operation that failed where no hook is: `a + b`, `tf.reshape`, a NumPy function."""
    span = span_of(frame.place, codes)
    innermost = failed_innermost(calls)
    if span is None or (innermost is not None and innermost.span == span):
        return calls
    code = next(code for code in codes.values() if code.cell == span.cell)
    found = operands(code, span, frame.names, _outputs_by_span(calls))
    if found is None or not (found[1] or frame.in_framework):
        return calls
    operation, given = found
    stated = shapes_in_message(error)
    if len(given) < len(stated):
        given = tuple(next((o for o in given if o.shape == shape), Operand(shape)) for shape in stated)
    inputs, producers = tuple(o.shape for o in given), tuple(o.producer for o in given)
    parent = innermost.index if innermost is not None and not _is_function(innermost) else None
    failed = CallRecord(
        len(calls), operation, None, span, None, parent, Mode.EAGER, None, inputs, producers, None, None,
        None, None, None, Outcome.RAISED, shortened(words_of(error)), 1, Cost(),
    )  # fmt: skip
    return (*calls, failed)


def _outputs_by_span(calls: tuple[CallRecord, ...]) -> dict[Span, Operand]:
    """Return the outputs of the recorded calls by their spans; of several at one span the last."""
    return {c.span: Operand(c.output, c.index) for c in calls if c.span is not None and c.output is not None}


def failed_innermost(calls: Sequence[CallRecord]) -> CallRecord | None:
    """Return the last failed call that has no failed call inside it."""
    failed = [call for call in calls if call.outcome in (Outcome.RAISED, Outcome.GUARDED)]
    parents = {call.parent for call in failed}
    return next((call for call in reversed(failed) if call.index not in parents), None)


def _is_function(call: CallRecord) -> bool:
    return call.layer is None


_WINDOWED = {"conv", "depthwise_conv", "conv_transpose", "pool", "global_pool"}


def selected(calls: tuple[CallRecord, ...], only: str, depth: int | None) -> tuple[CallRecord, ...]:
    """Return the calls of the wanted kind, no deeper than `depth` calls inside others, renumbered.

    A failed call is always kept.
    """
    depths: list[int] = []
    kept: list[CallRecord] = []
    for call in calls:
        depths.append(0 if call.parent is None else depths[call.parent] + 1)
        family = call.options.family if call.options else None
        of_function = call.layer is None and call.options is None  # of a family without a formula
        wanted = (only != "conv" or family in _WINDOWED or of_function) and (depth is None or depths[-1] <= depth)
        if wanted or call.outcome in (Outcome.RAISED, Outcome.GUARDED):
            kept.append(call)
    if len(kept) == len(calls):
        return calls
    indices = {call.index: index for index, call in enumerate(kept)}
    return tuple(_renumbered(call, indices, calls) for call in kept)


def _renumbered(call: CallRecord, indices: Mapping[int, int], calls: Sequence[CallRecord]) -> CallRecord:
    """Return a call with new indices of its own, its parent and its producers; None for those left out."""
    parent = call.parent
    while parent is not None and parent not in indices:
        parent = calls[parent].parent
    return replace(
        call,
        index=indices[call.index],
        parent=None if parent is None else indices[parent],
        producers=tuple(None if p is None else indices.get(p) for p in call.producers),
    )
