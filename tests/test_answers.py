"""What comes back from a trial is data, whatever the trial writes."""

from __future__ import annotations

import io
import json
import os
import pickle
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conv_magic.model.diagnoses import Diagnosis, Severity
from conv_magic.model.document import SCHEMA, Document
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.positions import Edit, Span
from conv_magic.model.trace import Trace
from conv_magic.sandbox import answers
from conv_magic.sandbox.answers import Unreadable, dump, load, read, read_before
from conv_magic.sandbox.scratch import Scratch
from conv_magic.sandbox.trial import Ended, Ready, Reply, Trial

FIX = Fix("a \ud800 title", (Edit(Span("c0", 1, 0, 1, 3), "é"),), Applicability.SURE, (None, 3), "digest", "c0")
FOUND = (Diagnosis("code", Severity.ERROR, None, Span("c0", 1, 0, 1, 3), None, "text", fixes=(FIX,)),)
TRIAL = Trial(
    Ended.RAISED, 0.25, "ValueError", "lone \udfff", 3, None, None, Document(SCHEMA, (), Trace((), ()), FOUND, (), None)
)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)


@pytest.mark.parametrize("answer", [TRIAL, Ready(True, True), Reply(7, TRIAL), Trial(Ended.RAN, float("inf"))])
def test_answers_come_as_they_were(answer: Trial | Ready | Reply) -> None:
    assert read(io.BytesIO(dump(answer))) == answer


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"[" * 100_000,
        b"9" * 10_000,
        b'{"ended": "well", "seconds": 1}',
        b'{"ended": "ran", "seconds": "soon"}',
        pickle.dumps(TRIAL.seconds),
    ],
)
def test_what_is_no_answer_is_refused(text: bytes, pipe: tuple[int, int]) -> None:
    with pytest.raises(Unreadable):
        load(text)
    with os.fdopen(pipe[1], "wb") as writer:
        writer.write(len(text).to_bytes(8, "big") + text[:60_000])
    assert read_before(pipe[0], time.monotonic() + 60) is None


def test_an_answer_without_end_is_not_waited_for(pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b"\xff" * 8)
    assert read_before(pipe[0], time.monotonic() + 60) is None
    os.close(pipe[1])
    with pytest.raises(Unreadable, match="too long"):
        read(io.BytesIO(b"\xff" * 8))


def test_too_long_an_answer_does_not_pass_for_a_good_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MOST", 1000)
    long = Trial(Ended.RAN, 0.0, error="x" * 2000)
    told = read(io.BytesIO(dump(Reply(3, long))))
    assert isinstance(told, Reply)
    assert (told.number, told.trial.ended, told.trial.error) == (3, Ended.DIED, "what it had to say was too long")


FORGED = """
import os, pickle
class Evil:
    def __reduce__(self):
        return os.mkdir, (PATH,)
data = pickle.dumps(Evil())
for number in range(3, 256):
    try:
        if os.readlink(f"/proc/self/fd/{number}").startswith("pipe:"):
            os.write(number, len(data).to_bytes(8, "big") + data)
    except OSError:
        pass
os._exit(0)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="open files are found in /proc")
@pytest.mark.parametrize("forks", [True, False])
def test_a_forged_answer_runs_nothing(tmp_path: Path, forks: bool) -> None:
    made = tmp_path / "made"
    with Scratch(forks=forks) as scratch:
        trial = scratch.try_cell(f"PATH = {str(made)!r}{FORGED}", {}, filename="<cell>", limit=60)
        assert trial.ended is Ended.DIED
        assert not made.exists()
        assert scratch.try_cell("x = 1", {}, filename="<cell>", limit=60).held


def test_json_holds_no_more_than_data() -> None:
    assert isinstance(json.loads(dump(TRIAL)[8:]), dict)
