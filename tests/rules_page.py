"""The page of all rules, made of what each rule says of itself and of its examples.

python tests/rules_page.py            # writes docs/RULES.md
"""

from __future__ import annotations

import inspect
from pathlib import Path

from conv_magic.rules.rule import CellRule, Rule
from conv_magic.rules.table import CELL_RULES, RULES, TEXT_RULES

PAGE = Path(__file__).parents[1] / "docs" / "RULES.md"

_HEAD = """# The faults that conv_magic knows

One section a rule, by the alphabet. `make rules-page` makes this page from `conv_magic/rules/`: do not edit it here.
Each invalid example fails, or is silently wrong, in the real TensorFlow; the tests prove that each is diagnosed once
and that every fix offered for it runs.
"""


def page() -> str:
    """The whole page."""
    rules: list[Rule | CellRule] = sorted((*RULES, *CELL_RULES, *TEXT_RULES), key=lambda rule: rule.code)
    index = "\n".join(f"- [{rule.code}](#{rule.code}): {_summary(rule)}" for rule in rules)
    return "\n".join([_HEAD, index, "", *map(_section, rules)])


def _summary(rule: Rule | CellRule) -> str:
    return inspect.getdoc(rule).splitlines()[0].rstrip(".")  # type: ignore[union-attr]  # a test demands a docstring


def _section(rule: Rule | CellRule) -> str:
    text = inspect.getdoc(rule) or ""
    return f"## {rule.code}\n\n{text}\n\nFound in, for example:\n\n```python\n{rule.INVALID[0].rstrip()}\n```\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
