"""The report: the document with its views as methods."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError

import pytest
from IPython.core.formatters import DisplayFormatter

from conv_magic.engine.report import Report
from conv_magic.views.wire import MIME
from sample_documents import wrong_channels


def test_the_error_is_held_and_takes_no_part() -> None:
    error = ValueError("6 channels")
    report, plain = Report.of(wrong_channels(), error), Report.of(wrong_channels())
    assert report.error is error
    assert report == plain
    assert hash(report) == hash(plain)
    assert repr(report) == repr(plain) == "<Report: 4 calls, 1 failed at line 12>"
    assert report.to_json() == plain.to_json()
    assert "error" not in json.loads(report.to_json())


def test_it_is_read_back_without_the_error() -> None:
    report = Report.of(wrong_channels(), ValueError())
    again = Report.from_json(report.to_json())
    assert type(again) is Report
    assert again == report
    assert again.error is None


def test_it_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Report.of(wrong_channels()).error = ValueError()  # type: ignore[misc]  # that it cannot be set is the point


def test_its_views() -> None:
    report = Report.of(wrong_channels())
    assert len(report.frame()) == 4
    assert report.to_html().startswith('<div class="conv-magic">')
    assert report.to_text().startswith("4 calls")
    assert "\x1b[" in report.to_text(color=True)


def test_ipython_displays_the_bundle() -> None:
    report = Report.of(wrong_channels())
    data, _ = DisplayFormatter().format(report)  # type: ignore[no-untyped-call]  # IPython states no types there
    assert Report.from_json(json.dumps(data[MIME])) == report
    assert data["text/html"] == report.to_html()
    assert data["text/plain"] == report.to_text()
