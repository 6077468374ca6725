"""The document as JSON and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conv_magic.model.calls import CallRecord
from conv_magic.model.document import SCHEMA, Document, Failure
from conv_magic.model.positions import Span, digest
from conv_magic.model.trace import Source
from conv_magic.views.html import to_html
from conv_magic.views.packed import COLUMNS
from conv_magic.views.saved import with_at_most
from conv_magic.views.sound import MOST_POINTS
from conv_magic.views.text import to_text
from conv_magic.views.totals import totals_of
from conv_magic.views.wire import MOST_SAVED, from_json, json_schema, to_dict, to_json, to_wire
from mutated_documents import bases, mutated
from run_mutated_documents import outcome
from sample_documents import SAMPLES, all_fine, wrong_channels
from snapshot import assert_snapshot

_CELL = "cell"
_TEXT = "a\nb\nc\n"
_NUMBERS = st.integers(0, MOST_POINTS)
_LINES = st.integers(1, 3)


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type, where every field of a dataclass varies and tuples are short; spans are those of one cell."""
    if hint is Span:
        return st.tuples(_LINES, st.integers(0, 1), _LINES, st.integers(0, 1)).map(_span)
    if isinstance(hint, type) and is_dataclass(hint):
        hints = get_type_hints(hint)
        return st.builds(hint, **{field.name: values_of(hints[field.name]) for field in fields(hint)})
    if get_origin(hint) in (Union, UnionType):
        return st.one_of(*map(values_of, get_args(hint)))
    if get_origin(hint) is tuple and get_args(hint)[1:] == (...,):
        return st.lists(values_of(get_args(hint)[0]), max_size=2).map(tuple)
    if hint is float:
        return st.floats(min_value=0, allow_nan=False, allow_infinity=False, max_value=1e18)
    return _NUMBERS if hint is int else st.from_type(hint)


def _span(places: tuple[int, int, int, int]) -> Span:
    start, end = sorted((places[:2], places[2:]))
    return Span(_CELL, *start, *end)


def documents() -> st.SearchStrategy[Document]:
    """Documents whose references lead somewhere."""
    return values_of(Document).map(_sound)


def _sound(document: Document) -> Document:
    trace = document.trace
    calls = tuple(
        replace(
            call,
            index=index,
            parent=0 if index and call.parent is not None else None,
            producers=tuple(None if producer is None else 0 for producer in call.producers),
            count=call.count or 1,
        )
        for index, call in enumerate(trace.calls)
    )
    assigned = tuple(
        replace(
            value, shapes=tuple((shapes * len(value.names))[: len(value.names)] for shapes in value.shapes if shapes)
        )
        for value in trace.assigned
    )
    diagnoses = tuple(
        replace(d, call=0 if calls and d.call is not None else None, axes=tuple(a % 8 for a in d.axes), fixes=tuple(
            replace(fix, cell=_CELL, reruns=(), edits=fix.edits[:1]) for fix in d.fixes
        ))
        for d in document.diagnoses
    )  # fmt: skip
    notes = tuple(
        replace(n, cell=_CELL, line=n.line % 3 + 1, calls=(), diagnosis=0 if diagnoses and n.diagnosis else None)
        for n in document.notes
    )
    sites = tuple(
        replace(site, arguments=tuple(replace(a, axis=None if a.axis is None else a.axis % 8) for a in site.arguments))
        for site in document.sites
    )
    sources = (Source(_CELL, _TEXT, digest(_TEXT), None, "this cell"),)
    changed = replace(trace, sources=sources, calls=calls, assigned=assigned)
    return replace(document, schema=SCHEMA, trace=changed, diagnoses=diagnoses, notes=notes, sites=sites)


@given(documents())
def test_what_is_written_is_read(document: Document) -> None:
    assert from_json(to_json(document)) == document


@given(documents())
def test_what_is_packed_is_read(document: Document) -> None:
    assert from_json(json.dumps(to_wire(document))) == document


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES.keys())
def test_samples_round_trip_and_keep_to_the_schema(sample: Callable[[], Document]) -> None:
    document = sample()
    assert from_json(to_json(document)) == document
    assert to_dict(document) == json.loads(to_json(document))
    jsonschema.validate(to_dict(document), json_schema())


def test_a_lone_surrogate_becomes_a_replacement_character() -> None:
    document = replace(all_fine(), failure=Failure("OSError", "no file 'caf\udce9 \U0001f600'", None))
    text = to_json(document)
    assert text.encode("utf-8")
    assert from_json(text) == replace(document, failure=Failure("OSError", "no file 'caf\ufffd \U0001f600'", None))
    assert to_dict(document) == json.loads(text)
    named = replace(
        document, trace=replace(document.trace, calls=(named_call(0, "caf\udce9"), named_call(1, "b"))), notes=()
    )
    read = from_json(json.dumps(to_wire(named)))
    assert [call.layer for call in read.trace.calls] == ["caf\ufffd", "b"]


def named_call(index: int, layer: str) -> CallRecord:
    return replace(all_fine().trace.calls[0], index=index, layer=layer)


def a_loop(rows: int) -> Document:
    """The calls of `wrong_channels`, the second of them `rows` times in between, each with a size of its own."""
    whole = wrong_channels()
    first, second, merged, failing = whole.trace.calls
    assert second.options
    many = [
        replace(second, index=index, inputs=((1, index, 3),), output=(1, index, 3), expected=(1, index, 3))
        for index in range(1, rows + 1)
    ]
    last = (
        replace(merged, index=rows + 1, producers=(0, rows)),
        replace(failing, index=rows + 2, producers=(rows + 1,)),
    )
    calls = (first, *many, *last)
    (fault,) = whole.diagnoses
    notes = tuple(
        replace(note, calls=tuple(call.index for call in calls if call.span and call.span.line == note.line))
        for note in whole.notes
    )
    return replace(
        whole,
        trace=replace(whole.trace, calls=calls),
        diagnoses=(replace(fault, call=rows + 2),),
        notes=notes,
    )


def test_a_notebook_carries_the_first_rows_and_all_that_the_fault_needs() -> None:
    whole = a_loop(5_000)
    kept = from_json(json.dumps(to_wire(whole))).trace
    assert len(kept.calls) == MOST_SAVED
    assert [call.index for call in kept.calls] == [*range(MOST_SAVED - 2), 5_001, 5_002]
    assert kept.left_out == 5_003 - MOST_SAVED
    assert kept.calls[-2].producers == (0, None)  # what made its other input is not here
    assert kept.calls[-1].producers == (5_001,)


def test_the_figures_of_a_shortened_document_are_those_of_all_rows() -> None:
    whole = a_loop(50)
    short = with_at_most(whole, 3)
    assert short.trace.totals == totals_of(whole) == totals_of(short)
    assert {len(note.calls) > 0 for note in short.notes} == {True}
    assert with_at_most(whole, 53) is whole
    assert from_json(to_json(short)) == short


def test_every_view_says_that_rows_were_left_out() -> None:
    short = with_at_most(a_loop(50), 10)
    said = "53 calls (43 of the rows are not in this copy), 1 failed at line 12"
    assert to_text(short).startswith(said)
    assert said in to_html(short)


def test_rows_cost_little() -> None:
    document = a_loop(1_000)
    assert len(json.dumps(to_wire(document))) < 200 * len(document.trace.calls)
    assert len(json.dumps(to_wire(document))) < len(to_json(document)) / 4


@pytest.mark.parametrize(
    "change", [{"rows": "many"}, {"columns": {"op": ["conv2d"]}}, {"columns": {"op": {"pool": [9]}}, "pool": []}]
)
def test_damaged_columns_are_refused_in_one_sentence(change: dict[str, Any]) -> None:
    data = to_wire(wrong_channels())
    data["trace"]["calls"] |= change
    with pytest.raises(ValueError, match="not a conv_magic document: at trace"):
        from_json(json.dumps(data))


def test_a_newer_layout_is_refused_in_one_sentence() -> None:
    newer = json.dumps(to_dict(all_fine()) | {"schema": SCHEMA + 1, "notes": "told otherwise"})
    with pytest.raises(
        ValueError, match=f"layout {SCHEMA + 1} .* up to {SCHEMA}; a newer conv_magic reads it"
    ) as refused:
        from_json(newer)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "this text is not JSON"),
        ("[1]", "not a conv_magic document: at the top"),
        ("{}", "not a conv_magic document: at schema, field required"),
        (to_json(wrong_channels()).replace('"raised"', '"vanished"'), "at trace.calls.3.outcome"),
    ],
)
def test_what_is_no_document_is_refused_in_one_sentence(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        from_json(text)
    assert type(refused.value) is ValueError
    assert "\n" not in str(refused.value)


def test_the_schema_is_as_it_was() -> None:
    assert_snapshot("document.schema.json", json.dumps(json_schema(), indent=2) + "\n")


def test_the_schema_says_that_every_field_is_there() -> None:
    kinds = [kind for kind in [json_schema(), *json_schema()["$defs"].values()] if kind["type"] == "object"]
    assert kinds
    for kind in kinds:
        assert set(kind["required"]) == set(kind["properties"]), kind["title"]


@pytest.mark.parametrize("text", [None, 1, ["{}"]])
def test_what_is_no_text_is_refused_in_one_sentence(text: Any) -> None:
    with pytest.raises(ValueError, match="a document is a text of JSON, and this is of type"):
        from_json(text)


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ("99", "at schema, input should be a valid integer"),
        (True, "at schema, input should be a valid integer"),
        (0, "at schema, there is no such layout"),
        (-1, "at schema, there is no such layout"),
        (10**30, "a newer conv_magic reads it"),
    ],
)
def test_a_layout_is_a_number_that_there_is(schema: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_json(json.dumps(to_dict(all_fine()) | {"schema": schema}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["trace"]["calls"][1].update(index=-1), "calls.1.index, -1 does not follow 0"),
        (lambda d: d["trace"]["calls"][1].update(parent=7), "calls.1.parent, there is no call 7 before this one"),
        (lambda d: d["trace"]["calls"][2].update(producers=[-2]), "calls.2.producers, there is no call -2"),
        (lambda d: d["trace"]["calls"][3].update(output=[1, 10**30]), "calls.3, 1000.* is not between -1 and"),
        (lambda d: d["trace"]["calls"][3].update(count=0), "calls.3.count, 0 is no number of calls"),
        (lambda d: d["trace"]["calls"][3].update(count="1"), "calls.3.count, input should be a valid integer"),
        (lambda d: d["trace"]["calls"][3]["span"].update(cell="c9"), "calls.3.span.cell, there is no such cell"),
        (lambda d: d["trace"]["calls"][3]["span"].update(end_line=10**6), "calls.3.span, it ends on line 1000000"),
        (lambda d: d["trace"]["calls"][3]["span"].update(line=-4), "calls.3.span, it ends before it begins"),
        (lambda d: d["diagnoses"][0].update(call=-1), "diagnoses.0.call, there is no call -1"),
        (lambda d: d["diagnoses"][0].update(axes=[300]), "diagnoses.0.axes, an axis that no shape has"),
        (lambda d: d["diagnoses"][0]["fixes"][0]["edits"].extend(d["diagnoses"][0]["fixes"][0]["edits"] * 2),
         "diagnoses.0.fixes.0.edits, two edits overlap"),
        (lambda d: d["notes"][0].update(line=10**9), "notes.0.line, its cell has no line 1000000000"),
        (lambda d: d["notes"][0].update(calls=[99]), "notes.0.calls, a call that is not there"),
        (lambda d: d["trace"].update(sources=[]), "trace.sources, there is no cell"),
    ],
)  # fmt: skip
def test_what_no_run_can_have_written_is_refused_in_one_sentence(change: Any, message: str) -> None:
    data = to_dict(wrong_channels())
    change(data)
    with pytest.raises(ValueError, match=message) as refused:
        from_json(json.dumps(data))
    assert "\n" not in str(refused.value)


def test_more_rows_than_are_written_are_not_made() -> None:
    data = to_wire(wrong_channels())
    data["trace"]["calls"]["rows"] = 10**9
    with pytest.raises(ValueError, match="not a conv_magic document: at trace"):
        from_json(json.dumps(data))
    data["trace"]["calls"]["columns"] = {name: {"all": 0} for name in COLUMNS}
    with pytest.raises(ValueError, match="not a conv_magic document: at trace"):
        from_json(json.dumps(data))


@pytest.mark.parametrize("data", bases())
def test_right_documents_are_read(data: dict[str, Any]) -> None:
    assert to_html(from_json(json.dumps(data)))


def test_a_changed_document_is_drawn_or_refused_in_one_sentence() -> None:
    among = bases()
    told = [outcome(json.dumps(mutated(seed, among))) for seed in range(300)]
    assert set(told) == {"drawn", "refused"}
