"""An analysis for the scratch process, to show that any `module:function` serves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conv_magic.model.diagnoses import Diagnosis, Severity
from conv_magic.model.document import SCHEMA, Document
from conv_magic.model.positions import Span
from conv_magic.model.trace import Trace
from conv_magic.sandbox.trial_run import run_cell


def flag_marked_lines(source: str, namespace: dict[str, Any], texts: Mapping[str, str]) -> Document:
    """Run the cell; a line that ends in `# warning` or `# note` is diagnosed as such."""
    failure = run_cell(source, "<analysed>", namespace)
    found = tuple(
        Diagnosis(f"marked-{word}", Severity(word), None, Span("c0", number, 0, number, 0), None, line)
        for number, line in enumerate(source.splitlines(), 1)
        for word in ("warning", "note")
        if line.endswith(f"# {word}")
    )
    return Document(SCHEMA, (), Trace((), ()), found, (), failure)
