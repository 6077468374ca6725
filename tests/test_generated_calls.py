"""Generated calls of every family: none ends the process, differs unnoticed, or is blocked or flagged though valid."""

from __future__ import annotations

from run_generated_calls import FAULTS, compare


def test_no_generated_call_goes_wrong() -> None:
    rows, counts = compare(1_500, 5)
    assert [(word, str(call), traced.row) for call, _, traced, word in rows if word in FAULTS] == []
    assert counts["valid, same"] > 600
    assert counts["refused by us"] > 50
    assert counts["differs, said"] > 5
