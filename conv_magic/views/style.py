"""The style sheet of the static HTML, all of it under one class.

Text and background are the theme's where there is one (JupyterLab, nbconvert's pages, VS Code).  What a theme does not
tell comes in a light and a dark set, chosen by the theme's own mark on the page, else by the reader's system.
"""

from __future__ import annotations

from conv_magic.views.picture_style import PICTURE_RULES

_LIGHT = """
  --cm-background: var(--jp-layout-color0, var(--vscode-editor-background, #ffffff));
  --cm-text: var(--jp-content-font-color1, var(--vscode-editor-foreground, #1f2328));
  --cm-dim: #5b6168; --cm-line: #d4d7db; --cm-code: rgba(127, 127, 127, 0.08);
  --cm-error: #b3261e; --cm-error-fill: #fdecea; --cm-warning: #7a4f00; --cm-warning-fill: #fff4dc;
  --cm-good: #1a6b35; --cm-good-fill: #e6f4ea; --cm-note: #0b57a4;
"""
_DARK = """
  --cm-background: var(--jp-layout-color0, var(--vscode-editor-background, #14171a));
  --cm-text: var(--jp-content-font-color1, var(--vscode-editor-foreground, #e6e9ec));
  --cm-dim: #a6adb5; --cm-line: #4a4f55; --cm-code: rgba(127, 127, 127, 0.14);
  --cm-error: #ff9c94; --cm-error-fill: #46201d; --cm-warning: #f2c14e; --cm-warning-fill: #3d3012;
  --cm-good: #7ddc9a; --cm-good-fill: #173824; --cm-note: #8cc4ff;
"""
_THEMED_LIGHT = (
    '[data-jp-theme-light="true"] .conv-magic',
    ".vscode-light .conv-magic",
    'html[theme="light"] .conv-magic',
)
_THEMED_DARK = (
    '[data-jp-theme-light="false"] .conv-magic',
    ".vscode-dark .conv-magic",
    'html[theme="dark"] .conv-magic',
)

_RULES = {
    "": "background: var(--cm-background); color: var(--cm-text); padding: 4px 0; max-width: 100%; "
    "font: 13px/1.5 var(--jp-ui-font-family, system-ui, sans-serif)",
    "p": "margin: 4px 0",
    "pre": "margin: 4px 0; padding: 8px 10px; overflow-x: auto; white-space: pre; border: 0; border-radius: 3px; "
    "background: var(--cm-code); color: inherit; font: 12.5px/1.5 var(--jp-code-font-family, ui-monospace, monospace)",
    "code": "background: none; color: inherit; padding: 0; font: 12.5px/1.5 var(--jp-code-font-family, monospace)",
    "ul": "margin: 4px 0; padding: 0; list-style: none",
    ".verdict": "font-size: 14px",
    ".diagnosis": "margin: 8px 0; padding: 2px 0 2px 12px; border-left: 3px solid var(--cm-note)",
    ".diagnosis.error": "border-left-color: var(--cm-error)",
    ".diagnosis.warning": "border-left-color: var(--cm-warning)",
    ".fix": "margin: 8px 0",
    "em": "font-style: normal",
    "mark": "background: none; color: var(--cm-error); font-weight: bold",
    ".dim": "color: var(--cm-dim)",
    "strong.error": "color: var(--cm-error)",
    "strong.warning": "color: var(--cm-warning)",
    ".note": "color: var(--cm-note)",
    ".good": "color: var(--cm-good)",
    ".goes": "color: var(--cm-error); background: var(--cm-error-fill)",
    ".comes": "color: var(--cm-good); background: var(--cm-good-fill)",
    "details": "margin: 8px 0",
    "summary": "cursor: pointer; color: var(--cm-dim)",
    ".scroll": "overflow-x: auto",
    "table": "border-collapse: collapse; margin: 4px 0; border: 0; font-size: 12.5px; color: inherit",
    "th": "text-align: left; font-weight: 600; color: var(--cm-dim); white-space: nowrap; padding: 3px 10px; "
    "border: 0; border-bottom: 1px solid var(--cm-line)",
    "td": "text-align: left; white-space: nowrap; padding: 3px 10px; border: 0; "
    "border-bottom: 1px solid var(--cm-line); font-variant-numeric: tabular-nums",
    ".number": "text-align: right",
    "tbody tr": "background: none",
    "tbody tr:is(.failed, .guarded)": "background: var(--cm-error-fill)",
    "tbody tr.warning": "background: var(--cm-warning-fill)",
    "tr:is(.failed, .guarded) strong": "color: var(--cm-error)",
    "tr.warning strong": "color: var(--cm-warning)",
}


def _sheet() -> str:
    themes = [
        f".conv-magic {{{_LIGHT}}}",
        f"@media (prefers-color-scheme: dark) {{ .conv-magic {{{_DARK}}} }}",
        f"{', '.join(_THEMED_LIGHT)} {{{_LIGHT}}}",
        f"{', '.join(_THEMED_DARK)} {{{_DARK}}}",
    ]
    # the class twice: a rule then outweighs JupyterLab's own for tables in outputs
    rules = [
        f".conv-magic.conv-magic {selector}".rstrip() + f" {{ {declarations} }}"
        for selector, declarations in (_RULES | PICTURE_RULES).items()
    ]
    return "\n" + "\n".join([*themes, *rules]) + "\n"


STYLE = _sheet()
