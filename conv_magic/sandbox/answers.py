"""What the scratch process and its children say, as JSON: data only, since a trial runs code that nobody has looked at.

Eight bytes that say how long it is, then the text.  (Requests go the other way, from the user's own process: pickles.)
"""

from __future__ import annotations

import json
import os
import select
import time
from functools import cache
from typing import IO, TYPE_CHECKING

from conv_magic.sandbox.trial import Ended, Ready, Reply, Trial

if TYPE_CHECKING:
    from pydantic import TypeAdapter

MOST = 1 << 26
"""Bytes of one answer."""
_HEAD = 8
_TOO_LONG = "what it had to say was too long"


class Unreadable(ValueError):
    """What was read is no answer."""


@cache
def _adapter() -> TypeAdapter[Trial | Ready | Reply]:
    from pydantic import TypeAdapter

    return TypeAdapter(Trial | Ready | Reply)


def prepare() -> None:
    """Make ready what reads and writes answers, so that no trial has to wait for it."""
    _adapter()


def dump(answer: Trial | Ready | Reply) -> bytes:
    """Return the answer as it travels."""
    # not pydantic's own text: it refuses lone surrogates, which a message may hold
    text = json.dumps(_adapter().dump_python(answer, mode="json")).encode("ascii")
    if len(text) > MOST:
        return dump(_too_long(answer))
    return len(text).to_bytes(_HEAD, "big") + text


def _too_long(answer: Trial | Ready | Reply) -> Trial | Reply:
    trial = Trial(Ended.DIED, 0.0, "MemoryError", _TOO_LONG)
    return Reply(answer.number, trial) if isinstance(answer, Reply) else trial


def load(text: bytes) -> Trial | Ready | Reply:
    """Return the answer of which this is the text.  Raises `Unreadable`."""
    try:
        return _adapter().validate_python(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise Unreadable(str(error)) from None


def read(stream: IO[bytes]) -> Trial | Ready | Reply:
    """Return the next answer of a stream.  Raises `EOFError` at its end, `Unreadable`."""
    length = int.from_bytes(_exactly(stream, _HEAD), "big")
    if length > MOST:
        raise Unreadable(_TOO_LONG)
    return load(_exactly(stream, length))


def _exactly(stream: IO[bytes], length: int) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise EOFError
    return data


def read_before(reader: int, deadline: float) -> Trial | None:
    """Return a trial's own account, from a pipe; None if it gave none before the deadline (of `time.monotonic`)."""
    data = bytearray()
    while len(data) < _HEAD or len(data) < _HEAD + int.from_bytes(data[:_HEAD], "big"):
        ready, _, _ = select.select([reader], [], [], max(0.0, deadline - time.monotonic()))
        part = os.read(reader, 1 << 20) if ready else b""
        data += part
        if not part or len(data) > _HEAD + MOST:
            return None
    try:
        answer = load(bytes(data[_HEAD:]))
    except Unreadable:
        return None
    return answer if isinstance(answer, Trial) else None
