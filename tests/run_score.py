"""How often faults are located and repaired, one line a set; `tests/score/README.md` says what the sets are.

.venv/bin/python tests/run_score.py --help
"""

from __future__ import annotations

import sys

from score.command import main

if __name__ == "__main__":
    sys.exit(main())
