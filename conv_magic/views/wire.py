"""The document as JSON: complete for a file, packed for a notebook and its browser.  `from_json` reads both."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from conv_magic.model.document import SCHEMA, Document
from conv_magic.views.packed import packed, unpacked
from conv_magic.views.saved import with_at_most
from conv_magic.views.sound import first_fault
from conv_magic.views.wording import well_formed

if TYPE_CHECKING:
    from pydantic import TypeAdapter

MIME = "application/vnd.conv-magic.v1+json"
"""The media type of a document in a notebook's output."""

MOST_SAVED = 2_000
"""Rows that a notebook's output carries: at some 100 bytes a row, 0.2 MB for each cell."""

MOST_SHOWN = 20_000
"""Rows that the live table is sent; they are kept by the kernel and the page, not by the notebook."""


@cache
def _adapter() -> TypeAdapter[Document]:
    from pydantic import TypeAdapter

    return TypeAdapter(Document)


def to_json(document: Document) -> str:
    """Return the document as JSON text.

    A lone surrogate, which UTF-8 cannot carry, becomes U+FFFD as in JavaScript's `toWellFormed`
    (https://developer.mozilla.org/docs/Web/JavaScript/Reference/Global_Objects/String/toWellFormed),
    so columns stay right.  A time that is not finite becomes null.
    """
    from pydantic_core import PydanticSerializationError
    from pydantic_core import to_json as dump

    try:
        return _adapter().dump_json(document).decode()
    except PydanticSerializationError:
        return dump(_well_formed(_adapter().dump_python(document, mode="json")), inf_nan_mode="null").decode()


def _well_formed(data: object) -> object:
    """Return `data` with every string made well-formed."""
    match data:
        case str():
            return well_formed(data)
        case list():
            return [_well_formed(item) for item in data]
        case dict():
            return {key: _well_formed(value) for key, value in data.items()}
    return data


def to_dict(document: Document) -> dict[str, Any]:
    """Return the document as lists, dicts, strings and numbers: what `to_json` writes."""
    from pydantic_core import from_json as load

    return cast("dict[str, Any]", load(to_json(document)))


def to_wire(document: Document, most: int = MOST_SAVED) -> dict[str, Any]:
    """Return the document with at most `most` rows, its calls as columns: for a MIME bundle and the widget."""
    from pydantic_core import PydanticSerializationError, to_jsonable_python
    from pydantic_core import from_json as load
    from pydantic_core import to_json as dump

    sent = with_at_most(document, most)
    columns = packed(sent.trace.calls)
    rest = replace(sent, trace=replace(sent.trace, calls=()))
    try:
        calls = load(dump(columns, inf_nan_mode="null"))
    except PydanticSerializationError:
        calls = load(dump(_well_formed(to_jsonable_python(columns)), inf_nan_mode="null"))
    data = to_dict(rest)
    data["trace"]["calls"] = calls
    return data


def from_json(text: str) -> Document:
    """Read the document that `to_json` wrote, or as much of it as `to_wire` sent.

    Raises `ValueError`, in one sentence, if `text` is no such document or was written in a newer layout: types are
    taken as they are (`"2"` and `true` are no numbers), numbers have bounds, and references must lead somewhere.
    """
    from pydantic import ValidationError
    from pydantic_core import from_json as load
    from pydantic_core import to_json as dump

    if not isinstance(text, str | bytes | bytearray):
        raise ValueError(f"a document is a text of JSON, and this is of type {type(text).__name__}")
    try:
        data = load(text, allow_inf_nan=False)
    except ValueError as error:
        raise ValueError(f"this text is not JSON: {_one_line(str(error))}") from None
    _check_schema(data.get("schema") if isinstance(data, dict) else None)
    try:
        # as JSON: there, strictly, a list may become a tuple and a text one of an enumeration's
        document = _adapter().validate_json(dump(_with_rows(data)), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"])) or "the top"
        raise _refused(place, first["msg"].lower()) from None
    except RecursionError:
        raise _refused("the top", "it is nested too deeply") from None
    fault = first_fault(document)
    if fault is not None:
        raise _refused(*fault)
    return document


def _check_schema(written: object) -> None:
    if type(written) is not int:
        return  # whatever else it is, the validation says so
    if written > SCHEMA:
        raise ValueError(
            f"this document has layout {_one_line(str(written), 20)} and this conv_magic reads layouts up to {SCHEMA}; "
            "a newer conv_magic reads it"
        )
    if written < 1:
        raise _refused("schema", "there is no such layout")


def _refused(place: str, reason: str) -> ValueError:
    return ValueError(f"this JSON is not a conv_magic document: at {_one_line(place, 120)}, {_one_line(reason)}")


def _one_line(text: str, longest: int = 200) -> str:
    line = " ".join(well_formed(text).split())
    return line if len(line) <= longest else f"{line[:longest]}..."


def _with_rows(data: Any) -> Any:
    """Return `data` with its calls as rows; malformed columns are left to the validation."""
    match data:
        case {"trace": {"calls": {"rows": int(), "pool": list(), "columns": dict()} as columns} as trace}:
            try:
                return data | {"trace": trace | {"calls": unpacked(columns)}}
            except (AttributeError, IndexError, KeyError, TypeError):
                return data
    return data


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of what `to_json` writes: every field is there, also one that has its default."""
    from pydantic.json_schema import GenerateJsonSchema
    from pydantic_core import core_schema

    class AllRequired(GenerateJsonSchema):
        def field_is_required(
            self,
            field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField,
            total: bool,
        ) -> bool:
            return True

    return _adapter().json_schema(mode="serialization", schema_generator=AllRequired)
