"""The calls as a pandas frame."""

from __future__ import annotations

import json

import pandas as pd

from conv_magic.model.calls import Cost, Outcome
from conv_magic.model.document import SCHEMA
from conv_magic.views.frame import to_frame
from conv_magic.views.wire import from_json
from sample_documents import all_fine, call, document, guarded, source, span_of, wrong_channels

ORDER = [
    "call",
    "line",
    "code",
    "layer",
    "op",
    "parent",
    "replica",
    "mode",
    "input_shape",
    "producers",
    "kernel_shape",
    "strides",
    "padding",
    "dilation_rate",
    "groups",
    "data_format",
    "dtype",
    "expected_shape",
    "output_shape",
    "params",
    "macs",
    "receptive_field",
    "output_bytes",
    "count",
    "traces",
    "seconds",
    "status",
    "diagnosis",
    "fix",
]


def test_columns_are_in_order_and_explained() -> None:
    frame = to_frame(all_fine())
    assert list(frame.columns) == ORDER
    assert list(frame.attrs["columns"]) == ORDER
    assert all(frame.attrs["columns"].values())


def test_the_document_travels_with_the_frame() -> None:
    frame = to_frame(wrong_channels())
    assert from_json(frame.attrs["report"]) == wrong_channels()
    assert json.loads(frame.query("status == 'failed'").attrs["report"])["schema"] == SCHEMA


def test_a_row_says_what_the_record_says() -> None:
    frame = to_frame(wrong_channels())
    near, merge, last = frame.loc[0], frame.loc[2], frame.loc[3]
    assert near.code == 'layers.Conv2D(3, 3, padding="same")(inputs)'
    assert (near.line, near.layer, near.op, near["mode"], near.status) == (7, "conv2d", "Conv2D", "symbolic", "ok")
    assert near.input_shape == near.expected_shape == near.output_shape == (None, 28, 28, 3)
    assert (near.kernel_shape, near.strides, near.padding, near.groups) == ((3, 3, 3, 3), (1, 1), "same", 1)
    assert (near.params, near.macs, near["count"]) == (84, 63_504, 1)
    assert merge.input_shape == ((None, 28, 28, 3), (None, 28, 28, 3))
    assert merge.strides is None
    assert pd.isna(merge.groups)
    assert (last.status, last.diagnosis, last.fix) == ("failed", "channels-differ", "build a new Conv2D for this input")
    assert last.output_shape is None


def test_statuses_and_nesting() -> None:
    assert list(to_frame(guarded()).status) == ["guarded"]
    frame = to_frame(all_fine())
    assert frame.parent.isna().tolist() == [True, False, False, False, False]
    assert frame.parent[1] == 0
    assert frame["count"].sum() == 500


def test_types_stay_whole_numbers_where_values_are_missing() -> None:
    kinds = to_frame(guarded()).dtypes.astype(str).to_dict()
    assert {kinds[name] for name in ("line", "parent", "replica", "groups", "params", "macs", "output_bytes")} == {
        "Int64"
    }
    assert kinds["call"] == kinds["count"] == "int64"
    assert kinds["seconds"] == "float64"
    assert kinds["code"] == kinds["layer"] == kinds["status"] == "string"


def test_an_empty_run_has_the_same_columns_and_types() -> None:
    empty = to_frame(document((source(""),), ()))
    assert len(empty) == 0
    assert empty.dtypes.to_dict() == to_frame(all_fine()).dtypes.to_dict()


def test_code_is_the_text_of_the_call_also_over_lines_and_in_older_cells() -> None:
    main = source('😀 = "é"; y = conv(\n    x,\n)\n')
    older = source("def f(x):\n    return conv(x)\n", "older", "In [2]")
    calls = (
        call(0, "conv2d", ((1,),), None, (1,), span=span_of(main.text, "conv(\n    x,\n)")),
        call(1, "conv2d", ((1,),), None, (1,), span=span_of(older.text, "conv(x)", "older")),
        call(2, "conv2d", ((1,),), None, (1,), span=None),
        call(3, "conv2d", ((1,),), None, None, span=span_of("z(x)", "z(x)", "lost"), outcome=Outcome.RAISED,
             cost=Cost(output_bytes=4)),
    )  # fmt: skip
    frame = to_frame(document((main, older), calls))
    assert frame.code[:2].tolist() == ["conv(\n    x,\n)", "conv(x)"]
    assert frame.code.isna().tolist() == [False, False, True, True]
    assert frame.line.isna().tolist() == [False, False, True, False]
    assert frame.output_bytes[3] == 4
