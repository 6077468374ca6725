"""Documents changed by seed, read and drawn: each is refused in one sentence or drawn, in less than a second.

    python tests/run_mutated_documents.py [COUNT] [FIRST_SEED]       10,000 of them from seed 0
    python tests/run_mutated_documents.py COUNT FIRST --write FILE   also one JSON text a line, for the front end's:
                                                                     MUTATED=FILE npx vitest run test/mutated.test.ts

Where a document takes too long or raises something else, its seed is printed; the exit status is then 1.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from types import FrameType

from conv_magic.engine.report import Report
from conv_magic.views.wire import to_wire
from mutated_documents import bases, mutated

LIMIT = 1.0
_STUCK = 5


class Stuck(BaseException):
    """It takes far too long."""


def _stuck(_: int, __: FrameType | None) -> None:
    raise Stuck


def outcome(text: str) -> str:
    """`refused`, `drawn`, or what went wrong."""
    try:
        report = Report.from_json(text)
    except ValueError as error:
        return "refused" if type(error) is ValueError and 0 < len(str(error)) < 500 and "\n" not in str(error) else (
            f"refused with {error!r:.200}"
        )  # fmt: skip
    except Stuck:
        return "stuck while reading"
    except BaseException as error:
        return f"{type(error).__name__} while reading: {error!s:.100}"
    for view in (Report.to_html, Report.to_text, Report.frame, repr, to_wire, Report.to_json):
        try:
            view(report)
        except Stuck:
            return f"stuck in {view.__name__}"
        except BaseException as error:
            return f"{type(error).__name__} in {view.__name__}: {error!s:.100}"
    return "drawn"


def main() -> int:
    """Count the outcomes; the exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("count", type=int, nargs="?", default=10_000)
    parser.add_argument("first", type=int, nargs="?", default=0)
    parser.add_argument("--write", type=Path)
    asked = parser.parse_args()
    signal.signal(signal.SIGPROF, _stuck)
    among = bases()
    Report.from_json(json.dumps(among[0])).frame()  # imports
    told: Counter[str] = Counter()
    slowest = (0.0, -1)
    texts = []
    for seed in range(asked.first, asked.first + asked.count):
        text = json.dumps(mutated(seed, among))
        texts.append(text)
        started = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, _STUCK)
        try:
            found = outcome(text)
        except Stuck:
            found = "stuck"
        signal.setitimer(signal.ITIMER_PROF, 0)
        taken = time.process_time() - started
        slowest = max(slowest, (taken, seed))
        if taken > LIMIT and not found.startswith("stuck"):
            found = f"{found}, too slowly"
        told[found] += 1
        if found not in ("refused", "drawn"):
            print(f"seed {seed}: {found} ({taken:.2f} s)", flush=True)
    if asked.write is not None:
        asked.write.write_text("".join(f"{text}\n" for text in texts), "utf-8")
    bad = sum(count for found, count in told.items() if found not in ("refused", "drawn"))
    print(f"{asked.count:,} documents: {told['refused']:,} refused, {told['drawn']:,} drawn, {bad:,} otherwise; "
          f"the slowest took {slowest[0]:.2f} s (seed {slowest[1]})")  # fmt: skip
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
