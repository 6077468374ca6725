"""Generated calls of every family: none ends the process, differs unnoticed, or is blocked or flagged though valid."""

from __future__ import annotations

from expendable import answers
from generated_calls import GeneratedCall
from legal_calls import pools
from run_generated_calls import FAULTS, compare


def test_no_generated_call_goes_wrong() -> None:
    rows, counts = compare(750, 5)  # thousands: `run_generated_calls.py`
    assert [(word, str(call), traced.row) for call, _, traced, word in rows if word in FAULTS] == []
    assert counts["valid, same"] > 300
    assert counts["refused by us"] > 25
    assert counts["differs, said"] > 2


def test_a_legal_pool_is_never_blamed() -> None:
    """Windows and strides in all their forms, over channels too, with oneDNN and without."""
    calls = [call for call in pools() if call.name == "tf.nn.max_pool" and len(call.tensors[0]) == 4 and _plain(call)]
    calls = [call for call in calls if dict(call.options)["padding"] == "VALID"]
    for onednn in (False, True):
        plain = answers(calls, way="plain", onednn=onednn)
        legal = [(call, answer) for call, answer in zip(calls, plain, strict=True) if answer.kind == "returned"]
        assert len(legal) > 50
        traced = answers([call for call, _ in legal], way="traced", onednn=onednn)
        pairs = [(call, one, other) for (call, one), other in zip(legal, traced, strict=True)]
        assert [str(call) for call, one, other in pairs if other.codes or other.shapes != one.shapes] == []


def _plain(call: GeneratedCall) -> bool:
    """Not over the channels with a stride over the image as well, which TensorFlow ignores: there we warn."""
    return dict(call.options)["strides"] not in ((1, 2, 2, 3), (1, 3, 2, 2))
