"""The title of a fix, made from its edits alone: it cannot name another thing than they change."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from conv_magic.analysis.program import Change, Program

_LONGEST = 64
"""Characters of code in a title; what is longer is named by its line."""


def title_of(program: Program, changes: Sequence[Change]) -> str:
    """Return what the changes do to the text, in one line."""
    imports = [change for change in changes if _is_import(change)]
    others = sorted(change for change in changes if not _is_import(change))
    parts = list(dict.fromkeys(_exchanged(program, others) or _told(program, others)))
    added = [f"with `{text.strip()}`" for _, _, text in imports]
    return ", ".join([*([" and ".join(parts)] if parts else []), *added])


def _is_import(change: Change) -> bool:
    start, end, text = change
    return start == end and text.startswith(("import ", "from ")) and text.endswith("\n")


def _exchanged(program: Program, changes: Sequence[Change]) -> list[str]:
    """Two texts that took each other's place."""
    if len(changes) != 2:
        return []
    (a_start, a_end, a_new), (b_start, b_end, b_new) = changes
    a, b = program.raw[a_start:a_end].decode(), program.raw[b_start:b_end].decode()
    if not a or not b or (a, b) != (b_new, a_new):
        return []
    if _fits(a) and _fits(b):
        return [f"exchange `{a}` and `{b}`"]
    return [f"exchange lines {program.place(a_start)[0]} and {program.place(b_start)[0]}"]


def _told(program: Program, changes: Sequence[Change]) -> Iterable[str]:
    groups: dict[ast.AST | None, list[Change]] = {}
    for change in changes:
        groups.setdefault(_around(program, change), []).append(change)
    for node, group in groups.items():
        if len(group) == 1:
            yield _one(program, node, group[0])
        else:
            yield _several(program, node, group)


def _around(program: Program, change: Change) -> ast.AST | None:
    """Return the smallest expression that a change lies in, one that is replaced whole not counted."""
    start, end, _ = change
    found: ast.AST | None = None
    size = len(program.raw) + 1
    for node in program.nodes.values():
        first, last = program.span(node)
        whole = (first, last) == (start, end)
        inside = first <= start and end <= last and not (start == end and start in (first, last))
        if inside and not whole and last - first < size:
            found, size = node, last - first
    return found


def _one(program: Program, node: ast.AST | None, change: Change) -> str:
    start, end, new = change
    old = program.raw[start:end].decode()
    line = program.place(start + len(old) - len(old.lstrip()))[0]
    if new == "pass" and old != "pass":
        return f"take away `{old}`" if _fits(old) else f"take away what line {line} does"
    if old.strip() and old.strip() == new.strip():
        return f"move `{old.strip()}` out of its block" if _fits(old.strip()) else f"move line {line} out of its block"
    if not old:
        return _inserted(program, node, change, line)
    if not new.strip(", "):
        return _taken(program, node, old, line)
    if _fits(old) and _fits(new):
        called = _called(program, node) if len(old) < 8 else ""
        return f"replace `{old}` by `{new}`" + (f" in `{called}`" if called else "")
    return _narrowed(old, new, line)


def _narrowed(old: str, new: str, line: int) -> str:
    """Of a long text what is put before and behind it."""
    if old and old in new:
        before, _, behind = new.partition(old)
        if _fits(before + behind) and (before or behind):
            return f"put line {line} into `{before}...{behind}`" if before else f"append `{behind}` on line {line}"
    if new and new in old:
        before, _, behind = old.partition(new)
        if _fits(before + behind):
            return f"take away `{before}...{behind}` on line {line}"
    return f"rewrite a part of line {line}"


def _inserted(program: Program, node: ast.AST | None, change: Change, line: int) -> str:
    new = change[2]
    text = " ".join(new.strip().strip(",").split())
    if isinstance(node, ast.Tuple | ast.List):
        return _several(program, node, [change])
    if not _fits(text):
        return f"insert a line before line {line}" if new.endswith("\n") or "\n" in new else f"add to line {line}"
    if "\n" in new:
        return f"insert `{text}` at line {line}"
    called = _called(program, node)
    return f"add `{text}` to `{called}`" if called else f"insert `{text}` on line {line}"


def _taken(program: Program, node: ast.AST | None, old: str, line: int) -> str:
    text = " ".join(old.strip().strip(",").split())
    called = _called(program, node)
    if not _fits(text):
        return f"take away a part of line {line}"
    return f"take away `{text}`" + (f" from `{called}`" if called else f" on line {line}")


def _several(program: Program, node: ast.AST | None, changes: Sequence[Change]) -> str:
    """Return the whole expression before and after."""
    lines = sorted({program.place(start)[0] for start, _, _ in changes})
    if node is not None:
        first, last = program.span(node)
        raw, shift = program.raw[first:last], first
        for start, end, text in sorted(changes, reverse=True):
            raw = raw[: start - shift] + text.encode() + raw[end - shift :]
        old, new = program.raw[first:last].decode(), raw.decode()
        if _fits(old) and _fits(new):
            return f"replace `{old}` by `{new}`"
    if len({(program.raw[s:e], text) for s, e, text in changes}) == 1 and len(changes) > 1:
        start, end, text = changes[0]
        old = program.raw[start:end].decode()
        if old and _fits(old) and _fits(text):
            return f"replace `{old}` by `{text}` in {len(changes)} places"
    return (
        f"change line {lines[0]}"
        if len(lines) == 1
        else f"change lines {', '.join(map(str, lines[:-1]))} and {lines[-1]}"
    )


def _called(program: Program, node: ast.AST | None) -> str:
    """Return the name of the call that an expression is, or stands in."""
    at = node
    while at is not None and not isinstance(at, ast.Call | ast.stmt):
        at = program.parent(at)
    if not isinstance(at, ast.Call):
        return ""
    name = program.text_of(at.func)
    return name if _fits(name) else ""


def _fits(text: str) -> bool:
    return len(text) <= _LONGEST and "\n" not in text and "`" not in text
