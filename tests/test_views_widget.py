"""The interactive table, as Python sees it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from conv_magic.engine.report import Report
from conv_magic.views.widget import CallTable
from conv_magic.views.wire import MOST_SHOWN, to_wire
from sample_documents import all_fine, wrong_channels


@pytest.fixture
def table() -> Iterator[CallTable]:
    made = Report.of(wrong_channels()).widget()
    yield made
    made.layout.close()
    made.close()


def test_the_frame_is_one_attribute_away(table: CallTable) -> None:
    assert list(table.frame["op"]) == ["Conv2D", "Conv2D", "Concatenate", "Conv2D"]


def test_the_selection_is_a_trait(table: CallTable) -> None:
    heard: list[Any] = []
    table.observe(lambda change: heard.append(change["new"]), "selected")
    table.selected = 3
    assert heard == [3]
    assert table.frame.set_index("call").loc[table.selected, "status"] == "failed"


def test_another_document_takes_its_place(table: CallTable) -> None:
    assert table.report == to_wire(wrong_channels())
    table.show(all_fine())
    assert table.report == to_wire(all_fine())
    assert len(table.frame) == 5


def test_more_rows_than_the_page_is_sent_stay_in_python(table: CallTable) -> None:
    whole = all_fine()
    (model, layer, *_) = whole.trace.calls
    rows = (model, *(replace(layer, index=index) for index in range(1, MOST_SHOWN + 6)))
    table.show(replace(whole, trace=replace(whole.trace, calls=rows)))
    assert table.report["trace"]["calls"]["rows"] == MOST_SHOWN
    assert table.report["trace"]["left_out"] == 6
    assert len(table.frame) == MOST_SHOWN + 6
