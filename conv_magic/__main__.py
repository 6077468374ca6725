"""`python -m conv_magic`."""

from __future__ import annotations

import sys

from conv_magic.cli.main import main

sys.exit(main(sys.argv[1:]))
