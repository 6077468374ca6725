"""Texts that a test compares with a file of `tests/snapshots`.

After an intended change write them anew, and read the difference before it is committed:

    UPDATE_SNAPSHOTS=1 python -m pytest tests/test_wire.py tests/test_views_text.py tests/test_views_html.py
"""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "snapshots"


def assert_snapshot(name: str, text: str) -> None:
    """`text` is what the file `name` holds."""
    path = FOLDER / name
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    assert path.exists(), f"there is no snapshot {name}; UPDATE_SNAPSHOTS=1 writes it"
    assert text == path.read_text(encoding="utf-8")
