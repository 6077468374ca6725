"""The document as JSON and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conv_magic.model import SCHEMA, Document, Failure
from conv_magic.views.wire import from_json, json_schema, to_dict, to_json
from sample_documents import SAMPLES, all_fine, wrong_channels
from snapshot import assert_snapshot


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type, where every field of a dataclass varies and tuples are short."""
    if isinstance(hint, type) and is_dataclass(hint):
        hints = get_type_hints(hint)
        return st.builds(hint, **{field.name: values_of(hints[field.name]) for field in fields(hint)})
    if get_origin(hint) in (Union, UnionType):
        return st.one_of(*map(values_of, get_args(hint)))
    if get_origin(hint) is tuple and get_args(hint)[1:] == (...,):
        return st.lists(values_of(get_args(hint)[0]), max_size=2).map(tuple)
    if hint is float:
        return st.floats(allow_nan=False, allow_infinity=False)
    return st.from_type(hint)


@settings(deadline=None)  # the first example imports a library
@given(values_of(Document).map(lambda document: replace(document, schema=SCHEMA)))
def test_what_is_written_is_read(document: Document) -> None:
    assert from_json(to_json(document)) == document


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
