"""How the marks of a picture look in the static page; every one is told by more than its colour."""

from __future__ import annotations

PICTURE_RULES = {
    ".picture": "margin: 8px 0; overflow-x: auto",
    "svg": "display: block; max-width: 100%; height: auto; overflow: visible",
    "svg text": "fill: var(--cm-text); font: 11px var(--jp-ui-font-family, system-ui, sans-serif)",
    "svg :is(.label, .caption)": "fill: var(--cm-dim)",
    "svg .size": "font-weight: 600",
    "svg .error": "fill: var(--cm-error); font-weight: 600",
    "svg path": "fill: none; stroke-width: 1",
    "svg .input": "fill: color-mix(in srgb, var(--cm-text) 9%, transparent); stroke: var(--cm-dim)",
    "svg .output": "fill: color-mix(in srgb, var(--cm-good) 14%, transparent); stroke: var(--cm-dim)",
    "svg :is(.pad, .missing)": "fill: none; stroke: var(--cm-dim); stroke-dasharray: 2 2",
    "svg .cut": "fill: color-mix(in srgb, var(--cm-dim) 8%, transparent); stroke: var(--cm-dim); stroke-dasharray: 2 2",
    "svg .lost": "fill: var(--cm-warning-fill); stroke: none",
    "svg .excess": "fill: var(--cm-error-fill); stroke: var(--cm-error)",
    "svg .break": "fill: var(--cm-background); stroke: none",
    "svg :is(.grid, .link)": "stroke: var(--cm-dim); stroke-opacity: 0.45",
    "svg .edge": "stroke: var(--cm-dim)",
    "svg .group": "stroke: var(--cm-text); stroke-width: 2",
    "svg .cut-hatch": "stroke: var(--cm-dim)",
    "svg .lost-hatch": "stroke: var(--cm-warning)",
    "svg .excess-hatch": "stroke: var(--cm-error)",
    "svg .window": "fill: color-mix(in srgb, var(--cm-note) 22%, transparent); stroke: var(--cm-note); stroke-width: 2",
    "svg .tap": "fill: color-mix(in srgb, var(--cm-note) 55%, transparent)",
    "svg .last": "fill: none; stroke: var(--cm-note); stroke-width: 2; stroke-dasharray: 5 3",
}
