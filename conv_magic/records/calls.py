"""From the recorder's rows to the model's records: places in the text, the arithmetic's answer, cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace

from conv_magic import arithmetic
from conv_magic.capture.hooks.entry import Description
from conv_magic.capture.recorder import LineSite, Place, Row, shortened, words_of
from conv_magic.capture.values import FailingFrame, Operand, operands, shapes_told
from conv_magic.model.calls import CallRecord, Cost, Mode, Outcome
from conv_magic.model.options import Options
from conv_magic.model.positions import Span
from conv_magic.model.shapes import Shape
from conv_magic.text.source import Code, place_of, span_of_line


def span_of(place: Place | None, codes: Mapping[str, Code]) -> Span | None:
    """Where in the cells' texts a running instruction stands; `codes` by file name."""
    if place is None:
        return None
    if isinstance(place, LineSite):
        code = _newest(place, codes)
        return span_of_line(code, place.line) if code else None
    code = codes.get(place[0].co_filename)
    return place_of(place, code) if code else None


def _newest(place: LineSite, codes: Mapping[str, Code]) -> Code | None:
    """The cell of a line that AutoGraph names: the one running, where the line stands there unchanged.

    AutoGraph keeps what it made of an equal function of an earlier run, with that one's file name.
    """
    named, running = codes.get(place.filename), next(iter(codes.values()))
    if named is not None and named.code_line(place.line) == running.code_line(place.line):
        return running
    return named


def records(rows: Sequence[Row], codes: Mapping[str, Code]) -> tuple[CallRecord, ...]:
    """The rows worth showing, as records in the order of entry."""
    kept = _shown(rows)
    numbers = {row.order: index for index, row in enumerate(kept)}
    made: list[CallRecord] = []
    fields: list[arithmetic.ReceptiveField | None] = []
    for index, row in enumerate(kept):
        producers = tuple(_number(producer, numbers) for producer in row.producers)
        seen = _field_through(row, producers, fields)
        fields.append(seen)
        made.append(_record(index, row, numbers, producers, seen, codes))
    return tuple(made)


def settled(row: Row) -> Row:
    """The row of a call that may be running in another thread: itself once all is known, else a copy, not ended yet."""
    if row.outcome in (Outcome.RAISED, Outcome.GUARDED) or (row.count and row.description is not None):
        return row
    made = copy(row)
    made.outcome, made.description = Outcome.ENTERED, made.description or _unfinished(row)
    return made


def _unfinished(row: Row) -> Description:
    """What can be said of a call before it has ended: the hook's own name, the layer's if it has one."""
    owner, _, name = row.hook.name.rpartition(".")
    layer = row.callee[0] if isinstance(row.callee, tuple) and row.callee and isinstance(row.callee[0], str) else None
    return Description(owner.rpartition(".")[2] if name == "__call__" else name, layer)


def _shown(rows: Sequence[Row]) -> list[Row]:
    """Without the passes in which Keras only learns shapes, where the same layer or model ran in earnest as well."""
    ran = {(row.hook.name, row.callee) for row in rows if not row.building}
    entered = {row.parent.order for row in rows if row.parent is not None and not row.building}

    def again(row: Row) -> bool:
        if row.hook.traces:  # what could not be traced failed at a call inside
            return row.outcome is not Outcome.RETURNED
        return (row.hook.name, row.callee) in ran or (row.parent is not None and row.parent.order in entered)

    return [row for row in rows if not (row.building or row.hook.traces) or not again(row)]


def _number(row: Row | None, numbers: Mapping[int, int]) -> int | None:
    """The index of a row, or of the nearest one around it that is shown."""
    while row is not None and row.order not in numbers:
        row = row.parent
    return numbers[row.order] if row is not None else None


def _record(
    index: int,
    row: Row,
    numbers: Mapping[int, int],
    producers: tuple[int | None, ...],
    seen: arithmetic.ReceptiveField | None,
    codes: Mapping[str, Code],
) -> CallRecord:
    known = row.description or _unfinished(row)
    created = span_of(row.created, codes)
    expected = expected_output(known.options, row.inputs, known.kernel)
    return CallRecord(
        index=index,
        op=known.op,
        layer=known.layer,
        span=span_of(row.place, codes),
        created=created,
        parent=_number(row.parent, numbers),
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
        cost=_cost(row, known, seen, expected),
        accepts=known.accepts,
        direct=row.direct,
        tracing=row.traces.summary() if row.traces is not None else None,
    )


def expected_output(options: Options | None, inputs: tuple[Shape, ...], kernel: Shape | None) -> Shape | None:
    """What the arithmetic says; None where it has no answer, an impossible call among them."""
    if options is None or not inputs:
        return None
    try:
        return arithmetic.expected_shape(options, inputs, kernel)
    except arithmetic.ShapeProblem:
        return None


def _cost(row: Row, known: Description, seen: arithmetic.ReceptiveField | None, expected: Shape | None) -> Cost:
    output = row.output or expected
    macs = arithmetic.macs(known.options, row.inputs, known.kernel, output) if known.options and output else None
    return Cost(known.params, macs, seen.size if seen else None, row.output_bytes, row.seconds)


def _field_through(
    row: Row, producers: tuple[int | None, ...], fields: Sequence[arithmetic.ReceptiveField | None]
) -> arithmetic.ReceptiveField | None:
    """How much of the cell's own input one output value sees; None once that cannot be told."""
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
    """The calls, and the operation that failed where no hook sees: `a + b`, `tf.reshape`, a NumPy function."""
    span = span_of(frame.place, codes)
    innermost = failed_innermost(calls)
    if span is None or (innermost is not None and innermost.span == span):
        return calls
    code = next(code for code in codes.values() if code.cell == span.cell)
    found = operands(code, span, frame.names, _made(calls))
    if found is None or not (found[1] or frame.in_framework):
        return calls
    operation, given = found
    told = shapes_told(error)
    if len(given) < len(told):
        given = tuple(next((o for o in given if o.shape == shape), Operand(shape)) for shape in told)
    inputs, producers = tuple(o.shape for o in given), tuple(o.producer for o in given)
    parent = innermost.index if innermost is not None and not _is_op(innermost) else None
    failed = CallRecord(
        len(calls), operation, None, span, None, parent, Mode.EAGER, None, inputs, producers, None, None,
        None, None, None, Outcome.RAISED, shortened(words_of(error)), 1, Cost(),
    )  # fmt: skip
    return (*calls, failed)


def _made(calls: tuple[CallRecord, ...]) -> dict[Span, Operand]:
    """What the recorded calls gave, by their places; of several at one place the last."""
    return {c.span: Operand(c.output, c.index) for c in calls if c.span is not None and c.output is not None}


def failed_innermost(calls: Sequence[CallRecord]) -> CallRecord | None:
    """The last failed call that has no failed call inside it: each level around it failed with it."""
    failed = [call for call in calls if call.outcome in (Outcome.RAISED, Outcome.GUARDED)]
    around = {call.parent for call in failed}
    return next((call for call in reversed(failed) if call.index not in around), None)


def _is_op(call: CallRecord) -> bool:
    return call.layer is None


_WINDOWED = {"conv", "depthwise_conv", "conv_transpose", "pool", "global_pool"}


def selected(calls: tuple[CallRecord, ...], only: str, depth: int | None) -> tuple[CallRecord, ...]:
    """The calls of the wanted kind, no deeper than `depth` calls inside others, renumbered.

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
    numbers = {call.index: index for index, call in enumerate(kept)}
    return tuple(_renumbered(call, numbers, calls) for call in kept)


def _renumbered(call: CallRecord, numbers: Mapping[int, int], calls: Sequence[CallRecord]) -> CallRecord:
    parent = call.parent
    while parent is not None and parent not in numbers:
        parent = calls[parent].parent
    return replace(
        call,
        index=numbers[call.index],
        parent=None if parent is None else numbers[parent],
        producers=tuple(None if p is None else numbers.get(p) for p in call.producers),
    )
