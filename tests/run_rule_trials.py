"""Tries the first fix of every wrong example of every rule in the scratch process; `test_rules.py` tries one a rule.

    .venv/bin/python tests/run_rule_trials.py [CODE ...]

Prints each example whose first fix does not hold there; the exit status is 1 if there is one.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CONV_MAGIC_STRICT", "1")

import conv_magic
from conv_magic.engine.report import Report
from conv_magic.engine.runner import has_untried
from conv_magic.model.fixes import Applicability
from conv_magic.rules.table import CELL_RULES, RULES, TEXT_RULES


def check_trials(report: Report) -> None:
    """Fail unless all is tried and the first fix held."""
    assert not has_untried(report)
    first = report.diagnoses[0].fixes[0]
    assert first.verified, first.untried
    assert first.applicability is not Applicability.DISPLAY


def main(codes: list[str]) -> int:
    """Try the examples of these rules, or of all; the exit status."""
    examples = [
        (r.code, n, source) for r in (*RULES, *CELL_RULES, *TEXT_RULES) for n, source in enumerate(r.INVALID, 1)
    ]
    failed = 0
    for code, number, source in examples:
        if codes and code not in codes:
            continue
        try:
            check_trials(conv_magic.run(source, verify=True))
        except (AssertionError, IndexError) as error:
            failed += 1
            print(f"{code} {number}: {error}", flush=True)
    print(f"{failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
