/** The look of the pictures: the theme's variables only; every mark is told by more than its colour. */

export const PICTURES = `
.convmagic-picture, .convmagic-flow { margin-top: 12px; border: 1px solid var(--convmagic-line); border-radius: 4px; padding: 0 12px; }
.convmagic-picture > summary, .convmagic-flow > summary { cursor: pointer; padding: 4px 0; color: var(--convmagic-soft); }
.convmagic-picture[open], .convmagic-flow[open] { padding-bottom: 10px; }
.convmagic .convmagic-arithmetic figure { display: flex; flex-wrap: wrap; gap: 4px 28px; align-items: flex-start; margin: 4px 0; padding: 0; }
.convmagic .convmagic-arithmetic figcaption { flex: 1 1 16em; margin: 8px 0 0; font-variant-numeric: tabular-nums; }
.convmagic figcaption p + p { margin-top: 2px; }
.convmagic figcaption p:first-letter { text-transform: none; }
.convmagic-ink { display: block; max-width: 100%; height: auto; overflow: visible; flex: 0 0 auto; }
.convmagic-ink text { fill: var(--convmagic-text); font: 11px var(--jp-ui-font-family, system-ui, sans-serif); }
.convmagic-ink path { fill: none; stroke-width: 1; }
.convmagic-ink :is(.convmagic-ink-label, .convmagic-ink-caption) { fill: var(--convmagic-soft); }
.convmagic-ink .convmagic-ink-size { font-weight: 600; }
.convmagic-ink .convmagic-ink-error { fill: var(--convmagic-error); font-weight: 600; }
.convmagic-ink-input { fill: color-mix(in srgb, var(--convmagic-text) 9%, transparent); stroke: var(--convmagic-soft); }
.convmagic-ink-output { fill: color-mix(in srgb, var(--convmagic-success-fill) 16%, transparent); stroke: var(--convmagic-soft); }
.convmagic-ink :is(.convmagic-ink-top, .convmagic-ink-side) { stroke: var(--convmagic-soft); stroke-linejoin: round; }
.convmagic-ink .convmagic-ink-top { fill: color-mix(in srgb, var(--convmagic-text) 5%, var(--convmagic-paper)); }
.convmagic-ink .convmagic-ink-side { fill: color-mix(in srgb, var(--convmagic-text) 20%, var(--convmagic-paper)); }
.convmagic-flow-pane .convmagic-ink-input { fill: color-mix(in srgb, var(--convmagic-text) 9%, var(--convmagic-paper)); }
.convmagic-flow-pane .convmagic-ink-output { fill: color-mix(in srgb, var(--convmagic-success-fill) var(--convmagic-solid), var(--convmagic-paper)); }
.convmagic-ink-pad, .convmagic-ink-missing { fill: none; stroke: var(--convmagic-soft); stroke-dasharray: 2 2; }
.convmagic-ink-cut { fill: color-mix(in srgb, var(--convmagic-text) 6%, transparent); stroke: var(--convmagic-soft); stroke-dasharray: 2 2; }
.convmagic-ink-lost { fill: color-mix(in srgb, var(--convmagic-warn-fill) 14%, transparent); }
.convmagic-ink-excess { fill: color-mix(in srgb, var(--convmagic-error-fill) 12%, transparent); stroke: var(--convmagic-error); }
.convmagic-ink-break { fill: var(--convmagic-paper); }
.convmagic-ink-grid, .convmagic-ink-link { stroke: var(--convmagic-soft); stroke-opacity: .4; }
.convmagic-ink-edge { stroke: var(--convmagic-soft); }
.convmagic-ink .convmagic-ink-group { stroke: var(--convmagic-text); stroke-width: 2; }
.convmagic-ink-cut-hatch { stroke: var(--convmagic-soft); }
.convmagic-ink-lost-hatch { stroke: var(--convmagic-warn); }
.convmagic-ink-excess-hatch { stroke: var(--convmagic-error); }
.convmagic-ink-window { fill: color-mix(in srgb, var(--convmagic-focus) 24%, transparent); stroke: var(--convmagic-focus); stroke-width: 2; }
.convmagic-ink .convmagic-ink-tap { fill: color-mix(in srgb, var(--convmagic-focus) 55%, transparent); }
.convmagic-ink-last { fill: none; stroke: var(--convmagic-focus); stroke-width: 2; stroke-dasharray: 5 3; }
.convmagic-ink-moving { fill: color-mix(in srgb, var(--convmagic-text) 30%, transparent); stroke: var(--convmagic-text); stroke-width: 2; }
.convmagic-moving .convmagic-ink-link { stroke: var(--convmagic-text); stroke-opacity: .8; }
.convmagic-ink:has(.convmagic-moving) > :is(.convmagic-ink-window, .convmagic-ink-tap) { fill-opacity: .25; stroke-opacity: .5; }
.convmagic-flow-pane { overflow-x: auto; overflow-y: hidden; }
.convmagic-flow-pane .convmagic-ink { max-width: none; }
.convmagic-flow-pane .convmagic-ink text { paint-order: stroke; stroke: var(--convmagic-paper); stroke-width: 3px; stroke-linejoin: round; }
.convmagic-ink .convmagic-ink-flow { stroke: var(--convmagic-soft); stroke-width: 1.5; }
.convmagic-ink .convmagic-ink-bad { stroke: var(--convmagic-error); stroke-width: 2; }
.convmagic-ink .convmagic-ink-change { fill: var(--convmagic-focus); font-weight: 600; }
.convmagic-flow-node { fill: transparent; stroke: none; cursor: pointer; }
.convmagic-flow-node:hover { stroke: var(--convmagic-soft); }
.convmagic-flow-node[aria-pressed="true"] { stroke: var(--convmagic-focus); stroke-width: 2; }
.convmagic .convmagic-flow-node:focus-visible { outline: none; stroke: var(--convmagic-focus); stroke-width: 3; stroke-dasharray: 4 2; }
.convmagic-mover { order: 1; flex: 1 0 100%; display: flex; gap: 8px; align-items: center; font-variant-numeric: tabular-nums; }
.convmagic-mover input { width: 14em; max-width: 50%; accent-color: var(--convmagic-focus); }
.convmagic .convmagic-mover button { min-width: 3em; }
.convmagic-whatif { border-top: 1px solid var(--convmagic-line); margin-top: 8px; padding-top: 8px; }
.convmagic-controls { display: flex; flex-wrap: wrap; gap: 6px 16px; align-items: center; }
.convmagic-controls-title { font-weight: 600; }
.convmagic-controls label, .convmagic-control { display: inline-flex; gap: 6px; align-items: center; font-family: var(--convmagic-mono); font-size: var(--convmagic-small); }
.convmagic-controls :is(input, select) {
  font: inherit; color: inherit; background: var(--convmagic-paper); border: 1px solid color-mix(in srgb, var(--convmagic-text) 45%, transparent);
  border-radius: 3px; height: 24px; padding: 0 4px; margin: 0; width: auto;
}
.convmagic-controls input { width: 4.4em; }
.convmagic-whatif-result { margin-top: 8px; }
.convmagic-whatif-result p[data-status="failed"], .convmagic-consequences li[data-status="failed"] { color: var(--convmagic-error); font-weight: 600; }
.convmagic .convmagic-consequences { margin: 2px 0 0 1em; }
.convmagic .convmagic-whatif .convmagic-fixes { margin-top: 8px; }
`;
